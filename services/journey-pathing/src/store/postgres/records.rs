//! Rows within a transaction.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use attune_storage::postgres::Row;
use attune_storage::{StorageError, Transaction, feed};

use super::{record, seal};
use crate::domain::event::Recorded;
use crate::domain::live::{Change, Person};
use crate::store::{FEED, hashed};

/// Offsets are stored signed.
pub(super) fn number(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

/// Who stands behind ids: the survivor of a merged one, nobody for an erased one.
pub(super) type Aliases = BTreeMap<String, Option<String>>;

pub(super) fn to_aliases(rows: &[Row]) -> Result<Aliases, StorageError> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The aliases among ids.
pub(super) async fn aliases(tx: &Transaction<'_, '_>, ids: &[&str]) -> Result<Aliases, StorageError> {
    let sql = "SELECT person_id, survivor_id FROM alias WHERE person_id = ANY($1)";
    to_aliases(&tx.query(sql, &[&ids]).await?)
}

/// A locked row of a person.
#[derive(Debug, Default)]
pub(super) struct Locked {
    /// What is remembered; absent before the first event.
    pub(super) person: Option<Person>,
}

/// Locks the persons behind ids, making rows where there are none; answers who stands behind each id, and the rows.
pub(super) async fn lock(
    tx: &Transaction<'_, '_>,
    asked: &BTreeSet<&str>,
) -> Result<(Aliases, BTreeMap<String, Locked>), StorageError> {
    let ids: Vec<&str> = asked.iter().copied().collect();
    let mut known = aliases(tx, &ids).await?;
    let mut locked: BTreeMap<String, Locked> = BTreeMap::new();
    loop {
        let behind = |id: &&str| known.get(*id).map_or_else(|| Some((*id).to_owned()), Clone::clone);
        let wanted: BTreeSet<String> = ids.iter().filter_map(behind).filter(|id| !locked.contains_key(id)).collect();
        if wanted.is_empty() {
            return Ok((known, locked));
        }
        let wanted: Vec<String> = wanted.into_iter().collect();
        let sql = "INSERT INTO person (person_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
        tx.execute(sql, &[&wanted]).await?;
        let sql = "SELECT person_id, state FROM person WHERE person_id = ANY($1) ORDER BY person_id FOR UPDATE";
        let rows = tx.query(sql, &[&wanted]).await?;
        let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let stored = stored.collect::<Result<Vec<(&str, &[u8])>, StorageError>>()?;
        for ((id, _), person) in stored.iter().zip(seal::persons(tx.vault(), tx, &stored).await?) {
            locked.insert((*id).to_owned(), Locked { person });
        }
        // A row that a merge deleted while it was waited for is not among the locked ones: its id is an alias now.
        known = aliases(tx, &ids).await?;
    }
}

/// Adds events of persons; answers which are new, as person and id.
pub(super) async fn put_events(
    tx: &Transaction<'_, '_>,
    events: &[(&str, &Recorded)],
) -> Result<BTreeSet<(String, String)>, StorageError> {
    let (mut persons, mut ids, mut times, mut sequences) = (vec![], vec![], vec![], vec![]);
    let (mut names, mut bodies) = (vec![], vec![]);
    for (person, recorded) in events {
        persons.push(*person);
        ids.push(hashed(&recorded.event.id));
        times.push(recorded.event.time.as_micros());
        sequences.push(recorded.sequence);
        names.push(recorded.event.name.as_str());
        bodies.push(record::encode_event(recorded)?);
    }
    let bodies = seal::bodies(tx, &persons, &ids, &bodies).await?;
    let sql = "INSERT INTO event (person_id, event_id, time, sequence, name, body)
               SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bytea[])
               ON CONFLICT DO NOTHING RETURNING person_id, event_id";
    let rows = tx.query(sql, &[&persons, &ids, &times, &sequences, &names, &bodies]).await?;
    let mut new = BTreeSet::new();
    for row in &rows {
        new.insert((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    }
    let given = events.iter().zip(ids).filter_map(|((person, recorded), hash)| {
        let is_new = new.contains(&((*person).to_owned(), hash));
        is_new.then(|| ((*person).to_owned(), recorded.event.id.clone()))
    });
    Ok(given.collect())
}

/// What is remembered of persons from now on. The rows exist and are locked.
#[derive(Default)]
pub(super) struct Persons {
    ids: Vec<String>,
    states: Vec<Vec<u8>>,
    due: Vec<Option<i64>>,
    first: Vec<Option<i64>>,
}

impl Persons {
    /// Adds a person. `first` is the time of the first event, when it is the first.
    pub(super) fn add(
        &mut self,
        id: &str,
        person: &Person,
        due: Option<Timestamp>,
        first: Option<Timestamp>,
    ) -> Result<(), StorageError> {
        self.states.push(record::encode_person(person)?);
        self.ids.push(id.to_owned());
        self.due.push(due.map(Timestamp::as_micros));
        self.first.push(first.map(Timestamp::as_micros));
        Ok(())
    }

    /// Writes them all.
    pub(super) async fn put(&self, tx: &Transaction<'_, '_>) -> Result<(), StorageError> {
        let sql = "UPDATE person p
                   SET state = n.state, due = n.due, fill_before = coalesce(n.first, p.fill_before)
                   FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::bigint[]) AS n (id, state, due, first)
                   WHERE p.person_id = n.id";
        if !self.ids.is_empty() {
            let states = seal::states(tx, &self.ids, &self.states).await?;
            tx.execute(sql, &[&self.ids, &states, &self.due, &self.first]).await?;
        }
        Ok(())
    }
}

/// Appends changes of persons to the feed; the last thing a transaction does, because appenders take turns.
pub(super) async fn announce(tx: &Transaction<'_, '_>, changes: &[(String, Vec<Change>)]) -> Result<(), StorageError> {
    let mut entries = Vec::new();
    for (person, changes) in changes {
        entries.extend(record::entries(person, changes)?);
    }
    feed::append(tx, FEED, &entries).await?;
    Ok(())
}
