//! The contract `attune.profile.v1`: validate, convert, call, convert.

mod convert;
mod events;
mod handlers;
mod people;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::{Compiled, Crud};
use attune_storage::{Cache, FeedReader};

use crate::config::Config;
use crate::domain::batch::Batch;
use crate::domain::document::Document;
use crate::domain::segment::{self, Segment};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::{Done, Store, Work};

attune_service_kit::resource! {
    /// Segments.
    pub(crate) Segments(proto::Segment) { kind: "segment", id: segment_id, check: check_segment }
}

fn check_segment(segment: &proto::Segment) -> Vec<attune_kernel::Violation> {
    segment::check("expression", &segment.expression)
}

/// The service behind the contract.
pub(crate) struct Profiles {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) feed: FeedReader,
    pub(crate) crud: Crud<Segments>,
    pub(crate) segments: Arc<Compiled<Arc<Vec<Segment>>>>,
    pub(crate) cache: Cache,
    pub(crate) clock: Clock,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Metrics,
}

impl Profiles {
    /// Changes one person's document.
    async fn change(
        &self,
        person_id: &str,
        request_id: &str,
        change: impl Fn(&mut Document) -> Result<(), Error> + Send + Sync + 'static,
    ) -> Result<Done, Problem> {
        let work = Work {
            events: Arc::default(),
            persons: vec![person_id.to_owned()],
            decide: Arc::new(move |batch: &mut Batch, _| match batch.only() {
                Some(person) => change(batch.change(&person)),
                None => Ok(()),
            }),
            segments: Arc::clone(&*self.segments.get().await?),
            now: self.clock.now(),
            request_id: request_id.to_owned(),
        };
        let done = self.store.work(work).await?;
        self.forget(&[person_id.to_owned()]).await;
        Ok(done)
    }

    /// One person's document.
    async fn document(&self, person_id: &str) -> Result<Document, Problem> {
        let documents = self.store.documents(&[person_id.to_owned()]).await?;
        documents.into_iter().next().ok_or_else(|| Problem::internal("the store answered nothing"))
    }

    /// Drops cached snapshots. A snapshot is kept under every id it was asked by, so writes through another alias are
    /// seen when it expires; the decision's read of a fresh write goes by the surviving id.
    async fn forget(&self, persons: &[String]) {
        let keys: Vec<String> = persons.iter().map(|person| cache_key(person)).collect();
        self.cache.delete(&keys).await;
    }
}

/// The key of a person's snapshot, with the hash tag that keeps a person's keys together.
fn cache_key(person: &str) -> String {
    format!("profile:{{{person}}}:snapshot")
}
