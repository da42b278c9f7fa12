//! Records over the embedded engine.
//!
//! Keys of the space of records: `(d, key)` the comparable form, `(v, key)` the rest of a record, `(m, key, other)` a pair,
//! once from each side, `(w, id)` a review, `(q, weight, id)` the open ones and `(Q, weight, id)` all of them by descending
//! weight, `(x, key, id)` the reviews of a record, `(r, id)` a relation, `(e, end, id)` the relations at an end, `(M,
//! number)` a publication, `(V, version)` its number, `(J, version)` the JSON of a model, `(u, id)` a fulfilled request. The
//! space of blocks holds nothing but `(block, key)`. One thread writes, so a batch sees what the one before it wrote.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::ops::ControlFlow;

use async_trait::async_trait;
use attune_kernel::PersonId;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, Reader, Scan, Space, StorageError};
use rustc_hash::{FxHashMap, FxHashSet};

use super::embedded_work::Work;
use super::{
    Batch, Candidates, Comparable, Models, Neighbourhood, Published, Records, Relations, Remembered, Reviews, Wanted,
    codec,
};
use crate::domain::matching::{AttributeRecord, End, Pair, RecordKey, Relation, RelationId, Review, ReviewId};

/// The records.
pub(super) struct Embedded {
    engine: Engine,
    spaces: Spaces,
}

#[derive(Clone)]
pub(super) struct Spaces {
    pub(super) records: Space,
    pub(super) blocks: Space,
}

impl Embedded {
    pub(super) fn open(engine: Engine) -> Result<Self, StorageError> {
        let (records, blocks) = (engine.sealed_space("identity_records", subject)?, engine.space("identity_blocks")?);
        Ok(Self { engine, spaces: Spaces { records, blocks } })
    }
}

/// Whose key seals a row: records, reviews and relations have one each, because whom they concern changes.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    let kind = match at.str().ok()?.as_str() {
        "d" | "v" => b'v',
        "w" => b'w',
        "r" => b'r',
        _ => return None,
    };
    at.id().ok().map(|id| sealed_for(kind, id))
}

/// The subject of a record (`v`), review (`w`) or relation (`r`).
pub(super) fn sealed_for(kind: u8, id: [u8; 16]) -> Vec<u8> {
    [&[kind], id.as_slice()].concat()
}

pub(super) fn at(tag: &str, id: [u8; 16]) -> KeyBuilder {
    key().str(tag).id(id)
}

pub(super) fn at_block(block: u64, record: RecordKey) -> Vec<u8> {
    key().u64(block).id(record.0).build()
}

pub(super) fn at_pair(record: RecordKey, other: RecordKey) -> Vec<u8> {
    at("m", record.0).id(other.0).build()
}

/// Descending weights as ascending numbers.
fn descending(weight: f64) -> u64 {
    let bits = weight.to_bits();
    let ascending = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    !ascending
}

pub(super) fn at_place(tag: &str, weight: f64, id: ReviewId) -> Vec<u8> {
    key().str(tag).u64(descending(weight)).id(id.0).build()
}

pub(super) fn at_end(end: End) -> KeyBuilder {
    key().str("e").bytes(&end.to_bytes())
}

/// The last 16 bytes of a key.
pub(super) fn tail(key: &[u8]) -> Result<RecordKey, StorageError> {
    let (_, tail) = key
        .split_last_chunk::<16>()
        .ok_or_else(|| StorageError::Corrupt("attribute record: a key is too short".to_owned()))?;
    Ok(RecordKey::cut(tail))
}

pub(super) fn encode_pair(pair: &Pair) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(17);
    bytes.extend_from_slice(&pair.weight.to_be_bytes());
    bytes.extend_from_slice(&pair.probability.to_be_bytes());
    bytes.push(u8::from(pair.linked));
    bytes
}

fn decode_pair(key: &[u8], value: &[u8]) -> Result<Pair, StorageError> {
    let corrupt = || StorageError::Corrupt("attribute record: a pair does not decode".to_owned());
    let (front, other) = key.split_last_chunk::<16>().ok_or_else(corrupt)?;
    let (weight, rest) = value.split_first_chunk().ok_or_else(corrupt)?;
    let (probability, rest) = rest.split_first_chunk().ok_or_else(corrupt)?;
    let (weight, probability) = (f64::from_be_bytes(*weight), f64::from_be_bytes(*probability));
    let pair = Pair::new(tail(front)?, RecordKey::cut(other), weight, probability);
    Ok(Pair { linked: rest == [1], ..pair })
}

