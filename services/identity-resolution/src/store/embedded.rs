//! The store over the embedded engine.
//!
//! Keys: `(i, hash)` the holder of an identifier, `(p, id)` a person, `(a, id)` the survivor of a merged id,
//! `(e, id, key)` a piece of evidence, `(t, hash)` a tombstone, `(r, id)` a request. One thread writes, so a command sees
//! what the one before it wrote.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::embedded::Value;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, FeedReader, Reader, Scan, Space, StorageError, Tx, feed};

use super::{Announced, FEED, SCHEMA, Store, enter_offsets, record, run};
use crate::domain::{Changes, Command, Evidence, EvidenceOp, IdentifierKey, Lookup, Outcome, Rules, View};
use crate::error::Error;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
    feed: FeedReader,
}

impl Embedded {
    pub(super) fn open(engine: Engine) -> Result<Self, StorageError> {
        let space = engine.space(SCHEMA)?;
        let feed = FeedReader::embedded(engine.clone(), space.clone());
        Ok(Self { engine, space, feed })
    }
}

/// A snapshot or a transaction.
trait Source {
    fn get(&self, space: &Space, key: Vec<u8>) -> Result<Option<Value>, StorageError>;
    fn scan(&self, space: &Space, scan: &Scan) -> Result<Vec<(Value, Value)>, StorageError>;
}

impl Source for Reader {
    fn get(&self, space: &Space, key: Vec<u8>) -> Result<Option<Value>, StorageError> {
        Self::get(self, space, key)
    }
    fn scan(&self, space: &Space, scan: &Scan) -> Result<Vec<(Value, Value)>, StorageError> {
        Self::scan(self, space, scan)
    }
}

impl Source for Tx {
    fn get(&self, space: &Space, key: Vec<u8>) -> Result<Option<Value>, StorageError> {
        Self::get(self, space, key)
    }
    fn scan(&self, space: &Space, scan: &Scan) -> Result<Vec<(Value, Value)>, StorageError> {
        Self::scan(self, space, scan)
    }
}

fn at_identifier(key_of: IdentifierKey) -> Vec<u8> {
    key().str("i").id(key_of.0).build()
}

fn at_person(id: PersonId) -> Vec<u8> {
    key().str("p").id(id.to_bytes()).build()
}

fn at_alias(id: PersonId) -> Vec<u8> {
    key().str("a").id(id.to_bytes()).build()
}

fn at_evidence(id: PersonId) -> KeyBuilder {
    key().str("e").id(id.to_bytes())
}

fn at_tombstone(hash: IdentifierKey) -> Vec<u8> {
    key().str("t").id(hash.0).build()
}

fn at_request(id: &str) -> Vec<u8> {
    key().str("r").str(id).build()
}

/// Loads the survivor of an id, if it was ever issued.
fn load_person(
    source: &impl Source,
    space: &Space,
    view: &mut View,
    id: PersonId,
) -> Result<Option<PersonId>, StorageError> {
    if view.persons.contains_key(&id) {
        return Ok(Some(id));
    }
    if let Some(survivor) = view.survivors.get(&id) {
        return Ok(Some(*survivor));
    }
    let mut survivor = id;
    let mut bytes = source.get(space, at_person(id))?;
    if bytes.is_none() {
        let Some(alias) = source.get(space, at_alias(id))? else { return Ok(None) };
        survivor = record::person_id(&alias)?;
        view.survivors.insert(id, survivor);
        if view.persons.contains_key(&survivor) {
            return Ok(Some(survivor));
        }
        bytes = source.get(space, at_person(survivor))?;
    }
    let bytes = bytes.ok_or_else(|| StorageError::Corrupt("an alias leads to nobody".to_owned()))?;
    view.persons.insert(survivor, record::decode_person(survivor, &bytes)?);
    Ok(Some(survivor))
}

fn load(source: &impl Source, space: &Space, lookup: &Lookup) -> Result<View, StorageError> {
    let mut view = View::default();
    for (identifier, tombstone) in &lookup.identifiers {
        if let Some(owner) = source.get(space, at_identifier(*identifier))? {
            if let Some(owner) = load_person(source, space, &mut view, record::person_id(&owner)?)? {
                view.owners.insert(*identifier, owner);
            }
        } else if let Some(erased) = source.get(space, at_tombstone(*tombstone))? {
            view.tombstones.insert(*tombstone, Timestamp::from_micros(KeyReader::new(&erased).i64()?));
        }
    }
    for person in &lookup.persons {
        load_person(source, space, &mut view, *person)?;
    }
    for person in &lookup.evidence {
        if let Some(survivor) = load_person(source, space, &mut view, *person)? {
            view.evidence.insert(survivor, load_evidence(source, space, survivor)?);
        }
    }
    if let Some(request) = &lookup.request {
        let bytes = source.get(space, at_request(request))?;
        view.request = bytes.map(|bytes| record::decode_request(&bytes)).transpose()?;
    }
    Ok(view)
}

