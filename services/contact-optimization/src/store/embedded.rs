//! The store over the embedded engine. Its single writer makes every transaction exact by itself.
//!
//! | key | value |
//! |---|---|
//! | `l`, person | ledger |
//! | `a`, alias | surviving person |
//! | `b`, surviving person, alias | |
//! | `h`, person, time, contact id | contact |
//! | `i`, person, contact id | time |
//! | `k`, policy, period, index | uses of a capacity |
//! | `x`, expire time, reservation id | person |
//! | `q`, person, request id | answer |
//! | `t`, created, person, request id | |
//! | `o`, offset | |
//!
//! Ledgers, contacts and answers are sealed with the key of their person; ids of contacts and requests are hashed in keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, Reader, Scan, Space, StorageError, Tx, Value};

use super::record::{Answer, decode_contact, decode_ledger, encode_contact, encode_ledger};
use super::{Position, Recorded, Request, SCHEMA, Store, hashed};
use crate::domain::admit::{Ask, Counters, Verdict, admit};
use crate::domain::book::{self, Changes};
use crate::domain::contact::{ChangeKind, Contact, PersonChange};
use crate::domain::ledger::{Entry, Ledger};
use crate::domain::policy::{CounterKey, PolicySet};

type Pairs = Vec<(Value, Value)>;

/// Contacts in a space of the embedded engine.
#[derive(Clone)]
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
}

impl Embedded {
    pub(super) fn open(engine: Engine) -> Result<Self, StorageError> {
        Ok(Self { space: engine.sealed_space(SCHEMA, subject)?, engine })
    }
}

/// Whose key seals a row.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    matches!(at.str().ok()?.as_str(), "l" | "h" | "q").then(|| at.bytes().ok()).flatten()
}

fn part(name: &str) -> KeyBuilder {
    key().str(name)
}

fn counter_key(counter: &CounterKey) -> Vec<u8> {
    part("k").str(&counter.policy).i64(counter.period).i64(counter.index).build()
}

fn hold_key(expire_time: Timestamp, reservation: &str) -> Vec<u8> {
    part("x").i64(expire_time.as_micros()).str(reservation).build()
}

fn history_key(person: &str, time: Timestamp, contact_id: &str) -> Vec<u8> {
    part("h").str(person).i64(time.as_micros()).str(&hashed(contact_id)).build()
}

fn number(bytes: &[u8]) -> Result<i64, StorageError> {
    KeyReader::new(bytes).i64()
}

fn text(bytes: &[u8]) -> Result<String, StorageError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| StorageError::Corrupt("a person id is not utf-8".to_owned()))
}

/// What both a transaction and a snapshot can do.
trait Read {
    fn value(&self, space: &Space, key: &[u8]) -> Result<Option<Value>, StorageError>;
    fn pairs(&self, space: &Space, scan: &Scan) -> Result<Pairs, StorageError>;
}

impl Read for Tx {
    fn value(&self, space: &Space, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.get(space, key)
    }

    fn pairs(&self, space: &Space, scan: &Scan) -> Result<Pairs, StorageError> {
        self.scan(space, scan)
    }
}

impl Read for Reader {
    fn value(&self, space: &Space, key: &[u8]) -> Result<Option<Value>, StorageError> {
        self.get(space, key)
    }

    fn pairs(&self, space: &Space, scan: &Scan) -> Result<Pairs, StorageError> {
        self.scan(space, scan)
    }
}

/// The person an id stands for.
fn canonical(read: &impl Read, space: &Space, person: &str) -> Result<String, StorageError> {
    match read.value(space, &part("a").str(person).build())? {
        Some(surviving) => text(&surviving),
        None => Ok(person.to_owned()),
    }
}

fn load(read: &impl Read, space: &Space, person: &str) -> Result<Ledger, StorageError> {
    read.value(space, &part("l").str(person).build())?
        .map_or_else(|| Ok(Ledger::default()), |bytes| decode_ledger(&bytes))
}

