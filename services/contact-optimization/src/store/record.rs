//! The stored form of ledgers, verdicts and contacts: protobuf, so that fields can be added.

use attune_kernel::Timestamp;
use attune_storage::StorageError;
use prost::Message;

use crate::domain::admit::{Denial, Verdict};
use crate::domain::contact::{Contact, Touch};
use crate::domain::ledger::{Entry, Ledger, Reservation};
use crate::domain::policy::CounterKey;

#[derive(Clone, PartialEq, Message)]
struct StoredTouch {
    #[prost(string, tag = "1")]
    channel: String,
    #[prost(string, tag = "2")]
    offer: String,
    #[prost(string, tag = "3")]
    campaign: String,
}

#[derive(Clone, PartialEq, Message)]
struct StoredEntry {
    #[prost(sint64, tag = "1")]
    time: i64,
    #[prost(message, optional, tag = "2")]
    touch: Option<StoredTouch>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredCharge {
    #[prost(string, tag = "1")]
    policy: String,
    #[prost(int64, tag = "2")]
    period: i64,
    #[prost(sint64, tag = "3")]
    index: i64,
}

#[derive(Clone, PartialEq, Message)]
struct StoredReservation {
    #[prost(string, tag = "1")]
    id: String,
    #[prost(sint64, tag = "2")]
    time: i64,
    #[prost(sint64, tag = "3")]
    expire_time: i64,
    #[prost(message, optional, tag = "4")]
    touch: Option<StoredTouch>,
    #[prost(message, repeated, tag = "5")]
    charges: Vec<StoredCharge>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredLedger {
    /// Absent: complete from the beginning.
    #[prost(sint64, optional, tag = "1")]
    complete_from: Option<i64>,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<StoredEntry>,
    #[prost(message, repeated, tag = "3")]
    reservations: Vec<StoredReservation>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredDenial {
    #[prost(string, tag = "1")]
    policy: String,
    #[prost(int64, tag = "2")]
    limit: i64,
    #[prost(int64, tag = "3")]
    used: i64,
    #[prost(sint64, optional, tag = "4")]
    retry_time: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredVerdict {
    #[prost(string, optional, tag = "1")]
    reservation: Option<String>,
    #[prost(sint64, tag = "2")]
    expire_time: i64,
    #[prost(message, repeated, tag = "3")]
    denials: Vec<StoredDenial>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredAnswer {
    #[prost(bytes = "vec", tag = "1")]
    fingerprint: Vec<u8>,
    #[prost(sint64, tag = "2")]
    created: i64,
    #[prost(message, repeated, tag = "3")]
    verdicts: Vec<StoredVerdict>,
}

#[derive(Clone, PartialEq, Message)]
struct StoredContact {
    #[prost(message, optional, tag = "1")]
    touch: Option<StoredTouch>,
    #[prost(string, tag = "2")]
    decision_id: String,
    #[prost(string, tag = "3")]
    reservation_id: String,
    #[prost(string, tag = "4")]
    origin: String,
    #[prost(string, tag = "5")]
    contact_id: String,
}

/// The answer to a request that reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) fingerprint: Vec<u8>,
    pub(super) created: Timestamp,
    pub(super) verdicts: Vec<Verdict>,
}

impl Answer {
    /// The verdicts for a repeat with this fingerprint.
    pub(super) fn repeat(self, fingerprint: &[u8]) -> Result<Vec<Verdict>, StorageError> {
        if self.fingerprint == fingerprint { Ok(self.verdicts) } else { Err(StorageError::RequestIdReused) }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let verdict = |verdict: &Verdict| StoredVerdict {
            reservation: verdict.reservation.as_ref().map(|(id, _)| id.clone()),
            expire_time: verdict.reservation.as_ref().map_or(0, |(_, time)| time.as_micros()),
            denials: verdict
                .denials
                .iter()
                .map(|denial| StoredDenial {
                    policy: denial.policy.clone(),
                    limit: denial.limit,
                    used: denial.used,
                    retry_time: denial.retry_time.map(Timestamp::as_micros),
                })
                .collect(),
        };
        StoredAnswer {
            fingerprint: self.fingerprint.clone(),
            created: self.created.as_micros(),
            verdicts: self.verdicts.iter().map(verdict).collect(),
        }
        .encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StorageError> {
        let stored = StoredAnswer::decode(bytes).map_err(|error| corrupt("answer", &error))?;
        let verdict = |verdict: StoredVerdict| Verdict {
            reservation: verdict.reservation.map(|id| (id, Timestamp::from_micros(verdict.expire_time))),
            denials: verdict
                .denials
                .into_iter()
                .map(|denial| Denial {
                    policy: denial.policy,
                    limit: denial.limit,
                    used: denial.used,
                    retry_time: denial.retry_time.map(Timestamp::from_micros),
                })
                .collect(),
        };
        Ok(Self {
            fingerprint: stored.fingerprint,
            created: Timestamp::from_micros(stored.created),
            verdicts: stored.verdicts.into_iter().map(verdict).collect(),
        })
    }
}

pub(super) fn encode_ledger(ledger: &Ledger) -> Vec<u8> {
    let complete_from = ledger.complete_from.as_micros();
    StoredLedger {
        complete_from: (complete_from != i64::MIN).then_some(complete_from),
        entries: ledger
            .entries
            .iter()
            .map(|entry| StoredEntry { time: entry.time.as_micros(), touch: Some(store_touch(&entry.touch)) })
            .collect(),
        reservations: ledger
            .reservations
            .iter()
            .map(|reservation| StoredReservation {
                id: reservation.id.clone(),
                time: reservation.time.as_micros(),
                expire_time: reservation.expire_time.as_micros(),
                touch: Some(store_touch(&reservation.touch)),
                charges: reservation
                    .charges
                    .iter()
                    .map(|charge| StoredCharge {
                        policy: charge.policy.clone(),
                        period: charge.period,
                        index: charge.index,
                    })
                    .collect(),
            })
            .collect(),
    }
    .encode_to_vec()
}

pub(super) fn decode_ledger(bytes: &[u8]) -> Result<Ledger, StorageError> {
    let stored = StoredLedger::decode(bytes).map_err(|error| corrupt("ledger", &error))?;
    Ok(Ledger {
        complete_from: Timestamp::from_micros(stored.complete_from.unwrap_or(i64::MIN)),
        entries: stored
            .entries
            .into_iter()
            .map(|entry| Entry { time: Timestamp::from_micros(entry.time), touch: load_touch(entry.touch) })
            .collect(),
        reservations: stored
            .reservations
            .into_iter()
            .map(|reservation| Reservation {
                id: reservation.id,
                time: Timestamp::from_micros(reservation.time),
                expire_time: Timestamp::from_micros(reservation.expire_time),
                touch: load_touch(reservation.touch),
                charges: reservation
                    .charges
                    .into_iter()
                    .map(|charge| CounterKey { policy: charge.policy, period: charge.period, index: charge.index })
                    .collect(),
            })
            .collect(),
    })
}

/// A contact without what its key says.
pub(super) fn encode_contact(contact: &Contact) -> Vec<u8> {
    StoredContact {
        touch: Some(store_touch(&contact.touch)),
        decision_id: contact.decision_id.clone(),
        reservation_id: contact.reservation_id.clone(),
        origin: contact.origin.clone(),
        contact_id: contact.contact_id.clone(),
    }
    .encode_to_vec()
}

pub(super) fn decode_contact(person: &str, time: Timestamp, bytes: &[u8]) -> Result<Contact, StorageError> {
    let stored = StoredContact::decode(bytes).map_err(|error| corrupt("contact", &error))?;
    Ok(Contact {
        contact_id: stored.contact_id,
        person: person.to_owned(),
        touch: load_touch(stored.touch),
        decision_id: stored.decision_id,
        time,
        reservation_id: stored.reservation_id,
        origin: stored.origin,
    })
}

fn store_touch(touch: &Touch) -> StoredTouch {
    StoredTouch { channel: touch.channel.clone(), offer: touch.offer.clone(), campaign: touch.campaign.clone() }
}

fn load_touch(stored: Option<StoredTouch>) -> Touch {
    let stored = stored.unwrap_or_default();
    Touch { channel: stored.channel, offer: stored.offer, campaign: stored.campaign }
}

fn corrupt(what: &str, error: &prost::DecodeError) -> StorageError {
    StorageError::Corrupt(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_and_an_empty_body_is_an_empty_ledger() {
        let at = Timestamp::from_micros;
        let touch = Touch { channel: "sms".to_owned(), offer: "o".to_owned(), campaign: "c".to_owned() };
        let charges = vec![CounterKey { policy: "p".to_owned(), period: 5, index: -3 }];
        let ledger = Ledger {
            complete_from: at(-7),
            entries: vec![Entry { time: at(-1), touch: touch.clone() }],
            reservations: vec![Reservation { id: "r".to_owned(), time: at(2), expire_time: at(3), touch, charges }],
        };
        assert_eq!(decode_ledger(&encode_ledger(&ledger)), Ok(ledger));
        assert_eq!(decode_ledger(&[]), Ok(Ledger::default()));
        assert_eq!(decode_ledger(&encode_ledger(&Ledger::default())), Ok(Ledger::default()));
        let denial = Denial { policy: "p".to_owned(), limit: 1, used: 2, retry_time: Some(at(-9)) };
        let verdicts = vec![
            Verdict { reservation: Some(("r".to_owned(), at(4))), denials: Vec::new() },
            Verdict { reservation: None, denials: vec![denial] },
        ];
        let answer = Answer { fingerprint: vec![1], created: at(8), verdicts: verdicts.clone() };
        let back = Answer::decode(&answer.encode()).unwrap();
        assert_eq!(back, answer);
        assert_eq!(back.clone().repeat(&[1]), Ok(verdicts));
        assert_eq!(back.repeat(&[2]), Err(StorageError::RequestIdReused));
        assert!(matches!(decode_ledger(&[255]), Err(StorageError::Corrupt(_))));
    }
}
