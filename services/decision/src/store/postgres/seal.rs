//! Decisions are sealed with the keys of their persons.

use std::collections::BTreeSet;

use attune_kernel::{DecisionId, PersonId};
use attune_storage::postgres::Row;
use attune_storage::vault::{Ask, PgVault, Plain, Sealed};
use attune_storage::{StorageError, Transaction};

use super::super::codec;
use super::id16;
use crate::domain::record::Decision;

/// The table in what is bound to a sealed value.
const TABLE: &str = "decision";
/// A body with its decision and person.
pub(super) type Body<'a> = (&'a [u8], Option<[u8; 16]>, Vec<u8>);

/// Bodies as they are stored.
pub(super) async fn bodies(tx: &Transaction<'_, '_>, bodies: &[Body<'_>]) -> Result<Vec<Vec<u8>>, StorageError> {
    let nobody: &[u8] = &[];
    let plain = bodies.iter().map(|(row, person, value)| {
        let subject = person.as_ref().map_or(nobody, |person| person.as_slice());
        Plain { subject, row, value }
    });
    tx.vault().seal_rows(tx, TABLE, &plain.collect::<Vec<_>>()).await
}

/// Decisions of rows `id, person_key, is_person, body`; those whose key was destroyed meanwhile are left out.
pub(super) async fn decisions(vault: &PgVault, from: &impl Ask, rows: &[Row]) -> Result<Vec<Decision>, StorageError> {
    let sealed: Vec<Sealed<'_>> = rows.iter().map(|row| Sealed { row: row.get(0), value: row.get(3) }).collect();
    let opened = vault.open_rows(from, TABLE, &sealed).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, body) in rows.iter().zip(opened) {
        let Some(body) = body else { continue };
        let mut decision = codec::decode(DecisionId::from_bytes(id16(row.get(0))?), &body)?;
        if row.get(2) {
            decision.person = Some(PersonId::from_bytes(id16(row.get(1))?));
        }
        found.push(decision);
    }
    Ok(found)
}

/// Decisions under a person key.
pub(super) async fn decisions_of(tx: &Transaction<'_, '_>, person: &[u8]) -> Result<Vec<Decision>, StorageError> {
    let sql = "SELECT id, person_key, is_person, body FROM decision WHERE person_key = $1";
    decisions(tx.vault(), tx, &tx.query(sql, &[&person]).await?).await
}

/// Gives persons, and all who lead to them, new keys and seals their decisions anew, so that old copies of decisions that
/// are another's now are unreadable. Answers the destroyed slots.
pub(super) async fn renew(tx: &Transaction<'_, '_>, persons: &[Vec<u8>]) -> Result<Vec<u64>, StorageError> {
    let mut held = Vec::new();
    for person in persons {
        held.extend(decisions_of(tx, person).await?);
    }
    let mut subjects: BTreeSet<Vec<u8>> = persons.iter().cloned().collect();
    let aliases = tx.query("SELECT person_id FROM person_alias WHERE target = ANY($1)", &[&persons]).await?;
    subjects.extend(aliases.iter().map(|row| row.get::<_, Vec<u8>>(0)));
    let subjects: Vec<&[u8]> = subjects.iter().map(Vec::as_slice).collect();
    let slots = tx.vault().shred(tx, &subjects).await?;
    let ids: Vec<[u8; 16]> = held.iter().map(|decision| decision.id.to_bytes()).collect();
    let encoded = held.iter().zip(&ids).map(|(decision, id)| {
        let person = decision.person.map(PersonId::to_bytes);
        (id.as_slice(), person, codec::encode(decision))
    });
    let sealed = bodies(tx, &encoded.collect::<Vec<_>>()).await?;
    let ids: Vec<&[u8]> = ids.iter().map(|id| id.as_slice()).collect();
    let sql = "UPDATE decision AS d SET body = new.body FROM unnest($1::bytea[], $2::bytea[]) AS new (id, body) \
               WHERE d.id = new.id";
    tx.execute(sql, &[&ids, &sealed]).await?;
    Ok(slots)
}
