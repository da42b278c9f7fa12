//! What both stores must do, as one suite.

use std::sync::Arc;

use attune_kernel::{Personal, Secret, Timestamp};
use attune_proto::identity::v1::Identifier;
use attune_proto::profile::v1 as proto;
use attune_storage::{Engine, Postgres, PostgresConfig, Storage, migrate};

use super::{Done, Rewrite, Rewritten, Store, Work, body};
use crate::domain::batch::Batch;
use crate::domain::document::Tag;
use crate::domain::event::{Event, Filter};
use crate::domain::segment::Segment;

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

fn event(id: &str, person: &str, name: &str, seconds: i64, via: &str) -> Event {
    let message = proto::Event {
        event_id: id.to_owned(),
        event: name.to_owned(),
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        channel: "web".to_owned(),
        via: Some(Identifier { namespace: "cookie".to_owned(), value: via.to_owned() }),
        ..proto::Event::default()
    };
    body::from_message(message, person)
}

fn segments() -> Arc<Vec<Segment>> {
    Arc::new(vec![Segment::new("busy", "1", "traits.event_count >= 2").unwrap()])
}

fn append(events: Vec<Event>) -> Work {
    Work {
        events: Arc::new(events),
        persons: Vec::new(),
        decide: Arc::new(|batch: &mut Batch, fresh: &[Event]| {
            batch.observe(fresh, NOW);
            Ok(())
        }),
        segments: segments(),
        now: NOW,
        request_id: String::new(),
    }
}

fn tag(person: &str, name: &'static str, request_id: &str) -> Work {
    Work {
        persons: vec![person.to_owned()],
        decide: Arc::new(move |batch: &mut Batch, _| {
            let person = batch.only().unwrap();
            batch.change(&person).tags.insert(name.to_owned(), Tag { source: String::new(), added: NOW });
            Ok(())
        }),
        request_id: request_id.to_owned(),
        ..append(Vec::new())
    }
}

async fn ids(store: &dyn Store, person: &str, filter: &Filter) -> Vec<String> {
    store.timeline(person, filter, None, 100).await.unwrap().into_iter().map(|(place, _)| place.2).collect()
}

async fn count(store: &dyn Store, person: &str) -> u64 {
    let documents = store.documents(&[person.to_owned()]).await.unwrap();
    documents[0].traits.at(NOW)["event_count"].as_u64().unwrap()
}

async fn events_are_stored_once(store: &dyn Store) {
    let first = store
        .work(append(vec![event("a1", "ann", "view", 10, "k1"), event("a2", "ann", "buy", 5, "k2")]))
        .await
        .unwrap();
    assert_eq!(first, Done { repeated: false, fresh: 2 });
    // A repeat changes nothing, within a batch and across batches.
    let again = store
        .work(append(vec![
            event("a1", "ann", "view", 10, "k1"),
            event("a3", "ann", "view", 20, "k1"),
            event("a3", "ann", "view", 20, "k1"),
        ]))
        .await
        .unwrap();
    assert_eq!(again.fresh, 1);
    assert_eq!(count(store, "ann").await, 3);
    assert_eq!(ids(store, "ann", &Filter::default()).await, ["a3", "a1", "a2"]);
    let old_views = Filter {
        names: vec!["view".to_owned()],
        until: Some(Timestamp::from_millis(20_000)),
        ascending: true,
        ..Filter::default()
    };
    assert_eq!(ids(store, "ann", &old_views).await, ["a1"]);
    let other_channel = Filter { channels: vec!["app".to_owned()], ..Filter::default() };
    assert!(ids(store, "ann", &other_channel).await.is_empty());
}

async fn pages_follow_one_another(store: &dyn Store) {
    for ascending in [true, false] {
        let filter = Filter { ascending, ..Filter::default() };
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let rows = store.timeline("ann", &filter, after.as_ref(), 2).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last.0.clone());
            seen.extend(rows.into_iter().map(|(place, _)| place.2));
        }
        assert_eq!(seen, ids(store, "ann", &filter).await);
    }
}

async fn segments_follow_events(store: &dyn Store) {
    assert_eq!(store.members("busy", None, 10).await.unwrap(), ["ann"]);
    store.work(append(vec![event("b1", "bob", "view", 1, "kb")])).await.unwrap();
    assert_eq!(store.member_count("busy").await.unwrap(), 1);
    store.work(append(vec![event("b2", "bob", "view", 2, "kb")])).await.unwrap();
    assert_eq!(store.members("busy", None, 10).await.unwrap(), ["ann", "bob"]);
    assert_eq!(store.members("busy", Some("ann"), 10).await.unwrap(), ["bob"]);
}

async fn requests_are_done_once(store: &dyn Store) {
    assert!(!store.work(tag("bob", "one", "r1")).await.unwrap().repeated);
    assert!(store.work(tag("bob", "two", "r1")).await.unwrap().repeated);
    let bob = store.documents(&["bob".to_owned()]).await.unwrap().remove(0);
    assert_eq!(bob.tags.keys().collect::<Vec<_>>(), ["one"]);
}

