//! The cache: what it keeps while Redis is there, and that nothing breaks when it is not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use std::env;
use std::time::Duration;

use attune_kernel::{PersonId, Secret};
use attune_storage::{Cache, CacheConfig, StorageError};

const LONG: Duration = Duration::from_secs(600);

/// `None`, after a printed line, when there is no Redis. The prefix is drawn, so that tests do not meet.
fn config(database: u8) -> Option<CacheConfig> {
    let Ok(url) = env::var("ATTUNE_TEST_REDIS") else {
        println!("skipped: ATTUNE_TEST_REDIS is not set");
        return None;
    };
    Some(CacheConfig {
        url: Secret::new(format!("{}/{database}", url.trim_end_matches('/'))),
        prefix: format!("storage_test_{:016x}", rand::random::<u64>()),
        // The machine may be busy; the product's limit is much shorter.
        timeout: Duration::from_secs(20),
    })
}

#[tokio::test]
async fn keeps_counts_and_expires() {
    let Some(config) = config(0) else { return };
    let cache = Cache::connect(&config).unwrap();
    let person = PersonId::from_bytes([7; 16]);
    let key = |name: &str| Cache::person_key("profile", person, name);
    assert_eq!(key("x"), format!("profile:{{{person}}}:x"));

    assert_eq!(cache.get(&key("a")).await, None);
    assert!(cache.set(&key("a"), &[0, 255], LONG).await);
    assert!(cache.set(&key("b"), b"", LONG).await);
    assert_eq!(cache.get(&key("a")).await, Some(vec![0, 255]));
    let three = [key("a"), key("missing"), key("b")];
    assert_eq!(cache.mget(&three).await, [Some(vec![0, 255]), None, Some(vec![])]);
    assert_eq!(cache.mget(&[]).await, Vec::<Option<Vec<u8>>>::new());
    assert_eq!((cache.stats().hits, cache.stats().misses, cache.stats().failures), (3, 2, 0));

    let pairs = [(key("c"), vec![1]), (key("d"), vec![2, 0])];
    assert!(cache.set_all(&pairs, LONG).await && cache.set_all(&[], LONG).await);
    assert_eq!(cache.get(&key("c")).await, Some(vec![1]));
    assert_eq!(cache.get(&key("d")).await, Some(vec![2, 0]));
    cache.delete(&[key("c"), key("d")]).await;

    assert_eq!(cache.increment(&key("n"), 2, LONG).await, Some(2));
    assert_eq!(cache.increment(&key("n"), 3, Duration::from_millis(1)).await, Some(5));
    assert_eq!(cache.increment(&key("n"), 0, LONG).await, Some(5), "the first increment alone sets the expiry");
    assert_eq!(cache.increment(&key("short"), 1, Duration::from_millis(1)).await, Some(1));
    cache.set(&key("brief"), b"1", Duration::ZERO).await;
    while cache.get(&key("brief")).await.is_some() || cache.get(&key("short")).await.is_some() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(cache.increment(&key("short"), 1, LONG).await, Some(1), "an expired counter starts again");

    assert_eq!(cache.increment(&key("a"), 1, LONG).await, None, "a value that is no number is not counted");
    assert_eq!(cache.get(&key("b")).await, Some(vec![]), "and one refused command does not pause the others");
    assert!(cache.delete(&[key("a"), key("b"), key("n"), key("short")]).await);
    assert_eq!(cache.get(&key("a")).await, None);
    assert!(cache.delete(&[]).await);
}

#[tokio::test]
async fn emptied_while_in_use_nothing_breaks() {
    // A database of its own, because it is emptied as a whole.
    let Some(config) = config(9) else { return };
    let cache = Cache::connect(&config).unwrap();
    let client = redis::Client::open(config.url.expose()).unwrap();
    let mut admin = client.get_multiplexed_async_connection().await.unwrap();
    let user = |n: u32| {
        let cache = cache.clone();
        async move {
            for round in 0..40u8 {
                let key = format!("k{n}");
                cache.set(&key, &[round], LONG).await;
                let read = cache.get(&key).await;
                assert!(read.is_none() || read == Some(vec![round]), "a value or a miss, never another value");
                let count = cache.increment("shared", 1, LONG).await.unwrap();
                assert!(count >= 1, "a lost counter starts again");
            }
        }
    };
    let users = futures::future::join_all((0..8).map(user));
    let emptier = async {
        for _ in 0..40 {
            redis::cmd("FLUSHDB").query_async::<()>(&mut admin).await.unwrap();
        }
    };
    tokio::join!(users, emptier);
    assert_eq!(cache.stats().failures, 0);
    redis::cmd("FLUSHDB").query_async::<()>(&mut admin).await.unwrap();
}

#[tokio::test]
async fn an_absent_redis_is_a_miss() {
    let away = CacheConfig { url: Secret::new("redis://127.0.0.1:1".to_owned()), ..CacheConfig::default() };
    let cache = Cache::connect(&away).unwrap();
    assert!(cache.is_some());
    for _ in 0..3 {
        assert_eq!(cache.get("a").await, None);
        assert_eq!(cache.mget(&["a".to_owned(), "b".to_owned()]).await, [None, None]);
        assert!(!cache.set("a", b"1", LONG).await);
        assert!(!cache.delete(&["a".to_owned()]).await);
        assert_eq!(cache.increment("n", 1, LONG).await, None);
    }
    let stats = cache.stats();
    assert!(stats.failures >= 1 && stats.skipped >= 1 && stats.failures + stats.skipped == 15, "{stats:?}");
}

#[tokio::test]
async fn it_comes_back_when_redis_does() {
    let Some(config) = config(0) else { return };
    let url = config.url.expose().to_owned();
    let target = url.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    // A relay stands for a Redis that restarts: its port is drawn, closed, and opened again.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let through = CacheConfig { url: Secret::new(format!("redis://{address}/0")), ..config };
    let cache = Cache::connect(&through).unwrap();
    assert!(!cache.set("a", b"1", LONG).await);

    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    let relay = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(target).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    while !cache.set("a", b"2", LONG).await {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(cache.get("a").await, Some(b"2".to_vec()));
    assert!(cache.delete(&["a".to_owned()]).await);
    relay.abort();
}

#[tokio::test]
async fn none_holds_nothing_and_a_wrong_url_is_told_without_it() {
    let cache = Cache::connect(&CacheConfig::default()).unwrap();
    assert!(!cache.is_some());
    assert!(!cache.set("a", b"1", LONG).await);
    assert_eq!(cache.get("a").await, None);
    assert_eq!(cache.mget(&["a".to_owned()]).await, [None]);
    assert_eq!(cache.increment("a", 1, LONG).await, None);
    let wrong = CacheConfig { url: Secret::new("http://:hunter2@x".to_owned()), ..CacheConfig::default() };
    let error = Cache::connect(&wrong).unwrap_err();
    assert!(matches!(error, StorageError::Config(_)) && !error.to_string().contains("hunter2"));
}
