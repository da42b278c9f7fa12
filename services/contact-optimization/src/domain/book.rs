//! What reserving, recording, releasing and expiring change: the same steps for every store, which only loads before and
//! saves after, under its lock.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;

use super::admit::{Admission, Ask, Counters, admit};
use super::contact::Contact;
use super::ledger::{Entry, Ledger, Reservation};
use super::policy::{CounterKey, PolicySet};

/// What to save besides the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// What to add to each counter; zero entries change nothing.
    pub counters: BTreeMap<CounterKey, i64>,
    /// Reservations to be looked after: expire time and id. Only those that hold capacity, because those that do not
    /// cost nothing when they lie in the ledger after they expired.
    pub opened: Vec<(Timestamp, String)>,
    /// Reservations that need no looking after any more.
    pub closed: Vec<(Timestamp, String)>,
}

impl Changes {
    fn charge(&mut self, charges: &[CounterKey], by: i64) {
        for charge in charges {
            *self.counters.entry(charge.clone()).or_default() += by;
        }
    }

    fn close(&mut self, reservation: &Reservation) {
        self.charge(&reservation.charges, -1);
        if !reservation.charges.is_empty() {
            self.closed.push((reservation.expire_time, reservation.id.clone()));
        }
    }
}

/// The earliest contact that matters to a question at `time`.
#[must_use]
pub fn needed_from(policies: &PolicySet, time: Timestamp) -> Timestamp {
    time.minus(policies.longest_window())
}

/// Judges and reserves.
pub fn reserve(policies: &PolicySet, ledger: &mut Ledger, counters: &Counters, ask: &Ask) -> (Admission, Changes) {
    let mut changes = Changes::default();
    expire(ledger, ask.now, &mut changes);
    let mut counted = counters.clone();
    for (counter, by) in &changes.counters {
        *counted.entry(counter.clone()).or_default() += by;
    }
    let admission = admit(policies, ledger, &counted, ask);
    for reservation in &admission.reserved {
        changes.charge(&reservation.charges, 1);
        if !reservation.charges.is_empty() {
            changes.opened.push((reservation.expire_time, reservation.id.clone()));
        }
    }
    ledger.reservations.extend(admission.reserved.iter().cloned());
    (admission, changes)
}

/// Takes contacts of one person that are known to be new. The reservation of each is confirmed when it is still there;
/// the contact is a fact either way, and it counts at its own time.
pub fn record(policies: &PolicySet, ledger: &mut Ledger, contacts: &[&Contact], changes: &mut Changes) {
    for contact in contacts {
        if !contact.reservation_id.is_empty() {
            for reservation in ledger.take_reservations(std::slice::from_ref(&contact.reservation_id)) {
                changes.close(&reservation);
            }
        }
        changes.charge(&policies.charges(&contact.touch, contact.time), 1);
        ledger.record(Entry { time: contact.time, touch: contact.touch.clone() });
    }
    ledger.prune(policies.longest_window());
}

/// Gives reservations back and answers how many were open at `now`.
pub fn release(ledger: &mut Ledger, ids: &[String], now: Timestamp, changes: &mut Changes) -> usize {
    let released = ledger.take_reservations(ids);
    released.iter().for_each(|reservation| changes.close(reservation));
    released.iter().filter(|reservation| reservation.expire_time > now).count()
}

/// Takes out the reservations that are over at `now`.
pub fn expire(ledger: &mut Ledger, now: Timestamp, changes: &mut Changes) {
    ledger.take_expired(now).iter().for_each(|reservation| changes.close(reservation));
}

/// Gives everything back of a person who is forgotten.
pub fn forget(ledger: Ledger, changes: &mut Changes) {
    ledger.reservations.iter().for_each(|reservation| changes.close(reservation));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::admit::Terms;
    use crate::domain::contact::Touch;
    use crate::domain::policy::{Limit, Policy};
    use crate::domain::scope::Scope;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn policies() -> PolicySet {
        let limit = Limit::Capacity { limit: 1, period: Duration::from_secs(100) };
        PolicySet::new(vec![Policy { id: "cap".to_owned(), scope: Scope::default(), limit }])
    }

    fn ask(now: i64) -> Ask {
        let terms = Terms { id: format!("r{now}"), expire_time: at(now + 10) };
        Ask { candidates: vec![Touch::default()], time: at(now), now: at(now), reserve: Some(terms) }
    }

    fn contact(time: i64, reservation: &str) -> Contact {
        Contact {
            contact_id: "c".to_owned(),
            person: "p".to_owned(),
            touch: Touch::default(),
            decision_id: String::new(),
            time: at(time),
            reservation_id: reservation.to_owned(),
            origin: String::new(),
        }
    }

    fn apply(counters: &mut Counters, changes: &Changes) {
        for (counter, by) in &changes.counters {
            *counters.entry(counter.clone()).or_default() += by;
        }
    }

    #[test]
    fn a_reservation_holds_a_place_until_it_is_confirmed_released_or_over() {
        let (policies, mut ledger, mut counters) = (policies(), Ledger::default(), Counters::new());
        let (first, changes) = reserve(&policies, &mut ledger, &counters, &ask(0));
        apply(&mut counters, &changes);
        assert!(first.verdicts[0].is_admitted() && changes.opened.len() == 1);
        let (second, changes) = reserve(&policies, &mut ledger, &counters, &ask(5));
        assert!(!second.verdicts[0].is_admitted() && changes == Changes::default());

        // Over: its place is taken by the next.
        let (third, changes) = reserve(&policies, &mut ledger, &counters, &ask(10));
        apply(&mut counters, &changes);
        assert!(third.verdicts[0].is_admitted());
        assert_eq!(counters.values().copied().collect::<Vec<_>>(), [1]);

        let mut changes = Changes::default();
        record(&policies, &mut ledger, &[&contact(12, "r10.0")], &mut changes);
        apply(&mut counters, &changes);
        assert_eq!((counters.values().sum::<i64>(), ledger.reservations.len()), (1, 0), "confirmed, counted once");

        let mut changes = Changes::default();
        record(&policies, &mut ledger, &[&contact(130, "gone")], &mut changes);
        apply(&mut counters, &changes);
        assert_eq!(
            counters.values().copied().collect::<Vec<_>>(),
            [1, 1],
            "a contact counts in the period of its time"
        );
    }

    #[test]
    fn released_places_are_free_again() {
        let (policies, mut ledger, mut counters) = (policies(), Ledger::default(), Counters::new());
        let (_, changes) = reserve(&policies, &mut ledger, &counters, &ask(0));
        apply(&mut counters, &changes);
        let mut changes = Changes::default();
        let ids = ["r0.0".to_owned(), "unknown".to_owned()];
        assert_eq!(release(&mut ledger, &ids, at(1), &mut changes), 1);
        apply(&mut counters, &changes);
        assert_eq!(counters.values().sum::<i64>(), 0);
        assert_eq!(release(&mut ledger, &ids, at(1), &mut Changes::default()), 0);
    }
}