/// The ledger with everything a question at `from` and later needs.
fn load_from(read: &impl Read, space: &Space, person: &str, from: Timestamp) -> Result<Ledger, StorageError> {
    let mut ledger = load(read, space, person)?;
    if ledger.lacks(from) {
        let start = part("h").str(person).i64(from.as_micros()).build();
        let end = part("h").str(person).i64(ledger.complete_from.as_micros()).build();
        let scan = Scan::prefix(part("h").str(person).build()).at_least(start).below(end);
        let entry = |contact: Contact| Entry { time: contact.time, touch: contact.touch };
        let history = read.pairs(space, &scan)?;
        let history = history.iter().map(|(key, value)| Ok(entry(contact(key, value)?)));
        ledger.extend(from, history.collect::<Result<_, StorageError>>()?);
    }
    Ok(ledger)
}

fn contact(key: &[u8], value: &[u8]) -> Result<Contact, StorageError> {
    let mut key = KeyReader::new(key);
    let (_, person, time) = (key.str()?, key.str()?, key.i64()?);
    decode_contact(&person, Timestamp::from_micros(time), value)
}

fn counters(read: &impl Read, space: &Space, keys: Vec<CounterKey>) -> Result<Counters, StorageError> {
    let used = |counter: &CounterKey| -> Result<i64, StorageError> {
        read.value(space, &counter_key(counter))?.map_or(Ok(0), |bytes| number(&bytes))
    };
    keys.into_iter().map(|counter| Ok((counter.clone(), used(&counter)?))).collect()
}

fn save(tx: &mut Tx, space: &Space, person: &str, ledger: &Ledger) -> Result<(), StorageError> {
    let at = part("l").str(person).build();
    if *ledger == Ledger::default() { tx.delete(space, at) } else { tx.put(space, at, encode_ledger(ledger)) }
}

fn save_changes(tx: &mut Tx, space: &Space, person: &str, changes: &Changes) -> Result<(), StorageError> {
    for (counter, by) in changes.counters.iter().filter(|(_, by)| **by != 0) {
        let at = counter_key(counter);
        let used = tx.get(space, &at)?.map_or(Ok(0), |bytes| number(&bytes))?;
        tx.put(space, at, key().i64(used + by).build())?;
    }
    for (expire_time, reservation) in &changes.closed {
        tx.delete(space, hold_key(*expire_time, reservation))?;
    }
    for (expire_time, reservation) in &changes.opened {
        tx.put(space, hold_key(*expire_time, reservation), person.as_bytes().to_vec())?;
    }
    Ok(())
}

#[async_trait]
impl Store for Embedded {
    async fn judge(&self, policies: &PolicySet, person: &str, ask: &Ask) -> Result<Vec<Verdict>, StorageError> {
        let reader = self.engine.reader();
        let person = canonical(&reader, &self.space, person)?;
        let ledger = load_from(&reader, &self.space, &person, book::needed_from(policies, ask.time))?;
        let used = counters(&reader, &self.space, policies.counters(&ask.candidates, ask.time))?;
        Ok(admit(policies, &ledger, &used, ask).verdicts)
    }

    async fn reserve(
        &self,
        policies: Arc<PolicySet>,
        person: &str,
        request: Request,
        ask: Arc<Ask>,
    ) -> Result<Vec<Verdict>, StorageError> {
        let (space, person) = (self.space.clone(), person.to_owned());
        self.engine
            .write(move |tx| {
                let person = canonical(tx, &space, &person)?;
                let id = hashed(&request.id);
                let at = part("q").str(&person).str(&id).build();
                if let Some(answer) = tx.get(&space, &at)? {
                    return Answer::decode(&answer)?.repeat(&request.fingerprint);
                }
                let mut ledger = load_from(tx, &space, &person, book::needed_from(&policies, ask.time))?;
                let used = counters(tx, &space, policies.counters(&ask.candidates, ask.time))?;
                let (admission, changes) = book::reserve(&policies, &mut ledger, &used, &ask);
                if !admission.reserved.is_empty() || changes != Changes::default() {
                    save(tx, &space, &person, &ledger)?;
                    save_changes(tx, &space, &person, &changes)?;
                }
                let answer =
                    Answer { fingerprint: request.fingerprint, created: ask.now, verdicts: admission.verdicts };
                tx.put(&space, at, answer.encode())?;
                tx.put(&space, part("t").i64(ask.now.as_micros()).str(&person).str(&id).build(), Vec::new())?;
                Ok(answer.verdicts)
            })
            .await
    }

