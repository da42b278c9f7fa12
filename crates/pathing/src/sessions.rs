//! Sequences of events: all of a customer's, or cut into sessions by inactivity.
//!
//! A session ends where the time to the customer's next event is strictly greater than the gap: with a gap of 30
//! minutes, events exactly 30 minutes apart belong to one session.

use std::ops::Range;
use std::time::Duration;

use attune_kernel::Timestamp;

use crate::log::EventLog;

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

impl Sequence {
    /// The time of the first event.
    #[must_use]
    pub fn start(&self, log: &EventLog) -> Timestamp {
        log.times()[self.rows.start]
    }

    /// The time of the last event.
    #[must_use]
    pub fn end(&self, log: &EventLog) -> Timestamp {
        log.times()[self.rows.end - 1]
    }
}

/// Cuts the log into sequences, in the order of its rows.
#[must_use]
pub fn sequences(log: &EventLog, unit: Unit) -> Vec<Sequence> {
    let mut found = Vec::new();
    for customer in (0u32..).take(log.customers().len()) {
        let rows = log.rows_of(customer);
        match unit {
            _ if rows.is_empty() => {}
            Unit::Customer => found.push(Sequence { customer, session: 0, rows }),
            Unit::Session { gap } => cut(log.times(), customer, rows, gap, &mut found),
        }
    }
    found
}

fn cut(times: &[Timestamp], customer: u32, rows: Range<usize>, gap: Duration, found: &mut Vec<Sequence>) {
    let mut start = rows.start;
    let mut session = 1;
    for row in rows.start + 1..rows.end {
        if times[row].since(times[row - 1]) > gap {
            found.push(Sequence { customer, session, rows: start..row });
            start = row;
            session += 1;
        }
    }
    found.push(Sequence { customer, session, rows: start..rows.end });
}

#[cfg(test)]
mod tests {
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
        let cut: Vec<_> = sequences(&log, Unit::Session { gap })
            .into_iter()
            .map(|s| (s.customer, s.session, s.start(&log), s.end(&log), s.rows.len()))
            .collect();
        assert_eq!(
            cut,
            [
                (0, 1, at(0), at(30), 2),
                (0, 2, at(61), at(61), 2),
                (0, 3, at(200), at(200), 1),
                (1, 1, at(10), at(10), 1)
            ]
        );
        let whole: Vec<_> = sequences(&log, Unit::Customer).into_iter().map(|s| (s.session, s.rows)).collect();
        assert_eq!(whole, [(0, 0..5), (0, 5..6)]);
        assert!(sequences(&EventLog::builder().build(), Unit::Customer).is_empty());
    }
}
