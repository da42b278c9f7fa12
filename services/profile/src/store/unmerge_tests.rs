//! The histories of [`unmerge_tests`](crate::domain::unmerge_tests) through the stores.

use std::sync::Arc;

use attune_kernel::{Personal, Secret};
use attune_proto::identity::v1::Identifier;
use attune_proto::profile::v1 as proto;
use attune_storage::{Engine, Postgres, PostgresConfig, Storage, migrate};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost_types::value::Kind;
use serde_json::{Value, json};

use super::{Once, Rewrite, Store, Work, body};
use crate::domain::batch::Batch;
use crate::domain::event::{Event, Filter};
use crate::domain::rules::Rules;
use crate::domain::unmerge_tests::{ATTRIBUTES, NAMES, PERSONS, Step, histories, hours, rules, seen, tell, write};

fn text(value: &str) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(value.to_owned())) }
}

fn event(step: &Step, prefix: &str) -> Option<Event> {
    let Step::Event { id, named, via, name, hour, attribute } = step else { return None };
    let attributes = attribute.map(|(at, value)| (ATTRIBUTES[at].to_owned(), text(&value.to_string())));
    let attributes = prost_types::Struct { fields: attributes.into_iter().collect() };
    let attributes = prost_types::Value { kind: Some(Kind::StructValue(attributes)) };
    let message = proto::Event {
        event_id: format!("{prefix}{id}"),
        event: NAMES[*name].to_owned(),
        time: Some(prost_types::Timestamp { seconds: hour * 3600, nanos: 0 }),
        properties: Some(prost_types::Struct { fields: [("attributes".to_owned(), attributes)].into() }),
        via: via.map(|via| Identifier { namespace: "cookie".to_owned(), value: format!("c{via}") }),
        ..proto::Event::default()
    };
    Some(body::from_message(message, &format!("{prefix}p{named}"), hours(*hour)))
}

async fn follow(store: &dyn Store, steps: &[Step], prefix: &str, rules: &Arc<Rules>) {
    let id = |person: usize| format!("{prefix}p{person}");
    for step in steps {
        let rewrite = match step {
            Step::Merge { surviving, merged } => Rewrite::Merge { surviving: id(*surviving), merged: id(*merged) },
            Step::Split { person, split, members } => Rewrite::Split {
                person: id(*person),
                split: id(*split),
                ids: members.iter().map(|one| id(*one)).collect(),
                via: Personal::new(members.iter().map(|one| ("cookie".to_owned(), format!("c{one}"))).collect()),
            },
            Step::Event { .. } | Step::Write { .. } | Step::Tag { .. } | Step::Consent { .. } => {
                let (own, prefix) = (step.clone(), prefix.to_owned());
                let persons = match step {
                    Step::Write { named, .. } | Step::Tag { named, .. } | Step::Consent { named, .. } => {
                        vec![id(*named)]
                    }
                    _ => Vec::new(),
                };
                let events: Vec<Event> = event(step, &prefix).into_iter().collect();
                let work = Work {
                    fill: false,
                    events: Arc::new(events),
                    persons,
                    decide: Arc::new(move |batch: &mut Batch, fresh: &[Event]| {
                        batch.observe(fresh);
                        if fresh.is_empty() {
                            let change = |document: &mut _| Ok(write(document, &own, |one| format!("{prefix}p{one}")));
                            batch.change_only::<crate::error::Error>(change)?;
                        }
                        Ok(())
                    }),
                    rules: Arc::clone(rules),
                    now: hours(60),
                    request_id: String::new(),
                };
                store.work(work).await.unwrap();
                continue;
            }
        };
        assert!(store.rewrite(Once::No, rewrite, Arc::clone(rules), hours(60)).await.unwrap().applied);
    }
}

/// Everyone as they are seen, by every id ever used, and the members of every segment, without the prefix.
async fn all(store: &dyn Store, prefix: &str, rules: &Rules) -> String {
    let mut out = Vec::new();
    for person in 0..PERSONS {
        let id = format!("{prefix}p{person}");
        let document = store.documents(std::slice::from_ref(&id)).await.unwrap().remove(0);
        let timeline = store.timeline(&id, &Filter::default(), None, 1000).await.unwrap();
        let event_id = |body: &[u8]| super::body::decode(body, &id).unwrap().event_id;
        let mut timeline: Vec<_> =
            timeline.into_iter().map(|(place, body)| (place.0, event_id(&body), body.len())).collect();
        // Of the same time, places are in the order of hashes, which differs with the prefix.
        timeline.sort();
        let timeline = timeline.into_iter().map(|one| json!(one)).collect();
        out.push(seen(&document, timeline, hours(60)));
    }
    for segment in rules.segments() {
        let members = store.members(segment.id(), Some(prefix), 1000).await.unwrap();
        out.push(members.into_iter().filter(|id| id.starts_with(prefix)).collect());
    }
    Value::Array(out).to_string().replace(prefix, "")
}

async fn merges_that_are_taken_back_leave_nothing(store: Arc<dyn Store>, count: usize) {
    let (mut runner, rules) = (TestRunner::default(), rules());
    for index in 0..count {
        let history = histories(40).new_tree(&mut runner).unwrap().current();
        let mut ends = Vec::new();
        for (world, with) in [("h", true), ("w", false)] {
            let prefix = format!("{world}{index:04}-");
            follow(&*store, &tell(&history, with), &prefix, &rules).await;
            ends.push(all(&*store, &prefix, &rules).await);
        }
        assert_eq!(ends[0], ends[1], "{history:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_embedded_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = super::open(&Storage::Embedded(Engine::open(dir.path()).unwrap())).unwrap();
    merges_that_are_taken_back_leave_nothing(store, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_postgres_store() {
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("profile_test_{:x}", attune_service_kit::clock::IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, super::MIGRATIONS).await.unwrap();
    let store = super::open(&Storage::Postgres(postgres.clone())).unwrap();
    merges_that_are_taken_back_leave_nothing(store, 40).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}
