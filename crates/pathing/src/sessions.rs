//! Sequences of events: all of a customer's, or cut into sessions by inactivity.
//!
//! A session ends where the time to the customer's next event is strictly greater than the gap: with a gap of 30
//! minutes, events exactly 30 minutes apart belong to one session.

use std::ops::Range;
use std::time::Duration;

use crate::log::{EventLog, Tick, with_ticks};
use crate::parallel;

/// What makes one sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// All events of a customer.
    Customer,
    /// The events of a session: consecutive ones no further apart than the gap.
    Session {
        /// The longest time between two events of a session.
        gap: Duration,
    },
}

/// Consecutive rows of one customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The customer's code.
    pub customer: u32,
    /// The number of the session within the customer, from 1; 0 when the unit is the customer.
    pub session: u32,
    /// The rows in the log; never empty.
    pub rows: Range<usize>,
}

/// The sequences of a log, in the order of its rows.
#[derive(Debug, Clone)]
pub struct Sequences {
    /// The first row of each, and the number of rows at the end.
    starts: Vec<u32>,
    /// The first sequence of each customer, and the number of sequences at the end; absent when each has one.
    first: Option<Vec<u32>>,
}

impl Sequences {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first row of each sequence, and the number of rows at the end.
    #[must_use]
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The rows of one by its number, from 0; empty for an unknown one.
    #[must_use]
    pub fn rows(&self, at: usize) -> Range<usize> {
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// One by its number, from 0.
    #[must_use]
    pub fn get(&self, at: usize) -> Sequence {
        let rows = self.rows(at);
        let number = at as u32;
        match &self.first {
            None => Sequence { customer: number, session: 0, rows },
            Some(first) => {
                let customer = first.partition_point(|first| *first <= number).saturating_sub(1);
                Sequence { customer: customer as u32, session: number - first[customer] + 1, rows }
            }
        }
    }

    /// All of them in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Sequence> {
        self.range(0..self.len())
    }

    /// Those with numbers in a range, in order.
    pub(crate) fn range(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = Sequence> {
        let mut customer = self.get(range.start).customer as usize;
        range.map(move |at| {
            let rows = self.rows(at);
            let number = at as u32;
            match &self.first {
                None => Sequence { customer: number, session: 0, rows },
                Some(first) => {
                    while first[customer + 1] <= number {
                        customer += 1;
                    }
                    Sequence { customer: customer as u32, session: number - first[customer] + 1, rows }
                }
            }
        })
    }

    /// The number of the sequence of each row.
    #[must_use]
    pub fn by_row(&self) -> Vec<u32> {
        let mut numbers = vec![0; self.starts.last().map_or(0, |end| *end as usize)];
        for (number, pair) in (0u32..).zip(self.starts.windows(2)) {
            numbers[pair[0] as usize..pair[1] as usize].fill(number);
        }
        numbers
    }
}

/// Cuts the log into sequences.
#[must_use]
pub fn sequences(log: &EventLog, unit: Unit, threads: usize) -> Sequences {
    let bounds = log.bounds();
    if bounds.is_empty() {
        return Sequences { starts: vec![0], first: None };
    }
    let Unit::Session { gap } = unit else { return Sequences { starts: bounds.to_vec(), first: None } };
    let gap = log.times().whole_ticks(gap);
    let parts = with_ticks!(log, |ticks| parallel::map(threads, bounds, |range| cut(
        ticks,
        &bounds[range.start..=range.end],
        gap
    )));
    let (mut starts, mut first) = (Vec::new(), Vec::with_capacity(bounds.len()));
    for (part_starts, part_first) in parts {
        let before = starts.len() as u32;
        first.extend(part_first.iter().map(|number| number + before));
        if starts.is_empty() {
            starts = part_starts;
        } else {
            starts.extend_from_slice(&part_starts);
        }
    }
    first.push(starts.len() as u32);
    starts.push(log.len() as u32);
    Sequences { starts, first: Some(first) }
}

/// The first row of each session, and the first session of each customer.
fn cut<T: Tick>(ticks: &[T], bounds: &[u32], gap: u64) -> (Vec<u32>, Vec<u32>) {
    let rows = bounds[bounds.len() - 1] - bounds[0];
    // Every row is written where the next start belongs, and stays there only if it is one: no branch to mispredict.
    // The memory is taken as it is touched, which is as much as there are sessions.
    let mut starts = vec![0u32; rows as usize + 1];
    let mut first = Vec::with_capacity(bounds.len());
    let mut count = 0;
    for pair in bounds.windows(2) {
        first.push(count as u32);
        starts[count] = pair[0];
        count += 1;
        let own = &ticks[pair[0] as usize..pair[1] as usize];
        for (row, times) in (pair[0] + 1..).zip(own.windows(2)) {
            starts[count] = row;
            count += usize::from(times[1].since(times[0]) > gap);
        }
    }
    starts.truncate(count);
    starts.shrink_to_fit();
    (starts, first)
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_millis(minute * 60_000)
    }

    #[test]
    fn a_gap_must_be_exceeded_to_end_a_session() {
        let mut builder = EventLog::builder();
        for minute in [0, 30, 61, 61, 200] {
            builder.push("ada", at(minute), "view", []).unwrap();
        }
        builder.push("bob", at(10), "view", []).unwrap();
        let log = builder.build();
        let gap = Duration::from_secs(30 * 60);
        let found = sequences(&log, Unit::Session { gap }, 1);
        let cut: Vec<_> = found.iter().map(|s| (s.customer, s.session, s.rows)).collect();
        assert_eq!(cut, [(0, 1, 0..2), (0, 2, 2..4), (0, 3, 4..5), (1, 1, 5..6)]);
        assert_eq!((0..4).map(|at| found.get(at)).collect::<Vec<_>>(), found.iter().collect::<Vec<_>>());
        assert_eq!(found.by_row(), [0, 0, 1, 1, 2, 3]);
        let whole = sequences(&log, Unit::Customer, 1);
        assert_eq!(whole.iter().map(|s| (s.session, s.rows)).collect::<Vec<_>>(), [(0, 0..5), (0, 5..6)]);
        assert!(sequences(&EventLog::builder().build(), Unit::Customer, 1).is_empty());
        assert!(sequences(&EventLog::builder().build(), Unit::Session { gap }, 2).is_empty());
    }

    proptest! {
        #[test]
        fn equals_walking_over_the_events(
            customers in prop::collection::vec(prop::collection::vec(0i64..4000, 1..20), 1..9),
            gap in 0u64..1500,
        ) {
            let mut builder = EventLog::builder();
            let mut naive = Vec::new();
            for (number, seconds) in (0u32..).zip(&customers) {
                let mut sorted = seconds.clone();
                sorted.sort_unstable();
                let mut session = 0;
                for (place, second) in sorted.iter().enumerate() {
                    if place == 0 || second - sorted[place - 1] > gap as i64 {
                        session += 1;
                    }
                    naive.push((number, session));
                }
                for second in seconds {
                    builder.push(&format!("c{number}"), Timestamp::from_millis(second * 1000), "x", []).unwrap();
                }
            }
            let log = builder.build();
            let found = sequences(&log, Unit::Session { gap: Duration::from_secs(gap) }, 2);
            let rows: Vec<_> = found.iter().flat_map(|s| s.rows.clone().map(move |_| (s.customer, s.session))).collect();
            prop_assert_eq!(rows, naive);
        }
    }
}
