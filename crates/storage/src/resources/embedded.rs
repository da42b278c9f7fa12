//! Records in a space of the embedded engine.
//!
//! Keys: `(~res, r, kind, id)` the record, `(~res, v, kind)` the version, `(~res, q, kind, request id)` the first answer
//! to a request, `(~res, t, created, kind, request id)` the order in which requests are forgotten.

use async_trait::async_trait;
use attune_kernel::Timestamp;

use super::{MAX_PAGE, Record, Resources, already_exists, check_text, fingerprint, not_found};
use crate::embedded::{Engine, Reader, Scan, Space, Tx};
use crate::error::StorageError;
use crate::key::{KeyBuilder, KeyReader, key};

const ROOM: &str = "~res";
/// Most requests forgotten in one transaction, so that it does not hold up other writes for long.
const FORGET_STEP: usize = 2000;

/// [`Resources`] over the embedded engine.
#[derive(Debug, Clone)]
pub struct EmbeddedResources {
    engine: Engine,
    space: Space,
}

impl EmbeddedResources {
    /// The records of a space.
    #[must_use]
    pub const fn new(engine: Engine, space: Space) -> Self {
        Self { engine, space }
    }
}

fn part(name: &str) -> KeyBuilder {
    key().str(ROOM).str(name)
}

fn record_key(kind: &str, id: &str) -> Vec<u8> {
    part("r").str(kind).str(id).build()
}

fn request_key(kind: &str, request_id: &str) -> Vec<u8> {
    part("q").str(kind).str(request_id).build()
}

fn request_order(created: Timestamp) -> KeyBuilder {
    part("t").i64(created.as_micros())
}

