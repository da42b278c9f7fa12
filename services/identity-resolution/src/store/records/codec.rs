//! What is stored, in protobuf encoding: fields are added, never renumbered.

use attune_kernel::{Personal, Timestamp};
use attune_storage::StorageError;
use prost::Message;

use super::{Comparable, Published, Remembered};
use crate::domain::matching::review::{Decided, Verdict};
use crate::domain::matching::{AttributeRecord, End, RecordKey, Relation, RelationId, Review, ReviewId};

/// What is not needed to compare a record.
#[derive(Clone, PartialEq, Message)]
struct RecordRow {
    #[prost(string, tag = "1")]
    value: String,
    #[prost(string, tag = "2")]
    source: String,
    #[prost(string, repeated, tag = "3")]
    names: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    values: Vec<String>,
    #[prost(int64, tag = "5")]
    arrived: i64,
    #[prost(fixed64, repeated, tag = "6")]
    blocks: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct ReviewRow {
    #[prost(bytes = "vec", tag = "1")]
    left: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    right: Vec<u8>,
    #[prost(double, tag = "3")]
    weight: f64,
    #[prost(int64, tag = "4")]
    created: i64,
    /// 0 open, 1 same, 2 different.
    #[prost(uint32, tag = "5")]
    verdict: u32,
    #[prost(string, tag = "6")]
    actor: String,
    #[prost(string, tag = "7")]
    reason: String,
    #[prost(int64, tag = "8")]
    decided: i64,
}

#[derive(Clone, PartialEq, Message)]
struct RelationRow {
    #[prost(bytes = "vec", tag = "1")]
    from: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    to: Vec<u8>,
    #[prost(string, tag = "3")]
    kind: String,
    #[prost(double, tag = "4")]
    confidence: f64,
    #[prost(string, tag = "5")]
    source: String,
    #[prost(string, tag = "6")]
    evidence: String,
    #[prost(int64, tag = "7")]
    created: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ModelRow {
    #[prost(string, tag = "1")]
    version: String,
    #[prost(int64, tag = "2")]
    time: i64,
    #[prost(string, tag = "3")]
    actor: String,
}

fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(format!("attribute record: {what}"))
}

fn decoded<M: Message + Default>(bytes: &[u8]) -> Result<M, StorageError> {
    M::decode(bytes).map_err(|_| corrupt("does not decode"))
}

/// The key of 16 bytes.
pub(super) fn record_key(bytes: &[u8]) -> Result<RecordKey, StorageError> {
    bytes.try_into().map(|bytes: [u8; 16]| RecordKey::cut(&bytes)).map_err(|_| corrupt("a key does not have 16 bytes"))
}

fn sixteen(bytes: &[u8]) -> Result<[u8; 16], StorageError> {
    Ok(record_key(bytes)?.0)
}

pub(super) fn encode_record(record: &AttributeRecord) -> Vec<u8> {
    RecordRow {
        value: record.value.clone(),
        source: record.source.clone(),
        names: record.attributes.iter().map(|(name, _)| name.clone()).collect(),
        values: record.attributes.iter().map(|(_, value)| value.expose().clone()).collect(),
        arrived: record.arrived.as_micros(),
        blocks: record.blocks.clone(),
    }
    .encode_to_vec()
}

pub(super) fn decode_record(
    key: RecordKey,
    comparable: Comparable,
    bytes: &[u8],
) -> Result<AttributeRecord, StorageError> {
    let row: RecordRow = decoded(bytes)?;
    if row.names.len() != row.values.len() {
        return Err(corrupt("names and values do not pair"));
    }
    Ok(AttributeRecord {
        key,
        value: row.value,
        source: row.source,
        attributes: row.names.into_iter().zip(row.values.into_iter().map(Personal::new)).collect(),
        event_time: comparable.event_time,
        arrived: Timestamp::from_micros(row.arrived),
        model: comparable.model,
        prepared: comparable.prepared,
        blocks: row.blocks,
    })
}

/// The blocks of an encoded record.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<u64>, StorageError> {
    Ok(decoded::<RecordRow>(bytes)?.blocks)
}

