//! The operator's desktop: reads its arguments, opens the window.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use anyhow::Context;
use clap::Parser;
use operator_app::app::{App, Start};
use operator_app::command::Command;
use operator_app::settings::{Language, Settings, Theme};
use shared::pii::Secret;
use tracing_subscriber::EnvFilter;

/// Pult, the operator's workstation.
///
/// Without arguments it opens the sign-in screen with the last server and login. What happens is logged to `desk.log`
/// in the state directory, without names, numbers or passwords.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The gateway, for example wss://pult.example.org:7443. Plain ws:// goes to this machine only.
    #[arg(long, env = "PULT_GATEWAY")]
    gateway: Option<String>,
    /// Who signs in.
    #[arg(long, env = "PULT_LOGIN")]
    login: Option<String>,
    /// Sign in at once, with the first line of this file.
    #[arg(long, requires = "login")]
    password_file: Option<PathBuf>,
    /// The SHA-256 fingerprint of the gateway's certificate, so that nobody has to confirm it by eye.
    #[arg(long)]
    fingerprint: Option<String>,
    /// Where drafts, settings and the log are kept.
    #[arg(long, env = "PULT_STATE_DIR")]
    state_dir: Option<PathBuf>,
    /// The language of the screen.
    #[arg(long, value_enum)]
    lang: Option<Language>,
    #[arg(long, value_enum)]
    theme: Option<Theme>,
}

/// The window cannot be opened: nothing to draw on.
const NO_DISPLAY: u8 = 2;
const LARGEST_LOG: u64 = 8 << 20;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("operator-app: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<ExitCode> {
    let state_dir = state_dir(args.state_dir.as_deref())?;
    start_log(&state_dir)?;
    let mut settings = Settings::read(&state_dir);
    if let Some(gateway) = &args.gateway {
        settings.gateway.clone_from(gateway);
    }
    if let Some(login) = &args.login {
        settings.login.clone_from(login);
    }
    if let Some(fingerprint) = &args.fingerprint {
        settings.fingerprints.insert(settings.gateway.clone(), fingerprint.clone());
    }
    settings.language = args.lang.unwrap_or(settings.language);
    settings.theme = args.theme.unwrap_or(settings.theme);

    if !has_display() {
        return Ok(without_display(&settings, "DISPLAY, WAYLAND_DISPLAY"));
    }
    let sign_in = match &args.password_file {
        Some(path) => {
            let (gateway, login) = (settings.gateway.clone(), settings.login.clone());
            Some(Command::SignIn { gateway, login, password: read_password(path)? })
        }
        None => None,
    };
    open_window(Start { state_dir, settings, sign_in })
}

fn open_window(start: Start) -> anyhow::Result<ExitCode> {
    let settings = start.settings.clone();
    let options = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_app_id("pult")
            .with_inner_size([1600.0, 900.0])
            .with_min_inner_size([1280.0, 720.0]),
        renderer: eframe::Renderer::Glow,
        // Measured with software GL: dithering costs a quarter of a frame and shows nothing on flat surfaces.
        dithering: false,
        persist_window: false,
        ..Default::default()
    };
    let opened =
        eframe::run_native("pult", options, Box::new(|creation| Ok(Box::new(App::new(&creation.egui_ctx, start)?))));
    match opened {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error @ (eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_))) => {
            Ok(without_display(&settings, &error.to_string()))
        }
        Err(error) => Err(anyhow::anyhow!("{error}").context("cannot open the window")),
    }
}

fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn without_display(settings: &Settings, what: &str) -> ExitCode {
    match settings.language {
        Language::Ru => eprintln!("Пульту нужен графический экран, а его нет ({what})."),
        Language::En => eprintln!("Pult needs a graphical display, and there is none ({what})."),
    }
    ExitCode::from(NO_DISPLAY)
}

/// Made for its owner alone: drafts are about people.
fn state_dir(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt;
    let dir = match asked {
        Some(dir) => dir.to_owned(),
        None => {
            let dirs = directories::ProjectDirs::from("", "", "pult").context("cannot find your home directory")?;
            dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned()
        }
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("cannot make the state directory `{}`", dir.display()))?;
    Ok(dir)
}

fn start_log(state_dir: &Path) -> anyhow::Result<()> {
    let path = state_dir.join("desk.log");
    if std::fs::metadata(&path).is_ok_and(|log| log.len() > LARGEST_LOG) {
        std::fs::rename(&path, state_dir.join("desk.log.old")).context("cannot put the old log aside")?;
    }
    let log = std::fs::File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("cannot write the log `{}`", path.display()))?;
    let filter = EnvFilter::try_from_env("PULT_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt().json().with_writer(Mutex::new(log)).with_env_filter(filter).init();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the desk starts");
    Ok(())
}

fn read_password(path: &Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default()))
}
