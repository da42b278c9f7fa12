//! Merges, splits and erasures in Postgres.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::Timestamp;
use attune_storage::Transaction;

use super::super::{Once, Rewrite, Rewritten, body, digest};
use super::{claim, insert, placeholders, release, repeated, save};
use crate::domain::batch::Batch;
use crate::domain::event::Event;
use crate::domain::origin::Origin;
use crate::domain::rules::Rules;
use crate::error::Error;

pub(super) async fn apply(
    tx: &Transaction<'_, '_>,
    once: &Once,
    change: &Rewrite,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Rewritten, Error> {
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
                return Ok(Rewritten::default());
            }
        }
        Once::Request(id) => {
            if let Some(answer) = repeated(tx, id, now).await? {
                return Ok(Rewritten::decode(&answer));
            }
        }
        Once::No => {}
    }
    let mut done = Rewritten { applied: true, ..Rewritten::default() };
    match change {
        Rewrite::Merge { surviving, merged } => done.written = merge(tx, surviving, merged, rules, now).await?,
        Rewrite::Split { person, split, ids, via } => {
            let goes = Goes { split, ids, via: via.expose() };
            done.written = self::split(tx, person, &goes, rules, now).await?;
        }
        Rewrite::Erase { persons } => {
            for person in persons {
                erase(tx, person, &mut done).await?;
            }
        }
    }
    if let Once::Request(id) = once {
        tx.execute("UPDATE request SET answer = $2 WHERE id = $1", &[&digest(id), &done.encode()]).await?;
    }
    Ok(done)
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
        batch.change(surviving).absorb(document);
    }
    let mut written = save(tx, &batch.finish(now)).await?;
    written.push(merged.clone());
    Ok(written)
}

async fn split(
    tx: &Transaction<'_, '_>,
    person: &str,
    goes: &Goes<'_>,
    rules: &Arc<Rules>,
    now: Timestamp,
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
    let rows = tx.query("SELECT body, origin, shared FROM event WHERE person_id = $1", &[person]).await?;
    let all = rows.iter().map(|row| {
        let mut event = body::decode(row.get(0), person)?;
        event.origin = Origin { id: row.get(1), shared: row.get(2) };
        Ok(event)
    });
    let all = all.collect::<Result<Vec<Event>, Error>>()?;
    let mut batch = Batch::new(documents).under(rules);
    let parted = batch.take_apart(all, person, split, &ids, goes.via);
    let moved: Vec<&str> = parted.moved.iter().map(|event| event.event_id.as_str()).collect();
    tx.execute("DELETE FROM event WHERE person_id = $1 AND event_id = ANY($2)", &[person, &moved]).await?;
    insert(tx, &parted.moved).await?;
    rename(tx, person, &parted.renamed).await?;
    let written = save(tx, &batch.finish(now)).await?;
    release(tx, &claimed).await?;
    Ok(written)
}

/// Writes the origins of events.
async fn rename(tx: &Transaction<'_, '_>, person: &str, events: &[Event]) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
    let origins: Vec<&str> = events.iter().map(|event| event.origin.id.as_str()).collect();
    let shared: Vec<bool> = events.iter().map(|event| event.origin.shared).collect();
    let sql = "UPDATE event SET origin = new.origin, shared = new.shared \
               FROM unnest($2::text[], $3::text[], $4::boolean[]) AS new (id, origin, shared) \
               WHERE person_id = $1 AND event_id = new.id";
    tx.execute(sql, &[&person, &ids, &origins, &shared]).await?;
    Ok(())
}

/// Removes everything of a person; that their events' ids are known stays, so that a late repeat brings nothing back.
async fn erase(tx: &Transaction<'_, '_>, person: &str, done: &mut Rewritten) -> Result<(), Error> {
    let (_, documents) = claim(tx, &set([person])).await?;
    for document in documents {
        let person = &document.person_id;
        done.events += tx.execute("DELETE FROM event WHERE person_id = $1", &[person]).await?;
        done.values += document.held();
        tx.execute("DELETE FROM member WHERE person_id = $1", &[person]).await?;
        tx.execute("DELETE FROM document WHERE person_id = $1", &[person]).await?;
        let rows = tx.query("DELETE FROM alias WHERE surviving = $1 RETURNING person_id", &[person]).await?;
        done.written.extend(rows.iter().map(|row| row.get::<_, String>(0)));
        done.written.push(document.person_id);
    }
    Ok(())
}
