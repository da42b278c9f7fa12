//! What is known of persons, in Postgres.

mod months;
mod rewrite;
mod seal;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use attune_kernel::Timestamp;
use attune_storage::{Postgres, StorageError, Transaction, feed};

use self::months::Months;
use super::{Done, FEED, Forgotten, Once, Rewrite, Rewritten, Store, TAG_FEED, Work, digest, place};
use crate::domain::batch::{Batch, Outcome};
use crate::domain::consent::{self, Consent};
use crate::domain::document::Document;
use crate::domain::event::{Event, Filter, Place};
use crate::domain::rules::Rules;
use crate::error::Error;

/// The store.
pub(super) struct Pg {
    postgres: Postgres,
    months: Months,
}

impl Pg {
    pub(super) fn new(postgres: Postgres) -> Self {
        Self { postgres, months: Months::default() }
    }
}

/// How often the persons of a unit are locked anew because merges or erasures came between.
const LOCK_TRIES: usize = 20;

/// The persons in force, by the ids asked for.
async fn in_force(tx: &Transaction<'_, '_>, persons: &BTreeSet<String>) -> Result<BTreeMap<String, String>, Error> {
    let asked: Vec<&str> = persons.iter().map(String::as_str).collect();
    let rows = tx.query("SELECT person_id, surviving FROM alias WHERE person_id = ANY($1)", &[&asked]).await?;
    let mut out: BTreeMap<String, String> = persons.iter().map(|person| (person.clone(), person.clone())).collect();
    out.extend(rows.into_iter().map(|row| (row.get::<_, String>(0), row.get::<_, String>(1))));
    Ok(out)
}

/// The persons in force by the ids asked for, and their documents, locked: units of work that touch a common person take
/// effect one after the other, whether or not they have a document yet.
///
/// The locks are rows, whose number no setting of the server bounds, taken in the order of ids, so that two units do not
/// wait for one another. A merge or an erasure may come between reading the aliases and holding the rows; then once more.
async fn claim(
    tx: &Transaction<'_, '_>,
    asked: &BTreeSet<String>,
) -> Result<(BTreeMap<String, String>, Vec<Document>), Error> {
    let mut aliases = in_force(tx, asked).await?;
    for _ in 0..LOCK_TRIES {
        let persons: BTreeSet<&str> = aliases.values().map(String::as_str).collect();
        let persons: Vec<&str> = persons.into_iter().collect();
        let select = "SELECT person_id, body FROM document WHERE person_id = ANY($1) ORDER BY person_id FOR UPDATE";
        let mut rows = tx.query(select, &[&persons]).await?;
        if rows.len() < persons.len() {
            let insert = "INSERT INTO document (person_id, body) SELECT person, '' FROM unnest($1::text[]) AS person \
                          ORDER BY person ON CONFLICT DO NOTHING";
            tx.execute(insert, &[&persons]).await?;
            rows = tx.query(select, &[&persons]).await?;
        }
        let now = in_force(tx, asked).await?;
        if rows.len() == persons.len() && now == aliases {
            let stored: Vec<(&str, Option<&[u8]>)> = rows.iter().map(|row| (row.get(0), Some(row.get(1)))).collect();
            return Ok((aliases, seal::documents(tx.vault(), tx, &stored).await?));
        }
        aliases = now;
    }
    Err(StorageError::Conflict("persons changed while they were claimed".to_owned()).into())
}

/// Removes the rows of [`claim`] that got no document.
async fn release(tx: &Transaction<'_, '_>, claimed: &[String]) -> Result<(), Error> {
    if !claimed.is_empty() {
        tx.execute("DELETE FROM document WHERE person_id = ANY($1) AND body = ''", &[&claimed]).await?;
    }
    Ok(())
}

/// Ids of documents that were never written.
fn placeholders(documents: &[Document]) -> Vec<String> {
    documents.iter().filter(|document| document.is_new()).map(|document| document.person_id.clone()).collect()
}

