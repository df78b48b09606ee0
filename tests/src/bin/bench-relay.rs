//! What the sound of a talk costs the gateway's processor: so many talks at once, G.711 both ways through the real
//! program.
//!
//! Callers and telephones are the scripted carrier's, in this process, and speak and listen in real RTP; operators are
//! desks without a window. What is counted is the processor time of the gateway's threads for sound, and of nobody else.

use std::fs;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use shared::pii::Secret;
use tests::bench::city::{BenchCity, Seat};
use tests::bench::figures::{Relayed, on_cpu_ns};
use tests::bench::hall::Hall;
use tests::carrier::callers::{Callers, CallersConfig};
use tests::carrier::phone::{Answers, Phone, PhoneConfig};
use tests::carrier::plan::{Plan, PlannedCall};
use tests::carrier::post::Post;
use tests::carrier::stage::{self, Place};
use tests::carrier::way::Way;
use tests::gateway::{Gateway, PASSWORD, QUEUE_NUMBER, Setup, Size};
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long everybody may take to come to talk, or to go.
const PATIENCE: Duration = Duration::from_secs(120);
/// From one caller to the next, while the talks begin.
const CALLERS_APART: Duration = Duration::from_millis(50);
/// Nobody hangs up by himself within a run.
const TALK: Duration = Duration::from_secs(3600);
/// The names of the gateway's threads for sound begin so.
const THREADS: &str = "media-";

/// Measures what the sound of a talk costs the gateway's processor, and how much of it is lost on the way.
#[derive(Parser)]
struct Arguments {
    /// How many talks there are at once
    #[arg(long, default_value_t = 100)]
    talks: usize,
    /// For how long it is measured
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// What callers and telephones have reported.
#[derive(Default)]
struct Reports {
    changed: Notify,
    registered: AtomicU64,
    /// Telephones that were lifted.
    answered: AtomicU64,
    /// Calls that are over on either side.
    ended: AtomicU64,
    /// Callers who heard a person's voice.
    heard_a_voice: AtomicU64,
    packets: AtomicU64,
    lost: AtomicU64,
}

impl Reports {
    fn take(&self, report: &Value) {
        let add = |counter: &AtomicU64, n: u64| {
            counter.fetch_add(n, Ordering::Relaxed);
        };
        match report["event"].as_str() {
            Some("registered") => add(&self.registered, 1),
            Some("answered") => add(&self.answered, 1),
            _ => {}
        }
        if !report["ended_by"].is_null() {
            add(&self.ended, 1);
            add(&self.packets, report["heard_packets"].as_u64().unwrap_or(0));
            add(&self.lost, report["lost_packets"].as_u64().unwrap_or(0));
            add(&self.heard_a_voice, u64::from(report["voice_after_ms"].is_u64()));
        }
        self.changed.notify_one();
    }

    /// Waits until a count is there.
    async fn wait_for(&self, what: &str, counter: &AtomicU64, wanted: usize) -> anyhow::Result<()> {
        let there = || counter.load(Ordering::Relaxed);
        let reached = async {
            while there() < wanted as u64 {
                self.changed.notified().await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, reached).await;
        waited.with_context(|| format!("only {} of {wanted} {what} within {} s", there(), PATIENCE.as_secs()))
    }
}

/// The telephone world around the gateway.
struct World {
    reports: Arc<Reports>,
    parties: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-relay: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { talks, seconds } = arguments;
    let city = BenchCity::on_sqlite(Size { customers: 1000, history: 2, history_at_least: 0 })?;
    let seats = city.fill_hall(talks).await?;
    let setup = Setup {
        database_url: Some(city.database_url.clone()),
        state_dir: Some(city.state_dir()),
        verbose: false,
        last_rtp_port: 59_999,
        ..Setup::default()
    };
    let gateway = Gateway::start_with(setup).await;
    let mut world = World { reports: Arc::default(), parties: JoinSet::new(), stop: CancellationToken::new() };
    world.put_up_phones(&gateway, &seats).await?;
    eprintln!("{talks} operators sign in");
    let _hall = Hall::fill(&gateway, &seats).await?;
    world.let_call(&gateway, &city.numbers.known, talks).await?;
    eprintln!("{talks} talks have begun; their sound is measured for {seconds} s");

