//! What both stores must do. Over Postgres when `ATTUNE_TEST_POSTGRES` names one.

mod merges;

use std::collections::BTreeMap;

use attune_kernel::{Personal, Secret};
use attune_service_kit::server::Stop;
use attune_storage::{Engine, Postgres, PostgresConfig, migrate};

use super::*;
use crate::clients::{History, Page};
use crate::domain::condition::Condition;
use crate::domain::event::{Event, Identifier};
use crate::domain::journey::{Journey, Stage};
use crate::domain::sessions::{Unit, sequences};
use crate::domain::trigger::compiled;
use crate::metrics::Metrics;
use crate::service::Backfill;

fn at(second: i64) -> Timestamp {
    Timestamp::from_millis(second * 1000)
}

/// A schema of its own in a Postgres, dropped at the end.
struct Schema {
    postgres: Postgres,
    name: String,
}

impl Schema {
    async fn create() -> Option<Self> {
        let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("journey_test_{:016x}", attune_service_kit::clock::IdSource::random().seed());
        let timeout = Duration::from_secs(30);
        let config = PostgresConfig {
            url: Secret::new(url),
            schema: name.clone(),
            connect_timeout: timeout,
            statement_timeout: timeout,
            lock_timeout: timeout,
            ..PostgresConfig::default()
        };
        let postgres = Postgres::connect(config).await.unwrap();
        migrate(&postgres, MIGRATIONS).await.unwrap();
        Some(Self { postgres, name })
    }

    async fn drop(self) {
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        self.postgres.client().await.unwrap().batch_execute(&sql).await.unwrap();
    }
}

async fn over_both<F, Fut>(check: F)
where
    F: Fn(Arc<dyn Store>) -> Fut,
    Fut: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    check(open(&Storage::Embedded(engine)).unwrap()).await;
    if let Some(schema) = Schema::create().await {
        check(open(&Storage::Postgres(schema.postgres.clone())).unwrap()).await;
        schema.drop().await;
    }
}

/// Carts abandoned for an hour, and the journey view, cart, buy.
fn book() -> Arc<Rulebook> {
    let stages = ["view", "cart", "buy"].map(|name| Stage { name: name.to_owned(), entry: Condition::named(name) });
    Arc::new(Rulebook {
        sets: vec![compiled("rules:\n- {id: left, events: cart, wait: {for: 1h, unless: buy}, placement: mail}")],
        journeys: vec![Journey { id: "shop".to_owned(), stages: stages.into(), exit: None }],
        settle: Duration::from_secs(5),
    })
}

fn event(person: &str, id: &str, second: i64, name: &str) -> (String, Recorded) {
    let properties = [("amount".to_owned(), 5.0.into()), ("sku".to_owned(), "a\"b".into())].into();
    let event =
        Event { id: id.to_owned(), name: name.to_owned(), time: at(second), channel: "web".to_owned(), properties };
    (
        person.to_owned(),
        Recorded { event, sequence: 0, session: String::new(), via: None, origin: String::new(), shared: false },
    )
}

fn by_cookie(value: &str, mut event: (String, Recorded)) -> (String, Recorded) {
    event.1.via = Some(cookie(value));
    event
}

fn cookie(value: &str) -> Identifier {
    Identifier { namespace: "cookie".to_owned(), value: Personal::new(value.to_owned()) }
}

async fn observe(store: &Arc<dyn Store>, events: Vec<(String, Recorded)>, now: i64) -> Vec<Fate> {
    store.observe(&book(), events, at(now)).await.unwrap().fates
}

/// Every entry of the feed as person and text.
async fn told(store: &Arc<dyn Store>) -> Vec<(String, String)> {
    let entries = store.changes(0, 10_000, Duration::ZERO).await.unwrap();
    // Without a gap but for what was said of who is erased now, which the feed's own tests see to.
    assert!(entries.is_sorted_by(|one, next| one.offset < next.offset), "offsets rise");
    let text = |change: &Change| match change {
        Change::Trigger { rule, placement, evidence, time, .. } => {
            format!("{rule} {placement} {} {}", evidence.join(","), time.as_millis() / 1000)
        }
        Change::Stage { from, to, .. } => format!("{from}>{to}"),
    };
    entries.iter().map(|entry| (entry.person.clone(), text(&entry.change))).collect()
}

async fn triggers(store: &Arc<dyn Store>) -> Vec<(String, String)> {
    told(store).await.into_iter().filter(|(_, text)| text.starts_with("left")).collect()
}

fn one(person: &str, text: &str) -> (String, String) {
    (person.to_owned(), text.to_owned())
}

