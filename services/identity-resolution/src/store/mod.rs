//! Where it is remembered who is who.
//!
//! [`Store`] is the port; [`open`] gives the implementation for a [`Storage`]. Both keep the same records (`record`), and
//! both pass the same conformance suite.

mod embedded;
mod postgres;
mod postgres_seal;
mod record;
pub(crate) mod records;

#[cfg(test)]
mod conformance;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::{FeedReader, Migration, Storage, StorageError, feed, migrations, vault};
use sha2::{Digest as _, Sha256};

use crate::domain::{Change, Changes, Command, Entry, Erased, Graph, IdentifierKey, Lookup, Outcome, Rules, View};
use crate::error::Error;

/// The schema in Postgres, and the prefix of the space in the embedded engine.
pub const SCHEMA: &str = "identity";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_identity" => include_str!("../../migrations/0001_identity.sql"),
    "0002_feed" => feed::MIGRATION_SQL,
    "0003_matching" => include_str!("../../migrations/0003_matching.sql"),
    "0004_vault" => vault::MIGRATION_SQL,
    "0005_sealed" => include_str!("../../migrations/0005_sealed.sql"),
    "0006_sealed_feed" => feed::SEALED_MIGRATION_SQL,
    "0007_sealed_records" => include_str!("../../migrations/0007_sealed_records.sql"),
];

/// Name of the feed of merges, splits and erasures.
const FEED: &str = "changes";

/// A change with its place in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announced {
    /// From 1, without gaps.
    pub offset: u64,
    /// When it happened.
    pub time: Timestamp,
    /// What happened.
    pub change: Change,
}

/// Who is who, durably.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// The identifiers and persons that the lookup asks for, in one round trip when all identifiers are held. Waits for
    /// no writer and writes nothing.
    async fn view(&self, lookup: &Lookup) -> Result<View, StorageError>;

    /// Runs a command on the state as it is and writes its changes, all or none. Commands that touch a common
    /// identifier or person take effect one after the other; the answer comes when the changes are durable. A command
    /// that is refused or changes nothing writes nothing.
    async fn execute(&self, rules: &Arc<Rules>, command: Arc<Command>) -> Result<Outcome, Error>;

    /// Entries of the audit trail about any of the subjects (identifiers, and persons by the bytes of their ids), each
    /// once with its number, newest first; only those with a smaller number than `below`.
    async fn audit(
        &self,
        subjects: &[[u8; 16]],
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StorageError>;

    /// Who held an identifier at a time before its present holder did, by the id that survived then.
    async fn held_by(&self, key: IdentifierKey, at: Timestamp) -> Result<Option<PersonId>, StorageError>;

    /// Persons of whom edges have outlived their time. A person is answered again until they were changed.
    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<PersonId>, StorageError>;

    /// Deletes up to `limit` audit entries from before a time, the oldest first. Answers how many.
    async fn trim_audit(&self, before: Timestamp, limit: usize) -> Result<usize, StorageError>;

    /// Changes after an offset, in order; waits for one up to `wait` when there is none.
    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, StorageError>;

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

/// An id of a caller as it is remembered: it may say something of a person, and it outlives an erasure.
fn hashed(id: &str) -> Vec<u8> {
    Sha256::digest(id)[..16].to_vec()
}

/// Whose key seals an entry of the audit trail: the first person's, or the first identifier's where there is no person.
fn sealed_for(entry: &Entry) -> [u8; 16] {
    let identifier = || entry.identifiers.first().map_or([0; 16], |key| key.0);
    entry.persons.first().map_or_else(identifier, |person| person.to_bytes())
}

/// Who gets new keys after changes, so that an erasure of one leaves no old copies under the key of another: the persons of
/// a split and all ids that were merged into them.
fn to_renew(changes: &Changes) -> BTreeSet<PersonId> {
    let mut out = BTreeSet::new();
    for (_, change) in &changes.feed {
        if let Change::Split { kept, split, aliases, .. } = change {
            out.extend([*kept, *split]);
            out.extend(aliases);
            for id in [kept, split] {
                out.extend(changes.persons.get(id).into_iter().flat_map(|person| &person.aliases));
            }
        }
    }
    out
}

/// The ids whose keys are destroyed by changes.
fn to_shred(changes: &Changes) -> BTreeSet<PersonId> {
    let mut out = BTreeSet::new();
    for (_, change) in &changes.feed {
        if let Change::Erasure { person, aliases } = change {
            out.insert(*person);
            out.extend(aliases);
        }
    }
    out
}

/// Runs a command on a view. What both stores do between reading and writing.
fn run(rules: &Rules, command: &Command, view: View) -> Result<(Outcome, Changes), Error> {
    let mut graph = Graph::new(view);
    let outcome = command.run(rules, &mut graph)?;
    Ok((outcome, graph.into_changes()))
}

/// Enters the offsets that the changes were given where persons remember them.
fn enter_offsets(changes: &mut Changes, offsets: &[u64]) {
    for ((time, change), offset) in changes.feed.iter().zip(offsets) {
        if let Change::Erasure { person, .. } = change
            && let Some(person) = changes.persons.get_mut(person)
        {
            person.erased = Some(Erased { time: *time, offset: *offset });
        }
    }
}

async fn read_feed(
    feed: &FeedReader,
    after: u64,
    limit: usize,
    wait: Duration,
) -> Result<Vec<Announced>, StorageError> {
    if !wait.is_zero() {
        feed.wait(FEED, after, wait).await?;
    }
    feed.read(FEED, after, limit).await?.iter().map(record::decode_feed).collect()
}
