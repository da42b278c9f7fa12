//! A service over either store, on a clock that the test moves, and short ways to say what is asked of it.

use std::time::Duration;

use attune_client::{Channel, JourneyClient, Options, journey, profile};
use attune_journey_pathing::{Config, Deps, MIGRATIONS, build};
use attune_kernel::{Secret, Timestamp};
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_proto::journey::v1::*;
use attune_proto::profile::v1::Event;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, ServerConfig};
use attune_service_kit::server::{Running, Server};
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// 2026-01-05T00:00:00Z.
pub(crate) const START: i64 = 1_767_571_200;

/// A service with its timers running, on a clock that the test moves.
pub(crate) struct World {
    pub(crate) client: JourneyClient,
    pub(crate) clock: Clock,
    pub(crate) running: Running,
}

impl World {
    pub(crate) async fn start(storage: Storage) -> Self {
        let clock = Clock::manual(Timestamp::from_millis(START * 1000));
        // Nobody answers there; without a backfill nobody is asked.
        let nobody = Channel::remote(["http://127.0.0.1:9"], &Options::default()).unwrap();
        let (cache, ids) = (Cache::none(), IdSource::seeded(7));
        let deps = Deps { storage, cache, clock: clock.clone(), ids, profile: profile(nobody) };
        let config = Config { timer_interval: Duration::from_millis(5), ..Config::default() };
        let service = build(config, deps).await.unwrap();
        let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
        let client = journey(Channel::in_process(service.in_process(), &options));
        let server =
            ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), health_listen: None, ..ServerConfig::default() };
        let running = Server::new(server, AuthConfig::default()).service(service).start().await.unwrap();
        Self { client, clock, running }
    }

    pub(crate) async fn observe(&self, events: Vec<Event>) -> ObserveResponse {
        self.client.clone().observe(ObserveRequest { events }).await.unwrap().into_inner()
    }

    pub(crate) fn to(&self, second: i64) {
        self.clock.set(Timestamp::from_millis((START + second) * 1000));
    }
}

pub(crate) async fn over_both<F, Fut>(check: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = World>,
{
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(Storage::Embedded(Engine::open(directory.path()).unwrap())).await;
    check(world).await.running.stop().await;
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("journey_contract_{:016x}", IdSource::random().seed());
    let timeout = Duration::from_secs(30);
    let config = PostgresConfig {
        url: Secret::new(url),
        schema: schema.clone(),
        connect_timeout: timeout,
        statement_timeout: timeout,
        ..PostgresConfig::default()
    };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    check(World::start(Storage::Postgres(postgres.clone())).await).await.running.stop().await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

pub(crate) fn at(second: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: START + second, nanos: 0 })
}

pub(crate) fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

pub(crate) fn event(person: &str, id: &str, second: i64, name: &str) -> Event {
    Event {
        event_id: id.to_owned(),
        person_id: person.to_owned(),
        event: name.to_owned(),
        time: at(second),
        ..Event::default()
    }
}

/// Events one after the other, a minute apart, named by words.
pub(crate) fn walk(person: &str, from: i64, names: &str) -> Vec<Event> {
    let one = |(number, name): (i64, &str)| event(person, &format!("{from}-{number}"), from + number * 60, name);
    (0..).zip(names.split_whitespace()).map(one).collect()
}

pub(crate) fn when(name: &str, predicate: &str) -> Option<EventCondition> {
    Some(EventCondition { event: name.to_owned(), predicate: predicate.to_owned() })
}

/// A set of rules that watches.
pub(crate) fn set(id: &str, rules: &str) -> TriggerRuleSet {
    TriggerRuleSet {
        trigger_rule_set_id: id.to_owned(),
        enabled: true,
        placement: "mail".to_owned(),
        rules: Some(Rules::Source(format!("rules:\n{rules}"))),
        ..TriggerRuleSet::default()
    }
}

/// A cart that is left for half an hour.
pub(crate) const LEFT: &str = "- {id: left, events: cart, wait: {for: 30m, unless: buy}}\n";

pub(crate) async fn create(world: &World, set: TriggerRuleSet) -> Result<TriggerRuleSet, Status> {
    let request = CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
    Ok(world.client.clone().create_trigger_rule_set(request).await?.into_inner().trigger_rule_set.unwrap())
}

/// Reads the feed until there are so many entries.
pub(crate) async fn read(world: &World, consumer: &str, after_offset: Option<i64>, count: usize) -> Vec<JourneyChange> {
    let request = StreamTriggersRequest { consumer: consumer.to_owned(), after_offset };
    let mut stream = world.client.clone().stream_triggers(request).await.unwrap().into_inner();
    let mut all = Vec::new();
    let enough = async {
        while all.len() < count {
            all.extend(stream.message().await.unwrap().unwrap().changes);
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), enough).await;
    assert!(waited.is_ok(), "only {:?}", all.iter().map(text).collect::<Vec<_>>());
    all
}

pub(crate) fn text(change: &JourneyChange) -> String {
    let what = match change.change.as_ref().unwrap() {
        Change::Trigger(one) => {
            format!("{} {} {}", one.trigger_rule_id, one.placement, one.evidence_event_ids.join(","))
        }
        Change::StageChange(one) => format!("{}: {}>{}", one.journey_id, one.from_stage, one.to_stage),
    };
    format!("{} {} {what}", change.person_id, change.time.unwrap().seconds - START)
}

/// The reason, and the fields that are wrong.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String, Vec<String>) {
    let status = result.unwrap_err();
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (status.code(), details.error_info().unwrap().reason.clone(), fields.unwrap_or_default())
}

pub(crate) fn invalid(fields: &[&str]) -> (Code, String, Vec<String>) {
    (Code::InvalidArgument, "INVALID_FIELD".to_owned(), fields.iter().map(|field| (*field).to_owned()).collect())
}

pub(crate) trait Ack {
    fn ack_triggers_request(self, consumer: &str, offset: i64) -> impl Future<Output = Result<i64, Status>>;
}

impl Ack for JourneyClient {
    async fn ack_triggers_request(mut self, consumer: &str, offset: i64) -> Result<i64, Status> {
        let request = AckTriggersRequest { consumer: consumer.to_owned(), offset };
        Ok(self.ack_triggers(request).await?.into_inner().acknowledged_offset)
    }
}

pub(crate) async fn client_get(world: &World, id: &str) -> Result<TriggerRuleSet, Status> {
    let request = GetTriggerRuleSetRequest { trigger_rule_set_id: id.to_owned() };
    Ok(world.client.clone().get_trigger_rule_set(request).await?.into_inner().trigger_rule_set.unwrap())
}
