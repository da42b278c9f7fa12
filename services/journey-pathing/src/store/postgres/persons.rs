//! Merges, splits and erasures.

use std::collections::BTreeSet;

use attune_kernel::Timestamp;
use attune_storage::vault::feed_subject;
use attune_storage::{StorageError, Transaction};

use super::records::{Persons, announce, lock, number, put_events};
use super::{record, seal};
use crate::domain::event::{Identifier, Recorded};
use crate::domain::live::{Change, Person, Rulebook};
use crate::domain::origin::{self, Parting, Tree};
use crate::domain::person::PersonChange;
use crate::error::Error;

/// What a person's changes are collected in until the end.
type Changes = Vec<(String, Vec<Change>)>;

/// A split.
struct Goes<'a> {
    person: &'a str,
    to: &'a str,
    ids: &'a [String],
    identifiers: &'a [Identifier],
}

/// Answers whether it was applied, and whose keys were destroyed, by their slots.
pub(super) async fn apply(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    offset: u64,
    change: &PersonChange,
    now: Timestamp,
) -> Result<(bool, Vec<u64>), Error> {
    // The row is the lock that lets changes of who is who take effect one after the other.
    let sql = r#"INSERT INTO applied (feed, "offset") VALUES ('identity', $1)
                 ON CONFLICT (feed) DO UPDATE SET "offset" = $1 WHERE applied."offset" < $1"#;
    if tx.execute(sql, &[&number(offset)]).await? == 0 {
        return Ok((false, Vec::new()));
    }
    let mut slots = Vec::new();
    let changes = match change {
        PersonChange::Merge { surviving, merged } => merge(tx, book, surviving, merged, now).await?,
        PersonChange::Split { person, split: to, ids, identifiers } => {
            split(tx, book, &Goes { person, to, ids, identifiers }, now, &mut slots).await?
        }
        PersonChange::Erasure { person, aliases } => {
            slots = erase(tx, person, aliases).await?;
            Changes::new()
        }
    };
    announce(tx, &changes).await?;
    Ok((true, slots))
}

/// Events of a person in the order of time.
async fn events(tx: &Transaction<'_, '_>, person: &str) -> Result<Vec<Recorded>, StorageError> {
    let sql = "SELECT event_id, body FROM event WHERE person_id = $1 ORDER BY time, sequence, event_id";
    let rows = tx.query(sql, &[&person]).await?;
    let stored = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let stored = stored.collect::<Result<Vec<(&str, &[u8])>, StorageError>>()?;
    let events = seal::events(tx.vault(), tx, &stored).await?.into_iter().flatten().collect();
    Ok(record::in_order(events))
}

