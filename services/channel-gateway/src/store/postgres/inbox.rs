//! Events on their way in.

use std::collections::HashSet;

use async_trait::async_trait;
use attune_kernel::{Personal, Timestamp};
use attune_storage::Transaction;
use attune_storage::postgres::Row;
use attune_storage::vault::Sealed;

use super::{Counted, Relational, limit, seal, unsigned};
use crate::domain::record::{Claimed, InboxEvent, Lease};
use crate::error::Error;
use crate::store::{Inbox, InboxCounts};

/// Stores events in a transaction that may hold more; answers which were new. Known ids are entered in their order, so
/// that two batches with common ids cannot wait for each other.
pub(super) async fn accept(tx: &Transaction<'_, '_>, events: &[InboxEvent]) -> Result<Vec<bool>, Error> {
    let (ids, bodies) = seal::events(tx, events).await?;
    let received: Vec<i64> = events.iter().map(|event| event.received.as_micros()).collect();
    let sql = "
        WITH given AS (
            SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) WITH ORDINALITY AS g(event_id, received, body, n)
        ), first AS (
            SELECT DISTINCT ON (event_id) event_id, received, body, n FROM given ORDER BY event_id, n
        ), fresh AS (
            INSERT INTO known_event (event_id, received_micros)
            SELECT event_id, received FROM first ORDER BY event_id
            ON CONFLICT DO NOTHING RETURNING event_id
        )
        INSERT INTO inbox (event_id, received_micros, body)
        SELECT first.event_id, first.received, first.body FROM first JOIN fresh USING (event_id) ORDER BY first.n
        RETURNING event_id";
    let rows = tx.query(sql, &[&ids, &received, &bodies]).await?;
    let mut fresh = HashSet::with_capacity(rows.len());
    for row in &rows {
        fresh.insert(row.try_get::<_, &[u8]>(0)?);
    }
    // Of an id that comes twice in a batch, the first is the new one.
    Ok(ids.iter().map(|id| fresh.remove(id.as_slice())).collect())
}

fn claimed(row: &Row, (event_id, body): (String, Personal<Vec<u8>>)) -> Result<Claimed, Error> {
    Ok(Claimed {
        position: row.try_get::<_, i64>(0)?.cast_unsigned(),
        failures: row.try_get::<_, i32>(3)?.cast_unsigned(),
        event: InboxEvent { event_id, received: Timestamp::from_micros(row.try_get(2)?), body },
    })
}

/// Locks the lease for the transaction, if it is `lease.owner`'s.
async fn check_lease(tx: &Transaction<'_, '_>, lease: &Lease) -> Result<(), Error> {
    let sql = "SELECT 1 FROM inbox_lease WHERE owner = $1 AND deadline_micros > $2 FOR UPDATE";
    let held = tx.query_opt(sql, &[&lease.owner, &lease.now.as_micros()]).await?;
    if held.is_some() { Ok(()) } else { Err(Error::LeaseLost) }
}

fn signed(positions: &[u64]) -> Vec<i64> {
    positions.iter().map(|position| position.cast_signed()).collect()
}

#[async_trait]
impl Inbox for Relational {
    async fn accept(&self, events: Vec<InboxEvent>) -> Result<Vec<bool>, Error> {
        let events = events.as_slice();
        self.postgres.transact(|tx| Box::pin(accept(tx, events))).await
    }

    async fn claim(&self, lease: &Lease, after: u64, most: usize) -> Result<Vec<Claimed>, Error> {
        let client = self.postgres.client().await?;
        // Nothing to do: an idle inbox writes nothing.
        let waiting = "SELECT EXISTS (SELECT FROM inbox WHERE position > $1)";
        if !client.query_one(waiting, &[&after.cast_signed()]).await?.try_get::<_, bool>(0)? {
            return Ok(Vec::new());
        }
        let half = lease.now.as_micros() + (lease.deadline.as_micros() - lease.now.as_micros()) / 2;
        let held = "SELECT 1 FROM inbox_lease WHERE owner = $1 AND deadline_micros > $2";
        if client.query_opt(held, &[&lease.owner, &half]).await?.is_none() {
            let take = "
                INSERT INTO inbox_lease AS l (one, owner, deadline_micros) VALUES (true, $1, $2)
                ON CONFLICT (one) DO UPDATE SET owner = excluded.owner, deadline_micros = excluded.deadline_micros
                WHERE l.owner = excluded.owner OR l.deadline_micros <= $3";
            let taken =
                client.execute(take, &[&lease.owner, &lease.deadline.as_micros(), &lease.now.as_micros()]).await?;
            if taken == 0 {
                return Ok(Vec::new());
            }
        }
        let sql = "
            SELECT position, event_id, received_micros, failures, body FROM inbox
            WHERE position > $1 ORDER BY position LIMIT $2";
        // Once more when an erasure gave the rows another key between reading them and it.
        for _ in 0..3 {
            let rows = client.query(sql, &[&after.cast_signed(), &limit(most)]).await?;
            let stored = rows.iter().map(|row| Ok(Sealed { row: row.try_get(1)?, value: row.try_get(4)? }));
            let stored = stored.collect::<Result<Vec<_>, Error>>()?;
            let opened = seal::opened(self.postgres.vault(), &client, &stored).await?;
            if opened.iter().all(Option::is_some) {
                return rows.iter().zip(opened.into_iter().flatten()).map(|(row, event)| claimed(row, event)).collect();
            }
        }
        Ok(Vec::new())
    }