    async fn release(&self, person: &str, ids: &[String], now: Timestamp) -> Result<usize, StorageError> {
        let (space, person, ids) = (self.space.clone(), person.to_owned(), ids.to_vec());
        self.engine
            .write(move |tx| {
                let person = canonical(tx, &space, &person)?;
                let mut ledger = load(tx, &space, &person)?;
                let mut changes = Changes::default();
                let before = ledger.reservations.len();
                let released = book::release(&mut ledger, &ids, now, &mut changes);
                if ledger.reservations.len() != before {
                    save(tx, &space, &person, &ledger)?;
                    save_changes(tx, &space, &person, &changes)?;
                }
                Ok(released)
            })
            .await
    }

    async fn record(&self, policies: Arc<PolicySet>, contacts: Vec<Contact>) -> Result<Recorded, StorageError> {
        let space = self.space.clone();
        self.engine.write(move |tx| record(tx, &space, &policies, contacts)).await
    }

    async fn contacts(
        &self,
        person: &str,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Contact>, StorageError> {
        let reader = self.engine.reader();
        let person = canonical(&reader, &self.space, person)?;
        let mut scan = Scan::prefix(part("h").str(&person).build()).reverse().limit(limit);
        if let Some(position) = after {
            scan = scan.below(history_key(&person, position.time, &position.contact_id));
        }
        let pairs = reader.scan(&self.space, &scan)?;
        pairs.iter().map(|(key, value)| contact(key, value)).collect()
    }

    async fn apply(&self, change: PersonChange) -> Result<bool, StorageError> {
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                let at = part("o").u64(change.offset).build();
                if tx.get(&space, &at)?.is_some() {
                    return Ok(false);
                }
                tx.put(&space, at, Vec::new())?;
                match &change.kind {
                    ChangeKind::Merge { surviving, merged } => merge(tx, &space, surviving, merged)?,
                    ChangeKind::Split { person, split: to, ids } => split(tx, &space, person, to, ids)?,
                    ChangeKind::Erasure { persons } => {
                        for person in persons {
                            erase(tx, &space, person)?;
                        }
                    }
                }
                Ok(true)
            })
            .await
    }

    async fn sweep(&self, now: Timestamp, requests_before: Timestamp, limit: usize) -> Result<bool, StorageError> {
        // A reservation is over at its expire time, so the ones of this very microsecond are due.
        let end = part("x").i64(now.as_micros().saturating_add(1)).build();
        let due = Scan::prefix(part("x").build()).below(end).limit(limit);
        let old =
            Scan::prefix(part("t").build()).below(part("t").i64(requests_before.as_micros()).build()).limit(limit);
        // Looking costs no transaction when nothing is due, which is nearly always.
        let reader = self.engine.reader();
        if reader.scan(&self.space, &due.clone().limit(1))?.is_empty()
            && reader.scan(&self.space, &old.clone().limit(1))?.is_empty()
        {
            return Ok(false);
        }
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                let holds = tx.scan(&space, &due)?;
                for (key, person) in &holds {
                    let person = canonical(tx, &space, &text(person)?)?;
                    let mut ledger = load(tx, &space, &person)?;
                    let mut changes = Changes::default();
                    book::expire(&mut ledger, now, &mut changes);
                    save(tx, &space, &person, &ledger)?;
                    save_changes(tx, &space, &person, &changes)?;
                    tx.delete(&space, key.to_vec())?;
                }
                let requests = tx.scan(&space, &old)?;
                for (key, _) in &requests {
                    let mut parts = KeyReader::new(key);
                    let (_, _, person, request) = (parts.str()?, parts.i64()?, parts.str()?, parts.str()?);
                    tx.delete(&space, part("q").str(&person).str(&request).build())?;
                    tx.delete(&space, key.to_vec())?;
                }
                Ok(holds.len() == limit || requests.len() == limit)
            })
            .await
    }

    async fn check(&self) -> Result<(), StorageError> {
        if self.engine.is_healthy() { Ok(()) } else { Err(StorageError::Closed) }
    }
}

