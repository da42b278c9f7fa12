//! The vault over the embedded engine: what is sealed, what erasure leaves, and what a kill in the middle leaves.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use std::path::Path;
use std::process::Stdio;

use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, Scan, Space, StorageError, Tx};
use tokio::io::{AsyncBufReadExt as _, BufReader};

const DIRECTORY: &str = "ATTUNE_TEST_VAULT_DIRECTORY";

fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    (at.str().ok()? == "row").then(|| at.bytes().ok()).flatten()
}

fn open(directory: &Path) -> (Engine, Space) {
    let engine = Engine::open(directory).unwrap();
    let space = engine.sealed_space("people", subject).unwrap();
    (engine, space)
}

fn row(person: &str, number: u64) -> Vec<u8> {
    key().str("row").str(person).u64(number).build()
}

/// Whether the bytes stand anywhere in the files of a directory.
fn stands_in(directory: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            stands_in(&path, needle)
        } else {
            std::fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle)
        }
    })
}

async fn put(engine: &Engine, space: &Space, at: Vec<u8>, value: &'static [u8]) {
    let space = space.clone();
    engine.write(move |tx| tx.put(&space, at, value)).await.unwrap();
}

fn read(engine: &Engine, space: &Space, at: &[u8]) -> Option<Vec<u8>> {
    engine.reader().get(space, at).unwrap().map(|value| value.to_vec())
}

#[tokio::test]
async fn rows_of_a_person_are_sealed_and_erased_with_the_key() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, space) = open(directory.path());
    put(&engine, &space, row("ann", 1), b"marker-of-ann").await;
    put(&engine, &space, row("bob", 1), b"marker-of-bob").await;
    put(&engine, &space, key().str("count").build(), b"marker-of-nobody").await;
    assert_eq!(read(&engine, &space, &row("ann", 1)).unwrap(), b"marker-of-ann");
    assert!(!stands_in(directory.path(), b"marker-of-ann"));
    assert!(stands_in(directory.path(), b"marker-of-nobody"), "the look finds what is not sealed");

    let place = space.clone();
    let had = engine
        .write(move |tx| Ok::<_, StorageError>((tx.shred(&place, b"ann")?, tx.shred(&place, b"nobody")?)))
        .await
        .unwrap();
    assert_eq!(had, (true, false));
    assert_eq!(read(&engine, &space, &row("ann", 1)), None, "absent, although it was not deleted");
    assert_eq!(read(&engine, &space, &row("bob", 1)).unwrap(), b"marker-of-bob");
    let rows = engine.reader().scan(&space, &Scan::prefix(key().str("row").build()).limit(1)).unwrap();
    assert_eq!(&*rows[0].1, b"marker-of-bob", "what is absent does not count for a limit");

    // The same name may come again, with a new key.
    put(&engine, &space, row("ann", 2), b"another-ann").await;
    drop((engine, space));
    let (engine, space) = open(directory.path());
    assert_eq!(read(&engine, &space, &row("ann", 1)), None);
    assert_eq!(read(&engine, &space, &row("ann", 2)).unwrap(), b"another-ann");
    assert_eq!(read(&engine, &space, &row("bob", 1)).unwrap(), b"marker-of-bob");
}

#[tokio::test]
async fn erasure_stands_between_the_writes_before_and_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, space) = open(directory.path());
    let put = |number| {
        let space = space.clone();
        move |tx: &mut Tx| tx.put(&space, row("ann", number), b"x".as_slice())
    };
    let place = space.clone();
    // Sent without waiting, so that some share a group.
    let (a, b, c, d) = futures::join!(
        engine.write(put(1)),
        engine.write(put(2)),
        engine.write(move |tx| {
            tx.put(&place, row("ann", 3), b"before".as_slice())?;
            tx.shred(&place, b"ann")?;
            tx.put(&place, row("ann", 4), b"after".as_slice())
        }),
        engine.write(put(5)),
    );
    assert!([a, b, c, d].iter().all(Result::is_ok));
    let there: Vec<u64> = (1..6).filter(|number| read(&engine, &space, &row("ann", *number)).is_some()).collect();
    assert_eq!(there, [4, 5]);
}

#[tokio::test]
async fn a_failed_transaction_erases_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, space) = open(directory.path());
    put(&engine, &space, row("ann", 1), b"x").await;
    let place = space.clone();
    let failed = engine
        .write(move |tx| {
            tx.shred(&place, b"ann")?;
            Err::<(), _>(StorageError::Internal("no".to_owned()))
        })
        .await;
    assert!(failed.is_err());
    put(&engine, &space, row("ann", 2), b"y").await;
    assert!(read(&engine, &space, &row("ann", 1)).is_some());
}

