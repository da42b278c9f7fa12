//! How fast a snapshot of one person is read among many: `snapshot [PERSONS] [READS]`, on the servers of `ATTUNE_TEST_POSTGRES` and
//! `ATTUNE_TEST_REDIS`, in one run beside a bare GET of the same bytes from Redis and a read of the same row by its key from Postgres.
//! Prints a line of JSON for each: nothing here is a test.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program to be read by people")]

mod support;

use std::time::Instant;

use attune_client::{Channel, Options, ProfileClient};
use attune_kernel::{Secret, Timestamp};
use attune_profile::{Config, Deps, MIGRATIONS, build};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, CacheConfig, Postgres, PostgresConfig, Storage, migrate};
use support::{NOW, Sequence, visits};

fn line(name: &str, taken: &mut [f64]) -> f64 {
    taken.sort_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"what\": \"{name}\", \"reads\": {}, \"p50_us\": {:.0}, \"p99_us\": {:.0}}}",
        taken.len(),
        at(0.5),
        at(0.99)
    );
    at(0.99)
}

async fn get(client: &ProfileClient, person: &str) -> f64 {
    let request = GetProfileRequest { person_id: person.to_owned() };
    let start = Instant::now();
    let profile = client.clone().get_profile(request).await.unwrap().into_inner().profile.unwrap();
    let taken = start.elapsed().as_secs_f64() * 1e6;
    assert_ne!(profile.etag, "0");
    taken
}

#[tokio::main]
async fn main() {
    let argument =
        |at: usize, default: usize| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (persons, reads) = (argument(1, 1_000_000), argument(2, 20_000));
    let url = Secret::new(std::env::var("ATTUNE_TEST_POSTGRES").unwrap());
    let schema = format!("profile_snapshot_{:x}", IdSource::random().seed());
    let postgres = Postgres::connect(PostgresConfig { url, schema, ..PostgresConfig::default() }).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    let redis = Secret::new(std::env::var("ATTUNE_TEST_REDIS").unwrap());
    let cache = Cache::connect(&CacheConfig { url: redis, ..CacheConfig::default() }).unwrap();
    let service = async |cache: Cache| {
        let clock = Clock::manual(Timestamp::from_micros(NOW));
        let deps = Deps { storage: Storage::Postgres(postgres.clone()), cache, clock, ids: IdSource::random() };
        let service = build(Config::default(), deps).await.unwrap();
        attune_client::profile(Channel::in_process(
            service.in_process(),
            &Options { deadline: std::time::Duration::from_secs(120), ..Options::default() },
        ))
    };
    let (cached, stored) = (service(cache.clone()).await, service(Cache::none()).await);
    // Everybody has an event of their own; those who are read have a visit more.
    let start = Instant::now();
    let mut random = Sequence(3);
    let sample: Vec<String> = (0..reads).map(|_| format!("person-{}", random.below(persons as u64))).collect();
    let template = visits(5000, 1, 1);
    for first in (0..persons).step_by(5000) {
        let one = |at: usize| Event {
            event_id: format!("own-{at}"),
            person_id: format!("person-{at}"),
            ..template[at % template.len()].clone()
        };
        let events = (first..(first + 5000).min(persons)).map(one).collect();
        stored.clone().append_events(AppendEventsRequest { events }).await.unwrap();
    }
    let more = visits(reads * 10, reads, 8);
    for part in more.chunks(5000) {
        let own = |event: &Event| {
            let at: usize = event.person_id.trim_start_matches("person-").parse().unwrap_or(0);
            Event { person_id: sample[at % reads].clone(), ..event.clone() }
        };
        stored.clone().append_events(AppendEventsRequest { events: part.iter().map(own).collect() }).await.unwrap();
    }
    println!("{{\"persons\": {persons}, \"filled_in_seconds\": {:.1}}}", start.elapsed().as_secs_f64());
    for person in &sample {
        get(&cached, person).await;
    }
    let client = postgres.client().await.unwrap();
    let (mut bytes, mut all) = (0, [Vec::new(), Vec::new(), Vec::new(), Vec::new()]);
    for person in &sample {
        all[0].push(get(&cached, person).await);
        let key = [format!("profile:{{{person}}}:snapshot")];
        let start = Instant::now();
        let held = cache.mget(&key).await;
        all[1].push(start.elapsed().as_secs_f64() * 1e6);
        bytes += held[0].as_ref().unwrap().len();
        all[2].push(get(&stored, person).await);
        let start = Instant::now();
        let row = client.query_one("SELECT body FROM document WHERE person_id = $1", &[person]).await.unwrap();
        let body: &[u8] = row.get(0);
        assert!(!body.is_empty());
        all[3].push(start.elapsed().as_secs_f64() * 1e6);
    }
    println!("{{\"mean_bytes\": {}}}", bytes / reads);
    let [mut one, mut two, mut three, mut four] = all;
    let (cached, bare) = (line("GetProfile, cached", &mut one), line("bare GET", &mut two));
    let (stored, row) = (line("GetProfile, from the store", &mut three), line("row by its key", &mut four));
    println!("{{\"cached_to_bare_p99\": {:.2}, \"stored_to_row_p99\": {:.2}}}", cached / bare, stored / row);
    let keys: Vec<String> = sample
        .iter()
        .flat_map(|person| [format!("profile:{{{person}}}:snapshot"), format!("profile:{{{person}}}:version")])
        .collect();
    cache.delete(&keys).await;
    client.batch_execute(&format!("DROP SCHEMA {} CASCADE", postgres.schema())).await.unwrap();
}
