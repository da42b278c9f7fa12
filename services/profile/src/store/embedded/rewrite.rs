//! Merges, splits and erasures in the embedded engine.

use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::{Scan, Space, Tx};

use super::super::{Rewrite, Rewritten, belongs};
use super::{count, document_key, event_key, events_of, in_force, load, member_key, number, place_of, save, text};
use crate::domain::batch::Batch;
use crate::domain::event::Event;
use crate::domain::segment::Segment;
use crate::domain::traits::Traits;
use crate::error::Error;

pub(super) fn apply(
    tx: &mut Tx,
    space: &Space,
    offset: Option<u64>,
    change: &Rewrite,
    segments: &[Segment],
    now: Timestamp,
) -> Result<Rewritten, Error> {
    if let Some(offset) = offset {
        let at = key().str("mk").str("applied").build();
        if tx.get(space, &at)?.is_some_and(|value| number(&value) >= offset) {
            return Ok(Rewritten::default());
        }
        tx.put(space, at, offset.to_be_bytes().to_vec())?;
    }
    let mut done = Rewritten { applied: true, ..Rewritten::default() };
    match change {
        Rewrite::Merge { surviving, merged } => merge(tx, space, surviving, merged, segments, now)?,
        Rewrite::Split { person, split, via } => self::split(tx, space, person, split, via.expose(), segments, now)?,
        Rewrite::Erase { persons } => {
            for person in persons {
                let person = in_force(tx, space, person)?;
                let (events, values) = erase(tx, space, &person)?;
                done.events += events;
                done.values += values;
            }
        }
    }
    Ok(done)
}

/// Every event of a person, decoded.
fn events(tx: &Tx, space: &Space, person: &str) -> Result<Vec<Event>, Error> {
    let rows = tx.scan(space, &Scan::prefix(events_of(person).build()))?;
    rows.iter().map(|(_, value)| super::super::body::decode(value, person)).collect()
}

fn merge(
    tx: &mut Tx,
    space: &Space,
    surviving: &str,
    merged: &str,
    segments: &[Segment],
    now: Timestamp,
) -> Result<(), Error> {
    let surviving = in_force(tx, space, surviving)?;
    for (at, value) in tx.scan(space, &Scan::prefix(events_of(merged).build()))? {
        let place = place_of(&at)?;
        tx.put(space, key().str("id").str(&place.2).build(), surviving.as_bytes().to_vec())?;
        tx.put(space, event_key(&surviving, &place), value)?;
        tx.delete(space, at.to_vec())?;
    }
    // Aliases of the merged person point at the survivor itself, so that reading stays one look.
    for (at, value) in tx.scan(space, &Scan::prefix(key().str("al").build()))? {
        if text(&value) == merged {
            tx.put(space, at.to_vec(), surviving.as_bytes().to_vec())?;
        }
    }
    tx.put(space, key().str("al").str(merged).build(), surviving.as_bytes().to_vec())?;
    let other = load(tx, space, merged)?;
    leave_all(tx, space, &other.segments.iter().cloned().collect::<Vec<_>>(), merged)?;
    tx.delete(space, document_key(merged))?;
    let mut batch = Batch::new(vec![load(tx, space, &surviving)?]);
    batch.change(&surviving).absorb(other);
    let (documents, moves) = batch.finish(segments, now);
    save(tx, space, &documents, &moves)
}

fn split(
    tx: &mut Tx,
    space: &Space,
    person: &str,
    split: &str,
    via: &[(String, String)],
    segments: &[Segment],
    now: Timestamp,
) -> Result<(), Error> {
    let person = in_force(tx, space, person)?;
    let all = events(tx, space, &person)?;
    let mut batch = Batch::new(vec![load(tx, space, &person)?, load(tx, space, split)?]);
    batch.change(&person).traits = Traits::default();
    for mut event in all {
        if belongs(&event, via) {
            tx.delete(space, event_key(&person, &event.place()))?;
            split.clone_into(&mut event.person_id);
            tx.put(space, key().str("id").str(&event.event_id).build(), split.as_bytes().to_vec())?;
            tx.put(space, event_key(split, &event.place()), event.body.expose().clone())?;
            batch.change(split).observe(&event, now);
        } else {
            batch.change(&person).traits.add(&event);
        }
    }
    let (documents, moves) = batch.finish(segments, now);
    save(tx, space, &documents, &moves)
}

fn leave_all(tx: &mut Tx, space: &Space, segments: &[String], person: &str) -> Result<(), Error> {
    for segment in segments {
        tx.delete(space, member_key(segment, person))?;
        count(tx, space, segment, -1)?;
    }
    Ok(())
}

/// Removes everything of a person; answers how many events and values were removed. The ids of their events stay known
/// without the person, so that a late repeat does not bring an event back.
fn erase(tx: &mut Tx, space: &Space, person: &str) -> Result<(u64, u64), Error> {
    let mut removed = 0;
    for (at, _) in tx.scan(space, &Scan::prefix(events_of(person).build()))? {
        let place = place_of(&at)?;
        tx.put(space, key().str("id").str(&place.2).build(), Vec::new())?;
        tx.delete(space, at.to_vec())?;
        removed += 1;
    }
    let document = load(tx, space, person)?;
    let values = document.attributes.len() + document.tags.len() + document.consents.len();
    leave_all(tx, space, &document.segments.iter().cloned().collect::<Vec<_>>(), person)?;
    tx.delete(space, document_key(person))?;
    for (at, value) in tx.scan(space, &Scan::prefix(key().str("al").build()))? {
        let mut reader = KeyReader::new(&at);
        reader.str()?;
        if text(&value) == person {
            tx.delete(space, at.to_vec())?;
        }
    }
    Ok((removed, values as u64))
}
