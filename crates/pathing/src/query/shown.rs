//! From a figure that is shown to whom it counts: every edge, path, variant, band, step and drop-off as a question of its
//! own that reproduces its count, and as the list of its members.

use crate::funnel::Funnel;
use crate::log::EventLog;
use crate::pattern::{Pattern, Search, find};
use crate::sessions::Sequences;

/// A figure as it is shown somewhere.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// That an event comes directly after another.
    Edge(String, String),
    /// A window of consecutive events.
    Path(Vec<String>),
    /// A whole sequence.
    Variant(Vec<String>),
    /// A band between two steps: from where it is counted, the step that it leaves, from 1, the event there, and the event
    /// at the next step or the end.
    Band(From, usize, String, Option<String>),
    /// Who gets to a step of a funnel, from 1.
    Reached(Funnel, usize),
    /// Who gets to a step of a funnel, from 1, and not to the next.
    Dropped(Funnel, usize),
}

/// Where bands are counted from: the anchors of [`crate::flow`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The beginning.
    Start,
    /// The end, backwards.
    End,
    /// The first event of a name.
    First(String),
    /// The last event of a name, backwards.
    Last(String),
}

/// A sequence that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The number of the sequence.
    pub sequence: usize,
    /// How often it is counted.
    pub count: u64,
}

impl Shown {
    /// The pattern whose overlapping matches it counts; nothing for steps of funnels, which count sequences.
    #[must_use]
    pub fn pattern(&self) -> Option<String> {
        let all = |names: &[String]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(" ");
        match self {
            Self::Edge(from, to) => Some(format!("{} {}", quoted(from), quoted(to))),
            Self::Path(names) => Some(all(names)),
            Self::Variant(names) => Some(format!("^ {} $", all(names))),
            Self::Band(anchor, step, from, to) => Some(band(anchor, *step, from, to.as_deref())),
            Self::Reached(..) | Self::Dropped(..) => None,
        }
    }

    /// The sequences that it counts, in order; the counts add up to the figure shown.
    #[must_use]
    pub fn members(&self, log: &EventLog, sequences: &Sequences, threads: usize) -> Vec<Member> {
        let steps = |funnel: &Funnel, counts: &dyn Fn(u32) -> bool| {
            let levels = funnel.levels(log, sequences, threads);
            let hit = levels.iter().enumerate().filter(|(_, level)| counts(**level));
            hit.map(|(sequence, _)| Member { sequence, count: 1 }).collect()
        };
        match self {
            Self::Reached(funnel, step) => steps(funnel, &|level| level as usize >= *step),
            Self::Dropped(funnel, step) => steps(funnel, &|level| level as usize == *step),
            _ => {
                let pattern = self.pattern().and_then(|text| Pattern::parse(&text).ok());
                let Some(pattern) = pattern else { return Vec::new() };
                let search = Search { within: None, overlapping: true };
                let mut members: Vec<Member> = Vec::new();
                for found in find(log, sequences, &pattern, search, threads) {
                    let sequence = sequences.starts().partition_point(|start| *start as usize <= found.row) - 1;
                    match members.last_mut() {
                        Some(last) if last.sequence == sequence => last.count += 1,
                        _ => members.push(Member { sequence, count: 1 }),
                    }
                }
                members
            }
        }
    }
}

fn band(anchor: &From, step: usize, from: &str, to: Option<&str>) -> String {
    // So many events of any kind lie between the anchor and the step.
    let gap = |events: usize| if events == 0 { String::new() } else { format!(".{{{events}}} ") };
    let from_name = quoted(from);
    let to = to.map(quoted);
    match anchor {
        From::Start => format!("^ {}{from_name} {}", gap(step - 1), to.as_deref().unwrap_or("$")),
        From::End => format!("{} {from_name} {}$", to.as_deref().unwrap_or("^"), gap(step - 1)),
        From::First(name) => {
            let name = quoted(name);
            let way = if step == 1 { from_name } else { format!("{name} {}{from_name}", gap(step - 2)) };
            format!("^ (!{name})* {way} {}", to.as_deref().unwrap_or("$"))
        }
        From::Last(name) => {
            let name = quoted(name);
            let way = if step == 1 { from_name } else { format!("{from_name} {}{name}", gap(step - 2)) };
            format!("{} {way} (!{name})* $", to.as_deref().unwrap_or("^"))
        }
    }
}

/// A name as the pattern language writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::flow::{Anchor, bands, variants};
    use crate::graph::directly_follows;
    use crate::paths::top_paths;
    use crate::sessions::{Unit, sequences};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_figure_shown_is_reproduced(
            ways in prop::collection::vec(
                prop::collection::vec((0i64..90, prop::sample::select(vec!["a", "b \"c\\", "!d"])), 1..10), 1..6),
            by_session in any::<bool>(),
        ) {
            let mut builder = EventLog::builder();
            for (customer, way) in ways.iter().enumerate() {
                for (second, event) in way {
                    builder.push(&format!("c{customer}"), Timestamp::from_millis(second * 1000), event, []).unwrap();
                }
            }
            let log = builder.build();
            let unit = if by_session { Unit::Session { gap: Duration::from_secs(20) } } else { Unit::Customer };
            let all = sequences(&log, unit, 1);
            let count = |shown: &Shown| shown.members(&log, &all, 2).iter().map(|member| member.count).sum::<u64>();
            for edge in directly_follows(&log, &all, 1) {
                prop_assert_eq!(count(&Shown::Edge(edge.from, edge.to)), edge.count);
            }
            for length in 1..4 {
                for path in top_paths(&log, &all, length, 100, 1) {
                    prop_assert_eq!(count(&Shown::Path(path.events)), path.count);
                }
            }
            for variant in variants(&log, &all, 100).top {
                prop_assert_eq!(count(&Shown::Variant(variant.events)), variant.count);
            }
            let name = "b \"c\\".to_owned();
            for (anchor, from) in [
                (Anchor::Start, From::Start),
                (Anchor::End, From::End),
                (Anchor::From(&name), From::First(name.clone())),
                (Anchor::To(&name), From::Last(name.clone())),
            ] {
                for band in bands(&log, &all, anchor, 4, 1) {
                    let shown = Shown::Band(from.clone(), band.step, band.from, band.to);
                    prop_assert_eq!(count(&shown), band.count, "{:?}", shown.pattern());
                }
            }
            let funnel = Funnel::named(["a", "!d", "a"], Duration::from_secs(40));
            let steps = funnel.run(&log, &all, 1);
            for (at, step) in steps.iter().enumerate() {
                let next = steps.get(at + 1).map_or(0, |next| next.reached);
                prop_assert_eq!(count(&Shown::Reached(funnel.clone(), at + 1)), step.reached);
                prop_assert_eq!(count(&Shown::Dropped(funnel.clone(), at + 1)), step.reached - next);
            }
        }
    }
}
