//! Putting the rooms together.

mod evaluator;
mod housekeeping;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1::profile_service_server::ProfileServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud, Writes};
use attune_service_kit::server::{MAX_MESSAGE, Service, Task};
use attune_storage::{Cache, Storage};

use self::evaluator::Evaluator;
use self::housekeeping::Housekeeping;
use crate::config::Config;
use crate::domain::segment::Segment;
use crate::grpc::{Profiles, Segments};
use crate::metrics::Metrics;
use crate::store::{self, SCHEMA, Snapshots};

/// The service's name, which is its folder's.
pub const NAME: &str = "profile";

/// What the service is given.
pub struct Deps {
    /// Where profiles are kept.
    pub storage: Storage,
    /// Snapshots, losable.
    pub cache: Cache,
    /// What time it is.
    pub clock: Clock,
    /// Versions of cached snapshots are drawn from it.
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
    let writes = Writes::default();
    let segments = Arc::new(Compiled::new(resources.clone(), writes.clone(), &["segment"], |records| {
        let list = records.of::<Segments>()?;
        Ok(Arc::new(list.iter().filter_map(|one| Segment::new(&one.segment_id, &one.expression)).collect::<Vec<_>>()))
    }));
    let metrics = Metrics::new();
    let feed = deps.storage.feed_reader(SCHEMA)?;
    let snapshots = Snapshots::new(Arc::clone(&store), deps.cache, deps.ids, config.cache_ttl);
    let evaluator = Evaluator {
        store: Arc::clone(&store),
        snapshots: snapshots.clone(),
        segments: Arc::clone(&segments),
        clock: deps.clock.clone(),
        batch: config.evaluation_batch,
        every: config.reevaluation_interval,
        metrics: metrics.clone(),
    };
    let housekeeping = Housekeeping {
        store: Arc::clone(&store),
        snapshots: snapshots.clone(),
        feed: feed.clone(),
        resources: Arc::clone(&resources),
        clock: deps.clock.clone(),
        requests: config.request_retention,
        entries: config.feed_retention,
    };
    let profiles = Profiles {
        store: Arc::clone(&store),
        feed,
        crud: Crud::new(resources, writes),
        segments,
        snapshots,
        clock: deps.clock,
        config: Arc::new(config),
        metrics,
    };
    let server = ProfileServiceServer::new(profiles).max_decoding_message_size(MAX_MESSAGE);
    Ok(Service::new(NAME)
        .grpc(server)
        .task(Task::new("segment evaluation", move |stop| evaluator.clone().run(stop)))
        .task(Task::new("housekeeping", move |stop| housekeeping.clone().run(stop)))
        .check("storage", move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        }))
}