fn comparable(reader: &Reader, space: &Space, key: RecordKey) -> Result<Option<Comparable>, StorageError> {
    reader.get(space, at("d", key.0).build())?.map(|bytes| codec::decode_comparable(&bytes)).transpose()
}

/// Adds what is stored of a record.
fn add(
    records: &mut FxHashMap<RecordKey, Comparable>,
    reader: &Reader,
    space: &Space,
    key: RecordKey,
) -> Result<bool, StorageError> {
    if let Entry::Vacant(place) = records.entry(key) {
        let Some(found) = comparable(reader, space, key)? else { return Ok(false) };
        place.insert(found);
    }
    Ok(true)
}

/// The number in the last eight bytes of a key.
pub(super) fn number(key: &[u8]) -> Result<u64, StorageError> {
    let (_, tail) = key
        .split_last_chunk::<8>()
        .ok_or_else(|| StorageError::Corrupt("attribute record: a key is too short".to_owned()))?;
    Ok(u64::from_be_bytes(*tail))
}

#[async_trait]
impl Records for Embedded {
    async fn candidates(&self, wanted: &[Wanted], cap: usize) -> Result<Candidates, StorageError> {
        let reader = self.engine.reader();
        let mut found = Candidates::default();
        // Records of one chunk share blocks, so each block is read once.
        let mut members: FxHashMap<u64, Vec<RecordKey>> = FxHashMap::default();
        for one in wanted {
            let mut candidates = Vec::new();
            for block in &one.blocks {
                let members = match members.entry(*block) {
                    Entry::Occupied(place) => place.into_mut(),
                    Entry::Vacant(place) => {
                        let mut keys = Vec::new();
                        let mut failed = None;
                        let scan = Scan::prefix(key().u64(*block).build()).limit(cap.saturating_add(1));
                        reader.visit(&self.spaces.blocks, &scan, |key, _| match tail(&key) {
                            Ok(key) => {
                                keys.push(key);
                                ControlFlow::Continue(())
                            }
                            Err(error) => {
                                failed = Some(error);
                                ControlFlow::Break(())
                            }
                        })?;
                        if let Some(error) = failed {
                            return Err(error);
                        }
                        if keys.len() > cap {
                            found.oversized += 1;
                            keys.clear();
                        }
                        place.insert(keys)
                    }
                };
                candidates.extend(members.iter().filter(|key| **key != one.key));
            }
            candidates.sort_unstable();
            candidates.dedup();
            let mut kept = Vec::with_capacity(candidates.len());
            for key in candidates {
                if add(&mut found.records, &reader, &self.spaces.records, key)? {
                    kept.push(key);
                }
            }
            add(&mut found.records, &reader, &self.spaces.records, one.key)?;
            found.of.push(kept);
        }
        Ok(found)
    }

    async fn neighbourhood(&self, of: &[RecordKey]) -> Result<Neighbourhood, StorageError> {
        let reader = self.engine.reader();
        let mut found = Neighbourhood::default();
        let mut seen = FxHashSet::default();
        for one in of {
            if !add(&mut found.records, &reader, &self.spaces.records, *one)? {
                continue;
            }
            for (key, value) in reader.scan(&self.spaces.records, &Scan::prefix(at("m", one.0).build()))? {
                let pair = decode_pair(&key, &value)?;
                let other = pair.other(*one);
                if add(&mut found.records, &reader, &self.spaces.records, other)?
                    && seen.insert((pair.left, pair.right))
                {
                    found.pairs.push(pair);
                }
            }
        }
        Ok(found)
    }

    async fn records(&self, keys: &[RecordKey]) -> Result<Vec<AttributeRecord>, StorageError> {
        let reader = self.engine.reader();
        let mut found = Vec::with_capacity(keys.len());
        for one in keys {
            let rest = reader.get(&self.spaces.records, at("v", one.0).build())?;
            if let (Some(rest), Some(form)) = (rest, comparable(&reader, &self.spaces.records, *one)?) {
                found.push(codec::decode_record(*one, form, &rest)?);
            }
        }
        Ok(found)
    }

    async fn page(&self, after: Option<RecordKey>, limit: usize) -> Result<Vec<AttributeRecord>, StorageError> {
        let reader = self.engine.reader();
        let mut scan = Scan::prefix(key().str("v").build()).limit(limit);
        if let Some(after) = after {
            scan = scan.above(at("v", after.0).build());
        }
        let mut found = Vec::new();
        for (place, rest) in reader.scan(&self.spaces.records, &scan)? {
            let key = tail(&place)?;
            if let Some(form) = comparable(&reader, &self.spaces.records, key)? {
                found.push(codec::decode_record(key, form, &rest)?);
            }
        }
        Ok(found)
    }

