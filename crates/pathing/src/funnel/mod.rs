//! Funnels, with the semantics of ClickHouse's `windowFunnel` in each of its modes, and more.
//!
//! A chain of k steps in a sequence is a choice of one event for each of the first k steps, the i-th event being what
//! the i-th step asks for, such that the times never fall and the last lies no later than `within` after the first (the
//! end included). The level of a sequence is the length of its longest chain; other events in between do not matter.
//! From this follow the two cases that surprise:
//! * events of the same time count in the order of the steps, whatever their order in the log;
//! * an event counts for every step that it fits, so that steps `a, a` are both reached by one `a`.
//!
//! For the times between steps one chain stands for the sequence: of the longest ones, those that end at the earliest
//! possible time; of these, walking back from the end, the one whose event for each step is the latest possible.
//!
//! The modes, which may be combined, restrict the events that are walked over in the order of time and, at one time, of
//! steps ([`Mode`] says how each stops the walk). [`Exclusion`]s break a chain between two of its steps. With
//! [`Mode::any_order`] the steps may come in any order: the level is the most different steps within one window.
//!
//! One pass keeps, for each step, the latest chain that got there: chains that started later reach at least as far, so
//! nothing else need be remembered.

mod any;
mod plan;
mod quick;
mod walk;

use std::time::Duration;

use crate::log::{EventLog, with_columns};
use crate::parallel;
use crate::pattern::Atom;
use crate::sessions::Sequences;
use crate::stat::median;

use self::plan::Plan;

/// What a funnel asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Funnel {
    /// The steps in order; any number of them.
    pub steps: Vec<Atom>,
    /// The longest time from the first to the last event of a chain.
    pub within: Duration,
    /// How strictly the steps must follow one another.
    pub mode: Mode,
    /// What must not happen between steps.
    pub exclusions: Vec<Exclusion>,
}

/// How strictly steps must follow one another; without any of these, other events in between do not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode {
    /// `strict_deduplication`: an event for a step beyond the first that was reached before ends the walk, even when that
    /// chain has run out of time.
    pub strict_deduplication: bool,
    /// `strict_order`: once an event for the first step has come, an event for no step ends the walk, and so does one for
    /// a step whose step before has not been reached; the level is then that of the steps reached without a gap.
    pub strict_order: bool,
    /// `strict_increase`: an event must be later than the newest event of the step before, not only no earlier. The newest
    /// one counts even where an older one would do.
    pub strict_increase: bool,
    /// The steps may come in any order; the other modes do not apply.
    pub any_order: bool,
}

/// An event that breaks a chain when it lies, in time, truly after the chain's event of one step and truly before its
/// event of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    /// The event.
    pub event: Atom,
    /// The step after which it breaks, from 1.
    pub after: usize,
    /// The step before which it breaks; more than `after`.
    pub before: usize,
}

/// One step of a funnel's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The event, as it was asked for.
    pub name: String,
    /// How many sequences got here.
    pub reached: u64,
    /// The share of those that reached the step before; of all sequences that start at all it is 1 for the first step,
    /// and 0 where nobody reached the step before.
    pub converted_from_previous: f64,
    /// The median time from the step before in seconds; absent for the first step and where nobody got.
    pub median_seconds: Option<f64>,
}

impl Funnel {
    /// A funnel of event names in the default mode.
    pub fn named(names: impl IntoIterator<Item = impl Into<String>>, within: Duration) -> Self {
        let steps = names.into_iter().map(Atom::named).collect();
        Self { steps, within, mode: Mode::default(), exclusions: Vec::new() }
    }

