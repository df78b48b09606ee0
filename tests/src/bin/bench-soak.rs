//! Calls of all kinds for as long as it takes, while memory and descriptors are watched.
//!
//! SIPp calls and SIPp lifts; the operators are desks in this process, who answer, hold, park, ask each other and hand
//! over as chance has it. What a gateway keeps of a finished call for a correction is bounded by time, so the figures
//! are taken after a warm-up and at the end.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use shared::domain::agent::{Presence, Wish};
use shared::domain::call::Target;
use shared::domain::queue::QueueCode;
use shared::ids::{AgentId, CallId};
use shared::wire::command::Command;
use shared::wire::event::Event;
use tests::bench::city::{BenchCity, Seat};
use tests::bench::hall::open_desk;
use tests::desk::{Desk, save, wrapup};
use tests::gateway::{Gateway, Setup, Size};
use tests::sipp::{Load, Sipp};
use tokio::task::JoinSet;
use uuid::Uuid;

const SIGN_INS_AT_ONCE: usize = 4;
/// The telephones' registrations must last.
const RUN_LIMIT: Duration = Duration::from_secs(3 * 3600);
/// Lifted so late, some callers give up before.
const LIFTED_AFTER: Duration = Duration::from_millis(150);

/// Measures whether memory and descriptors stay flat over a great many calls of all kinds.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 100_000)]
    calls: u64,
    /// Calls a second
    #[arg(long, default_value_t = 80)]
    rate: u32,
    #[arg(long, default_value_t = 200)]
    operators: usize,
    #[arg(long, default_value_t = 20_000)]
    customers: u32,
    /// In how many parts; after each of them memory and descriptors are read
    #[arg(long, default_value_t = 20)]
    parts: u64,
}

#[derive(Debug, Default)]
struct Counts {
    talks: AtomicU64,
    handed_over: AtomicU64,
    held: AtomicU64,
    asked: AtomicU64,
    parked: AtomicU64,
    refused: AtomicU64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-soak: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let sipp = Sipp::find("bench soak").context("SIPp is not there")?;
    let city = BenchCity::on_sqlite(Size { customers: arguments.customers, history: 12, history_at_least: 0 })?;
    let seats = city.fill_hall(arguments.operators).await?;
    let setup = Setup {
        database_url: Some(city.database_url.clone()),
        state_dir: Some(city.state_dir()),
        verbose: false,
        last_rtp_port: 59_999,
        ..Setup::default()
    };
    let gateway = Gateway::start_with(setup).await;
    let phones: Vec<String> = seats.iter().map(|seat| seat.phone.clone()).collect();
    sipp.register_hall(&gateway, &phones).await.must_be_good();
    let phones = sipp.slow_hall_of_phones(&gateway, "uas_phone.xml", LIFTED_AFTER, RUN_LIMIT);
    let counts = Arc::new(Counts::default());
    let mut desks = seat_everybody(&gateway, &seats, &counts).await?;

    println!("{:>8} {:>10} {:>12} {:>8}", "calls", "memory MB", "descriptors", "failed");
    let per_part = arguments.calls / arguments.parts.max(1);
    let mut readings = Vec::new();
    let (mut n_calls, mut n_failed) = (0, 0);
    for _ in 0..arguments.parts {
        let load = |calls: u64, rate: u32, pause| {
            let limit = Duration::from_secs(calls / u64::from(rate.max(1)) + 120);
            Load { calls, per_second: rate.max(1), at_once: 1_000_000, pause, limit }
        };
        let (talkers, quitters) = (per_part * 4 / 5, per_part - per_part * 4 / 5);
        let talk = load(talkers, arguments.rate * 4 / 5, Duration::from_millis(600));
        let quit = load(quitters, arguments.rate / 5, Duration::from_millis(60));
        let talk = sipp.load(&gateway, "uac_call.xml", &city.numbers.known, talk);
        let quit = sipp.load(&gateway, "uac_cancel.xml", &city.numbers.unknown, quit);
        for outcome in [talk.finish().await, quit.finish().await] {
            n_failed += outcome.n_failed();
        }
        n_calls += per_part;
        let reading = (gateway.memory_mb(), descriptors(gateway.pid())?);
        println!("{n_calls:>8} {:>10} {:>12} {n_failed:>8}", reading.0, reading.1);
        readings.push(reading);
    }
    desks.abort_all();
    let on_phones = phones.put_away().await;
    let Counts { talks, handed_over, held, asked, parked, refused } = &*counts;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    println!(
        "talks {}, held {}, handed over {}, asked a colleague {}, parked {}, commands refused {}, failed at the telephones {}",
        count(talks),
        count(held),
        count(handed_over),
        count(asked),
        count(parked),
        count(refused),
        on_phones.n_failed()
    );
    // A quarter of the calls warms up.
    let warm = readings.get(readings.len() / 4).context("too few parts")?;
    let last = readings.last().context("no part was run")?;
    println!("soak calls {n_calls} memory_mb {} -> {} descriptors {} -> {}", warm.0, last.0, warm.1, last.1);
    Ok(())
}

