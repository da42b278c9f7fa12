//! How sequences run: whole variants, the steps from an event on, and the tree of paths that lead from it or to it.

use std::collections::BTreeMap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::log::EventLog;
use crate::parallel;
use crate::paths::{Path, top_spans};
use crate::sessions::Sequences;

/// The most frequent whole sequences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants {
    /// How many different ones there are.
    pub distinct: usize,
    /// The most frequent, ties ordered by their text.
    pub top: Vec<Path>,
}

/// Counts sequences that consist of the same events in the same order.
#[must_use]
pub fn variants(log: &EventLog, sequences: &Sequences, top: usize) -> Variants {
    let spans = || (0..sequences.len()).map(|at| sequences.rows(at));
    let mut seen: FxHashMap<Vec<u32>, ()> = FxHashMap::default();
    for rows in spans() {
        seen.insert(rows.map(|row| log.codes().get(row)).collect(), ());
    }
    Variants { distinct: seen.len(), top: top_spans(log, spans(), top) }
}

/// Where sequences are looked at from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor<'a> {
    /// Their beginning, forwards.
    Start,
    /// Their end, backwards.
    End,
    /// The first event of a name, forwards.
    From(&'a str),
    /// The last event of a name, backwards.
    To(&'a str),
}

impl Anchor<'_> {
    /// The rows of a sequence from the anchor on, in the order in which they are walked; nothing where it has none.
    fn walk(self, log: &EventLog, rows: Range<usize>) -> Option<(Range<usize>, bool)> {
        let is = |name: &str| {
            let code = log.names().code(name);
            move |row: &usize| Some(log.codes().get(*row)) == code
        };
        match self {
            Self::Start => Some((rows, false)),
            Self::End => Some((rows, true)),
            Self::From(name) => rows.clone().find(is(name)).map(|row| (row..rows.end, false)),
            Self::To(name) => rows.clone().rev().find(is(name)).map(|row| (rows.start..row + 1, true)),
        }
    }

    fn codes(self, log: &EventLog, rows: Range<usize>, depth: usize) -> Option<Vec<u32>> {
        let (rows, backwards) = self.walk(log, rows)?;
        let code = |row| log.codes().get(row);
        Some(if backwards { rows.rev().take(depth).map(code).collect() } else { rows.take(depth).map(code).collect() })
    }
}

/// How many sequences go from one event to another between two neighbouring steps: one band of a Sankey diagram.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Band {
    /// The step that it leaves, from 1: the anchor's.
    pub step: usize,
    /// The event there.
    pub from: String,
    /// The event at the next step; absent where the sequence ends.
    pub to: Option<String>,
    /// How many sequences.
    pub count: u64,
}

/// The bands between the first `steps` steps from an anchor, by step, then the most frequent, ties by the names.
#[must_use]
pub fn bands(log: &EventLog, sequences: &Sequences, anchor: Anchor<'_>, steps: usize, threads: usize) -> Vec<Band> {
    type Counts = FxHashMap<(usize, u32, Option<u32>), u64>;
    let parts = parallel::map(threads, sequences.starts(), |range| {
        let mut counts = Counts::default();
        for at in range {
            let Some(codes) = anchor.codes(log, sequences.rows(at), steps) else { continue };
            for (step, from) in codes.iter().enumerate().take(steps.saturating_sub(1)) {
                *counts.entry((step + 1, *from, codes.get(step + 1).copied())).or_default() += 1;
            }
        }
        counts
    });
    let mut all = Counts::default();
    for (key, count) in parts.into_iter().flatten() {
        *all.entry(key).or_default() += count;
    }
    let name = |code: u32| log.names().text(code).unwrap_or_default().to_owned();
    let mut bands: Vec<Band> = all
        .into_iter()
        .map(|((step, from, to), count)| Band { step, from: name(from), to: to.map(name), count })
        .collect();
    bands.sort_unstable_by(|a, b| {
        a.step.cmp(&b.step).then_with(|| b.count.cmp(&a.count)).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to)))
    });
    bands
}

/// A tree of paths: what follows (or comes before) the anchor, what follows that, and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The event.
    pub event: String,
    /// How many sequences come through here.
    pub count: u64,
    /// How many of them end here.
    pub ended: u64,
    /// What follows, the most frequent first, ties by name.
    pub next: Vec<Node>,
}

#[derive(Default)]
struct Branch {
    count: u64,
    ended: u64,
    next: BTreeMap<u32, Branch>,
}

