//! The store over the embedded engine.
//!
//! | key | value |
//! |---|---|
//! | `p, person` | what is remembered of the person |
//! | `t, due, person` | nothing: a timer |
//! | `d, person` | when that timer is due, to find it again |
//! | `a, person` | the survivor of a merged id; empty for an erased one |
//! | `r, survivor, person` | nothing: the aliases of a survivor |
//! | `e, person, time, sequence, event` | an event |
//! | `i, person, event` | where it stands |
//! | `f, person` | before when history may be fetched |
//! | `k, consumer` | how far it has acknowledged |
//! | `o` | how far changes of who is who are applied |
//!
//! `p` and `e` are sealed with the key of their person; ids of events are hashed.
//!
//! One thread writes, so what a call reads is what the one before it wrote.

mod persons;
mod read;
mod records;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, FeedReader, LowWater, Space, StorageError};

use self::records::{Records, at_ack};
use super::{Announced, Fired, Observation, SCHEMA, Selection, Store, check_offset, read_feed};
use crate::domain::event::Recorded;
use crate::domain::journey::JourneyState;
use crate::domain::live::Rulebook;
use crate::domain::log::EventLog;
use crate::domain::person::PersonChange;
use crate::error::Error;

/// Whose key seals a row.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    matches!(at.str().ok()?.as_str(), "p" | "e").then(|| at.bytes().ok()).flatten()
}

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
    feed: FeedReader,
    /// Where timers begin.
    timers: LowWater,
}

impl Embedded {
    pub(super) fn open(engine: Engine) -> Result<Self, StorageError> {
        let space = engine.sealed_space(SCHEMA, subject)?;
        let feed = FeedReader::embedded(engine.clone(), space.clone());
        Ok(Self { engine, space, feed, timers: LowWater::default() })
    }

    /// Runs `work` as a transaction.
    async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Records<'_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (space, timers) = (self.space.clone(), self.timers.clone());
        self.engine.write(move |tx| work(&mut Records { tx, space: &space, timers: &timers })).await
    }

    /// Runs a read that may take long where it holds up nobody.
    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine, &Space) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let (engine, space) = (self.engine.clone(), self.space.clone());
        tokio::task::spawn_blocking(move || work(&engine, &space))
            .await
            .map_err(|error| Error::from(StorageError::Internal(format!("a read panicked: {error}"))))?
    }
}

#[async_trait]
impl Store for Embedded {
    async fn observe(
        &self,
        book: &Arc<Rulebook>,
        events: Vec<(String, Recorded)>,
        now: Timestamp,
    ) -> Result<Observation, Error> {
        let book = Arc::clone(book);
        self.write(move |records| records.observe(&book, &events, now)).await
    }

    async fn fire_due(&self, book: &Arc<Rulebook>, now: Timestamp, limit: usize) -> Result<Fired, Error> {
        // Most of the time nothing is due, which a look tells without a write.
        if read::first_due(&self.engine, &self.space, &self.timers)?.is_none_or(|due| due > now) {
            return Ok(Fired::default());
        }
        let book = Arc::clone(book);
        self.write(move |records| records.fire_due(&book, now, limit)).await
    }

    async fn apply(
        &self,
        book: &Arc<Rulebook>,
        offset: u64,
        change: PersonChange,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let book = Arc::clone(book);
        self.write(move |records| records.apply(&book, offset, &change, now)).await
    }

    async fn log(&self, selection: Selection) -> Result<EventLog, Error> {
        self.read(move |engine, space| read::log(engine, space, &selection)).await
    }

    async fn stages(&self, person: String) -> Result<Vec<(String, JourneyState)>, Error> {
        Ok(read::person(&self.engine.reader(), &self.space, &person)?.stages.into_iter().collect())
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, Error> {
        read_feed(&self.feed, after, limit, wait).await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<u64, Error> {
        let stored = self.engine.reader().get(&self.space, at_ack(consumer))?;
        Ok(stored.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())?)
    }

    async fn acknowledge(&self, consumer: &str, offset: u64) -> Result<u64, Error> {
        check_offset(&self.feed, offset).await?;
        let at = at_ack(consumer);
        self.write(move |records| {
            let stored = records.tx.get(records.space, &at)?;
            let before = stored.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())?;
            if offset > before {
                records.tx.put(records.space, at, key().u64(offset).build())?;
            }
            Ok(offset.max(before))
        })
        .await
    }

    async fn unfilled(&self, limit: usize) -> Result<Vec<(String, Timestamp)>, Error> {
        read::unfilled(&self.engine.reader(), &self.space, limit)
    }

    async fn fill(&self, person: &str, events: Vec<Recorded>, done: bool) -> Result<usize, Error> {
        let person = person.to_owned();
        self.write(move |records| records.fill(&person, &events, done)).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        if self.engine.is_healthy() { Ok(()) } else { Err(StorageError::Closed) }
    }
}
