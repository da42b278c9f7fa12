//! The document under late, shuffled and repeated events against a naive model that recomputes it from the timeline.

use std::collections::{BTreeMap, BTreeSet};

use attune_aggregate::Scratch;
use attune_kernel::{Personal, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::batch::Batch;
use super::catalogue;
use super::document::Document;
use super::event::Event;
use super::schema::Registry;
use super::unmerge_tests::properties;

const HOUR: i64 = 3_600_000;

fn stream() -> impl Strategy<Value = Vec<Event>> {
    let attribute =
        proptest::option::of((0_usize..3, prop_oneof![Just(Value::Null), (0_i64..9).prop_map(Value::from)]));
    let one = (0_usize..30, 0_i64..60 * 24, -2_i64..3, 0_usize..3, 0_usize..3, attribute);
    proptest::collection::vec(one, 0..80).prop_map(|list| {
        let mut known: BTreeMap<usize, Event> = BTreeMap::new();
        list.into_iter()
            .map(|(id, hour, sequence, name, session, attribute)| {
                let attribute = attribute.map(|(at, value)| (["city", "age", "plan"][at].to_owned(), value));
                // A repeat has the same id and, as its sender repeats itself, the same content.
                known
                    .entry(id)
                    .or_insert_with(|| Event {
                        event_id: format!("e{id}"),
                        person_id: ["p", "q"][id % 2].to_owned(),
                        name: ["view", "buy", "call"][name].to_owned(),
                        time: Timestamp::from_millis(hour * HOUR),
                        // Of equal places the later one is a matter of hashes, which the definition below does not know.
                        sequence: sequence * 100 + i64::try_from(id).unwrap(),
                        channel: ["web", "app", ""][name].to_owned(),
                        session: ["", "s1", "s2"][session].to_owned(),
                        source: format!("source-{name}"),
                        received: Timestamp::from_millis(hour * HOUR + 1),
                        properties: properties((name == 1).then_some(0.25), attribute.into_iter().collect()),
                        via: Some(Personal::new(("cookie".to_owned(), format!("c{}", id % 3)))),
                        origin: Default::default(),
                        body: Personal::default(),
                    })
                    .clone()
            })
            .collect()
    })
}

/// Traits and attributes from the sorted timeline, with no state carried along.
fn naive(events: &[&Event], now: Timestamp) -> (Map<String, Value>, BTreeMap<String, Value>) {
    let mut timeline = events.to_vec();
    timeline.sort_by_key(|event| event.place());
    let day = |time: Timestamp| time.as_millis().div_euclid(24 * HOUR);
    let mut traits = Map::new();
    traits.insert("event_count".to_owned(), json!(timeline.len()));
    let sessions: BTreeSet<&str> =
        timeline.iter().map(|event| event.session.as_str()).filter(|id| !id.is_empty()).collect();
    traits.insert("sessions".to_owned(), json!(sessions.len()));
    if let (Some(first), Some(last)) = (timeline.first(), timeline.last()) {
        traits.insert("first_event_time".to_owned(), json!(first.time.to_string()));
        traits.insert("last_event_time".to_owned(), json!(last.time.to_string()));
        traits.insert("days_since_last_event".to_owned(), json!(now.since(last.time).as_secs() / 86_400));
        if let Some(last) = timeline.iter().rev().find(|event| !event.channel.is_empty()) {
            traits.insert("last_channel".to_owned(), json!(last.channel));
        }
    }
    for days in [1, 7, 30] {
        let recent = timeline.iter().filter(|event| (0..days).contains(&(day(now) - day(event.time)))).count();
        traits.insert(format!("events_{days}d"), json!(recent));
    }
    for event in &timeline {
        let count = traits.entry(format!("count.{}", event.name)).or_insert(json!(0));
        *count = json!(count.as_u64().unwrap() + 1);
        if let Some(amount) = event.properties.expose().get("amount").and_then(Value::as_f64) {
            let sum = traits.entry(format!("sum.{}.amount", event.name)).or_insert(json!(0.0));
            *sum = json!(sum.as_f64().unwrap() + amount);
        }
    }
    let mut latest: BTreeMap<String, (Timestamp, String, Value)> = BTreeMap::new();
    for event in &timeline {
        for (name, value) in event.attributes() {
            let word = (event.time, value.to_string(), value.clone());
            let known = latest.entry(name.clone()).or_insert_with(|| word.clone());
            if (word.0, &word.1) > (known.0, &known.1) {
                *known = word;
            }
        }
    }
    let values = latest.into_iter().filter(|(_, (_, _, value))| !value.is_null());
    (traits, values.map(|(name, (_, _, value))| (name, value)).collect())
}

fn read(document: &Document, now: Timestamp) -> (Map<String, Value>, BTreeMap<String, Value>) {
    (
        document.traits.at(&catalogue::default(), now),
        document.values().map(|(name, one)| (name.clone(), one.value.clone())).collect(),
    )
}

/// The documents after the stream arrives in batches, each id taken once as a store does.
fn arrive(stream: &[Event], batches: usize) -> BTreeMap<String, Document> {
    let mut stored: BTreeMap<String, Document> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for part in stream.chunks(batches.max(1)) {
        let fresh: Vec<Event> = part.iter().filter(|event| known.insert(event.event_id.clone())).cloned().collect();
        let mut batch = Batch::new(stored.values().cloned().collect());
        batch.observe(&fresh);
        for document in batch.finish(Timestamp::default()).documents {
            stored.insert(document.person_id.clone(), document);
        }
    }
    stored
}

proptest! {
    #[test]
    fn what_events_leave_is_what_the_timeline_says(stream in stream(), size in 1_usize..20, seed in any::<u64>(), hour in 0_i64..70 * 24) {
        let now = Timestamp::from_millis(hour * HOUR);
        let mut shuffled: Vec<(u64, Event)> = stream
            .iter()
            .enumerate()
            .map(|(index, event)| ((index as u64 ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15), event.clone()))
            .collect();
        shuffled.sort_by_key(|(order, _)| *order);
        let shuffled: Vec<Event> = shuffled.into_iter().map(|(_, event)| event).collect();
        let unique: BTreeMap<&str, &Event> = stream.iter().map(|event| (event.event_id.as_str(), event)).collect();
        for person in ["p", "q"] {
            let timeline: Vec<&Event> = unique.values().copied().filter(|event| event.person_id == person).collect();
            let expected = naive(&timeline, now);
            for arrived in [arrive(&stream, size), arrive(&shuffled, size)] {
                let document = arrived.get(person).cloned().unwrap_or_else(|| Document::empty(person));
                prop_assert_eq!(&read(&document, now), &expected);
            }
        }
    }

    #[test]
    fn a_merge_is_the_union_of_timelines_and_a_split_takes_it_apart(stream in stream(), hour in 0_i64..70 * 24) {
        let now = Timestamp::from_millis(hour * HOUR);
        let arrived = arrive(&stream, 7);
        let unique: BTreeMap<&str, &Event> = stream.iter().map(|event| (event.event_id.as_str(), event)).collect();
        let everyone: Vec<&Event> = unique.values().copied().collect();
        let mut merged = arrived.get("p").cloned().unwrap_or_else(|| Document::empty("p"));
        merged.absorb(arrived.get("q").cloned().unwrap_or_else(|| Document::empty("q")), &catalogue::default());
        prop_assert_eq!(read(&merged, now), naive(&everyone, now));
        let (leave, stay): (Vec<&Event>, Vec<&Event>) =
            everyone.iter().partition(|event| event.via.as_ref().unwrap().expose().1 == "c1");
        let mut split = Document::empty("n");
        merged.forget_observed();
        let (catalogue, mut scratch) = (catalogue::default(), Scratch::default());
        let mut observe = |document: &mut Document, event: &Event| {
            document.observe(event, &Registry::open(), &catalogue, &mut scratch);
        };
        stay.iter().for_each(|event| observe(&mut merged, event));
        leave.iter().for_each(|event| observe(&mut split, event));
        prop_assert_eq!(read(&merged, now), naive(&stay, now));
        prop_assert_eq!(read(&split, now), naive(&leave, now));
    }
}
