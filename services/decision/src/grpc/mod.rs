//! The contract `attune.decision.v1`: check, convert, call the domain, convert.

mod answer;
mod catalogue;
mod convert;
mod deciding;
mod handlers;
mod recording;
mod reporting;

use std::sync::Arc;

use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::Resources;

use crate::clients::{self, Neighbours};
use crate::config::{Config, DependenciesConfig};
use crate::domain::decide::Settings;
use crate::domain::simulate::Support;
use crate::metrics::Metrics;
use crate::store::{DecisionStore, Journal, Learner};

/// The service behind the contract. Clones share everything.
#[derive(Clone)]
pub(crate) struct Server(Arc<Decisions>);

/// What the handlers work with.
pub(crate) struct Decisions {
    shelf: catalogue::Shelf,
    store: Arc<dyn DecisionStore>,
    journal: Arc<Journal>,
    learner: Arc<Learner>,
    neighbours: Arc<dyn Neighbours>,
    clock: Clock,
    ids: IdSource,
    metrics: Metrics,
    settings: Settings,
    support: Support,
    dependencies: DependenciesConfig,
    batch_concurrency: usize,
    reasons: bool,
}

/// What a server is made of.
pub(crate) struct Parts {
    /// Where the catalogue is.
    pub(crate) resources: Arc<dyn Resources>,
    /// The log.
    pub(crate) store: Arc<dyn DecisionStore>,
    /// How decisions get into it.
    pub(crate) journal: Arc<Journal>,
    /// The model.
    pub(crate) learner: Arc<Learner>,
    /// The services asked.
    pub(crate) neighbours: Arc<dyn Neighbours>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// Where ids come from.
    pub(crate) ids: IdSource,
}

impl Server {
    /// A server of these parts.
    pub(crate) fn new(config: &Config, parts: Parts) -> Self {
        Self(Arc::new(Decisions {
            shelf: catalogue::Shelf::new(parts.resources, config),
            store: parts.store,
            journal: parts.journal,
            learner: parts.learner,
            neighbours: parts.neighbours,
            clock: parts.clock,
            ids: parts.ids,
            metrics: Metrics::new(),
            settings: config.settings(),
            support: config.support(),
            dependencies: config.dependencies.clone(),
            batch_concurrency: config.batch_concurrency,
            reasons: config.log.reasons,
        }))
    }
}
