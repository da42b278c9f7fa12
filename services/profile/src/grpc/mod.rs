//! The contract `attune.profile.v1`: validate, convert, call, convert.

pub(crate) mod attributes;
pub(crate) mod audience;
mod check;
mod consents;
mod convert;
mod events;
mod handlers;
pub(crate) mod models;
mod people;
mod rights;
mod scores;
pub(crate) mod tags;
pub(crate) mod timeline;
pub(crate) mod traits;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud};
use attune_service_kit::metrics::KeyValue;
use attune_storage::FeedReader;

use crate::config::Config;
use crate::domain::batch::Batch;
use crate::domain::document::Document;
use crate::domain::rules::Rules;
use crate::domain::segment;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::{Done, Snapshots, Store, Work};

attune_service_kit::resource! {
    /// Segments.
    pub(crate) Segments(proto::Segment) { kind: "segment", id: segment_id }
}

/// The service behind the contract.
pub(crate) struct Profiles {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) feed: FeedReader,
    pub(crate) crud: Crud<Segments>,
    pub(crate) tags: tags::Tags,
    pub(crate) kinds: Crud<timeline::EventKinds>,
    pub(crate) attributes: attributes::Attributes,
    pub(crate) traits: traits::Traits,
    pub(crate) rules: Arc<Compiled<Arc<Rules>>>,
    pub(crate) snapshots: Snapshots,
    pub(crate) clock: Clock,
    pub(crate) ids: IdSource,
    pub(crate) config: Arc<Config>,
    pub(crate) metrics: Metrics,
}

impl Profiles {
    /// Changes one person's document; `change` answers whether it did.
    async fn change(
        &self,
        person_id: &str,
        request_id: String,
        change: impl Fn(&mut Document) -> Result<bool, Error> + Send + Sync + 'static,
    ) -> Result<Done, Problem> {
        check::id("person_id", person_id)?;
        let work = Work {
            events: Arc::default(),
            persons: vec![person_id.to_owned()],
            fill: false,
            decide: Arc::new(move |batch: &mut Batch, _| batch.change_only(&change)),
            rules: Arc::clone(&*self.rules.get().await?),
            now: self.clock.now(),
            request_id,
        };
        let done = self.store.work(work).await?;
        self.snapshots.renew(&done.written).await;
        Ok(done)
    }

    /// One person's document, as the store has it: what follows a write must see it.
    async fn document(&self, person_id: &str) -> Result<Document, Problem> {
        check::id("person_id", person_id)?;
        let documents = self.store.documents(&[person_id.to_owned()]).await?;
        documents.into_iter().next().ok_or_else(|| Problem::internal("the store answered nothing"))
    }

    /// Segments whose rules are checked with the types of what is declared. The rule that a known segment has already may stay,
    /// whatever was declared or taken away since.
    async fn checked_segments(&self, known: Option<&str>) -> Result<Crud<Segments>, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        let old = match known {
            Some(id) => self.crud.get(id).await.map(|one| one.expression).unwrap_or_default(),
            None => String::new(),
        };
        Ok(self.crud.clone().checked_by(move |one| {
            let typed = rules.schema().filter(|_| one.expression != old);
            segment::check("expression", &one.expression, typed)
        }))
    }

    /// Snapshots in order.
    async fn profiles(&self, person_ids: &[String]) -> Result<Vec<proto::Profile>, Problem> {
        let read = self.snapshots.read(person_ids).await?;
        for (source, count) in [("cache", read.cached), ("store", person_ids.len() - read.cached)] {
            if count > 0 {
                self.metrics.snapshots.add(count as u64, &[KeyValue::new("source", source)]);
            }
        }
        let (now, rules) = (self.clock.now(), self.rules.get().await?);
        Ok(read.documents.iter().map(|document| convert::profile(document, rules.catalogue(), now)).collect())
    }
}
