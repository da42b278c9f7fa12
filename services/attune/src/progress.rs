//! Progress of long work: a bar on a terminal, log lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Says something that the reader of a result must know, beside the result.
#[expect(clippy::print_stderr, reason = "a warning is for people, the result is on standard output")]
pub(crate) fn warn(text: &str) {
    eprintln!("warning: {text}");
}

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

/// Stages of work whose lengths nobody knows: a bar of stages on a terminal, a line a stage elsewhere.
pub(crate) struct Stages {
    bar: Option<ProgressBar>,
    begun: Instant,
}

impl Stages {
    /// Begins.
    pub(crate) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("  {bar:20} {prefix:<12} {msg} {elapsed}");
            let bar = ProgressBar::new(1).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, begun: Instant::now() }
    }

    /// A stage begins: its name, the stages before it and the stages in all.
    pub(crate) fn begin(&self, name: &str, before: usize, all: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(all as u64);
                bar.set_position(before as u64);
                bar.set_prefix(name.to_owned());
                bar.set_message("");
            }
            None => self.line(name),
        }
    }

    /// Says how far the stage is, where there is room for it.
    pub(crate) fn say(&self, how_far: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(how_far.to_owned());
        }
    }

    /// Ends.
    pub(crate) fn finish(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    #[expect(clippy::print_stderr, reason = "progress is for people, the result is on standard output")]
    fn line(&self, name: &str) {
        eprintln!("{:.1}s {name}", self.begun.elapsed().as_secs_f64());
    }
}
