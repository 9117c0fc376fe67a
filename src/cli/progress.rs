//! How far a long command has come: a bar where a person watches, a line now and then where a log is kept.
//!
//! Both go to standard error: standard output belongs to the result.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shows progress towards an end that may not be known.
pub(super) struct Progress {
    what: &'static str,
    began: Instant,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    Lines { total: Option<u64>, last: Instant },
}

impl Progress {
    /// Begins. `total` and positions are in any unit; `what` names the things that are counted beside them.
    pub(super) fn new(total: Option<u64>, what: &'static str) -> Self {
        let began = Instant::now();
        let shown = if stderr().is_terminal() {
            let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let template = if total.is_some() { WITH_END } else { WITHOUT_END };
            // A template that is not understood would only look plain.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(format!("0 {what}"));
            bar.enable_steady_tick(Duration::from_millis(200));
            Shown::Bar(bar)
        } else {
            Shown::Lines { total, last: began }
        };
        Self { what, began, shown }
    }

    /// Shows that it has come to `position`, with so many things done.
    pub(super) fn at(&mut self, position: u64, done: u64) {
        let rate = rate(done, self.began.elapsed());
        let what = self.what;
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_position(position);
                bar.set_message(format!("{done} {what}, {rate} a second"));
            }
            Shown::Lines { total, last } if last.elapsed() >= BETWEEN_LINES => {
                *last = Instant::now();
                let left = total.and_then(|total| left(position, total, self.began.elapsed()));
                let left = left.map_or_else(String::new, |left| format!(", {left} s left"));
                eprintln!("countersign: {done} {what}, {rate} a second{left}");
            }
            Shown::Lines { .. } => {}
        }
    }

    /// Says something besides, on a line of its own.
    pub(super) fn say(&self, line: &str) {
        match &self.shown {
            Shown::Bar(bar) => bar.suspend(|| eprintln!("countersign: {line}")),
            Shown::Lines { .. } => eprintln!("countersign: {line}"),
        }
    }

    /// Ends, and answers how long it took.
    pub(super) fn end(self) -> Duration {
        if let Shown::Bar(bar) = self.shown {
            bar.finish_and_clear();
        }
        self.began.elapsed()
    }
}

const WITH_END: &str = "{spinner} [{bar:30}] {percent}%  {msg}, {eta} left";
const WITHOUT_END: &str = "{spinner} {msg}";

/// Seldom enough for a log.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// How many a second.
pub(super) fn rate(done: u64, took: Duration) -> u64 {
    let milliseconds = took.as_millis().max(1);
    u64::try_from(u128::from(done) * 1000 / milliseconds).unwrap_or(u64::MAX)
}

/// Seconds until the end, if it goes on like this.
fn left(position: u64, total: u64, took: Duration) -> Option<u64> {
    let behind = u128::from(position);
    let ahead = u128::from(total.saturating_sub(position));
    (behind > 0).then(|| u64::try_from(took.as_millis() * ahead / behind / 1000).unwrap_or(u64::MAX))
}
