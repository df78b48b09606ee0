//! From what was counted to the lines that are printed. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The value that `percent` of all values do not exceed (nearest rank). `sorted` is in ascending order.
pub fn percentile(sorted: &[i64], percent: f64) -> Option<i64> {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// `NAME p50 … p95 … p99 … max … n …` in milliseconds, from microseconds.
pub fn times_line(name: &str, mut times_us: Vec<i64>) -> Option<String> {
    times_us.sort_unstable();
    let ms = |percent| percentile(&times_us, percent).map(|us| us as f64 / 1000.0);
    let (p50, p95, p99, max) = (ms(50.0)?, ms(95.0)?, ms(99.0)?, ms(100.0)?);
    let n = times_us.len();
    Some(format!("{name} p50 {p50:.2} p95 {p95:.2} p99 {p99:.2} max {max:.2} n {n}"))
}

/// How long each picture with a card took from the mark to the display, as the window's log says.
///
/// # Errors
/// When a line of the log is no JSON.
pub fn presents_in_log(log: &str) -> Result<Vec<i64>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Line {
        fields: Fields,
    }
    #[derive(Deserialize)]
    struct Fields {
        present_us: Option<i64>,
    }
    let lines = log.lines().map(serde_json::from_str::<Line>);
    lines.filter_map(|line| line.map(|line| line.fields.present_us).transpose()).collect()
}

/// The times of all pops that stand in a file of the gateway's ledger, in microseconds.
///
/// # Errors
/// When a line is no fact, or a pop has no time.
pub fn pops_in_ledger(file: &str) -> Result<Vec<i64>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Record<'a> {
        #[serde(borrow)]
        body: Fact<'a>,
    }
    #[derive(Deserialize)]
    struct Fact<'a> {
        #[serde(borrow)]
        kind: std::borrow::Cow<'a, str>,
        #[serde(borrow)]
        body: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Shown {
        invite_to_pop_us: i64,
    }
    let mut pops = Vec::new();
    for line in file.lines().filter(|line| !line.is_empty()) {
        let Record { body: fact } = serde_json::from_str(line)?;
        if fact.kind == "pop.shown" {
            pops.push(serde_json::from_str::<Shown>(fact.body.get())?.invite_to_pop_us);
        }
    }
    Ok(pops)
}

/// What a process and all its threads, also those that have ended, have used of the processors, in clock ticks:
/// `utime` and `stime` of `/proc/PID/stat` (proc(5)).
pub fn cpu_ticks(stat: &str) -> Option<u64> {
    // The name of the program stands in brackets and may hold anything, brackets too.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let (utime, stime): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(utime + stime)
}

/// How long a thread has run, in nanoseconds: the first number of `/proc/PID/task/TID/schedstat`.
pub fn on_cpu_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

/// Talks whose sound went through the gateway for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relayed {
    pub talks: usize,
    pub took_s: f64,
    /// Of the threads for sound alone.
    pub cpu_s: f64,
    /// Sides of talks that were over before the measuring was.
    pub ended_early: u64,
    /// Callers who heard their operator's voice.
    pub heard_a_voice: u64,
    /// What callers and telephones heard from the first to the last packet of their calls, and what they missed by the
    /// holes in its numbers.
    pub packets: u64,
    pub lost: u64,
}

impl Relayed {
    pub fn cpu_s_per_call_minute(&self) -> f64 {
        self.cpu_s / (self.talks as f64 * self.took_s / 60.0)
    }

    /// Each side of a talk sends fifty packets a second.
    fn us_a_packet(&self) -> f64 {
        self.cpu_s * 1e6 / (self.talks as f64 * 2.0 * 50.0 * self.took_s)
    }

    fn lost_percent(&self) -> f64 {
        100.0 * self.lost as f64 / (self.packets + self.lost).max(1) as f64
    }

    /// Whether everybody talked all the time, and both ways: at least as long as was measured, all told.
    pub fn is_worth_something(&self) -> bool {
        let least = (self.talks as f64 * 2.0 * 50.0 * self.took_s * 0.95) as u64;
        self.ended_early == 0 && self.heard_a_voice == self.talks as u64 && self.packets >= least
    }

    pub fn line(&self) -> String {
        format!(
            "{} talks of G.711 for {:.0} s: {:.2} CPU s in the relay, {:.2} µs a packet; {} callers heard their \
             operator, {} packets heard in all, {:.3} % lost",
            self.talks,
            self.took_s,
            self.cpu_s,
            self.us_a_packet(),
            self.heard_a_voice,
            self.packets,
            self.lost_percent()
        )
    }
}

/// One rate that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tried {
    pub cps: u32,
    /// What the callers really brought about.
    pub reached_cps: f64,
    pub n_good: u64,
    pub n_failed: u64,
    pub n_retransmissions: u64,
    pub cpu_s: f64,
    pub took_s: f64,
}

/// A rate that the callers themselves did not keep up by more than this says nothing about the gateway.
const REACHED: f64 = 0.9;

impl Tried {
    /// Every call was good, and there were as many as there should be.
    pub fn is_clean(&self) -> bool {
        self.n_failed == 0 && self.n_good > 0 && self.reached_cps >= REACHED * f64::from(self.cps)
    }

    pub fn cpu_s_per_1000_calls(&self) -> f64 {
        self.cpu_s * 1000.0 / self.n_good.max(1) as f64
    }

    /// The line under [`HEADING`].
    pub fn line(&self) -> String {
        format!(
            "{:>6} {:>9.1} {:>8} {:>8} {:>8} {:>8.2} {:>10.3} {:>7.0}",
            self.cps,
            self.reached_cps,
            self.n_good,
            self.n_failed,
            self.n_retransmissions,
            self.cpu_s,
            self.cpu_s_per_1000_calls(),
            self.cpu_s / self.took_s * 100.0,
        )
    }
}

