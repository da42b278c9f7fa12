//! What both stores must do, as one suite.

mod kept;

use std::sync::Arc;

use attune_kernel::{Personal, Secret, Timestamp};
use attune_proto::identity::v1::Identifier;
use attune_proto::profile::v1 as proto;
use attune_storage::{Engine, Postgres, PostgresConfig, Scan, Storage, migrate};
use prost_types::value::Kind;

use super::{Done, Once, Rewrite, Rewritten, Store, Work, body};
use crate::domain::batch::Batch;
use crate::domain::catalogue;
use crate::domain::consent::Consent;
use crate::domain::document::{Attribute, Tag};
use crate::domain::event::{Event, Filter};
use crate::domain::rules::Rules;
use crate::domain::segment::Segment;

/// What no scan may find after an erasure.
const MARKER: &str = "marker4711";

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
    body::from_message(message, person, NOW)
}

fn segments() -> Arc<Rules> {
    Arc::new(vec![Segment::new("busy", "traits.event_count >= 2").unwrap()].into())
}

fn append(events: Vec<Event>) -> Work {
    Work {
        events: Arc::new(events),
        persons: Vec::new(),
        fill: false,
        decide: Arc::new(|batch: &mut Batch, fresh: &[Event]| {
            batch.observe(fresh);
            Ok(())
        }),
        rules: segments(),
        now: NOW,
        request_id: String::new(),
    }
}

fn tag(person: &str, name: &'static str, request_id: &str) -> Work {
    Work {
        persons: vec![person.to_owned()],
        decide: Arc::new(move |batch: &mut Batch, _| {
            batch.change_only(|document| {
                document.tags.insert(name.to_owned(), Tag { source: String::new(), added: NOW });
                Ok(true)
            })
        }),
        request_id: request_id.to_owned(),
        ..append(Vec::new())
    }
}

/// The id of a stored event; its place has only the hash.
fn id_of(body: &[u8]) -> String {
    super::body::decode(body, "").unwrap().event_id
}

async fn ids(store: &dyn Store, person: &str, filter: &Filter) -> Vec<String> {
    store.timeline(person, filter, None, 100).await.unwrap().iter().map(|(_, body)| id_of(body)).collect()
}

async fn count(store: &dyn Store, person: &str) -> u64 {
    let documents = store.documents(&[person.to_owned()]).await.unwrap();
    documents[0].traits.at(&catalogue::default(), NOW)["event_count"].as_u64().unwrap()
}

async fn events_are_stored_once(store: &dyn Store) {
    let first = store
        .work(append(vec![event("a1", "ann", "view", 10, "k1"), event("a2", "ann", "buy", 5, "k2")]))
        .await
        .unwrap();
    assert_eq!(first, Done { fresh: 2, written: vec!["ann".to_owned()], ..Done::default() });
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
            seen.extend(rows.iter().map(|(_, body)| id_of(body)));
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
    let first = store.rewrite(Once::Offset(1), merge(), segments(), NOW).await.unwrap();
    assert!(first.applied);
    assert_eq!(store.rewrite(Once::Offset(1), merge(), segments(), NOW).await.unwrap(), Rewritten::default());
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
    store.rewrite(Once::Offset(2), chain, segments(), NOW).await.unwrap();
    assert_eq!(count(store, "bob").await, 6);
}

async fn splits_move_what_came_by_the_identifiers(store: &dyn Store) {
    let via = Personal::new(vec![("cookie".to_owned(), "kb".to_owned())]);
    let split = Rewrite::Split { person: "zoe".to_owned(), split: "new".to_owned(), ids: Vec::new(), via };
    store.rewrite(Once::Offset(3), split, segments(), NOW).await.unwrap();
    assert_eq!((count(store, "zoe").await, count(store, "new").await), (3, 3));
    assert_eq!(ids(store, "new", &Filter { ascending: true, ..Filter::default() }).await, ["b1", "b2", "b3"]);
}

async fn erasure_leaves_nothing_and_brings_nothing_back(store: &dyn Store) {
    let erase = Rewrite::Erase { persons: vec!["new".to_owned()] };
    let done = store.rewrite(Once::Offset(4), erase, segments(), NOW).await.unwrap();
    assert_eq!((done.applied, done.events, done.values), (true, 3, 0));
    assert_eq!(done.written, ["new"]);
    assert!(ids(store, "new", &Filter::default()).await.is_empty());
    assert_eq!(store.work(append(vec![event("b1", "new", "view", 1, "kb")])).await.unwrap().fresh, 0);
    assert_eq!(store.members("busy", None, 10).await.unwrap(), ["zoe"]);
    assert!(!store.persons(None, 10).await.unwrap().contains(&"new".to_owned()));
}

