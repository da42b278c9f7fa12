//! What resolving by identifiers costs: durable ingest, and `Resolve` against many persons beside the bare query and Redis.
//!
//! ```text
//! deterministic_resolve [--persons N] [--resolves N] [--orders N] [--events N] [--postgres URL] [--redis URL]
//! ```
//!
//! Loads persons with a customer number and an e-mail address through `BatchResolve` (each chunk is one durable
//! transaction), resolves random ones one by one, and asks the same of Postgres bare and of Redis. The echo is a request
//! refused before the store: what a call costs by itself, taken off every figure of a call. With `--orders`, random events
//! are put in that many random orders, and the persons that result are compared.

#![allow(clippy::print_stdout, clippy::print_stderr, clippy::cast_precision_loss, reason = "a program for people")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use attune_client::{Channel, IdentityClient, Options};
use attune_identity_resolution::domain::IdentifierKey;
use attune_identity_resolution::{Config, Deps, MIGRATIONS, build};
use attune_kernel::Secret;
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, CacheConfig, Engine, Postgres, PostgresConfig, Storage, migrate};

type Fault = Box<dyn std::error::Error>;

const CHUNK: usize = 1000;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deterministic_resolve: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Fault> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let text = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1)).cloned();
    let number = |name: &str, default: usize| text(name).map_or(Ok(default), |text| text.parse::<usize>());
    let (persons, resolves) = (number("--persons", 1_000_000)?, number("--resolves", 20_000)?);
    let (orders, events) = (number("--orders", 0)?, number("--events", 100_000)?);

    if persons > 0 {
        let scratch = tempfile::tempdir()?;
        let client = client(Storage::Embedded(Engine::open(scratch.path())?)).await?;
        load("embedded", &client, persons).await?;
        let echo = echo(&client, resolves).await?;
        ask("embedded", &client, persons, resolves, echo).await?;
    }
    if let Some(url) = text("--postgres") {
        relational(url, text("--redis"), persons.min(100_000), resolves).await?;
    }
    if orders > 0 {
        permute(orders, events).await?;
    }
    Ok(())
}

async fn client(storage: Storage) -> Result<IdentityClient, Fault> {
    let deps = Deps { storage, cache: Cache::none(), clock: Clock::system(), ids: IdSource::random() };
    let service = build(Config::default(), deps).await?;
    Ok(attune_client::identity(Channel::in_process(service.in_process(), &Options::default())))
}

fn identifier(namespace: &str, value: String) -> pb::Identifier {
    pb::Identifier { namespace: namespace.to_owned(), value }
}

fn request(person: usize) -> pb::ResolveRequest {
    let identifiers = vec![
        identifier("customer_id", format!("C{person}")),
        identifier("email", format!("person{person}@example.org")),
    ];
    pb::ResolveRequest { identifiers, source: "bench".to_owned(), ..Default::default() }
}

async fn send(client: &IdentityClient, requests: Vec<pb::ResolveRequest>) -> Result<(), Fault> {
    let chunks: Vec<_> =
        requests.chunks(CHUNK).map(|chunk| pb::BatchResolveRequest { requests: chunk.to_vec() }).collect();
    let mut answers = client.clone().batch_resolve(tokio_stream::iter(chunks)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        for result in answer.results {
            if let Some(Answer::Error(error)) = result.result {
                return Err(error.message.into());
            }
        }
    }
    Ok(())
}

async fn load(store: &str, client: &IdentityClient, persons: usize) -> Result<(), Fault> {
    let (began, cpu_before) = (Instant::now(), cpu()?);
    let mut at = 0;
    while at < persons {
        let until = persons.min(at + 100 * CHUNK);
        send(client, (at..until).map(request).collect()).await?;
        at = until;
    }
    let (wall, cpu) = (began.elapsed(), cpu()?.saturating_sub(cpu_before));
    println!(
        "{store}: {persons} records with links in {:.1} s: {:.0} records/s, {:.1} us cpu each, fsynced in chunks of {CHUNK}",
        wall.as_secs_f64(),
        persons as f64 / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / persons as f64
    );
    Ok(())
}

/// Medians and tails of calls, with the processor time of each.
#[derive(Clone, Copy)]
struct Figures {
    p50: f64,
    p99: f64,
    cpu: f64,
}

