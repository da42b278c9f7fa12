//! Writing records over the embedded engine: what runs inside one transaction.

use attune_kernel::PersonId;
use attune_storage::embedded::Value;
use attune_storage::key::{KeyBuilder, key};
use attune_storage::{Scan, StorageError, Tx};

use super::embedded::{Spaces, at, at_block, at_end, at_pair, at_place, encode_pair, number, sealed_for, tail};
use super::{Batch, Published, codec};
use crate::domain::matching::relation::MATCHING;
use crate::domain::matching::{AttributeRecord, End, RecordKey, Relation, RelationId, Review, ReviewId};

/// A transaction on the records.
pub(super) struct Work<'a> {
    tx: &'a mut Tx,
    spaces: &'a Spaces,
}

impl<'a> Work<'a> {
    pub(super) const fn new(tx: &'a mut Tx, spaces: &'a Spaces) -> Self {
        Self { tx, spaces }
    }

    fn get(&self, key: Vec<u8>) -> Result<Option<Value>, StorageError> {
        self.tx.get(&self.spaces.records, key)
    }

    fn put(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), StorageError> {
        self.tx.put(&self.spaces.records, key, value)
    }

    fn delete(&mut self, key: Vec<u8>) -> Result<(), StorageError> {
        self.tx.delete(&self.spaces.records, key)
    }

    /// Destroys the key of a record, review or relation that is gone.
    fn shred(&mut self, kind: u8, id: [u8; 16]) -> Result<(), StorageError> {
        self.tx.shred(&self.spaces.records, &sealed_for(kind, id)).map(drop)
    }

    fn tails(&self, prefix: KeyBuilder) -> Result<Vec<RecordKey>, StorageError> {
        let pairs = self.tx.scan(&self.spaces.records, &Scan::prefix(prefix.build()))?;
        pairs.iter().map(|(key, _)| tail(key)).collect()
    }

    /// Writes a batch; false when its request was fulfilled before.
    pub(super) fn run(&mut self, batch: Batch) -> Result<bool, StorageError> {
        if let Some(request) = &batch.request {
            let place = key().str("u").str(&request.id).build();
            let stored = self.get(place.clone())?;
            if codec::fulfilled(request, stored.as_deref())? {
                return Ok(false);
            }
            self.put(place, request.digest.to_vec())?;
        }
        for record in &batch.cleared {
            self.clear(*record, false)?;
        }
        for record in &batch.records {
            self.put_record(record)?;
        }
        for pair in &batch.pairs {
            let value = encode_pair(pair);
            self.put(at_pair(pair.left, pair.right), value.clone())?;
            self.put(at_pair(pair.right, pair.left), value)?;
        }
        for review in &batch.reviews {
            self.put_review(review)?;
        }
        for id in &batch.moot {
            self.drop_review(*id, false)?;
        }
        for relation in &batch.relations {
            self.put_relation(relation)?;
        }
        for id in &batch.unrelated {
            self.drop_relation(*id, false)?;
        }
        if let Some(model) = &batch.model {
            self.publish(model)?;
        }
        Ok(true)
    }

    fn put_record(&mut self, record: &AttributeRecord) -> Result<(), StorageError> {
        let before = match self.get(at("v", record.key.0).build())? {
            Some(before) => codec::blocks(&before)?,
            None => Vec::new(),
        };
        for block in before.iter().filter(|block| !record.blocks.contains(block)) {
            self.tx.delete(&self.spaces.blocks, at_block(*block, record.key))?;
        }
        for block in record.blocks.iter().filter(|block| !before.contains(block)) {
            self.tx.put(&self.spaces.blocks, at_block(*block, record.key), Vec::new())?;
        }
        self.put(at("d", record.key.0).build(), codec::encode_comparable(record))?;
        self.put(at("v", record.key.0).build(), codec::encode_record(record))
    }

    /// Removes pairs, reviews and relations of a record: all of them, or those that rest on what it says.
    fn clear(&mut self, record: RecordKey, all: bool) -> Result<(), StorageError> {
        for other in self.tails(at("m", record.0))? {
            self.delete(at_pair(record, other))?;
            self.delete(at_pair(other, record))?;
        }
        for id in self.tails(at("x", record.0))? {
            self.drop_review(ReviewId(id.0), all)?;
        }
        for id in self.tails(at_end(End::Record(record)))? {
            self.drop_relation(RelationId(id.0), !all)?;
        }
        Ok(())
    }

