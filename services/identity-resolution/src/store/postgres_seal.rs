//! Sealing in Postgres: persons with their keys, audit entries with that of the first person they are about.

use attune_kernel::PersonId;
use attune_storage::vault::{Ask, PgVault, Plain, Sealed};
use attune_storage::{StorageError, Transaction};

use super::record;
use super::sealed_for;
use crate::domain::Entry;

/// Names of the tables in what is bound to a sealed value.
const PERSON: &str = "person";
const AUDIT: &str = "audit";

/// Records of persons, opened; an error where the key was destroyed between two statements.
pub(super) async fn persons(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(PersonId, &[u8])],
) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
    let ids: Vec<[u8; 16]> = stored.iter().map(|(id, _)| id.to_bytes()).collect();
    let rows: Vec<Sealed<'_>> = ids.iter().zip(stored).map(|(row, (_, value))| Sealed { row, value }).collect();
    vault.open_rows(from, PERSON, &rows).await
}

/// Records of persons, sealed.
pub(super) async fn sealed_persons(
    tx: &Transaction<'_, '_>,
    records: &[(PersonId, Vec<u8>)],
) -> Result<Vec<Vec<u8>>, StorageError> {
    let ids: Vec<[u8; 16]> = records.iter().map(|(id, _)| id.to_bytes()).collect();
    let rows = ids.iter().zip(records).map(|(id, (_, value))| Plain { subject: id, row: id, value });
    tx.vault().seal_rows(tx, PERSON, &rows.collect::<Vec<_>>()).await
}

/// Entries of the audit trail, sealed. Bound to the time: the number does not exist yet.
pub(super) async fn sealed_entries(tx: &Transaction<'_, '_>, entries: &[Entry]) -> Result<Vec<Vec<u8>>, StorageError> {
    let subjects: Vec<[u8; 16]> = entries.iter().map(sealed_for).collect();
    let times: Vec<[u8; 8]> = entries.iter().map(|entry| entry.time.as_micros().to_be_bytes()).collect();
    let values: Vec<Vec<u8>> = entries.iter().map(record::encode_entry).collect();
    let rows = subjects.iter().zip(&times).zip(&values).map(|((subject, row), value)| Plain { subject, row, value });
    tx.vault().seal_rows(tx, AUDIT, &rows.collect::<Vec<_>>()).await
}

/// Entries by time; those whose key was destroyed are none.
pub(super) async fn entries(
    vault: &PgVault,
    from: &impl Ask,
    stored: &[(i64, &[u8])],
) -> Result<Vec<Option<Entry>>, StorageError> {
    let times: Vec<[u8; 8]> = stored.iter().map(|(time, _)| time.to_be_bytes()).collect();
    let rows: Vec<Sealed<'_>> = times.iter().zip(stored).map(|(row, (_, value))| Sealed { row, value }).collect();
    let opened = vault.open_rows(from, AUDIT, &rows).await?;
    opened.into_iter().map(|value| value.map(|value| record::decode_entry(&value)).transpose()).collect()
}

/// Gives subjects new keys and seals anew what lies under them, so that old copies of what is gone are unreadable. Answers
/// the destroyed slots.
pub(super) async fn renew(tx: &Transaction<'_, '_>, subjects: &[Vec<u8>]) -> Result<Vec<u64>, StorageError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "SELECT person_id, record FROM person WHERE person_id = ANY($1) AND record IS NOT NULL \
               ORDER BY person_id FOR UPDATE";
    let rows = tx.query(sql, &[&subjects]).await?;
    let stored = rows.iter().map(|row| Ok((record::person_id(row.try_get(0)?)?, row.try_get(1)?)));
    let stored = stored.collect::<Result<Vec<_>, StorageError>>()?;
    let opened = persons(tx.vault(), tx, &stored).await?;
    let held = stored.iter().zip(opened).filter_map(|((id, _), value)| Some((*id, value?)));
    let held: Vec<(PersonId, Vec<u8>)> = held.collect();
    let sql = "SELECT audit_id, time_micros, record FROM audit WHERE audit_id IN \
               (SELECT audit_id FROM audit_subject WHERE subject = ANY($1))";
    let rows = tx.query(sql, &[&subjects]).await?;
    let stored = rows.iter().map(|row| Ok((row.try_get(1)?, row.try_get(2)?)));
    let stored = stored.collect::<Result<Vec<_>, StorageError>>()?;
    let (mut numbers, mut kept) = (Vec::new(), Vec::new());
    for (row, entry) in rows.iter().zip(entries(tx.vault(), tx, &stored).await?) {
        if let Some(entry) = entry.filter(|entry| subjects.iter().any(|one| *one == sealed_for(entry))) {
            numbers.push(row.try_get::<_, i64>(0)?);
            kept.push(entry);
        }
    }
    let listed: Vec<&[u8]> = subjects.iter().map(Vec::as_slice).collect();
    let slots = tx.vault().shred(tx, &listed).await?;
    let ids: Vec<Vec<u8>> = held.iter().map(|(id, _)| id.to_bytes().to_vec()).collect();
    let sealed = sealed_persons(tx, &held).await?;
    let sql = "UPDATE person p SET record = n.record FROM unnest($1::bytea[], $2::bytea[]) n (id, record) \
               WHERE p.person_id = n.id";
    tx.execute(sql, &[&ids, &sealed]).await?;
    let sealed = sealed_entries(tx, &kept).await?;
    let sql = "UPDATE audit a SET record = n.record FROM unnest($1::bigint[], $2::bytea[]) n (id, record) \
               WHERE a.audit_id = n.id";
    tx.execute(sql, &[&numbers, &sealed]).await?;
    Ok(slots)
}

/// Destroys the keys of subjects.
pub(super) async fn shred(tx: &Transaction<'_, '_>, subjects: &[Vec<u8>]) -> Result<Vec<u64>, StorageError> {
    let listed: Vec<&[u8]> = subjects.iter().map(Vec::as_slice).collect();
    tx.vault().shred(tx, &listed).await
}
