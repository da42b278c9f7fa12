//! What is stored, in protobuf encoding: fields are added, never renumbered.

use attune_kernel::{PersonId, Personal, Timestamp};
use attune_storage::StorageError;
use attune_storage::feed::{Entry, NewEntry};
use prost::Message;

use super::Announced;
use crate::domain::{Change, Erased, Evidence, EvidenceKind, Held, IdentifierKey, Person, Recorded};

#[derive(Clone, PartialEq, Message)]
struct PersonRecord {
    #[prost(int64, tag = "1")]
    created: i64,
    #[prost(int64, tag = "2")]
    updated: i64,
    #[prost(message, repeated, tag = "3")]
    identifiers: Vec<HeldRecord>,
    #[prost(bytes = "vec", repeated, tag = "4")]
    aliases: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    cannot_link: Vec<Vec<u8>>,
    #[prost(fixed64, repeated, tag = "6")]
    evidence: Vec<u64>,
    #[prost(int64, optional, tag = "7")]
    erased: Option<i64>,
    #[prost(uint64, tag = "8")]
    erasure_offset: u64,
}

#[derive(Clone, PartialEq, Message)]
struct HeldRecord {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(string, tag = "2")]
    namespace: String,
    #[prost(string, tag = "3")]
    value: String,
    #[prost(int64, tag = "4")]
    first_seen: i64,
    #[prost(int64, tag = "5")]
    last_seen: i64,
    #[prost(string, tag = "6")]
    source: String,
    #[prost(bool, tag = "7")]
    stopped: bool,
    #[prost(bool, tag = "8")]
    shared: bool,
    #[prost(int64, tag = "9")]
    strong_seen: i64,
    #[prost(bytes = "vec", repeated, tag = "10")]
    seen_with: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct EvidenceRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    identifiers: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    persons: Vec<Vec<u8>>,
    #[prost(int64, tag = "4")]
    event_time: i64,
    #[prost(int64, tag = "5")]
    arrived: i64,
    #[prost(string, tag = "6")]
    source: String,
    #[prost(string, tag = "7")]
    note: String,
}

#[derive(Clone, PartialEq, Message)]
struct RequestRecord {
    #[prost(bytes = "vec", tag = "1")]
    digest: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    persons: Vec<Vec<u8>>,
    #[prost(uint32, tag = "3")]
    count: u32,
}

#[derive(Clone, PartialEq, Message)]
struct ChangeRecord {
    #[prost(int64, tag = "1")]
    time: i64,
    /// 1 merge, 2 split, 3 erasure.
    #[prost(uint32, tag = "2")]
    kind: u32,
    /// Survivor and merged; kept and split; erased.
    #[prost(bytes = "vec", repeated, tag = "3")]
    persons: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "4")]
    identifiers: Vec<HeldRecord>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    aliases: Vec<Vec<u8>>,
}

fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(format!("record: {what}"))
}

fn decoded<M: Message + Default>(bytes: &[u8]) -> Result<M, StorageError> {
    M::decode(bytes).map_err(|_| corrupt("does not decode"))
}

fn sixteen(bytes: &[u8]) -> Result<[u8; 16], StorageError> {
    bytes.try_into().map_err(|_| corrupt("an id does not have 16 bytes"))
}

/// The id of 16 bytes.
pub(super) fn person_id(bytes: &[u8]) -> Result<PersonId, StorageError> {
    sixteen(bytes).map(PersonId::from_bytes)
}

/// The key of 16 bytes.
pub(super) fn identifier_key(bytes: &[u8]) -> Result<IdentifierKey, StorageError> {
    sixteen(bytes).map(IdentifierKey)
}

fn ids(ids: &[PersonId]) -> Vec<Vec<u8>> {
    ids.iter().map(|id| id.to_bytes().to_vec()).collect()
}

fn from_ids(ids: &[Vec<u8>]) -> Result<Vec<PersonId>, StorageError> {
    ids.iter().map(|id| person_id(id)).collect()
}

fn from_held(held: &Held) -> HeldRecord {
    HeldRecord {
        key: held.key.0.to_vec(),
        namespace: held.namespace.clone(),
        value: held.value.expose().clone(),
        first_seen: held.first_seen.as_micros(),
        last_seen: held.last_seen.as_micros(),
        source: held.source.clone(),
        stopped: !held.linking,
        shared: held.shared,
        strong_seen: held.strong_seen.as_micros(),
        seen_with: ids(&held.seen_with),
    }
}

fn to_held(record: HeldRecord) -> Result<Held, StorageError> {
    Ok(Held {
        key: identifier_key(&record.key)?,
        namespace: record.namespace,
        value: Personal::new(record.value),
        first_seen: Timestamp::from_micros(record.first_seen),
        last_seen: Timestamp::from_micros(record.last_seen),
        source: record.source,
        linking: !record.stopped,
        shared: record.shared,
        strong_seen: Timestamp::from_micros(record.strong_seen),
        seen_with: from_ids(&record.seen_with)?,
    })
}