/// Stores the events whose id is new and answers them.
async fn store_events(tx: &Transaction<'_, '_>, events: Vec<Event>) -> Result<Vec<Event>, Error> {
    if events.is_empty() {
        return Ok(events);
    }
    let ids: Vec<Vec<u8>> = events.iter().map(|event| digest(&event.event_id)).collect();
    // In order, so that two batches with common ids do not wait for one another.
    let sorted: BTreeSet<&[u8]> = ids.iter().map(Vec::as_slice).collect();
    let sorted: Vec<&[u8]> = sorted.into_iter().collect();
    let sql = "INSERT INTO event_id (id) SELECT id FROM unnest($1::bytea[]) WITH ORDINALITY AS given (id, place) \
               ORDER BY place ON CONFLICT DO NOTHING RETURNING id";
    let rows = tx.query(sql, &[&sorted]).await?;
    let mut new: BTreeSet<Vec<u8>> = rows.iter().map(|row| row.get(0)).collect();
    // Of two events of one batch with the same id, the first counts.
    let fresh: Vec<Event> =
        events.into_iter().zip(ids).filter(|(_, id)| new.remove(id)).map(|(event, _)| event).collect();
    insert(tx, &fresh).await?;
    Ok(fresh)
}

async fn insert(tx: &Transaction<'_, '_>, events: &[Event]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let column = |of: fn(&Event) -> &str| events.iter().map(of).collect::<Vec<&str>>();
    let ids: Vec<String> = events.iter().map(|event| place(event).2).collect();
    let sessions: Vec<String> = events.iter().map(|event| seal::session(&event.session)).collect();
    let times: Vec<i64> = events.iter().map(|event| event.time.as_micros()).collect();
    let sequences: Vec<i64> = events.iter().map(|event| event.sequence).collect();
    let shared: Vec<bool> = events.iter().map(|event| event.origin.shared).collect();
    let bodies = seal::events(tx, events, &ids).await?;
    tx.execute(
        "INSERT INTO event (person_id, time, sequence, event_id, name, channel, body, origin, shared, session) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[], \
         $8::text[], $9::boolean[], $10::text[]) ON CONFLICT DO NOTHING",
        &[
            &column(|event| &event.person_id),
            &times,
            &sequences,
            &ids,
            &column(|event| &event.name),
            &column(|event| &event.channel),
            &bodies,
            &column(|event| &event.origin.id),
            &shared,
            &sessions,
        ],
    )
    .await?;
    Ok(())
}

async fn store_documents(tx: &Transaction<'_, '_>, documents: &[Document]) -> Result<(), Error> {
    if documents.is_empty() {
        return Ok(());
    }
    let persons: Vec<&str> = documents.iter().map(|document| document.person_id.as_str()).collect();
    let bodies = seal::sealed_documents(tx, documents).await?;
    let due: Vec<Option<i64>> = documents.iter().map(|one| one.due.map(Timestamp::as_micros)).collect();
    tx.execute(
        "INSERT INTO document (person_id, body, due) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[]) \
         ON CONFLICT (person_id) DO UPDATE SET body = excluded.body, due = excluded.due",
        &[&persons, &bodies, &due],
    )
    .await?;
    Ok(())
}

/// Writes changed documents, memberships and the feed; answers whose documents.
async fn save(tx: &Transaction<'_, '_>, outcome: &Outcome) -> Result<Vec<String>, Error> {
    let Outcome { documents, moves, tag_moves, .. } = outcome;
    let written: Vec<String> = documents.iter().map(|document| document.person_id.clone()).collect();
    store_documents(tx, documents).await?;
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
    if !tag_moves.is_empty() {
        feed::append(tx, TAG_FEED, &super::tag_entries(tag_moves)?).await?;
    }
    Ok(written)
}

/// Remembers a request; answers what it was answered when it was done before.
async fn repeated(tx: &Transaction<'_, '_>, request_id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
    let (id, micros) = (digest(request_id), now.as_micros());
    let sql = "INSERT INTO request (id, time, answer) VALUES ($1, $2, '') ON CONFLICT DO NOTHING";
    if tx.execute(sql, &[&id, &micros]).await? > 0 {
        return Ok(None);
    }
    let row = tx.query_opt("SELECT answer FROM request WHERE id = $1", &[&id]).await?;
    Ok(Some(row.map(|row| row.get(0)).unwrap_or_default()))
}

