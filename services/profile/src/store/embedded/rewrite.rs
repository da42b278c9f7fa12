//! Merges, splits and erasures in the embedded engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::vault::feed_subject;
use attune_storage::{Scan, Space, Tx};

use super::super::{Once, Rewrite, Rewritten, body, lists, place};
use super::{
    alias_key, count, document_key, due_key, event_key, events_of, in_force, keep_origin, load, member_key, number,
    origin_key, place_of, read_origin, repeated, request_key, save,
};
use crate::domain::batch::Batch;
use crate::domain::document::Document;
use crate::domain::event::Event;
use crate::domain::rules::Rules;
use crate::error::Error;

pub(super) fn apply(
    tx: &mut Tx,
    space: &Space,
    once: &Once,
    change: &Rewrite,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Rewritten, Error> {
    match once {
        Once::Offset(offset) => {
            let at = key().str("mk").str("applied").build();
            if tx.get(space, &at)?.is_some_and(|value| number(&value) >= *offset) {
                return Ok(Rewritten::default());
            }
            tx.put(space, at, offset.to_be_bytes().to_vec())?;
        }
        Once::Request(id) => {
            if let Some(answer) = repeated(tx, space, id, now)? {
                return Ok(Rewritten::decode(&answer));
            }
        }
        Once::No => {}
    }
    let mut done = Rewritten { applied: true, ..Rewritten::default() };
    match change {
        Rewrite::Merge { surviving, merged } => done.written = merge(tx, space, surviving, merged, rules, now)?,
        Rewrite::Split { person, split, ids, via } => {
            let goes = Goes { split, ids, via: via.expose() };
            done.written = self::split(tx, space, person, &goes, rules, now)?;
        }
        Rewrite::Erase { persons } => {
            for person in persons {
                let person = in_force(tx, space, person)?;
                erase(tx, space, &person, &mut done)?;
            }
        }
    }
    if let Once::Request(id) = once {
        tx.put(space, request_key(id), done.encode())?;
    }
    Ok(done)
}

/// Every event of a person, decoded.
pub(super) fn events(tx: &Tx, space: &Space, person: &str) -> Result<Vec<Event>, Error> {
    let rows = tx.scan(space, &Scan::prefix(events_of(person).build()))?;
    let decoded = rows.iter().map(|(at, value)| {
        let mut event = body::decode(value, person)?;
        event.origin = read_origin(tx, space, person, &place_of(at)?)?;
        Ok(event)
    });
    let mut events = decoded.collect::<Result<Vec<Event>, Error>>()?;
    // Keys have the hash of the id in its place.
    events.sort_by_cached_key(Event::place);
    Ok(events)
}

/// What a split takes along.
struct Goes<'a> {
    split: &'a str,
    ids: &'a [String],
    via: &'a [(String, String)],
}

/// The ids that were merged into a person.
fn aliases(tx: &Tx, space: &Space, person: &str) -> Result<Vec<String>, Error> {
    let rows = tx.scan(space, &Scan::prefix(key().str("ar").str(person).build()))?;
    rows.iter()
        .map(|(at, _)| {
            let mut parts = KeyReader::new(at);
            parts.str()?;
            parts.str()?;
            Ok(parts.str()?)
        })
        .collect()
}

fn point(tx: &mut Tx, space: &Space, alias: &str, surviving: &str) -> Result<(), Error> {
    tx.put(space, alias_key(alias), surviving.as_bytes().to_vec())?;
    tx.put(space, key().str("ar").str(surviving).str(alias).build(), Vec::new())?;
    Ok(())
}

fn unpoint(tx: &mut Tx, space: &Space, alias: &str, surviving: &str) -> Result<(), Error> {
    tx.delete(space, alias_key(alias))?;
    tx.delete(space, key().str("ar").str(surviving).str(alias).build())?;
    Ok(())
}