impl Figures {
    fn of(mut taken: Vec<Duration>, cpu: Duration) -> Self {
        taken.sort_unstable();
        let at = |share: usize| taken.get(taken.len() * share / 100).map_or(0.0, |one| one.as_secs_f64() * 1e6);
        Self { p50: at(50), p99: at(99), cpu: cpu.as_secs_f64() * 1e6 / taken.len().max(1) as f64 }
    }
}

/// The person asked for at a step.
const fn pick(step: usize, persons: usize) -> usize {
    (step.wrapping_mul(7_919).wrapping_add(12_345)) % persons
}

async fn echo(client: &IdentityClient, count: usize) -> Result<Figures, Fault> {
    let (mut taken, before) = (Vec::with_capacity(count), cpu()?);
    let mut client = client.clone();
    for _ in 0..count {
        let began = Instant::now();
        // Unknown namespaces are refused before the store is asked.
        let refused = pb::ResolveRequest {
            identifiers: vec![identifier("customer_id", "C1".to_owned()), identifier("none", "x".to_owned())],
            ..Default::default()
        };
        if client.resolve(refused).await.is_ok() {
            return Err("the echo was answered".into());
        }
        taken.push(began.elapsed());
    }
    Ok(Figures::of(taken, cpu()?.saturating_sub(before)))
}

async fn ask(
    store: &str,
    client: &IdentityClient,
    persons: usize,
    count: usize,
    echo: Figures,
) -> Result<Figures, Fault> {
    let (mut taken, before) = (Vec::with_capacity(count), cpu()?);
    let mut client = client.clone();
    for step in 0..count {
        let request = request(pick(step, persons));
        let began = Instant::now();
        let answer = client.resolve(request).await?.into_inner();
        taken.push(began.elapsed());
        if answer.created {
            return Err("a known person was created".into());
        }
    }
    let all = Figures::of(taken, cpu()?.saturating_sub(before));
    let net = Figures { p50: all.p50 - echo.p50, p99: all.p99 - echo.p50, cpu: all.cpu - echo.cpu };
    println!(
        "{store}: resolve of two identifiers among {persons} persons: p50 {:.1} us, p99 {:.1} us, cpu {:.1} us; net of the echo ({:.1} us): p50 {:.1} us, p99 {:.1} us, cpu {:.1} us",
        all.p50, all.p99, all.cpu, echo.p50, net.p50, net.p99, net.cpu
    );
    Ok(net)
}

