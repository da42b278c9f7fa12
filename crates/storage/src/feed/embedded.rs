//! Feeds in a space of the embedded engine.
//!
//! Keys: `(~feed, h, feed)` last offset given and last one trimmed, `(~feed, e, feed, offset)` an entry,
//! `(~feed, d, feed, dedupe key)` its offset.

use std::collections::HashMap;

use super::{Entry, NewEntry, assign, check, signal_name};
use crate::embedded::{Engine, Scan, Space, Tx, Value};
use crate::error::StorageError;
use crate::key::{KeyBuilder, KeyReader, key};
use crate::vault::feed_subject;

/// Most entries that one transaction of [`trim`] deletes, so that it does not hold up other writes for long.
const TRIM_STEP: usize = 2000;

fn part(name: &str, feed: &str) -> KeyBuilder {
    key().str("~feed").str(name).str(feed)
}

/// Appends to a feed within the transaction that makes the change, and answers the offset of each entry.
///
/// # Errors
/// [`StorageError::Invalid`] for a feed, key or dedupe key that breaks the rules; otherwise what the engine answers.
pub fn append_embedded(tx: &mut Tx, space: &Space, feed: &str, entries: &[NewEntry]) -> Result<Vec<u64>, StorageError> {
    check(feed, entries)?;
    let mut known = HashMap::new();
    for dedupe in entries.iter().filter_map(|entry| entry.dedupe.as_ref()) {
        if let Some(offset) = tx.get(space, part("d", feed).str(dedupe).build())? {
            known.insert(dedupe.clone(), KeyReader::new(&offset).u64()?);
        }
    }
    let (head, trimmed) = decode_bounds(tx.get(space, part("h", feed).build())?)?;
    let (offsets, fresh) = assign(entries, head, known);
    for &index in &fresh {
        let (entry, offset) = (&entries[index], offsets[index]);
        let dedupe = entry.dedupe.as_deref().unwrap_or_default();
        let mut value = key().str(&entry.key).str(dedupe).build();
        value.extend_from_slice(&entry.body);
        let at = part("e", feed).u64(offset).build();
        if entry.key.is_empty() {
            tx.put(space, at, value)?;
        } else {
            tx.put_for(space, &feed_subject(&entry.key), at, value)?;
        }
        if !dedupe.is_empty() {
            tx.put(space, part("d", feed).str(dedupe).build(), key().u64(offset).build())?;
        }
    }
    if let Some(&last) = fresh.last() {
        tx.put(space, part("h", feed).build(), key().u64(offsets[last]).u64(trimmed).build())?;
        tx.wake_on_commit(signal_name(space.name(), feed));
    }
    Ok(offsets)
}

pub(super) fn read(
    engine: &Engine,
    space: &Space,
    feed: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, StorageError> {
    let scan = Scan::prefix(part("e", feed).build()).above(part("e", feed).u64(after).build()).limit(limit);
    let pairs = engine.reader().scan(space, &scan)?;
    pairs
        .iter()
        .map(|(at, value)| {
            let (key, _, body) = decode_entry(value)?;
            Ok(Entry { offset: decode_offset(at)?, key, body })
        })
        .collect()
}

/// The last offset given and the last one trimmed.
pub(super) fn bounds(engine: &Engine, space: &Space, feed: &str) -> Result<(u64, u64), StorageError> {
    decode_bounds(engine.reader().get(space, part("h", feed).build())?)
}

pub(super) async fn trim(engine: &Engine, space: &Space, feed: &str, upto: u64) -> Result<u64, StorageError> {
    let mut total = 0;
    loop {
        let (space, feed) = (space.clone(), feed.to_owned());
        let removed = engine.write(move |tx| trim_step(tx, &space, &feed, upto)).await?;
        total += removed;
        if removed < u64::try_from(TRIM_STEP).unwrap_or(u64::MAX) {
            return Ok(total);
        }
    }
}

fn trim_step(tx: &mut Tx, space: &Space, feed: &str, upto: u64) -> Result<u64, StorageError> {
    let at_head = part("h", feed).build();
    let (head, trimmed) = decode_bounds(tx.get(space, &at_head)?)?;
    let scan = Scan::prefix(part("e", feed).build())
        .above(part("e", feed).u64(trimmed).build())
        .at_most(part("e", feed).u64(upto.min(head)).build())
        .limit(TRIM_STEP);
    let entries = tx.scan(space, &scan)?;
    let Some((last, _)) = entries.last() else { return Ok(0) };
    let last = decode_offset(last)?;
    for (at, value) in &entries {
        let (_, dedupe, _) = decode_entry(value)?;
        if !dedupe.is_empty() {
            tx.delete(space, part("d", feed).str(&dedupe).build())?;
        }
        tx.delete(space, at.to_vec())?;
    }
    tx.put(space, at_head, key().u64(head).u64(last).build())?;
    Ok(u64::try_from(entries.len()).unwrap_or(u64::MAX))
}

fn decode_bounds(stored: Option<Value>) -> Result<(u64, u64), StorageError> {
    let Some(bytes) = stored else { return Ok((0, 0)) };
    let mut bytes = KeyReader::new(&bytes);
    Ok((bytes.u64()?, bytes.u64()?))
}

fn decode_offset(at: &[u8]) -> Result<u64, StorageError> {
    let (_, offset) =
        at.split_last_chunk::<8>().ok_or_else(|| StorageError::Corrupt("feed: key ends early".to_owned()))?;
    Ok(u64::from_be_bytes(*offset))
}

/// Key, dedupe key (empty when there is none), body.
fn decode_entry(value: &[u8]) -> Result<(String, String, Vec<u8>), StorageError> {
    let mut parts = KeyReader::new(value);
    let (key, dedupe) = (parts.str()?, parts.str()?);
    Ok((key, dedupe, parts.rest().to_vec()))
}
