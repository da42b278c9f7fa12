//! What a crash between the graph and the records leaves behind, and how it heals.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Engine, Storage};

use super::*;
use crate::config::Config;
use crate::domain::Command;
use crate::domain::matching::{AttributeRecord, Relation, Review};
use crate::metrics::Metrics;
use crate::store;
use crate::store::records::{Batch, Candidates, Neighbourhood, Published, Relations, Remembered, Reviews, Wanted};
use attune_proto::identity::v1 as pb;

/// Records that fail to write when told so, as if the process had died there.
struct Failing {
    records: Arc<dyn Records>,
    fails: Arc<AtomicBool>,
}

#[async_trait]
impl Records for Failing {
    async fn candidates(&self, wanted: &[Wanted], cap: usize) -> Result<Candidates, StorageError> {
        self.records.candidates(wanted, cap).await
    }
    async fn neighbourhood(&self, of: &[RecordKey]) -> Result<Neighbourhood, StorageError> {
        self.records.neighbourhood(of).await
    }
    async fn records(&self, keys: &[RecordKey]) -> Result<Vec<AttributeRecord>, StorageError> {
        self.records.records(keys).await
    }
    async fn page(&self, after: Option<RecordKey>, limit: usize) -> Result<Vec<AttributeRecord>, StorageError> {
        self.records.page(after, limit).await
    }
    async fn write(&self, batch: Batch) -> Result<bool, StorageError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StorageError::Closed);
        }
        self.records.write(batch).await
    }
    async fn is_fulfilled(&self, request: &Remembered) -> Result<bool, StorageError> {
        self.records.is_fulfilled(request).await
    }
    async fn erase(&self, records: &[RecordKey], persons: &[PersonId]) -> Result<(), StorageError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(StorageError::Closed);
        }
        self.records.erase(records, persons).await
    }
    async fn reviews(&self, wanted: &Reviews) -> Result<Vec<Review>, StorageError> {
        self.records.reviews(wanted).await
    }
    async fn open_reviews(&self) -> Result<u64, StorageError> {
        self.records.open_reviews().await
    }
    async fn relations(&self, wanted: &Relations) -> Result<Vec<Relation>, StorageError> {
        self.records.relations(wanted).await
    }
    async fn models(&self, wanted: &Models) -> Result<Vec<Published>, StorageError> {
        self.records.models(wanted).await
    }
}

/// A service that has just started on a directory.
async fn start(directory: &Path) -> (Identity, Arc<AtomicBool>) {
    let storage = Storage::Embedded(Engine::open(directory).unwrap());
    let fails = Arc::new(AtomicBool::new(false));
    let records = Arc::new(Failing { records: store::records::open(&storage).unwrap(), fails: Arc::clone(&fails) });
    let config = Config::default();
    let identity = Identity {
        store: store::open(&storage).unwrap(),
        rules: Arc::new(config.rules()),
        clock: Clock::manual(Timestamp::from_millis(1_700_000_000_000)),
        ids: IdSource::random(),
        metrics: Metrics::new(),
        matching: Arc::new(Matching::load(records, config.matching).await.unwrap()),
    };
    (identity, fails)
}

fn said(record_id: &str, given_name: &str) -> pb::ResolveRequest {
    let said = [
        ("given_name", given_name),
        ("family_name", "Lovelace"),
        ("date_of_birth", "1985-12-10"),
        ("phone", "+44 20 7946 0018"),
        ("email", "ada.lovelace@example.org"),
    ];
    pb::ResolveRequest {
        attributes: said.map(|(name, value)| pb::Attribute { name: name.into(), value: value.into() }).to_vec(),
        record_id: record_id.to_owned(),
        source: "crm".to_owned(),
        event_time: Some(prost_types::Timestamp { seconds: 1_600_000_000, nanos: 0 }),
        ..Default::default()
    }
}

async fn stored(identity: &Identity) -> usize {
    identity.matching.records.page(None, 100).await.unwrap().len()
}

#[tokio::test]
async fn a_record_that_was_linked_and_not_stored_is_stored_by_the_retry() {
    let directory = tempfile::tempdir().unwrap();
    let first = {
        let (identity, fails) = start(directory.path()).await;
        let first = identity.resolve_one(said("1", "Ada")).await.unwrap();
        fails.store(true, Ordering::Relaxed);
        identity.resolve_one(said("2", "Adda")).await.unwrap_err();
        assert_eq!(stored(&identity).await, 1);
        first
    };
    let (identity, _) = start(directory.path()).await;
    let again = identity.resolve_one(said("2", "Adda")).await.unwrap();
    assert_eq!((again.person_id, again.created), (first.person_id.clone(), false));
    assert_eq!(stored(&identity).await, 2);
    let done = identity.reconcile_after(None, 100).await.unwrap();
    assert_eq!((done.records, done.links, done.unlinks, done.reviews), (2, 0, 0, 0), "nothing is left to do");
    let third = identity.resolve_one(said("3", "Ada")).await.unwrap();
    assert_eq!(third.person_id, first.person_id);
}

#[tokio::test]
async fn values_that_an_interrupted_erasure_left_go_with_the_next_pass() {
    let directory = tempfile::tempdir().unwrap();
    {
        let (identity, fails) = start(directory.path()).await;
        let ada = identity.resolve_one(said("1", "Ada")).await.unwrap().person_id.parse().unwrap();
        fails.store(true, Ordering::Relaxed);
        let erasure = identity.begin_erasure(ada, false).await.unwrap();
        let by = identity.decision("ann".to_owned(), String::new());
        identity.decide(Command::Erase { person: ada, only: false, by, request: None }).await.unwrap();
        identity.finish_erasure(erasure).await.unwrap_err();
        assert_eq!(stored(&identity).await, 1);
    }
    let (identity, _) = start(directory.path()).await;
    identity.reconcile_after(None, 100).await.unwrap();
    assert_eq!(stored(&identity).await, 0);
}
