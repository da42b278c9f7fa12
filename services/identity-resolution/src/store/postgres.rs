//! The store over Postgres.
//!
//! A command reads what it can touch with the version of each person, computes, then locks those persons in one order
//! for everybody and writes when no version has changed. Whoever changes an identifier's holder changes the persons on
//! both sides, so the versions tell; an identifier that nobody holds has no row, and when two commands create it at once
//! the second finds it at the end. Who comes too late starts again, with the persons of the attempts before locked first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use attune_kernel::{PersonId, Timestamp};
use attune_storage::postgres::{Row, ToSql};
use attune_storage::vault::{Ask, PgVault};
use attune_storage::{FeedReader, Postgres, StorageError, Transaction, feed};
use parking_lot::Mutex;

use super::{
    Announced, FEED, Store, enter_offsets, hashed, postgres_seal as seal, record, run, sealed_for, to_renew, to_shred,
};
use crate::domain::{Changes, Command, Entry, Holding, IdentifierKey, Lookup, Outcome, Rules, View};
use crate::error::Error;

/// How often a command starts again when somebody else was faster. Each time somebody succeeded.
const ATTEMPTS: usize = 40;

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

/// Holders of identifiers with what they hold, in one round trip.
const IDENTIFIERS: &str = "
    SELECT i.hash, p.person_id, p.record, p.version
    FROM identifier i JOIN person p ON p.person_id = i.person_id
    WHERE i.hash = ANY($1)";

/// Persons by any id.
const PERSONS: &str = "
    SELECT p.person_id, s.person_id, s.record, s.version
    FROM person p JOIN person s ON s.person_id = coalesce(p.survivor_id, p.person_id)
    WHERE p.person_id = ANY($1)";

const TOMBSTONES: &str = "SELECT hash, erase_micros FROM tombstone WHERE hash = ANY($1)";
const REQUEST: &str = "SELECT record FROM request WHERE request_id = $1";
const LOCK: &str = "SELECT person_id, version FROM person WHERE person_id = ANY($1) ORDER BY person_id FOR UPDATE";

fn bytes<T: AsRef<[u8]>>(of: impl Iterator<Item = T>) -> Vec<Vec<u8>> {
    of.map(|one| one.as_ref().to_vec()).collect()
}

/// Records of persons, opened.
type Opened = BTreeMap<PersonId, Vec<u8>>;

/// Opens the records of rows that hold a person and their record in these columns.
async fn open(
    vault: &PgVault,
    from: &impl Ask,
    rows: &[Row],
    (person, record): (usize, usize),
) -> Result<Opened, StorageError> {
    let mut stored = BTreeMap::new();
    for row in rows {
        if let Some(bytes) = row.try_get::<_, Option<&[u8]>>(record)? {
            stored.insert(record::person_id(row.try_get(person)?)?, bytes);
        }
    }
    let stored: Vec<(PersonId, &[u8])> = stored.into_iter().collect();
    let opened = seal::persons(vault, from, &stored).await?;
    Ok(stored.iter().zip(opened).filter_map(|((id, _), record)| Some((*id, record?))).collect())
}

/// What was read, with versions.
#[derive(Default)]
struct Read {
    view: View,
    versions: BTreeMap<PersonId, i64>,
}

impl Read {
    fn person(&mut self, id: PersonId, opened: &Opened, version: i64) -> Result<(), StorageError> {
        // A row may be seen whose person has been merged by the same transaction that rewrites the row, or whose key was
        // destroyed after it was read.
        let record = opened.get(&id).ok_or_else(overtaken)?;
        match self.versions.insert(id, version) {
            // Two statements saw two states.
            Some(before) if before != version => Err(overtaken()),
            Some(_) => Ok(()),
            None => {
                self.view.enter(record::decode_person(id, record)?);
                Ok(())
            }
        }
    }

    fn identifiers(&mut self, asked: &[IdentifierKey], rows: &[Row], opened: &Opened) -> Result<(), StorageError> {
        for row in rows {
            let owner = record::person_id(row.try_get(1)?)?;
            let key = record::identifier_key(row.try_get(0)?)?;
            self.person(owner, opened, row.try_get(3)?)?;
            self.view.owners.insert(key, owner);
        }
        let owners = &self.view.owners;
        self.view.absent.extend(asked.iter().filter(|key| !owners.contains_key(key)));
        Ok(())
    }

