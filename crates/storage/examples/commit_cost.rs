//! Measures the embedded engine on this machine: processor and wall time of a durable commit, alone and with 64 concurrent
//! writers, and reads a second.
//!
//! `cargo run --release -p attune-storage --example commit_cost [DIRECTORY]`

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use std::env;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use attune_storage::key::key;
use attune_storage::{Engine, Scan, Space, StorageError};
use futures::future::join_all;

const RECORDS: u64 = 200_000;
const BODY: usize = 200;

/// Ticks a second of the processor times in /proc, fixed by the kernel's interface.
const TICKS: u64 = 100;

/// Processor time of all threads of this process so far.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field is the name in brackets, which may hold spaces; user and system time are the 14th and 15th.
    let fields: Vec<&str> =
        stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks: u64 = fields.get(11).ok_or("no user time")?.parse::<u64>()?
        + fields.get(12).ok_or("no system time")?.parse::<u64>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS))
}

/// Prints microseconds of wall and processor time for each of `count` operations.
fn report(name: &str, count: u64, wall: Duration, cpu: Duration) {
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!("{name:<42} {:>10.1} us wall {:>10.1} us cpu {:>12.0} a second", each(wall), each(cpu), 1e6 / each(wall));
}

async fn one(engine: &Engine, space: &Space, n: u64) -> Result<(), StorageError> {
    let space = space.clone();
    engine.write(move |tx| tx.put(&space, key().u64(n).build(), vec![7; BODY])).await
}

async fn measure(directory: &Path) -> Result<(), Box<dyn Error>> {
    let engine = Engine::open(directory)?;
    let space = engine.space("measure")?;

    let (start, used) = (Instant::now(), cpu()?);
    for n in 0..5000 {
        one(&engine, &space, n).await?;
    }
    report("durable commit, one writer", 5000, start.elapsed(), cpu()? - used);

    let (start, used) = (Instant::now(), cpu()?);
    let writer = |who: u64| {
        let (engine, space) = (&engine, &space);
        async move {
            for n in 0..1000 {
                one(engine, space, 10_000 + who * 1000 + n).await?;
            }
            Ok::<(), StorageError>(())
        }
    };
    join_all((0..64).map(writer)).await.into_iter().collect::<Result<(), _>>()?;
    report("durable commit, 64 concurrent writers", 64_000, start.elapsed(), cpu()? - used);

    let filling = space.clone();
    for block in 0..RECORDS / 1000 {
        let space = filling.clone();
        engine
            .write(move |tx| {
                for n in block * 1000..(block + 1) * 1000 {
                    tx.put(&space, key().u64(n).build(), vec![7; BODY])?;
                }
                Ok::<(), StorageError>(())
            })
            .await?;
    }
    let (start, used) = (Instant::now(), cpu()?);
    let mut found = 0;
    for n in 0..RECORDS {
        // A multiplier without a common factor visits every key once, in no order that helps.
        let at = n.wrapping_mul(982_451_653) % RECORDS;
        found += u64::from(engine.reader().get(&space, key().u64(at).build())?.is_some());
    }
    report("read of one key, snapshot each", found, start.elapsed(), cpu()? - used);

    let (start, used) = (Instant::now(), cpu()?);
    let mut read = 0;
    for n in 0..2000 {
        let scan = Scan::all().at_least(key().u64(n * 90).build()).limit(50);
        read += engine.reader().scan(&space, &scan)?.len();
    }
    report("pair of a scan of 50", u64::try_from(read)?, start.elapsed(), cpu()? - used);
    engine.close().await;
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let parent = env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    let directory = tempfile::tempdir_in(parent)?;
    measure(directory.path()).await
}
