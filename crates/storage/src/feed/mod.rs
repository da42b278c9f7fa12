//! An append-only change feed: offsets from 1, strictly ordered, without gaps.
//!
//! A writer appends in the transaction that makes the change, so the entry exists exactly when the change does. Appenders
//! of one feed take turns until they commit; a reader that has seen offset n has therefore seen every lower one, and can
//! keep its place as one number. Feed names are separate sequences; appenders of different feeds do not meet.
//!
//! * [`append`] within a Postgres [`Transaction`](crate::Transaction); [`append_embedded`] within an embedded
//!   [`Tx`](crate::Tx).
//! * [`FeedReader`] reads either.

mod embedded;
mod postgres;
mod reader;

pub use embedded::append_embedded;
pub use postgres::append;
pub use reader::FeedReader;

use crate::error::{StorageError, check_text};

/// The tables of a feed in Postgres; a service lists it among its migrations.
pub const MIGRATION_SQL: &str = include_str!("migration.sql");

/// Makes the tables ready for sealed entries; after [`MIGRATION_SQL`] and the vault's.
pub const SEALED_MIGRATION_SQL: &str = include_str!("sealed.sql");

/// Most entries of one read.
pub const MAX_READ: usize = 10_000;

/// One entry of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place: 1 for the first ever appended, then one more each.
    pub offset: u64,
    /// What it is about, such as a person's id. May be empty; no NUL.
    pub key: String,
    /// What happened, in the encoding of the service.
    pub body: Vec<u8>,
}

/// An entry to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// As [`Entry::key`].
    pub key: String,
    /// As [`Entry::body`].
    pub body: Vec<u8>,
    /// When set, the entry is appended once: a later append with the same dedupe key to the same feed answers the offset
    /// of the first, whatever its body. Remembered until the entry is trimmed.
    pub dedupe: Option<String>,
}

impl NewEntry {
    /// An entry that is appended every time.
    #[must_use]
    pub fn new(key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), body: body.into(), dedupe: None }
    }

    /// An entry that is appended once for a dedupe key.
    #[must_use]
    pub fn once(dedupe: impl Into<String>, key: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { dedupe: Some(dedupe.into()), ..Self::new(key, body) }
    }
}

/// The rules that both stores share.
fn check(feed: &str, entries: &[NewEntry]) -> Result<(), StorageError> {
    check_text("feed", feed)?;
    for entry in entries {
        if entry.key.contains('\0') {
            return Err(StorageError::Invalid { field: "key", reason: "contains a NUL character" });
        }
        if let Some(dedupe) = &entry.dedupe {
            check_text("dedupe", dedupe)?;
        }
    }
    Ok(())
}

/// Name of the signal that wakes readers of a feed of this process.
fn signal_name(room: &str, feed: &str) -> String {
    format!("feed:{room}:{feed}")
}

/// Gives each entry its offset: those whose dedupe key is known (before, or earlier in the list) the first one's, the
/// others the next ones after `head`. Answers the offsets and, for each new entry, its index.
fn assign(
    entries: &[NewEntry],
    head: u64,
    mut known: std::collections::HashMap<String, u64>,
) -> (Vec<u64>, Vec<usize>) {
    let mut offsets = Vec::with_capacity(entries.len());
    let mut fresh = Vec::new();
    let mut next = head;
    for (index, entry) in entries.iter().enumerate() {
        if let Some(first) = entry.dedupe.as_ref().and_then(|dedupe| known.get(dedupe)) {
            offsets.push(*first);
            continue;
        }
        next += 1;
        if let Some(dedupe) = &entry.dedupe {
            known.insert(dedupe.clone(), next);
        }
        offsets.push(next);
        fresh.push(index);
    }
    (offsets, fresh)
}
