//! The vault of a schema in Postgres: keys wrapped by a master key, created and destroyed in the transactions of the rows.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::aead::{Place, Secret, open, random_secret, seal, slot_of};
use super::cache::Cache;
use crate::error::StorageError;
use crate::postgres::{Client, Postgres, Transaction};

/// The tables of the vault; a service lists it among its migrations.
pub const MIGRATION_SQL: &str = include_str!("migration.sql");

/// Keys held in memory: half of the most.
const CACHED: usize = 16_384;
/// How long another process may go on with a key that was destroyed.
const KEPT: Duration = Duration::from_secs(20);
/// Keys wrapped anew by one transaction.
const REWRAP: i64 = 1000;
const WRAPPED: &str = "vault_key";

/// Keys that wrap keys: the one in use and earlier ones, which are needed until everything was wrapped anew.
#[derive(Clone)]
pub struct MasterKey {
    current: (Vec<u8>, Secret),
    former: Vec<(Vec<u8>, Secret)>,
}

fn derived(text: &str) -> (Vec<u8>, Secret) {
    let mut secret = Secret::default();
    secret.copy_from_slice(&Sha256::digest(text.trim().as_bytes()));
    (Sha256::digest(&secret[..])[..8].to_vec(), secret)
}

impl MasterKey {
    /// Derives the keys from texts: what to wrap with, then what was wrapped with before. The texts come from a secret and
    /// have 32 random bytes or more, as of `openssl rand -base64 32`; they are hashed, not stretched.
    #[must_use]
    pub fn new(text: &str, former: &[&str]) -> Self {
        Self { current: derived(text), former: former.iter().map(|text| derived(text)).collect() }
    }