fn merge(
    tx: &mut Tx,
    space: &Space,
    surviving: &str,
    merged: &str,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    let (surviving, merged) = (in_force(tx, space, surviving)?, in_force(tx, space, merged)?);
    if surviving == merged {
        return Ok(Vec::new());
    }
    for (at, value) in tx.scan(space, &Scan::prefix(events_of(&merged).build()))? {
        let place = place_of(&at)?;
        let origin = read_origin(tx, space, &merged, &place)?;
        tx.put(space, event_key(&surviving, &place), value)?;
        tx.delete(space, at.to_vec())?;
        tx.delete(space, origin_key(&merged, &place))?;
        keep_origin(tx, space, &surviving, &place, &origin.away_from(&merged))?;
    }
    // Aliases point at the survivor itself, so that reading stays one look.
    for alias in aliases(tx, space, &merged)? {
        unpoint(tx, space, &alias, &merged)?;
        point(tx, space, &alias, &surviving)?;
    }
    point(tx, space, &merged, &surviving)?;
    let other = load(tx, space, &merged)?;
    leave_all(tx, space, &other)?;
    tx.delete(space, document_key(&merged))?;
    // What lies under their key are copies that nobody would find when the survivor is erased.
    tx.shred(space, merged.as_bytes())?;
    let mut batch = Batch::new(vec![load(tx, space, &surviving)?]).under(rules);
    batch.absorb(&surviving, other);
    let mut written = save(tx, space, &batch.finish(now))?;
    written.push(merged);
    Ok(written)
}

fn split(
    tx: &mut Tx,
    space: &Space,
    person: &str,
    goes: &Goes<'_>,
    rules: &Arc<Rules>,
    now: Timestamp,
) -> Result<Vec<String>, Error> {
    // A split may bring back an id that was merged away: from now on it is a person again.
    let split = goes.split;
    let before = in_force(tx, space, split)?;
    if before != split {
        unpoint(tx, space, split, &before)?;
    }
    let person = in_force(tx, space, person)?;
    if person == split {
        return Ok(Vec::new());
    }
    let mut ids: BTreeSet<String> = goes.ids.iter().cloned().collect();
    ids.insert(split.to_owned());
    for id in &ids {
        if in_force(tx, space, id)? == person && *id != person {
            unpoint(tx, space, id, &person)?;
            point(tx, space, id, split)?;
        }
    }
    let all = events(tx, space, &person)?;
    let mut batch = Batch::new(vec![load(tx, space, &person)?, load(tx, space, split)?]).under(rules);
    let parted = batch.take_apart(all, &person, split, &ids, goes.via);
    for event in parted.moved {
        let place = place(&event);
        tx.delete(space, event_key(&person, &place))?;
        tx.delete(space, origin_key(&person, &place))?;
        tx.put(space, event_key(split, &place), event.body.expose().clone())?;
        keep_origin(tx, space, split, &place, &event.origin)?;
    }
    for event in parted.renamed {
        keep_origin(tx, space, &person, &place(&event), &event.origin)?;
    }
    let written = save(tx, space, &batch.finish(now))?;
    // Old copies of what the person held of the other must not outlive an erasure of the other.
    let rows = [events_of(&person).build(), key().str("or").str(&person).build(), document_key(&person)];
    tx.reseal(space, person.as_bytes(), &rows)?;
    Ok(written)
}

fn leave_all(tx: &mut Tx, space: &Space, document: &Document) -> Result<(), Error> {
    for segment in &document.segments {
        tx.delete(space, member_key(segment, &document.person_id))?;
        count(tx, space, segment, -1)?;
    }
    if let Some(due) = document.due {
        tx.delete(space, due_key(due, &document.person_id))?;
    }
    Ok(())
}

/// Removes everything of a person; that their events' ids are known stays, so that a late repeat brings nothing back.
fn erase(tx: &mut Tx, space: &Space, person: &str, done: &mut Rewritten) -> Result<(), Error> {
    for (at, _) in tx.scan(space, &Scan::prefix(events_of(person).build()))? {
        tx.delete(space, origin_key(person, &place_of(&at)?))?;
        tx.delete(space, at.to_vec())?;
        done.events += 1;
    }
    let document = load(tx, space, person)?;
    done.values += document.held();
    leave_all(tx, space, &document)?;
    tx.delete(space, document_key(person))?;
    let first = done.written.len();
    for alias in aliases(tx, space, person)? {
        unpoint(tx, space, &alias, person)?;
        lists::erase_embedded(tx, space, &alias)?;
        done.written.push(alias);
    }
    lists::erase_embedded(tx, space, person)?;
    done.written.push(person.to_owned());
    for id in &done.written[first..] {
        for subject in [id.clone().into_bytes(), feed_subject(id)] {
            done.keys += u64::from(tx.shred(space, &subject)?);
        }
    }
    Ok(())
}
