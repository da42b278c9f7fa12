//! Sessions in trouble: signals that are counted, and points that add up.
//!
//! | signal | one for each |
//! |---|---|
//! | repeat | event that comes directly after one of the same name and target, clicks left out |
//! | return | event after which and after one other the same one comes again: a, b, a |
//! | rage | burst of clicks on one target, no other click between, in a short time |
//! | error, slow, invalid, empty | event that the caller says is an error, a slow page, a refused field, a search without result |
//!
//! The points of a session are the sum over the signals of weight times count, each count up to a cap, so that one
//! kind of trouble alone cannot fill the list.

use std::time::Duration;

use attune_pathing::log::EventLog;
use attune_pathing::parallel;
use attune_pathing::pattern::Atom;
use attune_pathing::probe::Probe;
use attune_pathing::sessions::Sequences;
use rustc_hash::FxHashMap;

/// The names of the signals, in the order of [`Score::counts`].
pub const SIGNALS: [&str; 7] = ["repeat", "return", "rage", "error", "slow", "invalid", "empty"];

/// What counts as trouble, and how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Struggle {
    /// Events that are clicks.
    pub clicks: Vec<Atom>,
    /// The property that names what an event is about; events without it are about nothing in particular.
    pub target: Option<String>,
    /// Events that are errors.
    pub errors: Vec<Atom>,
    /// Events that are slow pages.
    pub slow: Vec<Atom>,
    /// Events that are refused fields.
    pub invalid: Vec<Atom>,
    /// Events that are searches without result.
    pub empty: Vec<Atom>,
    /// Clicks that make a burst, at least 2.
    pub rage_clicks: usize,
    /// The longest time of a burst, from its first to its last click.
    pub rage_within: Duration,
    /// Points by signal, in the order of [`SIGNALS`].
    pub weights: [f64; 7],
    /// How often a signal counts in one session.
    pub cap: u32,
}

impl Default for Struggle {
    /// Three clicks in two seconds are a burst; errors and bursts weigh most.
    fn default() -> Self {
        Self {
            clicks: Vec::new(),
            target: None,
            errors: Vec::new(),
            slow: Vec::new(),
            invalid: Vec::new(),
            empty: Vec::new(),
            rage_clicks: 3,
            rage_within: Duration::from_secs(2),
            weights: [0.5, 1.0, 3.0, 3.0, 1.0, 2.0, 1.0],
            cap: 10,
        }
    }
}

/// The trouble of one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Score {
    /// How often each of [`SIGNALS`].
    pub counts: [u32; 7],
    /// The points.
    pub points: f64,
}