pub(super) fn encode_person(person: &Person) -> Vec<u8> {
    PersonRecord {
        created: person.created.as_micros(),
        updated: person.updated.as_micros(),
        identifiers: person.identifiers.iter().map(from_held).collect(),
        aliases: ids(&person.aliases),
        cannot_link: ids(&person.cannot_link),
        evidence: person.evidence.clone(),
        erased: person.erased.map(|erased| erased.time.as_micros()),
        erasure_offset: person.erased.map_or(0, |erased| erased.offset),
    }
    .encode_to_vec()
}

pub(super) fn decode_person(id: PersonId, bytes: &[u8]) -> Result<Person, StorageError> {
    let record: PersonRecord = decoded(bytes)?;
    let offset = record.erasure_offset;
    Ok(Person {
        id,
        created: Timestamp::from_micros(record.created),
        updated: Timestamp::from_micros(record.updated),
        erased: record.erased.map(|time| Erased { time: Timestamp::from_micros(time), offset }),
        identifiers: record.identifiers.into_iter().map(to_held).collect::<Result<_, _>>()?,
        aliases: from_ids(&record.aliases)?,
        cannot_link: from_ids(&record.cannot_link)?,
        evidence: record.evidence,
    })
}

pub(super) fn encode_evidence(evidence: &Evidence) -> Vec<u8> {
    EvidenceRecord {
        kind: evidence.kind.code(),
        identifiers: evidence.identifiers.iter().map(|key| key.0.to_vec()).collect(),
        persons: ids(&evidence.persons),
        event_time: evidence.event_time.as_micros(),
        arrived: evidence.arrived.as_micros(),
        source: evidence.source.clone(),
        note: evidence.note.clone(),
    }
    .encode_to_vec()
}

pub(super) fn decode_evidence(key: u64, bytes: &[u8]) -> Result<Evidence, StorageError> {
    let record: EvidenceRecord = decoded(bytes)?;
    Ok(Evidence {
        key,
        kind: EvidenceKind::from_code(record.kind).ok_or_else(|| corrupt("unknown kind of evidence"))?,
        identifiers: record.identifiers.iter().map(|key| identifier_key(key)).collect::<Result<_, _>>()?,
        persons: from_ids(&record.persons)?,
        event_time: Timestamp::from_micros(record.event_time),
        arrived: Timestamp::from_micros(record.arrived),
        source: record.source,
        note: record.note,
    })
}

pub(super) fn encode_request(recorded: &Recorded) -> Vec<u8> {
    let persons = ids(&recorded.persons);
    RequestRecord { digest: recorded.digest.to_vec(), persons, count: recorded.count }.encode_to_vec()
}

pub(super) fn decode_request(bytes: &[u8]) -> Result<Recorded, StorageError> {
    let record: RequestRecord = decoded(bytes)?;
    let digest = record.digest.try_into().map_err(|_| corrupt("a digest does not have 32 bytes"))?;
    Ok(Recorded { digest, persons: from_ids(&record.persons)?, count: record.count })
}

/// The entries of a feed, under the id of the person concerned.
pub(super) fn encode_feed(feed: &[(Timestamp, Change)]) -> Vec<NewEntry> {
    feed.iter()
        .map(|(time, change)| {
            let mut record = ChangeRecord { time: time.as_micros(), ..ChangeRecord::default() };
            let about = match change {
                Change::Merge { survivor, merged } => {
                    record.kind = 1;
                    record.persons = ids(&[*survivor, *merged]);
                    survivor
                }
                Change::Split { kept, split, identifiers } => {
                    record.kind = 2;
                    record.persons = ids(&[*kept, *split]);
                    record.identifiers = identifiers.iter().map(from_held).collect();
                    kept
                }
                Change::Erasure { person, aliases } => {
                    record.kind = 3;
                    record.persons = ids(&[*person]);
                    record.aliases = ids(aliases);
                    person
                }
            };
            NewEntry::new(about.to_string(), record.encode_to_vec())
        })
        .collect()
}

pub(super) fn decode_feed(entry: &Entry) -> Result<Announced, StorageError> {
    let record: ChangeRecord = decoded(&entry.body)?;
    let persons = from_ids(&record.persons)?;
    let change = match (record.kind, persons.as_slice()) {
        (1, [survivor, merged]) => Change::Merge { survivor: *survivor, merged: *merged },
        (2, [kept, split]) => {
            let identifiers = record.identifiers.into_iter().map(to_held).collect::<Result<_, _>>()?;
            Change::Split { kept: *kept, split: *split, identifiers }
        }
        (3, [person]) => Change::Erasure { person: *person, aliases: from_ids(&record.aliases)? },
        _ => return Err(corrupt("unknown change")),
    };
    Ok(Announced { offset: entry.offset, time: Timestamp::from_micros(record.time), change })
}
