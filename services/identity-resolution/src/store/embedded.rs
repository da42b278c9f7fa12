//! The store over the embedded engine.
//!
//! Keys: `(i, hash)` the holder of an identifier, `(p, id)` a person, `(a, id)` the survivor of a merged id, `(h, hash,
//! time)` an earlier holder, `(u, number)` an audit entry, `(us, subject, number)` what it is found by, `(un)` the last
//! number, `(x, time, id)` when a person's edges may have outlived their time, `(t, hash)` a tombstone, `(r, id)` a
//! request (hashed). Persons are sealed with their keys, audit entries with that of the first person they are about. One
//! thread writes, so a command sees what the one before it wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::embedded::Value;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, FeedReader, Reader, Scan, Space, StorageError, Tx, feed};

use super::{Announced, FEED, SCHEMA, Store, enter_offsets, hashed, record, run, sealed_for, to_renew, to_shred};
use crate::domain::{Changes, Command, Entry, Holding, IdentifierKey, Lookup, Outcome, Rules, View};
use crate::error::Error;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
    feed: FeedReader,
}

impl Embedded {
    pub(super) fn open(engine: Engine) -> Result<Self, StorageError> {
        let space = engine.sealed_space(SCHEMA, subject)?;
        let feed = FeedReader::embedded(engine.clone(), space.clone());
        Ok(Self { engine, space, feed })
    }
}

/// Whose key seals a row; an entry of the audit trail says it itself.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    (at.str().ok()? == "p").then(|| at.id().ok()).flatten().map(|id| id.to_vec())
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

fn at_holding(hash: IdentifierKey) -> KeyBuilder {
    key().str("h").id(hash.0)
}

fn at_entry(number: u64) -> Vec<u8> {
    key().str("u").u64(number).build()
}

fn at_subject(subject: [u8; 16]) -> KeyBuilder {
    key().str("us").id(subject)
}

fn at_expiry(time: Timestamp, id: PersonId) -> Vec<u8> {
    key().str("x").i64(time.as_micros()).id(id.to_bytes()).build()
}

fn at_tombstone(hash: IdentifierKey) -> Vec<u8> {
    key().str("t").id(hash.0).build()
}

fn at_request(id: &str) -> Vec<u8> {
    key().str("r").bytes(&hashed(id)).build()
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
    view.enter(record::decode_person(survivor, &bytes)?);
    Ok(Some(survivor))
}

fn load(source: &impl Source, space: &Space, lookup: &Lookup) -> Result<View, StorageError> {
    let mut view = View::default();
    for (identifier, tombstone) in &lookup.identifiers {
        if !load_identifier(source, space, &mut view, *identifier)?
            && let Some(erased) = source.get(space, at_tombstone(*tombstone))?
        {
            view.tombstones.insert(*tombstone, Timestamp::from_micros(KeyReader::new(&erased).i64()?));
        }
    }
    for person in &lookup.persons {
        load_person(source, space, &mut view, *person)?;
    }
    if let Some(request) = &lookup.request {
        let bytes = source.get(space, at_request(request))?;
        view.request = bytes.map(|bytes| record::decode_request(&bytes)).transpose()?;
    }
    Ok(view)
}

/// Loads the holder of an identifier; false when nobody holds it.
fn load_identifier(
    source: &impl Source,
    space: &Space,
    view: &mut View,
    identifier: IdentifierKey,
) -> Result<bool, StorageError> {
    if view.owners.contains_key(&identifier) {
        return Ok(true);
    }
    let Some(owner) = source.get(space, at_identifier(identifier))? else {
        view.absent.insert(identifier);
        return Ok(false);
    };
    load_person(source, space, view, record::person_id(&owner)?)?;
    Ok(view.owners.contains_key(&identifier))
}

/// Loads whatever is connected to what is there.
fn complete(source: &impl Source, space: &Space, view: &mut View, max: usize) -> Result<(), StorageError> {
    loop {
        let missing = view.frontier(max);
        if missing.is_empty() {
            return Ok(());
        }
        for key in missing {
            load_identifier(source, space, view, key)?;
        }
    }
}