async fn a_receipt_is_repeated_and_requests_are_forgotten(store: &dyn Store) {
    store.work(append(vec![event("rc1", "rae", "view", 1, "kr"), event("rc2", "rae", "view", 2, "kr")])).await.unwrap();
    store.work(tag("rae", "one", "")).await.unwrap();
    let once = || Once::Request("erase:r9".to_owned());
    let erase = || Rewrite::Erase { persons: vec!["rae".to_owned()] };
    let first = store.rewrite(once(), erase(), segments(), NOW).await.unwrap();
    assert_eq!((first.applied, first.events, first.values), (true, 2, 1));
    // What came since is not touched by a retry, which is answered as the first was.
    store.work(append(vec![event("rc3", "rae", "view", 3, "kr")])).await.unwrap();
    let again = store.rewrite(once(), erase(), segments(), NOW).await.unwrap();
    assert_eq!((again.applied, again.events, again.values), (false, 2, 1));
    assert_eq!(count(store, "rae").await, 1);
    let later = NOW.plus(std::time::Duration::from_secs(1));
    assert_eq!(store.forget_requests(NOW, 10).await.unwrap(), 0);
    assert_eq!(store.forget_requests(later, 1).await.unwrap(), 1);
    while store.forget_requests(later, 10).await.unwrap() > 0 {}
    assert!(store.rewrite(once(), erase(), segments(), NOW).await.unwrap().applied);
    assert!(!store.work(tag("bob", "three", "r1")).await.unwrap().repeated);
}

async fn what_changes_nothing_leaves_nothing(store: &dyn Store) {
    let mut work = tag("nil", "one", "");
    work.decide = Arc::new(|batch: &mut Batch, _| batch.change_only(|_| Ok(false)));
    assert!(store.work(work).await.unwrap().written.is_empty());
    assert!(!store.persons(None, 1000).await.unwrap().contains(&"nil".to_owned()));
}

async fn sweeps_follow_segments(store: &dyn Store) {
    for index in 0..3 {
        let id = format!("sw{index}");
        store
            .work(append(vec![
                event(&format!("{id}-1"), &id, "view", 1, "k"),
                event(&format!("{id}-2"), &id, "view", 2, "k"),
            ]))
            .await
            .unwrap();
    }
    let persons = || ["sw0", "sw1", "sw2"].map(str::to_owned).to_vec();
    let sweep = |rule: Option<&str>| Work {
        persons: persons(),
        decide: Arc::new(|batch: &mut Batch, _| {
            batch.sweep();
            Ok(())
        }),
        rules: Arc::new(rule.map(|rule| Segment::new("swept", rule).unwrap()).into_iter().collect::<Vec<_>>().into()),
        ..append(Vec::new())
    };
    let before = store.documents(&persons()).await.unwrap();
    assert_eq!(store.work(sweep(Some("traits.event_count == 2"))).await.unwrap().written.len(), 3);
    assert_eq!(store.members("swept", None, 10).await.unwrap(), persons());
    assert!(store.work(sweep(Some("traits.event_count == 2"))).await.unwrap().written.is_empty());
    // A unit of a process that does not know the segment yet leaves its members alone.
    store.work(append(vec![event("sw0-3", "sw0", "view", 3, "k")])).await.unwrap();
    assert_eq!(store.member_count("swept").await.unwrap(), 3);
    assert_eq!(store.work(sweep(Some("traits.event_count == 2"))).await.unwrap().written, ["sw0"]);
    assert_eq!(store.member_count("swept").await.unwrap(), 2);
    // A segment that was deleted has no members left, in the list, the count and the documents.
    assert_eq!(store.work(sweep(None)).await.unwrap().written, ["sw1", "sw2"]);
    assert!(store.members("swept", None, 10).await.unwrap().is_empty());
    assert_eq!(store.member_count("swept").await.unwrap(), 0);
    assert!(before.iter().all(|document| document.segments.contains("busy")));
}

