//! The vault of an embedded engine: which slot is whose, within the engine's own transactions.
//!
//! Keys of the space `~vault`: `(s, space, subject)` the subject's slot, `(n)` the next slot to give, `(d, slot)` a slot to
//! be destroyed. A slot is given, and a destruction is decided, in the batch that writes the rows; the key file is extended
//! before that batch and overwritten after it, before anybody is answered. A process that is killed in between finds
//! `(d, slot)` when it starts again.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::aead::{Nonces, Place, Sealer, Secret, open, slot_of};
use super::cache::Cache;
use super::slots::SlotFile;
use crate::embedded::{Value, engine_error, keyspace_options};
use crate::error::StorageError;
use crate::key::{KeyReader, key};

/// Keys, and slots of subjects, held in memory: half of the most.
const CACHED: usize = 16_384;
const PLAIN: u8 = 0;

/// Slots of subjects by space and subject.
type Subject = (String, Vec<u8>);

/// The vault.
pub(crate) struct EngineVault {
    keyspace: fjall::Keyspace,
    file: SlotFile,
    keys: Mutex<Cache<u64, Secret>>,
    slots: Mutex<Cache<Subject, u64>>,
    next: AtomicU64,
    /// Destroyed slots whose `(d, slot)` is to be removed with the next batch.
    cleared: Mutex<Vec<u64>>,
}

fn subject_key(space: &str, subject: &[u8]) -> Vec<u8> {
    key().str("s").str(space).bytes(subject).build()
}

fn doomed_key(slot: u64) -> Vec<u8> {
    key().str("d").u64(slot).build()
}

impl EngineVault {
    /// Opens the vault and finishes destructions that a kill interrupted.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield it.
    pub(crate) fn open(database: &fjall::Database, directory: &Path) -> Result<Self, StorageError> {
        let keyspace = database.keyspace("~vault", keyspace_options).map_err(engine_error)?;
        let file = SlotFile::open(directory)?;
        let next = keyspace.get(key().str("n").build()).map_err(engine_error)?;
        let next = next.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())?;
        let mut doomed = Vec::new();
        for guard in keyspace.prefix(key().str("d").build()) {
            let (at, _) = guard.into_inner().map_err(engine_error)?;
            let mut at = KeyReader::new(&at);
            at.str()?;
            doomed.push(at.u64()?);
        }
        if !doomed.is_empty() {
            file.destroy(&doomed)?;
        }
        Ok(Self {
            keyspace,
            file,
            keys: Mutex::new(Cache::new(CACHED)),
            slots: Mutex::new(Cache::new(CACHED)),
            next: AtomicU64::new(next),
            cleared: Mutex::new(doomed),
        })
    }

    fn secret(&self, slot: u64) -> Result<Option<Secret>, StorageError> {
        if let Some(secret) = self.keys.lock().get(&slot) {
            return Ok(Some(secret));
        }
        // Under the lock, so that a key that is destroyed meanwhile is not put back.
        let mut keys = self.keys.lock();
        let secret = self.file.read(slot)?;
        if let Some(secret) = &secret {
            keys.put(slot, secret.clone());
        }
        Ok(secret)
    }

    /// The slot of a subject, if it has one.
    pub(crate) fn slot(&self, space: &str, subject: &[u8]) -> Result<Option<u64>, StorageError> {
        let asked = (space.to_owned(), subject.to_vec());
        // Under the lock, so that a slot that is taken from the subject meanwhile is not put back.
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get(&asked) {
            return Ok(Some(slot));
        }
        let stored = self.keyspace.get(subject_key(space, subject)).map_err(engine_error)?;
        let Some(slot) = stored.map(|bytes| KeyReader::new(&bytes).u64()).transpose()? else { return Ok(None) };
        slots.put(asked, slot);
        Ok(Some(slot))
    }

    /// What a stored value says; `None` when its key is destroyed: it is not there any more.
    pub(crate) fn reveal(&self, space: &str, row: &[u8], stored: fjall::Slice) -> Result<Option<Value>, StorageError> {
        match stored.first() {
            Some(&PLAIN) => Ok(Some(Value::behind_mark(stored))),
            Some(_) => match self.secret(slot_of(&stored)?)? {
                Some(secret) => Ok(Some(Value::from(open(&secret, &Place { table: space, row }, &stored)?))),
                None => Ok(None),
            },
            None => Err(StorageError::Corrupt("a value is empty".to_owned())),
        }
    }

    /// A batch that begins.
    pub(crate) fn stage(&self) -> Staged<'_> {
        Staged {
            vault: self,
            next: self.next.load(Ordering::Acquire),
            slots: HashMap::new(),
            doomed: Vec::new(),
            last: None,
            nonces: Nonces::new(),
        }
    }
}

