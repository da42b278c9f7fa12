//! Putting the rooms together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::channel::v1::channel_service_server::ChannelServiceServer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Crud, Writes};
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::server::{MAX_MESSAGE, Service, Stop, Task};
use attune_storage::Storage;
use tokio::sync::Notify;

use crate::clients::Callees;
use crate::conductor::inbox::InboxRelay;
use crate::conductor::outbox::OutboxWorker;
use crate::conductor::persons::PersonRelay;
use crate::conductor::segments::SegmentRelay;
use crate::conductor::triggers::TriggerRelay;
use crate::config::Config;
use crate::grpc::Gateway;
use crate::metrics::Metrics;
use crate::providers::{Directory, Settings};
use crate::store::{self, SCHEMA, Store};

/// The service's name, which is its folder's.
pub const NAME: &str = "channel-gateway";

/// How often the queues are measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// What the service is given.
pub struct Deps {
    /// Where events, deliveries and leads are kept.
    pub storage: Storage,
    /// Business time.
    pub clock: Clock,
    /// Where ids and jitter come from.
    pub ids: IdSource,
    /// The services that it calls.
    pub callees: Callees,
    /// The data directory; file channels write below it unless `outbox_dir` names another folder.
    pub data_dir: PathBuf,
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
    let outbox_dir =
        if config.outbox_dir.is_empty() { deps.data_dir.join("outbox") } else { PathBuf::from(&config.outbox_dir) };
    let settings =
        Settings { outbox_dir, secrets: config.webhook.secrets.clone(), allow_private: config.webhook.allow_private };
    let secrets = settings.secrets.clone();
    let gateway = Gateway {
        store: store.clone(),
        directory: Directory::new(resources.clone(), writes.clone(), settings),
        channels: Crud::new(resources.clone(), writes.clone())
            .checked_by(move |channel| crate::providers::check_channel_with(channel, &secrets)),
        templates: Crud::new(resources, writes),
        clock: deps.clock.clone(),
        ids: deps.ids.clone(),
        default_purpose: config.default_purpose.clone(),
        inbox_bell: Arc::new(Notify::new()),
        outbox_bell: Arc::new(Notify::new()),
        metrics: Metrics::new(),
    };
    let mut service =
        Service::new(NAME).grpc(ChannelServiceServer::new(gateway.clone()).max_decoding_message_size(MAX_MESSAGE));
    for task in tasks(&config, &deps, &gateway) {
        service = service.task(task);
    }
    let listen =
        config.listen().map_err(|error| Problem::invalid(vec![Violation::new("http.listen", error.to_string())]))?;
    if let Some(listen) = listen {
        service =
            service.http(listen, crate::http::router(gateway, config.http.max_body_bytes, config.http.sites.clone()));
    }
    Ok(service.check("storage", move || {
        let store = store.clone();
        async move {
            store.inbox.cursor("health").await?;
            Ok(())
        }
    }))
}

/// Who a process is to the leases. The embedded store belongs to one process at a time, so whatever held a lease there
/// before is gone, and a restart need not wait for it.
fn owner(deps: &Deps) -> String {
    match deps.storage {
        Storage::Embedded(_) => "embedded".to_owned(),
        Storage::Postgres(_) => {
            format!("{:032x}", u128::from(IdSource::random().seed()) << 64 | u128::from(IdSource::random().seed()))
        }
    }
}

fn tasks(config: &Config, deps: &Deps, gateway: &Gateway) -> Vec<Task> {
    let owner = owner(deps);
    let (store, metrics) = (&gateway.store, &gateway.metrics);
    let inbox = InboxRelay {
        inbox: store.inbox.clone(),
        callees: deps.callees.clone(),
        owner: owner.clone(),
        batch: config.inbox.batch,
        lease: config.inbox.lease,
        max_failures: config.inbox.max_failures,
        idle: config.inbox.idle,
        bell: gateway.inbox_bell.clone(),
        metrics: metrics.clone(),
    };
    let outbox = OutboxWorker {
        outbox: store.outbox.clone(),
        callees: deps.callees.clone(),
        directory: gateway.directory.clone(),
        clock: deps.clock.clone(),
        ids: deps.ids.clone(),
        owner,
        batch: config.outbox.batch,
        lease: config.outbox.lease,
        backoff_base: config.outbox.backoff_base,
        backoff_max: config.outbox.backoff_max,
        idle: config.outbox.idle,
        bell: gateway.outbox_bell.clone(),
        metrics: metrics.clone(),
    };
    let persons = PersonRelay {
        inbox: store.inbox.clone(),
        outbox: store.outbox.clone(),
        callees: deps.callees.clone(),
        clock: deps.clock.clone(),
        metrics: metrics.clone(),
    };
    let segments = SegmentRelay { inbox: store.inbox.clone(), callees: deps.callees.clone(), metrics: metrics.clone() };
    let triggers = TriggerRelay {
        inbox: store.inbox.clone(),
        outbox: store.outbox.clone(),
        callees: deps.callees.clone(),
        clock: deps.clock.clone(),
        ids: deps.ids.clone(),
        default_purpose: config.default_purpose.clone(),
        bell: gateway.outbox_bell.clone(),
        metrics: metrics.clone(),
    };
    let (measured, clock, instruments) = (store.clone(), deps.clock.clone(), metrics.clone());
    vec![
        Task::new("inbox", move |stop| inbox.clone().run(stop)),
        Task::new("outbox", move |stop| outbox.clone().run(stop)),
        Task::new("persons", move |stop| persons.clone().run(stop)),
        Task::new("segments", move |stop| segments.clone().run(stop)),
        Task::new("triggers", move |stop| triggers.clone().run(stop)),
        Task::new("measure", move |stop| measure(measured.clone(), clock.clone(), instruments.clone(), stop)),
    ]
}

/// Keeps the gauges of the queues.
async fn measure(store: Store, clock: Clock, metrics: Metrics, stop: Stop) -> Result<(), Problem> {
    while !stop.is_cancelled() {
        let inbox = store.inbox.counts().await?;
        let outbox = store.outbox.counts().await?;
        let age = inbox.oldest.map_or(0.0, |oldest| clock.now().since(oldest).as_secs_f64());
        metrics.inbox_age.record(age, &[]);
        #[expect(clippy::cast_precision_loss, reason = "a gauge")]
        {
            metrics.inbox_pending.record(inbox.pending as f64, &[]);
            for (state, count) in outbox.states {
                metrics.deliveries.record(count as f64, &[KeyValue::new("state", state)]);
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(MEASURE_EVERY) => {}
        }
    }
    Ok(())
}
