//! Merges, splits and erasures in Postgres.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::Timestamp;
use attune_storage::Transaction;

use super::super::{Once, Rewrite, Rewritten, body, digest, lists, place};
use super::{claim, insert, placeholders, release, repeated, save, seal, store_documents};
use crate::domain::batch::Batch;
use crate::domain::document::Document;
use crate::domain::event::Event;
use crate::domain::origin::Origin;
use crate::domain::rules::Rules;
use crate::error::Error;

/// Applies a change; answers what it did and whose keys were destroyed, by their slots.
pub(super) async fn apply(
    tx: &Transaction<'_, '_>,
    once: &Once,
    change: &Rewrite,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<(Rewritten, Vec<u64>), Error> {
    let mut slots = Vec::new();
    match once {
        Once::Offset(offset) => {
            // The row is written whether or not it is there, so callers with one offset take effect one after the other.
            let rows = tx
                .query(
                    "INSERT INTO mark (name, value) VALUES ('applied', $1::text) ON CONFLICT (name) DO UPDATE \
                     SET value = excluded.value WHERE mark.value::bigint < excluded.value::bigint RETURNING name",
                    &[&offset.to_string()],
                )
                .await?;
            if rows.is_empty() {
                return Ok((Rewritten::default(), slots));
            }
        }
        Once::Request(id) => {
            if let Some(answer) = repeated(tx, id, now).await? {
                return Ok((Rewritten::decode(&answer), slots));
            }
        }
        Once::No => {}
    }
    let mut done = Rewritten { applied: true, ..Rewritten::default() };
    match change {
        Rewrite::Merge { surviving, merged } => done.written = merge(tx, surviving, merged, rules, now).await?,
        Rewrite::Split { person, split, ids, via } => {
            let goes = Goes { split, ids, via: via.expose() };
            done.written = self::split(tx, person, &goes, rules, now, &mut slots).await?;
        }
        Rewrite::Erase { persons } => {
            for person in persons {
                erase(tx, person, &mut done, &mut slots).await?;
            }
        }
    }
    if matches!(change, Rewrite::Erase { .. }) {
        done.keys = slots.len() as u64;
    }
    if let Once::Request(id) = once {
        tx.execute("UPDATE request SET answer = $2 WHERE id = $1", &[&digest(id), &done.encode()]).await?;
    }
    Ok((done, slots))
}

/// What a split takes along.
struct Goes<'a> {
    split: &'a str,
    ids: &'a [String],
    via: &'a [(String, String)],
}

fn set<const N: usize>(persons: [&str; N]) -> BTreeSet<String> {
    persons.into_iter().map(str::to_owned).collect()
}

async fn merge(
    tx: &Transaction<'_, '_>,
    surviving: &str,
    merged: &str,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let (aliases, documents) = claim(tx, &set([surviving, merged])).await?;
    let (surviving, merged) = (&aliases[surviving], &aliases[merged]);
    if surviving == merged {
        release(tx, &placeholders(&documents)).await?;
        return Ok(Vec::new());
    }
    let sql =
        "UPDATE event SET person_id = $1, origin = CASE origin WHEN '' THEN $2 ELSE origin END WHERE person_id = $2";
    tx.execute(sql, &[surviving, merged]).await?;
    // Aliases point at the survivor itself, so that reading stays one look.
    tx.execute("UPDATE alias SET surviving = $1 WHERE surviving = $2", &[surviving, merged]).await?;
    tx.execute("INSERT INTO alias (person_id, surviving) VALUES ($1, $2)", &[merged, surviving]).await?;
    tx.execute("DELETE FROM member WHERE person_id = $1", &[merged]).await?;
    tx.execute("DELETE FROM document WHERE person_id = $1", &[merged]).await?;
    let (mut kept, other): (Vec<_>, Vec<_>) = documents.into_iter().partition(|one| one.person_id == *surviving);
    let mut batch = Batch::new(std::mem::take(&mut kept)).under(rules);
    for document in other {
        batch.absorb(surviving, document);
    }
    let mut written = save(tx, &batch.finish(now)).await?;
    written.push(merged.clone());
    Ok(written)
}

/// Every event of a person, decoded.
pub(super) async fn events(tx: &Transaction<'_, '_>, person: &str) -> Result<Vec<Event>, Error> {
    let sql = "SELECT event_id, body, origin, shared FROM event WHERE person_id = $1";
    let rows = tx.query(sql, &[&person]).await?;
    let stored: Vec<(&str, &[u8])> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let bodies = seal::bodies(tx.vault(), tx, &stored).await?;
    let mut all = Vec::with_capacity(rows.len());
    for (row, body) in rows.iter().zip(bodies) {
        let Some(body) = body else { continue };
        let mut event = body::decode(&body, person)?;
        event.origin = Origin { id: row.get(2), shared: row.get(3) };
        all.push(event);
    }
    // Keys have the hash of the id in its place.
    all.sort_by_cached_key(Event::place);
    Ok(all)
}

