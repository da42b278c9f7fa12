//! What is known of persons, in Postgres.

mod rewrite;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::{Postgres, Transaction, feed};

use super::{Done, FEED, Rewrite, Rewritten, Store, Work};
use crate::domain::batch::{Batch, Move};
use crate::domain::document::Document;
use crate::domain::event::{Event, Filter, Place};
use crate::domain::segment::Segment;
use crate::error::Error;

/// The store.
pub(super) struct Pg(Postgres);

impl Pg {
    pub(super) const fn new(postgres: Postgres) -> Self {
        Self(postgres)
    }
}

/// The persons in force, by the ids asked for.
async fn in_force(tx: &Transaction<'_, '_>, persons: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Error> {
    let asked: Vec<&str> = persons.iter().map(String::as_str).collect();
    let rows = tx.query("SELECT person_id, surviving FROM alias WHERE person_id = ANY($1)", &[&asked]).await?;
    let mut out: BTreeMap<String, String> = persons.iter().map(|person| (person.clone(), person.clone())).collect();
    out.extend(rows.into_iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1))));
    Ok(out)
}

/// Serializes units of work that touch a common person, whether or not it has a document yet. Locks are taken in order,
/// so that two units cannot wait for one another.
async fn lock(tx: &Transaction<'_, '_>, persons: &BTreeSet<String>) -> Result<(), Error> {
    let persons: Vec<&str> = persons.iter().map(String::as_str).collect();
    tx.execute(
        "SELECT pg_advisory_xact_lock(key) FROM (SELECT DISTINCT hashtextextended(person, 42) AS key \
         FROM unnest($1::text[]) AS person ORDER BY key) AS keys",
        &[&persons],
    )
    .await?;
    Ok(())
}

async fn load(tx: &Transaction<'_, '_>, persons: &BTreeSet<String>) -> Result<Vec<Document>, Error> {
    let asked: Vec<&str> = persons.iter().map(String::as_str).collect();
    let rows = tx.query("SELECT person_id, body FROM document WHERE person_id = ANY($1)", &[&asked]).await?;
    let mut found: BTreeMap<String, Document> = BTreeMap::new();
    for row in rows {
        found.insert(row.get(0), serde_json::from_slice(row.get::<_, &[u8]>(1))?);
    }
    Ok(persons.iter().map(|person| found.remove(person).unwrap_or_else(|| Document::empty(person))).collect())
}

/// Stores the events whose id is new and answers them.
async fn store_events(tx: &Transaction<'_, '_>, events: Vec<Event>) -> Result<Vec<Event>, Error> {
    if events.is_empty() {
        return Ok(events);
    }
    // In order, so that two batches with common ids do not wait for one another.
    let ids: BTreeSet<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    let ids: Vec<&str> = ids.into_iter().collect();
    let rows = tx
        .query(
            "INSERT INTO event_id (event_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING RETURNING event_id",
            &[&ids],
        )
        .await?;
    let mut fresh_ids: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    // Of two events of one batch with the same id, the first counts.
    let fresh: Vec<Event> = events.into_iter().filter(|event| fresh_ids.remove(&event.event_id)).collect();
    insert(tx, &fresh).await?;
    Ok(fresh)
}

async fn insert(tx: &Transaction<'_, '_>, events: &[Event]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Event) -> &str| events.iter().map(of).collect::<Vec<&str>>();
    let times: Vec<i64> = events.iter().map(|event| event.time.as_micros()).collect();
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    let bodies: Vec<&[u8]> = events.iter().map(|event| event.body.expose().as_slice()).collect();
    tx.execute(
        "INSERT INTO event (person_id, time, sequence, event_id, name, channel, body) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[]) \
         ON CONFLICT DO NOTHING",
        &[
            &column(|event| &event.person_id),
            &times,
            &sequences,
            &column(|event| &event.event_id),
            &column(|event| &event.name),
            &column(|event| &event.channel),
            &bodies,
        ],
    )
    .await?;
    Ok(())
}