fn record(tx: &mut Tx, space: &Space, policies: &PolicySet, contacts: Vec<Contact>) -> Result<Recorded, StorageError> {
    let mut answer = Recorded::default();
    let mut by_person: BTreeMap<String, Vec<Contact>> = BTreeMap::new();
    for mut contact in contacts {
        let person = canonical(tx, space, &contact.person)?;
        if person != contact.person {
            contact.origin.clone_from(&contact.person);
        }
        let known = part("i").str(&person).str(&hashed(&contact.contact_id)).build();
        if tx.get(space, &known)?.is_some() {
            answer.duplicates += 1;
            continue;
        }
        tx.put(space, known, key().i64(contact.time.as_micros()).build())?;
        tx.put(space, history_key(&person, contact.time, &contact.contact_id), encode_contact(&contact))?;
        answer.recorded += 1;
        by_person.entry(person).or_default().push(contact);
    }
    for (person, contacts) in by_person {
        let mut ledger = load(tx, space, &person)?;
        let mut changes = Changes::default();
        book::record(policies, &mut ledger, &contacts.iter().collect::<Vec<_>>(), &mut changes);
        save(tx, space, &person, &ledger)?;
        save_changes(tx, space, &person, &changes)?;
    }
    Ok(answer)
}

fn merge(tx: &mut Tx, space: &Space, surviving: &str, merged: &str) -> Result<(), StorageError> {
    let (surviving, merged) = (canonical(tx, space, surviving)?, canonical(tx, space, merged)?);
    if surviving == merged {
        return Ok(());
    }
    let mut ledger = load(tx, space, &surviving)?;
    ledger.merge(load(tx, space, &merged)?);
    tx.delete(space, part("l").str(&merged).build())?;
    let mut twice = false;
    for (key, value) in tx.scan(space, &Scan::prefix(part("h").str(&merged).build()))? {
        let mut contact = contact(&key, &value)?;
        if contact.origin.is_empty() {
            contact.origin.clone_from(&merged);
        }
        tx.delete(space, key.to_vec())?;
        tx.delete(space, part("i").str(&merged).str(&hashed(&contact.contact_id)).build())?;
        let known = part("i").str(&surviving).str(&hashed(&contact.contact_id)).build();
        if tx.get(space, &known)?.is_none() {
            tx.put(space, known, key_of_time(contact.time))?;
            tx.put(space, history_key(&surviving, contact.time, &contact.contact_id), encode_contact(&contact))?;
        } else {
            twice = true;
        }
    }
    if twice {
        // The same contact was recorded for both, and the ledgers cannot tell which entry it is.
        ledger.forget_entries();
    }
    save(tx, space, &surviving, &ledger)?;
    for (key, value) in tx.scan(space, &Scan::prefix(part("q").str(&merged).build()))? {
        let mut parts = KeyReader::new(&key);
        let (_, _, request) = (parts.str()?, parts.str()?, parts.str()?);
        let created = Answer::decode(&value)?.created.as_micros();
        tx.delete(space, key.to_vec())?;
        tx.delete(space, part("t").i64(created).str(&merged).str(&request).build())?;
        let at = part("q").str(&surviving).str(&request).build();
        if tx.get(space, &at)?.is_none() {
            tx.put(space, at, value)?;
            tx.put(space, part("t").i64(created).str(&surviving).str(&request).build(), Vec::new())?;
        }
    }
    for (key, _) in tx.scan(space, &Scan::prefix(part("b").str(&merged).build()))? {
        let mut parts = KeyReader::new(&key);
        let (_, _, alias) = (parts.str()?, parts.str()?, parts.str()?);
        tx.delete(space, key.to_vec())?;
        put_alias(tx, space, &alias, &surviving)?;
    }
    // What lies under their key are copies that nobody would find when the survivor is erased.
    tx.shred(space, merged.as_bytes())?;
    put_alias(tx, space, &merged, &surviving)
}

