//! The pool of one schema.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio_postgres::{IsolationLevel, NoTls};

use super::client::{Client, Notes, Transaction};
use super::config::PostgresConfig;
use crate::error::StorageError;
use crate::signal::Signals;
use crate::vault::{MasterKey, PgVault};

/// Further attempts of a transaction that lost against a concurrent one.
const RETRIES: usize = 8;

/// A pool of connections whose search path is one schema; a cheap handle.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    pool: Pool,
    config: PostgresConfig,
    signals: Signals,
    vault: PgVault,
}

impl Postgres {
    /// Makes the pool and one connection, to learn early when Postgres is away.
    ///
    /// # Errors
    /// [`StorageError::Config`] naming every broken field; [`StorageError::Unavailable`] when Postgres does not answer.
    pub async fn connect(config: PostgresConfig) -> Result<Self, StorageError> {
        let postgres = Self::lazy(config)?;
        postgres.client().await?;
        Ok(postgres)
    }

    /// Makes the pool without a connection, for a process that starts before its database does.
    ///
    /// # Errors
    /// [`StorageError::Config`] naming every broken field.
    pub fn lazy(config: PostgresConfig) -> Result<Self, StorageError> {
        StorageError::from_violations(&config.violations())?;
        let mut driver: tokio_postgres::Config =
            config.url.expose().parse().map_err(|_| StorageError::Config("url: is not a postgres url".to_owned()))?;
        driver.connect_timeout(config.connect_timeout);
        // A peer that vanished without a word is noticed in about 25 s instead of two hours.
        driver.keepalives_idle(Duration::from_secs(10));
        driver.keepalives_interval(Duration::from_secs(5));
        driver.keepalives_retries(3);
        if driver.get_application_name().is_none() {
            driver.application_name(format!("attune-{}", config.schema));
        }
        // TLS is another connector in this one place. Fast recycling looks at the connection without a round trip; a
        // connection that broke unseen costs one retry of BEGIN in `transact`.
        let manager = Manager::from_config(driver, NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
        let session = session_settings(&config);
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(config.connect_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .post_create(Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
                let session = session.clone();
                Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
            }))
            .build()
            .map_err(|error| StorageError::Config(error.to_string()))?;
        let former: Vec<&str> = config.former_vault_keys.iter().map(|key| key.expose()).collect();
        let vault = PgVault::new(MasterKey::new(config.vault_key.expose(), &former));
        Ok(Self(Arc::new(Inner { pool, config, signals: Signals::default(), vault })))
    }

