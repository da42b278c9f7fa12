//! How full a sliding window is, and when it has room again.
//!
//! A window is half open: `[start, start + length)`. "At most N in any window" must hold for every window that would
//! contain the new contact, also for one that reaches into later contacts, because contacts are recorded and planned
//! out of order.

/// The times of counted contacts and one window length, in microseconds.
#[derive(Debug, Clone)]
pub struct Window {
    length: i64,
    /// Ascending.
    times: Vec<i64>,
}

impl Window {
    /// From the times of the counted contacts, in any order, and the window's length (at least 1).
    #[must_use]
    pub fn new(length: i64, mut times: Vec<i64>) -> Self {
        times.sort_unstable();
        Self { length: length.max(1), times }
    }

    /// Counts one more contact.
    pub fn add(&mut self, time: i64) {
        let at = self.times.partition_point(|&other| other <= time);
        self.times.insert(at, time);
    }

    /// The most contacts that any window containing `time` holds.
    #[must_use]
    pub fn used(&self, time: i64) -> usize {
        let first = self.times.partition_point(|&other| other <= time.saturating_sub(self.length));
        let starts = self.times[first..].iter().copied().take_while(|&start| start <= time).chain([time]);
        // Later starts only move the end on, so both ends walk forward.
        let (mut most, mut end) = (0, first);
        let mut start_at = first;
        for start in starts {
            while start_at < self.times.len() && self.times[start_at] < start {
                start_at += 1;
            }
            let stop = start.saturating_add(self.length);
            while end < self.times.len() && self.times[end] < stop {
                end += 1;
            }
            most = most.max(end - start_at);
        }
        most
    }

    /// The earliest time from `time` on at which fewer than `limit` are used; none when there never is one.
    #[must_use]
    pub fn room_at(&self, time: i64, limit: usize) -> Option<i64> {
        if limit == 0 {
            return None;
        }
        if self.used(time) < limit {
            return Some(time);
        }
        if self.times.last().is_none_or(|&last| last <= time) {
            // Nothing later: there is room once the limit-th contact from the end has left the window.
            let leaving = self.times.len().checked_sub(limit)?;
            return Some(self.times[leaving].saturating_add(self.length));
        }
        // Room only ever appears when a contact leaves the window.
        let leaving = self.times.iter().map(|at| at.saturating_add(self.length)).filter(|&leaving| leaving > time);
        leaving.into_iter().find(|&leaving| self.used(leaving) < limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries every start.
    fn naive(times: &[i64], length: i64, time: i64) -> usize {
        (time - length + 1..=time)
            .map(|start| times.iter().filter(|&&at| start <= at && at < start + length).count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_contact_leaves_after_exactly_one_length() {
        let window = Window::new(10, vec![100]);
        assert_eq!((window.used(109), window.used(110), window.used(91), window.used(90)), (1, 0, 1, 0));
        assert_eq!(window.room_at(100, 1), Some(110));
        assert_eq!(window.room_at(100, 0), None);
        assert_eq!(window.room_at(50, 1), Some(50));
        assert_eq!(Window::new(i64::MAX, vec![0, 1]).used(i64::MAX - 1), 2, "no overflow");
    }

    proptest! {
        #[test]
        fn equals_the_naive_count(
            times in prop::collection::vec(0i64..40, 0..12),
            length in 1i64..15,
            time in 0i64..40,
            limit in 1usize..5,
        ) {
            let window = Window::new(length, times.clone());
            prop_assert_eq!(window.used(time), naive(&times, length, time));
            let expected = (time..200).find(|&at| naive(&times, length, at) < limit);
            prop_assert_eq!(window.room_at(time, limit), expected);
        }

        #[test]
        fn adding_equals_building(mut times in prop::collection::vec(0i64..40, 1..12), time in 0i64..40) {
            let whole = Window::new(7, times.clone());
            let last = times.pop().unwrap();
            let mut grown = Window::new(7, times);
            grown.add(last);
            prop_assert_eq!(whole.used(time), grown.used(time));
        }
    }
}