/// What one batch changes in the vault. There is one at a time.
pub(crate) struct Staged<'a> {
    vault: &'a EngineVault,
    next: u64,
    slots: HashMap<Subject, Option<u64>>,
    doomed: Vec<u64>,
    /// The subject sealed for last: rows come in the order of their keys, so those of a person follow one another.
    last: Option<(Subject, Sealer)>,
    nonces: Nonces,
}

impl Staged<'_> {
    /// Marks a value as one of nobody.
    pub(crate) fn plain(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(value.len() + 1);
        out.push(PLAIN);
        out.extend_from_slice(value);
        out
    }

    fn slot(&self, subject: &Subject) -> Result<Option<u64>, StorageError> {
        match self.slots.get(subject) {
            Some(slot) => Ok(*slot),
            None => self.vault.slot(&subject.0, &subject.1),
        }
    }

    /// Takes the key from a subject; a row that is sealed for them afterwards gets a new one.
    pub(crate) fn shred(&mut self, space: &str, subject: &[u8]) -> Result<(), StorageError> {
        let subject = (space.to_owned(), subject.to_vec());
        self.last = None;
        if let Some(slot) = self.slot(&subject)? {
            self.doomed.push(slot);
            self.slots.insert(subject, None);
        }
        Ok(())
    }

    /// Seals a row of a subject, giving them a key when they have none.
    pub(crate) fn seal(
        &mut self,
        space: &str,
        subject: &[u8],
        row: &[u8],
        value: &[u8],
    ) -> Result<Vec<u8>, StorageError> {
        let place = Place { table: space, row };
        if let Some(((of, whose), sealer)) = &self.last
            && of == space
            && whose == subject
        {
            return sealer.seal(&mut self.nonces, &place, value);
        }
        let subject = (space.to_owned(), subject.to_vec());
        let slot = match self.slot(&subject)? {
            Some(slot) => slot,
            None => {
                let slot = self.next;
                self.vault.file.ensure(slot, slot == 0)?;
                self.next += 1;
                self.slots.insert(subject.clone(), Some(slot));
                slot
            }
        };
        let secret = self.vault.secret(slot)?;
        let secret = secret.ok_or_else(|| StorageError::Corrupt(format!("key file: slot {slot} is destroyed")))?;
        let (_, sealer) = self.last.insert((subject, Sealer::new(&secret, slot)?));
        sealer.seal(&mut self.nonces, &place, value)
    }

    /// Adds what the vault remembers to the batch.
    pub(crate) fn record(&self, batch: &mut fjall::OwnedWriteBatch) {
        let keyspace = &self.vault.keyspace;
        if self.next != self.vault.next.load(Ordering::Acquire) {
            batch.insert(keyspace, key().str("n").build(), key().u64(self.next).build());
        }
        for ((space, subject), slot) in &self.slots {
            match slot {
                Some(slot) => batch.insert(keyspace, subject_key(space, subject), key().u64(*slot).build()),
                None => batch.remove(keyspace, subject_key(space, subject)),
            }
        }
        for slot in self.vault.cleared.lock().iter() {
            batch.remove(keyspace, doomed_key(*slot));
        }
        for slot in &self.doomed {
            batch.insert(keyspace, doomed_key(*slot), Vec::new());
        }
    }

    /// Once the batch is durable: destroys what is to be destroyed.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] when the disk refuses; the next start tries again.
    pub(crate) fn finish(self) -> Result<(), StorageError> {
        let vault = self.vault;
        vault.next.store(self.next, Ordering::Release);
        vault.cleared.lock().clear();
        if !self.slots.is_empty() {
            let mut known = vault.slots.lock();
            for (subject, slot) in self.slots {
                match slot {
                    Some(slot) => known.put(subject, slot),
                    None => known.remove(&subject),
                }
            }
        }
        if !self.doomed.is_empty() {
            let mut keys = vault.keys.lock();
            for slot in &self.doomed {
                keys.remove(slot);
            }
            vault.file.destroy(&self.doomed)?;
            drop(keys);
            *vault.cleared.lock() = self.doomed;
        }
        Ok(())
    }
}