    /// The level of every sequence, in order: how many steps it reached.
    #[must_use]
    pub fn levels(&self, log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<u32> {
        let parts = self.scan(log, sequences, threads, false, |levels: &mut Vec<u32>, _, level, _| {
            levels.push(level as u32);
        });
        parallel::joined(parts)
    }

    /// Runs it over sequences. Names that do not occur are never reached.
    #[must_use]
    pub fn run(&self, log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Step> {
        let parts = self.scan(log, sequences, threads, true, |tally: &mut Tally, _, level, chain| {
            tally.add(self.steps.len(), log, level, chain);
        });
        self.result(log, parts)
    }

    /// Runs it for each value that a property has in the first event of the chain that stands for a sequence; sequences
    /// that do not start, or whose first event has no such property, count for nothing. In the order of the values.
    #[must_use]
    pub fn by_property(
        &self,
        log: &EventLog,
        sequences: &Sequences,
        property: &str,
        threads: usize,
    ) -> Vec<(String, Vec<Step>)> {
        type Tallies = std::collections::BTreeMap<String, Tally>;
        let Some(column) = log.column(property) else { return Vec::new() };
        let parts = self.scan(log, sequences, threads, true, |tallies: &mut Tallies, _, level, chain| {
            if let Some(value) = chain.first().and_then(|row| column.label(*row as usize)) {
                tallies.entry(value).or_default().add(self.steps.len(), log, level, chain);
            }
        });
        let mut by_value: std::collections::BTreeMap<String, Vec<Tally>> = Default::default();
        for (value, tally) in parts.into_iter().flatten() {
            by_value.entry(value).or_default().push(tally);
        }
        by_value.into_iter().map(|(value, parts)| (value, self.result(log, parts))).collect()
    }

    /// Calls `take` with the number of every sequence, its level and, when `chains` are wanted, the rows of the chain
    /// that stands for it; on several threads, each with an accumulator of its own, in the order of the sequences.
    fn scan<A: Default + Send>(
        &self,
        log: &EventLog,
        sequences: &Sequences,
        threads: usize,
        chains: bool,
        take: impl Fn(&mut A, usize, usize, &[u32]) + Sync,
    ) -> Vec<A> {
        let plan = Plan::new(self, log);
        let starts = sequences.starts();
        with_columns!(log, |codes, ticks| parallel::map(threads, starts, |range| {
            let mut tally = A::default();
            let take = |at: usize, level: usize, chain: &[u32]| take(&mut tally, at, level, chain);
            plan.run(codes, ticks, starts, range, chains, take);
            tally
        }))
    }

    fn result(&self, log: &EventLog, parts: Vec<Tally>) -> Vec<Step> {
        let mut reached = vec![0u64; self.steps.len()];
        let mut ticks: Vec<Vec<i64>> = vec![Vec::new(); self.steps.len()];
        for part in parts {
            reached.iter_mut().zip(part.reached).for_each(|(all, part)| *all += part);
            ticks.iter_mut().zip(part.ticks).for_each(|(all, part)| all.extend(part));
        }
        let step = |(at, mut ticks): (usize, Vec<i64>)| Step {
            name: self.steps[at].to_string(),
            reached: reached[at],
            converted_from_previous: share(reached[at], reached[at.saturating_sub(1)]),
            median_seconds: median(&mut ticks).map(|ticks| log.times().seconds(ticks)),
        };
        ticks.into_iter().enumerate().map(step).collect()
    }
}

/// Counts over some sequences.
#[derive(Default)]
struct Tally {
    /// By step, how many sequences got there.
    reached: Vec<u64>,
    /// By step, the ticks from the step before.
    ticks: Vec<Vec<i64>>,
}

impl Tally {
    fn add(&mut self, steps: usize, log: &EventLog, level: usize, chain: &[u32]) {
        if self.reached.is_empty() {
            self.reached.resize(steps, 0);
            self.ticks.resize(steps, Vec::new());
        }
        for count in &mut self.reached[..level] {
            *count += 1;
        }
        for (step, pair) in chain.windows(2).enumerate() {
            self.ticks[step + 1].push(log.times().tick(pair[1] as usize) - log.times().tick(pair[0] as usize));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of sequences lie far below 2^53")]
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests;