/// The log as person and names in order.
async fn logged(store: &Arc<dyn Store>, selection: Selection) -> BTreeMap<String, String> {
    let log = store.log(Selection { limit: 1000, ..selection }).await.unwrap();
    sequences(&log, Unit::Customer, 1)
        .iter()
        .map(|one| {
            let names = one.rows.map(|row| log.name(row));
            (log.customers().text(one.customer).unwrap().to_owned(), names.collect::<Vec<_>>().join(" "))
        })
        .collect()
}

fn log_of<const N: usize>(of: [(&str, &str); N]) -> BTreeMap<String, String> {
    of.map(|(person, names)| (person.to_owned(), names.to_owned())).into()
}

#[tokio::test]
async fn events_are_logged_once_in_the_order_of_time() {
    over_both(|store| async move {
        let batch = vec![event("ada", "2", 20, "cart"), event("ada", "1", 10, "view"), event("bob", "1", 5, "view")];
        assert_eq!(observe(&store, batch.clone(), 30).await, [Fate::New; 3]);
        assert_eq!(observe(&store, batch, 31).await, [Fate::Duplicate; 3]);
        let mixed = vec![event("ada", "3", 15, "look"), event("ada", "3", 15, "look"), event("ada", "1", 99, "view")];
        assert_eq!(observe(&store, mixed, 32).await, [Fate::New, Fate::Duplicate, Fate::Duplicate]);
        let all = logged(&store, Selection::default()).await;
        assert_eq!(all, log_of([("ada", "view look cart"), ("bob", "view")]));
        // The stage that was reached in the order of time, once.
        let expected = [one("ada", ">view"), one("ada", "view>cart"), one("bob", ">view")];
        assert_eq!(told(&store).await, expected);
    })
    .await;
}

#[tokio::test]
async fn ties_are_ordered_by_sequence_then_id() {
    over_both(|store| async move {
        let mut events =
            vec![event("ada", "b", 1, "third"), event("ada", "a", 1, "second"), event("ada", "z", 1, "first")];
        events[2].1.sequence = -1;
        observe(&store, events, 5).await;
        assert_eq!(logged(&store, Selection::default()).await, log_of([("ada", "first second third")]));
    })
    .await;
}

#[tokio::test]
async fn selections_narrow_the_log() {
    over_both(|store| async move {
        let names = ["view", "cart", "view", "buy"];
        let events = names.iter().zip(1..).map(|(name, n)| event("ada", &n.to_string(), n * 10, name)).collect();
        observe(&store, events, 50).await;
        observe(&store, vec![event("bob", "1", 20, "view"), event("cyd", "1", 20, "home")], 50).await;
        let select = |selection| logged(&store, selection);
        let between = Selection { start: Some(at(20)), end: Some(at(40)), ..Selection::default() };
        assert_eq!(select(between.clone()).await, log_of([("ada", "cart view"), ("bob", "view"), ("cyd", "home")]));
        let persons = vec!["ada".to_owned(), "nobody".to_owned(), "ada".to_owned()];
        assert_eq!(select(Selection { persons, ..between }).await, log_of([("ada", "cart view")]));
        let names = vec!["view".to_owned()];
        assert_eq!(
            select(Selection { names, ..Selection::default() }).await,
            log_of([("ada", "view view"), ("bob", "view")])
        );
        let five = Selection { limit: 5, ..Selection::default() };
        assert_eq!(store.log(five).await.unwrap_err(), Error::TooManyEvents { limit: 5 });
        let with = store.log(Selection { properties: true, limit: 9, ..Selection::default() }).await.unwrap();
        assert!(with.column("amount").is_some() && with.column("sku").is_some());
    })
    .await;
}

#[tokio::test]
async fn timers_fire_once_when_they_are_due() {
    over_both(|store| async move {
        let carts = (0..10).map(|n| event(&format!("p{n}"), "1", n, "cart")).collect();
        observe(&store, carts, 20).await;
        observe(&store, vec![event("p3", "2", 50, "buy")], 50).await;
        let fire = |now, limit| {
            let store = Arc::clone(&store);
            async move { store.fire_due(&book(), at(now), limit).await.unwrap().persons }
        };
        assert_eq!(fire(3600, 100).await, 0, "a purchase could still come in the second of the deadline");
        assert_eq!(fire(3602, 100).await, 2);
        assert_eq!(fire(9999, 3).await, 3, "the longest due first, in bounded batches");
        assert_eq!((fire(9999, 100).await, fire(9999, 100).await), (4, 0));
        let fired = triggers(&store).await;
        let expected: Vec<_> = [0, 1, 2, 4, 5, 6, 7, 8, 9]
            .iter()
            .map(|n| one(&format!("p{n}"), &format!("left mail 1 {}", n + 3600)))
            .collect();
        assert_eq!(fired, expected);
        // A replay of everything changes nothing.
        observe(&store, (0..10).map(|n| event(&format!("p{n}"), "1", n, "cart")).collect(), 10_000).await;
        assert_eq!((fire(99_999, 100).await, triggers(&store).await.len()), (0, 9));
    })
    .await;
}

