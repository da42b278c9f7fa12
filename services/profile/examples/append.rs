//! How fast events are appended and read on the embedded engine: `append [EVENTS] [PERSONS] [BATCH] [SEGMENTS]`.
//!
//! Writes events of persons chosen by a fixed sequence through the contract, in process, then reads last events of one large
//! person. Prints a line of JSON for each: nothing here is a test.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program to be read by people")]

use std::time::Instant;

use attune_client::{Channel, Options};
use attune_kernel::Timestamp;
use attune_profile::{Config, Deps, build};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, Engine, Storage};
use prost_types::value::Kind;

fn argument(at: usize, default: usize) -> usize {
    std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn event(index: usize, persons: usize) -> Event {
    let number = |number: f64| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
    let person = index.wrapping_mul(2_654_435_761) % persons;
    let properties = [("amount".to_owned(), number((index % 500) as f64)), ("items".to_owned(), number(2.0))].into();
    Event {
        event_id: format!("event-{index}"),
        person_id: format!("person-{person}"),
        event: ["page_view", "search", "cart", "purchase"][index % 4].to_owned(),
        time: Some(prost_types::Timestamp { seconds: 1_700_000_000 + index as i64 / 50, nanos: 0 }),
        channel: ["web", "app"][index % 2].to_owned(),
        session_id: format!("s{person}-{}", index / (persons * 20)),
        source: "site".to_owned(),
        properties: Some(prost_types::Struct { fields: properties }),
        ..Event::default()
    }
}

#[tokio::main]
async fn main() {
    let (events, persons, batch, segments) =
        (argument(1, 200_000), argument(2, 20_000), argument(3, 2000), argument(4, 0));
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::Embedded(Engine::open(dir.path()).unwrap());
    let clock = Clock::manual(Timestamp::from_millis(1_700_100_000_000));
    let deps = Deps { storage, cache: Cache::none(), clock, ids: IdSource::seeded(1) };
    let service = build(Config::default(), deps).await.unwrap();
    let client = attune_client::profile(Channel::in_process(service.in_process(), &Options::default()));
    for index in 0..segments {
        let segment = Segment {
            segment_id: format!("segment-{index}"),
            expression: format!("traits.event_count > {index} && traits['count.purchase'] >= {}", index % 7),
            ..Segment::default()
        };
        let request = CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        client.clone().create_segment(request).await.unwrap();
    }
    let batches: Vec<Vec<Event>> = (0..events)
        .collect::<Vec<_>>()
        .chunks(batch)
        .map(|part| part.iter().map(|index| event(*index, persons)).collect())
        .collect();
    let start = Instant::now();
    let mut under_way = tokio::task::JoinSet::new();
    for events in batches {
        let mut client = client.clone();
        under_way.spawn(async move { client.append_events(AppendEventsRequest { events }).await.unwrap() });
        if under_way.len() >= 4 {
            under_way.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = under_way.join_next().await {
        done.unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{{\"events\": {events}, \"persons\": {persons}, \"batch\": {batch}, \"segments\": {segments}, \
         \"seconds\": {seconds:.3}, \"events_per_second\": {:.0}}}",
        events as f64 / seconds
    );
    let large: Vec<Event> = (0..100_000)
        .map(|index| Event { event_id: format!("large-{index}"), person_id: "large".to_owned(), ..event(index, 1) })
        .collect();
    for events in large.chunks(5000) {
        client.clone().append_events(AppendEventsRequest { events: events.to_vec() }).await.unwrap();
    }
    let mut taken = Vec::new();
    for _ in 0..2000 {
        let request = ListTimelineRequest { person_id: "large".to_owned(), page_size: 20, ..Default::default() };
        let start = Instant::now();
        let page = client.clone().list_timeline(request).await.unwrap().into_inner();
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(page.events.len(), 20);
    }
    taken.sort_by(f64::total_cmp);
    println!("{{\"last_20_of_100000_ms\": {{\"p50\": {:.3}, \"p99\": {:.3}}}}}", taken[1000], taken[1980]);
}