fn write(tx: &mut Tx, space: &Space, rules: &Rules, mut changes: Changes) -> Result<(), StorageError> {
    let mut touched: BTreeSet<[u8; 16]> = to_renew(&changes).iter().map(|id| id.to_bytes()).collect();
    // First, because what is written below of the same subjects is sealed with new keys.
    for subject in &changes.forgotten {
        forget(tx, space, *subject, &mut touched)?;
    }
    let mut gone: BTreeSet<[u8; 16]> = to_shred(&changes).iter().map(|id| id.to_bytes()).collect();
    gone.extend(&changes.forgotten);
    for subject in &gone {
        tx.shred(space, subject)?;
    }
    let offsets = feed::append_embedded(tx, space, FEED, &record::encode_feed(&changes.feed))?;
    enter_offsets(&mut changes, &offsets);
    for (alias, survivor) in &changes.aliases {
        tx.delete(space, at_person(*alias))?;
        tx.put(space, at_alias(*alias), survivor.to_bytes().to_vec())?;
    }
    for (id, person) in &changes.persons {
        // An alias of the same id may be left from before; the person goes before it.
        tx.put(space, at_person(*id), record::encode_person(person))?;
        if let Some(time) = person.expires(rules) {
            tx.put(space, at_expiry(time, *id), Vec::new())?;
        }
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
    for holding in &changes.holdings {
        write_holding(tx, space, holding)?;
    }
    write_audit(tx, space, &changes.audit)?;
    if let Some((id, recorded)) = &changes.request {
        tx.put(space, at_request(id), record::encode_request(recorded))?;
    }
    for subject in touched.difference(&gone) {
        renew(tx, space, *subject)?;
    }
    Ok(())
}

/// Gives a subject a new key and seals anew what lies under it, so that old copies of what is gone are unreadable.
fn renew(tx: &mut Tx, space: &Space, subject: [u8; 16]) -> Result<(), StorageError> {
    let at = at_person(PersonId::from_bytes(subject));
    let person = tx.get(space, &at)?;
    let mut entries = Vec::new();
    for (at, _) in tx.scan(space, &Scan::prefix(at_subject(subject).build()))? {
        let at = at_entry(number_of(&at)?);
        if let Some(value) = tx.get(space, &at)?
            && sealed_for(&record::decode_entry(&value)?) == subject
        {
            entries.push((at, value));
        }
    }
    tx.shred(space, &subject)?;
    if let Some(person) = person {
        tx.put(space, at, person)?;
    }
    for (at, value) in entries {
        tx.put_for(space, &subject, at, value)?;
    }
    Ok(())
}

fn write_holding(tx: &mut Tx, space: &Space, holding: &Holding) -> Result<(), StorageError> {
    if holding.late && held_by(tx, space, holding.key, holding.since)? == Some(holding.person) {
        return Ok(());
    }
    let at = at_holding(holding.key).i64(holding.since.as_micros()).build();
    tx.put(space, at, holding.person.to_bytes().to_vec())
}

fn held_by(
    source: &impl Source,
    space: &Space,
    key: IdentifierKey,
    at: Timestamp,
) -> Result<Option<PersonId>, StorageError> {
    let prefix = at_holding(key);
    let scan = Scan::prefix(prefix.clone().build()).at_most(prefix.i64(at.as_micros()).build()).reverse().limit(1);
    source.scan(space, &scan)?.first().map(|(_, person)| record::person_id(person)).transpose()
}

fn write_audit(tx: &mut Tx, space: &Space, entries: &[Entry]) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    let at_last = key().str("un").build();
    let mut number = tx.get(space, &at_last)?.map_or(Ok(0), |last| KeyReader::new(&last).u64())?;
    for entry in entries {
        number += 1;
        for subject in entry.subjects() {
            tx.put(space, at_subject(subject).u64(number).build(), Vec::new())?;
        }
        tx.put_for(space, &sealed_for(entry), at_entry(number), record::encode_entry(entry))?;
    }
    tx.put(space, at_last, key().u64(number).build())
}

/// The number at the end of a key.
fn number_of(at: &[u8]) -> Result<u64, StorageError> {
    let (_, number) =
        at.split_last_chunk::<8>().ok_or_else(|| StorageError::Corrupt("audit: key ends early".to_owned()))?;
    Ok(u64::from_be_bytes(*number))
}

