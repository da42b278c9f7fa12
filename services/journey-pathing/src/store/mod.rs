//! The event log, what is remembered of persons, and the feed.
//!
//! [`Store`] is the port; [`open`] gives the implementation for a [`Storage`]. Both keep the same records (`record`), and
//! both pass the same conformance suite.

mod embedded;
mod postgres;
mod record;

#[cfg(test)]
mod conformance;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::{FeedReader, Migration, Storage, StorageError, feed, migrations, resources, vault};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::event::Recorded;
use crate::domain::journey::JourneyState;
use crate::domain::live::{Change, Rulebook};
use crate::domain::log::EventLog;
use crate::domain::person::PersonChange;
use crate::error::Error;

/// The schema in Postgres, and the space in the embedded engine.
pub const SCHEMA: &str = "journey";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_journey" => include_str!("../../migrations/0001_journey.sql"),
    "0002_feed" => feed::MIGRATION_SQL,
    "0003_resources" => resources::MIGRATION_SQL,
    "0004_vault" => vault::MIGRATION_SQL,
    "0005_sealed_feed" => feed::SEALED_MIGRATION_SQL,
];

/// Name of the feed of triggers and changes of stage.
const FEED: &str = "changes";

/// An entry of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Announced {
    /// From 1, without gaps.
    #[serde(skip)]
    pub offset: u64,
    /// Whom it is about.
    pub person: String,
    /// What happened.
    pub change: Change,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in the log now.
    New,
    /// It was in the log.
    Duplicate,
    /// Its person is erased: it is not kept.
    Erased,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(crate) struct Observation {
    /// Of each event.
    pub fates: Vec<Fate>,
    /// What they caused.
    pub changes: Vec<Change>,
}

/// What the timers did.
#[derive(Debug, Default)]
pub(crate) struct Fired {
    /// How many persons were looked at.
    pub persons: usize,
    /// What it caused.
    pub changes: Vec<Change>,
}

/// A part of the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// Events at or after this time.
    pub start: Option<Timestamp>,
    /// Events before this time.
    pub end: Option<Timestamp>,
    /// Only of these persons, by any id; empty for all.
    pub persons: Vec<String>,
    /// Only of these names; empty for all.
    pub names: Vec<String>,
    /// Whether properties are needed.
    pub properties: bool,
    /// More events than this are too many.
    pub limit: usize,
}

/// The log and what is remembered, durably.
///
/// Everything about one person happens in turn. Whatever a call writes is written together, with the changes it causes in
/// the feed: all of it or, when the call fails, nothing.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Adds events to the log and lets the rulebook see the new ones, each person's in the order of time. Events are told
    /// apart by person and id: one that is known changes nothing. Ids of merged persons stand for the survivor.
    async fn observe(
        &self,
        book: &Arc<Rulebook>,
        events: Vec<(String, Recorded)>,
        now: Timestamp,
    ) -> Result<Observation, Error>;

    /// Fires the timers that are due, of at most `limit` persons, the longest due first. Processes that call it at the
    /// same time share the work.
    async fn fire_due(&self, book: &Arc<Rulebook>, now: Timestamp, limit: usize) -> Result<Fired, Error>;

    /// Applies a change of who is who, with its offset in the feed of identity. Answers false when that offset or a later
    /// one was applied before.
    async fn apply(
        &self,
        book: &Arc<Rulebook>,
        offset: u64,
        change: PersonChange,
        now: Timestamp,
    ) -> Result<bool, Error>;

    /// A part of the log; [`Error::TooManyEvents`] beyond the limit.
    async fn log(&self, selection: Selection) -> Result<EventLog, Error>;

    /// Where a person stands, by journey.
    async fn stages(&self, person: String) -> Result<Vec<(String, JourneyState)>, Error>;

    /// Changes after an offset, in order; waits for one up to `wait` when there is none.
    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, Error>;

    /// How far a consumer has acknowledged; 0 before the first time.
    async fn acknowledged(&self, consumer: &str) -> Result<u64, Error>;

    /// Acknowledges up to an offset and answers what is acknowledged now, which never falls;
    /// [`Error::OffsetBeyondFeed`] when the feed has not come so far.
    async fn acknowledge(&self, consumer: &str, offset: u64) -> Result<u64, Error>;

    /// Persons whose earlier history may be fetched, and before which time it ends.
    async fn unfilled(&self, limit: usize) -> Result<Vec<(String, Timestamp)>, Error>;

    /// Adds earlier events of a person, which the rulebook does not see. Answers how many were new. With `done` the person
    /// is no longer among the unfilled.
    async fn fill(&self, person: &str, events: Vec<Recorded>, done: bool) -> Result<usize, Error>;

    /// Whether the store answers.
    async fn check(&self) -> Result<(), StorageError>;
}

/// The store for a storage.
///
/// # Errors
/// [`StorageError::Unavailable`] when the embedded engine cannot create its space.
pub(crate) fn open(storage: &Storage) -> Result<Arc<dyn Store>, StorageError> {
    Ok(match storage {
        Storage::Embedded(engine) => Arc::new(embedded::Embedded::open(engine.clone())?),
        Storage::Postgres(postgres) => Arc::new(postgres::Relational::new(postgres.clone())),
    })
}

/// The id of an event as it stands in keys: it may say something of a person.
fn hashed(id: &str) -> String {
    Sha256::digest(id)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn read_feed(feed: &FeedReader, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, Error> {
    if !wait.is_zero() {
        feed.wait(FEED, after, wait).await?;
    }
    let entries = feed.read(FEED, after, limit).await?;
    Ok(entries.iter().map(record::decode_entry).collect::<Result<_, _>>()?)
}

async fn check_offset(feed: &FeedReader, offset: u64) -> Result<(), Error> {
    let head = feed.head(FEED).await?;
    if offset > head { Err(Error::OffsetBeyondFeed { head }) } else { Ok(()) }
}
