//! Who comes back, and after how long: retention of cohorts, and times from one event to the next of another.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::Timestamp;

use crate::log::{Code, EventLog, Tick, with_columns};
use crate::parallel;
use crate::pattern::Atom;
use crate::probe::Probe;
use crate::sessions::Sequences;

/// Customers who began in the same period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// The beginning of the period.
    pub start: Timestamp,
    /// How many began.
    pub size: u64,
    /// By number of periods later, from 0: how many of them came back in it. The period in which they began counts only
    /// what came after the beginning.
    pub returned: Vec<u64>,
}

/// Retention: customers are put into cohorts by their first event that is `begin`, in periods of a length counted from
/// 1970-01-01T00:00:00Z, and counted in every later period in which they had an event that is `back`. In the order of
/// the periods; cohorts without customers are left out.
#[must_use]
pub fn retention(log: &EventLog, begin: &Atom, back: &Atom, period: Duration) -> Vec<Cohort> {
    let length = i64::try_from(period.as_micros()).unwrap_or(i64::MAX).max(1);
    let (begin, back) = (Probe::new(log, begin), Probe::new(log, back));
    let number = |row: usize| log.time(row).as_micros().div_euclid(length);
    let mut cohorts: BTreeMap<i64, Cohort> = BTreeMap::new();
    for customer in (0u32..).take(log.customers().len()) {
        let mut rows = log.rows_of(customer);
        let Some(first) = rows.by_ref().find(|row| begin.holds(*row)) else { continue };
        let own = number(first);
        let start = Timestamp::from_micros(own.saturating_mul(length));
        let cohort = cohorts.entry(own).or_insert_with(|| Cohort { start, size: 0, returned: Vec::new() });
        cohort.size += 1;
        let mut last = None;
        for row in rows.filter(|row| back.holds(*row)) {
            let later = usize::try_from(number(row) - own).unwrap_or_default();
            if last.replace(later) != Some(later) {
                if cohort.returned.len() <= later {
                    cohort.returned.resize(later + 1, 0);
                }
                cohort.returned[later] += 1;
            }
        }
    }
    cohorts.into_values().collect()
}

/// Times from an event to the next one of another kind.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeTo {
    /// How many events began to wait.
    pub began: u64,
    /// For those after which the other came in time: the seconds until then, ascending.
    pub seconds: Vec<f64>,
}

impl TimeTo {
    /// The time in which a share of those that arrived did, by the nearest rank; nothing when none did.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = (share.clamp(0.0, 1.0) * self.seconds.len() as f64).ceil() as usize;
        self.seconds.get(rank.saturating_sub(1)).copied()
    }

    /// How many were abandoned: began, and the other did not come in time.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.began - self.seconds.len() as u64
    }
}

/// Measures, for every event that is `from`, the time to the next event of the sequence that is `to` and stands after it,
/// where it comes within a limit.
#[must_use]
pub fn time_to(
    log: &EventLog,
    sequences: &Sequences,
    from: &Atom,
    to: &Atom,
    within: Option<Duration>,
    threads: usize,
) -> TimeTo {
    let (from, to) = (Probe::new(log, from), Probe::new(log, to));
    let limit = within.map_or(u64::MAX, |within| log.times().whole_ticks(within));
    let starts = sequences.starts();
    let parts = with_columns!(log, |codes, ticks| parallel::map(threads, starts, |range| {
        waits(codes, ticks, &starts[range.start..=range.end], &from, &to, limit)
    }));
    let began = parts.iter().map(|(began, _)| began).sum();
    let mut ticks = parallel::joined(parts.into_iter().map(|(_, ticks)| ticks).collect());
    ticks.sort_unstable();
    TimeTo { began, seconds: ticks.into_iter().map(|ticks| log.times().seconds(ticks as f64)).collect() }
}

/// How many events began to wait, and the ticks of those that waited no longer than the limit.
fn waits<C: Code, T: Tick>(
    codes: &[C],
    ticks: &[T],
    starts: &[u32],
    from: &Probe<'_>,
    to: &Probe<'_>,
    limit: u64,
) -> (u64, Vec<u64>) {
    // Most events are neither: one look-up tells.
    let either: Vec<bool> = from.names().iter().zip(to.names()).map(|(from, to)| *from || *to).collect();
    let (mut began, mut waited) = (0, Vec::new());
    for pair in starts.windows(2) {
        let mut next: Option<T> = None;
        for row in (pair[0] as usize..pair[1] as usize).rev() {
            if !either[codes[row].index()] {
                continue;
            }
            if from.holds(row) {
                began += 1;
                waited.extend(next.map(|next| next.since(ticks[row])).filter(|ticks| *ticks <= limit));
            }
            if to.holds(row) {
                next = Some(ticks[row]);
            }
        }
    }
    (began, waited)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Unit, sequences};

    fn log_of(customers: &[Vec<(i64, char)>]) -> EventLog {
        let mut builder = EventLog::builder();
        for (number, events) in customers.iter().enumerate() {
            for (second, event) in events {
                let time = Timestamp::from_millis(second * 1000);
                builder.push(&format!("c{number:02}"), time, &event.to_string(), []).unwrap();
            }
        }
        builder.build()
    }

    #[test]
    fn cohorts_count_each_customer_once_a_period() {
        let log = log_of(&[
            vec![(0, 'a'), (1, 'b'), (2, 'b'), (12, 'b'), (35, 'b')],
            vec![(5, 'a'), (15, 'b')],
            vec![(3, 'b'), (11, 'a')],
            vec![(4, 'b')],
        ]);
        let found = retention(&log, &Atom::named("a"), &Atom::named("b"), Duration::from_secs(10));
        let cohort = |second: i64, size, returned: &[u64]| Cohort {
            start: Timestamp::from_millis(second * 1000),
            size,
            returned: returned.to_vec(),
        };
        assert_eq!(found, [cohort(0, 2, &[1, 2, 0, 1]), cohort(10, 1, &[])]);
    }

    proptest! {
        #[test]
        fn times_equal_looking_for_the_next(
            customers in prop::collection::vec(prop::collection::vec((0i64..30, prop::sample::select(vec!['a', 'b', 'c'])), 0..12), 1..5),
            within in prop::option::of(0u64..12),
        ) {
            let mut expected = Vec::new();
            let mut began = 0;
            for events in &customers {
                let mut events = events.clone();
                events.sort_by_key(|event| event.0);
                for (at, (time, _)) in events.iter().enumerate().filter(|(_, event)| event.1 == 'a') {
                    began += 1;
                    let next = events[at + 1..].iter().find(|event| event.1 == 'b').map(|event| event.0 - time);
                    expected.extend(next.filter(|waited| within.is_none_or(|within| *waited <= within as i64)));
                }
            }
            expected.sort_unstable();
            let log = log_of(&customers);
            let all = sequences(&log, Unit::Customer, 1);
            let found = time_to(&log, &all, &Atom::named("a"), &Atom::named("b"), within.map(Duration::from_secs), 2);
            prop_assert_eq!(found.began, began);
            prop_assert_eq!(found.abandoned(), began - expected.len() as u64);
            prop_assert_eq!(found.quantile(0.5), expected.get(expected.len().div_ceil(2).saturating_sub(1)).map(|s| *s as f64));
            prop_assert_eq!(found.seconds, expected.into_iter().map(|seconds| seconds as f64).collect::<Vec<_>>());
        }
    }
}
