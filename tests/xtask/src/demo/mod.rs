//! `cargo xtask demo`: a shift on this machine, with nothing prepared.
//!
//! The story runs from top to bottom in [`run`]: packages, build, the demo city, people and phones, the
//! gateway, telephones, callers, windows. `cast.rs` holds who works in the demo and every command line
//! that is started, as pure values; this file starts them and ends them.

mod cast;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command};
use std::time::Duration;

use clap::value_parser;

use self::cast::{Employee, Stage};
use crate::console;
use crate::crew::{self, Crew, Output};
use crate::packages;
use crate::place;
use crate::trouble::{Outcome, Trouble, Trying};

const BUILD_LIMIT: Duration = Duration::from_secs(60 * 60);
const PREPARE_LIMIT: Duration = Duration::from_secs(30 * 60);
const START_LIMIT: Duration = Duration::from_secs(60);
const SHIFT_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Shows a shift: calls ring, cards pop, an operator answers.
///
/// Builds the programs, makes a demo city in an embedded database, starts the gateway, a telephone for
/// every operator and simulated callers (real SIP and RTP over loopback), and opens the operator's window,
/// signed in. F2 answers, F9 hangs up, Ctrl+Enter saves. Closing the last window or Ctrl+C ends everything.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  cargo xtask demo                              one operator's window\n  \
                        cargo xtask demo --operators 3 --supervisor   three operators and a supervisor\n  \
                        cargo xtask demo --headless                   no display: drives itself, leaves pictures")]
pub struct Arguments {
    /// Runs on a private display, drives the window by itself and writes a picture of each step
    #[arg(long)]
    headless: bool,
    /// How many operators work, each with a window and a telephone
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u8).range(1..=10))]
    operators: u8,
    /// Opens a supervisor's window too
    #[arg(long)]
    supervisor: bool,
    /// How many customers the demo city has
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = value_parser!(u32).range(100..))]
    customers: u32,
    /// Seconds from one call to the next
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = value_parser!(u32).range(1..))]
    every: u32,
    /// Where --headless writes its pictures [default: target/demo/pictures]
    #[arg(long, value_name = "FOLDER")]
    pictures: Option<PathBuf>,
    /// Goes on with the city, the people and the calls of the last demo instead of making new ones
    #[arg(long)]
    keep: bool,
    /// Installs no system packages and does not look whether they are there
    #[arg(long)]
    no_install: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let has_display = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !arguments.headless && !has_display("DISPLAY") && !has_display("WAYLAND_DISPLAY") {
        return Err(Trouble::misuse(
            "there is no display to open a window on: add --headless to see the demo in pictures",
        ));
    }
    if !arguments.no_install {
        let display: &[packages::Package] = if arguments.headless { packages::DISPLAY } else { &[] };
        packages::ensure(&[packages::WINDOW, display])?;
    }
    let stage = prepare_stage(arguments)?;
    let mut crew = Crew::new(&stage.folder.join("logs"))?;
    build(&mut crew)?;
    let people = cast::people(arguments.operators, arguments.supervisor || arguments.headless);
    populate(&mut crew, &stage, &people, arguments.customers)?;
    start_gateway(&mut crew, &stage)?;
    let display = if arguments.headless { Some(Display::start(&mut crew)?) } else { None };
    let windows = start_floor(&mut crew, &stage, &people, arguments, display.as_ref())?;
    let outcome = match &display {
        Some(display) => drive_shift(&mut crew, &stage, &windows, display, arguments),
        None => until_the_last_window_closes(&mut crew, windows),
    };
    console::say("ending the demo");
    crew.stop_all();
    match outcome {
        // Ctrl+C is the ordinary way to end a demo.
        Err(trouble) if trouble.is_interruption() && !arguments.headless => Ok(()),
        other => other,
    }
}

/// The folder of the demo, the ports, and where the programs are.
fn prepare_stage(arguments: &Arguments) -> Outcome<Stage> {
    let folder = place::target().join("demo");
    if arguments.keep {
        fs::create_dir_all(&folder).trying(format!("make the folder {}", folder.display()))?;
    } else {
        place::fresh_folder(&folder)?;
    }
    let pictures = match &arguments.pictures {
        Some(folder) => std::path::absolute(folder).trying("find the folder for pictures")?,
        None => folder.join("pictures"),
    };
    Ok(Stage {
        programs: place::target().join("release"),
        pictures,
        folder,
        desk_port: place::free_port()?,
        sip_port: place::free_port()?,
    })
}

fn build(crew: &mut Crew) -> Outcome {
    console::say("building the programs (the first time takes a while)");
    let mut command = place::cargo();
    command.args(cast::build_arguments());
    must(crew, "build", &mut command, Output::Terminal, BUILD_LIMIT)
}

/// The city with its customers, then the people who work and their telephones.
fn populate(crew: &mut Crew, stage: &Stage, people: &[Employee], n_customers: u32) -> Outcome {
    write_config(stage)?;
    if !stage.numbers().is_file() {
        console::say(&format!("making a demo city of {n_customers} customers"));
        must(crew, "generate", &mut stage.generate(n_customers), Output::Terminal, PREPARE_LIMIT)?;
    }
    for person in people {
        // A person whose password lies in the folder was made by the demo that is being continued.
        if stage.password_file(person.login).is_file() {
            continue;
        }
        for (name, mut command) in stage.hire(person) {
            write_secret(&stage.password_file(&name))?;
            must(crew, &format!("hire-{name}"), &mut command, Output::Log, PREPARE_LIMIT)?;
        }
    }
    Ok(())
}

