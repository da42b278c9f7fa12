//! The directly-follows graph: which event comes right after which.

use rustc_hash::FxHashMap;

use crate::log::{Code, EventLog, Tick, with_columns};
use crate::parallel;
use crate::sessions::Sequences;
use crate::stat::{mean, median};

/// Pairs of names up to which every one has a cell of its own; above, those that occur are kept in a map.
const DENSE: usize = 1 << 20;

/// Two event names, one directly after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// The event before.
    pub from: String,
    /// The event directly after it in the same sequence.
    pub to: String,
    /// How often.
    pub count: u64,
    /// The median time between the two, in seconds.
    pub median_seconds: f64,
    /// The mean time between the two, in seconds.
    pub mean_seconds: f64,
}

/// How often a pair occurs, and the sum of the times between, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How often.
    pub count: u64,
    /// Ticks of the log's times.
    pub ticks: u64,
}

/// Counts and sums of durations by pair of names, at `from * names + to`; absent for more than a thousand names.
#[must_use]
pub fn totals(log: &EventLog, sequences: &Sequences, threads: usize) -> Option<Vec<Total>> {
    let names = log.names().len();
    if names * names > DENSE {
        return None;
    }
    let starts = sequences.starts();
    let parts = with_columns!(log, |codes, ticks| parallel::map(threads, starts, |range| {
        sum(codes, ticks, &starts[range.start..=range.end], names)
    }));
    let mut parts = parts.into_iter();
    let mut all = parts.next()?;
    for part in parts {
        for (total, more) in all.iter_mut().zip(part) {
            total.count += more.count;
            total.ticks += more.ticks;
        }
    }
    Some(all)
}

fn sum<C: Code, T: Tick>(codes: &[C], ticks: &[T], starts: &[u32], names: usize) -> Vec<Total> {
    // Neighbours add to tables of their own: a cell that is hit twice in a row need not wait for itself.
    let mut tables = [vec![Total::default(); names * names], vec![Total::default(); names * names]];
    let [even, odd] = &mut tables;
    for pair in starts.windows(2) {
        let (start, end) = (pair[0] as usize, pair[1] as usize);
        let (codes, ticks) = (&codes[start..end], &ticks[start..end]);
        let mut both = codes
            .windows(2)
            .zip(ticks.windows(2))
            .map(|(code, tick)| (code[0].index() * names + code[1].index(), tick[1].since(tick[0])));
        while let Some((cell, duration)) = both.next() {
            even[cell].count += 1;
            even[cell].ticks += duration;
            let Some((cell, duration)) = both.next() else { break };
            odd[cell].count += 1;
            odd[cell].ticks += duration;
        }
    }
    let [mut even, odd] = tables;
    for (total, more) in even.iter_mut().zip(odd) {
        total.count += more.count;
        total.ticks += more.ticks;
    }
    even
}

/// The edges over all sequences, most frequent first, ties by the names `from`, then `to`.
#[must_use]
pub fn directly_follows(log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Edge> {
    let groups = match totals(log, sequences, threads) {
        Some(totals) => dense(log, sequences, &totals),
        None => sparse(log, sequences),
    };
    let text = |code: usize| log.names().text(code as u32).unwrap_or_default().to_owned();
    let mut edges = parallel::each(threads, groups, |(from, to, mut ticks)| Edge {
        count: ticks.len() as u64,
        mean_seconds: log.times().seconds(mean(&ticks)),
        median_seconds: log.times().seconds(median(&mut ticks).unwrap_or_default()),
        from: text(from),
        to: text(to),
    });
    edges.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to))));
    edges
}

/// A pair of names and the ticks between, in any order.
type Group = (usize, usize, Vec<i64>);

/// Room for every pair is known from its count, so that each duration is written once to its place.
fn dense(log: &EventLog, sequences: &Sequences, totals: &[Total]) -> Vec<Group> {
    let names = log.names().len();
    let mut groups: Vec<Vec<i64>> = totals.iter().map(|total| Vec::with_capacity(total.count as usize)).collect();
    with_columns!(log, |codes, ticks| each_pair(codes, ticks, sequences, |from, to, duration| {
        groups[from * names + to].push(duration);
    }));
    let occurs = groups.into_iter().enumerate().filter(|(_, ticks)| !ticks.is_empty());
    occurs.map(|(cell, ticks)| (cell / names, cell % names, ticks)).collect()
}

