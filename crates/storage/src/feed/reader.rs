//! Reading a feed of either store.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Entry, MAX_READ, check_text, embedded, postgres, signal_name};
use crate::embedded::{Engine, Space};
use crate::error::StorageError;
use crate::postgres::Postgres;

/// How often a waiting reader looks for entries that another process appended.
const POLL: Duration = Duration::from_millis(50);

/// Reads feeds; a cheap handle. It keeps no place: the caller's cursor is the last offset it has dealt with.
#[derive(Debug, Clone)]
pub struct FeedReader(Backend);

#[derive(Debug, Clone)]
enum Backend {
    Embedded(Engine, Space),
    Postgres(Postgres),
}

impl FeedReader {
    /// Reads the feeds of a space.
    #[must_use]
    pub const fn embedded(engine: Engine, space: Space) -> Self {
        Self(Backend::Embedded(engine, space))
    }

    /// Reads the feeds of a schema.
    #[must_use]
    pub const fn postgres(postgres: Postgres) -> Self {
        Self(Backend::Postgres(postgres))
    }

    /// Entries with an offset greater than `after`, in order, at most `limit` and at most [`MAX_READ`].
    ///
    /// The first has offset `after + 1` unless the feed was trimmed beyond it, see [`trimmed`](Self::trimmed).
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    pub async fn read(&self, feed: &str, after: u64, limit: usize) -> Result<Vec<Entry>, StorageError> {
        check_text("feed", feed)?;
        let limit = limit.min(MAX_READ);
        match &self.0 {
            Backend::Embedded(engine, space) => embedded::read(engine, space, feed, after, limit),
            Backend::Postgres(database) => postgres::read(database, feed, after, limit).await,
        }
    }

    /// The last offset given, 0 before the first.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    pub async fn head(&self, feed: &str) -> Result<u64, StorageError> {
        Ok(self.bounds(feed).await?.0)
    }

    /// The last offset whose entry was trimmed, 0 when none was. A reader whose cursor is lower has missed entries.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    pub async fn trimmed(&self, feed: &str) -> Result<u64, StorageError> {
        Ok(self.bounds(feed).await?.1)
    }

    /// Deletes the entries up to and including `upto` and answers how many there were. Offsets are never given again.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    pub async fn trim(&self, feed: &str, upto: u64) -> Result<u64, StorageError> {
        check_text("feed", feed)?;
        match &self.0 {
            Backend::Embedded(engine, space) => embedded::trim(engine, space, feed, upto).await,
            Backend::Postgres(database) => postgres::trim(database, feed, upto).await,
        }
    }

    /// Waits until there is an entry with an offset greater than `after`: true, or false when `timeout` passed first.
    /// A timeout above a day counts as a day.
    /// Appends of this process (through the same [`Engine`] or [`Postgres`] handle) wake it at once; those of others are
    /// found by looking every 50 ms.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    pub async fn wait(&self, feed: &str, after: u64, timeout: Duration) -> Result<bool, StorageError> {
        // A day bounds what the clock can add.
        let deadline = Instant::now() + timeout.min(Duration::from_secs(86_400));
        let mut signal = match &self.0 {
            Backend::Embedded(engine, space) => engine.signals().subscribe(&signal_name(space.name(), feed)),
            Backend::Postgres(database) => database.signals().subscribe(&signal_name("postgres", feed)),
        };
        loop {
            // Subscribed first and looked second: an append between the two is not missed.
            // Entries about an erased person count for the head and cannot be read.
            if self.head(feed).await? > after && !self.read(feed, after, 1).await?.is_empty() {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            match &self.0 {
                // No other process can append.
                Backend::Embedded(..) => {
                    let _ = timeout_at(deadline, signal.changed()).await;
                }
                Backend::Postgres(_) => {
                    tokio::select! {
                        _ = signal.changed() => {}
                        () = sleep_until(deadline.min(Instant::now() + POLL)) => {}
                    }
                }
            }
        }
    }

    async fn bounds(&self, feed: &str) -> Result<(u64, u64), StorageError> {
        check_text("feed", feed)?;
        match &self.0 {
            Backend::Embedded(engine, space) => embedded::bounds(engine, space, feed),
            Backend::Postgres(database) => postgres::bounds(database, feed).await,
        }
    }
}
