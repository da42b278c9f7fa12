//! Feeds: no gap, no loss, no double, in order, over both stores.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use attune_storage::feed::{self, Entry, NewEntry};
use attune_storage::{Engine, FeedReader, Migration, Storage, StorageError, migrate, migrations, vault};
use futures::future::join_all;

const MIGRATIONS: &[Migration] = migrations![
    "0001_vault" => vault::MIGRATION_SQL,
    "0002_feed" => feed::MIGRATION_SQL,
    "0003_sealed_feed" => feed::SEALED_MIGRATION_SQL,
];
const FEED: &str = "events";
const APPENDERS: u64 = 16;
const APPENDS: u64 = 25;

/// Appends over either store; the whole transaction fails after the append when told so.
async fn append(storage: &Storage, feed: &str, entries: Vec<NewEntry>, fail: bool) -> Result<Vec<u64>, StorageError> {
    let outcome = move |offsets| if fail { Err(StorageError::RequestIdReused) } else { Ok(offsets) };
    match storage {
        Storage::Embedded(engine) => {
            let (space, feed) = (engine.space("s")?, feed.to_owned());
            engine.write(move |tx| outcome(feed::append_embedded(tx, &space, &feed, &entries)?)).await
        }
        Storage::Postgres(postgres) => {
            let entries = &entries;
            postgres.transact(|tx| Box::pin(async move { outcome(feed::append(tx, feed, entries).await?) })).await
        }
    }
}

async fn suite(storage: Storage) {
    let reader = storage.feed_reader("s").unwrap();
    concurrent_appenders_and_a_tail(&storage, &reader).await;
    dedupe_keys_append_once(&storage, &reader).await;
    trimming_keeps_offsets(&storage, &reader).await;
    waiting_wakes(&storage, &reader).await;
    bad_names_are_refused(&storage, &reader).await;
}

async fn concurrent_appenders_and_a_tail(storage: &Storage, reader: &FeedReader) {
    assert_eq!(reader.head(FEED).await.unwrap(), 0);
    assert_eq!(reader.read(FEED, 0, 10).await.unwrap(), []);
    let appender = |who: u64| async move {
        let mut given = Vec::new();
        for n in 0..APPENDS {
            let entry = |part: u64| NewEntry::new(format!("{who}"), format!("{n}:{part}").into_bytes());
            // Every fifth transaction fails after it appended: its offsets must not leave a gap.
            let fail = n % 5 == 4;
            let many = (0..=n % 3).map(entry).collect();
            match append(storage, FEED, many, fail).await {
                Ok(offsets) => given.extend(offsets),
                Err(error) => assert!(fail && error == StorageError::RequestIdReused, "{error}"),
            }
        }
        given
    };
    let total: u64 = (0..APPENDS).filter(|n| n % 5 != 4).map(|n| n % 3 + 1).sum::<u64>() * APPENDERS;
    let tail = async {
        let mut seen: Vec<Entry> = Vec::new();
        while seen.len() < usize::try_from(total).unwrap() {
            let after = u64::try_from(seen.len()).unwrap();
            reader.wait(FEED, after, Duration::from_secs(30)).await.unwrap();
            for entry in reader.read(FEED, after, 7).await.unwrap() {
                assert_eq!(entry.offset, u64::try_from(seen.len()).unwrap() + 1, "the tail meets every offset in turn");
                seen.push(entry);
            }
        }
        seen
    };
    let (given, seen) = tokio::join!(join_all((0..APPENDERS).map(appender)), tail);
    let given: Vec<u64> = given.into_iter().flatten().collect();
    assert_eq!(given.iter().copied().collect::<BTreeSet<_>>(), (1..=total).collect(), "answered offsets have no gap");
    assert_eq!(given.len(), usize::try_from(total).unwrap(), "and none is given twice");
    assert_eq!(reader.head(FEED).await.unwrap(), total);
    for who in 0..APPENDERS {
        let bodies: Vec<&[u8]> =
            seen.iter().filter(|entry| entry.key == who.to_string()).map(|entry| entry.body.as_slice()).collect();
        let expected: Vec<Vec<u8>> = (0..APPENDS)
            .filter(|n| n % 5 != 4)
            .flat_map(|n| (0..=n % 3).map(move |part| format!("{n}:{part}").into_bytes()))
            .collect();
        assert_eq!(bodies, expected, "each appender's entries are there once and in its order");
    }
}