fn load_evidence(source: &impl Source, space: &Space, person: PersonId) -> Result<Vec<Evidence>, StorageError> {
    let pairs = source.scan(space, &Scan::prefix(at_evidence(person).build()))?;
    pairs
        .iter()
        .map(|(at, value)| {
            let mut reader = KeyReader::new(at);
            reader.str()?;
            reader.id()?;
            record::decode_evidence(reader.u64()?, value)
        })
        .collect()
}

fn write(tx: &mut Tx, space: &Space, mut changes: Changes) -> Result<(), StorageError> {
    let offsets = feed::append_embedded(tx, space, FEED, &record::encode_feed(&changes.feed))?;
    enter_offsets(&mut changes, &offsets);
    for (id, person) in &changes.persons {
        tx.put(space, at_person(*id), record::encode_person(person))?;
    }
    for (alias, survivor) in &changes.aliases {
        tx.delete(space, at_person(*alias))?;
        tx.put(space, at_alias(*alias), survivor.to_bytes().to_vec())?;
    }
    let created = changes.created.iter().map(|(key, owner)| (key, Some(owner)));
    for (key, owner) in created.chain(changes.moved.iter().map(|(key, owner)| (key, owner.as_ref()))) {
        match owner {
            Some(owner) => tx.put(space, at_identifier(*key), owner.to_bytes().to_vec())?,
            None => tx.delete(space, at_identifier(*key))?,
        }
    }
    for (hash, time) in &changes.tombstones {
        tx.put(space, at_tombstone(*hash), key().i64(time.as_micros()).build())?;
    }
    for op in &changes.evidence {
        write_evidence(tx, space, op)?;
    }
    for ((person, key), evidence) in &changes.noted {
        tx.put(space, at_evidence(*person).u64(*key).build(), record::encode_evidence(evidence))?;
    }
    if let Some((id, recorded)) = &changes.request {
        tx.put(space, at_request(id), record::encode_request(recorded))?;
    }
    Ok(())
}

fn write_evidence(tx: &mut Tx, space: &Space, op: &EvidenceOp) -> Result<(), StorageError> {
    match op {
        EvidenceOp::Move { from, to } => {
            for (at, value) in tx.scan(space, &Scan::prefix(at_evidence(*from).build()))? {
                let mut reader = KeyReader::new(&at);
                reader.str()?;
                reader.id()?;
                let target = at_evidence(*to).u64(reader.u64()?).build();
                if tx.get(space, &target)?.is_none() {
                    tx.put(space, target, value)?;
                }
                tx.delete(space, at.to_vec())?;
            }
        }
        EvidenceOp::Remove(person, keys) => {
            for key in keys {
                tx.delete(space, at_evidence(*person).u64(*key).build())?;
            }
        }
        EvidenceOp::Clear(person) => {
            for (at, _) in tx.scan(space, &Scan::prefix(at_evidence(*person).build()))? {
                tx.delete(space, at.to_vec())?;
            }
        }
    }
    Ok(())
}

#[async_trait]
impl Store for Embedded {
    async fn view(&self, lookup: &Lookup) -> Result<View, StorageError> {
        load(&self.engine.reader(), &self.space, lookup)
    }

    async fn execute(&self, rules: &Arc<Rules>, command: Arc<Command>) -> Result<Outcome, Error> {
        let (space, rules) = (self.space.clone(), Arc::clone(rules));
        self.engine
            .write(move |tx| {
                let view = load(tx, &space, &command.lookup())?;
                let (outcome, changes) = run(&rules, &command, view)?;
                write(tx, &space, changes)?;
                Ok::<_, Error>(outcome)
            })
            .await
    }

    async fn evidence(&self, person: PersonId) -> Result<Vec<Evidence>, StorageError> {
        load_evidence(&self.engine.reader(), &self.space, person)
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, StorageError> {
        super::read_feed(&self.feed, after, limit, wait).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        if self.engine.is_healthy() { Ok(()) } else { Err(StorageError::Closed) }
    }
}
