//! The verdicts: which candidates every policy lets through.

use std::collections::{BTreeMap, HashMap};

use attune_kernel::Timestamp;

use super::contact::Touch;
use super::ledger::{Ledger, Reservation};
use super::policy::{CounterKey, Limit, PolicySet, micros};
use super::window::Window;

/// Uses of capacity counters.
pub type Counters = BTreeMap<CounterKey, i64>;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The candidates, best first.
    pub candidates: Vec<Touch>,
    /// When the contact would happen; windows and periods are taken at this time.
    pub time: Timestamp,
    /// The time of the call; reservations that are over by then do not count.
    pub now: Timestamp,
    /// How to reserve what is admitted; none to only check.
    pub reserve: Option<Terms>,
}

/// How to reserve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Makes the reservations' ids: this, a dot and the candidate's index.
    pub id: String,
    /// From when on a reservation no longer counts.
    pub expire_time: Timestamp,
}

/// Whether one candidate is admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The reservation, when one was made.
    pub reservation: Option<(String, Timestamp)>,
    /// The policies that hold it back, ordered by id; empty when admitted.
    pub denials: Vec<Denial>,
}

impl Verdict {
    /// Whether the candidate is admitted.
    #[must_use]
    pub const fn is_admitted(&self) -> bool {
        self.denials.is_empty()
    }
}

/// A policy that holds a contact back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The policy.
    pub policy: String,
    /// Its limit.
    pub limit: i64,
    /// How much of it is used, reservations included.
    pub used: i64,
    /// The earliest time at which it would admit the contact, other things equal; none when never.
    pub retry_time: Option<Timestamp>,
}

/// The verdicts and what was reserved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// One for each candidate, in order.
    pub verdicts: Vec<Verdict>,
    /// The reservations made.
    pub reserved: Vec<Reservation>,
}

/// Judges the candidates. Without terms each is judged by itself; with terms each is judged after those before it were
/// reserved. `ledger` must not [lack](Ledger::lacks) contacts from one longest window before the time on.
#[must_use]
pub fn admit(policies: &PolicySet, ledger: &Ledger, counters: &Counters, ask: &Ask) -> Admission {
    let mut desk =
        Desk { policies, ledger, ask, counters: counters.clone(), windows: HashMap::new(), reserved: Vec::new() };
    let mut admission = Admission::default();
    for (index, touch) in ask.candidates.iter().enumerate() {
        let denials = desk.denials(touch);
        let mut verdict = Verdict { reservation: None, denials };
        if let (Some(terms), true) = (&ask.reserve, verdict.is_admitted()) {
            let reservation = Reservation {
                id: format!("{}.{index}", terms.id),
                time: ask.time,
                expire_time: terms.expire_time,
                touch: touch.clone(),
                charges: policies.charges(touch, ask.time),
            };
            desk.count(&reservation);
            verdict.reservation = Some((reservation.id.clone(), reservation.expire_time));
            admission.reserved.push(reservation);
        }
        admission.verdicts.push(verdict);
    }
    admission
}

struct Desk<'a> {
    policies: &'a PolicySet,
    ledger: &'a Ledger,
    ask: &'a Ask,
    counters: Counters,
    /// Made when first needed: by policy, and by offer where offers are counted by themselves.
    windows: HashMap<(usize, Option<&'a str>), Window>,
    /// What this call has reserved, for windows that are made later.
    reserved: Vec<(Timestamp, Touch)>,
}

impl<'a> Desk<'a> {
    fn denials(&mut self, touch: &'a Touch) -> Vec<Denial> {
        let policies = self.policies;
        let covering = policies.policies().iter().enumerate().filter(|(_, policy)| policy.covers(touch));
        covering
            .filter_map(|(at, policy)| {
                let (limit, used, retry_time) = match policy.limit {
                    Limit::Frequency { limit, .. } => self.frequency(at, touch, limit)?,
                    Limit::Capacity { limit, .. } => self.capacity(&policy.counter(self.ask.time)?, limit)?,
                };
                Some(Denial { policy: policy.id.clone(), limit, used, retry_time })
            })
            .collect()
    }

    fn frequency(&mut self, at: usize, touch: &'a Touch, limit: i64) -> Option<(i64, i64, Option<Timestamp>)> {
        let time = self.ask.time.as_micros();
        let window = self.window(at, touch);
        let most = usize::try_from(limit).unwrap_or(0);
        let used = window.used(time);
        if used < most {
            return None;
        }
        let retry = window.room_at(time, most).map(Timestamp::from_micros);
        Some((limit, i64::try_from(used).unwrap_or(i64::MAX), retry))
    }