async fn a_split_brings_back_who_was_merged_away(store: &dyn Store) {
    let attributes = |id: &str, person: &str, city: &str, via: &str| {
        let city = prost_types::Value { kind: Some(Kind::StringValue(city.to_owned())) };
        let inner = prost_types::Struct { fields: std::iter::once(("city".to_owned(), city)).collect() };
        let inner = prost_types::Value { kind: Some(Kind::StructValue(inner)) };
        let mut message = body::message(event(id, person, "view", 7, via).body.expose(), person).unwrap();
        message.properties =
            Some(prost_types::Struct { fields: std::iter::once(("attributes".to_owned(), inner)).collect() });
        body::from_message(message, person, NOW)
    };
    store
        .work(append(vec![attributes("sp1", "sue", "Seoul", "ks"), attributes("sp2", "tim", "Taipei", "kt")]))
        .await
        .unwrap();
    let merge = Rewrite::Merge { surviving: "sue".to_owned(), merged: "tim".to_owned() };
    let merged = store.rewrite(Once::No, merge.clone(), segments(), NOW).await.unwrap();
    assert_eq!(merged.written, ["sue", "tim"]);
    assert!(store.rewrite(Once::No, merge, segments(), NOW).await.unwrap().written.is_empty());
    let city = |document: &crate::domain::document::Document| document.attributes["city"].value.clone();
    assert_eq!(city(&store.documents(&["tim".to_owned()]).await.unwrap()[0]), "Taipei");
    let via = Personal::new(vec![("cookie".to_owned(), "kt".to_owned())]);
    let split = Rewrite::Split { person: "sue".to_owned(), split: "tim".to_owned(), ids: Vec::new(), via };
    store.rewrite(Once::No, split, segments(), NOW).await.unwrap();
    let both = store.documents(&["sue".to_owned(), "tim".to_owned()]).await.unwrap();
    assert_eq!(both.iter().map(city).collect::<Vec<_>>(), ["Seoul", "Taipei"]);
    assert_eq!(
        (both[1].person_id.as_str(), ids(store, "tim", &Filter::default()).await),
        ("tim", vec!["sp2".to_owned()])
    );
}

async fn appends_race_with_merges_and_lose_nothing(store: Arc<dyn Store>) {
    for round in 0..8 {
        let (keep, gone) = (format!("keep{round}"), format!("gone{round}"));
        let mut tasks: Vec<_> = (0..6)
            .map(|task| {
                let (store, persons) = (Arc::clone(&store), [keep.clone(), gone.clone()]);
                tokio::spawn(async move {
                    for index in 0..5 {
                        let events = persons
                            .iter()
                            .map(|person| event(&format!("{person}-{task}-{index}"), person, "view", index, "km"));
                        store.work(append(events.collect())).await.unwrap();
                    }
                })
            })
            .collect();
        let (store2, merge) = (Arc::clone(&store), Rewrite::Merge { surviving: keep.clone(), merged: gone.clone() });
        tasks.push(tokio::spawn(async move {
            assert!(store2.rewrite(Once::No, merge, segments(), NOW).await.unwrap().applied);
        }));
        for task in tasks {
            task.await.unwrap();
        }
        for person in [&keep, &gone] {
            assert_eq!(count(&*store, person).await, 60, "{person}");
        }
        assert_eq!(store.timeline(&gone, &Filter::default(), None, 100).await.unwrap().len(), 60);
        let persons = store.persons(None, 10_000).await.unwrap();
        assert!(persons.contains(&keep) && !persons.contains(&gone));
    }
}

async fn a_full_batch_of_as_many_persons_is_one_unit(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..2)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let events = (0..5000).map(|index| {
                    event(&format!("full-{task}-{index}"), &format!("full-{task}-{index}"), "view", index, "k")
                });
                assert_eq!(store.work(append(events.collect())).await.unwrap().fresh, 5000);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Plants a marker wherever a caller can put text, under two ids of one person, and erases the person.