async fn dedupe_keys_append_once(storage: &Storage, reader: &FeedReader) {
    let once = |dedupe: &str, body: &str| NewEntry::once(dedupe, "k", body);
    let first = append(storage, "once", vec![once("a", "1"), NewEntry::new("k", "2"), once("a", "3")], false).await;
    assert_eq!(first, Ok(vec![1, 2, 1]));
    let second = append(storage, "once", vec![once("b", "4"), once("a", "5")], false).await;
    assert_eq!(second, Ok(vec![3, 1]));
    assert_eq!(append(storage, "once", vec![once("c", "x")], true).await, Err(StorageError::RequestIdReused));
    assert_eq!(append(storage, "once", vec![once("c", "6")], false).await, Ok(vec![4]), "a failure claims no key");
    assert_eq!(append(storage, "other", vec![once("a", "7")], false).await, Ok(vec![1]), "feeds are separate");
    assert_eq!(append(storage, "once", vec![], false).await, Ok(vec![]));
    let racing = join_all((0..12).map(|_| append(storage, "once", vec![once("race", "8")], false))).await;
    assert!(racing.iter().all(|offsets| *offsets == Ok(vec![5])), "{racing:?}");
    let bodies: Vec<Vec<u8>> = reader.read("once", 0, 100).await.unwrap().into_iter().map(|entry| entry.body).collect();
    assert_eq!(bodies, [b"1", b"2", b"4", b"6", b"8"].map(|body| body.to_vec()));
}

async fn trimming_keeps_offsets(storage: &Storage, reader: &FeedReader) {
    let entries: Vec<NewEntry> = (1..=4500).map(|n| NewEntry::once(format!("d{n}"), "", vec![])).collect();
    append(storage, "trim", entries, false).await.unwrap();
    assert_eq!(reader.trim("trim", 4400).await.unwrap(), 4400);
    assert_eq!(reader.trim("trim", 4400).await.unwrap(), 0);
    assert_eq!((reader.trimmed("trim").await.unwrap(), reader.head("trim").await.unwrap()), (4400, 4500));
    assert_eq!(reader.read("trim", 0, 1).await.unwrap()[0].offset, 4401);
    assert_eq!(reader.trim("trim", u64::MAX).await.unwrap(), 100);
    assert_eq!(reader.trimmed("trim").await.unwrap(), 4500, "a trim does not run ahead of the head");
    let again = append(storage, "trim", vec![NewEntry::once("d1", "", vec![])], false).await;
    assert_eq!(again, Ok(vec![4501]), "offsets go on, a trimmed dedupe key is forgotten");
    assert_eq!(reader.trim("nothing", 10).await.unwrap(), 0);
}

async fn waiting_wakes(storage: &Storage, reader: &FeedReader) {
    assert!(!reader.wait("wake", 0, Duration::from_millis(1)).await.unwrap(), "nothing comes");
    // The wait has no end of its own, so that this finishes only because the append wakes it.
    let wait = reader.wait("wake", 0, Duration::MAX);
    let add = append(storage, "wake", vec![NewEntry::new("k", "1")], false);
    let (woken, added) = tokio::join!(wait, add);
    assert_eq!((woken, added), (Ok(true), Ok(vec![1])));
    assert!(reader.wait("wake", 0, Duration::ZERO).await.unwrap(), "what is there needs no waiting");
}

async fn bad_names_are_refused(storage: &Storage, reader: &FeedReader) {
    let invalid = |answer: Result<Vec<u64>, StorageError>| matches!(answer, Err(StorageError::Invalid { .. }));
    assert!(invalid(append(storage, "", vec![NewEntry::new("k", "")], false).await));
    assert!(invalid(append(storage, "x", vec![NewEntry::new("a\0", "")], false).await));
    assert!(invalid(append(storage, "x", vec![NewEntry::once("", "k", "")], false).await));
    assert!(reader.read("a\0b", 0, 1).await.is_err());
    assert_eq!(reader.head("x").await.unwrap(), 0);
    assert_eq!(reader.read("once", u64::MAX, 1).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_feeds() {
    let directory = tempfile::tempdir().unwrap();
    suite(Storage::Embedded(Engine::open(directory.path()).unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_feeds() {
    let Some(schema) = support::TestSchema::new("feed") else { return };
    let postgres = schema.connect().await;
    migrate(&postgres, MIGRATIONS).await.unwrap();
    suite(Storage::Postgres(postgres.clone())).await;
    // Another process has another handle: its appends wake nobody here and are found by looking.
    let other = Storage::Postgres(schema.connect().await);
    let reader = FeedReader::postgres(postgres);
    let wait = reader.wait("far", 0, Duration::MAX);
    let (woken, added) = tokio::join!(wait, append(&other, "far", vec![NewEntry::new("k", "1")], false));
    assert_eq!((woken, added), (Ok(true), Ok(vec![1])));
    schema.drop_schema().await;
}