impl Struggle {
    /// The score of every sequence, in order.
    #[must_use]
    pub fn scores(&self, log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Score> {
        let bind = |atoms: &[Atom]| atoms.iter().map(|atom| Probe::new(log, atom)).collect::<Vec<_>>();
        let (clicks, named) =
            (bind(&self.clicks), [&self.errors, &self.slow, &self.invalid, &self.empty].map(|a| bind(a)));
        let targets = self.targets(log);
        let parts = parallel::map(threads, sequences.starts(), |range| {
            let score = |at| self.score(log, sequences.rows(at), &clicks, &named, &targets);
            range.map(score).collect::<Vec<_>>()
        });
        parallel::joined(parts)
    }

    /// By row, the number of its target; 0 for none.
    fn targets(&self, log: &EventLog) -> Vec<u32> {
        let Some(column) = self.target.as_deref().and_then(|name| log.column(name)) else { return Vec::new() };
        let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
        let mut number = |row| match column.label(row) {
            None => 0,
            Some(label) => {
                let next = numbers.len() as u32 + 1;
                *numbers.entry(label).or_insert(next)
            }
        };
        (0..log.len()).map(&mut number).collect()
    }

    fn score(
        &self,
        log: &EventLog,
        rows: std::ops::Range<usize>,
        clicks: &[Probe<'_>],
        named: &[Vec<Probe<'_>>; 4],
        targets: &[u32],
    ) -> Score {
        let mut counts = [0u32; 7];
        let thing = |row: usize| (log.codes().get(row), targets.get(row).copied().unwrap_or_default());
        let is_click = |row: usize| clicks.iter().any(|click| click.holds(row));
        let limit = i64::try_from(log.times().whole_ticks(self.rage_within)).unwrap_or(i64::MAX);
        let (mut last, mut before) = (None, None);
        // The clicks of the burst that may be under way: all on one target.
        let mut burst: Vec<usize> = Vec::new();
        for row in rows {
            let this = thing(row);
            let click = is_click(row);
            counts[0] += u32::from(last == Some(this) && !click);
            counts[1] += u32::from(before == Some(this) && last != Some(this));
            (before, last) = (last, Some(this));
            for (signal, atoms) in named.iter().enumerate() {
                counts[3 + signal] += u32::from(atoms.iter().any(|atom| atom.holds(row)));
            }
            if !click {
                continue;
            }
            if burst.last().is_some_and(|last| thing(*last) != this) {
                burst.clear();
            }
            burst.push(row);
            let too_old = |first: &usize| log.times().tick(row) - log.times().tick(*first) > limit;
            let stale = burst.iter().take_while(|first| too_old(first)).count();
            burst.drain(..stale);
            if burst.len() >= self.rage_clicks.max(2) {
                counts[2] += 1;
                burst.clear();
            }
        }
        let points = counts.iter().zip(self.weights).map(|(count, weight)| f64::from((*count).min(self.cap)) * weight);
        Score { counts, points: points.sum() }
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use attune_pathing::sessions::{Unit, sequences};
    use attune_pathing::value::Scalar;
    use proptest::prelude::*;

    use super::*;

    fn log_of(events: &[(i64, &str, &str)]) -> EventLog {
        let mut builder = EventLog::builder();
        for (milli, event, target) in events {
            builder.push("ada", Timestamp::from_millis(*milli), event, [("target", Scalar::Text(target))]).unwrap();
        }
        builder.build()
    }

    fn asked() -> Struggle {
        Struggle {
            clicks: vec![Atom::named("click")],
            target: Some("target".to_owned()),
            errors: Atom::list("error").unwrap(),
            empty: Atom::list("search[target == 'none']").unwrap(),
            ..Struggle::default()
        }
    }

    fn score(events: &[(i64, &str, &str)]) -> Score {
        let log = log_of(events);
        asked().scores(&log, &sequences(&log, Unit::Customer, 1), 1)[0]
    }

    #[test]
    fn signals_are_counted_and_weighed() {
        let found = score(&[
            (0, "page", "a"),
            (10, "page", "a"),
            (20, "page", "b"),
            (30, "page", "a"),
            (40, "error", ""),
            (50, "search", "none"),
            (60, "search", "some"),
        ]);
        assert_eq!(found.counts, [1, 1, 0, 1, 0, 0, 1]);
        assert_eq!(found.points.to_bits(), (0.5 + 1.0 + 3.0 + 1.0f64).to_bits());
    }

    #[test]
    fn a_burst_is_on_one_target_and_short() {
        let clicks = |times: &[(i64, &str)]| {
            let events: Vec<(i64, &str, &str)> = times.iter().map(|(at, target)| (*at, "click", *target)).collect();
            score(&events).counts[2]
        };
        assert_eq!(clicks(&[(0, "a"), (1000, "a"), (2000, "a")]), 1);
        assert_eq!(clicks(&[(0, "a"), (1000, "a"), (2001, "a")]), 0);
        assert_eq!(clicks(&[(0, "a"), (10, "b"), (20, "a"), (30, "a")]), 0);
        assert_eq!(clicks(&[(0, "a"), (1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "a")]), 2);
    }

    #[test]
    fn one_signal_counts_up_to_the_cap() {
        let errors: Vec<(i64, &str, &str)> = (0..50).map(|at| (at, "error", "x")).collect();
        let found = score(&errors);
        assert_eq!((found.counts[3], found.counts[0]), (50, 49));
        assert_eq!(found.points.to_bits(), (10.0 * 3.0 + 10.0 * 0.5f64).to_bits());
    }

    proptest! {
        #[test]
        fn repeats_and_returns_equal_their_definitions(names in "[abc]{1,20}", threads in 1usize..3) {
            let names: Vec<String> = names.chars().map(String::from).collect();
            let events: Vec<(i64, &str, &str)> = (0..).zip(&names).map(|(at, name)| (at, name.as_str(), "")).collect();
            let log = log_of(&events);
            let found = asked().scores(&log, &sequences(&log, Unit::Customer, 1), threads)[0];
            let repeats = names.windows(2).filter(|pair| pair[0] == pair[1]).count();
            let returns = names.windows(3).filter(|three| three[0] == three[2] && three[0] != three[1]).count();
            prop_assert_eq!([found.counts[0], found.counts[1]], [repeats as u32, returns as u32]);
        }
    }
}