    /// Removes records with all that hangs on them, and the relations of persons.
    pub(super) fn erase_all(&mut self, records: &[RecordKey], persons: &[PersonId]) -> Result<(), StorageError> {
        for record in records {
            self.erase(*record)?;
        }
        for person in persons {
            for id in self.tails(at_end(End::Person(*person)))? {
                self.drop_relation(RelationId(id.0), false)?;
            }
        }
        Ok(())
    }

    fn erase(&mut self, record: RecordKey) -> Result<(), StorageError> {
        self.clear(record, true)?;
        if let Some(row) = self.get(at("v", record.0).build())? {
            for block in codec::blocks(&row)? {
                self.tx.delete(&self.spaces.blocks, at_block(block, record))?;
            }
        }
        self.delete(at("d", record.0).build())?;
        self.delete(at("v", record.0).build())?;
        self.shred(b'v', record.0)
    }

    fn review(&self, id: ReviewId) -> Result<Option<Review>, StorageError> {
        let stored = self.get(at("w", id.0).build())?;
        stored.map(|bytes| codec::decode_review(&id.0, &bytes)).transpose()
    }

    fn put_review(&mut self, review: &Review) -> Result<(), StorageError> {
        if let Some(before) = self.review(review.id)? {
            if review.decided.is_none() {
                return Ok(());
            }
            self.delete(at_place("q", before.weight, review.id))?;
            self.delete(at_place("Q", before.weight, review.id))?;
        }
        if review.decided.is_none() {
            self.put(at_place("q", review.weight, review.id), Vec::new())?;
        }
        self.put(at_place("Q", review.weight, review.id), Vec::new())?;
        for record in [review.left, review.right] {
            self.put(at("x", record.0).id(review.id.0).build(), Vec::new())?;
        }
        self.put(at("w", review.id.0).build(), codec::encode_review(review))
    }

    fn drop_review(&mut self, id: ReviewId, decided: bool) -> Result<(), StorageError> {
        let Some(review) = self.review(id)?.filter(|review| decided || review.decided.is_none()) else {
            return Ok(());
        };
        self.delete(at_place("q", review.weight, id))?;
        self.delete(at_place("Q", review.weight, id))?;
        for record in [review.left, review.right] {
            self.delete(at("x", record.0).id(id.0).build())?;
        }
        self.delete(at("w", id.0).build())?;
        self.shred(b'w', id.0)
    }

    fn relation(&self, id: RelationId) -> Result<Option<Relation>, StorageError> {
        let stored = self.get(at("r", id.0).build())?;
        stored.map(|bytes| codec::decode_relation(&id.0, &bytes)).transpose()
    }

    fn put_relation(&mut self, relation: &Relation) -> Result<(), StorageError> {
        let mut relation = relation.clone();
        if let Some(before) = self.relation(relation.id)? {
            relation.created = before.created;
        }
        for end in [relation.from, relation.to] {
            self.put(at_end(end).id(relation.id.0).build(), Vec::new())?;
        }
        self.put(at("r", relation.id.0).build(), codec::encode_relation(&relation))
    }

    fn drop_relation(&mut self, id: RelationId, only_found: bool) -> Result<(), StorageError> {
        let Some(relation) = self.relation(id)?.filter(|one| !only_found || one.source == MATCHING) else {
            return Ok(());
        };
        for end in [relation.from, relation.to] {
            self.delete(at_end(end).id(id.0).build())?;
        }
        self.delete(at("r", id.0).build())?;
        self.shred(b'r', id.0)
    }

    fn publish(&mut self, model: &Published) -> Result<(), StorageError> {
        let last = Scan::prefix(key().str("M").build()).reverse().limit(1);
        let last = self.tx.scan(&self.spaces.records, &last)?;
        let number = last.first().map_or(Ok(0), |(key, _)| number(key))? + 1;
        self.put(key().str("M").u64(number).build(), codec::encode_model(model))?;
        self.put(key().str("V").str(&model.version).build(), key().u64(number).build())?;
        self.put(key().str("J").str(&model.version).build(), model.json.clone().into_bytes())
    }
}
