//! What is known of persons, in the embedded engine.
//!
//! Keys of the space `profile`: `ev` events by person and place, `id` the person of a known event id, `do` documents, `al`
//! aliases, `mb` members by segment, `mc` member counts, `rq` known requests, `mk` marks.

mod rewrite;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{Engine, Scan, Space, Tx, feed};

use super::{Done, FEED, Rewrite, Rewritten, Store, Work};
use crate::domain::batch::{Batch, Move};
use crate::domain::document::Document;
use crate::domain::event::{Event, Filter, Place};
use crate::domain::segment::Segment;
use crate::error::Error;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
}

impl Embedded {
    pub(super) fn open(engine: &Engine) -> Result<Self, Error> {
        Ok(Self { engine: engine.clone(), space: engine.space(super::SCHEMA)? })
    }
}

fn events_of(person: &str) -> KeyBuilder {
    key().str("ev").str(person)
}

fn event_key(person: &str, place: &Place) -> Vec<u8> {
    events_of(person).i64(place.0.as_micros()).i64(place.1).str(&place.2).build()
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

fn member_key(segment: &str, person: &str) -> Vec<u8> {
    key().str("mb").str(segment).str(person).build()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The person in force: aliases point at the survivor itself, so one look is enough.
fn in_force(tx: &Tx, space: &Space, person: &str) -> Result<String, Error> {
    Ok(tx.get(space, key().str("al").str(person).build())?.map_or_else(|| person.to_owned(), |value| text(&value)))
}

fn load(tx: &Tx, space: &Space, person: &str) -> Result<Document, Error> {
    let stored = tx.get(space, document_key(person))?.map(|value| serde_json::from_slice(&value)).transpose()?;
    Ok(stored.unwrap_or_else(|| Document::empty(person)))
}

/// Stores an event unless its id is known; answers whether it was new.
fn store_event(tx: &mut Tx, space: &Space, event: &Event) -> Result<bool, Error> {
    let known = key().str("id").str(&event.event_id).build();
    if tx.get(space, &known)?.is_some() {
        return Ok(false);
    }
    tx.put(space, known, event.person_id.as_bytes().to_vec())?;
    tx.put(space, event_key(&event.person_id, &event.place()), event.body.expose().clone())?;
    Ok(true)
}

/// Writes changed documents, memberships and the feed.
fn save(tx: &mut Tx, space: &Space, documents: &[Document], moves: &[Move]) -> Result<(), Error> {
    for document in documents {
        tx.put(space, document_key(&document.person_id), serde_json::to_vec(document)?)?;
    }
    let mut entries = Vec::with_capacity(moves.len());
    for one in moves {
        let member = member_key(&one.segment_id, &one.person_id);
        if one.entered {
            tx.put(space, member, Vec::new())?;
        } else {
            tx.delete(space, member)?;
        }
        count(tx, space, &one.segment_id, if one.entered { 1 } else { -1 })?;
        entries.push(feed::NewEntry::new(&one.person_id, serde_json::to_vec(one)?));
    }
    if !entries.is_empty() {
        feed::append_embedded(tx, space, FEED, &entries)?;
    }
    Ok(())
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
                if !work.request_id.is_empty() {
                    let request = key().str("rq").str(&work.request_id).build();
                    if tx.get(&space, &request)?.is_some() {
                        return Ok(Done { repeated: true, fresh: 0 });
                    }
                    tx.put(&space, request, work.now.as_micros().to_be_bytes().to_vec())?;
                }
                let mut fresh = Vec::new();
                for event in work.events.iter() {
                    let mut event = event.clone();
                    event.person_id = in_force(tx, &space, &event.person_id)?;
                    if store_event(tx, &space, &event)? {
                        fresh.push(event);
                    }
                }
                let mut persons: BTreeSet<String> = fresh.iter().map(|event| event.person_id.clone()).collect();
                for person in &work.persons {
                    persons.insert(in_force(tx, &space, person)?);
                }
                let documents = persons.iter().map(|person| load(tx, &space, person)).collect::<Result<_, Error>>()?;
                let mut batch = Batch::new(documents);
                (work.decide)(&mut batch, &fresh)?;
                let (documents, moves) = batch.finish(&work.segments, work.now);
                save(tx, &space, &documents, &moves)?;
                Ok(Done { repeated: false, fresh: fresh.len() })
            })
            .await
    }

    async fn documents(&self, persons: &[String]) -> Result<Vec<Document>, Error> {
        let reader = self.engine.reader();
        persons
            .iter()
            .map(|person| {
                let alias = reader.get(&self.space, key().str("al").str(person).build())?;
                let person = alias.map_or_else(|| person.clone(), |value| text(&value));
                let stored = reader.get(&self.space, document_key(&person))?;
                Ok(stored
                    .map(|value| serde_json::from_slice(&value))
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
        let alias = reader.get(&self.space, key().str("al").str(person).build())?;
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
            match (place_of(&at), super::body::names(&value)) {
                (Ok(place), Ok((name, channel))) => {
                    if filter.takes(&name, &channel) {
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
        offset: Option<u64>,
        change: Rewrite,
        segments: Arc<Vec<Segment>>,
        now: Timestamp,
    ) -> Result<Rewritten, Error> {
        let space = self.space.clone();
        self.engine.write(move |tx| rewrite::apply(tx, &space, offset, &change, &segments, now)).await
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

    async fn mark(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(self.engine.reader().get(&self.space, key().str("mk").str(name).build())?.map(|value| text(&value)))
    }

    async fn set_mark(&self, name: &str, value: &str) -> Result<(), Error> {
        let (space, at, value) = (self.space.clone(), key().str("mk").str(name).build(), value.as_bytes().to_vec());
        self.engine.write(move |tx| tx.put(&space, at, value).map_err(Error::from)).await
    }

    async fn check(&self) -> Result<(), Error> {
        if self.engine.is_healthy() { Ok(()) } else { Err(attune_storage::StorageError::Closed.into()) }
    }
}