    fn by_id(&self, id: &[u8]) -> Option<&Secret> {
        std::iter::once(&self.current).chain(&self.former).find(|(known, _)| known == id).map(|(_, secret)| secret)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// A connection or a transaction, for reading keys.
#[async_trait]
pub trait Ask: Sync {
    /// The rows of a statement.
    ///
    /// # Errors
    /// What Postgres answers.
    async fn ask(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StorageError>;
}

#[async_trait]
impl Ask for Client {
    async fn ask(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StorageError> {
        self.query(sql, values).await
    }
}

#[async_trait]
impl Ask for Transaction<'_, '_> {
    async fn ask(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StorageError> {
        self.query(sql, values).await
    }
}

/// The vault; a cheap handle.
#[derive(Clone)]
pub struct PgVault(Arc<Inner>);

struct Inner {
    master: MasterKey,
    cache: Mutex<Cache<u64, (Secret, Instant)>>,
}

/// Keys at hand, for sealing and opening without waiting.
#[derive(Default)]
pub struct Keys {
    slots: HashMap<Vec<u8>, u64>,
    secrets: HashMap<u64, Secret>,
}

impl Keys {
    /// Seals a value with the key of a subject.
    ///
    /// # Errors
    /// [`StorageError::Internal`] when the subject was not among those asked for.
    pub fn seal(&self, subject: &[u8], place: &Place<'_>, value: &[u8]) -> Result<Vec<u8>, StorageError> {
        let known = self.slots.get(subject).and_then(|slot| Some((*slot, self.secrets.get(slot)?)));
        let (slot, secret) = known.ok_or_else(|| StorageError::Internal("vault: no key at hand".to_owned()))?;
        seal(secret, slot, place, value)
    }

    /// Opens a value; `None` when its key was destroyed.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when it does not open.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.secrets.get(&slot_of(sealed)?).map(|secret| open(secret, place, sealed)).transpose()
    }
}

impl PgVault {
    /// A vault with this master key.
    #[must_use]
    pub fn new(master: MasterKey) -> Self {
        Self(Arc::new(Inner { master, cache: Mutex::new(Cache::new(CACHED)) }))
    }

    /// The keys of subjects; those who have none get one, which exists if the transaction commits. Ask early in a
    /// transaction and for all at once: two transactions that meet new subjects take them in the same order.
    ///
    /// # Errors
    /// What Postgres answers; [`StorageError::Config`] when a key was wrapped by another master key.
    pub async fn keys(&self, tx: &Transaction<'_, '_>, subjects: &[&[u8]]) -> Result<Keys, StorageError> {
        let sorted: BTreeSet<&[u8]> = subjects.iter().copied().collect();
        let sorted: Vec<&[u8]> = sorted.into_iter().collect();
        if sorted.is_empty() {
            return Ok(Keys::default());
        }
        let select = "SELECT subject, slot FROM vault_subject WHERE subject = ANY($1) ORDER BY subject FOR SHARE";
        let mut keys = Keys::default();
        let enter = |keys: &mut Keys, rows: Vec<Row>| {
            keys.slots.extend(rows.iter().map(|row| (row.get(0), row.get::<_, i64>(1).cast_unsigned())));
        };
        enter(&mut keys, tx.query(select, &[&sorted]).await?);
        let missing: Vec<&[u8]> = sorted.iter().copied().filter(|one| !keys.slots.contains_key(*one)).collect();
        if !missing.is_empty() {
            let insert = "INSERT INTO vault_subject (subject, slot) SELECT given, nextval('vault_slot') \
                          FROM (SELECT given FROM unnest($1::bytea[]) WITH ORDINALITY AS t (given, place) ORDER BY place) AS sorted \
                          ON CONFLICT DO NOTHING RETURNING slot";
            let rows = tx.query(insert, &[&missing]).await?;
            let slots: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
            let mut wrapped = Vec::with_capacity(slots.len());
            for slot in &slots {
                wrapped.push(self.wrap(slot.cast_unsigned(), &random_secret()?)?);
            }
            let sql = "INSERT INTO vault_key (slot, master, wrapped) SELECT slot, $2, wrapped \
                       FROM unnest($1::bigint[], $3::bytea[]) AS given (slot, wrapped)";
            tx.execute(sql, &[&slots, &self.0.master.current.0, &wrapped]).await?;
            enter(&mut keys, tx.query(select, &[&missing]).await?);
        }
        let slots: Vec<u64> = keys.slots.values().copied().collect();
        // Keys of this transaction are not cached: it may yet be rolled back.
        self.load(tx, &mut keys, &slots, missing.is_empty()).await?;
        Ok(keys)
    }

    /// The keys that sealed these values; those that were destroyed are not among them.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub async fn unlock<'a>(
        &self,
        from: &impl Ask,
        sealed: impl IntoIterator<Item = &'a [u8]> + Send,
    ) -> Result<Keys, StorageError> {
        let slots = sealed.into_iter().map(slot_of).collect::<Result<BTreeSet<u64>, _>>()?;
        let mut keys = Keys::default();
        self.load(from, &mut keys, &slots.into_iter().collect::<Vec<_>>(), true).await?;
        Ok(keys)
    }

    async fn load(&self, from: &impl Ask, keys: &mut Keys, slots: &[u64], keep: bool) -> Result<(), StorageError> {
        let now = Instant::now();
        let mut missing: Vec<i64> = Vec::new();
        {
            let mut cache = self.0.cache.lock();
            for slot in slots {
                match cache.get(slot).filter(|(_, since)| now.duration_since(*since) < KEPT) {
                    Some((secret, _)) => drop(keys.secrets.insert(*slot, secret)),
                    None => missing.push(slot.cast_signed()),
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let rows = from.ask("SELECT slot, master, wrapped FROM vault_key WHERE slot = ANY($1)", &[&missing]).await?;
        for row in rows {
            let (slot, master, wrapped): (i64, &[u8], &[u8]) = (row.get(0), row.get(1), row.get(2));
            let slot = slot.cast_unsigned();
            let secret = self.unwrap(slot, master, wrapped)?;
            if keep {
                self.0.cache.lock().put(slot, (secret.clone(), now));
            }
            keys.secrets.insert(slot, secret);
        }
        Ok(())
    }

    /// Destroys the keys of subjects when the transaction commits, and answers their slots, for [`scrub`](Self::scrub).
    ///
    /// # Errors
    /// What Postgres answers.
    pub async fn shred(&self, tx: &Transaction<'_, '_>, subjects: &[&[u8]]) -> Result<Vec<u64>, StorageError> {
        let sorted: BTreeSet<&[u8]> = subjects.iter().copied().collect();
        let sorted: Vec<&[u8]> = sorted.into_iter().collect();
        let sql = "SELECT slot FROM vault_subject WHERE subject = ANY($1) ORDER BY subject FOR UPDATE";
        let slots: Vec<i64> = tx.query(sql, &[&sorted]).await?.iter().map(|row| row.get(0)).collect();
        if slots.is_empty() {
            return Ok(Vec::new());
        }
        tx.execute("DELETE FROM vault_subject WHERE subject = ANY($1)", &[&sorted]).await?;
        tx.execute("DELETE FROM vault_key WHERE slot = ANY($1)", &[&slots]).await?;
        let slots: Vec<u64> = slots.into_iter().map(i64::cast_unsigned).collect();
        let mut cache = self.0.cache.lock();
        slots.iter().for_each(|slot| cache.remove(slot));
        Ok(slots)
    }

    /// Rewrites the partitions in which keys were destroyed, so that their bytes leave the files. After the commit of
    /// [`shred`](Self::shred); what a crash leaves out, the next rewrite of the partition does.
    ///
    /// # Errors
    /// What Postgres answers.
    pub async fn scrub(&self, postgres: &Postgres, slots: &[u64]) -> Result<(), StorageError> {
        if slots.is_empty() {
            return Ok(());
        }
        {
            // A read between the destruction and its commit may have put a key back.
            let mut cache = self.0.cache.lock();
            slots.iter().for_each(|slot| cache.remove(slot));
        }
        let client = postgres.client().await?;
        // A table's remainder is the database's own hash of the slot.
        let sql = "SELECT DISTINCT child.relname FROM unnest($1::bigint[]) AS slot, pg_inherits AS tree \
                   JOIN pg_class AS child ON child.oid = tree.inhrelid \
                   WHERE tree.inhparent = 'vault_key'::regclass \
                   AND satisfies_hash_partition('vault_key'::regclass, 32, \
                       substring(child.relname FROM '[0-9]+$')::integer, slot)";
        let slots: Vec<i64> = slots.iter().map(|slot| slot.cast_signed()).collect();
        for row in client.query(sql, &[&slots]).await? {
            client.batch_execute(&format!("VACUUM FULL {}", row.get::<_, String>(0))).await?;
        }
        Ok(())
    }

    /// Wraps every key with the current master key that is wrapped by a former one, and answers how many. When none is
    /// left, the former ones can be thrown away; with them goes what old logs and backups say of destroyed keys.
    ///
    /// # Errors
    /// As [`keys`](Self::keys).
    pub async fn rewrap(&self, postgres: &Postgres) -> Result<u64, StorageError> {
        let there = "SELECT to_regclass('vault_key') IS NOT NULL";
        if !postgres.client().await?.query_one(there, &[]).await?.get::<_, bool>(0) {
            return Ok(0);
        }
        let mut total = 0;
        loop {
            let done = postgres.transact(|tx| Box::pin(self.rewrap_some(tx))).await?;
            if done == 0 {
                return Ok(total);
            }
            total += done;
        }
    }

    async fn rewrap_some(&self, tx: &Transaction<'_, '_>) -> Result<u64, StorageError> {
        let master = &self.0.master;
        let sql = "SELECT slot, master, wrapped FROM vault_key WHERE master <> $1 LIMIT $2 FOR UPDATE";
        let rows = tx.query(sql, &[&master.current.0, &REWRAP]).await?;
        let (mut slots, mut wrapped): (Vec<i64>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for row in &rows {
            let slot: i64 = row.get(0);
            let secret = self.unwrap(slot.cast_unsigned(), row.get(1), row.get(2))?;
            wrapped.push(self.wrap(slot.cast_unsigned(), &secret)?);
            slots.push(slot);
        }
        let sql = "UPDATE vault_key SET master = $2, wrapped = given.wrapped \
                   FROM unnest($1::bigint[], $3::bytea[]) AS given (slot, wrapped) WHERE vault_key.slot = given.slot";
        tx.execute(sql, &[&slots, &master.current.0, &wrapped]).await
    }

    fn wrap(&self, slot: u64, secret: &Secret) -> Result<Vec<u8>, StorageError> {
        seal(&self.0.master.current.1, slot, &Place { table: WRAPPED, row: &slot.to_be_bytes() }, &secret[..])
    }

    fn unwrap(&self, slot: u64, master: &[u8], wrapped: &[u8]) -> Result<Secret, StorageError> {
        let known = self.0.master.by_id(master);
        let known = known.ok_or_else(|| StorageError::Config("master key: a key was wrapped by another".to_owned()))?;
        let plain = zeroize::Zeroizing::new(open(known, &Place { table: WRAPPED, row: &slot.to_be_bytes() }, wrapped)?);
        let mut secret = Secret::default();
        if plain.len() != secret.len() {
            return Err(StorageError::Corrupt("vault: a key has another length".to_owned()));
        }
        secret.copy_from_slice(&plain);
        Ok(secret)
    }
}
