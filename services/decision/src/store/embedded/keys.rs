//! The layout of the embedded space.
//!
//! | key | value | what it is |
//! |---|---|---|
//! | `d` decision | header, body | a decision |
//! | `q` request id | decision | the decision a request was answered with |
//! | `t` time, decision | | the service's own decisions that arbitrated, by time |
//! | `o` person key, offer, time, sequence, decision | channel, learning | a receipt of an offer |
//! | `p` person key, decision | | a decision that offered nothing, which no receipt leads to |
//! | `r` person key, offer, time, sequence, request id | kind, decision | a response |
//! | `j` decision, time, sequence, request id | offer, kind, value | a response joined to its decision |
//! | `s` request id | decision or nothing | a response that is known |
//! | `m` offer, channel | trials, positives | what is learned |
//! | `v` | version | the model's version |
//! | `a` person | person or nothing | an alias; nothing: erased |
//! | `b` person, alias | | the aliases that lead to a person |
//! | `g` decision | person | for whom a decision was recorded, when that is not its person: a merge moved it |
//! | `h` request id | person | the same of a response |
//! | `c` offset | | an applied change |
//!
//! A decision is sealed with the key of its person; ids of requests are hashed.

use attune_kernel::{DecisionId, PersonId};
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{StorageError, Value};

use super::super::{codec, hashed};
use crate::domain::moment::Moment;
use crate::domain::response::{Counted, Kind};

pub(super) fn decision(id: DecisionId) -> Vec<u8> {
    key().str("d").id(id.to_bytes()).build()
}

pub(super) fn request(request_id: &str) -> Vec<u8> {
    key().str("q").str(&hashed(request_id)).build()
}

pub(super) fn time(micros: i64) -> KeyBuilder {
    key().str("t").i64(micros)
}

pub(super) fn receipts(person: [u8; 16]) -> KeyBuilder {
    key().str("o").id(person)
}

pub(super) fn receipt(person: [u8; 16], offer: &str, moment: Moment, decision: DecisionId) -> Vec<u8> {
    receipts_to(person, offer, moment).id(decision.to_bytes()).build()
}

/// The beginning of the keys of receipts of an offer at a moment.
pub(super) fn receipts_to(person: [u8; 16], offer: &str, moment: Moment) -> KeyBuilder {
    receipts(person).str(offer).i64(moment.time.as_micros()).i64(moment.sequence)
}

pub(super) fn empty_decisions(person: [u8; 16]) -> KeyBuilder {
    key().str("p").id(person)
}

pub(super) fn responses(person: [u8; 16]) -> KeyBuilder {
    key().str("r").id(person)
}

pub(super) fn joined(decision: DecisionId) -> KeyBuilder {
    key().str("j").id(decision.to_bytes())
}

pub(super) fn known(request_id: &str) -> Vec<u8> {
    key().str("s").str(&hashed(request_id)).build()
}

pub(super) fn counts(offer: &str, channel: &str) -> Vec<u8> {
    key().str("m").str(offer).str(channel).build()
}

pub(super) fn version() -> Vec<u8> {
    key().str("v").build()
}

pub(super) fn alias(person: [u8; 16]) -> Vec<u8> {
    key().str("a").id(person).build()
}

pub(super) fn aliases_of(target: [u8; 16]) -> KeyBuilder {
    key().str("b").id(target)
}

pub(super) fn decision_origin(id: DecisionId) -> Vec<u8> {
    key().str("g").id(id.to_bytes()).build()
}

/// `request` is the last part of the key of the response.
pub(super) fn response_origin(request: &str) -> Vec<u8> {
    key().str("h").str(request).build()
}

pub(super) fn change(offset: i64) -> Vec<u8> {
    key().str("c").i64(offset).build()
}

/// Longer chains of merges than this do not occur; it bounds a loop over stored data.
const MAX_ALIASES: usize = 64;

/// The person that an id means today; `None` when it was erased.
pub(super) fn today(
    person: PersonId,
    get: impl Fn(Vec<u8>) -> Result<Option<Value>, StorageError>,
) -> Result<Option<[u8; 16]>, StorageError> {
    let mut at = person.to_bytes();
    for _ in 0..MAX_ALIASES {
        match get(alias(at))? {
            Some(target) if target.is_empty() => return Ok(None),
            Some(target) => at = id_of(&target)?,
            None => break,
        }
    }
    Ok(Some(at))
}

/// Sixteen bytes that stand alone as a value.
pub(super) fn id_of(value: &[u8]) -> Result<[u8; 16], StorageError> {
    value.try_into().map_err(|_| StorageError::Corrupt("value is not an id".to_owned()))
}

/// What stands before a decision's body: what is read of it without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Whether the person key is a person's id.
    pub(super) is_person: bool,
    pub(super) person: [u8; 16],
    pub(super) moment: Moment,
}

const HEADER: usize = 1 + 16 + 8 + 8;

impl Header {
    pub(super) fn before(self, body: &[u8]) -> Value {
        let mut bytes = Vec::with_capacity(HEADER + body.len());
        let moment = key().i64(self.moment.time.as_micros()).i64(self.moment.sequence);
        bytes.push(u8::from(self.is_person));
        bytes.extend_from_slice(&self.person);
        bytes.extend_from_slice(&moment.build());
        bytes.extend_from_slice(body);
        bytes.into()
    }

    pub(super) fn split(value: &[u8]) -> Result<(Self, &[u8]), StorageError> {
        let (head, body) = value.split_at_checked(HEADER).ok_or_else(|| short("decision"))?;
        let mut reader = KeyReader::new(head);
        let header = Self { is_person: reader.bool()?, person: reader.id()?, moment: moment(&mut reader)? };
        Ok((header, body))
    }
}

pub(super) fn moment(reader: &mut KeyReader<'_>) -> Result<Moment, StorageError> {
    Ok(Moment { time: attune_kernel::Timestamp::from_micros(reader.i64()?), sequence: reader.i64()? })
}

/// What is kept of a receipt for learning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Learning {
    pub(super) channel: String,
    pub(super) learn_from: Kind,
    pub(super) counted: Counted,
}

impl Learning {
    pub(super) fn to_value(&self) -> Value {
        let bytes = key()
            .str(&self.channel)
            .u32(codec::kind_number(self.learn_from))
            .bool(self.counted.trial)
            .bool(self.counted.positive);
        bytes.build().into()
    }

    pub(super) fn of(value: &[u8]) -> Result<Self, StorageError> {
        let mut reader = KeyReader::new(value);
        Ok(Self {
            channel: reader.str()?,
            learn_from: codec::kind(reader.u32()?)?,
            counted: Counted { trial: reader.bool()?, positive: reader.bool()? },
        })
    }
}

/// The numbers of `m`.
pub(super) fn counts_value(trials: u64, positives: u64) -> Value {
    key().u64(trials).u64(positives).build().into()
}

pub(super) fn short(what: &str) -> StorageError {
    StorageError::Corrupt(format!("{what} ends early"))
}
