//! What was started and not finished in time.
//!
//! Every event that is the start is a case. It is done when an event that is the end stands after it in the same
//! sequence, at most the limit later; starts before the same end are all done by it. A case that is not done is open
//! while its limit has not run out when the log ends, and abandoned otherwise.
//!
//! The last step of a case is the last event of its try: of the events from its start to its limit and before the next
//! start. The last field is the last one that was named in it.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::Timestamp;
use attune_pathing::log::EventLog;
use attune_pathing::parallel;
use attune_pathing::pattern::Atom;
use attune_pathing::probe::Probe;
use attune_pathing::sessions::Sequences;

/// Something to finish: a form, an application, a purchase.
#[derive(Debug, Clone, PartialEq)]
pub struct Undertaking {
    /// The event that starts it.
    pub start: Atom,
    /// The event that finishes it.
    pub done: Atom,
    /// The longest time from start to end.
    pub within: Duration,
    /// The property that names the field an event touched.
    pub field: Option<String>,
    /// When the log ends; cases whose limit ends later are open. Without it none is open.
    pub until: Option<Timestamp>,
}

/// How a case went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Finished in time.
    Done,
    /// Not finished, and the time is over.
    Abandoned,
    /// Not finished yet.
    Open,
}

/// A start and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The number of the sequence.
    pub sequence: usize,
    /// The row of the start.
    pub row: usize,
    /// How it went.
    pub outcome: Outcome,
    /// The row of the end when it is done, of the last step otherwise.
    pub last: usize,
    /// The last field that was touched.
    pub field: Option<String>,
}

impl Undertaking {
    /// The cases, in the order of their rows.
    #[must_use]
    pub fn cases(&self, log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Case> {
        let (start, done) = (Probe::new(log, &self.start), Probe::new(log, &self.done));
        let limit = i64::try_from(log.times().whole_ticks(self.within)).unwrap_or(i64::MAX);
        let within = i64::try_from(self.within.as_micros()).unwrap_or(i64::MAX);
        let column = self.field.as_deref().and_then(|name| log.column(name));
        let parts = parallel::map(threads, sequences.starts(), |range| {
            let mut cases = Vec::new();
            for sequence in range {
                let rows = sequences.rows(sequence);
                // Backwards, so that the next end and the next start are known.
                let (mut end, mut again) = (None, rows.end);
                let before = cases.len();
                for row in rows.clone().rev() {
                    if start.holds(row) {
                        let last_tick = log.times().tick(row).saturating_add(limit);
                        let in_time = |at: &usize| log.times().tick(*at) <= last_tick;
                        let finished = end.filter(in_time);
                        let tried = (row..again).rev().find(in_time).unwrap_or(row);
                        let over = || log.time(row).as_micros().saturating_add(within);
                        let outcome = match finished {
                            Some(_) => Outcome::Done,
                            None if self.until.is_some_and(|until| until.as_micros() < over()) => Outcome::Open,
                            None => Outcome::Abandoned,
                        };
                        let last = finished.unwrap_or(tried);
                        let touched = || (row..=last.min(tried)).rev().find_map(|at| column?.label(at));
                        let field = touched().filter(|label| !label.is_empty());
                        cases.push(Case { sequence, row, outcome, last, field });
                        again = row;
                    }
                    if done.holds(row) {
                        end = Some(row);
                    }
                }
                cases[before..].reverse();
            }
            cases
        });
        parallel::joined(parts)
    }
}

/// How often each last step, or field, ended an abandoned case: the most frequent first, ties by name.
#[must_use]
pub fn ends(cases: &[Case], name: impl Fn(&Case) -> Option<String>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.outcome == Outcome::Abandoned) {
        if let Some(name) = name(case) {
            *counts.entry(name).or_default() += 1;
        }
    }
    let mut ranked: Vec<(String, u64)> = counts.into_iter().collect();
    ranked.sort_by_key(|end| std::cmp::Reverse(end.1));
    ranked
}