/// Writes changed documents, memberships and the feed.
async fn save(tx: &Transaction<'_, '_>, documents: &[Document], moves: &[Move]) -> Result<(), Error> {
    if !documents.is_empty() {
        let persons: Vec<&str> = documents.iter().map(|document| document.person_id.as_str()).collect();
        let bodies = documents.iter().map(serde_json::to_vec).collect::<Result<Vec<Vec<u8>>, _>>()?;
        tx.execute(
            "INSERT INTO document (person_id, body) SELECT * FROM unnest($1::text[], $2::bytea[]) \
             ON CONFLICT (person_id) DO UPDATE SET body = excluded.body",
            &[&persons, &bodies],
        )
        .await?;
    }
    let pairs = |entered: bool| -> (Vec<&str>, Vec<&str>) {
        moves
            .iter()
            .filter(|one| one.entered == entered)
            .map(|one| (one.segment_id.as_str(), one.person_id.as_str()))
            .unzip()
    };
    let (segments, persons) = pairs(true);
    if !segments.is_empty() {
        tx.execute(
            "INSERT INTO member (segment_id, person_id) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
            &[&segments, &persons],
        )
        .await?;
    }
    let (segments, persons) = pairs(false);
    if !segments.is_empty() {
        tx.execute(
            "DELETE FROM member USING unnest($1::text[], $2::text[]) AS gone (segment_id, person_id) \
             WHERE member.segment_id = gone.segment_id AND member.person_id = gone.person_id",
            &[&segments, &persons],
        )
        .await?;
    }
    if !moves.is_empty() {
        let entries = moves
            .iter()
            .map(|one| Ok(feed::NewEntry::new(&one.person_id, serde_json::to_vec(one)?)))
            .collect::<Result<Vec<_>, Error>>()?;
        feed::append(tx, FEED, &entries).await?;
    }
    Ok(())
}

async fn unit(tx: &Transaction<'_, '_>, work: &Work) -> Result<Done, Error> {
    if !work.request_id.is_empty() {
        let micros = work.now.as_micros();
        let known = tx
            .execute(
                "INSERT INTO request (request_id, time) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &[&work.request_id, &micros],
            )
            .await?;
        if known == 0 {
            return Ok(Done { repeated: true, fresh: 0 });
        }
    }
    let mut named: BTreeSet<String> = work.events.iter().map(|event| event.person_id.clone()).collect();
    named.extend(work.persons.iter().cloned());
    let before = in_force(tx, &named).await?;
    lock(tx, &before.values().cloned().collect()).await?;
    // A merge may have come between reading the aliases and taking the locks.
    let aliases = in_force(tx, &named).await?;
    let persons: BTreeSet<String> = aliases.values().cloned().collect();
    if aliases != before {
        lock(tx, &persons).await?;
    }
    let resolved = work
        .events
        .iter()
        .map(|event| {
            let mut event = event.clone();
            if let Some(person) = aliases.get(&event.person_id) {
                event.person_id.clone_from(person);
            }
            event
        })
        .collect();
    let fresh = store_events(tx, resolved).await?;
    let mut batch = Batch::new(load(tx, &persons).await?);
    (work.decide)(&mut batch, &fresh)?;
    let (documents, moves) = batch.finish(&work.segments, work.now);
    save(tx, &documents, &moves).await?;
    Ok(Done { repeated: false, fresh: fresh.len() })
}

#[async_trait]
impl Store for Pg {
    async fn work(&self, work: Work) -> Result<Done, Error> {
        self.0.transact(|tx| Box::pin(unit(tx, &work))).await
    }