async fn relational(url: String, redis: Option<String>, persons: usize, count: usize) -> Result<(), Fault> {
    let schema = format!("identity_bench_{:016x}", IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await?;
    migrate(&postgres, MIGRATIONS).await?;
    let client = client(Storage::Postgres(postgres.clone())).await?;
    load("postgres", &client, persons).await?;
    let echo = echo(&client, count).await?;
    let net = ask("postgres", &client, persons, count, echo).await?;

    let keys = |person: usize| -> Vec<Vec<u8>> {
        let of = |namespace: &str, value: &str| IdentifierKey::of(namespace, value).0.to_vec();
        vec![of("customer_id", &format!("C{person}")), of("email", &format!("person{person}@example.org"))]
    };
    let sql = "SELECT i.hash, p.person_id, p.record, p.version
               FROM identifier i JOIN person p ON p.person_id = i.person_id WHERE i.hash = ANY($1)";
    let (mut taken, before) = (Vec::with_capacity(count), cpu()?);
    for step in 0..count {
        let keys = keys(pick(step, persons));
        let began = Instant::now();
        if postgres.client().await?.query(sql, &[&keys]).await?.len() != 2 {
            return Err("an identifier is not held".into());
        }
        taken.push(began.elapsed());
    }
    let bare = Figures::of(taken, cpu()?.saturating_sub(before));
    println!(
        "postgres: the bare query: p50 {:.1} us, p99 {:.1} us: resolve is {:.2}x at p50",
        bare.p50,
        bare.p99,
        net.p50 / bare.p50
    );

    if let Some(url) = redis {
        let cache = Cache::connect(&CacheConfig { url: Secret::new(url), ..CacheConfig::default() })?;
        let name = |person: usize| format!("{schema}:{person}");
        for person in 0..persons.min(10_000) {
            cache.set(&name(person), &[0; 300], Duration::from_secs(120)).await;
        }
        let (mut taken, before) = (Vec::with_capacity(count), cpu()?);
        for step in 0..count {
            let name = name(pick(step, persons.min(10_000)));
            let began = Instant::now();
            if cache.get(&name).await.is_none() {
                return Err("redis does not answer".into());
            }
            taken.push(began.elapsed());
        }
        let redis = Figures::of(taken, cpu()?.saturating_sub(before));
        println!(
            "redis: get: p50 {:.1} us, p99 {:.1} us: resolve over postgres is {:.2}x at p50",
            redis.p50,
            redis.p99,
            net.p50 / redis.p50
        );
    }
    postgres.client().await?.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await?;
    Ok(())
}

/// Events of customers who share some addresses and devices, in many orders.
async fn permute(orders: usize, count: usize) -> Result<(), Fault> {
    let mut state = 1u64;
    let mut roll = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap_or(0) % below
    };
    let people = count / 8;
    let mut events: Vec<pb::ResolveRequest> = (0..count)
        .map(|_| {
            let person = roll(people);
            let mut identifiers = vec![match roll(3) {
                0 => identifier("customer_id", format!("C{person}")),
                // A couple has one address beside their own.
                1 => identifier("email", format!("p{}@example.org", person - person % (1 + roll(2)))),
                _ => identifier("cookie", format!("c{person}-{}", roll(3))),
            }];
            for _ in 0..roll(3) {
                identifiers.push(match roll(4) {
                    0 => identifier("email", format!("p{person}@example.org")),
                    1 => identifier("phone", format!("+8210{person:08}")),
                    2 => identifier("device", format!("d{}", person / 3)),
                    _ => identifier("customer_id", format!("C{person}")),
                });
            }
            let seconds = 1_700_000_000 + i64::try_from(roll(30_000_000)).unwrap_or(0);
            let event_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
            pb::ResolveRequest { identifiers, event_time, ..Default::default() }
        })
        .collect();
    let mut expected = None;
    for order in 0..orders {
        for at in (1..events.len()).rev() {
            events.swap(at, roll(at + 1));
        }
        let scratch = tempfile::tempdir()?;
        let client = client(Storage::Embedded(Engine::open(scratch.path())?)).await?;
        let began = Instant::now();
        send(&client, events.clone()).await?;
        let taken = began.elapsed();
        let found = persons_of(&client, &events).await?;
        println!(
            "order {}: {} events in {:.1} s, {} identifiers, {} persons",
            order + 1,
            events.len(),
            taken.as_secs_f64(),
            found.len(),
            found.values().collect::<std::collections::BTreeSet<_>>().len()
        );
        if *expected.get_or_insert_with(|| found.clone()) != found {
            return Err("another order gave other persons".into());
        }
    }
    println!("{orders} orders gave one result");
    Ok(())
}

/// Each identifier with the least identifier of its person.
async fn persons_of(
    client: &IdentityClient,
    events: &[pb::ResolveRequest],
) -> Result<BTreeMap<(String, String), (String, String)>, Fault> {
    let all: std::collections::BTreeSet<(String, String)> = events
        .iter()
        .flat_map(|event| &event.identifiers)
        .map(|one| (one.namespace.clone(), one.value.clone()))
        .collect();
    let all: Vec<_> = all.into_iter().collect();
    let (mut least, mut found) = (BTreeMap::new(), BTreeMap::new());
    for chunk in all.chunks(CHUNK) {
        let look = |(namespace, value): &(String, String)| pb::ResolveRequest {
            identifiers: vec![identifier(namespace, value.clone())],
            read_only: true,
            ..Default::default()
        };
        let requests = pb::BatchResolveRequest { requests: chunk.iter().map(look).collect() };
        let mut answers = client.clone().batch_resolve(tokio_stream::iter([requests])).await?.into_inner();
        let results = answers.message().await?.map(|answer| answer.results).unwrap_or_default();
        for (one, result) in chunk.iter().zip(results) {
            let Some(Answer::Response(response)) = result.result else { return Err("an identifier is unknown".into()) };
            let least = least.entry(response.person_id).or_insert_with(|| one.clone());
            found.insert(one.clone(), least.clone());
        }
    }
    Ok(found)
}

/// Processor time of this process. The kernel counts in hundredths of a second.
fn cpu() -> Result<Duration, Fault> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("the process's state cannot be read")?;
    let mut ticks = 0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * 10))
}