#[cfg(test)]
mod tests {
    use attune_pathing::cohort::time_to;
    use attune_pathing::sessions::{Unit, sequences};
    use attune_pathing::value::Scalar;
    use proptest::prelude::*;

    use super::*;

    fn undertaking(seconds: u64) -> Undertaking {
        let (start, done) = (Atom::named("s"), Atom::named("d"));
        let within = Duration::from_secs(seconds);
        Undertaking { start, done, within, field: Some("field".to_owned()), until: None }
    }

    fn log_of(events: &[(i64, &str, &str)]) -> EventLog {
        let mut builder = EventLog::builder();
        for (second, event, field) in events {
            let property = (!field.is_empty()).then_some(("field", Scalar::Text(field)));
            builder.push("ada", Timestamp::from_millis(second * 1000), event, property).unwrap();
        }
        builder.build()
    }

    #[test]
    fn a_case_tells_where_it_was_left() {
        let log = log_of(&[
            (0, "s", ""),
            (1, "f", "name"),
            (2, "f", "income"),
            (3, "help", ""),
            (60, "s", ""),
            (61, "f", "name"),
            (62, "d", ""),
            (100, "s", ""),
        ]);
        let whole = sequences(&log, Unit::Customer, 1);
        let asked = Undertaking { until: Some(Timestamp::from_millis(109_999)), ..undertaking(10) };
        let cases = asked.cases(&log, &whole, 1);
        let told: Vec<_> =
            cases.iter().map(|case| (case.row, case.outcome, case.last, case.field.as_deref())).collect();
        assert_eq!(
            told,
            [
                (0, Outcome::Abandoned, 3, Some("income")),
                (4, Outcome::Done, 6, Some("name")),
                (7, Outcome::Open, 7, None)
            ]
        );
        assert_eq!(ends(&cases, |case| case.field.clone()), [("income".to_owned(), 1)]);
        // At the end of the limit itself it is over.
        let at_the_end = Undertaking { until: Some(Timestamp::from_millis(110_000)), ..asked };
        assert_eq!(at_the_end.cases(&log, &whole, 1)[2].outcome, Outcome::Abandoned);
    }

    proptest! {
        #[test]
        fn equals_looking_ahead_from_every_start(
            events in prop::collection::vec((0i64..60, prop::sample::select(vec!["s", "d", "f", "x"])), 1..30),
            limit in 0u64..20,
        ) {
            let given: Vec<(i64, &str, &str)> =
                events.iter().map(|(second, event)| (*second, *event, if *event == "f" { "a" } else { "" })).collect();
            let log = log_of(&given);
            let whole = sequences(&log, Unit::Customer, 1);
            let asked = undertaking(limit);
            let cases = asked.cases(&log, &whole, 2);
            let mut sorted = given.clone();
            sorted.sort_by_key(|event| event.0);
            let starts: Vec<usize> = (0..sorted.len()).filter(|row| sorted[*row].1 == "s").collect();
            prop_assert_eq!(cases.iter().map(|case| case.row).collect::<Vec<_>>(), starts);
            for case in &cases {
                let in_time = |row: &usize| sorted[*row].0 - sorted[case.row].0 <= limit as i64;
                let after = || (case.row + 1..sorted.len()).filter(in_time);
                let done = after().find(|row| sorted[*row].1 == "d");
                prop_assert_eq!(case.outcome == Outcome::Done, done.is_some());
                let own = (case.row..sorted.len()).take_while(|row| *row == case.row || sorted[*row].1 != "s");
                let own: Vec<usize> = own.filter(in_time).collect();
                prop_assert_eq!(case.last, done.unwrap_or(*own.last().unwrap()));
                let fields = own.iter().filter(|row| **row <= case.last && !sorted[**row].2.is_empty());
                prop_assert_eq!(case.field.is_some(), fields.count() > 0);
            }
            let waits = time_to(&log, &whole, &asked.start, &asked.done, Some(asked.within), 1);
            let abandoned = cases.iter().filter(|case| case.outcome == Outcome::Abandoned).count();
            prop_assert_eq!(abandoned as u64, waits.abandoned());
        }
    }
}
