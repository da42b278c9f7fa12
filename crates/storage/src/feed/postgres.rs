//! Feeds in the service's schema of Postgres.

use std::collections::HashMap;

use super::{Entry, NewEntry, assign, check, signal_name};
use crate::error::StorageError;
use crate::postgres::{Client, Postgres, Transaction};
use crate::vault::{Plain, Sealed, feed_subject};

const TABLE: &str = "attune_feed_entry";

/// Appends to a feed within the transaction that makes the change, and answers the offset of each entry. What an entry with
/// a key says is sealed for [`feed_subject`] of it, so that the schema has the tables of the [`vault`](crate::vault) as well.
///
/// From here until the transaction ends, other appenders of the same feed wait: append last.
///
/// # Errors
/// [`StorageError::Invalid`] for a feed, key or dedupe key that breaks the rules; otherwise what Postgres answers.
pub async fn append(tx: &Transaction<'_, '_>, feed: &str, entries: &[NewEntry]) -> Result<Vec<u64>, StorageError> {
    check(feed, entries)?;
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    // Before the lock, because it may wait for others who write of the same persons.
    let sealed = seal(tx, feed, entries).await?;
    // The lock is released after the commit is visible, so the next appender's offsets are seen only after ours.
    tx.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('attune_feed:' || current_schema() || ':' || $1, 0))",
        &[&feed],
    )
    .await?;
    let known = known(tx, feed, entries).await?;
    let row = tx.query_opt("SELECT head FROM attune_feed WHERE feed = $1", &[&feed]).await?;
    let head = row.map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
    let (offsets, fresh) = assign(entries, head.cast_unsigned(), known);
    if fresh.is_empty() {
        return Ok(offsets);
    }
    let numbers: Vec<i64> = fresh.iter().map(|&index| offsets[index].cast_signed()).collect();
    let keys: Vec<&str> = fresh.iter().map(|&index| entries[index].key.as_str()).collect();
    let bodies: Vec<&[u8]> = fresh.iter().map(|&index| sealed[index].as_slice()).collect();
    let dedupes: Vec<Option<&str>> = fresh.iter().map(|&index| entries[index].dedupe.as_deref()).collect();
    let last = numbers.last().copied().unwrap_or(head);
    tx.execute(
        "INSERT INTO attune_feed (feed, head) VALUES ($1, $2) ON CONFLICT (feed) DO UPDATE SET head = $2",
        &[&feed, &last],
    )
    .await?;
    tx.execute(
        r#"INSERT INTO attune_feed_entry (feed, "offset", key, body, dedupe)
           SELECT $1, * FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[])"#,
        &[&feed, &numbers, &keys, &bodies, &dedupes],
    )
    .await?;
    tx.wake_on_commit(signal_name("postgres", feed));
    Ok(offsets)
}

/// The bodies as they are stored: sealed where the entry has a key.
async fn seal(tx: &Transaction<'_, '_>, feed: &str, entries: &[NewEntry]) -> Result<Vec<Vec<u8>>, StorageError> {
    let subject = |entry: &NewEntry| if entry.key.is_empty() { Vec::new() } else { feed_subject(&entry.key) };
    let subjects: Vec<Vec<u8>> = entries.iter().map(subject).collect();
    // Bound to feed and key: the offset is not known yet.
    let rows: Vec<Vec<u8>> = entries.iter().map(|entry| place(feed, &entry.key)).collect();
    let plain = subjects.iter().zip(&rows).zip(entries);
    let plain = plain.map(|((subject, row), entry)| Plain { subject, row, value: &entry.body });
    tx.vault().seal_rows(tx, TABLE, &plain.collect::<Vec<_>>()).await
}

fn place(feed: &str, key: &str) -> Vec<u8> {
    crate::key::key().str(feed).str(key).build()
}

/// Offsets of the dedupe keys that were appended before.
async fn known(
    tx: &Transaction<'_, '_>,
    feed: &str,
    entries: &[NewEntry],
) -> Result<HashMap<String, u64>, StorageError> {
    let dedupes: Vec<&str> = entries.iter().filter_map(|entry| entry.dedupe.as_deref()).collect();
    if dedupes.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = r#"SELECT dedupe, "offset" FROM attune_feed_entry WHERE feed = $1 AND dedupe = ANY($2)"#;
    let rows = tx.query(sql, &[&feed, &dedupes]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get::<_, i64>(1)?.cast_unsigned()))).collect()
}

pub(super) async fn read(
    postgres: &Postgres,
    feed: &str,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, StorageError> {
    let Ok(mut after) = i64::try_from(after) else { return Ok(Vec::new()) };
    let client = postgres.client().await?;
    loop {
        let (last, entries) = page(postgres, &client, feed, after, limit).await?;
        match last {
            // A page that says nothing any more is not the end of the feed.
            Some(last) if entries.is_empty() => after = last,
            _ => return Ok(entries),
        }
    }
}

/// The entries of a page that can be read, and the last offset of those that are there.
async fn page(
    postgres: &Postgres,
    client: &Client,
    feed: &str,
    after: i64,
    limit: usize,
) -> Result<(Option<i64>, Vec<Entry>), StorageError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let sql = r#"SELECT "offset", key, body FROM attune_feed_entry
                 WHERE feed = $1 AND "offset" > $2 ORDER BY "offset" LIMIT $3"#;
    let rows = client.query(sql, &[&feed, &after, &limit]).await?;
    let last = rows.last().map(|row| row.try_get::<_, i64>(0)).transpose()?;
    let keys = rows.iter().map(|row| row.try_get::<_, String>(1)).collect::<Result<Vec<_>, _>>()?;
    let places: Vec<Vec<u8>> = keys.iter().map(|key| place(feed, key)).collect();
    let sealed: Vec<Sealed<'_>> =
        rows.iter().zip(&places).map(|(row, place)| Sealed { row: place, value: row.get(2) }).collect();
    let opened = postgres.vault().open_rows(client, TABLE, &sealed).await?;
    // What is said of an erased person is not there any more.
    let there = rows.iter().zip(keys).zip(opened).filter_map(|((row, key), body)| {
        Some(Entry { offset: row.get::<_, i64>(0).cast_unsigned(), key, body: body? })
    });
    Ok((last, there.collect()))
}

/// The last offset given and the last one trimmed.
pub(super) async fn bounds(postgres: &Postgres, feed: &str) -> Result<(u64, u64), StorageError> {
    let sql = "SELECT head, trimmed FROM attune_feed WHERE feed = $1";
    let row = postgres.client().await?.query_opt(sql, &[&feed]).await?;
    row.map_or(Ok((0, 0)), |row| {
        Ok((row.try_get::<_, i64>(0)?.cast_unsigned(), row.try_get::<_, i64>(1)?.cast_unsigned()))
    })
}

pub(super) async fn trim(postgres: &Postgres, feed: &str, upto: u64) -> Result<u64, StorageError> {
    let upto = i64::try_from(upto).unwrap_or(i64::MAX);
    postgres
        .transact(|tx| {
            Box::pin(async move {
                let sql = "UPDATE attune_feed SET trimmed = greatest(trimmed, least(head, $2)) WHERE feed = $1
                           RETURNING trimmed";
                let Some(row) = tx.query_opt(sql, &[&feed, &upto]).await? else { return Ok(0) };
                let trimmed: i64 = row.try_get(0)?;
                let sql = r#"DELETE FROM attune_feed_entry WHERE feed = $1 AND "offset" <= $2"#;
                tx.execute(sql, &[&feed, &trimmed]).await
            })
        })
        .await
}