#[tokio::test]
async fn an_event_fires_what_was_due_before_it_and_history_waits_for_its_rest() {
    over_both(|store| async move {
        // Observed long after it happened: the timer waits a moment, in which the purchase arrives.
        observe(&store, vec![event("ada", "1", 0, "cart"), event("bob", "1", 0, "cart")], 100_000).await;
        assert_eq!(store.fire_due(&book(), at(100_000), 10).await.unwrap().persons, 0);
        observe(&store, vec![event("ada", "2", 60, "buy"), event("bob", "2", 7200, "view")], 100_001).await;
        assert_eq!(store.fire_due(&book(), at(200_000), 10).await.unwrap().persons, 0);
        assert_eq!(triggers(&store).await, [one("bob", "left mail 1 3600")]);
    })
    .await;
}

#[tokio::test]
async fn batches_of_any_size_tell_the_same() {
    over_both(|store| async move {
        let mut whole = Vec::new();
        for n in 0..60i64 {
            let name = ["view", "cart", "home", "buy", "cart"][usize::try_from(n * 7 % 5).unwrap()];
            whole.push(event("whole", &n.to_string(), n * 700 + n / 7 * 5000, name));
        }
        let of = |person: &str| whole.iter().map(|(_, e)| (person.to_owned(), e.clone())).collect::<Vec<_>>();
        observe(&store, of("whole"), 0).await;
        for event in of("single") {
            observe(&store, vec![event], 0).await;
        }
        for chunk in of("twice").chunks(7) {
            observe(&store, chunk.to_vec(), 0).await;
            observe(&store, chunk.to_vec(), 0).await;
        }
        let all = told(&store).await;
        let of = |person: &str| {
            all.iter().filter(|(who, _)| who == person).map(|(_, text)| text.clone()).collect::<Vec<_>>()
        };
        assert!(of("whole").iter().any(|text| text.starts_with("left")));
        assert_eq!(of("single"), of("whole"));
        assert_eq!(of("twice"), of("whole"));
    })
    .await;
}

#[tokio::test]
async fn an_erased_person_leaves_nothing_and_takes_nothing() {
    over_both(|store| async move {
        observe(
            &store,
            vec![event("ada", "1", 0, "cart"), event("old", "2", 0, "cart"), event("bob", "1", 0, "cart")],
            5,
        )
        .await;
        let merge = PersonChange::Merge { surviving: "ada".into(), merged: "old".into() };
        store.apply(&book(), 1, merge, at(6)).await.unwrap();
        let erase = PersonChange::Erasure { person: "ada".into(), aliases: vec!["older".into()] };
        store.apply(&book(), 2, erase, at(7)).await.unwrap();
        assert_eq!(logged(&store, Selection::default()).await, log_of([("bob", "cart")]));
        let late = ["ada", "old", "older"].map(|person| event(person, "9", 8, "view")).to_vec();
        assert_eq!(observe(&store, late, 9).await, [Fate::Erased; 3]);
        assert_eq!(store.stages("old".to_owned()).await.unwrap_err(), Error::PersonErased);
        store.fire_due(&book(), at(9999), 10).await.unwrap();
        assert_eq!(triggers(&store).await, [one("bob", "left mail 1 3600")]);
        assert!(store.unfilled(10).await.unwrap().iter().all(|(person, _)| person == "bob"));
    })
    .await;
}

