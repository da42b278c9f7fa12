//! The store over Postgres.
//!
//! A command locks first what it can touch, in one order for everybody: the rows of its identifiers by hash, then the
//! surviving persons by id. What somebody else writes is therefore either seen or waited for. An identifier that nobody
//! holds has no row to lock; when two commands create it at once, the second finds the row at the end and starts again.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::postgres::{Row, ToSql};
use attune_storage::{FeedReader, Postgres, StorageError, Transaction, feed};
use rustc_hash::FxHashMap;

use super::{Announced, FEED, Store, enter_offsets, record, run};
use crate::domain::{Changes, Command, Evidence, EvidenceOp, IdentifierKey, Lookup, Outcome, Rules, View};
use crate::error::Error;

/// How often a command starts again when somebody else created the same identifier meanwhile. Each time somebody
/// succeeded, and what they created exists at the next attempt.
const ATTEMPTS: usize = 20;

/// The store.
pub(super) struct Relational {
    postgres: Postgres,
    feed: FeedReader,
}

impl Relational {
    pub(super) fn new(postgres: Postgres) -> Self {
        let feed = FeedReader::postgres(postgres.clone());
        Self { postgres, feed }
    }
}

/// Holders of identifiers with the records of those who hold them, in one round trip.
const IDENTIFIERS: &str = "
    SELECT i.hash, s.person_id, s.record
    FROM identifier i
    JOIN person p ON p.person_id = i.person_id
    JOIN person s ON s.person_id = coalesce(p.survivor_id, p.person_id)
    WHERE i.hash = ANY($1)";

/// Persons by any id.
const PERSONS: &str = "
    SELECT p.person_id, s.person_id, s.record
    FROM person p JOIN person s ON s.person_id = coalesce(p.survivor_id, p.person_id)
    WHERE p.person_id = ANY($1)";

const TOMBSTONES: &str = "SELECT hash, erase_micros FROM tombstone WHERE hash = ANY($1)";
const EVIDENCE: &str = "SELECT key, record FROM evidence WHERE person_id = $1";
const REQUEST: &str = "SELECT record FROM request WHERE request_id = $1";

fn bytes<T: AsRef<[u8]>>(of: impl Iterator<Item = T>) -> Vec<Vec<u8>> {
    of.map(|one| one.as_ref().to_vec()).collect()
}

fn add_person(view: &mut View, id: PersonId, record: &[u8]) -> Result<(), StorageError> {
    if let Entry::Vacant(place) = view.persons.entry(id) {
        place.insert(record::decode_person(id, record)?);
    }
    Ok(())
}

fn add_identifiers(view: &mut View, rows: &[Row]) -> Result<(), StorageError> {
    for row in rows {
        let owner = record::person_id(row.try_get(1)?)?;
        view.owners.insert(record::identifier_key(row.try_get(0)?)?, owner);
        add_person(view, owner, row.try_get(2)?)?;
    }
    Ok(())
}

fn add_persons(view: &mut View, rows: &[Row]) -> Result<(), StorageError> {
    for row in rows {
        let (asked, survivor) = (record::person_id(row.try_get(0)?)?, record::person_id(row.try_get(1)?)?);
        if asked != survivor {
            view.survivors.insert(asked, survivor);
        }
        add_person(view, survivor, row.try_get(2)?)?;
    }
    Ok(())
}

fn add_tombstones(view: &mut View, rows: &[Row]) -> Result<(), StorageError> {
    for row in rows {
        view.tombstones.insert(record::identifier_key(row.try_get(0)?)?, Timestamp::from_micros(row.try_get(1)?));
    }
    Ok(())
}

fn to_evidence(rows: &[Row]) -> Result<Vec<Evidence>, StorageError> {
    rows.iter().map(|row| record::decode_evidence(row.try_get::<_, i64>(0)?.cast_unsigned(), row.try_get(1)?)).collect()
}

