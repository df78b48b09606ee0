//! What a person sees while waiting: one live line on a terminal, a line a minute in a log, a closing table.

use std::io::{IsTerminal, Write};
use std::time::Duration;

/// How wide the live line may become before it is cut.
const LIVE_WIDTH: usize = 110;
/// How often a log without a terminal hears that we are still at it.
const QUIET_REMINDER: Duration = Duration::from_secs(60);

/// Says one finished thing.
pub fn say(line: &str) {
    println!("{line}");
}

/// The line that changes while a step runs.
pub struct LiveLine {
    on_terminal: bool,
    next_reminder: Duration,
}

impl LiveLine {
    /// Begins a step. A log hears of it at once, a terminal with the first tick.
    pub fn begin(title: &str) -> LiveLine {
        let on_terminal = std::io::stdout().is_terminal();
        if !on_terminal {
            println!("{title} …");
        }
        LiveLine { on_terminal, next_reminder: QUIET_REMINDER }
    }

    /// Shows how long the step has run and the last thing that it said.
    pub fn tick(&mut self, title: &str, elapsed: Duration, last_said: &str) {
        let line = shorten(&format!("{title} … {}  {}", clock(elapsed), last_said.trim()), LIVE_WIDTH);
        if self.on_terminal {
            print!("\r\x1b[2K{line}");
            // A terminal that has gone away is no reason to stop a test run.
            let _ = std::io::stdout().flush();
        } else if elapsed >= self.next_reminder {
            self.next_reminder += QUIET_REMINDER;
            println!("  {line}");
        }
    }

    /// Replaces the live line by how the step ended.
    pub fn end(self, line: &str) {
        if self.on_terminal {
            print!("\r\x1b[2K");
        }
        println!("{line}");
    }
}

/// `1:05` for a minute and five seconds, `1:02:03` beyond the hour.
pub fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

/// Cuts a line to so many characters, with a sign that something is missing.
pub fn shorten(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    line.chars().take(width - 1).chain(['…']).collect()
}

/// Columns padded to their widest cell; every column but the first stands on the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            line += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_reads_as_on_a_clock() {
        assert_eq!(clock(Duration::from_secs(5)), "0:05");
        assert_eq!(clock(Duration::from_secs(65)), "1:05");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn a_long_line_is_cut_by_characters_and_says_so() {
        assert_eq!(shorten("звонок", 6), "звонок");
        assert_eq!(shorten("звонки идут", 7), "звонки…");
    }

    #[test]
    fn a_table_keeps_its_columns_under_each_other() {
        let rows = [
            vec!["format".into(), "1.0 s".into(), "ok".into()],
            vec!["lints".into(), "10.5 s".into(), "failed".into()],
        ];
        assert_eq!(table(&rows), "format   1.0 s      ok\nlints   10.5 s  failed\n");
    }
}
