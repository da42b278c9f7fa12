//! What is known of persons, in the embedded engine.
//!
//! Keys of the space `profile`, of which `ev`, `or` and `do` are sealed with the key of their person: `ev` events by person and place, `or` the origins of those that have another one than their
//! person, `id` known event ids (hashed), `do` documents, `al` aliases
//! by alias and `ar` by survivor, `mb` members by segment, `mc` member counts, `rq` requests that were done (hashed) and `rt`
//! the same by time, `mk` marks, `ls` and `lp` lists of persons by list and by person, `du` persons by the time at which they are to be
//! looked at again, `su` words on who may not be written to by hashed address.

mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, Scan, Space, Tx, feed};

use super::{Done, FEED, Forgotten, Once, Rewrite, Rewritten, Store, TAG_FEED, Work, digest, document, place};
use crate::domain::batch::{Batch, Outcome};
use crate::domain::consent::{self, Consent};
use crate::domain::document::Document;
use crate::domain::event::{Event, Filter, Place};
use crate::domain::origin::Origin;
use crate::domain::rules::Rules;
use crate::error::Error;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
}

impl Embedded {
    pub(super) fn open(engine: &Engine) -> Result<Self, Error> {
        Ok(Self { engine: engine.clone(), space: engine.sealed_space(super::SCHEMA, subject)? })
    }
}

/// Whose key seals a row: what is said of a person lies under their id.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    matches!(at.str().ok()?.as_str(), "ev" | "or" | "do").then(|| at.bytes().ok()).flatten()
}

fn events_of(person: &str) -> KeyBuilder {
    key().str("ev").str(person)
}

fn event_key(person: &str, place: &Place) -> Vec<u8> {
    events_of(person).i64(place.0.as_micros()).i64(place.1).str(&place.2).build()
}

fn origin_key(person: &str, place: &Place) -> Vec<u8> {
    key().str("or").str(person).i64(place.0.as_micros()).i64(place.1).str(&place.2).build()
}

/// The origin of an event; most have their person's and no record.
fn read_origin(tx: &Tx, space: &Space, person: &str, place: &Place) -> Result<Origin, Error> {
    let Some(value) = tx.get(space, origin_key(person, place))? else { return Ok(Origin::default()) };
    let (shared, id) = value.split_first().ok_or_else(|| Error::Corrupt("an origin is empty".to_owned()))?;
    Ok(Origin { id: text(id), shared: *shared == 1 })
}

fn keep_origin(tx: &mut Tx, space: &Space, person: &str, place: &Place, origin: &Origin) -> Result<(), Error> {
    let at = origin_key(person, place);
    if *origin == Origin::default() {
        tx.delete(space, at)?;
    } else {
        tx.put(space, at, [&[u8::from(origin.shared)], origin.id.as_bytes()].concat())?;
    }
    Ok(())
}

fn place_of(at: &[u8]) -> Result<Place, Error> {
    let mut at = KeyReader::new(at);
    at.str()?;
    at.str()?;
    Ok((Timestamp::from_micros(at.i64()?), at.i64()?, at.str()?))
}

fn document_key(person: &str) -> Vec<u8> {
    key().str("do").str(person).build()
}

fn due_key(time: Timestamp, person: &str) -> Vec<u8> {
    key().str("du").i64(time.as_micros()).str(person).build()
}

fn member_key(segment: &str, person: &str) -> Vec<u8> {
    key().str("mb").str(segment).str(person).build()
}

fn alias_key(person: &str) -> Vec<u8> {
    key().str("al").str(person).build()
}

fn request_key(request_id: &str) -> Vec<u8> {
    key().str("rq").bytes(&digest(request_id)).build()
}

