//! Killed and starved processes: what was acknowledged is there, and every group is all or nothing.
//!
//! The test binary starts itself again as the process to be killed; without the variable the child's half does nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use std::env;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, Scan, Space, StorageError, Tx};
use futures::future::join_all;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const DIRECTORY: &str = "ATTUNE_TEST_CRASH_DIRECTORY";
/// Keys of one record, spread over two spaces.
const PARTS: u32 = 4;

/// Writes record n+1 in all its parts, with a body long enough that groups span disk blocks.
fn append(tx: &mut Tx, spaces: &[Space; 2]) -> Result<u64, StorageError> {
    let counter = tx.get(&spaces[0], b"counter")?;
    let next = counter.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())? + 1;
    tx.put(&spaces[0], b"counter".to_vec(), key().u64(next).build())?;
    for part in 0..PARTS {
        let body = vec![u8::try_from(next % 251).unwrap(); 300];
        tx.put(&spaces[part as usize % 2], key().str("record").u64(next).u32(part).build(), body)?;
    }
    Ok(next)
}

fn open(directory: &Path) -> (Engine, [Space; 2]) {
    let engine = Engine::open(directory).unwrap();
    let spaces = [engine.space("even").unwrap(), engine.space("odd").unwrap()];
    (engine, spaces)
}

/// The child: writes until it is killed or refused, and prints each number once it is acknowledged.
#[tokio::test]
async fn child_writes_until_it_ends() {
    let Ok(directory) = env::var(DIRECTORY) else { return };
    let (engine, spaces) = open(Path::new(&directory));
    let writer = |_| {
        let (engine, spaces) = (engine.clone(), spaces.clone());
        async move {
            loop {
                let spaces = spaces.clone();
                match engine.write(move |tx| append(tx, &spaces)).await {
                    Ok(number) => {
                        let mut out = std::io::stdout().lock();
                        writeln!(out, "\nack {number}").unwrap();
                        out.flush().unwrap();
                    }
                    Err(error) => return error,
                }
            }
        }
    };
    let errors = join_all((0..8).map(writer)).await;
    assert!(errors.iter().all(|error| matches!(error, StorageError::Unavailable { .. })), "{errors:?}");
    // Once a commit has failed nothing more is accepted, while reads go on.
    assert!(!engine.is_healthy());
    let again = spaces.clone();
    let late = engine.write(move |tx| append(tx, &again)).await;
    assert!(matches!(late, Err(StorageError::Unavailable { .. })));
    assert!(engine.reader().get(&spaces[0], b"counter").unwrap().is_some());
    println!("\nrefused");
}

fn start(mut command: Command, directory: &Path) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = command
        .env(DIRECTORY, directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    (child, lines)
}

const CHILD: [&str; 3] = ["--exact", "child_writes_until_it_ends", "--nocapture"];

/// The largest acknowledged number, and whether the child ended by itself; after `limit` acknowledgements it is killed.
async fn acknowledged(child: &mut Child, lines: &mut Lines<BufReader<ChildStdout>>, limit: usize) -> (u64, bool) {
    let (mut newest, mut count, mut refused) = (0, 0, false);
    let mut killed = false;
    // Lines that were printed before the kill count, so the pipe is read to its end.
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(number) = line.strip_prefix("ack ") {
            // The kill may cut the last line.
            newest = newest.max(number.parse().unwrap_or(0));
            count += 1;
        }
        refused |= line == "refused";
        if count >= limit && !killed {
            child.start_kill().unwrap();
            killed = true;
        }
    }
    child.wait().await.unwrap();
    (newest, refused)
}

/// Opens the directory again and compares every record with the counter.
fn verify(directory: &Path, acknowledged: u64) -> u64 {
    let (engine, spaces) = open(directory);
    let reader = engine.reader();
    let counter = reader.get(&spaces[0], b"counter").unwrap();
    let counter = counter.map_or(0, |bytes| KeyReader::new(&bytes).u64().unwrap());
    assert!(counter >= acknowledged, "acknowledged {acknowledged}, found {counter}");
    for (index, space) in spaces.iter().enumerate() {
        let records = reader.scan(space, &Scan::prefix(key().str("record").build())).unwrap();
        let found: Vec<(u64, u32)> = records
            .iter()
            .map(|(at, body)| {
                let mut at = KeyReader::new(at);
                let (_, number, part) = (at.str().unwrap(), at.u64().unwrap(), at.u32().unwrap());
                assert!(body.len() == 300 && body.iter().all(|&byte| u64::from(byte) == number % 251));
                (number, part)
            })
            .collect();
        let parts = (0..PARTS).filter(|part| *part as usize % 2 == index);
        let all: Vec<(u64, u32)> =
            (1..=counter).flat_map(|number| parts.clone().map(move |part| (number, part))).collect();
        assert_eq!(found, all, "every record up to the counter, none after it, all with all parts");
    }
    counter
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_to_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..8 {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(CHILD);
        let (mut child, mut lines) = start(command, directory.path());
        let limit = if round == 0 { 1 } else { rand::random_range(1..400) };
        let (newest, refused) = acknowledged(&mut child, &mut lines, limit).await;
        assert!(!refused, "the child was killed before it ended");
        assert!(newest > before, "the child made progress");
        before = verify(directory.path(), newest);
    }
}

/// A file-size limit makes the disk refuse: writes end with an error, and what was acknowledged before is there.
#[cfg(unix)]
#[tokio::test]
async fn nothing_acknowledged_is_lost_to_a_refusing_disk() {
    let directory = tempfile::tempdir().unwrap();
    verify(directory.path(), 0);
    let mut command = Command::new("sh");
    // The engine sizes its journal ahead, so the limit lies above that. In blocks of 512 bytes; the ignored signal is
    // inherited, so that a write answers an error instead of ending the process.
    command.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$@\"", "sh"]);
    command.arg(env::current_exe().unwrap()).args(CHILD);
    let (mut child, mut lines) = start(command, directory.path());
    let (newest, refused) = acknowledged(&mut child, &mut lines, usize::MAX).await;
    assert!(refused, "the child met the limit and was answered");
    assert!(newest > 0, "some writes succeeded before");
    verify(directory.path(), newest);
}
