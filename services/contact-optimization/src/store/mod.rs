//! Where contacts, ledgers and counters are kept.
//!
//! [`Store`] is the port; [`open`] gives the implementation for a [`Storage`]. Both take the same steps
//! ([`book`](crate::domain::book)) on the same records (`record`), each under its own lock, and pass one conformance suite.

mod embedded;
mod postgres;
mod record;

#[cfg(test)]
mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::{Migration, Storage, StorageError, migrations, resources, vault};
use sha2::{Digest as _, Sha256};

use crate::domain::admit::{Ask, Verdict};
use crate::domain::contact::{Contact, PersonChange};
use crate::domain::policy::PolicySet;

/// The schema in Postgres, and the name of the space in the embedded engine.
pub const SCHEMA: &str = "contact";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_contact" => include_str!("../../migrations/0001_contact.sql"),
    "0002_resources" => resources::MIGRATION_SQL,
    "0003_origin" => include_str!("../../migrations/0002_origin.sql"),
    "0004_vault" => vault::MIGRATION_SQL,
    "0005_sealed" => include_str!("../../migrations/0005_sealed.sql"),
];

/// An id of a caller as it is searched by, 128 bits in hexadecimal: it may say something of a person.
fn hashed(id: &str) -> String {
    Sha256::digest(id)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What makes a request to reserve the one it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The caller's id of it.
    pub id: String,
    /// A hash of what was asked.
    pub fingerprint: Vec<u8>,
}

/// What became of a batch of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Recorded {
    /// How many were new.
    pub recorded: usize,
    /// How many were known already.
    pub duplicates: usize,
}

/// The place of a contact in its person's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// When it was made.
    pub time: Timestamp,
    /// Its id.
    pub contact_id: String,
}

/// Contacts, ledgers and counters, durably. A person may be named by any id that was ever merged into theirs, and a contact
/// remembers by which it was.
#[async_trait]
pub(crate) trait Store: Send + Sync + 'static {
    /// Judges the candidates on the state as it is. Waits for no writer and writes nothing.
    async fn judge(&self, policies: &PolicySet, person: &str, ask: &Ask) -> Result<Vec<Verdict>, StorageError>;

    /// Judges and reserves. Calls that touch a common person or capacity take effect one after the other. A repeat of the
    /// request answers what the first call answered; with another fingerprint it is
    /// [`RequestIdReused`](StorageError::RequestIdReused).
    async fn reserve(
        &self,
        policies: Arc<PolicySet>,
        person: &str,
        request: Request,
        ask: Arc<Ask>,
    ) -> Result<Vec<Verdict>, StorageError>;

    /// Gives reservations back; answers how many were open at `now`.
    async fn release(&self, person: &str, ids: &[String], now: Timestamp) -> Result<usize, StorageError>;

    /// Takes contacts of any persons, all or none. A contact whose id the person has already is a duplicate and changes
    /// nothing.
    async fn record(&self, policies: Arc<PolicySet>, contacts: Vec<Contact>) -> Result<Recorded, StorageError>;

    /// A person's contacts, newest first, from after a position on; those of one time in an order of their own.
    async fn contacts(
        &self,
        person: &str,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<Contact>, StorageError>;

    /// Applies a change of who is who; false when a change with its offset was applied before.
    async fn apply(&self, change: PersonChange) -> Result<bool, StorageError>;

    /// Gives back the capacity of reservations that are over at `now` and forgets requests from before
    /// `requests_before`, at most `limit` of each; answers whether there may be more.
    async fn sweep(&self, now: Timestamp, requests_before: Timestamp, limit: usize) -> Result<bool, StorageError>;

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