    fn capacity(&self, counter: &CounterKey, limit: i64) -> Option<(i64, i64, Option<Timestamp>)> {
        let used = self.counters.get(counter).copied().unwrap_or(0);
        if used < limit {
            return None;
        }
        let next = counter.index.saturating_add(1).saturating_mul(counter.period);
        Some((limit, used, (limit > 0).then(|| Timestamp::from_micros(next))))
    }

    fn window(&mut self, at: usize, touch: &'a Touch) -> &mut Window {
        let policy = &self.policies.policies()[at];
        let (ledger, ask, reserved) = (self.ledger, self.ask, &self.reserved);
        let (length, per_offer) = match policy.limit {
            Limit::Frequency { window, per_offer, .. } => (micros(window), per_offer),
            Limit::Capacity { .. } => (1, false),
        };
        let offer = per_offer.then_some(touch.offer.as_str());
        self.windows.entry((at, offer)).or_insert_with(|| {
            let counts = |other: &Touch| policy.covers(other) && offer.is_none_or(|offer| offer == other.offer);
            let made = ledger.entries.iter().map(|entry| (entry.time, &entry.touch));
            let open = ledger.reservations.iter().filter(|open| open.expire_time > ask.now);
            let planned = open.map(|open| (open.time, &open.touch));
            let now = reserved.iter().map(|(time, touch)| (*time, touch));
            let times =
                made.chain(planned).chain(now).filter(|(_, touch)| counts(touch)).map(|(time, _)| time.as_micros());
            Window::new(length, times.collect())
        })
    }