/// Tombstones to look for: those of identifiers that nobody holds.
fn unheld(lookup: &Lookup, view: &View) -> Vec<Vec<u8>> {
    let unheld = lookup.identifiers.iter().filter(|(key, _)| !view.owners.contains_key(key));
    bytes(unheld.map(|(_, tombstone)| tombstone.0))
}

/// Loads what a command can touch and locks it.
async fn lock(tx: &Transaction<'_, '_>, lookup: &Lookup) -> Result<View, StorageError> {
    let mut view = View::default();
    let mut holders: FxHashMap<IdentifierKey, PersonId> = FxHashMap::default();
    if !lookup.identifiers.is_empty() {
        let hashes = bytes(lookup.identifiers.iter().map(|(key, _)| key.0));
        let sql = "SELECT hash, person_id FROM identifier WHERE hash = ANY($1) ORDER BY hash FOR UPDATE";
        for row in tx.query(sql, &[&hashes]).await? {
            holders.insert(record::identifier_key(row.try_get(0)?)?, record::person_id(row.try_get(1)?)?);
        }
    }
    let mut asked: Vec<PersonId> = holders.values().chain(&lookup.persons).chain(&lookup.evidence).copied().collect();
    asked.sort_unstable();
    asked.dedup();
    let mut wanted = asked.clone();
    // A person who was merged between the two statements has a survivor to lock instead; the chain is one hop long.
    while !wanted.is_empty() {
        let ids = bytes(wanted.iter().map(|id| id.to_bytes()));
        let sql = "SELECT DISTINCT coalesce(survivor_id, person_id) FROM person WHERE person_id = ANY($1)";
        let rows = tx.query(sql, &[&ids]).await?;
        let survivors = rows.iter().map(|row| row.try_get::<_, Vec<u8>>(0)).collect::<Result<Vec<_>, _>>()?;
        let sql = "SELECT person_id, survivor_id, record FROM person WHERE person_id = ANY($1)
                   ORDER BY person_id FOR UPDATE";
        wanted.clear();
        for row in tx.query(sql, &[&survivors]).await? {
            match row.try_get::<_, Option<&[u8]>>(1)? {
                Some(survivor) => wanted.push(record::person_id(survivor)?),
                None => add_person(&mut view, record::person_id(row.try_get(0)?)?, row.try_get(2)?)?,
            }
        }
    }
    // Whoever was locked cannot be merged any more, so this says who survives whom.
    if !asked.is_empty() {
        let ids = bytes(asked.iter().map(|id| id.to_bytes()));
        let sql = "SELECT person_id, survivor_id FROM person WHERE person_id = ANY($1) AND survivor_id IS NOT NULL";
        for row in tx.query(sql, &[&ids]).await? {
            view.survivors.insert(record::person_id(row.try_get(0)?)?, record::person_id(row.try_get(1)?)?);
        }
    }
    for (key, holder) in holders {
        let survivor = view.survivors.get(&holder).copied().unwrap_or(holder);
        view.owners.insert(key, survivor);
    }
    let tombstones = unheld(lookup, &view);
    if !tombstones.is_empty() {
        add_tombstones(&mut view, &tx.query(TOMBSTONES, &[&tombstones]).await?)?;
    }
    for asked in &lookup.evidence {
        let survivor = view.survivors.get(asked).copied().unwrap_or(*asked);
        let rows = tx.query(EVIDENCE, &[&survivor.to_bytes().as_slice()]).await?;
        view.evidence.insert(survivor, to_evidence(&rows)?);
    }
    if let Some(request) = &lookup.request {
        let row = tx.query_opt(REQUEST, &[request]).await?;
        view.request = row.map(|row| record::decode_request(row.try_get(0)?)).transpose()?;
    }
    Ok(view)
}

