//! The decision log, the responses joined to it, and the counts the model is made of.
//!
//! Both stores keep the same things and pass the same conformance suite. What belongs to a person is found under a
//! *person key*: the person id, or after an erasure a random key that nobody can lead back.

mod codec;
mod embedded;
mod journal;
mod learner;
mod postgres;

#[cfg(test)]
mod conformance;

use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::{DecisionId, PersonId};
use attune_storage::{Migration, Storage, StorageError, migrations, resources, vault};
use sha2::{Digest as _, Sha256};

use crate::domain::model::Learned;
use crate::domain::moment::{Moment, Span};
use crate::domain::record::Decision;
use crate::domain::report::History;
use crate::domain::response::{Kind, Response};

pub(crate) use journal::Journal;
pub(crate) use learner::{Learner, Priors};

/// The schema in Postgres, and the prefix of the spaces in the embedded engine.
pub const SCHEMA: &str = "decision";

/// The history of the schema.
pub const MIGRATIONS: &[Migration] = migrations![
    "0001_log" => include_str!("../../migrations/0001_log.sql"),
    "0002_resources" => resources::MIGRATION_SQL,
    "0003_origin" => include_str!("../../migrations/0002_origin.sql"),
    "0004_vault" => vault::MIGRATION_SQL,
    "0005_sealed" => include_str!("../../migrations/0005_sealed.sql"),
];

/// What became of a decision that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The id under which it is known: that of the first one, for a repeat.
    pub id: DecisionId,
    /// Whether it was known already, by its id or its request id.
    pub duplicate: bool,
}

/// What became of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The decision it was joined to.
    pub decision: Option<DecisionId>,
    /// Whether it was known already.
    pub duplicate: bool,
}

/// What became of a batch of responses.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Recorded {
    /// One for each response, in order.
    pub receipts: Vec<Receipt>,
    /// The model's version before.
    pub before: u64,
    /// The model's version now; the same when nothing was learned.
    pub version: u64,
    /// The counts that changed, as they are now.
    pub learned: Vec<Learned>,
}

/// A response as it was joined to a decision.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Joined {
    /// The offer.
    pub offer: String,
    /// What the person did.
    pub kind: Kind,
    /// What it was worth.
    pub value: f64,
    /// When.
    pub moment: Moment,
}

/// A decision with the responses joined to it, in the order of their moments.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    /// The decision.
    pub decision: Decision,
    /// The responses.
    pub responses: Vec<Joined>,
}

/// Histories of some persons.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Histories {
    /// Offer and history; an offer comes once for each person.
    pub entries: Vec<(String, History)>,
    /// Where to go on; `None` at the end.
    pub next: Option<[u8; 16]>,
}

/// A change of who is who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Its place in the feed; a change of the same offset is applied once.
    pub offset: i64,
    /// What changed.
    pub what: WhoIsWho,
}

/// What changed of who is who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhoIsWho {
    /// One person's decisions and responses now belong to the other.
    Merged {
        /// Who survives.
        surviving: PersonId,
        /// Who is an alias from now on.
        merged: PersonId,
    },
    /// An id is a person of their own again, with what was recorded for it and for the other ids. What was recorded for
    /// `person` since the merge stays: a decision does not say by which identifier its person was known.
    Split {
        /// Who keeps the id.
        person: PersonId,
        /// Who goes.
        split: PersonId,
        /// Ids that were merged and lead to `split` from now on.
        ids: Vec<PersonId>,
    },
    /// The link from these persons to their decisions and responses is cut; the counts stay.
    Erased {
        /// The person and every alias.
        persons: Vec<PersonId>,
        /// A random key that stands for the person from now on.
        anonymous: [u8; 16],
    },
}

/// The log. Every write is durable when it answers.
#[async_trait]
pub(crate) trait DecisionStore: Send + Sync {
    /// Appends decisions in one transaction. One whose id or request id is known already is left out and answered as a
    /// duplicate. Decisions of a merged person are kept for the survivor, those of an erased one without a person.
    async fn append(&self, decisions: Vec<Decision>) -> Result<Vec<Appended>, StorageError>;

    /// The decision that a request was answered with.
    async fn by_request(&self, request_id: &str) -> Result<Option<Decision>, StorageError>;

    /// A decision and its responses.
    async fn decision(&self, id: DecisionId) -> Result<Option<Answered>, StorageError>;

    /// The decisions of a person, and of whoever was merged into them, with their responses, by id after `after`.
    async fn of_person(
        &self,
        person: PersonId,
        after: Option<DecisionId>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError>;

    /// Records responses in one transaction, in order. Each is joined to its decision where that offered the offer;
    /// without a decision id, to the person's most recent receipt of the offer at or before its moment (ties: the greater
    /// decision id). It teaches once: of each decision and offer the first response of any kind is a trial, the first
    /// that is as strong as the policy learns from is a positive. A response that joins nothing is kept. A known request
    /// id changes nothing.
    async fn record(&self, responses: Vec<Response>) -> Result<Recorded, StorageError>;

    /// The version of the model and all counts.
    async fn model(&self) -> Result<(u64, Vec<Learned>), StorageError>;

    /// The version of the model: rises with every batch that taught something.
    async fn model_version(&self) -> Result<u64, StorageError>;

    /// The service's own decisions of a span of time that had something to arbitrate, newest first, those before `before`
    /// (a time in microseconds and an id) only.
    async fn newest(
        &self,
        span: Span,
        before: Option<(i64, DecisionId)>,
        limit: usize,
    ) -> Result<Vec<Answered>, StorageError>;

    /// The histories of up to `persons` persons after a person key, within a span of time.
    async fn histories(&self, span: Span, after: Option<[u8; 16]>, persons: usize) -> Result<Histories, StorageError>;

    /// The id under which a person is known today; `None` once erased.
    async fn current_person(&self, person: PersonId) -> Result<Option<PersonId>, StorageError>;

    /// Applies a change of who is who; answers whether it is new.
    async fn apply(&self, change: Change) -> Result<bool, StorageError>;
}

/// Opens the log in a storage.
///
/// # Errors
/// [`StorageError::Unavailable`] when the engine cannot create the space.
pub(crate) fn open(storage: &Storage) -> Result<Arc<dyn DecisionStore>, StorageError> {
    Ok(match storage {
        Storage::Embedded(engine) => Arc::new(embedded::EmbeddedStore::open(engine)?),
        Storage::Postgres(postgres) => Arc::new(postgres::PostgresStore::new(postgres.clone())),
    })
}

/// A key for what belongs to nobody, derived from an id that is unique anyway, so that no two such things look like one
/// person's.
/// The id of a request as it stands in keys: it may say something of a person.
fn hashed(id: &str) -> String {
    Sha256::digest(id)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nobody(id: &str) -> [u8; 16] {
    crate::domain::draw::imported_id(id).to_bytes()
}
