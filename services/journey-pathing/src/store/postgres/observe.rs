//! New events and due timers.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use attune_storage::postgres::Row;
use attune_storage::{StorageError, Transaction};

use super::record;
use super::records::{announce, lock, put_events, put_person};
use crate::domain::event::Recorded;
use crate::domain::live::{Change, Person, Rulebook};
use crate::error::Error;
use crate::store::{Fate, Fired, Observation};

fn flat(changes: Vec<(String, Vec<Change>)>) -> Vec<Change> {
    changes.into_iter().flat_map(|(_, changes)| changes).collect()
}

pub(super) async fn observe(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    events: &[(String, Recorded)],
    now: Timestamp,
) -> Result<Observation, Error> {
    let asked: BTreeSet<&str> = events.iter().map(|(person, _)| person.as_str()).collect();
    let (aliases, mut locked) = lock(tx, &asked).await?;
    let mut fates = vec![Fate::Erased; events.len()];
    let mut by_person: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (asked, _)) in events.iter().enumerate() {
        let person = aliases.get(asked.as_str()).map_or(Some(asked.as_str()), Option::as_deref);
        if let Some(person) = person {
            by_person.entry(person).or_default().push(index);
        }
    }
    let mut changes = Vec::new();
    for (id, indexes) in by_person {
        let mut offered: Vec<&Recorded> = Vec::with_capacity(indexes.len());
        let mut seen = BTreeSet::new();
        for &index in &indexes {
            fates[index] = Fate::Duplicate;
            if seen.insert(events[index].1.event.id.as_str()) {
                offered.push(&events[index].1);
            }
        }
        let mut fresh = put_events(tx, id, &offered).await?;
        offered.retain(|recorded| fresh.contains(&recorded.event.id));
        for index in indexes {
            if fresh.remove(&events[index].1.event.id) {
                fates[index] = Fate::New;
            }
        }
        if offered.is_empty() {
            continue;
        }
        offered.sort_by_key(|recorded| recorded.place());
        let stored = locked.remove(id).unwrap_or_default().person;
        let first = stored.is_none().then(|| offered[0].event.time);
        let mut person = stored.unwrap_or_default();
        let caused = book.observe(id, &mut person, offered.iter().map(|recorded| &recorded.event));
        put_person(tx, id, &person, book.due(&person, now), first).await?;
        changes.push((id.to_owned(), caused));
    }
    announce(tx, &changes).await?;
    Ok(Observation { fates, changes: flat(changes) })
}

pub(super) async fn fire_due(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    now: Timestamp,
    limit: usize,
) -> Result<Fired, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Rows that somebody else holds are being looked at already, or will be due again when they are let go.
    let sql = "SELECT person_id, state FROM person WHERE due <= $1 ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED";
    let rows = tx.query(sql, &[&now.as_micros(), &limit]).await?;
    let mut changes = Vec::new();
    for row in &rows {
        let (id, mut person) = stored(row)?;
        let caused = book.tick(&mut person, now);
        put_person(tx, &id, &person, book.due(&person, now), None).await?;
        changes.push((id, caused));
    }
    announce(tx, &changes).await?;
    Ok(Fired { persons: rows.len(), changes: flat(changes) })
}

pub(super) async fn fill(
    tx: &Transaction<'_, '_>,
    asked: &str,
    events: &[Recorded],
    done: bool,
) -> Result<usize, Error> {
    let (aliases, _) = lock(tx, &[asked].into()).await?;
    let person = aliases.get(asked).map_or(Some(asked), Option::as_deref);
    let new = match person {
        Some(person) => put_events(tx, person, &events.iter().collect::<Vec<_>>()).await?.len(),
        None => 0,
    };
    if done {
        tx.execute("UPDATE person SET fill_before = NULL WHERE person_id = $1", &[&asked]).await?;
    }
    Ok(new)
}

fn stored(row: &Row) -> Result<(String, Person), StorageError> {
    Ok((row.try_get(0)?, record::decode_person(row.try_get(1)?)?))
}