#[async_trait]
impl Resources for EmbeddedResources {
    async fn create(&self, record: Record, request_id: Option<&str>) -> Result<Record, StorageError> {
        record.check()?;
        if let Some(request_id) = request_id {
            check_text("request_id", request_id)?;
        }
        let record = Record { revision: 1, ..record };
        let request_id = request_id.map(str::to_owned);
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                if let Some(request_id) = &request_id {
                    let fingerprint = fingerprint(&record.body);
                    let at = request_key(&record.kind, request_id);
                    if let Some(known) = tx.get(&space, &at)? {
                        return replay(&record.kind, &known, &fingerprint);
                    }
                    let answer = key().bytes(&fingerprint).str(&record.id).bytes(&encode(&record)).build();
                    tx.put(&space, at, answer)?;
                    let order = request_order(record.created).str(&record.kind).str(request_id).build();
                    tx.put(&space, order, Vec::new())?;
                }
                let at = record_key(&record.kind, &record.id);
                if tx.get(&space, &at)?.is_some() {
                    return Err(already_exists(&record));
                }
                tx.put(&space, at, encode(&record))?;
                raise_version(tx, &space, &record.kind)?;
                Ok(record)
            })
            .await
    }

    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StorageError> {
        let stored = self.engine.reader().get(&self.space, record_key(kind, id))?;
        stored.map(|bytes| decode(kind, id, &bytes)).transpose()
    }

    async fn list(&self, kind: &str, after_id: Option<&str>, limit: usize) -> Result<Vec<Record>, StorageError> {
        check_text("kind", kind)?;
        let mut scan = Scan::prefix(part("r").str(kind).build()).limit(limit.min(MAX_PAGE));
        if let Some(after) = after_id {
            check_text("after_id", after)?;
            scan = scan.above(record_key(kind, after));
        }
        let reader: Reader = self.engine.reader();
        let pairs = reader.scan(&self.space, &scan)?;
        pairs
            .iter()
            .map(|(at, bytes)| {
                let mut at = KeyReader::new(at);
                let (_room, _part, kind, id) = (at.str()?, at.str()?, at.str()?, at.str()?);
                decode(&kind, &id, bytes)
            })
            .collect()
    }

    async fn update(
        &self,
        kind: &str,
        id: &str,
        expected_revision: Option<u64>,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Record, StorageError> {
        check_text("kind", kind)?;
        check_text("id", id)?;
        let (space, kind, id) = (self.space.clone(), kind.to_owned(), id.to_owned());
        self.engine
            .write(move |tx| {
                let old = expect(tx, &space, &kind, &id, expected_revision)?;
                let record = Record { revision: old.revision + 1, body, updated: now, ..old };
                tx.put(&space, record_key(&kind, &id), encode(&record))?;
                raise_version(tx, &space, &kind)?;
                Ok(record)
            })
            .await
    }

    async fn delete(&self, kind: &str, id: &str, expected_revision: Option<u64>) -> Result<(), StorageError> {
        check_text("kind", kind)?;
        check_text("id", id)?;
        let (space, kind, id) = (self.space.clone(), kind.to_owned(), id.to_owned());
        self.engine
            .write(move |tx| {
                expect(tx, &space, &kind, &id, expected_revision)?;
                tx.delete(&space, record_key(&kind, &id))?;
                raise_version(tx, &space, &kind)
            })
            .await
    }

    async fn version(&self, kind: &str) -> Result<u64, StorageError> {
        check_text("kind", kind)?;
        let stored = self.engine.reader().get(&self.space, part("v").str(kind).build())?;
        stored.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<u64, StorageError> {
        let mut total = 0;
        loop {
            let space = self.space.clone();
            let count = self.engine.write(move |tx| forget_step(tx, &space, before)).await?;
            total += u64::try_from(count).unwrap_or(u64::MAX);
            if count < FORGET_STEP {
                return Ok(total);
            }
        }
    }
}

fn forget_step(tx: &mut Tx, space: &Space, before: Timestamp) -> Result<usize, StorageError> {
    let scan = Scan::prefix(part("t").build()).below(request_order(before).build()).limit(FORGET_STEP);
    let old = tx.scan(space, &scan)?;
    for (at, _) in &old {
        let mut parts = KeyReader::new(at);
        let (_room, _part, _created) = (parts.str()?, parts.str()?, parts.i64()?);
        let (kind, request_id) = (parts.str()?, parts.str()?);
        tx.delete(space, request_key(&kind, &request_id))?;
        tx.delete(space, at.to_vec())?;
    }
    Ok(old.len())
}

fn replay(kind: &str, known: &[u8], fingerprint: &[u8]) -> Result<Record, StorageError> {
    let mut parts = KeyReader::new(known);
    if parts.bytes()? != fingerprint {
        return Err(StorageError::RequestIdReused);
    }
    let id = parts.str()?;
    decode(kind, &id, &parts.bytes()?)
}

fn expect(tx: &Tx, space: &Space, kind: &str, id: &str, expected: Option<u64>) -> Result<Record, StorageError> {
    let stored = tx.get(space, record_key(kind, id))?.ok_or_else(|| not_found(kind, id))?;
    let record = decode(kind, id, &stored)?;
    match expected {
        Some(expected) if expected != record.revision => {
            Err(StorageError::RevisionMismatch { expected, found: record.revision })
        }
        _ => Ok(record),
    }
}

fn raise_version(tx: &mut Tx, space: &Space, kind: &str) -> Result<(), StorageError> {
    let at = part("v").str(kind).build();
    let version = tx.get(space, &at)?.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())?;
    tx.put(space, at, key().u64(version + 1).build())
}

/// Revision, times, then the body as it is.
fn encode(record: &Record) -> Vec<u8> {
    let head = key().u64(record.revision).i64(record.created.as_micros()).i64(record.updated.as_micros());
    let mut bytes = head.build();
    bytes.extend_from_slice(&record.body);
    bytes
}

fn decode(kind: &str, id: &str, bytes: &[u8]) -> Result<Record, StorageError> {
    let (head, body) =
        bytes.split_at_checked(24).ok_or_else(|| StorageError::Corrupt("record ends early".to_owned()))?;
    let mut head = KeyReader::new(head);
    Ok(Record {
        kind: kind.to_owned(),
        id: id.to_owned(),
        revision: head.u64()?,
        created: Timestamp::from_micros(head.i64()?),
        updated: Timestamp::from_micros(head.i64()?),
        body: body.to_vec(),
    })
}
