//! A process that is killed while timers fire: none is lost, none fires twice.
//!
//! The test binary starts itself again as the process to be killed; without the variable the child's half does nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use attune_client::{Channel, JourneyClient, Options, journey, profile};
use attune_journey_pathing::{Config, Deps, build};
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_proto::journey::v1::*;
use attune_proto::profile::v1::Event;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, ServerConfig};
use attune_service_kit::server::{Running, Server, Service};
use attune_storage::{Cache, Engine, Storage};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

const DIRECTORY: &str = "ATTUNE_TEST_JOURNEY_CRASH_DIRECTORY";
const PERSONS: usize = 10_000;

/// The service on the machine's clock, a few timers in each transaction so that a kill falls between them.
async fn assemble(directory: &Path) -> (JourneyClient, Service) {
    let nobody = Channel::remote(["http://127.0.0.1:9"], &Options::default()).unwrap();
    let deps = Deps {
        storage: Storage::Embedded(Engine::open(directory).unwrap()),
        cache: Cache::none(),
        clock: Clock::system(),
        ids: IdSource::random(),
        profile: profile(nobody),
    };
    let config = Config {
        timer_batch: 5,
        timer_interval: Duration::from_millis(2),
        settle: Duration::ZERO,
        ..Config::default()
    };
    let service = build(config, deps).await.unwrap();
    let options = Options { deadline: Duration::from_secs(60), ..Options::default() };
    let client = journey(Channel::in_process(service.in_process(), &options));
    (client, service)
}

async fn start(directory: &Path) -> (JourneyClient, Running) {
    let (client, service) = assemble(directory).await;
    let server =
        ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), health_listen: None, ..ServerConfig::default() };
    (client, Server::new(server, AuthConfig::default()).service(service).start().await.unwrap())
}

/// Of every other person a cart that is left, of the others a visit after which nothing is bought.
fn begun(person: usize) -> Event {
    // Long ago, so that every timer is due when the event is there.
    let time = prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 };
    Event {
        event_id: "begun".to_owned(),
        person_id: format!("p{person}"),
        event: if person.is_multiple_of(2) { "cart" } else { "visit" }.to_owned(),
        time: Some(time),
        ..Event::default()
    }
}

/// The child: tells how far the feed has come until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child_fires_until_it_is_killed() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (mut client, _running) = start(Path::new(&directory)).await;
    let request = StreamTriggersRequest { consumer: "child".to_owned(), after_offset: Some(0) };
    let mut stream = client.stream_triggers(request).await.unwrap().into_inner();
    while let Some(message) = stream.message().await.unwrap() {
        println!("\nat {}", message.changes.last().unwrap().offset);
    }
}

async fn set_up(directory: &Path) {
    // Without a server no timer fires: only the events and the rule are written.
    let (mut client, _service) = assemble(directory).await;
    let source = "rules:\n- {id: left, events: cart, wait: {for: 1m, unless: buy}}\n\
                  - {id: gone, sequence: {pattern: visit !buy, within: 1m}}\n";
    let set = TriggerRuleSet {
        trigger_rule_set_id: "carts".to_owned(),
        enabled: true,
        rules: Some(Rules::Source(source.to_owned())),
        ..TriggerRuleSet::default()
    };
    let request = CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
    client.create_trigger_rule_set(request).await.unwrap();
    assert_eq!(observe_all(&mut client).await, (PERSONS, 0));
}

/// How many were new, and known.
async fn observe_all(client: &mut JourneyClient) -> (usize, usize) {
    let (mut new, mut known) = (0, 0);
    for first in (0..PERSONS).step_by(5000) {
        let events = (first..PERSONS.min(first + 5000)).map(begun).collect();
        let answer = client.observe(ObserveRequest { events }).await.unwrap().into_inner();
        new += usize::try_from(answer.observed).unwrap();
        known += usize::try_from(answer.duplicates).unwrap();
    }
    (new, known)
}

#[tokio::test(flavor = "multi_thread")]
async fn timers_survive_kills_and_fire_once() {
    let directory = tempfile::tempdir().unwrap();
    set_up(directory.path()).await;
    for kill in 1..=4u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child_fires_until_it_is_killed", "--exact", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            let offset = line.strip_prefix("at ").and_then(|offset| offset.parse::<u64>().ok());
            if offset.is_some_and(|offset| offset >= kill * 1500) {
                break;
            }
        }
        child.kill().await.unwrap();
    }
    let (mut client, running) = start(directory.path()).await;
    // What was accepted before the kills is known.
    assert_eq!(observe_all(&mut client).await, (0, PERSONS));
    let request = StreamTriggersRequest { consumer: "parent".to_owned(), after_offset: Some(0) };
    let mut stream = client.stream_triggers(request).await.unwrap().into_inner();
    let mut fired = Vec::new();
    let all = async {
        while fired.len() < PERSONS {
            fired.extend(stream.message().await.unwrap().unwrap().changes);
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.unwrap();
    assert_eq!(fired.len(), PERSONS);
    assert!(fired.iter().zip(1..).all(|(entry, offset)| entry.offset == offset), "offsets have no gap");
    let persons: BTreeSet<&str> = fired.iter().map(|entry| entry.person_id.as_str()).collect();
    let triggers: BTreeSet<&str> = fired
        .iter()
        .map(|entry| match entry.change.as_ref().unwrap() {
            Change::Trigger(trigger) => trigger.trigger_id.as_str(),
            Change::StageChange(_) => panic!("there is no journey"),
        })
        .collect();
    assert_eq!((persons.len(), triggers.len()), (PERSONS, PERSONS));
    running.stop().await;
}
