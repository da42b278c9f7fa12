//! Records in a stream come to the persons that one bulk run finds.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{self, World};
use attune_identity_resolution::Config;
use attune_matching::cluster::{Edge, Rule, Task, cluster};
use attune_matching::dedupe::Times;
use attune_matching::{Dedupe, Model, Options, Prepared};
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;

const NAMES: [&str; 6] = ["given_name", "family_name", "date_of_birth", "phone", "postcode", "street"];
const GIVEN: [&str; 12] =
    ["Ada", "Boris", "Cleo", "Dora", "Emil", "Frieda", "Gustav", "Hilda", "Igor", "Johanna", "Karim", "Leonie"];
const HEAD: [&str; 10] = ["Love", "Bab", "Somer", "Her", "Wheat", "Fara", "Max", "Thom", "Ray", "Stoke"];
const TAIL: [&str; 8] = ["lace", "bage", "ville", "schel", "stone", "day", "well", "son"];
const STREETS: [&str; 6] = ["Mill Lane", "High Street", "Oak Avenue", "Station Road", "Church Hill", "Dock Quay"];

/// A small generator of numbers; the same for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1));
        }
    }
}

/// Records of persons who are seen once to four times, with slips, gaps and families under one roof.
fn records(persons: usize, seed: u64) -> Vec<Vec<String>> {
    let mut random = Random(seed);
    let mut records = Vec::new();
    let mut home = (String::new(), String::new(), String::new());
    for person in 0..persons {
        if person == 0 || random.below(4) > 0 {
            let family = format!("{}{}", HEAD[random.below(HEAD.len())], TAIL[random.below(TAIL.len())]);
            let street = format!("{} {}", STREETS[random.below(STREETS.len())], 1 + random.below(80));
            home = (family, street, format!("{:05}", 10_000 + random.below(300)));
        }
        let born = format!("19{}-{:02}-{:02}", 30 + random.below(70), 1 + random.below(12), 1 + random.below(28));
        let phone = format!("+4930{:07}", random.below(10_000_000));
        let (family, street, postcode) = home.clone();
        let whole = vec![GIVEN[random.below(GIVEN.len())].to_owned(), family, born, phone, postcode, street];
        for _ in 0..1 + random.below(4) {
            let mut seen = whole.clone();
            for _ in 0..random.below(3) {
                let at = random.below(seen.len());
                if random.below(2) == 0 || seen[at].len() < 3 {
                    seen[at].clear();
                } else {
                    let letter = random.below(seen[at].len() - 1);
                    let mut letters: Vec<char> = seen[at].chars().collect();
                    letters.swap(letter, letter + 1);
                    seen[at] = letters.into_iter().collect();
                }
            }
            records.push(seen);
        }
    }
    random.shuffle(&mut records);
    records
}

fn train(records: &[Vec<String>]) -> Model {
    let mut dedupe = Dedupe::new(None, Options::default());
    let mut input = dedupe.add_input("records", &NAMES).unwrap();
    for record in records {
        input.push(record.iter().map(String::as_str)).unwrap();
    }
    let model = dedupe.run(&Times::default, &|_, _, _| {}).unwrap().model;
    // As it is after having been saved and read.
    Model::from_json(&model.to_json()).unwrap()
}

type Groups = BTreeSet<BTreeSet<usize>>;

fn groups<K: Ord>(keys: impl IntoIterator<Item = K>) -> Groups {
    let mut groups: BTreeMap<K, BTreeSet<usize>> = BTreeMap::new();
    for (at, key) in keys.into_iter().enumerate() {
        groups.entry(key).or_default().insert(at);
    }
    groups.into_values().collect()
}