    fn persons(&mut self, rows: &[Row], opened: &Opened) -> Result<(), StorageError> {
        for row in rows {
            let (asked, survivor) = (record::person_id(row.try_get(0)?)?, record::person_id(row.try_get(1)?)?);
            if asked != survivor {
                self.view.survivors.insert(asked, survivor);
            }
            self.person(survivor, opened, row.try_get(3)?)?;
        }
        Ok(())
    }

    fn tombstones(&mut self, rows: &[Row]) -> Result<(), StorageError> {
        for row in rows {
            let time = Timestamp::from_micros(row.try_get(1)?);
            self.view.tombstones.insert(record::identifier_key(row.try_get(0)?)?, time);
        }
        Ok(())
    }
}

fn overtaken() -> StorageError {
    StorageError::Conflict("somebody else changed it meanwhile".to_owned())
}

/// Tombstones to look for: those of identifiers that nobody holds.
fn unheld(lookup: &Lookup, view: &View) -> Vec<Vec<u8>> {
    let unheld = lookup.identifiers.iter().filter(|(key, _)| !view.owners.contains_key(key));
    bytes(unheld.map(|(_, tombstone)| tombstone.0))
}

fn keys_of(lookup: &Lookup) -> Vec<IdentifierKey> {
    lookup.identifiers.iter().map(|(key, _)| *key).collect()
}

/// Loads what a command can touch and what that is connected to.
async fn load(tx: &Transaction<'_, '_>, lookup: &Lookup, max: usize) -> Result<Read, StorageError> {
    let mut read = Read::default();
    let mut missing = keys_of(lookup);
    if !lookup.persons.is_empty() {
        let ids = bytes(lookup.persons.iter().map(|id| id.to_bytes()));
        let rows = tx.query(PERSONS, &[&ids]).await?;
        read.persons(&rows, &open(tx.vault(), tx, &rows, (1, 2)).await?)?;
    }
    loop {
        if missing.is_empty() {
            missing = read.view.frontier(max);
        }
        if missing.is_empty() {
            break;
        }
        let hashes = bytes(missing.iter().map(|key| key.0));
        let rows = tx.query(IDENTIFIERS, &[&hashes]).await?;
        read.identifiers(&missing, &rows, &open(tx.vault(), tx, &rows, (1, 2)).await?)?;
        missing.clear();
    }
    let tombstones = unheld(lookup, &read.view);
    if !tombstones.is_empty() {
        read.tombstones(&tx.query(TOMBSTONES, &[&tombstones]).await?)?;
    }
    if let Some(request) = &lookup.request {
        let row = tx.query_opt(REQUEST, &[&hashed(request)]).await?;
        read.view.request = row.map(|row| record::decode_request(row.try_get(0)?)).transpose()?;
    }
    Ok(read)
}