#[tokio::test]
async fn a_new_key_keeps_the_rows_and_leaves_the_old_copies_unreadable() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, space) = open(directory.path());
    put(&engine, &space, row("ann", 1), b"hers").await;
    put(&engine, &space, row("ann", 2), b"of another person, merged by mistake").await;
    let place = space.clone();
    engine
        .write(move |tx| {
            let moved = tx.get(&place, row("ann", 2))?.unwrap();
            tx.delete(&place, row("ann", 2))?;
            tx.put(&place, row("bob", 2), moved)?;
            tx.reseal(&place, b"ann", &[key().str("row").str("ann").build()])
        })
        .await
        .unwrap();
    assert_eq!(read(&engine, &space, &row("ann", 1)).unwrap(), b"hers");
    assert!(read(&engine, &space, &row("bob", 2)).is_some());
    let place = space.clone();
    engine.write(move |tx| tx.shred(&place, b"bob")).await.unwrap();
    assert_eq!(read(&engine, &space, &row("bob", 2)), None);
    assert_eq!(read(&engine, &space, &row("ann", 1)).unwrap(), b"hers");
    // The first slots were: ann's old key, ann's new one and bob's; two of three are overwritten.
    let keys = std::fs::read(directory.path().join("attune.keys")).unwrap();
    let destroyed = keys.chunks(64).skip(1).take(3).filter(|slot| slot.iter().all(|byte| *byte == 0)).count();
    assert_eq!(destroyed, 2);
}

#[tokio::test]
async fn without_its_key_file_a_directory_is_refused_for_writes_and_reads() {
    let directory = tempfile::tempdir().unwrap();
    let (engine, space) = open(directory.path());
    put(&engine, &space, row("ann", 1), b"x").await;
    drop((engine, space));
    std::fs::remove_file(directory.path().join("attune.keys")).unwrap();
    let (engine, space) = open(directory.path());
    assert!(matches!(engine.reader().get(&space, row("ann", 1)), Err(StorageError::Corrupt(_))));
    let place = space.clone();
    assert!(engine.write(move |tx| tx.put(&place, row("bob", 1), b"x".as_slice())).await.is_err());
}

/// The child: writes a person, erases the one before, prints what was acknowledged, until it is killed.
#[tokio::test]
async fn child_writes_and_erases_until_it_ends() {
    let Ok(directory) = std::env::var(DIRECTORY) else { return };
    let (engine, space) = open(Path::new(&directory));
    let last = engine.reader().get(&space, b"last").unwrap();
    let first = last.map_or(0, |value| KeyReader::new(&value).u64().unwrap()) + 1;
    for number in first.. {
        let place = space.clone();
        engine
            .write(move |tx| {
                tx.put(&place, row(&number.to_string(), 1), vec![7; 200])?;
                tx.shred(&place, (number - 1).to_string().as_bytes())?;
                tx.put(&place, b"last".to_vec(), key().u64(number).build())
            })
            .await
            .unwrap();
        println!("\nack {number}");
    }
}

#[tokio::test]
async fn a_kill_loses_no_key_and_revives_none() {
    if std::env::var(DIRECTORY).is_ok() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
            .args(["child_writes_and_erases_until_it_ends", "--exact", "--nocapture"])
            .env(DIRECTORY, directory.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut acknowledged, mut seen) = (0, 0);
        while seen < 20 + round * 7 {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(number) = line.strip_prefix("ack ") {
                acknowledged = number.parse::<u64>().unwrap();
                seen += 1;
            }
        }
        child.kill().await.unwrap();

        let (engine, space) = open(directory.path());
        let last = engine.reader().get(&space, b"last").unwrap().unwrap();
        let last = KeyReader::new(&last).u64().unwrap();
        assert!(last >= acknowledged);
        for number in 1..last {
            assert_eq!(read(&engine, &space, &row(&number.to_string(), 1)), None, "{number} of {last} lives");
        }
        assert_eq!(read(&engine, &space, &row(&last.to_string(), 1)).unwrap(), [7; 200]);
        let keys = std::fs::read(directory.path().join("attune.keys")).unwrap();
        let living = keys.chunks(64).skip(1).take(usize::try_from(last).unwrap());
        assert_eq!(living.filter(|slot| slot.iter().any(|byte| *byte != 0)).count(), 1, "one key of {last} is left");
    }
}
