//! What a call to an operator's telephone costs the gateway's processor, and how many a second stay clean.
//!
//! SIPp calls and SIPp lifts; the operators are desks without a window in this process. Look-up, routing, ledger and
//! database work as in every gateway; there is no sound, because nobody sends any.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Parser;
use tests::bench::city::BenchCity;
use tests::bench::figures::{HEADING, Tried, clean_cps, cpu_ticks, is_enough};
use tests::bench::hall::{Hall, Tally};
use tests::gateway::{Gateway, Setup, Size};
use tests::sipp::{Load, Sipp};

/// The whole run must be over before the telephones' registrations are.
const RUN_LIMIT: Duration = Duration::from_secs(590);
/// Fewer calls than these say little about a rate.
const FEWEST_CALLS: u64 = 1000;
/// What is left to do after the last call of a rate: wrap-ups, the ledger's copy.
const SETTLING_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

/// Measures what a call costs the gateway's processor, and how many calls a second stay without a failure.
///
/// A call fails when the telephone does not ring or is not lifted within four seconds, when the caller hears music
/// instead, or when anything is said that should not be. A rate is clean when no call failed and SIPp could keep it up.
#[derive(Parser)]
struct Arguments {
    /// The rates, in calls a second
    #[arg(long, value_delimiter = ',', default_value = "20,50,100,200,300,500,700,1000,1500")]
    rates: Vec<u32>,
    /// How long each rate lasts; slow rates go on until there are 1000 calls
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The rate at which the cost of a call is measured first
    #[arg(long, default_value_t = 100)]
    steady_rate: u32,
    /// How many calls it is measured over
    #[arg(long, default_value_t = 2000)]
    steady_calls: u64,
    /// The fewest calls of a rate
    #[arg(long, default_value_t = FEWEST_CALLS)]
    fewest_calls: u64,
    #[arg(long, default_value_t = 500)]
    operators: usize,
    #[arg(long, default_value_t = 100_000)]
    customers: u32,
}

struct Bench {
    sipp: Sipp,
    gateway: Gateway,
    hall: Hall,
    callers: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-calls: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let sipp = Sipp::find("bench calls").context("SIPp is not there")?;
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
    let started = Instant::now();
    sipp.register_hall(&gateway, &phones).await.must_be_good();
    let phones = sipp.hall_of_phones(&gateway, "uas_phone.xml", RUN_LIMIT);
    eprintln!("{} operators sign in", seats.len());
    let hall = Hall::fill(&gateway, &seats).await?;
    eprintln!("they are ready after {:.0} s", started.elapsed().as_secs_f64());
    let bench = Bench { sipp, gateway, hall, callers: city.numbers.known.clone() };

    println!("{} operators, {} customers, SQLite, no media", arguments.operators, arguments.customers);
    println!("{HEADING}");
    let steady = bench.try_rate(arguments.steady_rate, arguments.steady_calls).await?;
    println!("{} steady", steady.line());
    let mut tried = Vec::new();
    for &cps in &arguments.rates {
        let calls = (u64::from(cps) * arguments.seconds).max(arguments.fewest_calls);
        let needed = Duration::from_secs(calls / u64::from(cps.max(1))) + SETTLING_LIMIT;
        if started.elapsed() + needed > RUN_LIMIT {
            println!("the telephones' registrations end before {cps} a second could be tried");
            break;
        }
        let one = bench.try_rate(cps, calls).await?;
        println!("{}", one.line());
        tried.push(one);
        if is_enough(&tried) {
            break;
        }
    }
    let Tally { talks, saved, refused, made_ready_again, lost } = bench.hall.tally();
    println!(
        "talks {talks}, wrap-ups saved {saved}, commands refused {refused}, made ready again {made_ready_again}, \
         desks lost {lost}, gateway's memory {} MB",
        bench.gateway.memory_mb()
    );
    let on_phones = phones.put_away().await;
    println!("the telephones count {} calls that failed on their side", on_phones.n_failed());
    if steady.n_failed > 0 {
        println!("{} of the steady calls failed: their cost means little", steady.n_failed);
    }
    println!("cpu_s_per_1000_calls {:.3}", steady.cpu_s_per_1000_calls());
    println!("clean_cps {}", clean_cps(&tried));
    Ok(())
}

impl Bench {
    /// Lets so many people call, and waits until everything that comes of it is written.
    async fn try_rate(&self, cps: u32, calls: u64) -> anyhow::Result<Tried> {
        let limit = Duration::from_secs(calls / u64::from(cps.max(1)) + 60);
        // Nobody waits for anybody else's call to end.
        let load = Load { calls, per_second: cps, at_once: 1_000_000, pause: Duration::ZERO, limit };
        let cpu_before = self.cpu_s()?;
        let started = Instant::now();
        let outcome = self.sipp.load(&self.gateway, "uac_load.xml", &self.callers, load).finish().await;
        let took_s = started.elapsed().as_secs_f64();
        self.settle().await;
        let (n_good, n_failed) = (outcome.n_successful(), outcome.n_failed());
        let words = outcome.errors.lines().take(4).collect::<Vec<_>>().join("\n");
        if n_failed > 0 {
            eprintln!("{words}");
        }
        Ok(Tried {
            cps,
            reached_cps: (n_good + n_failed) as f64 / took_s,
            n_good,
            // Calls that SIPp could not even begin within its limit are not good ones either.
            n_failed: n_failed.max(calls.saturating_sub(n_good)),
            n_retransmissions: outcome.n_retransmissions(),
            cpu_s: self.cpu_s()? - cpu_before,
            took_s: started.elapsed().as_secs_f64(),
        })
    }

    /// Waits until every talk is written up and the gateway has come to rest.
    async fn settle(&self) {
        let deadline = Instant::now() + SETTLING_LIMIT;
        let mut before = None;
        while Instant::now() < deadline {
            tokio::time::sleep(10 * POLL).await;
            let tally = self.hall.tally();
            if before == Some(tally) && tally.saved + tally.refused >= tally.talks {
                return;
            }
            before = Some(tally);
        }
    }

    /// What the gateway has used of the processors up to now, with all its threads.
    fn cpu_s(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.gateway.pid()))?;
        let ticks = cpu_ticks(&stat).context("the kernel tells no processor time")?;
        // SAFETY: sysconf reads one number and cannot fail for this name.
        let ticks_per_s = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Ok(ticks as f64 / ticks_per_s as f64)
    }
}
