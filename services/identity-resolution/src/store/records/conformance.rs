//! What both stores promise.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test says what went wrong by failing")]

use std::sync::Arc;

use attune_kernel::{PersonId, Personal, Secret, Timestamp};
use attune_storage::{Engine, Postgres, PostgresConfig, Storage, StorageError, migrate};

use super::{Batch, Models, Published, Records, Relations, Remembered, Reviews, Wanted, open};
use crate::domain::matching::review::{Decided, Verdict};
use crate::domain::matching::{AttributeRecord, End, Pair, RecordKey, Relation, RelationId, Review, ReviewId};
use crate::store::MIGRATIONS;

async fn over_both<F, Fut>(check: F)
where
    F: Fn(Arc<dyn Records>) -> Fut,
    Fut: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    check(open(&Storage::Embedded(Engine::open(directory.path()).unwrap())).unwrap()).await;
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("identity_records_{:016x}", attune_service_kit::clock::IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    check(open(&Storage::Postgres(postgres.clone())).unwrap()).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

fn key(of: u8) -> RecordKey {
    RecordKey::cut(&[of; 16])
}

fn record(of: u8, blocks: &[u64]) -> AttributeRecord {
    AttributeRecord {
        key: key(of),
        value: format!("value {of}"),
        source: "crm".to_owned(),
        attributes: vec![("given_name".to_owned(), Personal::new(format!("민수 {of}")))],
        event_time: Timestamp::from_micros(5),
        arrived: Timestamp::from_micros(6),
        model: u64::MAX - u64::from(of),
        prepared: vec![of, 0, 255],
        blocks: blocks.to_vec(),
    }
}

fn pair(one: u8, other: u8, weight: f64) -> Pair {
    Pair::new(key(one), key(other), weight, 0.75)
}

fn review(one: u8, other: u8, weight: f64) -> Review {
    Review::open(&pair(one, other, weight), Timestamp::from_micros(7))
}

fn decided(review: &Review) -> Review {
    let mut review = review.clone();
    let (actor, reason, time) = ("ann".to_owned(), "called".to_owned(), Timestamp::from_micros(8));
    review.decide(Decided { verdict: Verdict::Different, actor, reason, time });
    review
}

fn relation(from: End, to: End, kind: &str, source: &str) -> Relation {
    Relation {
        id: RelationId::of(from, to, kind, source),
        from,
        to,
        kind: kind.to_owned(),
        confidence: 0.5,
        source: source.to_owned(),
        evidence: "one phone".to_owned(),
        created: Timestamp::from_micros(9),
    }
}

fn person(of: u128) -> PersonId {
    PersonId::from_parts(Timestamp::from_millis(1), of)
}

async fn candidates(records: &Arc<dyn Records>, of: u8, blocks: &[u64], cap: usize) -> (Vec<RecordKey>, u64) {
    let wanted = [Wanted { key: key(of), blocks: blocks.to_vec() }];
    let mut found = records.candidates(&wanted, cap).await.unwrap();
    for key in &found.of[0] {
        assert!(found.records.contains_key(key), "each candidate comes with its form");
    }
    (found.of.remove(0), found.oversized)
}

#[tokio::test]
async fn records_are_found_by_what_they_share() {
    over_both(|records| async move {
        let (one, two, three) = (record(1, &[10, u64::MAX]), record(2, &[10, 20]), record(3, &[u64::MAX, 30]));
        let batch = Batch { records: vec![three.clone(), one.clone(), two.clone()], ..Batch::default() };
        assert!(records.write(batch).await.unwrap());
        assert_eq!(candidates(&records, 1, &[10, u64::MAX], 9).await, (vec![key(2), key(3)], 0));
        assert_eq!(candidates(&records, 9, &[10, 20, 40], 9).await, (vec![key(1), key(2)], 0), "each once");
        assert_eq!(candidates(&records, 9, &[10, 30], 1).await, (vec![key(3)], 1), "a large block is passed over");
        let wanted = [Wanted { key: key(2), blocks: vec![] }, Wanted { key: key(8), blocks: vec![30] }];
        let found = records.candidates(&wanted, 9).await.unwrap();
        assert_eq!(found.of, [vec![], vec![key(3)]]);
        assert_eq!(found.records.len(), 2, "what is stored under a wanted key is answered too");
        assert_eq!(
            (found.records[&key(2)].model, found.records[&key(2)].prepared.clone()),
            (two.model, two.prepared.clone())
        );
        assert_eq!(records.candidates(&[], 9).await.unwrap().of.len(), 0);

        let moved = AttributeRecord { prepared: vec![], ..record(2, &[20, 30]) };
        records.write(Batch { records: vec![moved.clone()], ..Batch::default() }).await.unwrap();
        assert_eq!(candidates(&records, 1, &[10], 9).await.0, []);
        assert_eq!(candidates(&records, 1, &[30], 9).await.0, [key(2), key(3)]);
        let mut read = records.records(&[key(2), key(7), key(1)]).await.unwrap();
        read.sort_by_key(|one| one.key);
        assert_eq!(read, [one.clone(), moved.clone()]);
        assert_eq!(records.page(None, 2).await.unwrap(), [one, moved.clone()]);
        assert_eq!(records.page(Some(key(1)), 9).await.unwrap(), [moved, three]);
        assert_eq!(records.page(Some(key(3)), 9).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn pairs_are_seen_from_both_sides_and_go_with_a_version() {
    over_both(|records| async move {
        let all = (1..=4).map(|of| record(of, &[])).collect();
        let pairs = vec![pair(2, 1, 3.5), Pair { linked: true, ..pair(2, 3, -0.25) }, pair(4, 5, 1.0)];
        records.write(Batch { records: all, pairs: pairs.clone(), ..Batch::default() }).await.unwrap();
        let found = records.neighbourhood(&[key(1), key(2), key(9)]).await.unwrap();
        let mut seen = found.pairs.clone();
        seen.sort_by_key(|pair| pair.right);
        assert_eq!(seen, [pairs[0], pairs[1]]);
        let mut near: Vec<RecordKey> = found.records.into_keys().collect();
        near.sort_unstable();
        assert_eq!(near, [key(1), key(2), key(3)]);
        assert_eq!(records.neighbourhood(&[key(4)]).await.unwrap().pairs, [], "a pair of nobody is none");
        let linked = Pair { linked: true, ..pairs[0] };
        records.write(Batch { pairs: vec![pairs[0], linked], ..Batch::default() }).await.unwrap();
        assert_eq!(records.neighbourhood(&[key(1)]).await.unwrap().pairs, [linked]);

        let open = review(2, 3, 1.0);
        let kept = decided(&review(2, 4, 2.0));
        let found = Relation::found(key(2), key(4), "family", 0.9, String::new(), Timestamp::from_micros(1));
        let declared = relation(End::Record(key(2)), End::Person(person(1)), "employer", "crm");
        let batch =
            Batch { reviews: vec![open, kept.clone()], relations: vec![found, declared.clone()], ..Batch::default() };
        records.write(batch).await.unwrap();
        records.write(Batch { cleared: vec![key(2)], ..Batch::default() }).await.unwrap();
        assert_eq!(records.neighbourhood(&[key(1), key(2), key(3)]).await.unwrap().pairs, []);
        assert_eq!(records.reviews(&Reviews::OfRecords(vec![key(2)])).await.unwrap(), [kept], "verdicts stay");
        assert_eq!(
            records.relations(&Relations::At(vec![End::Record(key(2)), End::Record(key(4))])).await.unwrap(),
            [declared]
        );
    })
    .await;
}

#[tokio::test]
async fn reviews_come_by_weight_and_a_verdict_replaces() {
    over_both(|records| async move {
        let reviews = [review(1, 2, 5.0), review(1, 3, -2.0), review(2, 3, 5.0), review(4, 5, 0.0)];
        records.write(Batch { reviews: reviews.to_vec(), ..Batch::default() }).await.unwrap();
        let ids = |reviews: &[Review]| reviews.iter().map(|one| one.id).collect::<Vec<ReviewId>>();
        let mut expected: Vec<&Review> = reviews.iter().collect();
        expected.sort_by(|one, other| other.weight.total_cmp(&one.weight).then(one.id.cmp(&other.id)));
        let expected: Vec<ReviewId> = expected.into_iter().map(|one| one.id).collect();
        let page = |after, limit, decided| {
            let records = Arc::clone(&records);
            async move { records.reviews(&Reviews::Page { after, limit, decided }).await.unwrap() }
        };
        let first = page(None, 1, false).await;
        let rest = page(Some((first[0].weight, first[0].id)), 9, false).await;
        assert_eq!([ids(&first), ids(&rest)].concat(), expected);

        let verdict = decided(&reviews[0]);
        let again = Review { created: Timestamp::from_micros(99), ..reviews[1].clone() };
        records.write(Batch { reviews: vec![verdict.clone(), again], ..Batch::default() }).await.unwrap();
        records.write(Batch { reviews: vec![reviews[0].clone()], ..Batch::default() }).await.unwrap();
        assert_eq!(
            records.reviews(&Reviews::ById(vec![verdict.id])).await.unwrap(),
            std::slice::from_ref(&verdict),
            "not asked again"
        );
        assert_eq!(records.reviews(&Reviews::ById(vec![reviews[1].id])).await.unwrap(), [reviews[1].clone()]);
        assert_eq!(page(None, 9, false).await.len(), 3);
        assert_eq!(records.open_reviews().await.unwrap(), 3);
        assert_eq!(ids(&page(None, 9, true).await), expected);
        let mut of = ids(&records.reviews(&Reviews::OfRecords(vec![key(1), key(2)])).await.unwrap());
        of.sort_unstable();
        let mut three = ids(&reviews[..3]);
        three.sort_unstable();
        assert_eq!(of, three);

        let moot = vec![verdict.id, reviews[3].id];
        records.write(Batch { moot, ..Batch::default() }).await.unwrap();
        assert_eq!(ids(&page(None, 9, true).await).len(), 3, "what was decided is not moot");
    })
    .await;
}

#[tokio::test]
async fn relations_are_found_at_either_end() {
    over_both(|records| async move {
        let (ada, eve) = (End::Person(person(1)), End::Person(person(2)));
        let one = relation(ada, eve, "employer", "crm");
        let two = relation(eve, End::Record(key(7)), "family", "matching");
        records.write(Batch { relations: vec![one.clone(), two.clone()], ..Batch::default() }).await.unwrap();
        assert_eq!(records.relations(&Relations::At(vec![ada])).await.unwrap(), std::slice::from_ref(&one));
        assert_eq!(
            records.relations(&Relations::At(vec![eve, End::Record(key(7))])).await.unwrap().len(),
            2,
            "each once"
        );
        let surer = Relation { confidence: 1.0, created: Timestamp::from_micros(50), ..one.clone() };
        records.write(Batch { relations: vec![surer.clone()], ..Batch::default() }).await.unwrap();
        let kept = Relation { created: one.created, ..surer };
        assert_eq!(records.relations(&Relations::ById(one.id)).await.unwrap(), [kept]);
        records.write(Batch { unrelated: vec![one.id], ..Batch::default() }).await.unwrap();
        assert_eq!(records.relations(&Relations::ById(one.id)).await.unwrap(), []);
        assert_eq!(records.relations(&Relations::At(vec![ada])).await.unwrap(), []);
        let itself = relation(ada, ada, "referrer", "crm");
        records.write(Batch { relations: vec![itself.clone()], ..Batch::default() }).await.unwrap();
        assert_eq!(records.relations(&Relations::At(vec![ada])).await.unwrap(), [itself]);
    })
    .await;
}

#[tokio::test]
async fn an_erasure_leaves_nothing() {
    over_both(|records| async move {
        let ends = (End::Record(key(1)), End::Person(person(1)));
        let batch = Batch {
            records: vec![record(1, &[10]), record(2, &[10])],
            pairs: vec![pair(1, 2, 1.0)],
            reviews: vec![decided(&review(1, 2, 1.0))],
            relations: vec![
                relation(ends.0, End::Record(key(2)), "family", "matching"),
                relation(ends.1, End::Person(person(2)), "employer", "crm"),
                relation(End::Person(person(2)), End::Person(person(3)), "employer", "crm"),
            ],
            ..Batch::default()
        };
        records.write(batch).await.unwrap();
        records.erase(&[key(1), key(8)], &[person(1)]).await.unwrap();
        assert_eq!(candidates(&records, 9, &[10], 9).await.0, [key(2)]);
        assert_eq!(records.page(None, 9).await.unwrap(), [record(2, &[10])]);
        assert_eq!(records.neighbourhood(&[key(2)]).await.unwrap().pairs, []);
        assert_eq!(records.reviews(&Reviews::Page { after: None, limit: 9, decided: true }).await.unwrap(), []);
        assert_eq!(records.relations(&Relations::At(vec![ends.0, ends.1, End::Record(key(2))])).await.unwrap(), []);
        assert_eq!(records.relations(&Relations::At(vec![End::Person(person(2))])).await.unwrap().len(), 1);
        records.erase(&[key(1)], &[person(1)]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn models_are_kept_with_their_history() {
    over_both(|records| async move {
        assert_eq!(records.models(&Models::Current).await.unwrap(), []);
        for (version, micros) in [("a", 1), ("b", 2), ("a", 3)] {
            let model = Published {
                number: 0,
                version: version.to_owned(),
                time: Timestamp::from_micros(micros),
                actor: "ann".to_owned(),
                json: format!("{{\"is\":\"{version}\"}}"),
            };
            records.write(Batch { model: Some(model), ..Batch::default() }).await.unwrap();
        }
        let current = records.models(&Models::Current).await.unwrap();
        assert_eq!(
            (current[0].number, current[0].version.as_str(), current[0].json.as_str()),
            (3, "a", "{\"is\":\"a\"}")
        );
        let named = records.models(&Models::Version("b".to_owned())).await.unwrap();
        assert_eq!((named[0].number, named[0].json.as_str()), (2, "{\"is\":\"b\"}"));
        assert_eq!(records.models(&Models::Version("a".to_owned())).await.unwrap()[0].number, 3);
        assert_eq!(records.models(&Models::Version("c".to_owned())).await.unwrap(), []);
        let page = |below, limit| Models::Page { below, limit };
        let numbers = |models: Vec<Published>| models.iter().map(|one| one.number).collect::<Vec<u64>>();
        assert_eq!(numbers(records.models(&page(None, 2)).await.unwrap()), [3, 2]);
        let rest = records.models(&page(Some(2), 2)).await.unwrap();
        assert_eq!((rest.len(), rest[0].number, rest[0].json.as_str()), (1, 1, ""));
    })
    .await;
}

#[tokio::test]
async fn a_request_is_fulfilled_once() {
    over_both(|records| async move {
        let request = |digest| Some(Remembered { id: "relation:1".to_owned(), digest: [digest; 32] });
        let one = relation(End::Person(person(1)), End::Person(person(2)), "employer", "crm");
        let batch = Batch { relations: vec![one.clone()], request: request(1), ..Batch::default() };
        let asked = |digest| {
            let (records, request) = (Arc::clone(&records), request(digest).unwrap());
            async move { records.is_fulfilled(&request).await }
        };
        assert_eq!(asked(1).await, Ok(false));
        assert!(records.write(batch.clone()).await.unwrap());
        assert_eq!((asked(1).await, asked(2).await), (Ok(true), Err(StorageError::RequestIdReused)));
        records.write(Batch { unrelated: vec![one.id], ..Batch::default() }).await.unwrap();
        assert!(!records.write(batch.clone()).await.unwrap());
        assert_eq!(
            records.relations(&Relations::ById(one.id)).await.unwrap(),
            [],
            "a retry does not undo what came after"
        );
        let other = Batch { request: request(2), ..batch };
        assert_eq!(records.write(other).await.unwrap_err(), StorageError::RequestIdReused);
    })
    .await;
}
