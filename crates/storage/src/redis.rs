//! Redis as a cache that may vanish at any moment.
//!
//! No method answers an error. When Redis is away, slow or emptied, reads miss, writes are dropped and counters answer
//! `None`; the caller reads the system of record instead. Every call is bounded by [`CacheConfig::timeout`], and after a
//! failure calls miss at once for a while, so that an absent Redis does not cost its timeout on every request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, Cmd, FromRedisValue, RedisError, cmd};
use attune_kernel::{PersonId, Secret, Violation};
use serde::{Deserialize, Serialize};

use crate::duration_text;
use crate::error::StorageError;

/// After a failure calls miss without asking Redis for this long.
const PAUSE: Duration = Duration::from_millis(250);

/// The counter and its expiry change together, and the expiry is set only by the increment that creates the counter:
/// a window does not slide.
const INCREMENT: &str = "
local value = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return value";

/// MSET knows no expiry.
const SET_ALL: &str = "
for index, key in ipairs(KEYS) do redis.call('SET', key, ARGV[index + 1], 'PX', ARGV[1]) end
return 'OK'";

/// Configuration of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// `redis://:password@host:port/database`. Empty, the default, means that there is no cache.
    pub url: Secret,
    /// Put before every key, with a colon. Default `attune`.
    pub prefix: String,
    /// Longest a call waits. Default `25ms`.
    #[serde(with = "duration_text")]
    pub timeout: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { url: Secret::default(), prefix: "attune".to_owned(), timeout: Duration::from_millis(25) }
    }
}

impl CacheConfig {
    /// Every problem at once, fields named relative to this section.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        if !self.url.is_empty() && Client::open(self.url.expose()).is_err() {
            out.push(Violation::new("url", "is not a redis url such as redis://:password@host:6379/0"));
        }
        if self.prefix.is_empty() {
            out.push(Violation::new("prefix", "is empty"));
        }
        if self.timeout.is_zero() {
            out.push(Violation::new("timeout", "must be positive"));
        }
        out
    }
}

/// What the cache did since the process began; for a service's metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheStats {
    /// Reads that found a value.
    pub hits: u64,
    /// Reads that Redis answered without a value.
    pub misses: u64,
    /// Calls that Redis did not answer, or not in time.
    pub failures: u64,
    /// Calls answered as a miss without asking Redis, because it had just failed.
    pub skipped: u64,
}

/// The cache; a cheap handle. [`Cache::none`] is one that holds nothing, so that callers need one type only.
#[derive(Clone)]
pub struct Cache(Option<Arc<Inner>>);

struct Inner {
    manager: ConnectionManager,
    prefix: String,
    timeout: Duration,
    start: Instant,
    /// Milliseconds since `start` until which calls are skipped.
    paused_until: AtomicU64,
    /// Milliseconds since `start`, plus one, of the last log line; zero before the first.
    logged: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    failures: AtomicU64,
    skipped: AtomicU64,
}