    /// The schema this pool is bound to.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.0.config.schema
    }

    /// The keys of the persons of this schema, which must contain
    /// [`vault::MIGRATION_SQL`](crate::vault::MIGRATION_SQL).
    #[must_use]
    pub fn vault(&self) -> &PgVault {
        &self.0.vault
    }

    /// A connection, for reads and single statements.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when none is free or made in time.
    pub async fn client(&self) -> Result<Client, StorageError> {
        Ok(Client { inner: self.0.pool.get().await? })
    }

    /// A connection that never returns to the pool: it is closed, and its session's locks are released, on drop.
    pub(super) async fn dedicated(&self) -> Result<deadpool_postgres::ClientWrapper, StorageError> {
        Ok(deadpool_postgres::Object::take(self.0.pool.get().await?))
    }

    pub(super) fn config(&self) -> &PostgresConfig {
        &self.0.config
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.0.signals
    }

    /// Runs `work` in a transaction at READ COMMITTED and commits when it answers `Ok`.
    ///
    /// After a serialization failure or a deadlock the whole closure runs again in a new transaction, up to nine times
    /// with growing, jittered pauses, so it has no effect outside the transaction that must not be repeated.
    ///
    /// ```no_run
    /// # use attune_storage::{Postgres, StorageError};
    /// # async fn touch(postgres: &Postgres, id: &str) -> Result<u64, StorageError> {
    /// postgres
    ///     .transact(|tx| {
    ///         Box::pin(async move { tx.execute("UPDATE person SET seen = seen + 1 WHERE id = $1", &[&id]).await })
    ///     })
    ///     .await
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the closure answers, after a rollback; the error of a statement that failed although the closure answered `Ok`
    /// (a failed statement ends the transaction, use `ON CONFLICT` or a savepoint); [`StorageError::Conflict`] when the attempts are used up;
    /// [`StorageError::Unavailable`] when Postgres does not answer. When the connection breaks during COMMIT the outcome
    /// is unknown and the answer is [`StorageError::Unavailable`]: idempotency keys make the repeat harmless.
    pub async fn transact<'env, R, E, F>(&self, work: F) -> Result<R, E>
    where
        F: for<'t> Fn(&'t Transaction<'t, 'env>) -> BoxFuture<'t, Result<R, E>> + Send + Sync,
        R: Send,
        E: From<StorageError> + Send,
    {
        self.transact_at(IsolationLevel::ReadCommitted, work).await
    }

    /// [`transact`](Self::transact) at another isolation level.
    ///
    /// # Errors
    /// As [`transact`](Self::transact).
    pub async fn transact_at<'env, R, E, F>(&self, isolation: IsolationLevel, work: F) -> Result<R, E>
    where
        F: for<'t> Fn(&'t Transaction<'t, 'env>) -> BoxFuture<'t, Result<R, E>> + Send + Sync,
        R: Send,
        E: From<StorageError> + Send,
    {
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(4))
            .with_max_delay(Duration::from_millis(250))
            .with_max_times(RETRIES)
            .with_jitter()
            .build();
        loop {
            let failed = match self.attempt(isolation, &work).await {
                Attempt::Done(answer) => return answer,
                Attempt::Again(error) => error,
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failed),
            }
        }
    }

    async fn attempt<'env, R, E, F>(&self, isolation: IsolationLevel, work: &F) -> Attempt<R, E>
    where
        F: for<'t> Fn(&'t Transaction<'t, 'env>) -> BoxFuture<'t, Result<R, E>> + Send + Sync,
        R: Send,
        E: From<StorageError> + Send,
    {
        let mut client = match self.client().await {
            Ok(client) => client.inner,
            Err(error) => return Attempt::Done(Err(error.into())),
        };
        let inner = match client.build_transaction().isolation_level(isolation).start().await {
            Ok(inner) => inner,
            // Nothing ran yet, so a connection that broke while it lay in the pool is simply replaced.
            Err(error) => return Attempt::Again(StorageError::from(error).into()),
        };
        let tx =
            Transaction { inner, notes: Mutex::new(Notes::default()), vault: self.0.vault.clone(), env: PhantomData };
        let answer = work(&tx).await;
        let Transaction { inner, notes, .. } = tx;
        let notes = notes.into_inner();
        // An answer made in spite of a failed statement does not count: Postgres would turn COMMIT into a rollback without
        // saying so.
        let answer = match (answer, &notes.failed) {
            (Ok(_), Some(failed)) => Err(failed.clone().into()),
            (answer, _) => answer,
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // When the rollback fails the connection is broken, which rolls back as well.
                let _ = inner.rollback().await;
                let conflict = matches!(notes.failed, Some(StorageError::Conflict(_)));
                return if conflict { Attempt::Again(error) } else { Attempt::Done(Err(error)) };
            }
        };
        match inner.commit().await.map_err(StorageError::from) {
            Ok(()) => {
                for name in &notes.wakes {
                    self.0.signals.notify(name);
                }
                Attempt::Done(Ok(answer))
            }
            Err(error @ StorageError::Conflict(_)) => Attempt::Again(error.into()),
            Err(error) => Attempt::Done(Err(error.into())),
        }
    }
}

/// How one attempt of a transaction ended.
enum Attempt<R, E> {
    /// With an answer for the caller.
    Done(Result<R, E>),
    /// With an error that another attempt may not meet.
    Again(E),
}

/// What every new connection is told first.
fn session_settings(config: &PostgresConfig) -> String {
    format!(
        "SET search_path TO {}; SET statement_timeout TO {}; SET lock_timeout TO {}; \
         SET idle_in_transaction_session_timeout TO '60s'",
        config.schema,
        config.statement_timeout.as_millis(),
        config.lock_timeout.as_millis(),
    )
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.0.config.schema).finish()
    }
}
