//! Merges, splits and erasures in Postgres.

use std::collections::BTreeSet;

use attune_kernel::Timestamp;
use attune_storage::Transaction;

use super::super::{Once, Rewrite, Rewritten, body, digest, take_apart};
use super::{claim, insert, placeholders, release, repeated, save};
use crate::domain::batch::Batch;
use crate::domain::event::Event;
use crate::domain::segment::Segment;
use crate::error::Error;

pub(super) async fn apply(
    tx: &Transaction<'_, '_>,
    once: &Once,
    change: &Rewrite,
    segments: &[Segment],
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
        Rewrite::Merge { surviving, merged } => done.written = merge(tx, surviving, merged, segments, now).await?,
        Rewrite::Split { person, split, via } => {
            done.written = self::split(tx, person, split, via.expose(), segments, now).await?;
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

fn set<const N: usize>(persons: [&str; N]) -> BTreeSet<String> {
    persons.into_iter().map(str::to_owned).collect()
}

async fn merge(
    tx: &Transaction<'_, '_>,
    surviving: &str,
    merged: &str,
    segments: &[Segment],
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let (aliases, documents) = claim(tx, &set([surviving, merged])).await?;
    let (surviving, merged) = (&aliases[surviving], &aliases[merged]);
    if surviving == merged {
        release(tx, &placeholders(&documents)).await?;
        return Ok(Vec::new());
    }
    tx.execute("UPDATE event SET person_id = $1 WHERE person_id = $2", &[surviving, merged]).await?;
    // Aliases point at the survivor itself, so that reading stays one look.
    tx.execute("UPDATE alias SET surviving = $1 WHERE surviving = $2", &[surviving, merged]).await?;
    tx.execute("INSERT INTO alias (person_id, surviving) VALUES ($1, $2)", &[merged, surviving]).await?;
    tx.execute("DELETE FROM member WHERE person_id = $1", &[merged]).await?;
    tx.execute("DELETE FROM document WHERE person_id = $1", &[merged]).await?;
    let (mut kept, other): (Vec<_>, Vec<_>) = documents.into_iter().partition(|one| one.person_id == *surviving);
    let mut batch = Batch::new(std::mem::take(&mut kept));
    for document in other {
        batch.change(surviving).absorb(document);
    }
    let mut written = save(tx, &batch.finish(segments, now)).await?;
    written.push(merged.clone());
    Ok(written)
}

async fn split(
    tx: &Transaction<'_, '_>,
    person: &str,
    split: &str,
    via: &[(String, String)],
    segments: &[Segment],
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    // A split may bring back an id that was merged away: from now on it is a person again.
    tx.execute("DELETE FROM alias WHERE person_id = $1", &[&split]).await?;
    let (aliases, documents) = claim(tx, &set([person, split])).await?;
    let (person, split) = (&aliases[person], &aliases[split]);
    let claimed = placeholders(&documents);
    let rows = tx.query("SELECT body FROM event WHERE person_id = $1", &[person]).await?;
    let all = rows.iter().map(|row| body::decode(row.get(0), person)).collect::<Result<Vec<Event>, Error>>()?;
    let mut batch = Batch::new(documents);
    let moved = take_apart(&mut batch, all, person, split, via);
    let ids: Vec<&str> = moved.iter().map(|event| event.event_id.as_str()).collect();
    tx.execute("DELETE FROM event WHERE person_id = $1 AND event_id = ANY($2)", &[person, &ids]).await?;
    insert(tx, &moved).await?;
    let written = save(tx, &batch.finish(segments, now)).await?;
    release(tx, &claimed).await?;
    Ok(written)
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