    let before = relay_cpu_s(gateway.pid())?;
    let began = Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let relayed = Relayed {
        talks,
        took_s: began.elapsed().as_secs_f64(),
        cpu_s: relay_cpu_s(gateway.pid())? - before,
        ended_early: world.reports.ended.load(Ordering::Relaxed),
        ..Relayed::default()
    };
    let reports = world.end(talks).await?;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let relayed = Relayed {
        heard_a_voice: count(&reports.heard_a_voice),
        packets: count(&reports.packets),
        lost: count(&reports.lost),
        ..relayed
    };
    println!("{}", relayed.line());
    anyhow::ensure!(relayed.is_worth_something(), "not every talk was heard: the figure would mean little");
    println!("cpu_s_per_call_minute {:.4}", relayed.cpu_s_per_call_minute());
    Ok(())
}

impl World {
    async fn put_up_phones(&mut self, gateway: &Gateway, seats: &[Seat]) -> anyhow::Result<()> {
        for seat in seats {
            let socket = UdpSocket::bind((gateway.hall_host(), 0)).await.context("no port for a telephone")?;
            let place = self.place(socket, gateway, true);
            let config = PhoneConfig {
                user: seat.phone.clone(),
                password: Secret::new(PASSWORD),
                answers: Answers::After(Duration::ZERO),
                knows_talk: true,
                hangs_up_after: None,
            };
            let post = Post::new(place.way.local()?, gateway.sip_address(), rand::random());
            self.parties.spawn(stage::perform(Phone::new(config, post), place, self.stop.clone()));
        }
        self.reports.wait_for("telephones are registered", &self.reports.registered, seats.len()).await
    }

    async fn let_call(&mut self, gateway: &Gateway, numbers: &[String], talks: usize) -> anyhow::Result<()> {
        let call = |number: &String| PlannedCall {
            after: CALLERS_APART,
            kind: None,
            number: Some(number.clone()),
            talk: TALK,
            patience: PATIENCE,
        };
        let plan = Plan::Written(numbers.iter().cycle().take(talks).map(call).collect());
        let socket = UdpSocket::bind(gateway.carrier_address()).await.context("no port for the callers")?;
        let place = self.place(socket, gateway, false);
        let post = Post::new(place.way.local()?, gateway.sip_address(), rand::random());
        let config = CallersConfig { to: QUEUE_NUMBER.to_owned(), any_answer_is_a_person: false };
        self.parties.spawn(stage::perform(Callers::new(config, plan, post), place, self.stop.clone()));
        self.reports.wait_for("telephones were lifted", &self.reports.answered, talks).await
    }

    /// Everybody hangs up; what they have heard.
    async fn end(mut self, talks: usize) -> anyhow::Result<Arc<Reports>> {
        self.stop.cancel();
        self.reports.wait_for("sides of a talk have ended", &self.reports.ended, 2 * talks).await?;
        while let Some(party) = self.parties.join_next().await {
            party.context("a party has failed")??;
        }
        Ok(self.reports)
    }

    fn place(&self, socket: UdpSocket, gateway: &Gateway, sings_pilot: bool) -> Place {
        let way = Way::Datagrams { socket, server: gateway.sip_address() };
        let reports = self.reports.clone();
        Place { way, behind_nat: false, sings_pilot, reports: Box::new(move |report| reports.take(&report)) }
    }
}

/// What the gateway's threads for sound have used of the processors up to now.
fn relay_cpu_s(pid: i32) -> anyhow::Result<f64> {
    let (mut n_threads, mut ns) = (0, 0);
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        if fs::read_to_string(task.join("comm"))?.starts_with(THREADS) {
            n_threads += 1;
            let told = fs::read_to_string(task.join("schedstat"))?;
            ns += on_cpu_ns(&told).context("the kernel tells no processor time of threads")?;
        }
    }
    anyhow::ensure!(n_threads > 0, "the gateway has no thread called {THREADS}…");
    Ok(ns as f64 / 1e9)
}
