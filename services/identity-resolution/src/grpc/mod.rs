//! The contract `attune.identity.v1`: validate, convert, call the domain, convert.

mod auditing;
mod convert;
mod explain;
mod handlers;
pub(crate) mod matching;
mod models;
mod records;
mod relations;
mod resolving;
mod reviews;

use std::sync::Arc;

use attune_kernel::{PersonId, Problem};
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::status::to_status;
use tonic::Status;

use crate::domain::{Command, Decision, Lookup, Outcome, Person, Refusal, Resolution, Rules};
use crate::error::Error;
use crate::grpc::matching::Matching;
use crate::metrics::Metrics;
use crate::store::Store;

/// The server of the contract.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rules: Arc<Rules>,
    pub(crate) clock: Clock,
    pub(crate) ids: IdSource,
    pub(crate) metrics: Metrics,
    pub(crate) matching: Arc<Matching>,
}

/// Any error as a status.
fn status(error: impl Into<Problem>) -> Status {
    to_status(error.into())
}

impl Identity {
    /// The person of an id as the caller wrote it.
    async fn person(&self, id: PersonId) -> Result<Person, Problem> {
        let view = self.store.view(&Lookup { persons: vec![id], ..Lookup::default() }).await?;
        let survivor = view.survivors.get(&id).copied().unwrap_or(id);
        let mut persons = view.persons;
        persons.remove(&survivor).ok_or_else(|| Problem::not_found("person", &id.to_string()))
    }

    /// Runs an operator's decision and answers the persons concerned with the count.
    async fn decide(&self, command: Command) -> Result<(Vec<PersonId>, u32), Error> {
        match self.store.execute(&self.rules, Arc::new(command)).await? {
            Outcome::Decided { persons, count } => Ok((persons, count)),
            Outcome::Resolved(_) => Err(Refusal::UnknownPerson.into()),
        }
    }

    pub(crate) fn decision(&self, actor: String, reason: String) -> Decision {
        Decision { actor, reason, now: self.clock.now(), entropy: self.ids.entropy() }
    }

    fn count(&self, answer: Result<&Resolution, &Refusal>) {
        let Ok(resolution) = answer else {
            self.metrics.resolved.add(1, &[KeyValue::new("outcome", "refused")]);
            return;
        };
        let outcome = match (resolution.created, resolution.merged.is_empty(), resolution.changed) {
            (true, _, _) => "created",
            (false, false, _) => "merged",
            (false, true, true) => "updated",
            (false, true, false) => "known",
        };
        self.metrics.resolved.add(1, &[KeyValue::new("outcome", outcome)]);
        if !resolution.merged.is_empty() {
            self.metrics.merges.add(resolution.merged.len() as u64, &[KeyValue::new("cause", "evidence")]);
        }
        if !resolution.split.is_empty() {
            self.metrics.splits.add(resolution.split.len() as u64, &[KeyValue::new("cause", "evidence")]);
        }
        for hit in &resolution.hits {
            let namespace = KeyValue::new("namespace", hit.namespace.clone());
            self.metrics.limit_hits.add(1, &[namespace, KeyValue::new("limit", hit.limit.name())]);
        }
    }
}