fn suppression_key(address: &[u8]) -> Vec<u8> {
    key().str("su").bytes(address).build()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The person in force: aliases point at the survivor itself, so one look is enough.
fn in_force(tx: &Tx, space: &Space, person: &str) -> Result<String, Error> {
    Ok(tx.get(space, alias_key(person))?.map_or_else(|| person.to_owned(), |value| text(&value)))
}

fn load(tx: &Tx, space: &Space, person: &str) -> Result<Document, Error> {
    let stored = tx.get(space, document_key(person))?.map(|value| document::decode(person, &value)).transpose()?;
    Ok(stored.unwrap_or_else(|| Document::empty(person)))
}

/// Remembers the ids of events; answers for each whether it was new. Of two with the same id the first is.
///
/// Ids are hashes: looked up in their order, neighbours lie on the same pages.
fn remember(tx: &mut Tx, space: &Space, events: &[Event]) -> Result<Vec<bool>, Error> {
    let ids: Vec<Vec<u8>> = events.iter().map(|event| digest(&event.event_id)).collect();
    let mut order: Vec<(&[u8], usize)> = ids.iter().enumerate().map(|(at, id)| (id.as_slice(), at)).collect();
    order.sort_unstable();
    order.dedup_by(|one, other| one.0 == other.0);
    // All are looked up before any is put: the transaction's own writes are looked through first, and are few until then.
    let mut found = Vec::with_capacity(order.len());
    for (id, at) in order {
        let known = key().str("id").bytes(id).build();
        if tx.get(space, &known)?.is_none() {
            found.push((known, at));
        }
    }
    let mut new = vec![false; events.len()];
    for (known, at) in found {
        tx.put(space, known, Vec::new())?;
        if let Some(flag) = new.get_mut(at) {
            *flag = true;
        }
    }
    Ok(new)
}

fn store_event(tx: &mut Tx, space: &Space, event: &Event) -> Result<(), Error> {
    tx.put(space, event_key(&event.person_id, &place(event)), event.body.expose().clone())?;
    if event.origin != Origin::default() {
        keep_origin(tx, space, &event.person_id, &place(event), &event.origin)?;
    }
    Ok(())
}

/// Remembers a request; answers what it was answered when it was done before.
fn repeated(tx: &mut Tx, space: &Space, request_id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
    let at = request_key(request_id);
    if let Some(answer) = tx.get(space, &at)? {
        return Ok(Some(answer.to_vec()));
    }
    tx.put(space, at, Vec::new())?;
    tx.put(space, key().str("rt").i64(now.as_micros()).bytes(&digest(request_id)).build(), Vec::new())?;
    Ok(None)
}

/// Writes changed documents, memberships and the feed; answers whose documents.
fn save(tx: &mut Tx, space: &Space, outcome: &Outcome) -> Result<Vec<String>, Error> {
    let Outcome { documents, moves, tag_moves, due, .. } = outcome;
    for document in documents {
        tx.put(space, document_key(&document.person_id), document::encode(document))?;
    }
    for one in due {
        if let Some(old) = one.old {
            tx.delete(space, due_key(old, &one.person_id))?;
        }
        if let Some(new) = one.new {
            tx.put(space, due_key(new, &one.person_id), Vec::new())?;
        }
    }
    let mut entries = Vec::with_capacity(moves.len());
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for one in moves {
        let member = member_key(&one.segment_id, &one.person_id);
        if one.entered {
            tx.put(space, member, Vec::new())?;
        } else {
            tx.delete(space, member)?;
        }
        *counts.entry(&one.segment_id).or_default() += if one.entered { 1 } else { -1 };
        entries.push(feed::NewEntry::new(&one.person_id, serde_json::to_vec(one)?));
    }
    for (segment, by) in counts {
        count(tx, space, segment, by)?;
    }
    if !entries.is_empty() {
        feed::append_embedded(tx, space, FEED, &entries)?;
    }
    if !tag_moves.is_empty() {
        feed::append_embedded(tx, space, TAG_FEED, &super::tag_entries(tag_moves)?)?;
    }
    Ok(documents.iter().map(|document| document.person_id.clone()).collect())
}

fn count(tx: &mut Tx, space: &Space, segment: &str, by: i64) -> Result<(), Error> {
    let at = key().str("mc").str(segment).build();
    let now = tx.get(space, &at)?.map_or(0, |value| number(&value));
    tx.put(space, at, now.saturating_add_signed(by).to_be_bytes().to_vec())?;
    Ok(())
}

fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

#[async_trait]
impl Store for Embedded {
    async fn work(&self, work: Work) -> Result<Done, Error> {
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                if !work.request_id.is_empty() && repeated(tx, &space, &work.request_id, work.now)?.is_some() {
                    return Ok(Done { repeated: true, ..Done::default() });
                }
                let mut aliases: BTreeMap<String, String> = BTreeMap::new();
                let mut documents: BTreeMap<String, Document> = BTreeMap::new();
                let asked: BTreeSet<&String> =
                    work.events.iter().map(|event| &event.person_id).chain(&work.persons).collect();
                for asked in asked {
                    let person = in_force(tx, &space, asked)?;
                    if !documents.contains_key(&person) {
                        documents.insert(person.clone(), load(tx, &space, &person)?);
                    }
                    aliases.insert(asked.clone(), person);
                }
                let new = remember(tx, &space, &work.events)?;
                // Mostly nobody else holds the events, and they need no copy.
                let events = Arc::try_unwrap(work.events).unwrap_or_else(|shared| shared.to_vec());
                let mut fresh = Vec::with_capacity(events.len());
                for (mut event, new) in events.into_iter().zip(new) {
                    if !new {
                        continue;
                    }
                    if let Some(person) = aliases.get(&event.person_id) {
                        let origin = documents.get(person).map(|document| document.origin_of(&event.person_id));
                        event.origin = origin.unwrap_or_default();
                        event.person_id.clone_from(person);
                    }
                    store_event(tx, &space, &event)?;
                    fresh.push(event);
                }
                let mut batch = Batch::new(documents.into_values().collect()).under(&work.rules).known_as(aliases);
                let lacking = if work.fill { batch.lacking() } else { Vec::new() };
                for person in &lacking {
                    batch.fill(person, &rewrite::events(tx, &space, person)?);
                }
                (work.decide)(&mut batch, &fresh)?;
                let outcome = batch.finish(work.now);
                let written = save(tx, &space, &outcome)?;
                let (fresh, filled) = (fresh.len(), lacking.len());
                Ok(Done { repeated: false, fresh, written, filled, observed: outcome.observed })
            })
            .await
    }

    async fn documents(&self, persons: &[String]) -> Result<Vec<Document>, Error> {
        let reader = self.engine.reader();
        persons
            .iter()
            .map(|person| {
                let alias = reader.get(&self.space, alias_key(person))?;
                let person = alias.map_or_else(|| person.clone(), |value| text(&value));
                let stored = reader.get(&self.space, document_key(&person))?;
                Ok(stored
                    .map(|value| document::decode(&person, &value))
                    .transpose()?
                    .unwrap_or_else(|| Document::empty(&person)))
            })
            .collect()
    }

    async fn timeline(
        &self,
        person: &str,
        filter: &Filter,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, Error> {
        let reader = self.engine.reader();
        let alias = reader.get(&self.space, alias_key(person))?;
        let person = alias.map_or_else(|| person.to_owned(), |value| text(&value));
        let mut scan = Scan::prefix(events_of(&person).build());
        if let Some(from) = filter.from {
            scan = scan.at_least(events_of(&person).i64(from.as_micros()).build());
        }
        if let Some(until) = filter.until {
            scan = scan.below(events_of(&person).i64(until.as_micros()).build());
        }
        match (after, filter.ascending) {
            (Some(after), true) => scan = scan.above(event_key(&person, after)),
            (Some(after), false) => scan = scan.below(event_key(&person, after)),
            (None, _) => {}
        }
        if !filter.ascending {
            scan = scan.reverse();
        }
        let mut out = Vec::new();
        let mut failed = None;
        reader.visit(&self.space, &scan, |at, value| {
            match (place_of(&at), super::body::heading(&value)) {
                (Ok(place), Ok(one)) => {
                    if filter.takes(&one.event, &one.channel, &one.session) {
                        out.push((place, value.to_vec()));
                    }
                }
                (Err(error), _) | (_, Err(error)) => failed = Some(error),
            }
            if out.len() < limit && failed.is_none() {
                std::ops::ControlFlow::Continue(())
            } else {
                std::ops::ControlFlow::Break(())
            }
        })?;
        failed.map_or(Ok(out), Err)
    }

    async fn rewrite(
        &self,
        once: Once,
        change: Rewrite,
        rules: Arc<Rules>,
        now: Timestamp,
    ) -> Result<Rewritten, Error> {
        let space = self.space.clone();
        self.engine.write(move |tx| rewrite::apply(tx, &space, &once, &change, &rules, now)).await
    }

    async fn members(&self, segment: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let mut scan = Scan::prefix(key().str("mb").str(segment).build()).limit(limit);
        if let Some(after) = after {
            scan = scan.above(member_key(segment, after));
        }
        let rows = self.engine.reader().scan(&self.space, &scan)?;
        rows.iter()
            .map(|(at, _)| {
                let mut at = KeyReader::new(at);
                at.str()?;
                at.str()?;
                Ok(at.str()?)
            })
            .collect()
    }

    async fn member_count(&self, segment: &str) -> Result<u64, Error> {
        let at = key().str("mc").str(segment).build();
        Ok(self.engine.reader().get(&self.space, at)?.map_or(0, |value| number(&value)))
    }

    async fn persons(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let mut scan = Scan::prefix(key().str("do").build()).limit(limit);
        if let Some(after) = after {
            scan = scan.above(document_key(after));
        }
        let rows = self.engine.reader().scan(&self.space, &scan)?;
        rows.iter()
            .map(|(at, _)| {
                let mut at = KeyReader::new(at);
                at.str()?;
                Ok(at.str()?)
            })
            .collect()
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        let until = key().str("du").i64(now.as_micros().saturating_add(1)).build();
        let scan = Scan::prefix(key().str("du").build()).below(until).limit(limit);
        let rows = self.engine.reader().scan(&self.space, &scan)?;
        rows.iter()
            .map(|(at, _)| {
                let mut at = KeyReader::new(at);
                at.str()?;
                at.i64()?;
                Ok(at.str()?)
            })
            .collect()
    }

    async fn mark(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.engine.reader().get(&self.space, key().str("mk").str(name).build())?.map(|value| text(&value)))
    }

    async fn set_mark(&self, name: &str, value: &str) -> Result<(), Error> {
        let (space, at, value) = (self.space.clone(), key().str("mk").str(name).build(), value.as_bytes().to_vec());
        self.engine.write(move |tx| tx.put(&space, at, value).map_err(Error::from)).await
    }

    async fn forget_requests(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        let space = self.space.clone();
        let scan = Scan::prefix(key().str("rt").build()).below(key().str("rt").i64(before.as_micros()).build());
        // Looked for outside the writer: mostly there is nothing.
        let rows = self.engine.reader().scan(&self.space, &scan.limit(limit))?;
        if rows.is_empty() {
            return Ok(0);
        }
        self.engine
            .write(move |tx| {
                for (at, _) in &rows {
                    let mut parts = KeyReader::new(at);
                    parts.str()?;
                    parts.i64()?;
                    tx.delete(&space, key().str("rq").bytes(&parts.bytes()?).build())?;
                    tx.delete(&space, at.to_vec())?;
                }
                Ok(rows.len())
            })
            .await
    }

    async fn forget_events(
        &self,
        before: &BTreeMap<String, Timestamp>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Forgotten, Error> {
        let mut scan = Scan::prefix(key().str("ev").build()).limit(limit);
        if let Some(after) = after {
            scan = scan.above(after.to_vec());
        }
        let (space, before) = (self.space.clone(), before.clone());
        let rows = self.engine.reader().scan(&self.space, &scan)?;
        let next = rows.last().filter(|_| rows.len() == limit).map(|(at, _)| at.to_vec());
        let mut gone = Vec::new();
        for (at, value) in &rows {
            let kind = super::body::heading(value)?.event;
            if before.get(&kind).is_some_and(|before| place_of(at).is_ok_and(|place| place.0 < *before)) {
                gone.push(at.to_vec());
            }
        }
        if gone.is_empty() {
            return Ok(Forgotten { removed: 0, next });
        }
        let removed = self
            .engine
            .write(move |tx| {
                let mut removed = 0;
                for at in gone {
                    // A merge or an erasure may have moved it meanwhile; the next look finds it again.
                    if tx.get(&space, &at)?.is_some() {
                        let mut parts = KeyReader::new(&at);
                        parts.str()?;
                        let person = parts.str()?;
                        tx.delete(&space, origin_key(&person, &place_of(&at)?))?;
                        tx.delete(&space, at)?;
                        removed += 1;
                    }
                }
                Ok::<_, Error>(removed)
            })
            .await?;
        Ok(Forgotten { removed, next })
    }

    async fn suppress(&self, rules: Vec<(Vec<u8>, Consent)>) -> Result<(), Error> {
        let space = self.space.clone();
        self.engine
            .write(move |tx| {
                for (address, word) in &rules {
                    let at = suppression_key(address);
                    let mut words =
                        tx.get(&space, &at)?.map_or(Ok(Vec::new()), |value| document::decode_words(&value))?;
                    if consent::record(&mut words, word.clone()) {
                        tx.put(&space, at, document::encode_words(&words))?;
                    }
                }
                Ok(())
            })
            .await
    }

    async fn suppressions(&self, address: &[u8]) -> Result<Vec<Consent>, Error> {
        let found = self.engine.reader().get(&self.space, suppression_key(address))?;
        found.map_or(Ok(Vec::new()), |value| document::decode_words(&value))
    }

    async fn check(&self) -> Result<(), Error> {
        if self.engine.is_healthy() { Ok(()) } else { Err(attune_storage::StorageError::Closed.into()) }
    }
}