/// Gives a person that was merged away back what was recorded under their ids.
fn split(tx: &mut Tx, space: &Space, person: &str, split: &str, ids: &[String]) -> Result<(), StorageError> {
    let from = canonical(tx, space, person)?;
    drop_alias(tx, space, split)?;
    if from == split {
        return Ok(());
    }
    for id in ids.iter().filter(|id| *id != split && **id != from) {
        if canonical(tx, space, id)? == from {
            drop_alias(tx, space, id)?;
            put_alias(tx, space, id, split)?;
        }
    }
    let mut moved = false;
    for (key, value) in tx.scan(space, &Scan::prefix(part("h").str(&from).build()))? {
        let mut contact = contact(&key, &value)?;
        if contact.origin.is_empty() || (contact.origin != split && !ids.contains(&contact.origin)) {
            continue;
        }
        moved = true;
        tx.delete(space, key.to_vec())?;
        tx.delete(space, part("i").str(&from).str(&hashed(&contact.contact_id)).build())?;
        if contact.origin == split {
            contact.origin.clear();
        }
        tx.put(space, part("i").str(split).str(&hashed(&contact.contact_id)).build(), key_of_time(contact.time))?;
        tx.put(space, history_key(split, contact.time, &contact.contact_id), encode_contact(&contact))?;
    }
    if moved {
        // Both are read from the history again.
        for person in [from.as_str(), split] {
            let mut ledger = load(tx, space, person)?;
            ledger.forget_entries();
            save(tx, space, person, &ledger)?;
        }
    }
    // Old copies of what the person held of the other must not outlive an erasure of the other.
    let rows = ["l", "h", "q"].map(|name| part(name).str(&from).build());
    tx.reseal(space, from.as_bytes(), &rows)
}

fn key_of_time(time: Timestamp) -> Vec<u8> {
    key().i64(time.as_micros()).build()
}

fn put_alias(tx: &mut Tx, space: &Space, alias: &str, surviving: &str) -> Result<(), StorageError> {
    tx.put(space, part("a").str(alias).build(), surviving.as_bytes().to_vec())?;
    tx.put(space, part("b").str(surviving).str(alias).build(), Vec::new())
}

fn drop_alias(tx: &mut Tx, space: &Space, alias: &str) -> Result<(), StorageError> {
    let at = part("a").str(alias).build();
    if let Some(surviving) = tx.get(space, &at)? {
        tx.delete(space, part("b").str(&text(&surviving)?).str(alias).build())?;
        tx.delete(space, at)?;
    }
    Ok(())
}

fn erase(tx: &mut Tx, space: &Space, person: &str) -> Result<(), StorageError> {
    let mut changes = Changes::default();
    book::forget(load(tx, space, person)?, &mut changes);
    save_changes(tx, space, person, &changes)?;
    for (key, value) in tx.scan(space, &Scan::prefix(part("q").str(person).build()))? {
        let mut parts = KeyReader::new(&key);
        let (_, _, request) = (parts.str()?, parts.str()?, parts.str()?);
        let created = Answer::decode(&value)?.created.as_micros();
        tx.delete(space, part("t").i64(created).str(person).str(&request).build())?;
        tx.delete(space, key.to_vec())?;
    }
    for name in ["l", "h", "i"] {
        for (key, _) in tx.scan(space, &Scan::prefix(part(name).str(person).build()))? {
            tx.delete(space, key.to_vec())?;
        }
    }
    for (key, _) in tx.scan(space, &Scan::prefix(part("b").str(person).build()))? {
        let mut parts = KeyReader::new(&key);
        let (_, _, alias) = (parts.str()?, parts.str()?, parts.str()?);
        tx.delete(space, part("a").str(&alias).build())?;
        tx.delete(space, key.to_vec())?;
    }
    tx.shred(space, person.as_bytes())?;
    drop_alias(tx, space, person)
}
