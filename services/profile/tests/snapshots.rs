//! Snapshots through Redis: never older than the last write that was answered, whatever happens to Redis.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use attune_kernel::Secret;
use attune_profile::Config;
use attune_proto::identity::v1::{Merge, PersonChange, person_change::Change};
use attune_proto::profile::v1::*;
use attune_storage::{Cache, CacheConfig, Engine, Storage};
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Databases of Redis that only one test each uses, so that they may be emptied.
const FOLLOWING: u8 = 11;
const RACING: u8 = 12;

/// A cache with a prefix of its own, or `None` after a printed line when there is no Redis.
fn cache(database: u8) -> Option<(Cache, String)> {
    let Ok(url) = std::env::var("ATTUNE_TEST_REDIS") else {
        println!("skipped: ATTUNE_TEST_REDIS is not set");
        return None;
    };
    let url = url.trim_end_matches('/').to_owned();
    let config = CacheConfig {
        url: Secret::new(format!("{url}/{database}")),
        prefix: format!("profile_test_{:x}", attune_service_kit::clock::IdSource::random().seed()),
        timeout: Duration::from_secs(20),
    };
    Some((Cache::connect(&config).unwrap(), url.trim_start_matches("redis://").to_owned()))
}

async fn flush(address: &str, database: u8) {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(format!("SELECT {database}\r\nFLUSHDB\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("+OK").count(), 3, "{answer}");
}

async fn start(cache: Cache) -> (Suite, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::Embedded(Engine::open(dir.path()).unwrap());
    (start_on(storage, cache, Config::default()).await, dir)
}

#[tokio::test]
async fn a_snapshot_is_cached_and_follows_writes_time_merges_and_a_flush() {
    let Some((cache, address)) = cache(FOLLOWING) else { return };
    let (mut suite, _dir) = start(cache.clone()).await;
    suite.append(vec![event("e1", "p", NOW / 1000)]).await;
    let first = suite.profile("p").await;
    let hits = cache.stats().hits;
    assert_eq!(suite.profile("p").await, first);
    assert_eq!(cache.stats().hits, hits + 2, "the copy and its version");
    assert_eq!(trait_of(&first, "events_1d"), 1.0);
    // What depends on the time is not cached.
    suite.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(trait_of(&suite.profile("p").await, "events_1d"), 0.0);
    flush(&address, FOLLOWING).await;
    assert_eq!(suite.profile("p").await.etag, first.etag);
    suite.append(vec![event("e2", "p", 100)]).await;
    assert_eq!(trait_of(&suite.profile("p").await, "event_count"), 2.0);
    // Both were cached before they became one person.
    suite.append(vec![event("e3", "q", 100)]).await;
    assert_eq!(trait_of(&suite.profile("q").await, "event_count"), 1.0);
    let merge = Merge { surviving_person_id: "p".to_owned(), merged_person_id: "q".to_owned() };
    let change = PersonChange { offset: 1, time: None, change: Some(Change::Merge(merge)) };
    suite.client.apply_person_change(ApplyPersonChangeRequest { change: Some(change) }).await.unwrap();
    for id in ["p", "q"] {
        assert_eq!(trait_of(&suite.profile(id).await, "event_count"), 3.0, "{id}");
    }
    let both = BatchGetProfilesRequest { person_ids: vec!["p".to_owned(), "x".to_owned(), "q".to_owned()] };
    let both = suite.client.batch_get_profiles(both).await.unwrap().into_inner().profiles;
    assert_eq!(both.iter().map(|one| one.person_id.as_str()).collect::<Vec<_>>(), ["p", "x", "p"]);
    suite.client.erase_person(ErasePersonRequest { person_id: "p".to_owned(), ..Default::default() }).await.unwrap();
    assert_eq!(trait_of(&suite.profile("p").await, "event_count"), 0.0);
    suite.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_sees_less_than_was_answered() {
    let Some((cache, address)) = cache(RACING) else { return };
    let (mut suite, _dir) = start(cache.clone()).await;
    let (answered, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (mut client, answered, over) = (suite.client.clone(), Arc::clone(&answered), Arc::clone(&over));
            tokio::spawn(async move {
                let mut reads = 0_u32;
                while !over.load(Ordering::Acquire) {
                    let least = f64::from(answered.load(Ordering::Acquire));
                    let request = GetProfileRequest { person_id: "p".to_owned() };
                    let found = client.get_profile(request).await.unwrap().into_inner().profile.unwrap();
                    assert!(trait_of(&found, "event_count") >= least, "{} < {least}", trait_of(&found, "event_count"));
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    for index in 0..300_u32 {
        suite.append(vec![event(&format!("e{index}"), "p", i64::from(index))]).await;
        answered.store(index + 1, Ordering::Release);
        if index % 60 == 30 {
            flush(&address, RACING).await;
        }
        assert_eq!(trait_of(&suite.profile("p").await, "event_count"), f64::from(index + 1));
    }
    over.store(true, Ordering::Release);
    for reader in readers {
        assert!(reader.await.unwrap() > 0);
    }
    suite.stop().await;
}

#[tokio::test]
async fn without_redis_the_store_answers() {
    let config = CacheConfig { url: Secret::new("redis://127.0.0.1:1/0".to_owned()), ..CacheConfig::default() };
    let (mut suite, _dir) = start(Cache::connect(&config).unwrap()).await;
    for index in 0..5_u32 {
        suite.append(vec![event(&format!("e{index}"), "p", 100)]).await;
        assert_eq!(trait_of(&suite.profile("p").await, "event_count"), f64::from(index + 1));
    }
    suite.stop().await;
}