async fn a_refused_unit_leaves_nothing(store: &dyn Store) {
    let mut work = append(vec![event("x1", "xen", "view", 1, "kx")]);
    work.decide = Arc::new(|_, _| Err(crate::error::Error::Etag));
    assert!(store.work(work).await.is_err());
    assert!(ids(store, "xen", &Filter::default()).await.is_empty());
    assert_eq!(store.work(append(vec![event("x1", "xen", "view", 1, "kx")])).await.unwrap().fresh, 1);
}

async fn merges_move_everything(store: &dyn Store) {
    let merge = || Rewrite::Merge { surviving: "ann".to_owned(), merged: "bob".to_owned() };
    let first = store.rewrite(Some(1), merge(), segments(), NOW).await.unwrap();
    assert!(first.applied);
    assert_eq!(store.rewrite(Some(1), merge(), segments(), NOW).await.unwrap(), Rewritten::default());
    for id in ["ann", "bob"] {
        assert_eq!(count(store, id).await, 5, "{id}");
        assert_eq!(ids(store, id, &Filter::default()).await.len(), 5);
    }
    assert_eq!(store.documents(&["bob".to_owned()]).await.unwrap()[0].person_id, "ann");
    assert_eq!(store.members("busy", None, 10).await.unwrap(), ["ann"]);
    // Events that still name the merged person find the survivor, and known ones stay known.
    assert_eq!(
        store
            .work(append(vec![event("b1", "bob", "view", 1, "kb"), event("b3", "bob", "view", 3, "kb")]))
            .await
            .unwrap()
            .fresh,
        1
    );
    assert_eq!(count(store, "ann").await, 6);
    // A survivor that is merged itself leaves every alias one hop away.
    let chain = Rewrite::Merge { surviving: "zoe".to_owned(), merged: "ann".to_owned() };
    store.rewrite(Some(2), chain, segments(), NOW).await.unwrap();
    assert_eq!(count(store, "bob").await, 6);
}

async fn splits_move_what_came_by_the_identifiers(store: &dyn Store) {
    let via = Personal::new(vec![("cookie".to_owned(), "kb".to_owned())]);
    let split = Rewrite::Split { person: "zoe".to_owned(), split: "new".to_owned(), via };
    store.rewrite(Some(3), split, segments(), NOW).await.unwrap();
    assert_eq!((count(store, "zoe").await, count(store, "new").await), (3, 3));
    assert_eq!(ids(store, "new", &Filter { ascending: true, ..Filter::default() }).await, ["b1", "b2", "b3"]);
}

async fn erasure_leaves_nothing_and_brings_nothing_back(store: &dyn Store) {
    let erase = Rewrite::Erase { persons: vec!["new".to_owned()] };
    let done = store.rewrite(Some(4), erase, segments(), NOW).await.unwrap();
    assert_eq!(done, Rewritten { applied: true, events: 3, values: 0 });
    assert!(ids(store, "new", &Filter::default()).await.is_empty());
    assert_eq!(store.work(append(vec![event("b1", "new", "view", 1, "kb")])).await.unwrap().fresh, 0);
    assert_eq!(store.members("busy", None, 10).await.unwrap(), ["zoe"]);
    assert!(!store.persons(None, 10).await.unwrap().contains(&"new".to_owned()));
}

async fn marks_are_kept(store: &dyn Store) {
    assert_eq!(store.mark("m").await.unwrap(), None);
    store.set_mark("m", "1").await.unwrap();
    store.set_mark("m", "2").await.unwrap();
    assert_eq!(store.mark("m").await.unwrap().as_deref(), Some("2"));
}

async fn racing_units_lose_nothing(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for index in 0..10 {
                    let shared = event(&format!("race-shared-{index}"), "racer", "view", index, "kr");
                    let own = event(&format!("race-{task}-{index}"), "racer", "view", index, "kr");
                    store.work(append(vec![shared, own])).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(count(&*store, "racer").await, 170);
}

async fn run(store: Arc<dyn Store>) {
    events_are_stored_once(&*store).await;
    pages_follow_one_another(&*store).await;
    segments_follow_events(&*store).await;
    requests_are_done_once(&*store).await;
    a_refused_unit_leaves_nothing(&*store).await;
    merges_move_everything(&*store).await;
    splits_move_what_came_by_the_identifiers(&*store).await;
    erasure_leaves_nothing_and_brings_nothing_back(&*store).await;
    marks_are_kept(&*store).await;
    racing_units_lose_nothing(store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    run(super::open(&Storage::Embedded(engine)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_postgres_store_conforms() {
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("profile_test_{:x}", attune_service_kit::clock::IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, super::MIGRATIONS).await.unwrap();
    run(super::open(&Storage::Postgres(postgres.clone())).unwrap()).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}
