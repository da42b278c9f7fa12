//! Traits and segments of the service are what a full recomputation says, through late, repeated and shuffled events, merges,
//! splits, erasures and time. `examples/differences.rs` does the same with a million events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

#[path = "../examples/support/mod.rs"]
mod bank;
mod support;

use attune_profile::Config;
use attune_storage::{Engine, Storage};
use support::*;

#[tokio::test]
async fn traits_and_segments_equal_a_full_recomputation() {
    let config = || Config { standard_traits: false, ..Config::default() };
    let dir = tempfile::tempdir().unwrap();
    let mut suites =
        vec![start_at(bank::ledger::begin(), Storage::Embedded(Engine::open(dir.path()).unwrap()), config()).await];
    if let Some(postgres) = postgres().await {
        suites.push(start_at(bank::ledger::begin(), Storage::Postgres(postgres), config()).await);
    }
    for suite in suites {
        let counts = bank::ledger::run(&suite.client, &suite.clock, 3000, 60).await;
        assert_eq!(counts.differences, Vec::<String>::new());
        // It cannot pass for want of anything to do.
        assert!(counts.repeats > 100 && counts.late > 300 && counts.merges > 5 && counts.splits > 3, "{counts:?}");
        assert!(counts.persons > 30 && counts.erasures > 0, "{counts:?}");
        suite.stop().await;
    }
}
