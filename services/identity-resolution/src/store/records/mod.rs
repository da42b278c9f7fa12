//! Where attribute records are kept, and what is found by them.
//!
//! [`Records`] is the port; [`open`] gives the implementation for a [`Storage`]. Who a record belongs to is not kept here:
//! a record hangs in the graph by an identifier of its own, so the graph alone knows.

mod codec;
mod embedded;
mod embedded_work;
mod postgres;
mod postgres_seal;

#[cfg(test)]
mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::{Storage, StorageError};
use rustc_hash::FxHashMap;

use crate::domain::matching::{AttributeRecord, End, Pair, RecordKey, Relation, RelationId, Review, ReviewId};

/// A record for which candidates are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Its key; what is stored under it is answered too.
    pub key: RecordKey,
    /// What candidates are found by.
    pub blocks: Vec<u64>,
}

/// The comparable form of a stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Comparable {
    /// Which model prepared it.
    pub model: u64,
    /// When the source said so.
    pub event_time: Timestamp,
    /// The form.
    pub prepared: Vec<u8>,
}

/// Candidates of several records.
#[derive(Debug, Clone, Default)]
pub(crate) struct Candidates {
    /// Every record mentioned: candidates, and the wanted ones that are stored.
    pub records: FxHashMap<RecordKey, Comparable>,
    /// The candidates of each wanted record, ascending, without itself.
    pub of: Vec<Vec<RecordKey>>,
    /// How many blocks were passed over, because more records share them than the cap allows.
    pub oversized: u64,
}

/// Records with their pairs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Neighbourhood {
    /// The records asked for that are stored, and those that form a pair with one of them.
    pub records: FxHashMap<RecordKey, Comparable>,
    /// The pairs of the records asked for, each once.
    pub pairs: Vec<Pair>,
}

/// Which reviews are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Reviews {
    /// These.
    ById(Vec<ReviewId>),
    /// Those about these records, in no order.
    OfRecords(Vec<RecordKey>),
    /// The most probable first.
    Page {
        /// Behind this weight and id.
        after: Option<(f64, ReviewId)>,
        /// At most this many.
        limit: usize,
        /// Also those that are decided.
        decided: bool,
    },
}

/// Which relations are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Relations {
    /// This one.
    ById(RelationId),
    /// Those at any of these ends.
    At(Vec<End>),
}

/// Which models are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Models {
    /// The one in use.
    Current,
    /// This version, as it was published last.
    Version(String),
    /// The newest first, without JSON.
    Page {
        /// Only those with a smaller number.
        below: Option<u64>,
        /// At most this many.
        limit: usize,
    },
}

/// A published version of the matching model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// From 1, one more with each publication; assigned by the store.
    pub number: u64,
    /// The version, derived from the content.
    pub version: String,
    /// When it was published.
    pub time: Timestamp,
    /// Who published it.
    pub actor: String,
    /// The model.
    pub json: String,
}

/// What an operator's request answered the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// The id of the request, unique among those of one method.
    pub id: String,
    /// Hash of its body.
    pub digest: [u8; 32],
}

/// What to write, all or nothing, in this order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    /// Records of which the pairs, the open reviews and the relations that matching found are to go.
    pub cleared: Vec<RecordKey>,
    /// Records, replacing earlier versions.
    pub records: Vec<AttributeRecord>,
    /// Pairs, replacing what is known about them.
    pub pairs: Vec<Pair>,
    /// Reviews. One that is open is written only when there is none of that id; a decided one replaces.
    pub reviews: Vec<Review>,
    /// Open reviews to drop: what they ask has been answered otherwise.
    pub moot: Vec<ReviewId>,
    /// Relations, replacing those of the same id but for the time of creation.
    pub relations: Vec<Relation>,
    /// Relations to take back.
    pub unrelated: Vec<RelationId>,
    /// A model to put into use.
    pub model: Option<Published>,
    /// The request that this fulfils: nothing is written when it was fulfilled before.
    pub request: Option<Remembered>,
}

/// Attribute records and what was found by them, durably.
#[async_trait]
pub(crate) trait Records: Send + Sync + 'static {
    /// The records that share a block with those wanted, in one round trip. A block shared by more than `cap` records is
    /// passed over.
    async fn candidates(&self, wanted: &[Wanted], cap: usize) -> Result<Candidates, StorageError>;

    /// The pairs of records, with the records at both ends, in one round trip.
    async fn neighbourhood(&self, of: &[RecordKey]) -> Result<Neighbourhood, StorageError>;

    /// Records in full, those that exist, in no order.
    async fn records(&self, keys: &[RecordKey]) -> Result<Vec<AttributeRecord>, StorageError>;

    /// Records in full by ascending key. Keys are hashes, so that any stretch of them is a sample without bias.
    async fn page(&self, after: Option<RecordKey>, limit: usize) -> Result<Vec<AttributeRecord>, StorageError>;

    /// Writes a batch, durably; false, and nothing written, when its request was fulfilled before.
    ///
    /// # Errors
    /// [`StorageError::RequestIdReused`] when the request was fulfilled with another body.
    async fn write(&self, batch: Batch) -> Result<bool, StorageError>;

    /// Whether a request was fulfilled before.
    ///
    /// # Errors
    /// [`StorageError::RequestIdReused`] when it was fulfilled with another body.
    async fn is_fulfilled(&self, request: &Remembered) -> Result<bool, StorageError>;

    /// Removes records with every value, pair, review and relation of theirs, and the relations of persons.
    async fn erase(&self, records: &[RecordKey], persons: &[PersonId]) -> Result<(), StorageError>;

    /// Reviews, those that exist.
    async fn reviews(&self, wanted: &Reviews) -> Result<Vec<Review>, StorageError>;

    /// How many reviews wait for a decision.
    async fn open_reviews(&self) -> Result<u64, StorageError>;

    /// Relations, those that exist, each once, in no order.
    async fn relations(&self, wanted: &Relations) -> Result<Vec<Relation>, StorageError>;

    /// Models, those that exist.
    async fn models(&self, wanted: &Models) -> Result<Vec<Published>, StorageError>;
}

/// The records of a storage.
///
/// # Errors
/// [`StorageError::Unavailable`] when the embedded engine cannot create its spaces.
pub(crate) fn open(storage: &Storage) -> Result<Arc<dyn Records>, StorageError> {
    Ok(match storage {
        Storage::Embedded(engine) => Arc::new(embedded::Embedded::open(engine.clone())?),
        Storage::Postgres(postgres) => Arc::new(postgres::Relational::new(postgres.clone())),
    })
}
