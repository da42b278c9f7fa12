//! Giving a person that was merged away back what was recorded for their ids.

use std::collections::BTreeSet;

use attune_kernel::{DecisionId, PersonId};
use attune_storage::key::KeyReader;
use attune_storage::{Scan, Space, StorageError, Tx};

use super::keys;
use super::write::{Item, hand_over, places, renew};

pub(super) fn apply(
    tx: &mut Tx,
    space: &Space,
    person: PersonId,
    split: PersonId,
    ids: &[PersonId],
) -> Result<(), StorageError> {
    let to = split.to_bytes();
    let Some(from) = keys::today(person, |key| tx.get(space, key))? else { return Ok(()) };
    // Who was erased is not brought back.
    if from == to || keys::today(split, |key| tx.get(space, key))?.is_none() {
        return Ok(());
    }
    let ids: BTreeSet<[u8; 16]> = ids.iter().chain([&split]).map(|id| id.to_bytes()).collect();
    lead(tx, space, from, to, &ids)?;
    let mut gone: BTreeSet<DecisionId> = BTreeSet::new();
    for place in places(from, to) {
        for (key, value) in tx.scan(space, &Scan::prefix(place.from.clone()))? {
            let item = place.item(&key)?;
            let origin = match &item {
                Item::Decision(id) => keys::decision_origin(*id),
                Item::Response(request_id) => keys::response_origin(request_id),
            };
            // A response goes where the decision goes that it was joined to; decisions come before.
            let joined = match &item {
                Item::Decision(_) => None,
                Item::Response(_) => decision_of(&value)?,
            };
            let goes = match (&item, joined) {
                (Item::Decision(id), _) if gone.contains(id) => true,
                (_, Some(decision)) => gone.contains(&decision),
                _ => {
                    tx.get(space, &origin)?.map(|id| keys::id_of(&id)).transpose()?.is_some_and(|id| ids.contains(&id))
                }
            };
            if !goes {
                continue;
            }
            place.go(tx, space, &key, value)?;
            if tx.get(space, &origin)?.is_some_and(|id| *id == to) {
                tx.delete(space, origin)?;
            }
            if let Item::Decision(id) = item {
                gone.insert(id);
            }
        }
    }
    gone.into_iter().try_for_each(|id| hand_over(tx, space, id, to))?;
    renew(tx, space, from)
}

/// The decision that a stored response was joined to.
fn decision_of(value: &[u8]) -> Result<Option<DecisionId>, StorageError> {
    let mut value = KeyReader::new(value);
    value.u32()?;
    let id = value.bytes()?;
    if id.is_empty() { Ok(None) } else { Ok(Some(DecisionId::from_bytes(keys::id_of(&id)?))) }
}

/// Leads the ids that go to `to`, and who led to one of them but stays to `from`.
fn lead(
    tx: &mut Tx,
    space: &Space,
    from: [u8; 16],
    to: [u8; 16],
    ids: &BTreeSet<[u8; 16]>,
) -> Result<(), StorageError> {
    for &id in ids {
        for (key, _) in tx.scan(space, &Scan::prefix(keys::aliases_of(id).build()))? {
            let mut parts = KeyReader::new(&key);
            let (_, _, alias) = (parts.str()?, parts.id()?, parts.id()?);
            if !ids.contains(&alias) {
                point(tx, space, alias, Some(from))?;
            }
        }
        point(tx, space, id, (id != to).then_some(to))?;
    }
    Ok(())
}

fn point(tx: &mut Tx, space: &Space, alias: [u8; 16], target: Option<[u8; 16]>) -> Result<(), StorageError> {
    if let Some(before) = tx.get(space, keys::alias(alias))? {
        // An erased id stays erased.
        if before.is_empty() {
            return Ok(());
        }
        tx.delete(space, keys::aliases_of(keys::id_of(&before)?).id(alias).build())?;
    }
    match target {
        None => tx.delete(space, keys::alias(alias)),
        Some(target) => {
            tx.put(space, keys::alias(alias), target.to_vec())?;
            tx.put(space, keys::aliases_of(target).id(alias).build(), Vec::new())
        }
    }
}