/// Fires what is due before everything is computed anew; answers what was remembered.
fn settle(
    book: &Rulebook,
    id: &str,
    stored: Option<Person>,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<Person, StorageError> {
    let mut person = stored.unwrap_or_default();
    changes.push((id.to_owned(), book.tick(id, &mut person, now)?));
    Ok(person)
}

/// Computes anew what is remembered of a person, and tells where they stand now.
async fn rebuild(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    (id, tree): (&str, Tree),
    before: &Person,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), StorageError> {
    let person = book.rebuild(id, tree, &events(tx, id).await?, now)?;
    let mut persons = Persons::default();
    persons.add(id, &person, book.due(&person, now), None)?;
    persons.put(tx).await?;
    changes.push((id.to_owned(), book.moved(before, &person, now)));
    Ok(())
}

async fn merge(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    surviving: &str,
    merged: &str,
    now: Timestamp,
) -> Result<Changes, StorageError> {
    let (aliases, mut locked) = lock(tx, &[surviving, merged].into()).await?;
    let behind = |asked: &str| aliases.get(asked).map_or_else(|| Some(asked.to_owned()), Clone::clone);
    let mut changes = Changes::new();
    let (Some(to), Some(from)) = (behind(surviving), behind(merged)) else { return Ok(changes) };
    if to == from {
        return Ok(changes);
    }
    let mut stored = |id: &str| locked.remove(id).unwrap_or_default().person;
    let before = settle(book, &to, stored(&to), now, &mut changes)?;
    let other = settle(book, &from, stored(&from), now, &mut changes)?;
    let tree = origin::joined(&to, before.tree.clone(), &from, other.tree);
    let moved: Vec<Recorded> =
        events(tx, &from).await?.iter().map(|recorded| origin::moved(&tree, &from, &to, recorded)).collect();
    put_events(tx, &moved.iter().map(|recorded| (to.as_str(), recorded)).collect::<Vec<_>>()).await?;
    tx.execute("DELETE FROM event WHERE person_id = $1", &[&from]).await?;
    tx.execute("UPDATE alias SET survivor_id = $1 WHERE survivor_id = $2", &[&to, &from]).await?;
    tx.execute("INSERT INTO alias (person_id, survivor_id) VALUES ($1, $2)", &[&from, &to]).await?;
    tx.execute("DELETE FROM person WHERE person_id = $1", &[&from]).await?;
    rebuild(tx, book, (&to, tree), &before, now, &mut changes).await?;
    Ok(changes)
}

async fn split(
    tx: &Transaction<'_, '_>,
    book: &Rulebook,
    goes: &Goes<'_>,
    now: Timestamp,
    slots: &mut Vec<u64>,
) -> Result<Changes, StorageError> {
    let Goes { person, to, ids, identifiers } = *goes;
    // The id may have been an alias: it is a person of its own from now on.
    tx.execute("DELETE FROM alias WHERE person_id = $1", &[&to]).await?;
    let (aliases, mut locked) = lock(tx, &[person, to].into()).await?;
    let mut changes = Changes::new();
    let Some(from) = aliases.get(person).map_or_else(|| Some(person.to_owned()), Clone::clone) else {
        return Ok(changes);
    };
    if from == to {
        return Ok(changes);
    }
    let sql = "UPDATE alias SET survivor_id = $1 WHERE survivor_id = $2 AND person_id = ANY($3)";
    tx.execute(sql, &[&to, &from, &ids]).await?;
    let mut stored = |id: &str| locked.remove(id).unwrap_or_default().person;
    let before = settle(book, &from, stored(&from), now, &mut changes)?;
    let before_split = settle(book, to, stored(to), now, &mut changes)?;
    let (mine, theirs) = ((from.as_str(), before.tree.clone()), (to, before_split.tree.clone()));
    let parting = Parting::new(mine, theirs, ids, identifiers);
    let mut placed: Vec<(&str, Recorded)> = Vec::new();
    for recorded in events(tx, &from).await? {
        let takes = parting.takes(&recorded);
        let (tree, holder) = if takes { (&parting.goes, to) } else { (&parting.stays, from.as_str()) };
        placed.push((holder, origin::moved(tree, &from, holder, &recorded)));
    }
    // All are written anew: old copies of what the person held of the other must not outlive an erasure of the other, so
    // everybody concerned has a new key from here on.
    let others = events(tx, to).await?;
    placed.extend(others.into_iter().map(|recorded| (to, recorded)));
    tx.execute("DELETE FROM event WHERE person_id IN ($1, $2)", &[&from, &to]).await?;
    let held = tx.query("SELECT person_id FROM alias WHERE survivor_id IN ($1, $2)", &[&from, &to]).await?;
    let held = held.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<String>, StorageError>>()?;
    let subjects: Vec<&[u8]> = held.iter().map(String::as_bytes).chain([from.as_bytes(), to.as_bytes()]).collect();
    slots.extend(tx.vault().shred(tx, &subjects).await?);
    put_events(tx, &placed.iter().map(|(holder, recorded)| (*holder, recorded)).collect::<Vec<_>>()).await?;
    rebuild(tx, book, (&from, parting.stays), &before, now, &mut changes).await?;
    rebuild(tx, book, (to, parting.goes), &before_split, now, &mut changes).await?;
    Ok(changes)
}

/// Answers whose keys were destroyed.
async fn erase(tx: &Transaction<'_, '_>, person: &str, aliases: &[String]) -> Result<Vec<u64>, StorageError> {
    let mut gone: BTreeSet<String> = aliases.iter().map(String::as_str).chain([person]).map(str::to_owned).collect();
    for row in tx.query("SELECT person_id FROM alias WHERE survivor_id = $1", &[&person]).await? {
        gone.insert(row.try_get(0)?);
    }
    let gone: Vec<String> = gone.into_iter().collect();
    // Whoever writes an event of one of them holds its row until then, or waits for it and finds the id erased.
    let sql = "INSERT INTO person (person_id) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING";
    tx.execute(sql, &[&gone]).await?;
    let sql = "SELECT person_id FROM person WHERE person_id = ANY($1) ORDER BY person_id FOR UPDATE";
    tx.query(sql, &[&gone]).await?;
    let sql = "INSERT INTO alias (person_id, survivor_id) SELECT unnest($1::text[]), NULL
               ON CONFLICT (person_id) DO UPDATE SET survivor_id = NULL";
    tx.execute(sql, &[&gone]).await?;
    tx.execute("DELETE FROM event WHERE person_id = ANY($1)", &[&gone]).await?;
    tx.execute("DELETE FROM person WHERE person_id = ANY($1)", &[&gone]).await?;
    let feeds: Vec<Vec<u8>> = gone.iter().map(|id| feed_subject(id)).collect();
    let subjects: Vec<&[u8]> = gone.iter().map(String::as_bytes).chain(feeds.iter().map(Vec::as_slice)).collect();
    tx.vault().shred(tx, &subjects).await
}
