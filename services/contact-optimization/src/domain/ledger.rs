//! What is remembered of one person's recent contacts and open reservations, bounded by the longest window.

use attune_kernel::Timestamp;

use super::contact::Touch;
use super::policy::CounterKey;

/// Most contacts a ledger holds; older ones are read from the history when a window reaches that far.
const MOST_ENTRIES: usize = 2000;

/// A contact that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub time: Timestamp,
    /// What.
    pub touch: Touch,
}

/// A contact that was admitted and not yet made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: String,
    /// When the contact would happen.
    pub time: Timestamp,
    /// From when on it no longer counts.
    pub expire_time: Timestamp,
    /// What it would be.
    pub touch: Touch,
    /// The counters of capacities it was counted in.
    pub charges: Vec<CounterKey>,
}

/// The recent contacts and open reservations of one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Every contact at or after this time is among the entries; earlier ones are only in the history.
    pub complete_from: Timestamp,
    /// Contacts, ascending by time.
    pub entries: Vec<Entry>,
    /// Reservations in the order in which they were made; expired ones may still be there.
    pub reservations: Vec<Reservation>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { complete_from: Timestamp::from_micros(i64::MIN), entries: Vec::new(), reservations: Vec::new() }
    }
}

impl Ledger {
    /// Whether contacts from `from` on are missing and must be read from the history up to `complete_from`.
    #[must_use]
    pub fn lacks(&self, from: Timestamp) -> bool {
        from < self.complete_from
    }

    /// Takes what the history has between `from` and `complete_from`.
    pub fn extend(&mut self, from: Timestamp, history: Vec<Entry>) {
        let old = std::mem::take(&mut self.entries);
        self.entries = history.into_iter().filter(|entry| entry.time < self.complete_from).chain(old).collect();
        self.entries.sort_by_key(|entry| entry.time);
        self.complete_from = self.complete_from.min(from);
    }

    /// Takes a contact; one before `complete_from` is left to the history.
    pub fn record(&mut self, entry: Entry) {
        if entry.time >= self.complete_from {
            let at = self.entries.partition_point(|other| other.time <= entry.time);
            self.entries.insert(at, entry);
        }
    }

    /// Takes out the reservations with these ids.
    pub fn take_reservations(&mut self, ids: &[String]) -> Vec<Reservation> {
        self.reservations.extract_if(.., |reservation| ids.contains(&reservation.id)).collect()
    }

    /// Takes out the reservations that are over at `now`.
    pub fn take_expired(&mut self, now: Timestamp) -> Vec<Reservation> {
        self.reservations.extract_if(.., |reservation| reservation.expire_time <= now).collect()
    }

    /// Forgets what no window from the newest contact on reaches, and what is beyond the ledger's size.
    pub fn prune(&mut self, longest_window: std::time::Duration) {
        let Some(newest) = self.entries.last() else { return };
        let mut from = newest.time.minus(longest_window);
        if let Some(excess) = self.entries.len().checked_sub(MOST_ENTRIES + 1) {
            // Contacts of one instant stay or go together.
            from = from.max(Timestamp::from_micros(self.entries[excess].time.as_micros().saturating_add(1)));
        }
        if self.entries.first().is_some_and(|oldest| oldest.time < from) {
            self.entries.retain(|entry| entry.time >= from);
            self.complete_from = self.complete_from.max(from);
        }
    }

    /// Leaves the contacts to the history, from which the next question reads them again.
    pub fn forget_entries(&mut self) {
        self.entries.clear();
        self.complete_from = Timestamp::from_micros(i64::MAX);
    }

    /// Takes everything of another person who turned out to be the same.
    pub fn merge(&mut self, other: Self) {
        self.complete_from = self.complete_from.max(other.complete_from);
        self.entries.extend(other.entries);
        self.entries.retain(|entry| entry.time >= self.complete_from);
        self.entries.sort_by_key(|entry| entry.time);
        self.reservations.extend(other.reservations);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(second: i64) -> Entry {
        Entry { time: Timestamp::from_millis(second * 1000), touch: Touch::default() }
    }

    fn seconds(ledger: &Ledger) -> Vec<i64> {
        ledger.entries.iter().map(|entry| entry.time.as_millis() / 1000).collect()
    }

    #[test]
    fn pruning_forgets_only_what_the_history_can_bring_back() {
        let mut ledger = Ledger::default();
        [50, 10, 30].map(entry).into_iter().for_each(|entry| ledger.record(entry));
        assert_eq!(seconds(&ledger), [10, 30, 50]);
        ledger.prune(Duration::from_secs(20));
        assert_eq!(seconds(&ledger), [30, 50]);
        assert!(ledger.lacks(entry(29).time) && !ledger.lacks(entry(30).time));
        ledger.record(entry(20));
        assert_eq!(seconds(&ledger), [30, 50], "a late contact before the horizon is the history's");
        ledger.extend(entry(15).time, vec![entry(20), entry(30)]);
        assert_eq!(seconds(&ledger), [20, 30, 50], "nothing twice");
        assert!(!ledger.lacks(entry(15).time));
    }

    #[test]
    fn a_ledger_is_bounded_in_number() {
        let mut ledger = Ledger::default();
        (0..3000).map(entry).for_each(|entry| ledger.record(entry));
        ledger.prune(Duration::from_secs(1_000_000));
        assert_eq!(ledger.entries.len(), MOST_ENTRIES);
        assert!(ledger.lacks(entry(999).time));
    }

    #[test]
    fn merged_ledgers_know_no_more_than_both() {
        let mut left = Ledger { complete_from: entry(20).time, ..Ledger::default() };
        left.record(entry(25));
        let mut right = Ledger::default();
        right.record(entry(10));
        right.record(entry(40));
        left.merge(right);
        assert_eq!(seconds(&left), [25, 40]);
        assert_eq!(left.complete_from, entry(20).time);
    }
}
