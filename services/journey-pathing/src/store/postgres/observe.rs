//! New events and due timers.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::Timestamp;
use attune_storage::{StorageError, Transaction};

use super::records::{Persons, announce, lock, put_events};
use super::seal;
use crate::domain::event::Recorded;
use crate::domain::live::{Change, Rulebook};
use crate::domain::origin::{Tree, labelled};
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
    let mut offered: Vec<(&str, Cow<'_, Recorded>)> = Vec::with_capacity(events.len());
    let none = Tree::new();
    let mut seen = BTreeSet::new();
    for (id, indexes) in &by_person {
        let tree = locked.get(*id).and_then(|row| row.person.as_ref()).map_or(&none, |person| &person.tree);
        for &index in indexes {
            fates[index] = Fate::Duplicate;
            let (asked, recorded) = &events[index];
            if seen.insert((*id, recorded.event.id.as_str())) {
                offered.push((id, labelled(tree, id, asked, recorded)));
            }
        }
    }
    let offered: Vec<(&str, &Recorded)> = offered.iter().map(|(id, recorded)| (*id, recorded.as_ref())).collect();
    let mut fresh = put_events(tx, &offered).await?;
    let (mut changes, mut persons) = (Vec::new(), Persons::default());
    for (id, indexes) in by_person {
        let mut new: Vec<&Recorded> = Vec::new();
        for index in indexes {
            let recorded = &events[index].1;
            if fresh.remove(&(id.to_owned(), recorded.event.id.clone())) {
                fates[index] = Fate::New;
                new.push(recorded);
            }
        }
        if new.is_empty() {
            continue;
        }
        new.sort_by_key(|recorded| recorded.place());
        let stored = locked.remove(id).unwrap_or_default().person;
        let first = stored.is_none().then(|| new[0].event.time);
        let mut person = stored.unwrap_or_default();
        let caused = book.observe(id, &mut person, new.iter().map(|recorded| &recorded.event))?;
        persons.add(id, &person, book.due(&person, now), first)?;
        changes.push((id.to_owned(), caused));
    }
    persons.put(tx).await?;
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
    let (mut changes, mut persons) = (Vec::new(), Persons::default());
    let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let stored = stored.collect::<Result<Vec<(&str, &[u8])>, StorageError>>()?;
    let known = seal::persons(tx.vault(), tx, &stored).await?;
    for ((id, _), person) in stored.iter().zip(known) {
        let (id, mut person) = ((*id).to_owned(), person.unwrap_or_default());
        let caused = book.tick(&id, &mut person, now)?;
        persons.add(&id, &person, book.due(&person, now), None)?;
        changes.push((id, caused));
    }
    persons.put(tx).await?;
    announce(tx, &changes).await?;
    Ok(Fired { persons: rows.len(), changes: flat(changes) })
}

pub(super) async fn fill(
    tx: &Transaction<'_, '_>,
    asked: &str,
    events: &[Recorded],
    done: bool,
) -> Result<usize, Error> {
    let (aliases, mut locked) = lock(tx, &[asked].into()).await?;
    let person = aliases.get(asked).map_or(Some(asked), Option::as_deref);
    let new = match person {
        Some(person) => {
            let tree = locked.remove(person).unwrap_or_default().person.unwrap_or_default().tree;
            let events: Vec<_> = events.iter().map(|event| labelled(&tree, person, asked, event)).collect();
            put_events(tx, &events.iter().map(|event| (person, event.as_ref())).collect::<Vec<_>>()).await?.len()
        }
        None => 0,
    };
    if done {
        tx.execute("UPDATE person SET fill_before = NULL WHERE person_id = $1", &[&asked]).await?;
    }
    Ok(new)
}
