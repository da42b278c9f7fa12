//! Merges, splits and erasures in Postgres.

use std::collections::BTreeSet;

use attune_kernel::Timestamp;
use attune_storage::Transaction;

use super::super::{Rewrite, Rewritten, belongs};
use super::{in_force, insert, load, lock, save};
use crate::domain::batch::Batch;
use crate::domain::event::Event;
use crate::domain::segment::Segment;
use crate::domain::traits::Traits;
use crate::error::Error;

pub(super) async fn apply(
    tx: &Transaction<'_, '_>,
    offset: Option<u64>,
    change: &Rewrite,
    segments: &[Segment],
    now: Timestamp,
) -> Result<Rewritten, Error> {
    if let Some(offset) = offset {
        // The row is written whether or not it is there, so two callers with one offset take effect one after the other.
        let rows = tx
            .query(
                "INSERT INTO mark (name, value) VALUES ('applied', $1::text) ON CONFLICT (name) DO UPDATE \
                 SET value = excluded.value WHERE mark.value::bigint < excluded.value::bigint RETURNING name",
                &[&offset.to_string()],
            )
            .await?;
        if rows.is_empty() {
            return Ok(Rewritten::default());
        }
    }
    let mut done = Rewritten { applied: true, ..Rewritten::default() };
    match change {
        Rewrite::Merge { surviving, merged } => merge(tx, surviving, merged, segments, now).await?,
        Rewrite::Split { person, split, via } => self::split(tx, person, split, via.expose(), segments, now).await?,
        Rewrite::Erase { persons } => {
            for person in persons {
                let (events, values) = erase(tx, person).await?;
                done.events += events;
                done.values += values;
            }
        }
    }
    Ok(done)
}

async fn one_in_force(tx: &Transaction<'_, '_>, person: &str) -> Result<String, Error> {
    let asked = BTreeSet::from([person.to_owned()]);
    Ok(in_force(tx, &asked).await?.remove(person).unwrap_or_else(|| person.to_owned()))
}

async fn merge(
    tx: &Transaction<'_, '_>,
    surviving: &str,
    merged: &str,
    segments: &[Segment],
    now: Timestamp,
) -> Result<(), Error> {
    let surviving = one_in_force(tx, surviving).await?;
    let both = BTreeSet::from([surviving.clone(), merged.to_owned()]);
    lock(tx, &both).await?;
    tx.execute("UPDATE event SET person_id = $1 WHERE person_id = $2", &[&surviving, &merged]).await?;
    tx.execute("UPDATE alias SET surviving = $1 WHERE surviving = $2", &[&surviving, &merged]).await?;
    let sql = "INSERT INTO alias (person_id, surviving) VALUES ($1, $2) ON CONFLICT (person_id) DO UPDATE SET surviving = excluded.surviving";
    tx.execute(sql, &[&merged, &surviving]).await?;
    let other = load(tx, &BTreeSet::from([merged.to_owned()])).await?.remove(0);
    tx.execute("DELETE FROM member WHERE person_id = $1", &[&merged]).await?;
    tx.execute("DELETE FROM document WHERE person_id = $1", &[&merged]).await?;
    let mut batch = Batch::new(load(tx, &BTreeSet::from([surviving.clone()])).await?);
    batch.change(&surviving).absorb(other);
    let (documents, moves) = batch.finish(segments, now);
    save(tx, &documents, &moves).await
}

async fn split(
    tx: &Transaction<'_, '_>,
    person: &str,
    split: &str,
    via: &[(String, String)],
    segments: &[Segment],
    now: Timestamp,
) -> Result<(), Error> {
    let person = one_in_force(tx, person).await?;
    let both = BTreeSet::from([person.clone(), split.to_owned()]);
    lock(tx, &both).await?;
    let rows = tx.query("SELECT body FROM event WHERE person_id = $1", &[&person]).await?;
    let all = rows
        .iter()
        .map(|row| super::super::body::decode(row.get(0), &person))
        .collect::<Result<Vec<Event>, Error>>()?;
    let mut batch = Batch::new(load(tx, &both).await?);
    batch.change(&person).traits = Traits::default();
    let mut moved = Vec::new();
    for mut event in all {
        if belongs(&event, via) {
            split.clone_into(&mut event.person_id);
            batch.change(split).observe(&event, now);
            moved.push(event);
        } else {
            batch.change(&person).traits.add(&event);
        }
    }
    let ids: Vec<&str> = moved.iter().map(|event| event.event_id.as_str()).collect();
    tx.execute("DELETE FROM event WHERE person_id = $1 AND event_id = ANY($2)", &[&person, &ids]).await?;
    insert(tx, &moved).await?;
    let (documents, moves) = batch.finish(segments, now);
    save(tx, &documents, &moves).await
}

/// Removes everything of a person; the ids of their events stay known, so that a late repeat brings nothing back.
async fn erase(tx: &Transaction<'_, '_>, person: &str) -> Result<(u64, u64), Error> {
    let person = one_in_force(tx, person).await?;
    lock(tx, &BTreeSet::from([person.clone()])).await?;
    let events = tx.execute("DELETE FROM event WHERE person_id = $1", &[&person]).await?;
    let document = load(tx, &BTreeSet::from([person.clone()])).await?.remove(0);
    let values = document.attributes.len() + document.tags.len() + document.consents.len();
    tx.execute("DELETE FROM member WHERE person_id = $1", &[&person]).await?;
    tx.execute("DELETE FROM document WHERE person_id = $1", &[&person]).await?;
    tx.execute("DELETE FROM alias WHERE surviving = $1", &[&person]).await?;
    Ok((events, values as u64))
}