#[tokio::test]
async fn acknowledgements_never_fall_and_never_run_ahead() {
    over_both(|store| async move {
        observe(&store, vec![event("ada", "1", 0, "view"), event("bob", "1", 0, "view")], 5).await;
        assert_eq!(store.acknowledged("gateway").await, Ok(0));
        assert_eq!(store.acknowledge("gateway", 2).await, Ok(2));
        assert_eq!(store.acknowledge("gateway", 1).await, Ok(2));
        assert_eq!(store.acknowledged("gateway").await, Ok(2));
        assert_eq!(store.acknowledged("other").await, Ok(0));
        assert_eq!(store.acknowledge("gateway", 3).await, Err(Error::OffsetBeyondFeed { head: 2 }));
        assert_eq!(store.changes(1, 10, Duration::ZERO).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn many_writers_of_the_same_persons_lose_and_double_nothing() {
    over_both(|store| async move {
        let writer = |number: usize| {
            let store = Arc::clone(&store);
            async move {
                for step in 0..20 {
                    // Every event is written by two writers; persons come in another order each time.
                    let id = (number / 2 * 20 + step).to_string();
                    let mut batch: Vec<_> =
                        (0..5).map(|p| event(&format!("p{p}"), &id, i64::try_from(step).unwrap(), "cart")).collect();
                    batch.rotate_left((number + step) % 5);
                    store.observe(&book(), batch, at(100)).await.unwrap();
                }
            }
        };
        let tick = async {
            for _ in 0..20 {
                store.fire_due(&book(), at(9999), 2).await.unwrap();
            }
        };
        tokio::join!(futures::future::join_all((0..6).map(writer)), tick);
        while store.fire_due(&book(), at(99_999), 10).await.unwrap().persons > 0 {}
        let log = store.log(Selection { limit: 10_000, ..Selection::default() }).await.unwrap();
        assert_eq!(log.len(), 5 * 60);
        let entries = store.changes(0, 10_000, Duration::ZERO).await.unwrap();
        let mut ids: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.change {
                Change::Trigger { trigger, .. } => Some(trigger.clone()),
                Change::Stage { .. } => None,
            })
            .collect();
        let fired = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), fired);
        assert!(fired >= 5, "{fired}");
    })
    .await;
}

/// Twelve events before each person's first one, five a page.
struct Twelve;

#[async_trait]
impl History for Twelve {
    async fn before(&self, person: &str, time: Timestamp, page: &str) -> Result<Page, attune_kernel::Problem> {
        let from: i64 = page.parse().unwrap_or(0);
        let message = |n: i64| attune_proto::profile::v1::Event {
            event_id: format!("h{n}"),
            person_id: person.to_owned(),
            event: "cart".to_owned(),
            time: Some(prost_types::Timestamp { seconds: time.as_millis() / 1000 - 100 + n, nanos: 0 }),
            ..Default::default()
        };
        let events: Vec<_> = (from..(from + 5).min(12)).map(message).collect();
        Ok(Page { events, next: if from + 5 < 12 { (from + 5).to_string() } else { String::new() } })
    }
}

#[tokio::test]
async fn history_is_fetched_once_and_fires_nothing() {
    over_both(|store| async move {
        observe(
            &store,
            vec![event("ada", "1", 1000, "view"), event("bob", "1", 500, "view"), event("bob", "2", 400, "view")],
            1000,
        )
        .await;
        assert_eq!(store.unfilled(10).await.unwrap(), [("ada".to_owned(), at(1000)), ("bob".to_owned(), at(400))]);
        let every = Duration::from_secs(1);
        let backfill =
            Backfill { store: Arc::clone(&store), history: Arc::new(Twelve), every, metrics: Metrics::new() };
        assert_eq!(backfill.round(&Stop::new()).await, Ok(2));
        assert_eq!(backfill.round(&Stop::new()).await, Ok(0));
        let log = store.log(Selection { limit: 100, ..Selection::default() }).await.unwrap();
        assert_eq!((log.rows_of(0).len(), log.rows_of(1).len()), (13, 14));
        assert_eq!(store.fire_due(&book(), at(99_999), 10).await.unwrap().persons, 0);
        observe(&store, vec![event("ada", "3", 2000, "view")], 2000).await;
        assert_eq!(store.unfilled(10).await.unwrap(), []);
    })
    .await;
}

/// Whether a text stands in a file of the directory.
fn stands_in(directory: &std::path::Path, text: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return stands_in(&path, text);
        }
        std::fs::read(path).unwrap().windows(text.len()).any(|part| part == text)
    })
}

#[tokio::test]
async fn what_an_erased_person_left_is_in_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let store = open(&Storage::Embedded(engine)).unwrap();
    let marked = |person: &str, marker: &str| {
        let mut one = by_cookie(marker, event(person, &format!("id-{marker}"), 10, "cart"));
        one.1.event.properties.insert(marker.to_owned(), marker.into());
        one.1.session = marker.to_owned();
        one
    };
    let (gone, stays) = ("canary-of-the-erased", "canary-of-the-other");
    observe(&store, vec![marked("ann", stays), marked("bob", gone)], 20).await;
    let merge = PersonChange::Merge { surviving: "ann".to_owned(), merged: "bob".to_owned() };
    assert!(store.apply(&book(), 1, merge, at(30)).await.unwrap());
    let split = PersonChange::Split {
        person: "ann".to_owned(),
        split: "bob".to_owned(),
        ids: vec!["bob".to_owned()],
        identifiers: vec![cookie(gone)],
    };
    assert!(store.apply(&book(), 2, split, at(40)).await.unwrap());
    let erasure = PersonChange::Erasure { person: "bob".to_owned(), aliases: Vec::new() };
    assert!(store.apply(&book(), 3, erasure, at(50)).await.unwrap());
    assert!(!stands_in(directory.path(), gone.as_bytes()), "nothing is left under any key");
    let selection = Selection { persons: vec!["ann".to_owned()], properties: true, limit: 10, ..Selection::default() };
    assert_eq!(store.log(selection).await.unwrap().len(), 1, "the other is whole");
    // The looking finds what is not sealed: ids of persons stand in keys.
    assert!(stands_in(directory.path(), b"ann"));
}
