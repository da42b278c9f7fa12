//! What is stored, in protobuf encoding: fields are added, never renumbered.

use attune_kernel::{PersonId, Personal, Timestamp};
use attune_storage::StorageError;
use attune_storage::feed::{Entry, NewEntry};
use prost::Message;

use super::Announced;
use crate::domain::{
    Anchor, Change, Claim, Edge, Entry as AuditEntry, Erased, Held, IdentifierKey, Issued, Kind, Person, Recorded, Says,
};

#[derive(Clone, PartialEq, Message)]
struct PersonRecord {
    #[prost(sint64, tag = "1")]
    created: i64,
    #[prost(sint64, tag = "2")]
    updated: i64,
    #[prost(message, repeated, tag = "3")]
    identifiers: Vec<HeldRecord>,
    /// Aliases of an erased person; others have theirs among the ids.
    #[prost(bytes = "vec", repeated, tag = "4")]
    aliases: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "5")]
    ids: Vec<IssuedRecord>,
    #[prost(message, repeated, tag = "6")]
    edges: Vec<EdgeRecord>,
    #[prost(message, repeated, tag = "7")]
    claims: Vec<ClaimRecord>,
    #[prost(sint64, optional, tag = "8")]
    erased: Option<i64>,
    #[prost(uint64, tag = "9")]
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
    #[prost(sint64, tag = "4")]
    first_seen: i64,
    /// After the first sight.
    #[prost(sint64, tag = "5")]
    last_seen: i64,
    #[prost(string, tag = "6")]
    source: String,
    /// After the first sight.
    #[prost(sint64, tag = "7")]
    since: i64,
    #[prost(bool, tag = "8")]
    over: bool,
    #[prost(message, repeated, tag = "9")]
    anchors: Vec<AnchorRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct AnchorRecord {
    #[prost(string, tag = "1")]
    namespace: String,
    #[prost(bytes = "vec", tag = "2")]
    key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct IssuedRecord {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(sint64, tag = "2")]
    created: i64,
    #[prost(bytes = "vec", tag = "3")]
    home: Vec<u8>,
    /// Absent when it is the home.
    #[prost(bytes = "vec", tag = "4")]
    birth: Vec<u8>,
}

/// An end is the place among the person's identifiers, from 1, or a key when somebody else holds it.
#[derive(Clone, PartialEq, Message)]
struct EdgeRecord {
    #[prost(uint32, tag = "1")]
    a: u32,
    #[prost(uint32, tag = "2")]
    b: u32,
    #[prost(bytes = "vec", tag = "3")]
    far: Vec<u8>,
    #[prost(sint64, tag = "4")]
    first: i64,
    /// After the first sight.
    #[prost(sint64, tag = "5")]
    last: i64,
    #[prost(string, tag = "6")]
    source: String,
}

#[derive(Clone, PartialEq, Message)]
struct ClaimRecord {
    #[prost(bytes = "vec", repeated, tag = "1")]
    left: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    right: Vec<Vec<u8>>,
    /// 1 same, 2 different, 3 parted, 4 matched.
    #[prost(uint32, tag = "3")]
    says: u32,
    #[prost(double, tag = "4")]
    weight: f64,
    #[prost(double, tag = "5")]
    probability: f64,
    #[prost(string, tag = "6")]
    model: String,
    #[prost(string, tag = "7")]
    actor: String,
    #[prost(string, tag = "8")]
    reason: String,
    #[prost(sint64, tag = "9")]
    time: i64,
    #[prost(bool, tag = "10")]
    reviewed: bool,
}

#[derive(Clone, PartialEq, Message)]
struct EntryRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(bytes = "vec", repeated, tag = "2")]
    identifiers: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    persons: Vec<Vec<u8>>,
    #[prost(sint64, tag = "4")]
    event_time: i64,
    #[prost(sint64, tag = "5")]
    time: i64,
    #[prost(string, tag = "6")]
    actor: String,
    #[prost(string, tag = "7")]
    note: String,
    #[prost(double, tag = "8")]
    weight: f64,
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

fn from_keys(keys: &[IdentifierKey]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.0.to_vec()).collect()
}