/// Inserts rows that must not exist; when one does, somebody else won.
async fn insert_new(
    tx: &Transaction<'_, '_>,
    sql: &str,
    values: &[&(dyn ToSql + Sync)],
    expected: usize,
) -> Result<(), StorageError> {
    if tx.execute(sql, values).await? == expected as u64 {
        Ok(())
    } else {
        Err(StorageError::Conflict("somebody else created it meanwhile".to_owned()))
    }
}

async fn write(tx: &Transaction<'_, '_>, mut changes: Changes) -> Result<(), StorageError> {
    if !changes.created.is_empty() {
        // Sorted by hash, as a map is: two commands that create the same ones wait for each other in one direction only.
        let hashes = bytes(changes.created.keys().map(|key| key.0));
        let owners = bytes(changes.created.values().map(|id| id.to_bytes()));
        let sql = "INSERT INTO identifier (hash, person_id) SELECT * FROM unnest($1::bytea[], $2::bytea[])
                   ON CONFLICT DO NOTHING";
        insert_new(tx, sql, &[&hashes, &owners], hashes.len()).await?;
    }
    if let Some((id, recorded)) = &changes.request {
        let sql = "INSERT INTO request (request_id, record) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        insert_new(tx, sql, &[id, &record::encode_request(recorded)], 1).await?;
    }
    let moved: Vec<_> = changes.moved.iter().filter_map(|(key, owner)| Some((key, (*owner)?))).collect();
    if !moved.is_empty() {
        let hashes = bytes(moved.iter().map(|(key, _)| key.0));
        let owners = bytes(moved.iter().map(|(_, id)| id.to_bytes()));
        let sql = "UPDATE identifier SET person_id = n.person_id
                   FROM unnest($1::bytea[], $2::bytea[]) n (hash, person_id) WHERE identifier.hash = n.hash";
        tx.execute(sql, &[&hashes, &owners]).await?;
    }
    let freed = bytes(changes.moved.iter().filter(|(_, owner)| owner.is_none()).map(|(key, _)| key.0));
    if !freed.is_empty() {
        tx.execute("DELETE FROM identifier WHERE hash = ANY($1)", &[&freed]).await?;
    }
    if !changes.tombstones.is_empty() {
        let hashes = bytes(changes.tombstones.keys().map(|key| key.0));
        let times: Vec<i64> = changes.tombstones.values().map(|time| time.as_micros()).collect();
        let sql = "INSERT INTO tombstone (hash, erase_micros) SELECT * FROM unnest($1::bytea[], $2::bigint[])
                   ON CONFLICT (hash) DO UPDATE SET erase_micros = excluded.erase_micros";
        tx.execute(sql, &[&hashes, &times]).await?;
    }
    write_evidence(tx, &changes).await?;
    if !changes.aliases.is_empty() {
        let ids = bytes(changes.aliases.keys().map(|id| id.to_bytes()));
        let survivors = bytes(changes.aliases.values().map(|id| id.to_bytes()));
        let sql = "INSERT INTO person (person_id, survivor_id, record)
                   SELECT id, survivor, NULL FROM unnest($1::bytea[], $2::bytea[]) n (id, survivor)
                   ON CONFLICT (person_id) DO UPDATE SET survivor_id = excluded.survivor_id, record = NULL";
        tx.execute(sql, &[&ids, &survivors]).await?;
    }
    // Last, because other appenders wait from here to the commit; before the persons, because they remember offsets.
    let offsets = feed::append(tx, FEED, &record::encode_feed(&changes.feed)).await?;
    enter_offsets(&mut changes, &offsets);
    if !changes.persons.is_empty() {
        let ids = bytes(changes.persons.keys().map(|id| id.to_bytes()));
        let records: Vec<Vec<u8>> = changes.persons.values().map(record::encode_person).collect();
        let sql = "INSERT INTO person (person_id, record) SELECT * FROM unnest($1::bytea[], $2::bytea[])
                   ON CONFLICT (person_id) DO UPDATE SET record = excluded.record";
        tx.execute(sql, &[&ids, &records]).await?;
    }
    Ok(())
}