/// Deletes an entry and answers for whom it was sealed.
fn delete_entry(tx: &mut Tx, space: &Space, number: u64) -> Result<Option<[u8; 16]>, StorageError> {
    let Some(bytes) = tx.get(space, at_entry(number))? else { return Ok(None) };
    let entry = record::decode_entry(&bytes)?;
    for subject in entry.subjects() {
        tx.delete(space, at_subject(subject).u64(number).build())?;
    }
    tx.delete(space, at_entry(number))?;
    Ok(Some(sealed_for(&entry)))
}

/// Forgets what is known of a subject's past; adds for whom that was sealed.
fn forget(tx: &mut Tx, space: &Space, subject: [u8; 16], touched: &mut BTreeSet<[u8; 16]>) -> Result<(), StorageError> {
    for (at, _) in tx.scan(space, &Scan::prefix(at_subject(subject).build()))? {
        touched.extend(delete_entry(tx, space, number_of(&at)?)?);
    }
    for (at, _) in tx.scan(space, &Scan::prefix(at_holding(IdentifierKey(subject)).build()))? {
        tx.delete(space, at.to_vec())?;
    }
    Ok(())
}

/// Time and person of an expiry.
fn expiring(at: &[u8]) -> Result<(Timestamp, PersonId), StorageError> {
    let mut reader = KeyReader::new(at);
    reader.str()?;
    Ok((Timestamp::from_micros(reader.i64()?), PersonId::from_bytes(reader.id()?)))
}

/// Forgets the expiries that a command deals with; who still has edges that will expire is entered again.
fn drop_due(tx: &mut Tx, space: &Space, command: &Command) -> Result<(), StorageError> {
    let Command::Expire { persons, by } = command else { return Ok(()) };
    let prefix = key().str("x");
    let scan = Scan::prefix(prefix.clone().build()).below(prefix.i64(by.now.as_micros()).build());
    for (at, _) in tx.scan(space, &scan.limit(persons.len()))? {
        let (_, id) = expiring(&at)?;
        if persons.contains(&id) {
            tx.delete(space, at.to_vec())?;
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
                let mut view = load(tx, &space, &command.lookup(&rules))?;
                complete(tx, &space, &mut view, rules.max_component)?;
                if let Command::Expire { .. } = &*command {
                    drop_due(tx, &space, &command)?;
                }
                let (outcome, changes) = run(&rules, &command, view)?;
                if !changes.is_empty() {
                    write(tx, &space, &rules, changes)?;
                }
                Ok::<_, Error>(outcome)
            })
            .await
    }

    async fn audit(
        &self,
        subjects: &[[u8; 16]],
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StorageError> {
        let reader = self.engine.reader();
        let mut found: BTreeMap<u64, Entry> = BTreeMap::new();
        for subject in subjects {
            let prefix = at_subject(*subject);
            let mut scan = Scan::prefix(prefix.clone().build()).reverse().limit(limit);
            if let Some(below) = below {
                scan = scan.below(prefix.u64(below).build());
            }
            for (at, _) in reader.scan(&self.space, &scan)? {
                let number = number_of(&at)?;
                if !found.contains_key(&number)
                    && let Some(bytes) = reader.get(&self.space, at_entry(number))?
                {
                    found.insert(number, record::decode_entry(&bytes)?);
                }
            }
            while found.len() > limit {
                found.pop_first();
            }
        }
        Ok(found.into_iter().rev().collect())
    }

    async fn held_by(&self, key: IdentifierKey, at: Timestamp) -> Result<Option<PersonId>, StorageError> {
        held_by(&self.engine.reader(), &self.space, key, at)
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<PersonId>, StorageError> {
        let prefix = key().str("x");
        let scan = Scan::prefix(prefix.clone().build()).below(prefix.i64(now.as_micros()).build()).limit(limit);
        let due = self.engine.reader().scan(&self.space, &scan)?;
        due.iter().map(|(at, _)| expiring(at).map(|(_, id)| id)).collect()
    }

    async fn trim_audit(&self, before: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                let mut trimmed = 0;
                for (at, bytes) in tx.scan(&space, &Scan::prefix(key().str("u").build()).limit(limit))? {
                    if record::decode_entry(&bytes)?.time >= before {
                        break;
                    }
                    delete_entry(tx, &space, number_of(&at)?)?;
                    trimmed += 1;
                }
                Ok::<_, StorageError>(trimmed)
            })
            .await
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, StorageError> {
        super::read_feed(&self.feed, after, limit, wait).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        if self.engine.is_healthy() { Ok(()) } else { Err(StorageError::Closed) }
    }
}
