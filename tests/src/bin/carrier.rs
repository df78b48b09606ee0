//! `carrier phone`: operators' desk phones. `carrier callers`: the people who ring.

use std::{
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use ::tests::carrier::{
    callers::{Callers, CallersConfig},
    phone::{Answers, Phone, PhoneConfig},
    plan::{self, Plan},
    post::Post,
    stage::{self, Place},
    way::Way,
};
use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use shared::pii::Secret;
use tokio::{net::UdpSocket, signal::unix::SignalKind, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// The telephone world around the gateway: desk phones and callers, with real SIP and RTP.
///
/// Reports stand on stdout, one line of JSON each; what goes wrong stands on stderr in words. SIGINT and SIGTERM end
/// everything cleanly: calls are hung up and phones sign off.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Desk phones of operators: they register, ring, are lifted, and talk.
    Phone(PhoneArgs),
    /// Callers from outside, one after the other.
    Callers(CallersArgs),
}

#[derive(Args)]
struct PhoneArgs {
    /// Where the gateway listens for SIP over UDP.
    #[arg(long, visible_alias = "gateway")]
    server: SocketAddr,
    /// The number of the phone.
    #[arg(long, visible_alias = "number", requires = "password_file", required_unless_present = "phones")]
    user: Option<String>,
    /// A file with its password.
    #[arg(long, requires = "user")]
    password_file: Option<PathBuf>,
    /// Several phones in one process: `101:FILE,102:FILE`, each with the file of its password.
    #[arg(long, value_delimiter = ',', value_parser = parse_phone)]
    phones: Vec<(String, PathBuf)>,
    /// Where the phone stands; several phones take ports one after the other, or any for port 0.
    #[arg(long, default_value = "127.0.0.1:0", value_parser = parse_place)]
    listen: SocketAddr,
    /// `on-talk`: lifted by the gateway alone (NOTIFY `Event: talk`, or an INVITE with `answer-after=0`);
    /// `after=SECONDS`: also lifted by hand; `never`: nobody is there.
    #[arg(long, default_value = "on-talk", value_parser = parse_answers)]
    answer: Answers,
    /// A phone which does not know `Event: talk`.
    #[arg(long)]
    without_talk: bool,
    /// Hangs up by itself after so many seconds of talk.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    hang_up_after: Option<Duration>,
}

#[derive(Args)]
struct CallersArgs {
    /// Where the gateway listens for SIP over UDP.
    #[arg(long, visible_alias = "gateway")]
    server: SocketAddr,
    /// Where the callers come from; the gateway knows its trunk by this address.
    #[arg(long, visible_alias = "from", default_value = "127.0.0.1:0", value_parser = parse_place)]
    listen: SocketAddr,
    /// The number they dial.
    #[arg(long)]
    to: String,
    /// Numbers to call from: `{"known": […], "shared": […], "unknown": […]}`.
    #[arg(long, visible_alias = "numbers", required_unless_present = "plan", conflicts_with = "plan")]
    from_file: Option<PathBuf>,
    /// The calls one by one: `[{"from": "+79161234567", "after_s": 0, "talk_s": 5, "patience_s": 60}, …]`;
    /// `"from": null` withholds the number.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Seconds from one call to the next.
    #[arg(long, default_value = "20", value_parser = parse_seconds)]
    every: Duration,
    /// Seconds that a caller talks once a person is on the line: one number, or two such as 15..40.
    #[arg(long, default_value = "15..40", value_parser = plan::parse_span)]
    talk: RangeInclusive<u64>,
    /// Seconds that a caller waits for a person.
    #[arg(long, default_value = "60", value_parser = parse_seconds)]
    patience: Duration,
    /// Ends after so many calls; without it there is no end.
    #[arg(long)]
    count: Option<u64>,
    /// The same seed brings the same callers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Takes any answer for a person: for phones that are not scripted ones.
    #[arg(long)]
    any_answer_is_a_person: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let done = match Cli::parse().role {
        Role::Phone(args) => phones(args).await,
        Role::Callers(args) => callers(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("carrier: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn phones(args: PhoneArgs) -> anyhow::Result<()> {
    let stop = stopped_by_signals()?;
    let mut performances = JoinSet::new();
    for (n, (user, password_file)) in args.user.zip(args.password_file).into_iter().chain(args.phones).enumerate() {
        let config = PhoneConfig {
            password: read_password(&password_file)?,
            answers: args.answer,
            knows_talk: !args.without_talk,
            hangs_up_after: args.hang_up_after,
            user,
        };
        let mut listen = args.listen;
        if listen.port() != 0 {
            listen.set_port(listen.port() + n as u16);
        }
        let place = place(listen, args.server, true).await?;
        let post = Post::new(place.way.local()?, args.server, rand::random());
        performances.spawn(stage::perform(Phone::new(config, post), place, stop.clone()));
    }
    while let Some(performance) = performances.join_next().await {
        performance.context("a phone has failed")??;
    }
    Ok(())
}

async fn callers(args: CallersArgs) -> anyhow::Result<()> {
    let stop = stopped_by_signals()?;
    let plan = match (&args.plan, &args.from_file) {
        (Some(path), _) => Plan::read(&read(path)?).with_context(|| path.display().to_string())?,
        (None, Some(path)) => Plan::draw(&read(path)?, args.every, args.talk, args.patience, args.count, args.seed)
            .with_context(|| path.display().to_string())?,
        (None, None) => anyhow::bail!("either --from-file or --plan says who calls"),
    };
    let place = place(args.listen, args.server, false).await?;
    // Call-IDs and branches must differ from those of an earlier run, so they do not hang on the seed.
    let post = Post::new(place.way.local()?, args.server, rand::random());
    let config = CallersConfig { to: args.to, any_answer_is_a_person: args.any_answer_is_a_person };
    stage::perform(Callers::new(config, plan, post), place, stop).await
}

fn stopped_by_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = tokio::signal::unix::signal(kind).context("cannot listen for signals")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signal.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}

async fn place(address: SocketAddr, server: SocketAddr, sings_pilot: bool) -> anyhow::Result<Place> {
    let socket = UdpSocket::bind(address).await.with_context(|| format!("cannot open a SIP port on {address}"))?;
    let way = Way::Datagrams { socket, server };
    Ok(Place { way, behind_nat: false, sings_pilot, reports: Box::new(stage::print) })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_password(path: &Path) -> anyhow::Result<Secret> {
    let text = read(path)?;
    let password = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!password.is_empty(), "the password file {} is empty", path.display());
    Ok(Secret::new(password))
}

fn parse_phone(text: &str) -> Result<(String, PathBuf), String> {
    let (user, file) = text.split_once(':').ok_or("write NUMBER:FILE, such as 101:/run/101.password")?;
    Ok((user.to_owned(), file.into()))
}

/// An address with a port, or without one for any.
fn parse_place(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse().or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)));
    address.map_err(|_| "write an IP address, with a port or without".to_owned())
}

