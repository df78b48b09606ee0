//! From the INVITE at the gateway's socket to the card in the real window, on both databases.
//!
//! One operator sits at the real window; SIPp calls from known numbers, one after the other, no number twice, and
//! gives up while it rings, so that the operator is free again. The time of each pop is the one that the window
//! measures and tells the gateway; it is read from the gateway's ledger.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use shared::domain::agent::Presence;
use shared::wire::event::Event;
use tests::bench::city::BenchCity;
use tests::bench::figures::{pops_in_ledger, presents_in_log, times_line};
use tests::desk::Desk;
use tests::gateway::{ANNA, Gateway, OLGA, Setup, Size};
use tests::sipp::{Load, Sipp};
use tests::window::{Display, Window};

/// So long it takes at most until the window is there and its operator ready.
const SITTING_DOWN_LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

/// Measures how long it takes from the caller's INVITE to the card on the screen, on SQLite and PostgreSQL.
///
/// `PULT_TEST_XENV` names the script for a private display, `PULT_TEST_POSTGRES` a server that may be filled;
/// without a server only SQLite is measured.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 300)]
    calls: usize,
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
    /// Interactions that every customer has at least
    #[arg(long, default_value_t = 50)]
    history_at_least: u32,
    /// So long each caller lets it ring
    #[arg(long, default_value_t = 700)]
    ring_ms: u64,
    /// The same seed draws the same callers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-pop: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let history_at_least = arguments.history_at_least;
    let size = Size { customers: arguments.customers, history: history_at_least.max(12), history_at_least };
    let city = BenchCity::on_sqlite(size)?;
    let mut lines = vec![measure("sqlite", &city, arguments).await?];
    city.remove().await?;
    match std::env::var("PULT_TEST_POSTGRES") {
        Ok(server) => {
            eprintln!("making the same city on PostgreSQL");
            let city = BenchCity::on_postgres(&server, size).await?;
            let measured = measure("postgres", &city, arguments).await;
            city.remove().await?;
            lines.push(measured?);
        }
        Err(_) => println!("postgres was not measured: PULT_TEST_POSTGRES names no server"),
    }
    for Lines { present, .. } in &lines {
        println!("{present}");
    }
    for Lines { pop, .. } in &lines {
        println!("{pop}");
    }
    Ok(())
}

/// What one database comes to.
struct Lines {
    /// From the INVITE to the frame that shows the card, laid out and tessellated.
    pop: String,
    /// From there until the picture has been drawn, by software where there is no graphics card, and handed over.
    present: String,
}

async fn measure(database: &str, city: &BenchCity, arguments: &Arguments) -> anyhow::Result<Lines> {
    let sipp = Sipp::find("bench pop").context("SIPp is not there")?;
    let display = Display::start("bench pop").await.context("there is no display for the window")?;
    let mut callers = city.numbers.known.clone();
    callers.shuffle(&mut StdRng::seed_from_u64(arguments.seed));
    anyhow::ensure!(callers.len() >= arguments.calls, "the city tells only {} numbers to call from", callers.len());
    callers.truncate(arguments.calls);

    let setup = Setup {
        database_url: Some(city.database_url.clone()),
        state_dir: Some(city.state_dir()),
        verbose: false,
        ..Setup::default()
    };
    let gateway = Gateway::start_with(setup).await;
    sipp.register(&gateway, "101", "talk").await;
    let ring = Duration::from_millis(arguments.ring_ms);
    let limit = Duration::from_secs(120 + 2 * arguments.calls as u64);
    let phone = sipp.phone_for(&gateway, "uas_phone_silent.xml", "101", limit);
    let desk_folder = gateway.folder().join("desk");
    let window = Window::open(&display, &gateway, &ANNA, &desk_folder);
    be_ready(&window, &gateway).await?;

    eprintln!("{database}: {} calls", arguments.calls);
    // One call at a time, and at most one a second: each finds the operator free and the window at rest.
    let load = Load { calls: arguments.calls as u64, per_second: 1, at_once: 1, pause: ring, limit };
    let outcome = sipp.load(&gateway, "uac_cancel.xml", &callers, load).finish().await;
    println!("{database}: {} calls rang, {} failed", outcome.n_successful(), outcome.n_failed());
    phone.put_away().await;
    drop(window);
    let mut gateway = gateway;
    gateway.end().await;
    let pops = pops_of(gateway.state_dir())?;
    display.end().await;
    let n_without = outcome.n_successful().saturating_sub(pops.len() as u64);
    if n_without > 0 {
        println!("{database}: {n_without} cards were not shown while it rang; these calls are missing in the figures");
    }
    let presents = presents_in_log(&std::fs::read_to_string(desk_folder.join("desk.log"))?)?;
    Ok(Lines {
        pop: times_line(&format!("{database} invite_to_pop_ms"), pops).context("no card was shown")?,
        present: times_line(&format!("{database} present_ms"), presents).context("no picture was presented")?,
    })
}

/// Makes the window's operator ready by keys, and looks at the floor through a supervisor's desk until that is so.
async fn be_ready(window: &Window<'_>, gateway: &Gateway) -> anyhow::Result<()> {
    let mut supervisor = Desk::sit_down(gateway, OLGA).await;
    let deadline = Instant::now() + SITTING_DOWN_LIMIT;
    anna_is(&mut supervisor, deadline, |presence| matches!(presence, Presence::NotReady { .. } | Presence::Ready))
        .await
        .context("the window does not sign in")?;
    // The window has signed in; its first frames are on their way.
    window.run_command_unseen("Готов").await?;
    anna_is(&mut supervisor, deadline, |presence| *presence == Presence::Ready)
        .await
        .context("the window's operator does not become ready")
}

async fn anna_is(desk: &mut Desk, deadline: Instant, is: impl Fn(&Presence) -> bool) -> anyhow::Result<()> {
    let fits = |floor: &shared::wire::event::Floor| {
        floor.people.iter().any(|person| person.name == ANNA.name && is(&person.state.presence))
    };
    if desk.snapshot.as_ref().and_then(|snapshot| snapshot.floor.as_deref()).is_some_and(fits) {
        return Ok(());
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).max(POLL);
        let event = tokio::time::timeout(left, desk.next_ever()).await.context("it takes too long")?;
        match event.context("the gateway has closed the supervisor's desk")? {
            Event::Floor { floor } if fits(&floor) => return Ok(()),
            _ => {}
        }
    }
}

/// The times of all pops in the ledger.
fn pops_of(state_dir: &Path) -> anyhow::Result<Vec<i64>> {
    let mut pops = Vec::new();
    for entry in std::fs::read_dir(state_dir.join("ledger"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            let text = std::fs::read_to_string(&path)?;
            pops.extend(pops_in_ledger(&text).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    Ok(pops)
}