/// Locks what was read; an error when any of it has changed.
async fn verify(tx: &Transaction<'_, '_>, versions: &BTreeMap<PersonId, i64>) -> Result<(), StorageError> {
    if versions.is_empty() {
        return Ok(());
    }
    let ids = bytes(versions.keys().map(|id| id.to_bytes()));
    let rows = tx.query(LOCK, &[&ids]).await?;
    for row in &rows {
        if versions.get(&record::person_id(row.try_get(0)?)?) != Some(&row.try_get(1)?) {
            return Err(overtaken());
        }
    }
    if rows.len() == versions.len() { Ok(()) } else { Err(overtaken()) }
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

/// Writes changes; answers whose keys were destroyed, by their slots.
async fn write(tx: &Transaction<'_, '_>, rules: &Rules, mut changes: Changes) -> Result<Vec<u64>, StorageError> {
    let mut touched: BTreeSet<Vec<u8>> = to_renew(&changes).iter().map(|id| id.to_bytes().to_vec()).collect();
    let mut gone: BTreeSet<Vec<u8>> = to_shred(&changes).iter().map(|id| id.to_bytes().to_vec()).collect();
    gone.extend(bytes(changes.forgotten.iter()));
    let gone: Vec<Vec<u8>> = gone.into_iter().collect();
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
        insert_new(tx, sql, &[&hashed(id), &record::encode_request(recorded)], 1).await?;
    }
    let moved: Vec<_> = changes.moved.iter().filter_map(|(key, owner)| Some((key, (*owner)?))).collect();
    if !moved.is_empty() {
        let hashes = bytes(moved.iter().map(|(key, _)| key.0));
        let owners = bytes(moved.iter().map(|(_, id)| id.to_bytes()));
        let sql = "UPDATE identifier i SET person_id = n.person_id
                   FROM unnest($1::bytea[], $2::bytea[]) n (hash, person_id) WHERE i.hash = n.hash";
        tx.execute(sql, &[&hashes, &owners]).await?;
    }
    let released = bytes(changes.moved.iter().filter(|(_, owner)| owner.is_none()).map(|(key, _)| key.0));
    if !released.is_empty() {
        tx.execute("DELETE FROM identifier WHERE hash = ANY($1)", &[&released]).await?;
    }
    if !changes.tombstones.is_empty() {
        let hashes = bytes(changes.tombstones.keys().map(|key| key.0));
        let times: Vec<i64> = changes.tombstones.values().map(|time| time.as_micros()).collect();
        let sql = "INSERT INTO tombstone (hash, erase_micros) SELECT * FROM unnest($1::bytea[], $2::bigint[])
                   ON CONFLICT (hash) DO UPDATE SET erase_micros = excluded.erase_micros";
        tx.execute(sql, &[&hashes, &times]).await?;
    }
    if !changes.forgotten.is_empty() {
        let subjects = bytes(changes.forgotten.iter());
        let sql = "WITH gone AS (DELETE FROM audit WHERE audit_id IN
                     (SELECT audit_id FROM audit_subject WHERE subject = ANY($1)) RETURNING audit_id, time_micros, record),
                   subjects AS (DELETE FROM audit_subject WHERE audit_id IN (SELECT audit_id FROM gone))
                   SELECT time_micros, record FROM gone";
        let rows = tx.query(sql, &[&subjects]).await?;
        let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let stored = stored.collect::<Result<Vec<_>, StorageError>>()?;
        let entries = seal::entries(tx.vault(), tx, &stored).await?;
        touched.extend(entries.iter().flatten().map(|entry| sealed_for(entry).to_vec()));
        tx.execute("DELETE FROM holding WHERE hash = ANY($1)", &[&subjects]).await?;
    }
    let mut slots = seal::shred(tx, &gone).await?;
    write_holdings(tx, &changes.holdings).await?;
    write_audit(tx, &changes.audit).await?;
    if !changes.aliases.is_empty() {
        let ids = bytes(changes.aliases.keys().map(|id| id.to_bytes()));
        let survivors = bytes(changes.aliases.values().map(|id| id.to_bytes()));
        let sql = "INSERT INTO person (person_id, survivor_id, record)
                   SELECT id, survivor, NULL FROM unnest($1::bytea[], $2::bytea[]) n (id, survivor)
                   ON CONFLICT (person_id) DO UPDATE
                   SET survivor_id = excluded.survivor_id, record = NULL, expire_micros = NULL,
                       version = person.version + 1";
        tx.execute(sql, &[&ids, &survivors]).await?;
    }
    // Late, because other appenders wait from here to the commit; before the persons, because they remember offsets.
    let offsets = feed::append(tx, FEED, &record::encode_feed(&changes.feed)).await?;
    enter_offsets(&mut changes, &offsets);
    if !changes.persons.is_empty() {
        let ids = bytes(changes.persons.keys().map(|id| id.to_bytes()));
        let records: Vec<(PersonId, Vec<u8>)> =
            changes.persons.iter().map(|(id, person)| (*id, record::encode_person(person))).collect();
        let records = seal::sealed_persons(tx, &records).await?;
        let expiries: Vec<Option<i64>> =
            changes.persons.values().map(|person| person.expires(rules).map(Timestamp::as_micros)).collect();
        let sql = "INSERT INTO person (person_id, record, expire_micros)
                   SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])
                   ON CONFLICT (person_id) DO UPDATE
                   SET record = excluded.record, survivor_id = NULL, expire_micros = excluded.expire_micros,
                       version = person.version + 1";
        tx.execute(sql, &[&ids, &records, &expiries]).await?;
    }
    let touched: Vec<Vec<u8>> = touched.into_iter().filter(|one| !gone.contains(one)).collect();
    slots.extend(seal::renew(tx, &touched).await?);
    Ok(slots)
}