async fn plant_and_erase(store: &dyn Store, planted: impl AsyncFn() -> bool) {
    let marked = |id: &str, person: &str| {
        let mut event = event(&format!("{MARKER}-{id}"), person, &format!("{MARKER}-name"), 5, MARKER);
        let mut message = body::message(event.body.expose(), person).unwrap();
        message.session_id = MARKER.to_owned();
        message.channel = MARKER.to_owned();
        message.source = MARKER.to_owned();
        let text = prost_types::Value { kind: Some(Kind::StringValue(MARKER.to_owned())) };
        message.properties = Some(prost_types::Struct { fields: std::iter::once((MARKER.to_owned(), text)).collect() });
        event = body::from_message(message, person, NOW);
        event
    };
    let alias = format!("{MARKER}-alias");
    store.work(append(vec![marked("1", "mia"), marked("2", &alias)])).await.unwrap();
    store.work(tag("mia", MARKER, &format!("update:{MARKER}"))).await.unwrap();
    let mut work = tag("mia", "x", "");
    work.decide = Arc::new(|batch: &mut Batch, _| {
        batch.change_only(|document| {
            let attribute = Attribute {
                value: MARKER.into(),
                source: MARKER.to_owned(),
                event_time: NOW,
                received: NOW,
                ..Attribute::default()
            };
            document.set_attribute(MARKER, attribute);
            let word = Consent {
                purpose: MARKER.to_owned(),
                channel: MARKER.to_owned(),
                granted: true,
                time: NOW,
                source: MARKER.to_owned(),
                proof: MARKER.to_owned(),
                ..Consent::default()
            };
            Ok(crate::domain::consent::record(&mut document.consents, word))
        })
    });
    store.work(work).await.unwrap();
    let merge = Rewrite::Merge { surviving: "mia".to_owned(), merged: alias.clone() };
    store.rewrite(Once::No, merge, Arc::default(), NOW).await.unwrap();
    assert!(planted().await, "the scan finds what is there");
    // By the id that was merged away: it is the same person.
    let erase = Rewrite::Erase { persons: vec![alias.clone()] };
    let done = store.rewrite(Once::Request(format!("erase:{MARKER}")), erase, Arc::default(), NOW).await.unwrap();
    assert_eq!((done.events, done.values), (2, 3));
    assert!(!planted().await, "nothing of it is left");
    assert!(store.documents(&[alias]).await.unwrap()[0].is_new());
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
    kept::marks_are_kept(&*store).await;
    kept::kinds_are_kept_for_their_time(&*store).await;
    kept::addresses_are_suppressed(&*store).await;
    kept::who_is_due_is_known_by_time(&*store).await;
    kept::traits_that_lack_history_are_filled(&*store).await;
    a_receipt_is_repeated_and_requests_are_forgotten(&*store).await;
    what_changes_nothing_leaves_nothing(&*store).await;
    sweeps_follow_segments(&*store).await;
    a_split_brings_back_who_was_merged_away(&*store).await;
    appends_race_with_merges_and_lose_nothing(Arc::clone(&store)).await;
    a_full_batch_of_as_many_persons_is_one_unit(Arc::clone(&store)).await;
    racing_units_lose_nothing(store).await;
}

/// Whether a marker stands in a key or value of the engine.
fn engine_holds_marker(engine: &Engine) -> bool {
    let space = engine.space(super::SCHEMA).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(MARKER.len()).any(|part| part == MARKER.as_bytes());
    engine.reader().scan(&space, &Scan::all()).unwrap().iter().any(|(at, value)| holds(at) || holds(value))
}

/// Whether a marker stands in any column of any table of the schema; binary columns are compared by their hexadecimal form.
async fn schema_holds_marker(postgres: &Postgres) -> bool {
    let client = postgres.client().await.unwrap();
    let tables = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = current_schema() AND c.relkind = 'r'";
    let hex: String = MARKER.bytes().map(|byte| format!("{byte:02x}")).collect();
    for row in client.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let sql = format!("SELECT count(*) FROM {table} t WHERE t::text LIKE '%{MARKER}%' OR t::text LIKE '%{hex}%'");
        if client.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    let store = super::open(&Storage::Embedded(engine.clone())).unwrap();
    run(Arc::clone(&store)).await;
    plant_and_erase(&*store, async || engine_holds_marker(&engine)).await;
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
    let store = super::open(&Storage::Postgres(postgres.clone())).unwrap();
    run(Arc::clone(&store)).await;
    plant_and_erase(&*store, async || schema_holds_marker(&postgres).await).await;
    months_get_partitions(&*store, &postgres).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

/// Events of a month lie in its partition, those outside the months that get one in the default partition.
async fn months_get_partitions(store: &dyn Store, postgres: &Postgres) {
    let now = Timestamp::parse("2026-11-22T00:00:00Z").unwrap();
    let seconds = |text: &str| Timestamp::parse(text).unwrap().as_millis() / 1000;
    let times = ["2026-10-31T23:59:59Z", "2026-11-01T00:00:00Z", "1950-06-01T00:00:00Z", "2150-06-01T00:00:00Z"];
    let events = times.iter().enumerate().map(|(at, text)| event(&format!("mo{at}"), "mo", "view", seconds(text), "k"));
    store.work(Work { now, ..append(events.collect()) }).await.unwrap();
    let sql = "SELECT tableoid::regclass::text FROM event WHERE person_id = 'mo' ORDER BY time";
    let client = postgres.client().await.unwrap();
    let found: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert_eq!(found, ["event_other", "event_2026_10", "event_2026_11", "event_other"]);
    assert_eq!(ids(store, "mo", &Filter::default()).await, ["mo3", "mo1", "mo0", "mo2"]);
}