async fn write_evidence(tx: &Transaction<'_, '_>, changes: &Changes) -> Result<(), StorageError> {
    for op in &changes.evidence {
        match op {
            EvidenceOp::Move { from, to } => {
                let (from, to) = (from.to_bytes(), to.to_bytes());
                let sql = "WITH gone AS (DELETE FROM evidence WHERE person_id = $1 RETURNING key, record)
                           INSERT INTO evidence (person_id, key, record) SELECT $2, key, record FROM gone
                           ON CONFLICT DO NOTHING";
                tx.execute(sql, &[&from.as_slice(), &to.as_slice()]).await?;
            }
            EvidenceOp::Remove(person, keys) => {
                let keys: Vec<i64> = keys.iter().map(|key| key.cast_signed()).collect();
                let sql = "DELETE FROM evidence WHERE person_id = $1 AND key = ANY($2)";
                tx.execute(sql, &[&person.to_bytes().as_slice(), &keys]).await?;
            }
            EvidenceOp::Clear(person) => {
                tx.execute("DELETE FROM evidence WHERE person_id = $1", &[&person.to_bytes().as_slice()]).await?;
            }
        }
    }
    if !changes.noted.is_empty() {
        let persons = bytes(changes.noted.keys().map(|(person, _)| person.to_bytes()));
        let keys: Vec<i64> = changes.noted.keys().map(|(_, key)| key.cast_signed()).collect();
        let records: Vec<Vec<u8>> = changes.noted.values().map(record::encode_evidence).collect();
        let sql = "INSERT INTO evidence (person_id, key, record)
                   SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[])
                   ON CONFLICT (person_id, key) DO UPDATE SET record = excluded.record";
        tx.execute(sql, &[&persons, &keys, &records]).await?;
    }
    Ok(())
}

#[async_trait]
impl Store for Relational {
    async fn view(&self, lookup: &Lookup) -> Result<View, StorageError> {
        let client = self.postgres.client().await?;
        let mut view = View::default();
        if !lookup.identifiers.is_empty() {
            let hashes = bytes(lookup.identifiers.iter().map(|(key, _)| key.0));
            add_identifiers(&mut view, &client.query(IDENTIFIERS, &[&hashes]).await?)?;
            let tombstones = unheld(lookup, &view);
            if !tombstones.is_empty() {
                add_tombstones(&mut view, &client.query(TOMBSTONES, &[&tombstones]).await?)?;
            }
        }
        if !lookup.persons.is_empty() {
            let ids = bytes(lookup.persons.iter().map(|id| id.to_bytes()));
            add_persons(&mut view, &client.query(PERSONS, &[&ids]).await?)?;
        }
        Ok(view)
    }

    async fn execute(&self, rules: &Arc<Rules>, command: Arc<Command>) -> Result<Outcome, Error> {
        let lookup = Arc::new(command.lookup());
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answer = self
                .postgres
                .transact(|tx| {
                    let (lookup, command, rules) = (Arc::clone(&lookup), Arc::clone(&command), Arc::clone(rules));
                    Box::pin(async move {
                        let view = lock(tx, &lookup).await?;
                        let (outcome, changes) = run(&rules, &command, view)?;
                        if !changes.is_empty() {
                            write(tx, changes).await?;
                        }
                        Ok::<_, Error>(outcome)
                    })
                })
                .await;
            match answer {
                Err(Error::Storage(StorageError::Conflict(_))) if attempt < ATTEMPTS => {}
                answer => return answer,
            }
        }
    }

    async fn evidence(&self, person: PersonId) -> Result<Vec<Evidence>, StorageError> {
        let client = self.postgres.client().await?;
        to_evidence(&client.query(EVIDENCE, &[&person.to_bytes().as_slice()]).await?)
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, StorageError> {
        super::read_feed(&self.feed, after, limit, wait).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.postgres.client().await?.query_one("SELECT 1", &[]).await.map(drop)
    }
}
