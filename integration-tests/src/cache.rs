//! A Redis database of a test's own. What is in it can be lost at any time, so two tests in one do no harm.

/// Where tests find Redis.
pub const VARIABLE: &str = "ATTUNE_TEST_REDIS";
/// Logical databases of a Redis with default configuration; 0 is left to others.
const DATABASES: u8 = 16;

/// One logical database.
#[derive(Debug, Clone)]
pub struct Cache {
    /// Its URL.
    pub url: String,
}

impl Cache {
    /// One of the databases of the server that [`VARIABLE`] names; `None` without it.
    #[must_use]
    pub fn choose() -> Option<Self> {
        let server = std::env::var(VARIABLE).ok()?;
        let number = 1 + rand::random::<u8>() % (DATABASES - 1);
        Some(Self { url: format!("{}/{number}", server.trim_end_matches('/')) })
    }

    /// Loses everything in it.
    pub async fn flush(&self) {
        let mut connection = self.connect().await;
        redis::cmd("FLUSHDB").exec_async(&mut connection).await.expect("Redis flushes");
    }

    /// How many keys are in it.
    pub async fn keys(&self) -> u64 {
        let mut connection = self.connect().await;
        redis::cmd("DBSIZE").query_async(&mut connection).await.expect("Redis counts")
    }

    /// Every key with its value, as Redis dumps it.
    pub async fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let mut connection = self.connect().await;
        let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("the keys");
        let mut found = Vec::new();
        for key in keys {
            let dump: Option<Vec<u8>> =
                redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.expect("a dump");
            found.push((key, dump.unwrap_or_default()));
        }
        found
    }

    async fn connect(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url.as_str()).expect("a redis:// URL");
        client.get_multiplexed_async_connection().await.expect("Redis answers")
    }
}
