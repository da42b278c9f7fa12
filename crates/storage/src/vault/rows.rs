//! Sealing and opening the rows of a statement at once.

use super::aead::Place;
use super::postgres::{Ask, PgVault};
use crate::error::StorageError;
use crate::postgres::Transaction;

/// A value to be sealed.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a> {
    /// Whose it is.
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

impl PgVault {
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
        let subjects: Vec<&[u8]> = rows.iter().map(|row| row.subject).collect();
        let keys = self.keys(tx, &subjects).await?;
        rows.iter().map(|row| keys.seal(row.subject, &Place { table, row: row.row }, row.value)).collect()
    }

    /// Opens values of a table, in their order; `None` for those whose key was destroyed.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when a value does not open in its place; what Postgres answers.
    pub async fn open_rows(
        &self,
        from: &impl Ask,
        table: &str,
        rows: &[Sealed<'_>],
    ) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
        let keys = self.unlock(from, rows.iter().map(|row| row.value).collect::<Vec<_>>()).await?;
        rows.iter().map(|row| keys.open(&Place { table, row: row.row }, row.value)).collect()
    }
}
