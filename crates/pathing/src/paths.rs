//! The most frequent windows of consecutive events.

use rustc_hash::FxHashMap;

use crate::log::{Code, EventLog, with_codes};
use crate::parallel;
use crate::sessions::Sequences;

/// A window of event names and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The names in order.
    pub events: Vec<String>,
    /// The number of windows that show it.
    pub count: u64,
}

impl Path {
    /// The path as text: the names joined by `>`.
    #[must_use]
    pub fn text(&self) -> String {
        self.events.join(">")
    }
}

/// Counts every window of `length` consecutive events inside a sequence and answers the `top` most frequent, ties
/// ordered by the path's text. A sequence of n events holds n - length + 1 windows; a shorter one holds none.
#[must_use]
pub fn top_paths(log: &EventLog, sequences: &Sequences, length: usize, top: usize, threads: usize) -> Vec<Path> {
    if length == 0 || top == 0 {
        return Vec::new();
    }
    let counted = count_windows(log, sequences, length, threads);
    rank(log, counted, top)
}

/// Counts given ranges of rows by their events and answers the `top` most frequent, ties ordered by the path's text.
#[must_use]
pub fn top_spans(log: &EventLog, spans: impl IntoIterator<Item = std::ops::Range<usize>>, top: usize) -> Vec<Path> {
    if top == 0 {
        return Vec::new();
    }
    let mut counts: FxHashMap<Vec<u32>, u64> = FxHashMap::default();
    let mut window = Vec::new();
    for rows in spans {
        window.clear();
        window.extend(rows.map(|row| log.codes().get(row)));
        match counts.get_mut(&window) {
            Some(count) => *count += 1,
            None => drop(counts.insert(window.clone(), 1)),
        }
    }
    rank(log, counts.into_iter().collect(), top)
}

/// Ranks windows of name codes: the most frequent first, ties by the path's text.
fn rank(log: &EventLog, mut counted: Vec<(Vec<u32>, u64)>, top: usize) -> Vec<Path> {
    // Texts are built only for windows that can be among the top: those counted at least as often as the last of them.
    if counted.len() > top {
        counted.select_nth_unstable_by(top - 1, |a, b| b.1.cmp(&a.1));
        let least = counted[top - 1].1;
        counted.retain(|(_, count)| *count >= least);
    }
    let name = |code: &u32| log.names().text(*code).unwrap_or_default().to_owned();
    let mut paths: Vec<(String, Path)> = counted
        .into_iter()
        .map(|(window, count)| Path { events: window.iter().map(name).collect(), count })
        .map(|path| (path.text(), path))
        .collect();
    // Two paths can share a text when names hold '>'; the names themselves then decide.
    paths.sort_unstable_by(|(a_text, a), (b_text, b)| {
        b.count.cmp(&a.count).then_with(|| a_text.cmp(b_text)).then_with(|| a.events.cmp(&b.events))
    });
    paths.truncate(top);
    paths.into_iter().map(|(_, path)| path).collect()
}

/// Windows up to which every possible one has a cell of its own.
const CELLS: u128 = 1 << 22;