async fn write_holdings(tx: &Transaction<'_, '_>, holdings: &[Holding]) -> Result<(), StorageError> {
    for late in [false, true] {
        let some: BTreeMap<_, _> = holdings
            .iter()
            .filter(|holding| holding.late == late)
            .map(|holding| ((holding.key, holding.since), holding.person))
            .collect();
        if some.is_empty() {
            continue;
        }
        let hashes = bytes(some.keys().map(|(key, _)| key.0));
        let times: Vec<i64> = some.keys().map(|(_, since)| since.as_micros()).collect();
        let persons = bytes(some.values().map(|id| id.to_bytes()));
        let sql = if late {
            "INSERT INTO holding (hash, since_micros, person_id)
             SELECT n.hash, n.since, n.person FROM unnest($1::bytea[], $2::bigint[], $3::bytea[]) n (hash, since, person)
             WHERE (SELECT h.person_id FROM holding h WHERE h.hash = n.hash AND h.since_micros <= n.since
                    ORDER BY h.since_micros DESC LIMIT 1) IS DISTINCT FROM n.person
             ON CONFLICT (hash, since_micros) DO UPDATE SET person_id = excluded.person_id"
        } else {
            "INSERT INTO holding (hash, since_micros, person_id)
             SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::bytea[])
             ON CONFLICT (hash, since_micros) DO UPDATE SET person_id = excluded.person_id"
        };
        tx.execute(sql, &[&hashes, &times, &persons]).await?;
    }
    Ok(())
}

async fn write_audit(tx: &Transaction<'_, '_>, entries: &[Entry]) -> Result<(), StorageError> {
    if entries.is_empty() {
        return Ok(());
    }
    let places: Vec<i64> = (0..).take(entries.len()).collect();
    let times: Vec<i64> = entries.iter().map(|entry| entry.time.as_micros()).collect();
    let records = seal::sealed_entries(tx, entries).await?;
    let sql = "INSERT INTO audit (time_micros, record)
               SELECT time, record FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) n (place, time, record)
               ORDER BY place RETURNING audit_id";
    let rows = tx.query(sql, &[&places, &times, &records]).await?;
    let mut numbers = rows.iter().map(|row| row.try_get::<_, i64>(0)).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    let (mut subjects, mut of) = (Vec::new(), Vec::new());
    for (entry, number) in entries.iter().zip(numbers) {
        for subject in entry.subjects() {
            subjects.push(subject.to_vec());
            of.push(number);
        }
    }
    let sql = "INSERT INTO audit_subject (subject, audit_id) SELECT * FROM unnest($1::bytea[], $2::bigint[])";
    tx.execute(sql, &[&subjects, &of]).await?;
    Ok(())
}

