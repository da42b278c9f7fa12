//! How fast questions about many persons are answered through the contract: `audience [PERSONS] [SEGMENTS] [CSV]`.
//!
//! Writes persons of 33 attributes over the embedded engine, in process, and prints lines of JSON: how long the index took to
//! build and what it weighs, previews, the overlap of all segments, and the time from a write's answer until a preview sees
//! it. With a file, the persons are written there for a peer (`integration-tests/peers/chdb_audience.py`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a program to be read by people"
)]

use std::io::Write as _;
use std::time::{Duration, Instant};

use attune_client::{AudienceClient, Channel, Options, ProfileClient};
use attune_kernel::Timestamp;
use attune_profile::config::Undeclared;
use attune_profile::{Config, Deps, build};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, Loader, ServerConfig};
use attune_service_kit::server::{Running, Server};
use attune_storage::{Cache, Engine, Storage};
use prost_types::value::Kind;

/// What is asked; the peer has the same by name.
const QUESTIONS: [(&str, &str); 8] = [
    ("range", "attributes.age >= 30 && attributes.age < 45"),
    ("text", "attributes.city in ['city7', 'city11', 'city42'] && attributes.balance > 1000.0"),
    ("strings", "attributes.name.startsWith('Kim') || attributes.city.contains('99')"),
    (
        "ten",
        "attributes.age > 25 && attributes.age < 70 && attributes.balance > 100.0 && attributes.vip == false \
         && attributes.x0 < 800 && attributes.x1 > 0.1 && attributes.x2 != 'v3' && attributes.x3 >= 100 \
         && attributes.x4 < 0.9 && attributes.x5 != 'v7'",
    ),
    ("sparse", "attributes.rare > 5"),
    ("arithmetic", "double(attributes.balance) / (double(attributes.orders) + 1.0) > 500.0"),
    ("any_of", "attributes.vip || attributes.orders > 30 || attributes.city == 'city1'"),
    ("trait", "traits.event_count >= 1 && attributes.age > 60"),
];