fn descriptors(pid: i32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

async fn seat_everybody(gateway: &Gateway, seats: &[Seat], counts: &Arc<Counts>) -> anyhow::Result<JoinSet<()>> {
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let opened = futures_util::stream::iter(seats.iter().cloned())
        .map(|seat| open_desk(gateway.desk_address(), seat))
        .buffer_unordered(SIGN_INS_AT_ONCE);
    let desks: Vec<Desk> = opened.try_collect().await?;
    let everybody: Arc<[AgentId]> = desks.iter().map(|desk| desk.welcome.profile.id).collect();
    let mut at_work = JoinSet::new();
    for (seed, desk) in desks.into_iter().enumerate() {
        let chance = StdRng::seed_from_u64(seed as u64);
        at_work.spawn(work(desk, chance, Arc::clone(&everybody), Arc::clone(counts)));
    }
    Ok(at_work)
}

/// One operator, who does with each call what chance says.
async fn work(mut desk: Desk, mut chance: StdRng, everybody: Arc<[AgentId]>, counts: Arc<Counts>) {
    let one_more = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
    let mut asked_at: Option<(CallId, Instant)> = None;
    while let Some(event) = desk.next_ever().await {
        let mut does = |command| desk.send(Uuid::now_v7(), command);
        match event {
            Event::Answered { call, .. } => {
                one_more(&counts.talks);
                let colleague = Target::Agent { agent: everybody[chance.random_range(0..everybody.len())] };
                match chance.random_range(0..10) {
                    0 => {
                        one_more(&counts.held);
                        does(Command::Hold { call });
                        does(Command::Retrieve { call });
                    }
                    1 => {
                        one_more(&counts.handed_over);
                        does(Command::Transfer {
                            call,
                            to: Target::Queue { queue: QueueCode::new("billing") },
                            note: None,
                        });
                    }
                    2 => {
                        one_more(&counts.handed_over);
                        does(Command::Transfer { call, to: colleague, note: None });
                    }
                    3 => {
                        one_more(&counts.asked);
                        asked_at = Some((call, Instant::now()));
                        does(Command::Consult { call, to: colleague, note: None });
                    }
                    4 => {
                        one_more(&counts.parked);
                        does(Command::Park { call, note: None });
                    }
                    _ => {}
                }
            }
            // The colleague is there: join, hand over, or come back.
            Event::Line { call, line } if line.peer.is_some() && !line.guest && asked_at.is_some() => {
                asked_at = None;
                match chance.random_range(0..3) {
                    0 => does(Command::Conference { call }),
                    1 => does(Command::CompleteTransfer { call }),
                    _ => does(Command::DropParty { call, party: shared::domain::call::PartyRole::Peer }),
                }
            }
            Event::Parked { calls } => {
                if let Some(parked) = calls.get(chance.random_range(0..calls.len().max(1))) {
                    does(Command::PickUp { call: parked.call });
                }
            }
            Event::Ended { call, .. } => does(save(wrapup(call))),
            Event::State { state }
                if matches!(state.presence, Presence::NotReady { .. }) && state.pending.is_none() =>
            {
                does(Command::SetState { wish: Wish::Ready });
            }
            _ => {}
        }
        let n_refused = desk.take_answers().filter(Result::is_err).count();
        counts.refused.fetch_add(n_refused as u64, Ordering::Relaxed);
    }
}
