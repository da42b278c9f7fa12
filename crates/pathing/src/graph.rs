//! The directly-follows graph: which event comes right after which.

use rustc_hash::FxHashMap;

use crate::log::EventLog;
use crate::sessions::Sequence;
use crate::stat::median_seconds;

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
}

/// The edges over all sequences, most frequent first, ties by the names `from`, then `to`.
#[must_use]
pub fn directly_follows(log: &EventLog, sequences: &[Sequence]) -> Vec<Edge> {
    let mut durations: FxHashMap<(u32, u32), Vec<i64>> = FxHashMap::default();
    let (names, times) = (log.name_codes(), log.times());
    for sequence in sequences {
        for row in sequence.rows.start + 1..sequence.rows.end {
            let micros = times[row].as_micros() - times[row - 1].as_micros();
            durations.entry((names[row - 1], names[row])).or_default().push(micros);
        }
    }
    let text = |code: u32| log.names().text(code).unwrap_or_default().to_owned();
    let mut edges: Vec<Edge> = durations
        .into_iter()
        .map(|((from, to), mut micros)| Edge {
            from: text(from),
            to: text(to),
            count: micros.len() as u64,
            median_seconds: median_seconds(&mut micros).unwrap_or_default(),
        })
        .collect();
    edges.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| (&a.from, &a.to).cmp(&(&b.from, &b.to))));
    edges
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use attune_kernel::Timestamp;

    use super::*;
    use crate::sessions::{Unit, sequences};

    #[test]
    fn edges_stay_inside_a_sequence_and_carry_the_median() {
        let mut builder = EventLog::builder();
        for (customer, second, name) in [
            ("a", 0, "x"),
            ("a", 10, "y"),
            ("a", 5000, "x"),
            ("a", 5004, "y"),
            ("b", 0, "x"),
            ("b", 1, "y"),
            ("b", 2, "z"),
        ] {
            builder.push(customer, Timestamp::from_millis(second * 1000), name, []).unwrap();
        }
        let log = builder.build();
        let show = |unit| -> Vec<_> {
            directly_follows(&log, &sequences(&log, unit))
                .into_iter()
                .map(|edge| (edge.from, edge.to, edge.count, edge.median_seconds))
                .collect()
        };
        let edge = |from: &str, to: &str, count, median| (from.to_owned(), to.to_owned(), count, median);
        assert_eq!(show(Unit::Customer), [edge("x", "y", 3, 4.0), edge("y", "x", 1, 4990.0), edge("y", "z", 1, 1.0)]);
        let gap = Duration::from_secs(1800);
        assert_eq!(show(Unit::Session { gap }), [edge("x", "y", 3, 4.0), edge("y", "z", 1, 1.0)]);
    }
}