    /// Counts what was just reserved in the windows and counters that the candidates after it meet.
    fn count(&mut self, reservation: &Reservation) {
        for charge in &reservation.charges {
            *self.counters.entry(charge.clone()).or_default() += 1;
        }
        for ((at, offer), window) in &mut self.windows {
            let touch = &reservation.touch;
            let counts = self.policies.policies()[*at].covers(touch) && offer.is_none_or(|offer| offer == touch.offer);
            if counts {
                window.add(reservation.time.as_micros());
            }
        }
        self.reserved.push((reservation.time, reservation.touch.clone()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::ledger::Entry;
    use crate::domain::policy::Policy;
    use crate::domain::scope::Scope;

    fn touch(channel: &str, offer: &str) -> Touch {
        Touch { channel: channel.to_owned(), offer: offer.to_owned(), campaign: String::new() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn frequency(id: &str, channel: &str, limit: i64, seconds: u64, per_offer: bool) -> Policy {
        let channels = if channel.is_empty() { Vec::new() } else { vec![channel.to_owned()] };
        Policy {
            id: id.to_owned(),
            scope: Scope { channels, ..Scope::default() },
            limit: Limit::Frequency { limit, window: Duration::from_secs(seconds), per_offer },
        }
    }

    fn capacity(id: &str, limit: i64, seconds: u64) -> Policy {
        let limit = Limit::Capacity { limit, period: Duration::from_secs(seconds) };
        Policy { id: id.to_owned(), scope: Scope::default(), limit }
    }

    fn ask(candidates: Vec<Touch>, time: i64, reserve: bool) -> Ask {
        let terms = Terms { id: "r".to_owned(), expire_time: at(time + 900) };
        Ask { candidates, time: at(time), now: at(time), reserve: reserve.then_some(terms) }
    }

    fn admitted(admission: &Admission) -> Vec<bool> {
        admission.verdicts.iter().map(Verdict::is_admitted).collect()
    }

    #[test]
    fn candidates_are_judged_alone_unless_reserved() {
        let policies = PolicySet::new(vec![frequency("f", "", 2, 100, false)]);
        let mut ledger = Ledger::default();
        ledger.record(Entry { time: at(950), touch: touch("sms", "a") });
        let three = || vec![touch("sms", "a"), touch("push", "b"), touch("sms", "c")];
        let checked = admit(&policies, &ledger, &Counters::new(), &ask(three(), 1000, false));
        assert_eq!(admitted(&checked), [true, true, true]);
        let reserved = admit(&policies, &ledger, &Counters::new(), &ask(three(), 1000, true));
        assert_eq!(admitted(&reserved), [true, false, false]);
        let denial = &reserved.verdicts[1].denials[0];
        assert_eq!((denial.limit, denial.used, denial.retry_time), (2, 2, Some(at(1050))));
        assert_eq!(reserved.reserved[0].id, "r.0");
        assert_eq!(reserved.verdicts[0].reservation, Some(("r.0".to_owned(), at(1900))));
    }

    #[test]
    fn a_window_made_late_counts_what_was_reserved_before() {
        let policies = PolicySet::new(vec![frequency("a", "", 9, 100, false), frequency("o", "", 1, 100, true)]);
        let candidates = vec![touch("sms", "x"), touch("sms", "y"), touch("push", "x"), touch("push", "z")];
        let admission = admit(&policies, &Ledger::default(), &Counters::new(), &ask(candidates, 0, true));
        assert_eq!(admitted(&admission), [true, true, false, true]);
        assert_eq!(admission.verdicts[2].denials[0].policy, "o");
    }

    #[test]
    fn capacities_count_by_period_and_every_broken_policy_is_named() {
        let policies = PolicySet::new(vec![capacity("day", 2, 86_400), frequency("f", "sms", 0, 10, false)]);
        let key = policies.policies()[0].counter(at(90_000)).unwrap();
        assert_eq!(key.index, 1);
        let counters = Counters::from([(key.clone(), 1)]);
        let asked = ask(vec![touch("push", ""), touch("push", ""), touch("sms", "")], 90_000, true);
        let admission = admit(&policies, &Ledger::default(), &counters, &asked);
        assert_eq!(admitted(&admission), [true, false, false]);
        assert_eq!(admission.reserved[0].charges, [key]);
        assert_eq!(admission.verdicts[1].denials[0].retry_time, Some(at(172_800)));
        let ids: Vec<&str> = admission.verdicts[2].denials.iter().map(|denial| denial.policy.as_str()).collect();
        assert_eq!(ids, ["day", "f"]);
        assert_eq!(admission.verdicts[2].denials[1].retry_time, None, "a limit of zero never admits");
        assert_eq!(policies.policies()[0].counter(at(-1)).unwrap().index, -1, "before 1970");
    }

    #[test]
    fn expired_reservations_do_not_count() {
        let policies = PolicySet::new(vec![frequency("f", "", 1, 1000, false)]);
        let mut ledger = Ledger::default();
        let first = admit(&policies, &ledger, &Counters::new(), &ask(vec![touch("sms", "")], 0, true));
        ledger.reservations.extend(first.reserved);
        let later = |now: i64| {
            let asked = Ask { now: at(now), ..ask(vec![touch("sms", "")], 10, false) };
            admitted(&admit(&policies, &ledger, &Counters::new(), &asked))[0]
        };
        assert!(!later(899));
        assert!(later(900));
    }

    proptest! {
        /// Against a model that admits one by one and counts from scratch each time.
        #[test]
        fn equals_the_naive_model(
            history in prop::collection::vec((0i64..60, 0usize..2, 0usize..2), 0..8),
            candidates in prop::collection::vec((0usize..2, 0usize..2), 1..8),
            limits in (0i64..4, 0i64..3, 0i64..3, 0i64..6),
            time in 0i64..60,
        ) {
            let channel = |at: usize| ["sms", "push"][at];
            let offer = |at: usize| ["x", "y"][at];
            let policies = PolicySet::new(vec![
                frequency("all", "", limits.0, 20, false),
                frequency("sms", "sms", limits.1, 30, false),
                frequency("offer", "", limits.2, 25, true),
                capacity("cap", limits.3, 7),
            ]);
            let mut ledger = Ledger::default();
            let mut made: Vec<(i64, Touch)> = Vec::new();
            for (second, c, o) in history {
                made.push((second, touch(channel(c), offer(o))));
                ledger.record(Entry { time: at(second), touch: touch(channel(c), offer(o)) });
            }
            let asked: Vec<Touch> = candidates.iter().map(|&(c, o)| touch(channel(c), offer(o))).collect();
            let admission = admit(&policies, &ledger, &Counters::new(), &ask(asked.clone(), time, true));
            let mut capacity_used = 0;
            for (verdict, candidate) in admission.verdicts.iter().zip(asked) {
                let most = |length: i64, counts: &dyn Fn(&Touch) -> bool| -> i64 {
                    let inside = |start: i64, second: i64| start <= second && second < start + length;
                    (time - length + 1..=time)
                        .map(|start| made.iter().filter(|(s, t)| inside(start, *s) && counts(t)).count() as i64)
                        .max()
                        .unwrap()
                };
                let mut expected = Vec::new();
                if most(20, &|_| true) >= limits.0 { expected.push("all") }
                if capacity_used >= limits.3 { expected.push("cap") }
                if most(25, &|t| t.offer == candidate.offer) >= limits.2 { expected.push("offer") }
                if candidate.channel == "sms" && most(30, &|t| t.channel == "sms") >= limits.1 { expected.push("sms") }
                let denied: Vec<&str> = verdict.denials.iter().map(|denial| denial.policy.as_str()).collect();
                prop_assert_eq!(&denied, &expected);
                if expected.is_empty() {
                    made.push((time, candidate));
                    capacity_used += 1;
                }
            }
        }
    }
}