    async fn write(&self, batch: Batch) -> Result<bool, StorageError> {
        let spaces = self.spaces.clone();
        self.engine.write(move |tx| Work::new(tx, &spaces).run(batch)).await
    }

    async fn is_fulfilled(&self, request: &Remembered) -> Result<bool, StorageError> {
        let place = key().str("u").str(&request.id).build();
        codec::fulfilled(request, self.engine.reader().get(&self.spaces.records, place)?.as_deref())
    }

    async fn erase(&self, records: &[RecordKey], persons: &[PersonId]) -> Result<(), StorageError> {
        let (spaces, records, persons) = (self.spaces.clone(), records.to_vec(), persons.to_vec());
        self.engine
            .write(move |tx| {
                let mut work = Work::new(tx, &spaces);
                work.erase_all(&records, &persons)
            })
            .await
    }

    async fn reviews(&self, wanted: &Reviews) -> Result<Vec<Review>, StorageError> {
        let (reader, space) = (self.engine.reader(), &self.spaces.records);
        let ids: Vec<ReviewId> = match wanted {
            Reviews::ById(ids) => ids.clone(),
            Reviews::OfRecords(records) => {
                let mut ids = Vec::new();
                for record in records {
                    for (key, _) in reader.scan(space, &Scan::prefix(at("x", record.0).build()))? {
                        ids.push(ReviewId(tail(&key)?.0));
                    }
                }
                ids.sort_unstable();
                ids.dedup();
                ids
            }
            Reviews::Page { after, limit, decided } => {
                let tag = if *decided { "Q" } else { "q" };
                let mut scan = Scan::prefix(key().str(tag).build()).limit(*limit);
                if let Some((weight, id)) = after {
                    scan = scan.above(at_place(tag, *weight, *id));
                }
                let pairs = reader.scan(space, &scan)?;
                pairs.iter().map(|(key, _)| Ok(ReviewId(tail(key)?.0))).collect::<Result<_, StorageError>>()?
            }
        };
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(bytes) = reader.get(space, at("w", id.0).build())? {
                found.push(codec::decode_review(&id.0, &bytes)?);
            }
        }
        Ok(found)
    }

    async fn open_reviews(&self) -> Result<u64, StorageError> {
        let mut count = 0;
        let scan = Scan::prefix(key().str("q").build());
        self.engine.reader().visit(&self.spaces.records, &scan, |_, _| {
            count += 1;
            ControlFlow::Continue(())
        })?;
        Ok(count)
    }

    async fn relations(&self, wanted: &Relations) -> Result<Vec<Relation>, StorageError> {
        let (reader, space) = (self.engine.reader(), &self.spaces.records);
        let mut ids = BTreeSet::new();
        match wanted {
            Relations::ById(id) => {
                ids.insert(*id);
            }
            Relations::At(ends) => {
                for end in ends {
                    for (key, _) in reader.scan(space, &Scan::prefix(at_end(*end).build()))? {
                        ids.insert(RelationId(tail(&key)?.0));
                    }
                }
            }
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(bytes) = reader.get(space, at("r", id.0).build())? {
                found.push(codec::decode_relation(&id.0, &bytes)?);
            }
        }
        Ok(found)
    }

    async fn models(&self, wanted: &Models) -> Result<Vec<Published>, StorageError> {
        let (reader, space) = (self.engine.reader(), &self.spaces.records);
        let all = Scan::prefix(key().str("M").build()).reverse();
        let (scan, full) = match wanted {
            Models::Current => (all.limit(1), true),
            Models::Version(version) => {
                let Some(place) = reader.get(space, key().str("V").str(version).build())? else {
                    return Ok(Vec::new());
                };
                let place = key().str("M").u64(number(&place)?).build();
                (Scan::prefix(place), true)
            }
            Models::Page { below: None, limit } => (all.limit(*limit), false),
            Models::Page { below: Some(below), limit } => {
                (all.below(key().str("M").u64(*below).build()).limit(*limit), false)
            }
        };
        let mut found = Vec::new();
        for (place, row) in reader.scan(space, &scan)? {
            let mut model = codec::decode_model(number(&place)?, &row)?;
            if full && let Some(json) = reader.get(space, key().str("J").str(&model.version).build())? {
                model.json = String::from_utf8(json.to_vec())
                    .map_err(|_| StorageError::Corrupt("attribute record: a model is not text".to_owned()))?;
            }
            found.push(model);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greater_weights_come_first() {
        let weights = [f64::INFINITY, 20.5, 1.0, 1e-9, 0.0, -1e-9, -3.0, f64::NEG_INFINITY];
        assert!(weights.windows(2).all(|two| descending(two[0]) < descending(two[1])));
    }
}
