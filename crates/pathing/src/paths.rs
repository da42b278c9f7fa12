//! The most frequent windows of consecutive events.

use rustc_hash::FxHashMap;

use crate::log::EventLog;
use crate::sessions::Sequence;

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
pub fn top_paths(log: &EventLog, sequences: &[Sequence], length: usize, top: usize) -> Vec<Path> {
    if length == 0 || top == 0 {
        return Vec::new();
    }
    let mut counts: FxHashMap<&[u32], u64> = FxHashMap::default();
    for sequence in sequences {
        for window in log.name_codes()[sequence.rows.clone()].windows(length) {
            *counts.entry(window).or_default() += 1;
        }
    }
    let mut ranked: Vec<(&[u32], u64)> = counts.into_iter().collect();
    // Texts are built only for windows that can be among the top: those counted at least as often as the last of them.
    if ranked.len() > top {
        ranked.select_nth_unstable_by(top - 1, |a, b| b.1.cmp(&a.1));
        let least = ranked[top - 1].1;
        ranked.retain(|(_, count)| *count >= least);
    }
    let name = |code: &u32| log.names().text(*code).unwrap_or_default().to_owned();
    let mut paths: Vec<(String, Path)> = ranked
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
            customers in prop::collection::vec(prop::collection::vec(0u8..4, 0..12), 0..6),
            length in 1usize..4,
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
            let found = top_paths(&log, &sequences(&log, Unit::Customer), length, top);
            prop_assert_eq!(found.into_iter().map(|p| (p.text(), p.count)).collect::<Vec<_>>(), naive);
        }
    }
}