    async fn done(&self, lease: &Lease, positions: &[u64]) -> Result<(), Error> {
        let positions = signed(positions);
        let (positions, lease) = (&positions, lease);
        let work = async |tx: &Transaction<'_, '_>| {
            check_lease(tx, lease).await?;
            let gone = tx.execute("DELETE FROM inbox WHERE position = ANY($1)", &[positions]).await?;
            let mut counted = Counted::default();
            counted.add("in", "done", gone.cast_signed());
            Ok::<_, Error>(counted.write(tx).await?)
        };
        let work = &work;
        self.postgres.transact(move |tx| Box::pin(async move { work(tx).await })).await
    }

    async fn failed(&self, lease: &Lease, failures: &[(u64, String)], most: u32) -> Result<u32, Error> {
        let positions = signed(&failures.iter().map(|(position, _)| *position).collect::<Vec<_>>());
        let reasons: Vec<&str> = failures.iter().map(|(_, reason)| reason.as_str()).collect();
        let most = i32::try_from(most).unwrap_or(i32::MAX);
        let (positions, reasons) = (&positions, &reasons);
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    check_lease(tx, lease).await?;
                    let sql = "UPDATE inbox SET failures = failures + 1 WHERE position = ANY($1)";
                    tx.execute(sql, &[positions]).await?;
                    let sql = "
                        WITH gone AS (
                            DELETE FROM inbox WHERE position = ANY($1) AND failures >= $3
                            RETURNING position, event_id, received_micros, failures, body
                        )
                        INSERT INTO quarantine (position, event_id, received_micros, failures, reason, body)
                        SELECT gone.position, event_id, received_micros, failures, reason, body
                        FROM gone JOIN unnest($1::bigint[], $2::text[]) AS g(position, reason) USING (position)";
                    let aside = tx.execute(sql, &[positions, reasons, &most]).await?;
                    Ok(u32::try_from(aside).unwrap_or(u32::MAX))
                })
            })
            .await
    }

    async fn counts(&self) -> Result<InboxCounts, Error> {
        let sql = "
            SELECT (SELECT count(*) FROM inbox),
                   (SELECT coalesce(sum(value), 0)::bigint FROM counter WHERE kind = 'in' AND name = 'done'),
                   (SELECT count(*) FROM quarantine),
                   (SELECT received_micros FROM inbox ORDER BY position LIMIT 1)";
        let row = self.postgres.client().await?.query_one(sql, &[]).await?;
        Ok(InboxCounts {
            pending: unsigned(row.try_get(0)?),
            done: unsigned(row.try_get(1)?),
            quarantined: unsigned(row.try_get(2)?),
            oldest: row.try_get::<_, Option<i64>>(3)?.map(Timestamp::from_micros),
        })
    }

    async fn cursor(&self, feed: &str) -> Result<u64, Error> {
        let client = self.postgres.client().await?;
        let row = client.query_opt("SELECT position FROM feed_cursor WHERE feed = $1", &[&feed]).await?;
        Ok(row.map(|row| row.try_get::<_, i64>(0)).transpose()?.map_or(0, unsigned))
    }

    async fn advance(&self, feed: &str, to: u64) -> Result<(), Error> {
        let sql = "
            INSERT INTO feed_cursor AS c (feed, position) VALUES ($1, $2)
            ON CONFLICT (feed) DO UPDATE SET position = greatest(c.position, excluded.position)";
        self.postgres.client().await?.execute(sql, &[&feed, &to.cast_signed()]).await?;
        Ok(())
    }
}
