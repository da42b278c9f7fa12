//! A gateway with its tasks running, and the five services that it calls as one fake that remembers every call.

#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

pub mod fake;
pub mod sink;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use attune_channel_gateway::{Callees, Config, Deps, build};
use attune_client::{Channel, ChannelClient, Options};
use attune_kernel::Timestamp;
use attune_proto::channel::v1 as pb;
use attune_proto::identity::v1::Identifier;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, ServerConfig};
use attune_service_kit::server::{Running, Server};
use attune_storage::{Engine, Storage};
use prost_types::value::Kind;
use tonic::Status;
use tonic_types::StatusExt as _;

/// The business time at which every test begins.
pub const NOW: i64 = 1_700_000_000;

/// A gateway that listens.
pub struct Gateway {
    pub client: ChannelClient,
    pub clock: Clock,
    pub http: Option<SocketAddr>,
    running: Running,
}

impl Gateway {
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// Short waits, so that a test takes no time.
pub fn config() -> Config {
    let mut config = Config::default();
    config.inbox.idle = Duration::from_millis(5);
    config.inbox.lease = Duration::from_secs(5);
    config.outbox.idle = Duration::from_millis(5);
    config.outbox.lease = Duration::from_secs(5);
    config.webhook.allow_private = true;
    config
}

fn channel(address: SocketAddr) -> Channel {
    Channel::remote([format!("http://{address}")], &Options::default()).unwrap()
}

pub fn callees(address: SocketAddr) -> Callees {
    Callees {
        identity: attune_client::identity(channel(address)),
        profile: attune_client::profile(channel(address)),
        journey: attune_client::journey(channel(address)),
        decision: attune_client::decision(channel(address)),
        contact: attune_client::contact(channel(address)),
    }
}

/// A gateway over the embedded store in `directory` that calls the fake at `fake`.
pub async fn gateway(directory: &Path, fake: SocketAddr, config: Config) -> Gateway {
    let clock = Clock::manual(Timestamp::from_millis(NOW * 1000));
    gateway_at(directory, fake, config, clock).await
}

pub async fn gateway_at(directory: &Path, fake: SocketAddr, config: Config, clock: Clock) -> Gateway {
    let storage = Storage::Embedded(Engine::open(&directory.join("store")).unwrap());
    gateway_over(storage, directory, fake, config, clock).await
}

pub async fn gateway_over(storage: Storage, data: &Path, fake: SocketAddr, config: Config, clock: Clock) -> Gateway {
    let deps = Deps {
        storage,
        clock: clock.clone(),
        ids: IdSource::random(),
        callees: callees(fake),
        data_dir: data.to_owned(),
    };
    let service = build(config, deps).await.unwrap();
    let server = ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() };
    let running = Server::new(server, AuthConfig::default()).service(service).start().await.unwrap();
    let client = attune_client::channel(channel(running.address()));
    let http = running.http_addresses().first().map(|(_, address)| *address);
    Gateway { client, clock, http, running }
}

pub fn text(text: &str) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(text.to_owned())) }
}

pub fn fields(of: &[(&str, &str)]) -> Option<prost_types::Struct> {
    let fields = of.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    Some(prost_types::Struct { fields })
}

/// An event of the person whose cookie is `cookie`.
pub fn event(id: &str, cookie: &str, name: &str, properties: &[(&str, &str)]) -> pb::CollectEvent {
    pb::CollectEvent {
        event_id: id.to_owned(),
        identifiers: vec![Identifier { namespace: "cookie".to_owned(), value: cookie.to_owned() }],
        event: name.to_owned(),
        time: Some(prost_types::Timestamp { seconds: NOW, nanos: 0 }),
        properties: fields(properties),
        channel: "web".to_owned(),
        ..Default::default()
    }
}

pub async fn collect(gateway: &Gateway, events: Vec<pb::CollectEvent>) -> pb::CollectResponse {
    gateway.client.clone().collect(pb::CollectRequest { events }).await.unwrap().into_inner()
}

pub async fn pipeline(gateway: &Gateway) -> pb::GetPipelineResponse {
    gateway.client.clone().get_pipeline(pb::GetPipelineRequest {}).await.unwrap().into_inner()
}

/// Waits until something holds; fails when it does not within ten seconds.
pub async fn until<F, Fut>(what: &str, mut holds: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    for _ in 0..2000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("never happened: {what}");
}

pub async fn until_drained(gateway: &Gateway) {
    until("the inbox is empty", || async { pipeline(gateway).await.inbox_pending == 0 }).await;
}

/// A channel with a provider, made anew.
pub async fn make_channel(
    gateway: &Gateway,
    id: &str,
    provider: pb::channel::Provider,
    guarantee: pb::DeliveryGuarantee,
) {
    let channel = pb::Channel {
        channel_id: id.to_owned(),
        enabled: true,
        provider: Some(provider),
        guarantee: guarantee.into(),
        ..Default::default()
    };
    let request = pb::CreateChannelRequest { channel: Some(channel), request_id: format!("make-{id}") };
    gateway.client.clone().create_channel(request).await.unwrap();
}

pub fn message(id: &str, person: &str, channel: &str) -> pb::SendRequest {
    pb::SendRequest {
        request_id: id.to_owned(),
        person_id: person.to_owned(),
        channel: channel.to_owned(),
        message_id: "hello".to_owned(),
        variables: fields(&[("name", "ada")]),
        offer_id: "gold".to_owned(),
        decision_id: "d1".to_owned(),
        ..Default::default()
    }
}

pub async fn send(gateway: &Gateway, message: pb::SendRequest) -> String {
    gateway.client.clone().send(message).await.unwrap().into_inner().delivery_id
}

pub async fn delivery(gateway: &Gateway, id: &str) -> pb::Delivery {
    let request = pb::GetDeliveryRequest { delivery_id: id.to_owned() };
    gateway.client.clone().get_delivery(request).await.unwrap().into_inner().delivery.unwrap()
}

pub async fn until_state(gateway: &Gateway, id: &str, state: pb::DeliveryState) -> pb::Delivery {
    until(state.as_str_name(), || async { delivery(gateway, id).await.state() == state }).await;
    delivery(gateway, id).await
}

/// Reason and field paths of a status.
pub fn problem(status: &Status) -> (String, Vec<String>) {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (details.error_info().unwrap().reason.clone(), fields.unwrap_or_default())
}
