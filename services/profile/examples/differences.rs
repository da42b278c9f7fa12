//! Counts where traits and segments, kept up to date event by event, differ from a full recomputation:
//! `differences [EVENTS] [PERSONS]`, on the embedded engine. Prints a line of JSON and the first differences.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a program to be read by people")]

mod support;

use std::time::Instant;

use attune_client::{Channel, Options};
use attune_profile::{Config, Deps, build};
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, Loader, ServerConfig};
use attune_service_kit::server::Server;
use attune_storage::{Cache, Engine, Storage};

#[tokio::main]
async fn main() {
    let argument =
        |at: usize, default: usize| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (events, persons) = (argument(1, 920_000), argument(2, 4000));
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::Embedded(Engine::open(dir.path()).unwrap());
    let clock = Clock::manual(support::ledger::begin());
    let deps = Deps { storage, cache: Cache::none(), clock: clock.clone(), ids: IdSource::seeded(1) };
    let config = Config { standard_traits: false, ..Config::default() };
    let service = build(config, deps).await.unwrap();
    let client = attune_client::profile(Channel::in_process(
        service.in_process(),
        &Options { deadline: std::time::Duration::from_secs(120), ..Options::default() },
    ));
    let settings = Loader::new()
        .section::<ServerConfig>()
        .section::<AuthConfig>()
        .flag("--listen", "server.listen", "127.0.0.1:0")
        .load()
        .unwrap();
    // The background tasks run with it.
    let running =
        Server::new(settings.section().unwrap(), settings.section().unwrap()).service(service).start().await.unwrap();
    let start = Instant::now();
    let counts = support::ledger::run(&client, &clock, events, persons).await;
    println!(
        "{{\"events\": {}, \"repeats\": {}, \"late\": {}, \"merges\": {}, \"splits\": {}, \"erasures\": {}, \"persons\": {}, \
         \"traits\": {}, \"memberships\": {}, \"differences\": {}, \"seconds\": {:.1}}}",
        counts.sent,
        counts.repeats,
        counts.late,
        counts.merges,
        counts.splits,
        counts.erasures,
        counts.persons,
        counts.traits_compared,
        counts.memberships_compared,
        counts.differences.len(),
        start.elapsed().as_secs_f64()
    );
    counts.differences.iter().take(20).for_each(|one| println!("{one}"));
    drop(client);
    running.stop().await;
}