async fn unit(tx: &Transaction<'_, '_>, work: &Work) -> Result<Done, Error> {
    if !work.request_id.is_empty() && repeated(tx, &work.request_id, work.now).await?.is_some() {
        return Ok(Done { repeated: true, ..Done::default() });
    }
    let mut asked: BTreeSet<String> = work.events.iter().map(|event| event.person_id.clone()).collect();
    asked.extend(work.persons.iter().cloned());
    let (aliases, documents) = claim(tx, &asked).await?;
    let claimed = placeholders(&documents);
    let mut batch = Batch::new(documents).under(&work.rules).known_as(aliases.clone());
    let events = work.events.iter().cloned().map(|mut event| {
        if let Some(person) = aliases.get(&event.person_id) {
            event.origin = batch.get(person).map(|one| one.origin_of(&event.person_id)).unwrap_or_default();
            event.person_id.clone_from(person);
        }
        event
    });
    let events: Vec<Event> = events.collect();
    let fresh = store_events(tx, events).await?;
    let lacking = if work.fill { batch.lacking() } else { Vec::new() };
    for person in &lacking {
        batch.fill(person, &rewrite::events(tx, person).await?);
    }
    (work.decide)(&mut batch, &fresh)?;
    let outcome = batch.finish(work.now);
    let written = save(tx, &outcome).await?;
    release(tx, &claimed).await?;
    let (fresh, filled) = (fresh.len(), lacking.len());
    Ok(Done { repeated: false, fresh, written, filled, observed: outcome.observed })
}

/// Records words on addresses; rows are made and locked in the order of addresses.
async fn suppress(tx: &Transaction<'_, '_>, given: &BTreeMap<Vec<u8>, Vec<Consent>>) -> Result<(), Error> {
    let addresses: Vec<&[u8]> = given.keys().map(Vec::as_slice).collect();
    let insert = "INSERT INTO suppression (address, body) SELECT address, '' FROM unnest($1::bytea[]) AS address \
                  ORDER BY address ON CONFLICT DO NOTHING";
    tx.execute(insert, &[&addresses]).await?;
    let select = "SELECT address, body FROM suppression WHERE address = ANY($1) ORDER BY address FOR UPDATE";
    let mut bodies = Vec::with_capacity(addresses.len());
    let mut changed: Vec<Vec<u8>> = Vec::with_capacity(addresses.len());
    for row in tx.query(select, &[&addresses]).await? {
        let (address, body): (Vec<u8>, &[u8]) = (row.get(0), row.get(1));
        let mut words = if body.is_empty() { Vec::new() } else { super::document::decode_words(body)? };
        for word in given.get(&address).into_iter().flatten() {
            consent::record(&mut words, word.clone());
        }
        bodies.push(super::document::encode_words(&words));
        changed.push(address);
    }
    let update = "UPDATE suppression SET body = new.body FROM unnest($1::bytea[], $2::bytea[]) AS new (address, body) \
                  WHERE suppression.address = new.address";
    tx.execute(update, &[&changed, &bodies]).await?;
    Ok(())
}

#[async_trait]
impl Store for Pg {
    async fn work(&self, work: Work) -> Result<Done, Error> {
        self.months.prepare(&self.postgres, work.events.iter().map(|event| event.time), work.now).await?;
        self.postgres.transact(|tx| Box::pin(unit(tx, &work))).await
    }

