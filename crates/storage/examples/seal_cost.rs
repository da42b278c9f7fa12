//! What sealing costs: `seal_cost [directory]`.
//!
//! Sealing and opening alone, in nanoseconds and bytes; then the same rows written to and read from the embedded engine,
//! plain and sealed, one key for each ten rows, in groups of a thousand.

#![allow(clippy::print_stdout, reason = "a program that prints figures")]

use std::time::Instant;

use attune_storage::key::{KeyReader, key};
use attune_storage::vault::{OVERHEAD, Place, open, random_secret, seal};
use attune_storage::{Engine, Space, StorageError};

const ROUNDS: u32 = 100_000;
const ROWS: u64 = 100_000;
const GROUP: u64 = 1000;
const ROWS_A_PERSON: u64 = 10;

/// Processor seconds of this process so far.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|one| one.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn alone(bytes: usize) -> Result<(), StorageError> {
    let secret = random_secret()?;
    let place = Place { table: "profile", row: b"ev 0123456789abcdef0123456789abcdef" };
    let value = vec![7_u8; bytes];
    let began = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(seal(&secret, 1, &place, &value)?);
    }
    let sealed = began.elapsed() / ROUNDS;
    let stored = seal(&secret, 1, &place, &value)?;
    let began = Instant::now();
    for _ in 0..ROUNDS {
        std::hint::black_box(open(&secret, &place, &stored)?);
    }
    let opened = began.elapsed() / ROUNDS;
    println!("{bytes:>5} bytes: seal {sealed:?}, open {opened:?}, {OVERHEAD} bytes more");
    Ok(())
}

fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let mut at = KeyReader::new(at);
    at.str().ok()?;
    at.id().ok().map(|id| id.to_vec())
}

fn person(row: u64) -> [u8; 16] {
    u128::from(row / ROWS_A_PERSON).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834).to_be_bytes()
}

fn at(row: u64) -> Vec<u8> {
    key().str("ev").id(person(row)).u64(row).build()
}

async fn through(engine: &Engine, space: &Space, what: &str, bytes: usize) -> Result<(), StorageError> {
    let (began, cpu) = (Instant::now(), processor());
    for first in (0..ROWS).step_by(GROUP as usize) {
        let space = space.clone();
        let put = engine.write(move |tx| {
            (first..first + GROUP).try_for_each(|row| tx.put(&space, at(row), vec![row as u8; bytes]))
        });
        put.await?;
    }
    let (wrote, wrote_cpu) = (began.elapsed(), processor() - cpu);
    let (began, cpu) = (Instant::now(), processor());
    let reader = engine.reader();
    let mut found = 0;
    for row in 0..ROWS {
        found += u64::from(reader.get(space, at(row))?.is_some());
    }
    let (read, read_cpu) = (began.elapsed(), processor() - cpu);
    let each = |seconds: f64| seconds * 1e6 / ROWS as f64;
    println!(
        "{what:<7} {bytes:>5} bytes a row: write {:.2} us ({:.2} us of processor), read {:.2} us ({:.2}), {found} rows",
        each(wrote.as_secs_f64()),
        each(wrote_cpu),
        each(read.as_secs_f64()),
        each(read_cpu),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), StorageError> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "seal-cost".to_owned());
    for bytes in [200, 2000] {
        alone(bytes)?;
    }
    let engine = Engine::open(std::path::Path::new(&directory))?;
    for round in 0..2 {
        for bytes in [200, 2000] {
            let plain = engine.space(&format!("plain-{bytes}-{round}"))?;
            through(&engine, &plain, "plain", bytes).await?;
            let sealed = engine.sealed_space(&format!("sealed-{bytes}-{round}"), subject)?;
            through(&engine, &sealed, "sealed", bytes).await?;
            let space = sealed.clone();
            let began = Instant::now();
            engine.write(move |tx| tx.shred(&space, &person(0)).map(drop)).await?;
            println!("destroying a key: {:?}", began.elapsed());
        }
    }
    Ok(())
}
