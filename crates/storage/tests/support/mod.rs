//! A schema of its own for each test, and the skip line when there is no Postgres.

use std::env;
use std::time::Duration;

use attune_kernel::Secret;
use attune_storage::{Postgres, PostgresConfig};

/// A fresh, empty schema name; its tables are dropped by [`TestSchema::drop_schema`].
pub(crate) struct TestSchema {
    pub(crate) config: PostgresConfig,
}

impl TestSchema {
    /// `None`, after a printed line, when `ATTUNE_TEST_POSTGRES` is not set.
    pub(crate) fn new(test: &str) -> Option<Self> {
        let Ok(url) = env::var("ATTUNE_TEST_POSTGRES") else {
            println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
            return None;
        };
        let schema = format!("storage_{test}_{:016x}", rand::random::<u64>());
        let config = PostgresConfig {
            url: Secret::new(url),
            schema,
            max_connections: 20,
            connect_timeout: Duration::from_secs(20),
            ..PostgresConfig::default()
        };
        Some(Self { config })
    }

    pub(crate) async fn connect(&self) -> Postgres {
        Postgres::connect(self.config.clone()).await.unwrap()
    }

    pub(crate) async fn drop_schema(self) {
        let postgres = self.connect().await;
        let sql = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.config.schema);
        postgres.client().await.unwrap().batch_execute(&sql).await.unwrap();
    }
}