/// Every window that occurs, as codes of names, and how often; in any order.
fn count_windows(log: &EventLog, sequences: &Sequences, length: usize, threads: usize) -> Vec<(Vec<u32>, u64)> {
    let names = log.names().len().max(1) as u128;
    let starts = sequences.starts();
    let possible = u32::try_from(length).ok().and_then(|length| names.checked_pow(length));
    let part = |range: std::ops::Range<usize>| &starts[range.start..=range.end];
    match possible {
        Some(possible) if possible <= CELLS => {
            let cells = possible as usize;
            let parts = with_codes!(log, |codes| parallel::map(threads, starts, |range| {
                let mut counts = vec![0u32; cells];
                each_number(codes, part(range), length, names as u64, |number| counts[number as usize] += 1);
                counts
            }));
            let mut sums = vec![0u64; cells];
            for counts in parts {
                sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += u64::from(count));
            }
            let occurs = sums.into_iter().enumerate().filter(|(_, count)| *count > 0);
            occurs.map(|(number, count)| (digits(number as u64, names as u64, length), count)).collect()
        }
        Some(possible) if possible <= u128::from(u64::MAX) => {
            let parts = with_codes!(log, |codes| parallel::map(threads, starts, |range| {
                let mut counts: FxHashMap<u64, u64> = FxHashMap::default();
                each_number(codes, part(range), length, names as u64, |number| *counts.entry(number).or_default() += 1);
                counts
            }));
            let occurs = merged(parts);
            occurs.into_iter().map(|(number, count)| (digits(number, names as u64, length), count)).collect()
        }
        _ => {
            let parts = with_codes!(log, |codes| parallel::map(threads, starts, |range| {
                let mut counts: FxHashMap<Vec<u32>, u64> = FxHashMap::default();
                for rows in starts[range.start..=range.end].windows(2) {
                    for window in codes[rows[0] as usize..rows[1] as usize].windows(length) {
                        *counts.entry(window.iter().map(|code| code.index() as u32).collect()).or_default() += 1;
                    }
                }
                counts
            }));
            merged(parts).into_iter().collect()
        }
    }
}

fn merged<K: Eq + std::hash::Hash>(parts: Vec<FxHashMap<K, u64>>) -> FxHashMap<K, u64> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    for (key, count) in parts.flatten() {
        *all.entry(key).or_default() += count;
    }
    all
}

/// Reads every window as a number whose digits are the codes: each follows from the one before by dropping the first
/// digit and adding one.
fn each_number<C: Code>(codes: &[C], starts: &[u32], length: usize, names: u64, mut take: impl FnMut(u64)) {
    let highest = names.pow(length as u32 - 1);
    for rows in starts.windows(2) {
        let own = &codes[rows[0] as usize..rows[1] as usize];
        if own.len() < length {
            continue;
        }
        let (begin, rest) = own.split_at(length - 1);
        let mut number = begin.iter().fold(0, |number, code| number * names + code.index() as u64);
        for (first, last) in own.iter().zip(rest) {
            number = number * names + last.index() as u64;
            take(number);
            number -= first.index() as u64 * highest;
        }
    }
}

/// The codes of which a number is made.
fn digits(mut number: u64, names: u64, length: usize) -> Vec<u32> {
    let mut codes = vec![0; length];
    for code in codes.iter_mut().rev() {
        *code = (number % names) as u32;
        number /= names;
    }
    codes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Unit, sequences};

    fn log_of(customers: &[Vec<u8>]) -> EventLog {
        let mut builder = EventLog::builder();
        for (number, events) in customers.iter().enumerate() {
            for (second, event) in (0..).zip(events) {
                let name = char::from(b'a' + event).to_string();
                builder.push(&format!("c{number}"), Timestamp::from_millis(second), &name, []).unwrap();
            }
        }
        builder.build()
    }

    proptest! {
        #[test]
        fn equals_counting_texts(
            customers in prop::collection::vec(prop::collection::vec(0u8..4, 0..80), 0..6),
            length in prop::sample::select(vec![1usize, 2, 3, 11, 33, 70]),
            top in 0usize..10,
        ) {
            let mut naive: BTreeMap<String, u64> = BTreeMap::new();
            for events in &customers {
                for window in events.windows(length) {
                    let names: Vec<_> = window.iter().map(|event| char::from(b'a' + event).to_string()).collect();
                    *naive.entry(names.join(">")).or_default() += 1;
                }
            }
            let mut naive: Vec<_> = naive.into_iter().collect();
            naive.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            naive.truncate(top);
            let log = log_of(&customers);
            let found = top_paths(&log, &sequences(&log, Unit::Customer, 1), length, top, 2);
            prop_assert_eq!(found.into_iter().map(|p| (p.text(), p.count)).collect::<Vec<_>>(), naive);
        }
    }
}