fn start_gateway(crew: &mut Crew, stage: &Stage) -> Outcome {
    crew.start("gateway", &mut stage.serve(), Output::Log)?;
    let port = stage.desk_port;
    crew.wait_ready("gateway", START_LIMIT, Duration::from_millis(100), || answers_ready(port))?;
    console::say(&format!("the gateway is ready: SIP on 127.0.0.1:{}, desks on 127.0.0.1:{port}", stage.sip_port));
    Ok(())
}

/// Asks `/readyz` over plain HTTP, which the gateway allows on loopback in the demo.
fn answers_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(&status[9..] == b"200")
    };
    ask().unwrap_or(false)
}

/// Telephones first, then windows, then callers: whoever rings finds somebody. Returns the names of the windows.
fn start_floor(
    crew: &mut Crew,
    stage: &Stage,
    people: &[Employee],
    arguments: &Arguments,
    display: Option<&Display>,
) -> Outcome<Vec<String>> {
    for person in people {
        if let Some(number) = person.phone {
            crew.start(&format!("phone-{number}"), &mut stage.telephone(number), Output::Log)?;
        }
    }
    let mut windows = Vec::new();
    for person in people {
        let name = format!("window-{}", person.login);
        let mut command = stage.window(person);
        if let Some(display) = display {
            display.lend(&mut command);
        }
        crew.start(&name, &mut command, Output::Log)?;
        windows.push(name);
    }
    crew.start("callers", &mut stage.callers(arguments.every), Output::Log)?;
    console::say(&format!(
        "a call comes every {} s; logs are in {}",
        arguments.every,
        stage.folder.join("logs").display()
    ));
    Ok(windows)
}

fn until_the_last_window_closes(crew: &mut Crew, mut windows: Vec<String>) -> Outcome {
    console::say("say that you are ready (F10) and calls come: F2 answers, F9 hangs up, Ctrl+Enter saves");
    console::say("closing the last window or Ctrl+C ends the demo");
    while !windows.is_empty() {
        let watched = [windows.as_slice(), &["gateway".to_owned(), "callers".to_owned()]].concat();
        let (name, status) = crew.wait_any(&watched)?;
        if !windows.contains(&name) {
            return Err(
                crew.told_by(&name, &format!("{name} ended in the middle of the demo ({})", crew::in_words(status)))
            );
        }
        if !status.success() {
            return Err(crew.told_by(&name, &format!("{name} failed ({})", crew::in_words(status))));
        }
        windows.retain(|window| *window != name);
    }
    Ok(())
}

/// Lets the driver work through a shift and names the folder with its pictures.
fn drive_shift(
    crew: &mut Crew,
    stage: &Stage,
    windows: &[String],
    display: &Display,
    arguments: &Arguments,
) -> Outcome {
    place::fresh_folder(&stage.pictures)?;
    let pids = windows.iter().filter_map(|name| Some((name.trim_start_matches("window-"), crew.pid(name)?)));
    let mut command = stage.driver(&place::environment("shift.py"), pids, arguments.every);
    display.lend(&mut command);
    let outcome = must(crew, "driver", &mut command, Output::Terminal, SHIFT_LIMIT);
    console::say(&format!("pictures of each step: {}", stage.pictures.display()));
    outcome
}

/// A private display, held open for as long as this value lives.
struct Display {
    variables: Vec<(String, String)>,
    _held_open: ChildStdin,
}

impl Display {
    fn start(crew: &mut Crew) -> Outcome<Display> {
        let held_open = crew.start_held("display", &mut Command::new(place::environment("private-display.sh")))?;
        let log = crew.log("display");
        let ready = || crew::tail(&log, 1).trim() == "ready";
        crew.wait_ready("display", START_LIMIT, Duration::from_millis(50), ready)?;
        let variables = cast::display_variables(&fs::read_to_string(&log).trying("read what the display has printed")?);
        Ok(Display { variables, _held_open: held_open })
    }

    fn lend(&self, command: &mut Command) {
        command.env_remove("WAYLAND_DISPLAY").envs(self.variables.iter().cloned());
    }
}

/// Runs a process to its end, which must be a good one.
fn must(crew: &mut Crew, name: &str, command: &mut Command, output: Output, limit: Duration) -> Outcome {
    let logged = matches!(output, Output::Log);
    crew.start(name, command, output)?;
    let status = crew.wait(name, limit, |_| {})?;
    match (status.success(), logged) {
        (true, _) => Ok(()),
        (false, true) => Err(crew.told_by(name, &format!("{name} failed ({})", crew::in_words(status)))),
        (false, false) => Err(Trouble::new(format!("{name} failed ({})", crew::in_words(status)))),
    }
}

/// Copies the shipped configuration, and puts the demo's own gateway file in the place of the shipped one.
fn write_config(stage: &Stage) -> Outcome {
    let folder = stage.config_folder();
    place::fresh_folder(&folder)?;
    let shipped = place::workspace().join("config");
    for entry in fs::read_dir(&shipped).trying(format!("read the folder {}", shipped.display()))? {
        let path = entry.trying(format!("read the folder {}", shipped.display()))?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|extension| extension == "toml")) {
            fs::copy(&path, folder.join(name)).trying(format!("copy {}", path.display()))?;
        }
    }
    let path = stage.gateway_config();
    fs::write(&path, cast::gateway_config(stage)).trying(format!("write {}", path.display()))
}

/// A password of 24 letters that only this user can read.
fn write_secret(path: &Path) -> Outcome {
    let mut bytes = [0; 24];
    fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes)).trying("draw a password")?;
    let letters: String = bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(letters.as_bytes())).trying(format!("write {}", path.display()))
}