fn parse_answers(text: &str) -> Result<Answers, String> {
    match text {
        "never" => Ok(Answers::Never),
        "on-talk" => Ok(Answers::WhenTold),
        _ => match text.strip_prefix("after=") {
            Some(seconds) => parse_seconds(seconds).map(Answers::After),
            None => Err("write never, on-talk or after=SECONDS".to_owned()),
        },
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "write a number of seconds, not below zero".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Role, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.role)
    }

    #[test]
    fn one_phone_or_several_stand_on_a_command_line() {
        let Role::Phone(one) = read("carrier phone --gateway 127.0.0.1:5060 --number 101 --password-file f").unwrap()
        else {
            panic!("a phone was asked for")
        };
        assert_eq!((one.user.as_deref(), one.answer), (Some("101"), Answers::WhenTold));
        let Role::Phone(several) =
            read("carrier phone --server 127.0.0.1:5060 --phones 101:a,102:b --answer after=1.5").unwrap()
        else {
            panic!("phones were asked for")
        };
        assert_eq!(several.phones[1], ("102".into(), "b".into()));
        assert_eq!(several.answer, Answers::After(Duration::from_millis(1500)));
        assert!(read("carrier phone --server 127.0.0.1:5060").is_err(), "no phone at all");
        assert!(read("carrier phone --server 127.0.0.1:5060 --user 101").is_err(), "no password");
    }

    #[test]
    fn callers_stand_at_an_address_and_come_from_a_city_or_a_plan() {
        let line = "carrier callers --gateway 127.0.0.1:5060 --from 127.0.0.2 --to 88002001122 --every 20 --numbers f";
        let Role::Callers(callers) = read(line).unwrap() else { panic!("callers were asked for") };
        assert_eq!(callers.listen, "127.0.0.2:0".parse().unwrap());
        assert_eq!((callers.talk, callers.every, callers.count), (15..=40, Duration::from_secs(20), None));
        assert!(read("carrier callers --server 127.0.0.1:5060 --to 1 --plan p").is_ok());
        assert!(read("carrier callers --server 127.0.0.1:5060 --to 1").is_err(), "nobody calls");
        assert!(read("carrier callers --server 127.0.0.1:5060 --to 1 --plan p --from-file f").is_err(), "both");
    }
}
