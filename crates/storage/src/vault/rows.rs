//! Sealing and opening the rows of a statement at once.

use super::aead::Place;
use super::postgres::{Ask, PgVault};
use crate::error::StorageError;
use crate::postgres::Transaction;

/// Stands before a value that is not sealed: of nobody, or from before its table was sealed.
const PLAIN: u8 = 0;

/// A value to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    /// Whose it is; empty for what says nothing of a person, which is stored as it is, behind a mark.
    pub subject: &'a [u8],
    /// The key of its row: what does not change while the row lives.
    pub row: &'a [u8],
    /// The value.
    pub value: &'a [u8],
}

/// A value to be opened.
#[derive(Debug, Clone, Copy)]
pub struct Sealed<'a> {
    /// The key of its row, as when it was sealed.
    pub row: &'a [u8],
    /// The sealed value.
    pub value: &'a [u8],
}

/// A column of sealed values.
#[derive(Debug, Clone, Copy)]
pub struct Column<'a> {
    /// The table.
    pub table: &'a str,
    /// The name to which its values are bound.
    pub bound: &'a str,
    /// The column of type `bytea` that holds the key of the row.
    pub row: &'a str,
    /// The column of sealed values.
    pub value: &'a str,
}

impl PgVault {
    /// Gives a subject a new key and seals anew what the columns hold of theirs; answers the destroyed slots. Old copies of
    /// rows that are gone are unreadable from then on. Reads the whole tables: for those that are short.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub async fn reseal(
        &self,
        tx: &Transaction<'_, '_>,
        subject: &[u8],
        columns: &[Column<'_>],
    ) -> Result<Vec<u64>, StorageError> {
        // Whoever seals for the subject meanwhile holds this row and is waited for; later ones wait for us.
        let sql = "SELECT slot FROM vault_subject WHERE subject = $1 FOR UPDATE";
        if tx.query_opt(sql, &[&subject]).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut held = Vec::with_capacity(columns.len());
        for Column { table, bound, row, value } in columns {
            let sql = format!("SELECT {row}, {value} FROM {table} ORDER BY {row} FOR UPDATE");
            let rows = tx.query(&sql, &[]).await?;
            let stored: Vec<Sealed<'_>> =
                rows.iter().map(|row| Sealed { row: row.get(0), value: row.get(1) }).collect();
            let opened = self.open_rows(tx, bound, &stored).await?;
            let there = rows.iter().zip(opened).filter_map(|(row, value)| Some((row.get(0), value?)));
            held.push(there.collect::<Vec<(Vec<u8>, Vec<u8>)>>());
        }
        let slots = self.shred(tx, &[subject]).await?;
        for (Column { table, bound, row, value }, there) in columns.iter().zip(held) {
            let plain: Vec<Plain<'_>> = there.iter().map(|(row, value)| Plain { subject, row, value }).collect();
            let sealed = self.seal_rows(tx, bound, &plain).await?;
            let keys: Vec<&[u8]> = there.iter().map(|(row, _)| row.as_slice()).collect();
            let sql = format!(
                "UPDATE {table} SET {value} = new.value FROM unnest($1::bytea[], $2::bytea[]) AS new (row, value) \
                 WHERE {table}.{row} = new.row"
            );
            tx.execute(&sql, &[&keys, &sealed]).await?;
        }
        Ok(slots)
    }

    /// Seals values of a table, in their order, each with the key of its subject; subjects without a key get one.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub async fn seal_rows(
        &self,
        tx: &Transaction<'_, '_>,
        table: &str,
        rows: &[Plain<'_>],
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        let subjects = rows.iter().map(|row| row.subject).filter(|subject| !subject.is_empty());
        let keys = self.keys(tx, &subjects.collect::<Vec<_>>()).await?;
        let stored = rows.iter().map(|row| match row.subject {
            [] => Ok([&[PLAIN], row.value].concat()),
            subject => keys.seal(subject, &Place { table, row: row.row }, row.value),
        });
        stored.collect()
    }

    /// Opens values of a table, in their order; `None` for those whose key was destroyed. Those that are not sealed are
    /// answered without their mark.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when a value does not open in its place; what Postgres answers.
    pub async fn open_rows(
        &self,
        from: &impl Ask,
        table: &str,
        rows: &[Sealed<'_>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let sealed = rows.iter().map(|row| row.value).filter(|value| value.first() != Some(&PLAIN));
        let keys = self.unlock(from, sealed.collect::<Vec<_>>()).await?;
        let values = rows.iter().map(|row| match row.value {
            [PLAIN, value @ ..] => Ok(Some(value.to_vec())),
            value => keys.open(&Place { table, row: row.row }, value),
        });
        values.collect()
    }
}