fn sparse(log: &EventLog, sequences: &Sequences) -> Vec<Group> {
    let mut groups: FxHashMap<(usize, usize), Vec<i64>> = FxHashMap::default();
    with_columns!(log, |codes, ticks| each_pair(codes, ticks, sequences, |from, to, duration| {
        groups.entry((from, to)).or_default().push(duration);
    }));
    groups.into_iter().map(|((from, to), ticks)| (from, to, ticks)).collect()
}

fn each_pair<C: Code, T: Tick>(
    codes: &[C],
    ticks: &[T],
    sequences: &Sequences,
    mut take: impl FnMut(usize, usize, i64),
) {
    for pair in sequences.starts().windows(2) {
        let rows = pair[0] as usize..pair[1] as usize;
        for (code, tick) in codes[rows.clone()].windows(2).zip(ticks[rows].windows(2)) {
            take(code[0].index(), code[1].index(), tick[1].since(tick[0]) as i64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Unit, sequences};

    fn log_of(customers: &[Vec<(i64, u16)>]) -> EventLog {
        let mut builder = EventLog::builder();
        for (number, events) in customers.iter().enumerate() {
            for (second, name) in events {
                let time = Timestamp::from_millis(second * 1000);
                builder.push(&format!("c{number:03}"), time, &format!("e{name:04}"), []).unwrap();
            }
        }
        builder.build()
    }

    #[test]
    fn edges_stay_inside_a_sequence_and_carry_the_median() {
        let log = log_of(&[vec![(0, 1), (10, 2), (5000, 1), (5004, 2)], vec![(0, 1), (1, 2), (2, 3)]]);
        let show = |unit| -> Vec<_> {
            directly_follows(&log, &sequences(&log, unit, 1), 1)
                .into_iter()
                .map(|edge| (edge.from, edge.to, edge.count, edge.median_seconds, edge.mean_seconds))
                .collect()
        };
        let edge = |from: &str, to: &str, count, median, mean| (from.to_owned(), to.to_owned(), count, median, mean);
        let whole = [
            edge("e0001", "e0002", 3, 4.0, 5.0),
            edge("e0002", "e0001", 1, 4990.0, 4990.0),
            edge("e0002", "e0003", 1, 1.0, 1.0),
        ];
        assert_eq!(show(Unit::Customer), whole);
        let gap = Duration::from_secs(1800);
        assert_eq!(show(Unit::Session { gap }), [whole[0].clone(), whole[2].clone()]);
        assert!(show(Unit::Session { gap: Duration::ZERO }).is_empty());
    }

    proptest! {
        #[test]
        fn equals_counting_one_by_one(
            customers in prop::collection::vec(prop::collection::vec((0i64..50, 0u16..4), 0..30), 0..6),
            many in prop::bool::ANY,
        ) {
            // With a thousand and more names the sparse way is taken.
            let mut customers = customers;
            if many {
                customers.push((0..1100).map(|name| (i64::from(name), name)).collect());
            }
            let log = log_of(&customers);
            let mut naive: BTreeMap<(u16, u16), Vec<i64>> = BTreeMap::new();
            for events in &mut customers {
                events.sort_by_key(|event| event.0);
                for pair in events.windows(2) {
                    naive.entry((pair[0].1, pair[1].1)).or_default().push(pair[1].0 - pair[0].0);
                }
            }
            let mut found: Vec<_> = directly_follows(&log, &sequences(&log, Unit::Customer, 1), 2)
                .into_iter()
                .map(|edge| (edge.from, edge.to, edge.count, edge.median_seconds))
                .collect();
            found.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
            let naive: Vec<_> = naive
                .into_iter()
                .map(|((from, to), mut seconds)| {
                    seconds.sort_unstable();
                    let middle = seconds.len() / 2;
                    let lower = if seconds.len() % 2 == 1 { seconds[middle] } else { seconds[middle - 1] };
                    let median = (lower + seconds[middle]) as f64 / 2.0;
                    (format!("e{from:04}"), format!("e{to:04}"), seconds.len() as u64, median)
                })
                .collect();
            prop_assert_eq!(found, naive);
        }
    }
}
