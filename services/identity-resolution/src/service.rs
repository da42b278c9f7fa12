//! Putting the rooms together.

mod reconciliation;
mod upkeep;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::identity::v1::identity_service_server::IdentityServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::{MAX_MESSAGE, Service, Task};
use attune_storage::{Cache, Storage};

use crate::config::Config;
use crate::grpc::Identity;
use crate::grpc::matching::Matching;
use crate::metrics::Metrics;
use crate::store;

use reconciliation::Reconciliation;
use upkeep::Upkeep;

/// The service's name, which is its folder's.
pub const NAME: &str = "identity-resolution";

/// What the service is given.
pub struct Deps {
    /// Where to remember who is who.
    pub storage: Storage,
    /// Not used: resolving is one indexed read. Every service is given the same things.
    pub cache: Cache,
    /// What time it is.
    pub clock: Clock,
    /// Where person ids come from.
    pub ids: IdSource,
}

/// Builds the service.
///
/// # Errors
/// `INVALID_ARGUMENT` with every broken rule of the configuration; `UNAVAILABLE` when the store cannot be opened.
pub async fn build(config: Config, deps: Deps) -> Result<Service, Problem> {
    let problems = config.validate();
    if !problems.is_empty() {
        return Err(Problem::invalid(problems));
    }
    let store = store::open(&deps.storage)?;
    let identity = Identity {
        store: Arc::clone(&store),
        rules: Arc::new(config.rules()),
        clock: deps.clock,
        ids: deps.ids,
        metrics: Metrics::new(),
        matching: Arc::new(Matching::load(store::records::open(&deps.storage)?, config.matching.clone()).await?),
    };
    let reconciliation = Reconciliation {
        identity: identity.clone(),
        interval: config.matching.reconcile_interval,
        batch: config.matching.reconcile_batch,
    };
    let upkeep = Upkeep { identity: identity.clone(), retention: config.audit_retention };
    let server = IdentityServiceServer::new(identity).max_decoding_message_size(MAX_MESSAGE);
    Ok(Service::new(NAME)
        .grpc(server)
        .task(Task::new("upkeep", move |stop| upkeep.clone().run(stop)))
        .task(Task::new("reconciliation", move |stop| reconciliation.clone().run(stop)))
        .check("storage", move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        }))
}
