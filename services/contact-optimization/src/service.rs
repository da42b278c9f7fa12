//! Putting the rooms together.

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::contact::v1::contact_service_server::ContactServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::{MAX_MESSAGE, Service, Stop, Task};
use attune_storage::{Resources, Storage};

use crate::config::Config;
use crate::grpc::Contacts;
use crate::store::{self, SCHEMA, Store};

/// The service's name, which is its folder's.
pub const NAME: &str = "contact-optimization";

/// Most reservations and requests cleared away in one transaction.
const SWEEP: usize = 500;
/// Request ids of resources are forgotten once in so many sweeps.
const FORGET_EVERY: u32 = 600;

/// What the service is given. There is no cache: contacts are counted where they cannot be lost.
pub struct Deps {
    /// Where contacts, ledgers and counters are kept.
    pub storage: Storage,
    /// What time it is.
    pub clock: Clock,
    /// Where reservation ids come from.
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
    let resources = deps.storage.resources(SCHEMA)?;
    let sweeper = Sweeper {
        store: Arc::clone(&store),
        resources: Arc::clone(&resources),
        clock: deps.clock.clone(),
        config: config.clone(),
    };
    let contacts = Contacts::new(config, Arc::clone(&store), resources, deps.clock, deps.ids);
    let server = ContactServiceServer::new(contacts).max_decoding_message_size(MAX_MESSAGE);
    let sweeper = Arc::new(sweeper);
    let service = Service::new(NAME)
        .grpc(server)
        .task(Task::new("sweep", move |stop| {
            let sweeper = Arc::clone(&sweeper);
            async move { sweeper.run(stop).await }
        }))
        .check("storage", move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        });
    Ok(service)
}

/// Gives back what expired reservations hold, and forgets old requests.
struct Sweeper {
    store: Arc<dyn Store>,
    resources: Arc<dyn Resources>,
    clock: Clock,
    config: Config,
}

impl Sweeper {
    async fn run(&self, stop: Stop) -> Result<(), Problem> {
        let mut sweeps = 0u32;
        while stop.run_until_cancelled(tokio::time::sleep(self.config.sweep_interval)).await.is_some() {
            let now = self.clock.now();
            let before = now.minus(self.config.request_retention);
            while self.store.sweep(now, before, SWEEP).await? && !stop.is_cancelled() {}
            if sweeps.is_multiple_of(FORGET_EVERY) {
                self.resources.forget_requests(before).await?;
            }
            sweeps = sweeps.wrapping_add(1);
        }
        Ok(())
    }
}