impl Cache {
    /// A cache that holds nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(None)
    }

    /// A cache in Redis, or none when no URL is set. Connects in the background; must be called within a runtime.
    ///
    /// # Errors
    /// [`StorageError::Config`] naming every broken field.
    pub fn connect(config: &CacheConfig) -> Result<Self, StorageError> {
        if config.url.is_empty() {
            return Ok(Self::none());
        }
        StorageError::from_violations(&config.violations())?;
        // The error's text may repeat the URL, which holds the password.
        let broken = |_: RedisError| StorageError::Config("url: cannot be used".to_owned());
        let client = Client::open(config.url.expose()).map_err(broken)?;
        let settings = ConnectionManagerConfig::new()
            .set_number_of_retries(1)
            .set_min_delay(Duration::from_millis(50))
            .set_max_delay(Duration::from_millis(500))
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_response_timeout(Some(config.timeout));
        let manager = ConnectionManager::new_lazy_with_config(client, settings).map_err(broken)?;
        Ok(Self(Some(Arc::new(Inner {
            manager,
            prefix: config.prefix.clone(),
            timeout: config.timeout,
            start: Instant::now(),
            paused_until: AtomicU64::new(0),
            logged: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        }))))
    }

    /// Whether there is a Redis behind it.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// A key about one person. All keys of a person lie on one node of a Redis Cluster, which hashes what stands in braces.
    #[must_use]
    pub fn person_key(space: &str, person: PersonId, name: &str) -> String {
        format!("{space}:{{{person}}}:{name}")
    }

    /// The value of a key, or `None`.
    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let inner = self.0.as_deref()?;
        let value: Option<Vec<u8>> = inner.ask(cmd("GET").arg(inner.name(key))).await?;
        inner.count(usize::from(value.is_some()), 1);
        value
    }

    /// The values of several keys, in their order; `None` for each that is missing. In a Redis Cluster the keys must
    /// share their braces.
    pub async fn mget(&self, keys: &[String]) -> Vec<Option<Vec<u8>>> {
        let miss = || vec![None; keys.len()];
        let Some(inner) = self.0.as_deref().filter(|_| !keys.is_empty()) else { return miss() };
        let mut command = cmd("MGET");
        for key in keys {
            command.arg(inner.name(key));
        }
        match inner.ask::<Vec<Option<Vec<u8>>>>(&command).await {
            Some(values) if values.len() == keys.len() => {
                inner.count(values.iter().flatten().count(), values.len());
                values
            }
            _ => miss(),
        }
    }

    /// Sets a key that expires after `ttl` (at least 1 ms). True when Redis has it.
    pub async fn set(&self, key: &str, value: &[u8], ttl: Duration) -> bool {
        let Some(inner) = self.0.as_deref() else { return false };
        let command = cmd("SET").arg(inner.name(key)).arg(value).arg("PX").arg(millis(ttl)).take();
        inner.ask::<()>(&command).await.is_some()
    }

    /// Sets several keys that expire after `ttl` (at least 1 ms), all or none. True when Redis has them. In a Redis Cluster
    /// the keys must share their braces.
    pub async fn set_all(&self, pairs: &[(String, Vec<u8>)], ttl: Duration) -> bool {
        let Some(inner) = self.0.as_deref() else { return false };
        if pairs.is_empty() {
            return true;
        }
        let mut command = cmd("EVAL");
        command.arg(SET_ALL).arg(pairs.len());
        for (key, _) in pairs {
            command.arg(inner.name(key));
        }
        command.arg(millis(ttl));
        for (_, value) in pairs {
            command.arg(value.as_slice());
        }
        inner.ask::<()>(&command).await.is_some()
    }

    /// Deletes keys. True when Redis confirmed it; otherwise they may live on until they expire, which is why values carry
    /// the revision they were made from.
    pub async fn delete(&self, keys: &[String]) -> bool {
        let Some(inner) = self.0.as_deref() else { return false };
        if keys.is_empty() {
            return true;
        }
        let mut command = cmd("UNLINK");
        for key in keys {
            command.arg(inner.name(key));
        }
        inner.ask::<i64>(&command).await.is_some()
    }

    /// Adds to a counter, which expires `ttl` after its first increment, and answers the sum. A counter that was lost
    /// starts again at zero, so it is a hint and never the proof that a limit holds.
    pub async fn increment(&self, key: &str, by: i64, ttl: Duration) -> Option<i64> {
        let inner = self.0.as_deref()?;
        // The text goes along each time: a digest would depend on a script cache that can vanish between two commands.
        let command = cmd("EVAL").arg(INCREMENT).arg(1).arg(inner.name(key)).arg(by).arg(millis(ttl)).take();
        inner.ask(&command).await
    }

    /// What the cache did so far.
    #[must_use]
    pub fn stats(&self) -> CacheStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        self.0.as_deref().map_or_else(CacheStats::default, |inner| CacheStats {
            hits: read(&inner.hits),
            misses: read(&inner.misses),
            failures: read(&inner.failures),
            skipped: read(&inner.skipped),
        })
    }
}

impl Inner {
    fn name(&self, key: &str) -> String {
        format!("{}:{key}", self.prefix)
    }

    /// `None` while Redis is left alone after a failure.
    fn admit(&self) -> Option<()> {
        if self.now() < self.paused_until.load(Ordering::Relaxed) {
            self.skipped.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(())
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Option<T> {
        self.admit()?;
        let mut manager = self.manager.clone();
        self.settle(tokio::time::timeout(self.timeout, command.query_async(&mut manager)).await)
    }

    /// Turns whatever went wrong into a miss.
    fn settle<T>(&self, outcome: Result<Result<T, RedisError>, tokio::time::error::Elapsed>) -> Option<T> {
        let (reason, answered) = match outcome {
            Ok(Ok(value)) => return Some(value),
            // Redis is there and refuses this one command; the next one may well succeed.
            Ok(Err(error)) => (error.category().to_owned(), matches!(error.code(), Some("ERR" | "WRONGTYPE"))),
            Err(_) => ("no answer in time".to_owned(), false),
        };
        let now = self.now();
        let pause = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        self.failures.fetch_add(1, Ordering::Relaxed);
        if !answered {
            self.paused_until.store(now.saturating_add(pause), Ordering::Relaxed);
        }
        let last = self.logged.load(Ordering::Relaxed);
        let due = last == 0 || now + 1 >= last + 1000;
        if due && self.logged.compare_exchange(last, now + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            tracing::debug!(reason, "redis does not answer, the cache misses");
        }
        None
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn count(&self, hits: usize, reads: usize) {
        let add = |counter: &AtomicU64, by: usize| {
            counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Ordering::Relaxed);
        };
        add(&self.hits, hits);
        add(&self.misses, reads - hits);
    }
}

fn millis(ttl: Duration) -> u64 {
    u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX.cast_unsigned() / 2)
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_some() { "Cache(redis)" } else { "Cache(none)" })
    }
}
