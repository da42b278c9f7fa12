//! Sealing in Postgres: records, reviews and relations have a key each, because whom they concern changes.

use attune_kernel::Timestamp;
use attune_storage::postgres::Row;
use attune_storage::vault::{Ask, PgVault, Plain, Sealed};
use attune_storage::{StorageError, Transaction};

use super::embedded::sealed_for;
use super::{Comparable, codec};
use crate::domain::matching::{AttributeRecord, RecordKey, Relation, Review};

/// What is sealed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A record, in two columns.
    Record,
    /// A review.
    Review,
    /// A relation.
    Relation,
}

impl Kind {
    /// The table, as it is bound to the values.
    const fn table(self) -> &'static str {
        match self {
            Self::Record => "attribute_record",
            Self::Review => "review",
            Self::Relation => "relation",
        }
    }

    fn subject(self, id: [u8; 16]) -> Vec<u8> {
        let kind = match self {
            Self::Record => b'v',
            Self::Review => b'w',
            Self::Relation => b'r',
        };
        sealed_for(kind, id)
    }
}

/// The row to which the comparable form of a record is bound; the rest of it is bound to the key alone.
fn prepared_row(key: &[u8]) -> Vec<u8> {
    [key, b"prepared".as_slice()].concat()
}

fn id16(bytes: &[u8]) -> Result<[u8; 16], StorageError> {
    bytes.try_into().map_err(|_| StorageError::Corrupt("a key does not have 16 bytes".to_owned()))
}

/// Records as they are stored: the comparable forms, and the rest.
pub(super) async fn records(
    tx: &Transaction<'_, '_>,
    records: &[&AttributeRecord],
) -> Result<(Vec<Vec<u8>>, Vec<Vec<u8>>), StorageError> {
    let kind = Kind::Record;
    let subjects: Vec<Vec<u8>> = records.iter().map(|record| kind.subject(record.key.0)).collect();
    let places: Vec<Vec<u8>> = records.iter().map(|record| prepared_row(&record.key.0)).collect();
    let rests: Vec<Vec<u8>> = records.iter().map(|record| codec::encode_record(record)).collect();
    let prepared = records.iter().zip(&subjects).zip(&places);
    let prepared = prepared.map(|((record, subject), row)| Plain { subject, row, value: &record.prepared });
    let rest = records.iter().zip(&subjects).zip(&rests);
    let rest = rest.map(|((record, subject), value)| Plain { subject, row: &record.key.0, value });
    let mut sealed = tx.vault().seal_rows(tx, kind.table(), &prepared.chain(rest).collect::<Vec<_>>()).await?;
    let rest = sealed.split_off(records.len());
    Ok((sealed, rest))
}

/// A review or relation as it is stored.
pub(super) async fn one(
    tx: &Transaction<'_, '_>,
    kind: Kind,
    id: [u8; 16],
    value: &[u8],
) -> Result<Vec<u8>, StorageError> {
    let plain = Plain { subject: &kind.subject(id), row: &id, value };
    let mut sealed = tx.vault().seal_rows(tx, kind.table(), &[plain]).await?;
    sealed.pop().ok_or_else(|| StorageError::Internal("vault: a row is not sealed".to_owned()))
}

/// Values of rows, which hold a key at `key` and the value at `value`, in their order; `None` where the key was destroyed.
pub(super) async fn opened(
    vault: &PgVault,
    from: &impl Ask,
    kind: Kind,
    rows: &[Row],
    (key, value): (usize, usize),
) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
    let sealed = rows.iter().map(|row| Ok(Sealed { row: row.try_get(key)?, value: row.try_get(value)? }));
    vault.open_rows(from, kind.table(), &sealed.collect::<Result<Vec<_>, StorageError>>()?).await
}

/// Comparable forms of rows that hold a key at `key` and, from `at`, model, time and the sealed form.
pub(super) async fn comparables(
    vault: &PgVault,
    from: &impl Ask,
    rows: &[&Row],
    key: usize,
    at: usize,
) -> Result<Vec<(RecordKey, Comparable)>, StorageError> {
    let places = rows.iter().map(|row| Ok(prepared_row(row.try_get(key)?)));
    let places = places.collect::<Result<Vec<_>, StorageError>>()?;
    let sealed = rows.iter().zip(&places).map(|(row, place)| Ok(Sealed { row: place, value: row.try_get(at + 2)? }));
    let sealed = sealed.collect::<Result<Vec<_>, StorageError>>()?;
    let opened = vault.open_rows(from, Kind::Record.table(), &sealed).await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, prepared) in rows.iter().zip(opened) {
        let Some(prepared) = prepared else { continue };
        let model = row.try_get::<_, i64>(at)?.cast_unsigned();
        let event_time = Timestamp::from_micros(row.try_get(at + 1)?);
        found.push((codec::record_key(row.try_get(key)?)?, Comparable { model, event_time, prepared }));
    }
    Ok(found)
}

/// Records of rows `record_key, model, event_micros, prepared, record`.
pub(super) async fn to_records(
    vault: &PgVault,
    from: &impl Ask,
    rows: &[Row],
) -> Result<Vec<AttributeRecord>, StorageError> {
    let forms = comparables(vault, from, &rows.iter().collect::<Vec<_>>(), 0, 1).await?;
    let mut rests = Vec::with_capacity(rows.len());
    for (row, rest) in rows.iter().zip(opened(vault, from, Kind::Record, rows, (0, 4)).await?) {
        rests.push((codec::record_key(row.try_get(0)?)?, rest));
    }
    let mut forms = forms.into_iter().peekable();
    let mut found = Vec::with_capacity(rows.len());
    for (key, rest) in rests {
        // One key seals both, but an erasure may come between the two readings.
        let form = forms.next_if(|(of, _)| *of == key);
        if let (Some((_, form)), Some(rest)) = (form, rest) {
            found.push(codec::decode_record(key, form, &rest)?);
        }
    }
    Ok(found)
}

/// Reviews of rows `review_id, record`.
pub(super) async fn to_reviews(vault: &PgVault, from: &impl Ask, rows: &[Row]) -> Result<Vec<Review>, StorageError> {
    let opened = opened(vault, from, Kind::Review, rows, (0, 1)).await?;
    let there = rows.iter().zip(opened).filter_map(|(row, value)| Some((row, value?)));
    there.map(|(row, value)| codec::decode_review(row.try_get(0)?, &value)).collect()
}

/// Relations of rows `relation_id, record`.
pub(super) async fn to_relations(
    vault: &PgVault,
    from: &impl Ask,
    rows: &[Row],
) -> Result<Vec<Relation>, StorageError> {
    let opened = opened(vault, from, Kind::Relation, rows, (0, 1)).await?;
    let there = rows.iter().zip(opened).filter_map(|(row, value)| Some((row, value?)));
    there.map(|(row, value)| codec::decode_relation(row.try_get(0)?, &value)).collect()
}

/// Destroys the keys of what is gone, whose ids are the first column of the rows. Answers their slots.
pub(super) async fn shred(tx: &Transaction<'_, '_>, kind: Kind, rows: &[Row]) -> Result<Vec<u64>, StorageError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let subjects = rows.iter().map(|row| Ok(kind.subject(id16(row.try_get(0)?)?)));
    let subjects = subjects.collect::<Result<Vec<_>, StorageError>>()?;
    tx.vault().shred(tx, &subjects.iter().map(Vec::as_slice).collect::<Vec<_>>()).await
}