fn to_keys(keys: &[Vec<u8>]) -> Result<Vec<IdentifierKey>, StorageError> {
    keys.iter().map(|key| identifier_key(key)).collect()
}

const fn after(first: i64, time: Timestamp) -> i64 {
    time.as_micros().wrapping_sub(first)
}

const fn at(first: i64, after: i64) -> Timestamp {
    Timestamp::from_micros(first.wrapping_add(after))
}

fn from_held(held: &Held) -> HeldRecord {
    let first_seen = held.first_seen.as_micros();
    let anchor = |anchor: &Anchor| AnchorRecord { namespace: anchor.namespace.clone(), key: anchor.key.0.to_vec() };
    HeldRecord {
        key: held.key.0.to_vec(),
        namespace: held.namespace.clone(),
        value: held.value.expose().clone(),
        first_seen,
        last_seen: after(first_seen, held.last_seen),
        source: held.source.clone(),
        since: after(first_seen, held.since),
        over: held.over,
        anchors: held.anchors.iter().map(anchor).collect(),
    }
}

fn to_held(record: HeldRecord) -> Result<Held, StorageError> {
    let first = record.first_seen;
    let anchor = |anchor: AnchorRecord| Ok(Anchor { key: identifier_key(&anchor.key)?, namespace: anchor.namespace });
    Ok(Held {
        key: identifier_key(&record.key)?,
        namespace: record.namespace,
        value: Personal::new(record.value),
        first_seen: Timestamp::from_micros(first),
        last_seen: at(first, record.last_seen),
        source: record.source,
        since: at(first, record.since),
        over: record.over,
        anchors: record.anchors.into_iter().map(anchor).collect::<Result<_, StorageError>>()?,
    })
}

fn from_edge(edge: &Edge, person: &Person) -> EdgeRecord {
    let place = |key: IdentifierKey| {
        let place = person.identifiers.iter().position(|held| held.key == key).map_or(0, |place| place + 1);
        u32::try_from(place).unwrap_or(0)
    };
    let (a, b) = (place(edge.a), place(edge.b));
    let far = match (a, b) {
        (0, _) => edge.a.0.to_vec(),
        (_, 0) => edge.b.0.to_vec(),
        _ => Vec::new(),
    };
    let first = edge.first.as_micros();
    EdgeRecord { a, b, far, first, last: after(first, edge.last), source: edge.source.clone() }
}

fn to_edge(record: EdgeRecord, identifiers: &[Held]) -> Result<Edge, StorageError> {
    let end = |place: u32| match (place as usize).checked_sub(1) {
        Some(place) => identifiers.get(place).map(|held| held.key).ok_or_else(|| corrupt("an edge leads nowhere")),
        None => identifier_key(&record.far),
    };
    let (a, b) = (end(record.a)?, end(record.b)?);
    let (first, last) = (Timestamp::from_micros(record.first), at(record.first, record.last));
    Ok(Edge { a, b, first, last, source: record.source })
}

fn from_claim(claim: &Claim) -> ClaimRecord {
    let mut record = ClaimRecord {
        left: from_keys(&claim.left),
        right: from_keys(&claim.right),
        actor: claim.actor.clone(),
        reason: claim.reason.clone(),
        time: claim.time.as_micros(),
        reviewed: claim.reviewed,
        ..ClaimRecord::default()
    };
    record.says = match &claim.says {
        Says::Same => 1,
        Says::Different => 2,
        Says::Parted => 3,
        Says::Matched { weight, probability, model } => {
            (record.weight, record.probability) = (*weight, *probability);
            record.model.clone_from(model);
            4
        }
    };
    record
}

fn to_claim(record: ClaimRecord) -> Result<Claim, StorageError> {
    let says = match record.says {
        1 => Says::Same,
        2 => Says::Different,
        3 => Says::Parted,
        4 => Says::Matched { weight: record.weight, probability: record.probability, model: record.model },
        _ => return Err(corrupt("unknown claim")),
    };
    Ok(Claim {
        left: to_keys(&record.left)?,
        right: to_keys(&record.right)?,
        says,
        actor: record.actor,
        reason: record.reason,
        time: Timestamp::from_micros(record.time),
        reviewed: record.reviewed,
    })
}

