//! The store over Postgres.
//!
//! Whoever changes something of persons first locks their rows, in the order of their ids; a row is made when there is
//! none. Only then it is looked up whether an id has become an alias, because whoever makes it one holds its row too.

mod observe;
mod persons;
mod read;
mod records;
mod seal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::postgres::Row;
use attune_storage::{FeedReader, Postgres, StorageError};

use self::records::number;
use super::{Announced, Fired, Observation, Selection, Store, check_offset, read_feed, record};
use crate::domain::event::Recorded;
use crate::domain::journey::JourneyState;
use crate::domain::live::Rulebook;
use crate::domain::log::EventLog;
use crate::domain::person::PersonChange;
use crate::error::Error;

/// The store.
pub(super) struct Relational {
    postgres: Postgres,
    feed: FeedReader,
}

impl Relational {
    pub(super) fn new(postgres: Postgres) -> Self {
        let feed = FeedReader::postgres(postgres.clone());
        Self { postgres, feed }
    }
}

#[async_trait]
impl Store for Relational {
    async fn observe(
        &self,
        book: &Arc<Rulebook>,
        events: Vec<(String, Recorded)>,
        now: Timestamp,
    ) -> Result<Observation, Error> {
        let (book, events) = (book.as_ref(), events.as_slice());
        self.postgres.transact(move |tx| Box::pin(observe::observe(tx, book, events, now))).await
    }

    async fn fire_due(&self, book: &Arc<Rulebook>, now: Timestamp, limit: usize) -> Result<Fired, Error> {
        let book = book.as_ref();
        self.postgres.transact(move |tx| Box::pin(observe::fire_due(tx, book, now, limit))).await
    }

    async fn apply(
        &self,
        book: &Arc<Rulebook>,
        offset: u64,
        change: PersonChange,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let (book, change) = (book.as_ref(), &change);
        let work = self.postgres.transact(move |tx| Box::pin(persons::apply(tx, book, offset, change, now)));
        let (applied, slots) = work.await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(applied)
    }

    async fn log(&self, selection: Selection) -> Result<EventLog, Error> {
        read::log(&self.postgres, &selection).await
    }

    async fn stages(&self, person: String) -> Result<Vec<(String, JourneyState)>, Error> {
        Ok(read::person(&self.postgres, &person).await?.stages.into_iter().collect())
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, Error> {
        read_feed(&self.feed, after, limit, wait).await
    }

    async fn acknowledged(&self, consumer: &str) -> Result<u64, Error> {
        let sql = "SELECT acknowledged FROM consumer WHERE consumer = $1";
        let row = self.postgres.client().await?.query_opt(sql, &[&consumer]).await?;
        let stored = row.map_or(Ok(0), |row| row.try_get::<_, i64>(0)).map_err(StorageError::from)?;
        Ok(stored.cast_unsigned())
    }

    async fn acknowledge(&self, consumer: &str, offset: u64) -> Result<u64, Error> {
        check_offset(&self.feed, offset).await?;
        let sql = "INSERT INTO consumer (consumer, acknowledged) VALUES ($1, $2)
                   ON CONFLICT (consumer) DO UPDATE SET acknowledged = greatest(consumer.acknowledged, $2)
                   RETURNING acknowledged";
        let row = self.postgres.client().await?.query_one(sql, &[&consumer, &number(offset)]).await?;
        Ok(row.try_get::<_, i64>(0).map_err(StorageError::from)?.cast_unsigned())
    }

    async fn unfilled(&self, limit: usize) -> Result<Vec<(String, Timestamp)>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT person_id, fill_before FROM person WHERE fill_before IS NOT NULL ORDER BY person_id LIMIT $1";
        let rows = self.postgres.client().await?.query(sql, &[&limit]).await?;
        let one = |row: &Row| Ok((row.try_get(0)?, Timestamp::from_micros(row.try_get(1)?)));
        Ok(rows.iter().map(one).collect::<Result<_, StorageError>>()?)
    }

    async fn fill(&self, person: &str, events: Vec<Recorded>, done: bool) -> Result<usize, Error> {
        let events = events.as_slice();
        self.postgres.transact(move |tx| Box::pin(observe::fill(tx, person, events, done))).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.postgres.client().await?.query_one("SELECT 1", &[]).await?;
        Ok(())
    }
}
