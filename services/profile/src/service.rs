//! Putting the rooms together.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Problem;
use attune_proto::profile::v1::profile_service_server::ProfileServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud, Writes};
use attune_service_kit::server::{MAX_MESSAGE, Service, Stop, Task};
use attune_storage::{Cache, Storage};

use crate::config::Config;
use crate::domain::batch::Batch;
use crate::domain::segment::Segment;
use crate::error::Error;
use crate::grpc::{Profiles, Segments};
use crate::metrics::Metrics;
use crate::store::{self, SCHEMA, Store, Work};

/// The service's name, which is its folder's.
pub const NAME: &str = "profile";

/// The mark under which the segments that everyone was evaluated for are kept.
const EVALUATED: &str = "segments";

/// What the service is given.
pub struct Deps {
    /// Where profiles are kept.
    pub storage: Storage,
    /// Snapshots, losable.
    pub cache: Cache,
    /// What time it is.
    pub clock: Clock,
    /// Not used: nothing here is drawn. Every service is given the same things.
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
        Ok(Arc::new(
            list.iter().filter_map(|one| Segment::new(&one.segment_id, &one.etag, &one.expression)).collect::<Vec<_>>(),
        ))
    }));
    let metrics = Metrics::new();
    let evaluator = Evaluator {
        store: Arc::clone(&store),
        segments: Arc::clone(&segments),
        clock: deps.clock.clone(),
        batch: config.evaluation_batch,
        metrics: metrics.clone(),
    };
    let profiles = Profiles {
        store: Arc::clone(&store),
        feed: deps.storage.feed_reader(SCHEMA)?,
        crud: Crud::new(resources, writes),
        segments,
        cache: deps.cache,
        clock: deps.clock,
        config: Arc::new(config),
        metrics,
    };
    let server = ProfileServiceServer::new(profiles).max_decoding_message_size(MAX_MESSAGE);
    Ok(Service::new(NAME)
        .grpc(server)
        .task(Task::new("segment evaluation", move |stop| evaluator.clone().run(stop)))
        .check("storage", move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        }))
}

/// Evaluates everyone after a segment was written, a batch at a time.
#[derive(Clone)]
struct Evaluator {
    store: Arc<dyn Store>,
    segments: Arc<Compiled<Arc<Vec<Segment>>>>,
    clock: Clock,
    batch: usize,
    metrics: Metrics,
}

impl Evaluator {
    async fn run(self, stop: Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            self.pass(&stop).await?;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
        }
        Ok(())
    }

    async fn pass(&self, stop: &Stop) -> Result<(), Problem> {
        let segments = Arc::clone(&*self.segments.get().await?);
        let wanted = segments.iter().map(|one| format!("{}@{}", one.id, one.revision)).collect::<Vec<_>>().join(",");
        if self.store.mark(EVALUATED).await?.unwrap_or_default() == wanted {
            return Ok(());
        }
        let mut after: Option<String> = None;
        loop {
            let persons = self.store.persons(after.as_deref(), self.batch).await?;
            let Some(last) = persons.last().cloned() else { break };
            self.metrics.evaluated.add(persons.len() as u64, &[]);
            let touched = persons.clone();
            let work = Work {
                events: Arc::default(),
                persons,
                // To be evaluated a document must count as changed; those of persons merged meanwhile are not there.
                decide: Arc::new(move |batch: &mut Batch, _| {
                    for person in touched
                        .iter()
                        .filter(|person| batch.get(person).is_some_and(|one| one.revision > 0))
                        .cloned()
                        .collect::<Vec<_>>()
                    {
                        batch.change(&person);
                    }
                    Ok::<(), Error>(())
                }),
                segments: Arc::clone(&segments),
                now: self.clock.now(),
                request_id: String::new(),
            };
            self.store.work(work).await?;
            if stop.is_cancelled() {
                return Ok(());
            }
            after = Some(last);
        }
        self.store.set_mark(EVALUATED, &wanted).await?;
        Ok(())
    }
}
