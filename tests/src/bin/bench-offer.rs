//! From the INVITE at the gateway's socket to the INVITE at the operator's telephone, and to the offer with its card at
//! the desk.
//!
//! Caller, telephone and desk are plain sockets in this process, so that one clock times them all: what is measured is
//! the gateway and the loopback between. Each caller gives up while it rings, so that the operator is free again.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use shared::wire::event::Event;
use tests::bench::city::BenchCity;
use tests::bench::figures::times_line;
use tests::bench::plain::{Line, answer};
use tests::carrier::message::{Message, Start};
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway, Setup, Size};
use tests::sipp::Sipp;

/// A call whose telephone has not rung, or whose offer has not come, after this long has been missed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Measures how soon the operator's telephone and desk hear of a call, at a steady rate.
///
/// An offer without its card counts as a miss, because it has shown nobody.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 500)]
    calls: usize,
    /// Calls a second
    #[arg(long, default_value_t = 5)]
    rate: u32,
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
    /// The same seed draws the same callers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-offer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sipp = Sipp::find("bench offer").context("SIPp is not there")?;
    let city = BenchCity::on_sqlite(Size { customers: arguments.customers, history: 12, history_at_least: 0 })?;
    let setup = Setup {
        database_url: Some(city.database_url.clone()),
        state_dir: Some(city.state_dir()),
        verbose: false,
        ..Setup::default()
    };
    let gateway = Gateway::start_with(setup).await;
    sipp.register(&gateway, "101", "talk").await;
    let (rang, rings) = mpsc::channel();
    let phone = UdpSocket::bind((gateway.phone_host("101"), 5060)).context("the telephone's socket")?;
    thread::spawn(move || be_phone(&phone, &rang));
    let mut desk = Desk::ready(&gateway, ANNA).await;

    let mut callers = city.numbers.known.clone();
    callers.shuffle(&mut StdRng::seed_from_u64(arguments.seed));
    let socket = UdpSocket::bind((gateway.carrier_host(), 5099)).context("the carrier's socket")?;
    socket.connect(gateway.sip_address())?;
    let pause = Duration::from_secs(1) / arguments.rate.max(1);

    let (mut phone_us, mut desk_us, mut n_missed) = (Vec::new(), Vec::new(), 0_usize);
    for (nth, caller) in callers.iter().cycle().take(arguments.calls).enumerate() {
        let begun = Instant::now();
        let invite = Line { nth, caller, method: "INVITE", to: None }.write(&socket)?;
        let sent = Instant::now();
        socket.send(&invite)?;
        match offered(&mut desk).await {
            Some((at, true)) => desk_us.push(at.duration_since(sent).as_micros() as i64),
            Some((_, false)) | None => n_missed += 1,
        }
        match rings.recv_timeout(PATIENCE) {
            Ok(at) => phone_us.push(at.duration_since(sent).as_micros() as i64),
            Err(_) => n_missed += 1,
        }
        socket.send(&Line { nth, caller, method: "CANCEL", to: None }.write(&socket)?)?;
        hear_the_end(&socket, &Line { nth, caller, method: "ACK", to: None }.write(&socket)?)?;
        withdrawn(&mut desk).await;
        tokio::time::sleep(pause.saturating_sub(begun.elapsed())).await;
    }
    println!("{} calls at {} a second, {} customers, SQLite", arguments.calls, arguments.rate, arguments.customers);
    println!("missed {n_missed}");
    println!("{}", times_line("phone", phone_us).context("no telephone rang")?);
    println!("{}", times_line("desk", desk_us).context("no offer came")?);
    Ok(())
}

/// When the next offer came, and whether its card came with it.
async fn offered(desk: &mut Desk) -> Option<(Instant, bool)> {
    loop {
        let event = tokio::time::timeout(PATIENCE, desk.next_ever()).await.ok()??;
        let at = Instant::now();
        if let Event::Offered { offer } = event {
            return Some((at, offer.customer.is_some()));
        }
    }
}

async fn withdrawn(desk: &mut Desk) {
    let gone = async {
        while let Some(event) = desk.next_ever().await {
            if matches!(event, Event::Withdrawn { .. }) {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, gone).await;
}

/// Reads until the INVITE has its final answer, and acknowledges it.
fn hear_the_end(socket: &UdpSocket, ack: &[u8]) -> anyhow::Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut datagram = [0; 4096];
    loop {
        let len = socket.recv(&mut datagram).context("the gateway does not answer")?;
        let Ok(message) = Message::parse(&datagram[..len]) else { continue };
        if let Start::Response { code: 300.., .. } = message.start
            && message.method() == "INVITE"
        {
            socket.send(ack)?;
            return Ok(());
        }
    }
}

/// A telephone that rings, says when, and lets itself be cancelled.
fn be_phone(socket: &UdpSocket, rang: &mpsc::Sender<Instant>) {
    let mut ringing: HashMap<String, Message> = HashMap::new();
    let mut datagram = [0; 4096];
    while let Ok((len, from)) = socket.recv_from(&mut datagram) {
        let at = Instant::now();
        let Ok(message) = Message::parse(&datagram[..len]) else { continue };
        let Start::Request { method, .. } = &message.start else { continue };
        let reply = |to: &Message, code| {
            // What is lost is asked for again.
            let _ = socket.send_to(&answer(to, code, None).to_bytes(), from);
        };
        match method.as_str() {
            "INVITE" if ringing.contains_key(message.call_id()) => reply(&message, 180),
            "INVITE" => {
                if rang.send(at).is_err() {
                    return;
                }
                reply(&message, 180);
                ringing.insert(message.call_id().to_owned(), message);
            }
            "CANCEL" => {
                reply(&message, 200);
                if let Some(invite) = ringing.get(message.call_id()) {
                    reply(invite, 487);
                }
            }
            "ACK" => _ = ringing.remove(message.call_id()),
            _ => reply(&message, 200),
        }
    }
}
