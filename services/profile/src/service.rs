//! Putting the rooms together.

mod audience;
mod evaluator;
mod housekeeping;
mod quantiles;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1::audience_service_server::AudienceServiceServer;
use attune_proto::profile::v1::model_service_server::ModelServiceServer;
use attune_proto::profile::v1::profile_service_server::ProfileServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud, Records, Writes};
use attune_service_kit::server::{MAX_MESSAGE, Service, Task};
use attune_storage::{Cache, Storage};

use self::audience::Indexer;
use self::evaluator::Evaluator;
use self::housekeeping::Housekeeping;
use self::quantiles::Quantiles;
use crate::config::{Config, Undeclared};
use crate::domain::rules::Rules;
use crate::domain::schema::{self, Registry};
use crate::domain::segment::Segment;
use crate::grpc::attributes::{self, AttributeDefinitions, Attributes};
use crate::grpc::audience::{self as grpc_audience, Audiences};
use crate::grpc::models::{self, Models};
use crate::grpc::tags::{self, TagDefinitions, Tags};
use crate::grpc::timeline::{self, EventKinds};
use crate::grpc::traits::{self, Traits};
use crate::grpc::{Profiles, Segments};
use crate::metrics::Metrics;
use crate::store::{self, Bounds, Index, Lists, SCHEMA, Snapshots};

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
    /// Versions of cached snapshots and tokens are drawn from it.
    pub ids: IdSource,
}

/// What persons are judged by, from the resources.
fn compile(records: &Records, config: &Config) -> Result<Arc<Rules>, Problem> {
    let segments = records.of::<Segments>()?;
    let segments: Vec<Segment> =
        segments.iter().filter_map(|one| Segment::new(&one.segment_id, &one.expression)).collect();
    let declared = records.of::<AttributeDefinitions>()?;
    let accept = config.undeclared == Undeclared::Accept;
    let known = schema::standard().iter().filter(|_| config.standard_attributes).cloned();
    let registry = Registry::new(known.chain(declared.iter().filter_map(attributes::definition)), accept);
    let tags = records.of::<TagDefinitions>()?.iter().filter_map(tags::rule).collect();
    let catalogue = traits::catalogue(records, config.standard_traits)?;
    Ok(Arc::new(Rules::new(registry, catalogue, tags, segments).kept_for(config.trait_history)))
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
    let config = Arc::new(config);
    let given = Arc::clone(&config);
    let rules = Arc::new(Compiled::new(
        resources.clone(),
        writes.clone(),
        &["segment", "attribute_definition", "tag_definition", "trait_definition"],
        move |records| compile(records, &given),
    ));
    let kinds = Compiled::new(resources.clone(), writes.clone(), &["event_kind"], |records| {
        let kinds = records.of::<EventKinds>()?;
        Ok(kinds.iter().filter_map(|one| Some((one.event_kind_id.clone(), timeline::retention(one)?))).collect())
    });
    let metrics = Metrics::new();
    let feed = deps.storage.feed_reader(SCHEMA)?;
    let index = Index::new(Bounds { persons: config.audience_max_persons, columns: config.audience_max_columns });
    let snapshots = Snapshots::new(Arc::clone(&store), deps.cache, deps.ids.clone(), config.cache_ttl, index.clone());
    let indexer = Indexer {
        store: Arc::clone(&store),
        storage: deps.storage.clone(),
        index: index.clone(),
        rules: Arc::clone(&rules),
        clock: deps.clock.clone(),
        refresh: config.audience_refresh,
        metrics: metrics.clone(),
    };
    let audiences = Arc::new(Audiences::new(grpc_audience::Given {
        index,
        store: Arc::clone(&store),
        lists: Lists::open(&deps.storage)?,
        feed: feed.clone(),
        rules: Arc::clone(&rules),
        resources: Arc::clone(&resources),
        writes: writes.clone(),
        clock: deps.clock.clone(),
        max_moves: config.audience_max_moves,
    }));
    let models = Models::new(models::Given {
        store: Arc::clone(&store),
        snapshots: snapshots.clone(),
        audiences: Arc::clone(&audiences),
        rules: Arc::clone(&rules),
        resources: Arc::clone(&resources),
        writes: writes.clone(),
        clock: deps.clock.clone(),
        threads: config.training_threads,
    });
    let evaluator = Evaluator {
        store: Arc::clone(&store),
        snapshots: snapshots.clone(),
        rules: Arc::clone(&rules),
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
        kinds: Arc::new(kinds),
        events: config.event_retention,
        metrics: metrics.clone(),
    };
    let quantiles = Quantiles {
        store: Arc::clone(&store),
        rules: Arc::clone(&rules),
        crud: Crud::new(Arc::clone(&resources), writes.clone()),
        clock: deps.clock.clone(),
        batch: config.evaluation_batch,
        every: config.quantile_interval,
    };
    let profiles = Profiles {
        store: Arc::clone(&store),
        feed,
        attributes: Attributes::new(Arc::clone(&resources), writes.clone(), Arc::clone(&rules)),
        traits: Traits::new(Arc::clone(&resources), writes.clone(), Arc::clone(&rules)),
        tags: Tags::new(Arc::clone(&resources), writes.clone()),
        kinds: Crud::new(Arc::clone(&resources), writes.clone()),
        crud: Crud::new(resources, writes),
        rules,
        snapshots,
        clock: deps.clock,
        ids: deps.ids,
        config,
        metrics,
    };
    let trainings = models.clone();
    let server = ProfileServiceServer::new(profiles).max_decoding_message_size(MAX_MESSAGE);
    Ok(Service::new(NAME)
        .grpc(server)
        .grpc(AudienceServiceServer::from_arc(audiences).max_decoding_message_size(MAX_MESSAGE))
        .grpc(ModelServiceServer::new(models).max_decoding_message_size(MAX_MESSAGE))
        .task(Task::new("trainings", move |stop| trainings.clone().look_after(stop)))
        .task(Task::new("audience", move |stop| indexer.clone().run(stop)))
        .task(Task::new("segment evaluation", move |stop| evaluator.clone().run(stop)))
        .task(Task::new("quantiles", move |stop| quantiles.clone().run(stop)))
        .task(Task::new("housekeeping", move |stop| housekeeping.clone().run(stop)))
        .check("storage", move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        }))
}
