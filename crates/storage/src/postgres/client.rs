//! Connections and transactions that speak [`StorageError`].

use std::marker::PhantomData;

use futures::TryStreamExt;
use parking_lot::Mutex;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::StorageError;
use crate::vault::PgVault;

/// A connection of the pool outside a transaction: each statement commits by itself.
pub struct Client {
    pub(super) inner: deadpool_postgres::Object,
}

/// An open transaction. `'env` is what the closure given to [`transact`](super::Postgres::transact) may borrow.
pub struct Transaction<'t, 'env: 't> {
    pub(super) inner: deadpool_postgres::Transaction<'t>,
    pub(super) notes: Mutex<Notes>,
    pub(super) vault: PgVault,
    pub(super) env: PhantomData<&'env ()>,
}

/// What is remembered about a transaction until it ends.
#[derive(Default)]
pub(super) struct Notes {
    /// The first error of a statement, after which Postgres turns COMMIT into a rollback.
    pub(super) failed: Option<StorageError>,
    /// Signals to give once it is committed.
    pub(super) wakes: Vec<String>,
}

impl Client {
    fn checked<T>(&self, result: Result<T, tokio_postgres::Error>) -> Result<T, StorageError> {
        result.map_err(StorageError::from)
    }

    /// The driver's client, for what has no method here (`COPY`, notifications).
    #[must_use]
    pub fn raw(&self) -> &tokio_postgres::Client {
        &self.inner
    }
}

impl<'t> Transaction<'t, '_> {
    fn checked<T>(&self, result: Result<T, tokio_postgres::Error>) -> Result<T, StorageError> {
        result.map_err(|error| {
            let error = StorageError::from(error);
            self.notes.lock().failed.get_or_insert_with(|| error.clone());
            error
        })
    }

    /// The driver's transaction, for what has no method here (`COPY`, savepoints). Conflicts met through it are not
    /// retried.
    #[must_use]
    pub fn raw(&self) -> &deadpool_postgres::Transaction<'t> {
        &self.inner
    }

    /// The keys of the persons of this schema.
    #[must_use]
    pub const fn vault(&self) -> &PgVault {
        &self.vault
    }

    /// Gives a signal of this process once the transaction is committed.
    pub(crate) fn wake_on_commit(&self, name: String) {
        self.notes.lock().wakes.push(name);
    }
}

macro_rules! statements {
    ($($owner:tt)*) => {
        impl $($owner)* {
            /// All rows of a statement, which is prepared once a connection.
            ///
            /// # Errors
            /// What Postgres answers, as [`StorageError`].
            pub async fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StorageError> {
                let statement = self.checked(self.inner.prepare_cached(sql).await)?;
                self.checked(self.inner.query(&statement, values).await)
            }

            /// The first row of a statement, if there is one.
            ///
            /// # Errors
            /// What Postgres answers, as [`StorageError`].
            pub async fn query_opt(
                &self,
                sql: &str,
                values: &[&(dyn ToSql + Sync)],
            ) -> Result<Option<Row>, StorageError> {
                Ok(self.query(sql, values).await?.into_iter().next())
            }

            /// The first row of a statement that always has one.
            ///
            /// # Errors
            /// [`StorageError::Internal`] when there is none, otherwise what Postgres answers.
            pub async fn query_one(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Row, StorageError> {
                let none = || StorageError::Internal("a statement that must answer a row answered none".to_owned());
                self.query_opt(sql, values).await?.ok_or_else(none)
            }

            /// Runs a statement and answers how many rows it touched.
            ///
            /// # Errors
            /// What Postgres answers, as [`StorageError`].
            pub async fn execute(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<u64, StorageError> {
                let statement = self.checked(self.inner.prepare_cached(sql).await)?;
                self.checked(self.inner.execute(&statement, values).await)
            }

            /// Calls `visit` with each row as it arrives; for results too large to hold.
            ///
            /// # Errors
            /// What Postgres or `visit` answers.
            pub async fn for_each<F>(
                &self,
                sql: &str,
                values: &[&(dyn ToSql + Sync)],
                mut visit: F,
            ) -> Result<(), StorageError>
            where
                F: FnMut(Row) -> Result<(), StorageError> + Send,
            {
                let statement = self.checked(self.inner.prepare_cached(sql).await)?;
                let rows = self.checked(self.inner.query_raw(&statement, values.iter().copied()).await)?;
                let mut rows = std::pin::pin!(rows);
                while let Some(row) = self.checked(rows.try_next().await)? {
                    visit(row)?;
                }
                Ok(())
            }

            /// Runs several statements without values, separated by semicolons.
            ///
            /// # Errors
            /// What Postgres answers, as [`StorageError`].
            pub async fn batch_execute(&self, sql: &str) -> Result<(), StorageError> {
                self.checked(self.inner.batch_execute(sql).await)
            }
        }
    };
}

statements!(Client);
statements!(Transaction<'_, '_>);