fn argument(at: usize, default: usize) -> usize {
    std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The finaliser of SplitMix64: persons are the same in every run.
fn dice(person: usize, of: usize) -> u64 {
    let value = (person as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(of as u64);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

fn said(person: usize) -> Vec<(String, Kind)> {
    let at = |of: usize, below: u64| (dice(person, of) % below) as f64;
    let mut all = vec![
        ("age".to_owned(), Kind::NumberValue(18.0 + at(1, 72))),
        ("city".to_owned(), Kind::StringValue(format!("city{}", at(2, 200)))),
        (
            "name".to_owned(),
            Kind::StringValue(format!(
                "{} {}",
                ["Kim", "Lee", "Park", "Nagy"][dice(person, 3) as usize % 4],
                at(4, 100_000)
            )),
        ),
        ("vip".to_owned(), Kind::BoolValue(dice(person, 5) % 100 < 3)),
        ("balance".to_owned(), Kind::NumberValue(at(6, 1_600_000) / 8.0)),
        ("orders".to_owned(), Kind::NumberValue(at(7, 40))),
    ];
    if dice(person, 8).is_multiple_of(100) {
        all.push(("rare".to_owned(), Kind::NumberValue(at(9, 10))));
    }
    for number in 0..26 {
        let value = match number % 3 {
            0 => Kind::NumberValue(at(10 + number, 1000)),
            1 => Kind::NumberValue(at(10 + number, 1 << 20) / f64::from(1 << 20)),
            _ => Kind::StringValue(format!("v{}", at(10 + number, 12))),
        };
        all.push((format!("x{number}"), value));
    }
    all
}

fn event(person: usize) -> Event {
    let fields = said(person).into_iter().map(|(name, kind)| (name, prost_types::Value { kind: Some(kind) })).collect();
    let attributes = prost_types::Value { kind: Some(Kind::StructValue(prost_types::Struct { fields })) };
    Event {
        event_id: format!("event-{person}"),
        person_id: format!("person-{person}"),
        event: "import".to_owned(),
        time: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        properties: Some(prost_types::Struct { fields: [("attributes".to_owned(), attributes)].into() }),
        ..Event::default()
    }
}

async fn start(engine: &Engine) -> (ProfileClient, AudienceClient, Running) {
    let config = Config { undeclared: Undeclared::Accept, ..Config::default() };
    let clock = Clock::manual(Timestamp::from_millis(1_700_100_000_000));
    let deps =
        Deps { storage: Storage::Embedded(engine.clone()), cache: Cache::none(), clock, ids: IdSource::seeded(1) };
    let service = build(config, deps).await.unwrap();
    let channel = Channel::in_process(
        service.in_process(),
        &Options { deadline: Duration::from_secs(120), ..Options::default() },
    );
    let loader = Loader::new().section::<ServerConfig>().section::<AuthConfig>();
    let config = loader.flag("--listen", "server.listen", "127.0.0.1:0").load().unwrap();
    let running =
        Server::new(config.section().unwrap(), config.section().unwrap()).service(service).start().await.unwrap();
    (attune_client::profile(channel.clone()), attune_client::audience(channel), running)
}

async fn ready(audience: &AudienceClient, persons: usize) -> GetAudienceResponse {
    loop {
        let found = audience.clone().get_audience(GetAudienceRequest {}).await.unwrap().into_inner();
        if found.ready && found.person_count >= persons as i64 {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn preview(audience: &AudienceClient, expression: &str) -> PreviewSegmentResponse {
    let request = PreviewSegmentRequest { expression: expression.to_owned(), ..Default::default() };
    audience.clone().preview_segment(request).await.unwrap().into_inner()
}

fn write(path: &str, persons: usize) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let names: Vec<String> = ["age", "city", "name", "vip", "balance", "orders", "rare"]
        .map(str::to_owned)
        .into_iter()
        .chain((0..26).map(|number| format!("x{number}")))
        .collect();
    writeln!(out, "{}", names.join(",")).unwrap();
    for person in 0..persons {
        let values: std::collections::BTreeMap<String, Kind> = said(person).into_iter().collect();
        let line = names.iter().map(|name| match values.get(name) {
            Some(Kind::NumberValue(number)) => number.to_string(),
            Some(Kind::StringValue(text)) => text.clone(),
            Some(Kind::BoolValue(flag)) => flag.to_string(),
            _ => String::new(),
        });
        writeln!(out, "{}", line.collect::<Vec<_>>().join(",")).unwrap();
    }
    out.flush().unwrap();
}

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    times[((times.len() - 1) as f64 * share) as usize]
}

#[tokio::main]
async fn main() {
    let (persons, segments) = (argument(1, 100_000), argument(2, 100));
    if let Some(path) = std::env::args().nth(3) {
        write(&path, persons);
    }
    let dir = tempfile::tempdir().unwrap();
    let engine = Engine::open(dir.path()).unwrap();
    let (profile, audience, running) = start(&engine).await;
    let ids: Vec<String> = (0..segments).map(|number| format!("segment-{number}")).collect();
    for (number, id) in ids.iter().enumerate() {
        let segment = Segment {
            segment_id: id.clone(),
            expression: format!("attributes.x{} < {}", number % 9 * 3, 100 + number * 8),
            ..Segment::default()
        };
        let request = CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        profile.clone().create_segment(request).await.unwrap();
    }
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    for from in (0..persons).step_by(1000) {
        let events = (from..(from + 1000).min(persons)).map(event).collect();
        let start = Instant::now();
        profile.clone().append_events(AppendEventsRequest { events }).await.unwrap();
        slowest = slowest.max(start.elapsed());
    }
    println!(
        "{{\"persons\": {persons}, \"written_seconds\": {:.1}, \"slowest_batch_seconds\": {:.2}}}",
        began.elapsed().as_secs_f64(),
        slowest.as_secs_f64()
    );
    ready(&audience, persons).await;
    println!("{{\"followed_seconds\": {:.1}}}", began.elapsed().as_secs_f64());
    running.stop().await;
    drop((profile, audience));
    let (profile, audience, running) = start(&engine).await;
    let found = ready(&audience, persons).await;
    let built = Duration::try_from(found.build_duration.unwrap()).unwrap();
    println!(
        "{{\"build_seconds\": {:.2}, \"bytes_a_person\": {:.0}, \"columns\": {}}}",
        built.as_secs_f64(),
        found.memory_bytes as f64 / persons as f64,
        found.column_count
    );
    for (name, expression) in QUESTIONS {
        let (mut least, mut count) = (f64::INFINITY, 0);
        for _ in 0..15 {
            let start = Instant::now();
            count = preview(&audience, expression).await.member_count;
            least = least.min(start.elapsed().as_secs_f64());
        }
        println!("{{\"preview\": \"{name}\", \"count\": {count}, \"milliseconds\": {:.3}}}", least * 1e3);
    }
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let request = GetSegmentOverlapRequest { segment_ids: ids.clone() };
        let start = Instant::now();
        audience.clone().get_segment_overlap(request).await.unwrap();
        least = least.min(start.elapsed().as_secs_f64());
    }
    println!("{{\"overlap\": {segments}, \"milliseconds\": {:.1}}}", least * 1e3);
    let mut times = Vec::new();
    for number in 0..200 {
        let person_id = format!("person-{}", dice(number, 99) as usize % persons);
        let tag = AddTagRequest { person_id, tag: format!("mark-{number}"), source: String::new() };
        profile.clone().add_tag(tag).await.unwrap();
        let start = Instant::now();
        while preview(&audience, &format!("'mark-{number}' in tags")).await.member_count == 0 {}
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    println!(
        "{{\"fresh_ms\": {{\"p50\": {:.2}, \"p99\": {:.2}}}}}",
        quantile(&mut times, 0.5),
        quantile(&mut times, 0.99)
    );
    running.stop().await;
}
