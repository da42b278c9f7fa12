//! Putting the rooms together.

use std::sync::Arc;

use attune_client::{ContactClient, IdentityClient, ProfileClient};
use attune_kernel::Problem;
use attune_proto::decision::v1::decision_service_server::DecisionServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::{MAX_MESSAGE, Service, Stop, Task};
use attune_storage::{Cache, Storage};

use crate::clients::Remote;
use crate::config::{Config, Durability};
use crate::error::Error;
use crate::grpc::{Parts, Server};
use crate::store::{self, Journal, Learner, SCHEMA};

/// The service's name, which is its folder's.
pub const NAME: &str = "decision";

/// What the service is given.
pub struct Deps {
    /// Where the catalogue, the log and the counts are.
    pub storage: Storage,
    /// Not used: what a decision reads is in memory or one call away. Every service is given the same things.
    pub cache: Cache,
    /// What time it is.
    pub clock: Clock,
    /// Where decision ids come from.
    pub ids: IdSource,
    /// Whom identifiers are resolved by.
    pub identity: IdentityClient,
    /// Where persons are known.
    pub profile: ProfileClient,
    /// Who keeps contacts within limits.
    pub contact: ContactClient,
}

/// Builds the service. Over Postgres the schema must be at the last of [`MIGRATIONS`](crate::MIGRATIONS).
///
/// # Errors
/// `INVALID_ARGUMENT` with every broken rule of the configuration; `UNAVAILABLE` when the store does not answer.
pub async fn build(config: Config, deps: Deps) -> Result<Service, Problem> {
    let problems = config.validate();
    if !problems.is_empty() {
        return Err(Problem::invalid(problems));
    }
    let store = store::open(&deps.storage)?;
    let resources = deps.storage.resources(SCHEMA)?;
    let behind = config.log.durability == Durability::Behind;
    let journal = Arc::new(Journal::new(store.clone(), if behind { config.log.behind_queue } else { 0 }));
    let learner = Learner::load(store.clone(), config.prior(), config.model.channel_transfer).await?;
    let learner = Arc::new(learner);
    let neighbours = Arc::new(Remote {
        identity: deps.identity,
        profile: deps.profile,
        contact: deps.contact,
        config: config.dependencies.clone(),
    });
    let parts = Parts {
        resources,
        store: store.clone(),
        journal: journal.clone(),
        learner: learner.clone(),
        neighbours,
        clock: deps.clock,
        ids: deps.ids,
    };
    let server = DecisionServiceServer::new(Server::new(&config, parts)).max_decoding_message_size(MAX_MESSAGE);
    let refresh = config.model.refresh;
    let mut service = Service::new(NAME)
        .grpc(server)
        .task(Task::new("model-refresh", move |stop| follow(learner.clone(), refresh, stop)))
        .check("storage", move || {
            let store = store.clone();
            async move { store.model_version().await.map(|_| ()).map_err(|error| Error::from(error).into()) }
        });
    if behind {
        let window = config.log.behind_window;
        service = service.task(Task::new("write-behind", move |stop| write_behind(journal.clone(), window, stop)));
    }
    Ok(service)
}

/// Looks for what other processes learned.
async fn follow(learner: Arc<Learner>, every: std::time::Duration, stop: Stop) -> Result<(), Problem> {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        // A store that is away is noticed by the health check; the model goes on with what it knows.
        if let Err(error) = learner.refresh().await {
            tracing::debug!(%error, "the model cannot be refreshed");
        }
    }
    Ok(())
}

/// Writes decisions that were answered already, and at the end what is left.
async fn write_behind(journal: Arc<Journal>, every: std::time::Duration, stop: Stop) -> Result<(), Problem> {
    while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
        if let Err(error) = journal.flush().await {
            tracing::warn!(%error, waiting = journal.waiting(), "decisions cannot be written, they wait on");
        }
    }
    journal.flush().await.map_err(|error| Error::from(error).into())
}