pub(super) fn encode_comparable(record: &AttributeRecord) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + record.prepared.len());
    bytes.extend_from_slice(&record.model.to_be_bytes());
    bytes.extend_from_slice(&record.event_time.as_micros().to_be_bytes());
    bytes.extend_from_slice(&record.prepared);
    bytes
}

pub(super) fn decode_comparable(bytes: &[u8]) -> Result<Comparable, StorageError> {
    let short = || corrupt("a comparable form is too short");
    let (model, rest) = bytes.split_first_chunk().ok_or_else(short)?;
    let (time, prepared) = rest.split_first_chunk().ok_or_else(short)?;
    let event_time = Timestamp::from_micros(i64::from_be_bytes(*time));
    Ok(Comparable { model: u64::from_be_bytes(*model), event_time, prepared: prepared.to_vec() })
}

pub(super) fn encode_review(review: &Review) -> Vec<u8> {
    let decided = review.decided.as_ref();
    ReviewRow {
        left: review.left.0.to_vec(),
        right: review.right.0.to_vec(),
        weight: review.weight,
        created: review.created.as_micros(),
        verdict: decided.map_or(0, |decided| match decided.verdict {
            Verdict::Same => 1,
            Verdict::Different => 2,
        }),
        actor: decided.map(|decided| decided.actor.clone()).unwrap_or_default(),
        reason: decided.map(|decided| decided.reason.clone()).unwrap_or_default(),
        decided: decided.map_or(0, |decided| decided.time.as_micros()),
    }
    .encode_to_vec()
}

pub(super) fn decode_review(id: &[u8], bytes: &[u8]) -> Result<Review, StorageError> {
    let row: ReviewRow = decoded(bytes)?;
    let verdict = match row.verdict {
        0 => None,
        1 => Some(Verdict::Same),
        2 => Some(Verdict::Different),
        _ => return Err(corrupt("unknown verdict")),
    };
    let time = Timestamp::from_micros(row.decided);
    Ok(Review {
        id: ReviewId(sixteen(id)?),
        left: record_key(&row.left)?,
        right: record_key(&row.right)?,
        weight: row.weight,
        created: Timestamp::from_micros(row.created),
        decided: verdict.map(|verdict| Decided { verdict, actor: row.actor, reason: row.reason, time }),
    })
}

pub(super) fn encode_relation(relation: &Relation) -> Vec<u8> {
    RelationRow {
        from: relation.from.to_bytes().to_vec(),
        to: relation.to.to_bytes().to_vec(),
        kind: relation.kind.clone(),
        confidence: relation.confidence,
        source: relation.source.clone(),
        evidence: relation.evidence.clone(),
        created: relation.created.as_micros(),
    }
    .encode_to_vec()
}

pub(super) fn decode_relation(id: &[u8], bytes: &[u8]) -> Result<Relation, StorageError> {
    let row: RelationRow = decoded(bytes)?;
    let end = |bytes: &[u8]| End::from_bytes(bytes).ok_or_else(|| corrupt("unknown end of a relation"));
    Ok(Relation {
        id: RelationId(sixteen(id)?),
        from: end(&row.from)?,
        to: end(&row.to)?,
        kind: row.kind,
        confidence: row.confidence,
        source: row.source,
        evidence: row.evidence,
        created: Timestamp::from_micros(row.created),
    })
}

/// A model without its JSON, which is long and seldom wanted.
pub(super) fn encode_model(model: &Published) -> Vec<u8> {
    let (version, actor) = (model.version.clone(), model.actor.clone());
    ModelRow { version, time: model.time.as_micros(), actor }.encode_to_vec()
}

pub(super) fn decode_model(number: u64, bytes: &[u8]) -> Result<Published, StorageError> {
    let row: ModelRow = decoded(bytes)?;
    let time = Timestamp::from_micros(row.time);
    Ok(Published { number, version: row.version, time, actor: row.actor, json: String::new() })
}

/// Whether a request was fulfilled before; an error when it was another one.
pub(super) fn fulfilled(request: &Remembered, stored: Option<&[u8]>) -> Result<bool, StorageError> {
    match stored {
        None => Ok(false),
        Some(digest) if digest == request.digest => Ok(true),
        Some(_) => Err(StorageError::RequestIdReused),
    }
}