pub(super) fn encode_person(person: &Person) -> Vec<u8> {
    let issued = |issued: &Issued| IssuedRecord {
        id: issued.id.to_bytes().to_vec(),
        created: issued.created.as_micros(),
        home: issued.home.0.to_vec(),
        birth: if issued.birth == issued.home { Vec::new() } else { issued.birth.0.to_vec() },
    };
    PersonRecord {
        created: person.created.as_micros(),
        updated: person.updated.as_micros(),
        identifiers: person.identifiers.iter().map(from_held).collect(),
        aliases: if person.erased.is_some() { ids(&person.aliases) } else { Vec::new() },
        ids: person.ids.iter().map(issued).collect(),
        edges: person.edges.iter().map(|edge| from_edge(edge, person)).collect(),
        claims: person.claims.iter().map(from_claim).collect(),
        erased: person.erased.map(|erased| erased.time.as_micros()),
        erasure_offset: person.erased.map_or(0, |erased| erased.offset),
    }
    .encode_to_vec()
}

pub(super) fn decode_person(id: PersonId, bytes: &[u8]) -> Result<Person, StorageError> {
    let record: PersonRecord = decoded(bytes)?;
    let offset = record.erasure_offset;
    let issued = |issued: IssuedRecord| {
        let home = identifier_key(&issued.home)?;
        let birth = if issued.birth.is_empty() { home } else { identifier_key(&issued.birth)? };
        Ok(Issued { id: person_id(&issued.id)?, created: Timestamp::from_micros(issued.created), home, birth })
    };
    let identifiers: Vec<Held> = record.identifiers.into_iter().map(to_held).collect::<Result<_, _>>()?;
    let ids: Vec<Issued> = record.ids.into_iter().map(issued).collect::<Result<_, StorageError>>()?;
    let mut aliases = from_ids(&record.aliases)?;
    aliases.extend(ids.iter().map(|issued| issued.id).filter(|alias| *alias != id));
    aliases.sort_unstable();
    let edges = record.edges.into_iter().map(|edge| to_edge(edge, &identifiers)).collect::<Result<_, _>>()?;
    Ok(Person {
        id,
        created: Timestamp::from_micros(record.created),
        updated: Timestamp::from_micros(record.updated),
        erased: record.erased.map(|time| Erased { time: Timestamp::from_micros(time), offset }),
        identifiers,
        aliases,
        ids,
        edges,
        claims: record.claims.into_iter().map(to_claim).collect::<Result<_, _>>()?,
    })
}

pub(super) fn encode_entry(entry: &AuditEntry) -> Vec<u8> {
    EntryRecord {
        kind: entry.kind.code(),
        identifiers: from_keys(&entry.identifiers),
        persons: ids(&entry.persons),
        event_time: entry.event_time.as_micros(),
        time: entry.time.as_micros(),
        actor: entry.actor.clone(),
        note: entry.note.clone(),
        weight: entry.weight,
    }
    .encode_to_vec()
}

pub(super) fn decode_entry(bytes: &[u8]) -> Result<AuditEntry, StorageError> {
    let record: EntryRecord = decoded(bytes)?;
    Ok(AuditEntry {
        kind: Kind::from_code(record.kind).ok_or_else(|| corrupt("unknown kind of audit entry"))?,
        identifiers: to_keys(&record.identifiers)?,
        persons: from_ids(&record.persons)?,
        event_time: Timestamp::from_micros(record.event_time),
        time: Timestamp::from_micros(record.time),
        actor: record.actor,
        note: record.note,
        weight: record.weight,
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
                Change::Split { kept, split, identifiers, aliases } => {
                    record.kind = 2;
                    record.aliases = ids(aliases);
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
            let aliases = from_ids(&record.aliases)?;
            Change::Split { kept: *kept, split: *split, identifiers, aliases }
        }
        (3, [person]) => Change::Erasure { person: *person, aliases: from_ids(&record.aliases)? },
        _ => return Err(corrupt("unknown change")),
    };
    Ok(Announced { offset: entry.offset, time: Timestamp::from_micros(record.time), change })
}
