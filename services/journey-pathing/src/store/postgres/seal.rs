//! What is said of persons is sealed with their keys: what is remembered of them, and their events.

use attune_storage::vault::{Ask, PgVault, Plain, Sealed};
use attune_storage::{StorageError, Transaction};

use super::record;
use crate::domain::event::Recorded;
use crate::domain::live::Person;

/// Names of the tables in what is bound to a sealed value.
const PERSON: &str = "person";
const EVENT: &str = "event";

/// What is remembered of persons; none where nothing is stored.
pub(super) async fn persons(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(&str, &[u8])],
) -> Result<Vec<Option<Person>>, StorageError> {
    let there = stored.iter().filter(|(_, state)| !state.is_empty());
    let sealed: Vec<Sealed<'_>> = there.map(|(id, value)| Sealed { row: id.as_bytes(), value }).collect();
    let mut opened = vault.open_rows(from, PERSON, &sealed).await?.into_iter();
    let person = |(_, state): &(&str, &[u8])| match state.is_empty() {
        true => Ok(None),
        false => opened.next().flatten().map(|state| record::decode_person(&state)).transpose(),
    };
    stored.iter().map(person).collect()
}

/// Encoded states of persons, sealed.
pub(super) async fn states(
    tx: &Transaction<'_, '_>,
    ids: &[String],
    states: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, StorageError> {
    let rows = ids.iter().zip(states).map(|(id, value)| Plain { subject: id.as_bytes(), row: id.as_bytes(), value });
    tx.vault().seal_rows(tx, PERSON, &rows.collect::<Vec<_>>()).await
}

/// Events of stored bodies, by the ids under which they are stored; those whose key was destroyed are left out.
pub(super) async fn events(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(&str, &[u8])],
) -> Result<Vec<Option<Recorded>>, StorageError> {
    let sealed: Vec<Sealed<'_>> = stored.iter().map(|(id, value)| Sealed { row: id.as_bytes(), value }).collect();
    let opened = vault.open_rows(from, EVENT, &sealed).await?;
    opened.into_iter().map(|body| body.map(|body| record::decode_event(&body)).transpose()).collect()
}

/// Bodies of events, each with its person and the id under which it is stored, sealed.
pub(super) async fn bodies(
    tx: &Transaction<'_, '_>,
    persons: &[&str],
    ids: &[String],
    bodies: &[Vec<u8>],
) -> Result<Vec<Vec<u8>>, StorageError> {
    let rows = persons.iter().zip(ids).zip(bodies);
    let rows = rows.map(|((person, id), value)| Plain { subject: person.as_bytes(), row: id.as_bytes(), value });
    tx.vault().seal_rows(tx, EVENT, &rows.collect::<Vec<_>>()).await
}
