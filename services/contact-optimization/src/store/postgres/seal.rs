//! What callers name a contact, its decision and its reservation is sealed with the key of its person.

use std::collections::BTreeSet;

use attune_storage::vault::{Ask, PgVault, Plain, Sealed};
use attune_storage::{StorageError, Transaction};
use tokio_postgres::Row;

use super::super::hashed;
use crate::domain::contact::Contact;

/// The table in what is bound to a sealed value.
const TABLE: &str = "contact";

/// The names of a contact.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// The contact's id.
    pub(super) contact: String,
    /// The decision's.
    pub(super) decision: String,
    /// The reservation's.
    pub(super) reservation: String,
}

/// Each text behind its length: four bytes, big-endian.
fn encode(texts: [&str; 3]) -> Vec<u8> {
    let part = |text: &str| {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes();
        [length.as_slice(), text.as_bytes()].concat()
    };
    texts.map(part).concat()
}

fn decode(bytes: &[u8]) -> Result<Names, StorageError> {
    let corrupt = || StorageError::Corrupt("names of a contact".to_owned());
    let mut rest = bytes;
    let mut text = || {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| corrupt())?;
        let (text, behind) = behind.split_at_checked(length).ok_or_else(corrupt)?;
        rest = behind;
        String::from_utf8(text.to_vec()).map_err(|_| corrupt())
    };
    Ok(Names { contact: text()?, decision: text()?, reservation: text()? })
}

/// The names of contacts, sealed for these persons; each with the hash of its id.
pub(super) async fn names(
    tx: &Transaction<'_, '_>,
    contacts: &[Contact],
    persons: &[String],
) -> Result<(Vec<String>, Vec<Vec<u8>>), StorageError> {
    let ids: Vec<String> = contacts.iter().map(|one| hashed(&one.contact_id)).collect();
    let values: Vec<Vec<u8>> =
        contacts.iter().map(|one| encode([&one.contact_id, &one.decision_id, &one.reservation_id])).collect();
    let plain = ids.iter().zip(&values).zip(persons);
    let plain = plain.map(|((id, value), person)| Plain { subject: person.as_bytes(), row: id.as_bytes(), value });
    let sealed = tx.vault().seal_rows(tx, TABLE, &plain.collect::<Vec<_>>()).await?;
    Ok((ids, sealed))
}

/// The names of rows that hold the hash of the id at `id` and what is sealed at `sealed`, in their order; `None` where
/// the key was destroyed.
pub(super) async fn read(
    vault: &PgVault,
    from: &impl Ask,
    rows: &[Row],
    (id, sealed): (&str, &str),
) -> Result<Vec<Option<Names>>, StorageError> {
    let stored = rows.iter().map(|row| {
        let (row, value): (&str, &[u8]) = (row.try_get(id)?, row.try_get(sealed)?);
        Ok(Sealed { row: row.as_bytes(), value })
    });
    let opened = vault.open_rows(from, TABLE, &stored.collect::<Result<Vec<_>, StorageError>>()?).await?;
    opened.into_iter().map(|value| value.map(|value| decode(&value)).transpose()).collect()
}

/// Gives these persons new keys and seals what is theirs anew, so that neither reads copies of what is the other's. `ids`
/// are further ids whose keys end. Answers the destroyed slots.
pub(super) async fn renew(
    tx: &Transaction<'_, '_>,
    persons: [&str; 2],
    ids: &[String],
) -> Result<Vec<u64>, StorageError> {
    let sql = "SELECT person_id, contact_id, sealed FROM contact WHERE person_id = ANY($1) \
               ORDER BY person_id, contact_id FOR UPDATE";
    let rows = tx.query(sql, &[&persons.as_slice()]).await?;
    let held = read(tx.vault(), tx, &rows, ("contact_id", "sealed")).await?;
    let gone: BTreeSet<&[u8]> = persons.into_iter().chain(ids.iter().map(String::as_str)).map(str::as_bytes).collect();
    let slots = tx.vault().shred(tx, &gone.into_iter().collect::<Vec<_>>()).await?;
    let (mut owners, mut hashes, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (row, names) in rows.iter().zip(held) {
        let Some(names) = names else { continue };
        owners.push(row.try_get::<_, String>(0)?);
        hashes.push(row.try_get::<_, String>(1)?);
        values.push(encode([&names.contact, &names.decision, &names.reservation]));
    }
    let plain = owners.iter().zip(&hashes).zip(&values);
    let plain = plain.map(|((owner, row), value)| Plain { subject: owner.as_bytes(), row: row.as_bytes(), value });
    let sealed = tx.vault().seal_rows(tx, TABLE, &plain.collect::<Vec<_>>()).await?;
    let sql = "UPDATE contact AS c SET sealed = new.sealed FROM unnest($1::text[], $2::text[], $3::bytea[]) \
               AS new (person, id, sealed) WHERE c.person_id = new.person AND c.contact_id = new.id";
    tx.execute(sql, &[&owners, &hashes, &sealed]).await?;
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_torn_ones_are_refused() {
        let bytes = encode(["a contact", "", "r\u{e9}"]);
        let names = decode(&bytes).unwrap();
        assert_eq!(
            (names.contact.as_str(), names.decision.as_str(), names.reservation.as_str()),
            ("a contact", "", "r\u{e9}")
        );
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
    }
}
