//! What is done again, and what is waited for.

use crate::log::EventLog;
use crate::parallel;
use crate::sessions::Sequences;
use crate::stat::{mean, median};

/// How often an event is done again, and how long is waited before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The event.
    pub event: String,
    /// How often it occurs.
    pub count: u64,
    /// Sequences in which it occurs.
    pub sequences: u64,
    /// Sequences in which it occurs more than once.
    pub reworked: u64,
    /// Occurrences beyond the first of a sequence.
    pub repeats: u64,
    /// Of these, how many come directly after the one before.
    pub at_once: u64,
    /// The median time from one occurrence to the next in a sequence, in seconds; absent without repeats.
    pub again_seconds: Option<f64>,
    /// The mean time since the event before in the sequence, in seconds; absent where it only begins sequences.
    pub wait_mean_seconds: Option<f64>,
    /// The median of these times.
    pub wait_median_seconds: Option<f64>,
    /// The least time that nine in ten of these do not exceed.
    pub wait_p90_seconds: Option<f64>,
    /// The sum of these times, in seconds: where the time goes.
    pub wait_total_seconds: f64,
}

#[derive(Default, Clone)]
struct Tally {
    count: u64,
    sequences: u64,
    reworked: u64,
    at_once: u64,
    again: Vec<i64>,
    waits: Vec<i64>,
}

/// Measures every event; those that take the most time first, ties by name.
#[must_use]
pub fn rework(log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Step> {
    let names = log.names().len();
    let parts = parallel::map(threads, sequences.starts(), |range| {
        let mut tallies = vec![Tally::default(); names];
        // By name, the last row of this sequence and how many there were; and the names met.
        let mut last: Vec<Option<(usize, bool)>> = vec![None; names];
        let mut met = Vec::new();
        for at in range {
            let rows = sequences.rows(at);
            for row in rows.clone() {
                let code = log.codes().get(row) as usize;
                let tick = log.times().tick(row);
                let tally = &mut tallies[code];
                tally.count += 1;
                if row > rows.start {
                    tally.waits.push(tick - log.times().tick(row - 1));
                }
                match &mut last[code] {
                    None => {
                        tally.sequences += 1;
                        last[code] = Some((row, false));
                        met.push(code);
                    }
                    Some((before, again)) => {
                        tally.again.push(tick - log.times().tick(*before));
                        tally.at_once += u64::from(*before + 1 == row);
                        tally.reworked += u64::from(!*again);
                        (*before, *again) = (row, true);
                    }
                }
            }
            met.drain(..).for_each(|code| last[code] = None);
        }
        tallies
    });
    let mut all = vec![Tally::default(); names];
    for (at, part) in parts.into_iter().flat_map(|part| part.into_iter().enumerate()) {
        let own = &mut all[at];
        own.count += part.count;
        own.sequences += part.sequences;
        own.reworked += part.reworked;
        own.at_once += part.at_once;
        own.again.extend(part.again);
        own.waits.extend(part.waits);
    }
    let seconds = |ticks: f64| log.times().seconds(ticks);
    let mut steps: Vec<Step> = log
        .names()
        .iter()
        .zip(all)
        .filter(|(_, tally)| tally.count > 0)
        .map(|(event, mut tally)| Step {
            event: event.to_owned(),
            count: tally.count,
            sequences: tally.sequences,
            reworked: tally.reworked,
            repeats: tally.again.len() as u64,
            at_once: tally.at_once,
            again_seconds: median(&mut tally.again).map(seconds),
            wait_mean_seconds: (!tally.waits.is_empty()).then(|| seconds(mean(&tally.waits))),
            wait_median_seconds: median(&mut tally.waits).map(seconds),
            wait_p90_seconds: rank(&mut tally.waits, 0.9).map(seconds),
            wait_total_seconds: seconds(tally.waits.iter().map(|wait| *wait as f64).sum()),
        })
        .collect();
    steps.sort_by(|a, b| b.wait_total_seconds.total_cmp(&a.wait_total_seconds).then_with(|| a.event.cmp(&b.event)));
    steps
}

/// The least value that a share of all do not exceed.
fn rank(values: &mut [i64], share: f64) -> Option<f64> {
    let at = ((values.len() as f64 * share).ceil() as usize).checked_sub(1)?;
    Some(*values.select_nth_unstable(at).1 as f64)
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Unit, sequences};

    proptest! {
        #[test]
        fn equals_counting_by_hand(
            ways in prop::collection::vec(prop::collection::vec((0i64..50, "[a-c]"), 1..12), 1..6),
        ) {
            let mut builder = EventLog::builder();
            let mut naive: std::collections::BTreeMap<String, Tally> = Default::default();
            for (customer, way) in ways.iter().enumerate() {
                let mut sorted = way.clone();
                sorted.sort_by_key(|event| event.0);
                for (second, event) in way {
                    let time = Timestamp::from_millis(second * 1000);
                    builder.push(&format!("c{customer}"), time, event, []).unwrap();
                }
                for event in ["a", "b", "c"] {
                    let places: Vec<usize> = (0..sorted.len()).filter(|at| sorted[*at].1 == event).collect();
                    if places.is_empty() {
                        continue;
                    }
                    let own = naive.entry(event.to_owned()).or_default();
                    own.count += places.len() as u64;
                    own.sequences += 1;
                    own.reworked += u64::from(places.len() > 1);
                    own.at_once += places.windows(2).filter(|pair| pair[0] + 1 == pair[1]).count() as u64;
                    own.again.extend(places.windows(2).map(|pair| sorted[pair[1]].0 - sorted[pair[0]].0));
                    own.waits.extend(places.iter().filter(|at| **at > 0).map(|at| sorted[*at].0 - sorted[at - 1].0));
                }
            }
            let log = builder.build();
            let found = rework(&log, &sequences(&log, Unit::Customer, 1), 2);
            prop_assert_eq!(found.len(), naive.len());
            for step in found {
                let Tally { count, sequences: customers, reworked, at_once, again, mut waits } = naive[&step.event].clone();
                prop_assert_eq!((step.count, step.sequences, step.reworked), (count, customers, reworked));
                prop_assert_eq!((step.repeats, step.at_once), (again.len() as u64, at_once));
                prop_assert_eq!(step.again_seconds.is_some(), !again.is_empty());
                let total: i64 = waits.iter().sum();
                prop_assert!((step.wait_total_seconds - total as f64).abs() < 1e-6);
                waits.sort_unstable();
                let p90 = waits.iter().find(|wait| {
                    waits.iter().filter(|other| other <= wait).count() * 10 >= waits.len() * 9
                });
                prop_assert_eq!(step.wait_p90_seconds, p90.map(|wait| *wait as f64));
            }
        }
    }
}
