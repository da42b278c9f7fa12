//! A process that delivers is killed again and again; at the end every message is out exactly once.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use attune_proto::channel::v1 as pb;
use attune_proto::channel::v1::channel::Provider;
use attune_service_kit::clock::{Clock, IdSource};
use support::fake::Fake;
use support::sink::Sink;
use support::*;

const DIRECTORY: &str = "ATTUNE_KILL_TEST_DIRECTORY";
const FAKE: &str = "ATTUNE_KILL_TEST_FAKE";
const MESSAGES: usize = 300;
const KILLS: usize = 12;

fn start(directory: &Path, fake: std::net::SocketAddr) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child_delivers", "--ignored"])
        .env(DIRECTORY, directory)
        .env(FAKE, fake.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Run by the other test in a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started by the_killed_lose_and_double_nothing"]
async fn the_child_delivers() {
    let (Ok(directory), Ok(fake)) = (std::env::var(DIRECTORY), std::env::var(FAKE)) else { return };
    let _gateway = gateway_at(Path::new(&directory), fake.parse().unwrap(), settings(), Clock::system()).await;
    std::future::pending::<()>().await;
}

fn settings() -> attune_channel_gateway::Config {
    let mut config = config();
    config.outbox.batch = 10;
    config.outbox.backoff_base = Duration::from_millis(10);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn the_killed_lose_and_double_nothing() {
    let (fake, address) = Fake::start().await;
    // One endpoint honours keys; the other can be asked, and would deliver a repeat twice.
    let (honest, honest_at) = Sink::start(true).await;
    let (asked, asked_at) = Sink::start(false).await;
    let directory = tempfile::tempdir().unwrap();
    let mut ids: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    {
        // Queued for a moment ahead, so that only the children deliver.
        let gateway = gateway(directory.path(), address, settings()).await;
        let file = Provider::File(pb::FileProvider { file_name: "out.jsonl".to_owned() });
        let hook = |at: std::net::SocketAddr, honours_key, lookup_url: String| {
            Provider::Webhook(pb::WebhookProvider {
                url: format!("http://{at}/hook"),
                honours_key,
                lookup_url,
                ..Default::default()
            })
        };
        make_channel(&gateway, "file", file, pb::DeliveryGuarantee::AtMostOnce).await;
        make_channel(&gateway, "honest", hook(honest_at, true, String::new()), pb::DeliveryGuarantee::AtMostOnce).await;
        let look_up = format!("http://{asked_at}/has/{{key}}");
        make_channel(&gateway, "asked", hook(asked_at, false, look_up), pb::DeliveryGuarantee::AtMostOnce).await;
        let later = Some(prost_types::Timestamp { seconds: NOW + 60, nanos: 0 });
        for index in 0..MESSAGES {
            let channel = ["file", "honest", "asked"][index % 3];
            let request = pb::SendRequest { not_before: later, ..message(&format!("m{index}"), "p", channel) };
            ids.entry(channel).or_default().push(send(&gateway, request).await);
        }
        gateway.stop().await;
    }
    let random = IdSource::random();
    for _ in 0..KILLS {
        let mut child = start(directory.path(), address);
        tokio::time::sleep(Duration::from_millis(150 + random.seed() % 250)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let gateway = gateway_at(directory.path(), address, settings(), Clock::system()).await;
    until("everything is out", || async {
        pipeline(&gateway).await.deliveries.get("DELIVERED") == Some(&i64::try_from(MESSAGES).unwrap())
    })
    .await;
    let mut written: Vec<String> = std::fs::read_to_string(directory.path().join("outbox/out.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].as_str().unwrap().to_owned())
        .collect();
    written.sort();
    let sorted = |channel: &str| {
        let mut ids = ids[channel].clone();
        ids.sort();
        ids
    };
    assert_eq!(written, sorted("file"), "each line once");
    let taken = |sink: &Sink| sink.seen.lock().taken.clone();
    let once = |channel: &str| sorted(channel).into_iter().map(|id| (id, 1)).collect::<BTreeMap<_, _>>();
    assert_eq!(taken(&honest), once("honest"));
    assert_eq!(taken(&asked), once("asked"));
    let contacts: std::collections::BTreeSet<String> = fake.ids("contact/RecordContact").into_iter().collect();
    assert_eq!(contacts.len(), MESSAGES, "a contact for each message, whatever was repeated");
    gateway.stop().await;
}
