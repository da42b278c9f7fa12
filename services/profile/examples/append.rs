//! How fast events are appended with traits and segments live: `append [EVENTS] [PERSONS] [BATCH] [SEGMENTS] [STORE] [VISIT]`.
//!
//! Appends visits of up to `VISIT` events (1 for every event another person's) of persons drawn from a fixed sequence through the contract, in
//! process, with the 51 traits of the bank library and so many segments over them, then reads last events of one large person. `STORE` is
//! `embedded` or `postgres` (the server of `ATTUNE_TEST_POSTGRES`); of the latter the same rows are copied with `COPY` into an
//! equal table too. Prints a line of JSON for each: nothing here is a test.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program to be read by people")]

mod support;

use std::time::Instant;

use attune_client::{Channel, Options, ProfileClient};
use attune_kernel::{Secret, Timestamp};
use attune_profile::{Config, Deps, MIGRATIONS, build};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use bytes::Bytes;
use futures::SinkExt as _;
use support::{NOW, cpu_seconds, segments, visits};

fn argument(at: usize, default: usize) -> usize {
    std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
}

async fn append(client: &ProfileClient, batches: Vec<Vec<Event>>) -> f64 {
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
    start.elapsed().as_secs_f64()
}

/// The seconds that Postgres takes to copy the rows of the timeline into an equal table, in the form of a file of rows.
async fn copy(postgres: &Postgres) -> (usize, f64) {
    let client = postgres.client().await.unwrap();
    client.batch_execute("CREATE TABLE copied (LIKE event INCLUDING ALL)").await.unwrap();
    let raw = client.raw();
    let columns = "person_id, time, sequence, event_id, name, channel, body, origin, shared, session";
    let out = raw.copy_out(&format!("COPY (SELECT {columns} FROM event) TO STDOUT")).await.unwrap();
    let rows: Vec<Bytes> = futures::TryStreamExt::try_collect(out).await.unwrap();
    let start = Instant::now();
    let sink = raw.copy_in::<_, Bytes>(&format!("COPY copied ({columns}) FROM STDIN")).await.unwrap();
    futures::pin_mut!(sink);
    for row in &rows {
        sink.feed(row.clone()).await.unwrap();
    }
    sink.finish().await.unwrap();
    (rows.len(), start.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() {
    let (events, persons, batch, live) =
        (argument(1, 500_000), argument(2, 100_000), argument(3, 5000), argument(4, 100));
    let store = std::env::args().nth(5).unwrap_or_else(|| "embedded".to_owned());
    let visit = argument(6, 8);
    let dir = tempfile::tempdir().unwrap();
    let mut postgres = None;
    let storage = if store == "postgres" {
        let url = Secret::new(std::env::var("ATTUNE_TEST_POSTGRES").unwrap());
        let schema = format!("profile_append_{:x}", IdSource::random().seed());
        let server = Postgres::connect(PostgresConfig { url, schema, ..PostgresConfig::default() }).await.unwrap();
        migrate(&server, MIGRATIONS).await.unwrap();
        postgres = Some(server.clone());
        Storage::Postgres(server)
    } else {
        Storage::Embedded(Engine::open(dir.path()).unwrap())
    };
    let clock = Clock::manual(Timestamp::from_micros(NOW));
    let deps = Deps { storage, cache: Cache::none(), clock, ids: IdSource::seeded(1) };
    let config = Config { standard_traits: false, ..Config::default() };
    let service = build(config, deps).await.unwrap();
    let client = attune_client::profile(Channel::in_process(
        service.in_process(),
        &Options { deadline: std::time::Duration::from_secs(120), ..Options::default() },
    ));
    let install = InstallTraitLibraryRequest { library: "bank".to_owned() };
    let traits = client.clone().install_trait_library(install).await.unwrap().into_inner().created;
    for segment in segments(live) {
        let request = CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        client.clone().create_segment(request).await.unwrap();
    }
    // A first part brings the persons into being, the second is measured: most events are of persons who are known.
    let all = visits(events * 2, persons, visit);
    let mut parts: Vec<Vec<Event>> = all.chunks(batch).map(<[Event]>::to_vec).collect();
    drop(all);
    let measured = parts.split_off(parts.len() / 2);
    let first = append(&client, parts).await;
    let (count, cpu) = (measured.iter().map(Vec::len).sum::<usize>(), cpu_seconds());
    let seconds = append(&client, measured).await;
    let cpu = cpu_seconds() - cpu;
    println!(
        "{{\"store\": \"{store}\", \"events\": {count}, \"persons\": {persons}, \"batch\": {batch}, \"visit\": {visit}, \
         \"traits\": {traits}, \"segments\": {live}, \"seconds\": {seconds:.3}, \"events_per_second\": {:.0}, \
         \"cpu_us_an_event\": {:.1}, \"first_part_events_per_second\": {:.0}}}",
        count as f64 / seconds,
        cpu * 1e6 / count as f64,
        events as f64 / first
    );
    if let Some(postgres) = postgres {
        let (rows, copied) = copy(&postgres).await;
        let rate = rows as f64 / copied;
        println!(
            "{{\"copy_rows\": {rows}, \"seconds\": {copied:.3}, \"rows_per_second\": {rate:.0}, \"share\": {:.3}}}",
            count as f64 / seconds / rate
        );
        let drop = format!("DROP SCHEMA {} CASCADE", postgres.schema());
        postgres.client().await.unwrap().batch_execute(&drop).await.unwrap();
        return;
    }
    let one = |index: usize, event: &Event| Event {
        event_id: format!("large-{index}"),
        person_id: "large".to_owned(),
        ..event.clone()
    };
    let large: Vec<Event> = visits(100_000, 1, 8).iter().enumerate().map(|(index, event)| one(index, event)).collect();
    let start = Instant::now();
    for events in large.chunks(5000) {
        client.clone().append_events(AppendEventsRequest { events: events.to_vec() }).await.unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut taken = Vec::new();
    for _ in 0..2000 {
        let request = ListTimelineRequest { person_id: "large".to_owned(), page_size: 20, ..Default::default() };
        let start = Instant::now();
        let page = client.clone().list_timeline(request).await.unwrap().into_inner();
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
        assert_eq!(page.events.len(), 20);
    }
    taken.sort_by(f64::total_cmp);
    println!(
        "{{\"large_person_events\": 100000, \"append_seconds\": {seconds:.2}, \"last_20_ms\": {{\"p50\": {:.3}, \"p99\": {:.3}}}}}",
        taken[1000], taken[1980]
    );
}
