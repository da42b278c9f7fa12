//! Versioned records: what every resource with create, get, list, update and delete is stored in.
//!
//! The store knows a record's kind, id, revision and times; the body is the service's own encoding. Both implementations
//! pass [`conformance::run`].

pub mod conformance;
mod embedded;
mod postgres;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use sha2::{Digest, Sha256};

pub use embedded::EmbeddedResources;
pub use postgres::PostgresResources;

use crate::error::{StorageError, check_text};

/// The tables of [`PostgresResources`]; a service lists it among its migrations.
pub const MIGRATION_SQL: &str = include_str!("migration.sql");

/// Most records of one page.
pub const MAX_PAGE: usize = 10_000;

/// One stored resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, such as `offer`: 1 to 512 bytes without NUL.
    pub kind: String,
    /// Its id, unique within the kind: 1 to 512 bytes without NUL. Lists are ordered by its bytes.
    pub id: String,
    /// 1 when created, one more with every update; the source of the etag.
    pub revision: u64,
    /// The resource, in the encoding of the service.
    pub body: Vec<u8>,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last written.
    pub updated: Timestamp,
}

impl Record {
    /// A record to be created at `now`.
    #[must_use]
    pub fn new(kind: impl Into<String>, id: impl Into<String>, body: Vec<u8>, now: Timestamp) -> Self {
        Self { kind: kind.into(), id: id.into(), revision: 1, body, created: now, updated: now }
    }

    fn check(&self) -> Result<(), StorageError> {
        check_text("kind", &self.kind)?;
        check_text("id", &self.id)
    }
}

/// A store of records. Every write is durable when it answers, and is seen by every later read.
#[async_trait]
pub trait Resources: Send + Sync {
    /// Creates a record with revision 1 and answers it.
    ///
    /// With a `request_id` the call may be repeated: the same request id of the same kind with the same body answers what
    /// the first call answered, whatever happened since and whatever id the repeat brings (a server that draws ids draws
    /// another one); with another body it is refused. So a body names what makes the request the one it is.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`] when kind and id are taken; [`StorageError::RequestIdReused`];
    /// [`StorageError::Invalid`] for a kind, id or request id that breaks the rules.
    async fn create(&self, record: Record, request_id: Option<&str>) -> Result<Record, StorageError>;

    /// The record, or `None` when there is none.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StorageError>;

    /// Records of a kind in the order of their ids' bytes, those greater than `after_id` only, at most `limit` of them
    /// and at most [`MAX_PAGE`].
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    async fn list(&self, kind: &str, after_id: Option<&str>, limit: usize) -> Result<Vec<Record>, StorageError>;

    /// Replaces the body, raises the revision by one, sets `updated` to `now` and answers the record.
    ///
    /// # Errors
    /// [`StorageError::NotFound`]; [`StorageError::RevisionMismatch`] when a revision is expected and another is stored.
    async fn update(
        &self,
        kind: &str,
        id: &str,
        expected_revision: Option<u64>,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Record, StorageError>;

    /// Deletes a record. Its id may be created again.
    ///
    /// # Errors
    /// [`StorageError::NotFound`]; [`StorageError::RevisionMismatch`] when a revision is expected and another is stored.
    async fn delete(&self, kind: &str, id: &str, expected_revision: Option<u64>) -> Result<(), StorageError>;

    /// A counter that rises with every write of the kind, 0 before the first: who compiled the records at this version
    /// need not look again while it stands.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    async fn version(&self, kind: &str) -> Result<u64, StorageError>;

    /// Forgets request ids used before `before` and answers how many; a repeat after that is a new request.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the store does not answer.
    async fn forget_requests(&self, before: Timestamp) -> Result<u64, StorageError>;

    /// The record of a caller who named it.
    ///
    /// # Errors
    /// [`StorageError::NotFound`] when there is none; otherwise as [`get`](Self::get).
    async fn require(&self, kind: &str, id: &str) -> Result<Record, StorageError> {
        self.get(kind, id).await?.ok_or_else(|| not_found(kind, id))
    }
}

/// What two requests with the same id must share.
fn fingerprint(body: &[u8]) -> Vec<u8> {
    Sha256::digest(body).to_vec()
}

fn not_found(kind: &str, id: &str) -> StorageError {
    StorageError::NotFound { kind: kind.to_owned(), id: id.to_owned() }
}

fn already_exists(record: &Record) -> StorageError {
    StorageError::AlreadyExists { kind: record.kind.clone(), id: record.id.clone() }
}