/// All records at once: every pair that shares a key is scored, and all are clustered together.
fn in_bulk(model: &Model, records: &[Vec<String>]) -> Groups {
    let forms: Vec<Prepared> = records.iter().map(|record| model.prepare(&said(record))).collect();
    let mut blocks: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (at, form) in forms.iter().enumerate() {
        for key in model.blocking_keys(form) {
            blocks.entry(key).or_default().push(at);
        }
    }
    let small = blocks.values().filter(|members| members.len() <= Config::default().matching.max_block);
    let pairs: BTreeSet<(usize, usize)> = small
        .flat_map(|members| members.iter().flat_map(|one| members.iter().map(|other| (*one, *other))))
        .filter(|(one, other)| one < other)
        .collect();
    let weight = |left: u32, right: u32| {
        #[expect(clippy::cast_possible_truncation, reason = "as the service does")]
        let weight = model.score(&forms[left as usize], &forms[right as usize]).weight as f32;
        weight
    };
    let number = |at: usize| u32::try_from(at).unwrap();
    let edges: Vec<Edge> = pairs
        .into_iter()
        .map(|(left, right)| (number(left), number(right)))
        .map(|(left, right)| Edge { left, right, weight: weight(left, right) })
        .filter(|edge| {
            let score = model.score(&forms[edge.left as usize], &forms[edge.right as usize]);
            score.probability >= model.threshold()
        })
        .collect();
    let threshold = (model.threshold() / (1.0 - model.threshold())).log2();
    #[expect(clippy::cast_possible_truncation, reason = "as the service does")]
    let rule = Rule::new(threshold as f32);
    let task = Task { records: records.len(), edges: &edges, ..Task::default() };
    groups(cluster(&task, &rule, &weight, 1).cluster_of)
}

fn said(record: &[String]) -> Vec<(&str, &str)> {
    NAMES.iter().copied().zip(record.iter().map(String::as_str)).filter(|(_, value)| !value.is_empty()).collect()
}

async fn publish(world: &World, model: &Model) {
    let request = pb::PublishModelRequest { model_json: model.to_json(), actor: "test".to_owned() };
    world.client().publish_model(request).await.unwrap();
}

/// Sends the records in chunks; answers the person of each.
async fn stream(world: &World, records: &[Vec<String>], order: &[usize], chunk: usize) -> Vec<String> {
    let request = |at: &usize| pb::ResolveRequest {
        event_time: Some(prost_types::Timestamp { seconds: world::NOW - 100, nanos: 0 }),
        ..world.request(&[], &format!("file:{at}"), &said(&records[*at]))
    };
    let chunks: Vec<pb::BatchResolveRequest> = order
        .chunks(chunk)
        .map(|part| pb::BatchResolveRequest { requests: part.iter().map(request).collect() })
        .collect();
    let mut answers = world.client().batch_resolve(tokio_stream::iter(chunks)).await.unwrap().into_inner();
    let mut persons = vec![String::new(); records.len()];
    let mut at = order.iter();
    while let Some(answer) = answers.message().await.unwrap() {
        for result in answer.results {
            match result.result.unwrap() {
                Answer::Response(response) => persons[*at.next().unwrap()] = response.person_id,
                Answer::Error(error) => panic!("{error:?}"),
            }
        }
    }
    persons
}

#[tokio::test]
async fn streaming_and_reconciling_equal_one_bulk_run() {
    let records = records(220, 7);
    let model = train(&records);
    let expected = in_bulk(&model, &records);
    assert!(expected.iter().any(|group| group.len() > 2) && expected.len() > 100, "{}", expected.len());
    world::over_both(|world| {
        let (records, model, expected) = (records.clone(), model.clone(), expected.clone());
        async move {
            publish(&world, &model).await;
            let mut order: Vec<usize> = (0..records.len()).collect();
            Random(99).shuffle(&mut order);
            // One by one at first, then in chunks.
            stream(&world, &records, &order[..40], 1).await;
            stream(&world, &records, &order[40..], 64).await;
            world.reconcile().await;
            let persons = stream(&world, &records, &order, 500).await;
            assert_eq!(groups(&persons), expected);
            let again = world.reconcile().await;
            assert_eq!((again.links, again.unlinks, again.reviews), (0, 0, 0), "{again:?}");
            assert_eq!(usize::try_from(again.records).unwrap(), records.len());
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_put_into_use_carries_the_records_over() {
    let records = records(60, 11);
    let model = train(&records);
    let expected = in_bulk(&model, &records);
    world::over_both(|world| {
        let (records, model, expected) = (records.clone(), model.clone(), expected.clone());
        async move {
            let order: Vec<usize> = (0..records.len()).collect();
            stream(&world, &records, &order, 100).await;
            publish(&world, &model).await;
            // Once for those that come before the ones they match, once more for all.
            world.reconcile().await;
            world.reconcile().await;
            assert_eq!(groups(&stream(&world, &records, &order, 100).await), expected);
        }
    })
    .await;
}