#[async_trait]
impl Store for Relational {
    async fn view(&self, lookup: &Lookup) -> Result<View, StorageError> {
        let client = self.postgres.client().await?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut read = Read::default();
            let mut answer = Ok(());
            if !lookup.identifiers.is_empty() {
                let keys = keys_of(lookup);
                let hashes = bytes(keys.iter().map(|key| key.0));
                let rows = client.query(IDENTIFIERS, &[&hashes]).await?;
                let opened = open(self.postgres.vault(), &client, &rows, (1, 2)).await?;
                answer = read.identifiers(&keys, &rows, &opened);
                let tombstones = unheld(lookup, &read.view);
                if answer.is_ok() && !tombstones.is_empty() {
                    answer = read.tombstones(&client.query(TOMBSTONES, &[&tombstones]).await?);
                }
            }
            if answer.is_ok() && !lookup.persons.is_empty() {
                let ids = bytes(lookup.persons.iter().map(|id| id.to_bytes()));
                let rows = client.query(PERSONS, &[&ids]).await?;
                answer = read.persons(&rows, &open(self.postgres.vault(), &client, &rows, (1, 2)).await?);
            }
            match answer {
                Err(StorageError::Conflict(_)) if attempt < ATTEMPTS => {}
                answer => return answer.map(|()| read.view),
            }
        }
    }

    async fn execute(&self, rules: &Arc<Rules>, command: Arc<Command>) -> Result<Outcome, Error> {
        let lookup = Arc::new(command.lookup(rules));
        let last: Arc<Mutex<BTreeSet<PersonId>>> = Arc::default();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let answer = self
                .postgres
                .transact(|tx| {
                    let (lookup, command, rules) = (Arc::clone(&lookup), Arc::clone(&command), Arc::clone(rules));
                    let last = Arc::clone(&last);
                    Box::pin(async move {
                        let first = last.lock().clone();
                        if !first.is_empty() {
                            let ids = bytes(first.iter().map(|id| id.to_bytes()));
                            tx.query(LOCK, &[&ids]).await?;
                        }
                        let Read { view, versions } = load(tx, &lookup, rules.max_component).await?;
                        let (outcome, changes) = run(&rules, &command, view)?;
                        if let Command::Expire { persons, .. } = &*command {
                            last.lock().extend(persons);
                        }
                        last.lock().extend(versions.keys());
                        // Locks are taken once and in one order: who holds some and finds that it needs more starts
                        // again, because taking more could close a circle of waiting.
                        if !first.is_empty() && first != *last.lock() && !changes.is_empty() {
                            return Err(overtaken().into());
                        }
                        if !changes.is_empty() {
                            verify(tx, &versions).await?;
                        }
                        if let Command::Expire { persons, by } = &*command {
                            let ids = bytes(persons.iter().map(|id| id.to_bytes()));
                            let sql = "UPDATE person SET expire_micros = NULL
                                       WHERE person_id = ANY($1) AND expire_micros < $2";
                            tx.execute(sql, &[&ids, &by.now.as_micros()]).await?;
                        }
                        let slots = if changes.is_empty() { Vec::new() } else { write(tx, &rules, changes).await? };
                        Ok::<_, Error>((outcome, slots))
                    })
                })
                .await;
            match answer {
                Err(Error::Storage(StorageError::Conflict(_))) if attempt < ATTEMPTS => {}
                Err(error) => return Err(error),
                Ok((outcome, slots)) => {
                    if let Err(error) = self.postgres.vault().scrub(&self.postgres, &slots).await {
                        tracing::warn!(%error, "destroyed keys stay in the files until the next erasure or vacuum");
                    }
                    return Ok(outcome);
                }
            }
        }
    }

    async fn audit(
        &self,
        subjects: &[[u8; 16]],
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<(u64, Entry)>, StorageError> {
        let subjects = bytes(subjects.iter());
        let below = below.map_or(i64::MAX, |below| i64::try_from(below).unwrap_or(i64::MAX));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT a.audit_id, a.time_micros, a.record FROM audit a WHERE a.audit_id IN
                     (SELECT DISTINCT audit_id FROM audit_subject WHERE subject = ANY($1) AND audit_id < $2
                      ORDER BY audit_id DESC LIMIT $3)
                   ORDER BY a.audit_id DESC";
        let client = self.postgres.client().await?;
        let rows = client.query(sql, &[&subjects, &below, &limit]).await?;
        let stored = rows.iter().map(|row| Ok((row.try_get(1)?, row.try_get(2)?)));
        let stored = stored.collect::<Result<Vec<_>, StorageError>>()?;
        let entries = seal::entries(self.postgres.vault(), &client, &stored).await?;
        let found = rows.iter().zip(entries).filter_map(|(row, entry)| Some((row, entry?)));
        found.map(|(row, entry)| Ok((row.try_get::<_, i64>(0)?.cast_unsigned(), entry))).collect()
    }

    async fn held_by(&self, key: IdentifierKey, at: Timestamp) -> Result<Option<PersonId>, StorageError> {
        let sql = "SELECT person_id FROM holding WHERE hash = $1 AND since_micros <= $2
                   ORDER BY since_micros DESC LIMIT 1";
        let row = self.postgres.client().await?.query_opt(sql, &[&key.0.as_slice(), &at.as_micros()]).await?;
        row.map(|row| record::person_id(row.try_get(0)?)).transpose()
    }

    async fn expired(&self, now: Timestamp, limit: usize) -> Result<Vec<PersonId>, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "SELECT person_id FROM person WHERE expire_micros < $1 ORDER BY expire_micros LIMIT $2";
        let rows = self.postgres.client().await?.query(sql, &[&now.as_micros(), &limit]).await?;
        rows.iter().map(|row| record::person_id(row.try_get(0)?)).collect()
    }

    async fn trim_audit(&self, before: Timestamp, limit: usize) -> Result<usize, StorageError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = "WITH gone AS (DELETE FROM audit WHERE audit_id IN
                     (SELECT audit_id FROM audit WHERE time_micros < $1 ORDER BY audit_id LIMIT $2) RETURNING audit_id),
                   subjects AS (DELETE FROM audit_subject WHERE audit_id IN (SELECT audit_id FROM gone))
                   SELECT count(*) FROM gone";
        let row = self.postgres.client().await?.query_one(sql, &[&before.as_micros(), &limit]).await?;
        Ok(usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0))
    }

    async fn changes(&self, after: u64, limit: usize, wait: Duration) -> Result<Vec<Announced>, StorageError> {
        super::read_feed(&self.feed, after, limit, wait).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.postgres.client().await?.query_one("SELECT 1", &[]).await.map(drop)
    }
}
