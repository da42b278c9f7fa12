//! Progress of long work: a bar on a terminal, log lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Something that advances towards a known total.
pub(crate) struct Progress {
    what: &'static str,
    bar: Option<ProgressBar>,
    done: u64,
    total: u64,
    said: Instant,
}

impl Progress {
    /// Begins; `what` names the units, such as `days`.
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("  {bar:40} {pos}/{len} {msg} {elapsed}");
            ProgressBar::new(total)
                .with_message(what)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { what, bar, done: 0, total, said: Instant::now() }
    }

    /// Advances.
    pub(crate) fn add(&mut self, count: u64) {
        self.done += count;
        match &self.bar {
            Some(bar) => bar.inc(count),
            None if self.said.elapsed() >= EVERY => {
                self.said = Instant::now();
                self.line();
            }
            None => {}
        }
    }

    /// Ends.
    pub(crate) fn finish(self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => self.line(),
        }
    }

    #[expect(clippy::print_stderr, reason = "progress is for people, the result is on standard output")]
    fn line(&self) {
        eprintln!("{}/{} {}", self.done, self.total, self.what);
    }
}
