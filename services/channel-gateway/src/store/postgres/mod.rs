//! The gateway's store over Postgres.
//!
//! Batches are single statements over arrays. Whoever locks several rows does so in the order of their keys, and counters
//! come last, so that no two transactions wait for each other.

mod inbox;
mod leads;
mod outbox;
mod seal;

use std::collections::BTreeMap;

use attune_storage::{Postgres, StorageError, Transaction};

use crate::error::Error;

/// The store.
pub(super) struct Relational {
    postgres: Postgres,
}

impl Relational {
    pub(super) const fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

/// What a transaction adds to the counters, by kind and name.
#[derive(Default)]
struct Counted(BTreeMap<(&'static str, String), i64>);

impl Counted {
    fn add(&mut self, kind: &'static str, name: &str, by: i64) {
        *self.0.entry((kind, name.to_owned())).or_default() += by;
    }

    /// Writes the sums; the last statement of a transaction.
    async fn write(self, tx: &Transaction<'_, '_>) -> Result<(), StorageError> {
        let changed: Vec<_> = self.0.into_iter().filter(|(_, by)| *by != 0).collect();
        if changed.is_empty() {
            return Ok(());
        }
        let kinds: Vec<&str> = changed.iter().map(|((kind, _), _)| *kind).collect();
        let names: Vec<&str> = changed.iter().map(|((_, name), _)| name.as_str()).collect();
        let by: Vec<i64> = changed.iter().map(|(_, by)| *by).collect();
        let sql = "
            INSERT INTO counter AS c (kind, name, shard, value)
            SELECT kind, name, pg_backend_pid() % 16, by FROM unnest($1::text[], $2::text[], $3::bigint[]) AS g(kind, name, by)
            ORDER BY kind, name
            ON CONFLICT (kind, name, shard) DO UPDATE SET value = c.value + excluded.value";
        tx.execute(sql, &[&kinds, &names, &by]).await?;
        Ok(())
    }
}

/// A count that is never negative, as an unsigned number.
fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// A limit as Postgres takes it.
fn limit(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Storage(error.into())
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Secret;
    use attune_storage::{PostgresConfig, migrate};

    use super::*;
    use crate::store::{Store, conformance};

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_conformance_suite() {
        let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
            return;
        };
        let schema = format!("channel_test_{:016x}", attune_service_kit::clock::IdSource::random().seed());
        let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
        let postgres = Postgres::connect(config).await.unwrap();
        migrate(&postgres, crate::MIGRATIONS).await.unwrap();
        let store = std::sync::Arc::new(Relational::new(postgres.clone()));
        conformance::run(Store { inbox: store.clone(), outbox: store.clone(), leads: store }).await;
        postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }

    /// What was stored before the tables were sealed is read, and sealed or made anonymous, like anything else.
    #[tokio::test(flavor = "multi_thread")]
    async fn rows_from_before_sealing_stay_readable_and_can_be_erased() {
        let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
            return;
        };
        let schema = format!("channel_test_{:016x}", attune_service_kit::clock::IdSource::random().seed());
        let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
        let postgres = Postgres::connect(config).await.unwrap();
        migrate(&postgres, &crate::MIGRATIONS[..3]).await.unwrap();
        let old = conformance::of_before();
        let client = postgres.client().await.unwrap();
        let (delivery, lead) = (serde_json::to_vec(&old.delivery).unwrap(), serde_json::to_vec(&old.lead).unwrap());
        let sql = "INSERT INTO delivery (delivery_id, request_id, person_id, state, due_micros, record) \
                   VALUES ('d', $1, $2, 'QUEUED', 0, $3)";
        let request = &old.delivery.request;
        client.execute(sql, &[&request.request_id, &request.person_id, &delivery]).await.unwrap();
        let sql = "INSERT INTO lead (lead_id, channel, revision, record) VALUES ('l', 'c', 1, $1)";
        client.execute(sql, &[&lead]).await.unwrap();
        let sql = "WITH known AS (INSERT INTO known_event VALUES ('e', 1)) \
                   INSERT INTO inbox (event_id, received_micros, body) VALUES ('e', 1, '\\x1234')";
        client.batch_execute(sql).await.unwrap();
        migrate(&postgres, crate::MIGRATIONS).await.unwrap();
        let store = std::sync::Arc::new(Relational::new(postgres.clone()));
        conformance::reads_what_is_from_before(
            Store { inbox: store.clone(), outbox: store.clone(), leads: store },
            old,
        )
        .await;
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }
}
