//! From the kill of the gateway in a talk to the moment at which both ends have been asked to send their sound to its
//! successor. From then on the talk goes on.

use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use shared::wire::command::Command;
use tests::bench::city::BenchCity;
use tests::bench::figures::times_line;
use tests::bench::plain::{Line, answer, is_inside};
use tests::carrier::message::{Message, Start};
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway, Setup, Size};
use tests::sipp::Sipp;

const PATIENCE: Duration = Duration::from_secs(20);

/// Measures how soon a talk goes on after the gateway was killed and started again.
#[derive(Parser)]
struct Arguments {
    /// How often it is killed
    #[arg(long, default_value_t = 20)]
    kills: usize,
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-restart: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Something that one end has seen.
enum Seen {
    /// The call is up; the gateway's `To` of our INVITE, for the caller.
    Up(String),
    /// It was asked to send its sound elsewhere.
    AskedAnew(Instant),
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sipp = Sipp::find("bench restart").context("SIPp is not there")?;
    let city = BenchCity::on_sqlite(Size { customers: arguments.customers, history: 12, history_at_least: 0 })?;
    let setup = Setup {
        database_url: Some(city.database_url.clone()),
        state_dir: Some(city.state_dir()),
        verbose: false,
        ..Setup::default()
    };
    let mut gateway = Gateway::start_with(setup).await;
    sipp.register(&gateway, "101", "dialog").await;
    let phone = UdpSocket::bind((gateway.phone_host("101"), 5060)).context("the telephone's socket")?;
    let at_phone = listen(phone);
    let caller = UdpSocket::bind((gateway.carrier_host(), 5099)).context("the carrier's socket")?;
    caller.connect(gateway.sip_address())?;
    let at_caller = listen(caller.try_clone()?);
    let mut desk = Desk::ready(&gateway, ANNA).await;

    let mut times_us = Vec::new();
    for (nth, number) in city.numbers.known.iter().cycle().take(arguments.kills).enumerate() {
        let line = |method, to| Line { nth, caller: number.as_str(), method, to };
        caller.send(&line("INVITE", None).write(&caller)?)?;
        let call = desk.offered().await.call;
        desk.answered(call).await;
        let Seen::Up(to) = at_caller.recv_timeout(PATIENCE)? else { anyhow::bail!("the call did not come up") };
        caller.send(&line("ACK", Some(&to)).write(&caller)?)?;
        // The talk is kept when the ACK has been taken; the answer to a command says that it has.
        desk.ask(Command::ListColleagues).await.ok();
        let killed = Instant::now();
        gateway.kill().await;
        let (badge, hello) = desk.lose();
        gateway.launch().await;
        let mut last = killed;
        for end in [&at_caller, &at_phone] {
            last = last.max(asked_anew(end)?);
        }
        times_us.push(last.duration_since(killed).as_micros() as i64);
        desk = badge.open(hello).await?;
        desk.ask(Command::HangUp { call }).await.map_err(|why| anyhow::anyhow!("the talk is not there: {why}"))?;
        desk.ended(call).await;
        desk.save_wrapup(call).await;
    }
    println!("{} kills in a talk, {} customers, SQLite", arguments.kills, arguments.customers);
    println!("{}", times_line("restart", times_us).context("it was never killed")?);
    Ok(())
}

fn asked_anew(end: &mpsc::Receiver<Seen>) -> anyhow::Result<Instant> {
    loop {
        if let Seen::AskedAnew(at) = end.recv_timeout(PATIENCE).context("an end was not asked again")? {
            return Ok(at);
        }
    }
}

/// One end of a talk: takes every call, and says what it sees.
fn listen(socket: UdpSocket) -> mpsc::Receiver<Seen> {
    let (seen, sees) = mpsc::channel();
    thread::spawn(move || {
        let mut datagram = [0; 8192];
        while let Ok((len, from)) = socket.recv_from(&mut datagram) {
            let at = Instant::now();
            let Ok(message) = Message::parse(&datagram[..len]) else { continue };
            let said = match &message.start {
                Start::Response { code: 200, .. } if message.method() == "INVITE" => {
                    message.header("To").map(|to| Seen::Up(to.to_owned()))
                }
                Start::Response { .. } => None,
                Start::Request { method, .. } => {
                    let here = socket.local_addr().ok().filter(|_| method == "INVITE");
                    if method != "ACK" {
                        // What is lost is asked for again.
                        let _ = socket.send_to(&answer(&message, 200, here).to_bytes(), from);
                    }
                    (method == "INVITE" && is_inside(&message)).then_some(Seen::AskedAnew(at))
                }
            };
            if said.is_some_and(|said| seen.send(said).is_err()) {
                return;
            }
        }
    });
    sees
}