    async fn documents(&self, persons: &[String]) -> Result<Vec<Document>, Error> {
        let client = self.0.client().await?;
        let rows = client
            .query(
                "SELECT asked.person, coalesce(alias.surviving, asked.person), document.body \
                 FROM unnest($1::text[]) WITH ORDINALITY AS asked (person, place) \
                 LEFT JOIN alias ON alias.person_id = asked.person \
                 LEFT JOIN document ON document.person_id = coalesce(alias.surviving, asked.person) ORDER BY place",
                &[&persons],
            )
            .await?;
        rows.iter()
            .map(|row| match row.get::<_, Option<&[u8]>>(2) {
                Some(body) => Ok(serde_json::from_slice(body)?),
                None => Ok(Document::empty(row.get(1))),
            })
            .collect()
    }

    async fn timeline(
        &self,
        person: &str,
        filter: &Filter,
        after: Option<&Place>,
        limit: usize,
    ) -> Result<Vec<(Place, Vec<u8>)>, Error> {
        let (sign, order) = if filter.ascending { (">", "ASC") } else { ("<", "DESC") };
        let sql = format!(
            "SELECT time, sequence, event_id, body FROM event \
             WHERE person_id = coalesce((SELECT surviving FROM alias WHERE person_id = $1), $1) \
             AND time >= $2 AND time < $3 AND (cardinality($4::text[]) = 0 OR name = ANY($4)) \
             AND (cardinality($5::text[]) = 0 OR channel = ANY($5)) \
             AND ($6::bigint IS NULL OR (time, sequence, event_id) {sign} ($6, $7, $8)) \
             ORDER BY time {order}, sequence {order}, event_id {order} LIMIT $9"
        );
        let from = filter.from.map_or(i64::MIN, Timestamp::as_micros);
        let until = filter.until.map_or(i64::MAX, Timestamp::as_micros);
        let (time, sequence, id) = match after {
            Some((time, sequence, id)) => (Some(time.as_micros()), Some(*sequence), Some(id.as_str())),
            None => (None, None, None),
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.0.client().await?;
        let rows = client
            .query(&sql, &[&person, &from, &until, &filter.names, &filter.channels, &time, &sequence, &id, &limit])
            .await?;
        Ok(rows.iter().map(|row| ((Timestamp::from_micros(row.get(0)), row.get(1), row.get(2)), row.get(3))).collect())
    }

    async fn rewrite(
        &self,
        offset: Option<u64>,
        change: Rewrite,
        segments: Arc<Vec<Segment>>,
        now: Timestamp,
    ) -> Result<Rewritten, Error> {
        self.0.transact(|tx| Box::pin(rewrite::apply(tx, offset, &change, &segments, now))).await
    }

    async fn members(&self, segment: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.0.client().await?;
        let sql = "SELECT person_id FROM member WHERE segment_id = $1 AND person_id > $2 ORDER BY person_id LIMIT $3";
        let rows = client.query(sql, &[&segment, &after.unwrap_or_default(), &limit]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn member_count(&self, segment: &str) -> Result<u64, Error> {
        let client = self.0.client().await?;
        let row = client.query_one("SELECT count(*) FROM member WHERE segment_id = $1", &[&segment]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    async fn persons(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.0.client().await?;
        let sql = "SELECT person_id FROM document WHERE person_id > $1 ORDER BY person_id LIMIT $2";
        let rows = client.query(sql, &[&after.unwrap_or_default(), &limit]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn mark(&self, name: &str) -> Result<Option<String>, Error> {
        let client = self.0.client().await?;
        Ok(client.query_opt("SELECT value FROM mark WHERE name = $1", &[&name]).await?.map(|row| row.get(0)))
    }

    async fn set_mark(&self, name: &str, value: &str) -> Result<(), Error> {
        let client = self.0.client().await?;
        let sql =
            "INSERT INTO mark (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        client.execute(sql, &[&name, &value]).await?;
        Ok(())
    }

    async fn check(&self) -> Result<(), Error> {
        self.0.client().await?.query_one("SELECT 1", &[]).await?;
        Ok(())
    }
}