pub const HEADING: &str = "   cps   reached     good   failed  retrans    cpu_s  s_per_1000   core_%";

/// The highest rate that was clean, with every lower one clean too.
pub fn clean_cps(tried: &[Tried]) -> u32 {
    tried.iter().take_while(|tried| tried.is_clean()).map(|tried| tried.cps).max().unwrap_or(0)
}

/// Two rates one after the other that were not clean: higher ones need not be tried.
pub fn is_enough(tried: &[Tried]) -> bool {
    matches!(tried, [.., before, last] if !before.is_clean() && !last.is_clean())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(cps: u32, n_failed: u64) -> Tried {
        Tried {
            cps,
            reached_cps: f64::from(cps),
            n_good: 1000,
            n_failed,
            n_retransmissions: 0,
            cpu_s: 0.4,
            took_s: 10.0,
        }
    }

    #[test]
    fn a_talk_s_sound_is_counted_by_the_minute_and_only_when_everybody_was_heard() {
        let relayed = Relayed {
            talks: 100,
            took_s: 30.0,
            cpu_s: 1.5,
            ended_early: 0,
            heard_a_voice: 100,
            packets: 299_900,
            lost: 100,
        };
        assert!((relayed.cpu_s_per_call_minute() - 0.03).abs() < 1e-9);
        let line = relayed.line();
        assert!(line.contains("5.00 µs a packet") && line.contains("0.033 % lost"), "{line}");
        assert!(relayed.is_worth_something());
        for bad in [
            Relayed { ended_early: 1, ..relayed },
            Relayed { heard_a_voice: 99, ..relayed },
            Relayed { packets: 150_000, ..relayed },
        ] {
            assert!(!bad.is_worth_something(), "{bad:?}");
        }
        assert_eq!(on_cpu_ns("1234567 89 10\n"), Some(1_234_567));
        assert_eq!(on_cpu_ns(""), None);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<i64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50.0), Some(50));
        assert_eq!(percentile(&hundred, 99.0), Some(99));
        assert_eq!(percentile(&hundred, 100.0), Some(100));
        assert_eq!(percentile(&[7], 50.0), Some(7));
        assert_eq!(percentile(&[1, 2, 3], 99.0), Some(3));
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn a_line_of_pops_is_in_milliseconds_whatever_their_order() {
        let line = times_line("sqlite invite_to_pop_ms", vec![9_000, 4_250, 5_000]).unwrap();
        assert_eq!(line, "sqlite invite_to_pop_ms p50 5.00 p95 9.00 p99 9.00 max 9.00 n 3");
        assert_eq!(times_line("sqlite invite_to_pop_ms", Vec::new()), None);
    }

    #[test]
    fn only_pictures_with_a_card_are_read_from_the_window_s_log() {
        let log = r#"{"level":"INFO","fields":{"message":"the desk starts","version":"0.1.0"}}
{"level":"INFO","fields":{"message":"the card is on the screen","call":"7","invite_to_pop_us":4200,"present_us":18000}}
"#;
        assert_eq!(presents_in_log(log).unwrap(), [18_000]);
        assert!(presents_in_log("a torn li").is_err());
    }

    #[test]
    fn only_pops_are_read_from_the_ledger() {
        let ledger = r#"{"seq":1,"crc":"8d3f00aa","body":{"at":1,"call":5,"kind":"queue.joined","body":{}}}
{"seq":2,"crc":"8d3f00ab","body":{"at":2,"call":5,"agent":3,"kind":"pop.shown","body":{"invite_to_pop_us":4200}}}
"#;
        assert_eq!(pops_in_ledger(ledger).unwrap(), [4200]);
        assert!(pops_in_ledger("a torn li").is_err());
    }

    #[test]
    fn the_processor_s_time_is_found_behind_any_name() {
        let stat = "4711 (a) b (c)) S 1 4711 4711 0 -1 4194304 500 0 0 0 150 50 7 8 20 0 9 0 100 1000000 300 1844";
        assert_eq!(cpu_ticks(stat), Some(200));
        assert_eq!(cpu_ticks("4711 (gateway) S 1"), None);
    }

    #[test]
    fn our_own_processor_s_time_can_be_read() {
        assert!(cpu_ticks(&std::fs::read_to_string("/proc/self/stat").unwrap()).is_some());
    }

    #[test]
    fn the_clean_rate_is_the_last_before_the_first_failure() {
        let rates = [tried(50, 0), tried(100, 0), tried(200, 1), tried(300, 0)];
        assert_eq!(clean_cps(&rates), 100);
        assert_eq!(clean_cps(&[tried(50, 1)]), 0);
    }

    #[test]
    fn a_rate_that_the_callers_did_not_reach_is_not_clean() {
        let slow = Tried { reached_cps: 850.0, ..tried(1000, 0) };
        assert!(!slow.is_clean());
        assert!(Tried { reached_cps: 950.0, ..slow }.is_clean());
    }

    #[test]
    fn two_bad_rates_in_a_row_are_enough() {
        assert!(!is_enough(&[tried(50, 1)]));
        assert!(!is_enough(&[tried(50, 1), tried(100, 0)]));
        assert!(is_enough(&[tried(50, 0), tried(100, 1), tried(200, 1)]));
    }

    #[test]
    fn the_cost_of_a_thousand_calls_counts_good_calls() {
        assert!((tried(50, 0).cpu_s_per_1000_calls() - 0.4).abs() < 1e-9);
    }
}
