//! Putting the rooms together.

use std::sync::Arc;
use std::time::Duration;

use attune_client::ProfileClient;
use attune_kernel::Problem;
use attune_proto::journey::v1::journey_service_server::JourneyServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud, Resource as _, Writes};
use attune_service_kit::server::{MAX_MESSAGE, Service, Stop, Task};
use attune_storage::{Cache, Storage};

use crate::clients::{History, Profiles};
use crate::config::Config;
use crate::domain::live::{Change, Rulebook};
use crate::grpc::{Journey, Journeys, TriggerRuleSets, check_journey, check_set, recorded, rulebook};
use crate::metrics::Metrics;
use crate::store::{self, SCHEMA, Store};

/// The service's name, which is its folder's.
pub const NAME: &str = "journey-pathing";

/// What the service is given.
pub struct Deps {
    /// Where the event log and the states are kept.
    pub storage: Storage,
    /// Not used: every write is transactional. Every service is given the same things.
    pub cache: Cache,
    /// What time it is.
    pub clock: Clock,
    /// Not used: ids are derived from what they name.
    pub ids: IdSource,
    /// Where history before the first observed event is fetched from.
    pub profile: ProfileClient,
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
    let config = Arc::new(config);
    let store = store::open(&deps.storage)?;
    let resources = deps.storage.resources(SCHEMA)?;
    let writes = Writes::default();
    let compiled = Arc::clone(&config);
    let kinds = [Journeys::KIND, TriggerRuleSets::KIND];
    let book = Compiled::new(resources.clone(), writes.clone(), &kinds, move |records| rulebook(records, &compiled));
    let limits = config.limits();
    let journey = Journey {
        store: Arc::clone(&store),
        book: Arc::new(book),
        journeys: Crud::new(resources.clone(), writes.clone()).checked_by(check_journey),
        rule_sets: Crud::new(resources, writes).checked_by(move |set| check_set(set, limits)),
        config: Arc::clone(&config),
        clock: deps.clock,
        metrics: Metrics::new(),
    };
    let timers = Timers { journey: journey.clone() };
    let server = JourneyServiceServer::new(journey).max_decoding_message_size(MAX_MESSAGE);
    let mut service = Service::new(NAME).grpc(server).check("storage", {
        let store = Arc::clone(&store);
        move || {
            let store = Arc::clone(&store);
            async move { Ok(store.check().await?) }
        }
    });
    if config.backfill {
        let backfill = Backfill {
            store,
            history: Arc::new(Profiles(deps.profile)),
            every: config.backfill_interval,
            metrics: timers.journey.metrics.clone(),
        };
        service = service.task(Task::new("backfill", move |stop| backfill.clone().run(stop)));
    }
    Ok(service.task(Task::new("timers", move |stop| timers.clone().run(stop))))
}

/// Waits, or tells to end.
async fn paused(stop: &Stop, pause: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(pause) => true,
    }
}

/// Fires what is due.
#[derive(Clone)]
struct Timers {
    journey: Journey,
}

impl Timers {
    async fn run(self, stop: Stop) -> Result<(), Problem> {
        let config = &self.journey.config;
        while !stop.is_cancelled() {
            // The time is read before the rules: what becomes due after a change of the rules is then never judged by
            // the rules before it.
            let now = self.journey.clock.now();
            let book: Arc<Rulebook> = self.journey.book.get().await?;
            let fired = self.journey.store.fire_due(&book, now, config.timer_batch).await?;
            self.count(&fired.changes, fired.persons);
            // A full batch means that there may be more.
            if fired.persons < config.timer_batch && !paused(&stop, config.timer_interval).await {
                break;
            }
        }
        Ok(())
    }

    fn count(&self, changes: &[Change], persons: usize) {
        let metrics = &self.journey.metrics;
        if persons > 0 {
            metrics.timers.add(persons as u64, &[]);
        }
        let now = self.journey.clock.now();
        for change in changes {
            metrics.timer_delay.record(now.since(change.time()).as_secs_f64(), &[]);
        }
        metrics.count(changes);
    }
}

/// Persons looked at in one round of the backfill.
const BACKFILL_PERSONS: usize = 100;

/// Fetches the events before the first one observed of each person.
#[derive(Clone)]
pub(crate) struct Backfill {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) history: Arc<dyn History>,
    pub(crate) every: Duration,
    pub(crate) metrics: Metrics,
}

impl Backfill {
    async fn run(self, stop: Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            if self.round(&stop).await? < BACKFILL_PERSONS && !paused(&stop, self.every).await {
                break;
            }
        }
        Ok(())
    }

    /// Fetches for some persons; answers for how many.
    pub(crate) async fn round(&self, stop: &Stop) -> Result<usize, Problem> {
        let persons = self.store.unfilled(BACKFILL_PERSONS).await?;
        for (person, before) in &persons {
            let mut page = String::new();
            loop {
                if stop.is_cancelled() {
                    return Ok(0);
                }
                let found = self.history.before(person, *before, &page).await?;
                // What profile has, it has checked; the few rules of our own skip an event rather than stop the rest.
                let events = found.events.into_iter().filter_map(|event| recorded(event).ok()).map(|(_, event)| event);
                let new = self.store.fill(person, events.collect(), found.next.is_empty()).await?;
                self.metrics.backfilled.add(new as u64, &[]);
                if found.next.is_empty() {
                    break;
                }
                page = found.next;
            }
        }
        Ok(persons.len())
    }
}