/// The tree of the paths from an anchor, to a depth, leaving out branches of fewer than `least` sequences. The first
/// level is the anchor's event, or with [`Anchor::Start`] and [`Anchor::End`] every first or last event.
#[must_use]
pub fn tree(log: &EventLog, sequences: &Sequences, anchor: Anchor<'_>, depth: usize, least: u64) -> Vec<Node> {
    let mut root = Branch::default();
    for at in 0..sequences.len() {
        // One more than is shown, to know whether a path ends at the last level.
        let Some(codes) = anchor.codes(log, sequences.rows(at), depth.saturating_add(1)) else { continue };
        let mut branch = &mut root;
        for code in codes.iter().take(depth) {
            branch = branch.next.entry(*code).or_default();
            branch.count += 1;
        }
        branch.ended += u64::from(codes.len() <= depth);
    }
    nodes(log, root.next, least)
}

fn nodes(log: &EventLog, branches: BTreeMap<u32, Branch>, least: u64) -> Vec<Node> {
    let mut nodes: Vec<Node> = branches
        .into_iter()
        .filter(|(_, branch)| branch.count >= least)
        .map(|(code, branch)| Node {
            event: log.names().text(code).unwrap_or_default().to_owned(),
            count: branch.count,
            ended: branch.ended,
            next: nodes(log, branch.next, least),
        })
        .collect();
    nodes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.event.cmp(&b.event)));
    nodes
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Unit, sequences};

    fn log_of(customers: &[&str]) -> EventLog {
        let mut builder = EventLog::builder();
        for (number, events) in customers.iter().enumerate() {
            for (second, event) in (0..).zip(events.chars()) {
                builder.push(&format!("c{number}"), Timestamp::from_millis(second), &event.to_string(), []).unwrap();
            }
        }
        builder.build()
    }

    #[test]
    fn variants_are_whole_sequences() {
        let log = log_of(&["ab", "ab", "abc", "b"]);
        let found = variants(&log, &sequences(&log, Unit::Customer, 1), 2);
        assert_eq!(found.distinct, 3);
        let top: Vec<_> = found.top.iter().map(|path| (path.text(), path.count)).collect();
        assert_eq!(top, [("a>b".to_owned(), 2), ("a>b>c".to_owned(), 1)]);
    }

    #[test]
    fn trees_grow_from_and_to_an_event() {
        let log = log_of(&["xabc", "abd", "ab", "xx"]);
        let all = sequences(&log, Unit::Customer, 1);
        let from = tree(&log, &all, Anchor::From("a"), 3, 1);
        assert_eq!(
            (from[0].event.as_str(), from[0].count, from[0].next[0].count, from[0].next[0].ended),
            ("a", 3, 3, 1)
        );
        assert_eq!(from[0].next[0].next.iter().map(|node| node.ended).collect::<Vec<_>>(), [1, 1]);
        let to = tree(&log, &all, Anchor::To("b"), 3, 1);
        assert_eq!((to[0].event.as_str(), to[0].next[0].event.as_str(), to[0].next[0].ended), ("b", "a", 2));
        assert!(tree(&log, &all, Anchor::From("a"), 3, 4).is_empty());
        assert_eq!(tree(&log, &all, Anchor::Start, 1, 1).len(), 2);
    }

    proptest! {
        #[test]
        fn bands_keep_every_sequence(customers in prop::collection::vec("[a-d]{1,7}", 1..12), steps in 2usize..6) {
            let texts: Vec<&str> = customers.iter().map(String::as_str).collect();
            let log = log_of(&texts);
            let all = sequences(&log, Unit::Customer, 1);
            for (anchor, reversed) in [(Anchor::Start, false), (Anchor::End, true)] {
                let bands = bands(&log, &all, anchor, steps, 2);
                for step in 1..steps {
                    let passing = texts.iter().filter(|text| text.len() >= step).count() as u64;
                    let own = bands.iter().filter(|band| band.step == step);
                    prop_assert_eq!(own.map(|band| band.count).sum::<u64>(), passing);
                }
                for band in &bands {
                    let fits = |text: &&&str| {
                        let mut events: Vec<char> = text.chars().collect();
                        if reversed {
                            events.reverse();
                        }
                        events.get(band.step - 1).map(ToString::to_string).as_ref() == Some(&band.from)
                            && events.get(band.step).map(ToString::to_string) == band.to
                    };
                    prop_assert_eq!(texts.iter().filter(fits).count() as u64, band.count);
                }
            }
        }
    }
}