async fn split(
    tx: &Transaction<'_, '_>,
    person: &str,
    goes: &Goes<'_>,
    rules: &Arc<Rules>,
    now: Timestamp,
    slots: &mut Vec<u64>,
) -> Result<Vec<String>, Error> {
    // A split may bring back an id that was merged away: from now on it is a person again.
    tx.execute("DELETE FROM alias WHERE person_id = $1", &[&goes.split]).await?;
    let (aliases, documents) = claim(tx, &set([person, goes.split])).await?;
    let (person, split) = (&aliases[person], &aliases[goes.split]);
    let claimed = placeholders(&documents);
    if person == split {
        release(tx, &claimed).await?;
        return Ok(Vec::new());
    }
    let mut ids: BTreeSet<String> = goes.ids.iter().cloned().collect();
    ids.insert(split.clone());
    let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
    let sql = "UPDATE alias SET surviving = $1 WHERE surviving = $2 AND person_id = ANY($3)";
    tx.execute(sql, &[split, person, &listed]).await?;
    let all = events(tx, person).await?;
    // Old copies of what the person held of the other must not outlive an erasure of the other: from here on everybody
    // concerned has a new key.
    let rows = tx.query("SELECT person_id FROM alias WHERE surviving = $1", &[person]).await?;
    let held: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    slots.extend(seal::shred(tx, ids.iter().chain(&held).chain([person])).await?);
    let (everything, before) = (all.clone(), documents.clone());
    let mut batch = Batch::new(documents).under(rules);
    let parted = batch.take_apart(all, person, split, &ids, goes.via);
    let moved: BTreeSet<String> = parted.moved.iter().map(|event| place(event).2).collect();
    let listed: Vec<&str> = moved.iter().map(String::as_str).collect();
    tx.execute("DELETE FROM event WHERE person_id = $1 AND event_id = ANY($2)", &[person, &listed]).await?;
    insert(tx, &parted.moved).await?;
    let stays: Vec<Event> = everything.into_iter().filter(|event| !moved.contains(&place(event).2)).collect();
    seal::anew(tx, person, &stays).await?;
    rename(tx, person, &parted.renamed).await?;
    let written = save(tx, &batch.finish(now)).await?;
    let same: Vec<Document> =
        before.into_iter().filter(|one| !one.is_new() && !written.contains(&one.person_id)).collect();
    store_documents(tx, &same).await?;
    release(tx, &claimed).await?;
    Ok(written)
}

/// Writes the origins of events.
async fn rename(tx: &Transaction<'_, '_>, person: &str, events: &[Event]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<String> = events.iter().map(|event| place(event).2).collect();
    let origins: Vec<&str> = events.iter().map(|event| event.origin.id.as_str()).collect();
    let shared: Vec<bool> = events.iter().map(|event| event.origin.shared).collect();
    let sql = "UPDATE event SET origin = new.origin, shared = new.shared \
               FROM unnest($2::text[], $3::text[], $4::boolean[]) AS new (id, origin, shared) \
               WHERE person_id = $1 AND event_id = new.id";
    tx.execute(sql, &[&person, &ids, &origins, &shared]).await?;
    Ok(())
}

/// Removes everything of a person; that their events' ids are known stays, so that a late repeat brings nothing back.
async fn erase(
    tx: &Transaction<'_, '_>,
    person: &str,
    done: &mut Rewritten,
    slots: &mut Vec<u64>,
) -> Result<(), Error> {
    let (_, documents) = claim(tx, &set([person])).await?;
    for document in documents {
        let person = &document.person_id;
        done.events += tx.execute("DELETE FROM event WHERE person_id = $1", &[person]).await?;
        done.values += document.held();
        tx.execute("DELETE FROM member WHERE person_id = $1", &[person]).await?;
        tx.execute("DELETE FROM document WHERE person_id = $1", &[person]).await?;
        let rows = tx.query("DELETE FROM alias WHERE surviving = $1 RETURNING person_id", &[person]).await?;
        let first = done.written.len();
        done.written.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        done.written.push(document.person_id);
        lists::erase(tx, &done.written[first..]).await?;
        slots.extend(seal::shred_all(tx, &done.written[first..]).await?);
    }
    Ok(())
}