    async fn documents(&self, persons: &[String]) -> Result<Vec<Document>, Error> {
        let client = self.postgres.client().await?;
        let rows = client
            .query(
                "SELECT asked.person, coalesce(alias.surviving, asked.person), document.body \
                 FROM unnest($1::text[]) WITH ORDINALITY AS asked (person, place) \
                 LEFT JOIN alias ON alias.person_id = asked.person \
                 LEFT JOIN document ON document.person_id = coalesce(alias.surviving, asked.person) ORDER BY place",
                &[&persons],
            )
            .await?;
        let stored: Vec<(&str, Option<&[u8]>)> = rows.iter().map(|row| (row.get(1), row.get(2))).collect();
        seal::documents(self.postgres.vault(), &client, &stored).await
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
             AND ($10 = '' OR session = $10) AND ($6::bigint IS NULL OR (time, sequence, event_id) {sign} ($6, $7, $8)) \
             ORDER BY time {order}, sequence {order}, event_id {order} LIMIT $9"
        );
        let from = filter.from.map_or(i64::MIN, Timestamp::as_micros);
        let until = filter.until.map_or(i64::MAX, Timestamp::as_micros);
        let (time, sequence, id) = match after {
            Some((time, sequence, id)) => (Some(time.as_micros()), Some(*sequence), Some(id.as_str())),
            None => (None, None, None),
        };
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let rows = client
            .query(
                &sql,
                &[
                    &person,
                    &from,
                    &until,
                    &filter.names,
                    &filter.channels,
                    &time,
                    &sequence,
                    &id,
                    &limit,
                    &seal::session(&filter.session),
                ],
            )
            .await?;
        let places = rows.iter().map(|row| (Timestamp::from_micros(row.get(0)), row.get(1), row.get(2)));
        let stored: Vec<(&str, &[u8])> = rows.iter().map(|row| (row.get(2), row.get(3))).collect();
        let bodies = seal::bodies(self.postgres.vault(), &client, &stored).await?;
        Ok(places.zip(bodies).filter_map(|(place, body)| Some((place, body?))).collect())
    }

    async fn rewrite(
        &self,
        once: Once,
        change: Rewrite,
        rules: Arc<Rules>,
        now: Timestamp,
    ) -> Result<Rewritten, Error> {
        let (done, slots) =
            self.postgres.transact(|tx| Box::pin(rewrite::apply(tx, &once, &change, &rules, now))).await?;
        if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
            tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
        }
        Ok(done)
    }

    async fn members(&self, segment: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let sql = "SELECT person_id FROM member WHERE segment_id = $1 AND person_id > $2 ORDER BY person_id LIMIT $3";
        let rows = client.query(sql, &[&segment, &after.unwrap_or_default(), &limit]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn member_count(&self, segment: &str) -> Result<u64, Error> {
        let client = self.postgres.client().await?;
        let row = client.query_one("SELECT count(*) FROM member WHERE segment_id = $1", &[&segment]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or_default())
    }

    async fn persons(&self, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let sql = "SELECT person_id FROM document WHERE person_id > $1 AND body <> '' ORDER BY person_id LIMIT $2";
        let rows = client.query(sql, &[&after.unwrap_or_default(), &limit]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<String>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let sql = "SELECT person_id FROM document WHERE due <= $1 ORDER BY due LIMIT $2";
        let rows = client.query(sql, &[&now.as_micros(), &limit]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    async fn mark(&self, name: &str) -> Result<Option<String>, Error> {
        let client = self.postgres.client().await?;
        Ok(client.query_opt("SELECT value FROM mark WHERE name = $1", &[&name]).await?.map(|row| row.get(0)))
    }

    async fn set_mark(&self, name: &str, value: &str) -> Result<(), Error> {
        let client = self.postgres.client().await?;
        let sql =
            "INSERT INTO mark (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        client.execute(sql, &[&name, &value]).await?;
        Ok(())
    }

    async fn forget_requests(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        let (before, limit) = (before.as_micros(), i64::try_from(limit).unwrap_or(i64::MAX));
        let sql = "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE time < $1 ORDER BY time LIMIT $2)";
        let gone = self.postgres.client().await?.execute(sql, &[&before, &limit]).await?;
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }

    async fn forget_events(
        &self,
        before: &BTreeMap<String, Timestamp>,
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Forgotten, Error> {
        // One kind after the other; where it is, is the name of the kind that is under way.
        let from = after.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        let Some((kind, time)) = before.range(from.to_owned()..).next() else { return Ok(Forgotten::default()) };
        let sql = "DELETE FROM event WHERE (person_id, time, sequence, event_id) IN \
                   (SELECT person_id, time, sequence, event_id FROM event WHERE name = $1 AND time < $2 LIMIT $3)";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let client = self.postgres.client().await?;
        let removed = client.execute(sql, &[kind, &time.as_micros(), &limit]).await?;
        let more = removed == limit.cast_unsigned();
        let later = before.range(kind.clone()..).map(|(kind, _)| kind).find(|other| more || *other != kind);
        Ok(Forgotten { removed, next: later.map(|kind| kind.as_bytes().to_vec()) })
    }

    async fn suppress(&self, rules: Vec<(Vec<u8>, Consent)>) -> Result<(), Error> {
        let mut given: BTreeMap<Vec<u8>, Vec<Consent>> = BTreeMap::new();
        for (address, word) in rules {
            given.entry(address).or_default().push(word);
        }
        self.postgres.transact(|tx| Box::pin(suppress(tx, &given))).await
    }

    async fn suppressions(&self, address: &[u8]) -> Result<Vec<Consent>, Error> {
        let client = self.postgres.client().await?;
        let found = client.query_opt("SELECT body FROM suppression WHERE address = $1", &[&address]).await?;
        found.map_or(Ok(Vec::new()), |row| super::document::decode_words(row.get(0)))
    }

    async fn check(&self) -> Result<(), Error> {
        self.postgres.client().await?.query_one("SELECT 1", &[]).await?;
        Ok(())
    }
}
