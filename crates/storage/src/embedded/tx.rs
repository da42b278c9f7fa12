//! What one write sees and does.

use std::sync::Arc;

use super::flight::Flight;
use super::overlay::{Layered, Merge, Overlay, Pending};
use super::scan::Scan;
use super::space::{Pair, Space, Value, check_key, check_value, engine_error};
use crate::error::StorageError;

/// A serializable transaction on the writer thread.
///
/// It reads its own writes, those of earlier writes of the same group, those of the group that is being committed, and
/// everything committed before. Its writes become visible to others, and are acknowledged, only when the group's fsync has succeeded. Nothing it wrote remains when it
/// answers an error or panics.
pub struct Tx {
    /// The group before, while it is being committed.
    pub(super) flying: Option<Arc<Flight>>,
    /// Writes of earlier transactions of this group.
    pub(super) group: Overlay,
    /// Writes of this transaction.
    pub(super) own: Overlay,
    /// Signals to give once this transaction is durable.
    pub(super) wakes: Vec<String>,
    /// Subjects whose keys earlier transactions of this group destroy, in order.
    pub(super) group_shreds: Vec<(Space, Vec<u8>)>,
    /// Subjects whose keys this transaction destroys, in order.
    pub(super) own_shreds: Vec<(Space, Vec<u8>)>,
}

impl Tx {
    pub(super) fn new() -> Self {
        Self {
            flying: None,
            group: Overlay::default(),
            own: Overlay::default(),
            wakes: Vec::new(),
            group_shreds: Vec::new(),
            own_shreds: Vec::new(),
        }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield it.
    pub fn get(&self, space: &Space, key: impl AsRef<[u8]>) -> Result<Option<Value>, StorageError> {
        let key = key.as_ref();
        let flying = || self.flying.as_ref().and_then(|flight| flight.writes.get(space, key));
        if let Some(pending) = self.own.get(space, key).or_else(|| self.group.get(space, key)).or_else(flying) {
            return Ok(pending.value.clone());
        }
        if check_key(key).is_err() {
            return Ok(None);
        }
        // Nobody but the group in flight changes what is stored, and its writes were looked at before.
        let stored = space.keyspace.get(key).map_err(engine_error)?;
        Ok(stored.map(|stored| space.reveal(key, stored)).transpose()?.flatten())
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`StorageError::Invalid`] for an empty key, a key over 65535 bytes or a value over 4 GiB.
    pub fn put(&mut self, space: &Space, key: impl Into<Vec<u8>>, value: impl Into<Value>) -> Result<(), StorageError> {
        let key = key.into();
        let subject = space.subject(&key);
        self.set(space, subject, key, value.into())
    }

    /// [`put`](Self::put) sealed with the key of a subject, for rows whose key does not tell whose they are.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_for(
        &mut self,
        space: &Space,
        subject: &[u8],
        key: impl Into<Vec<u8>>,
        value: impl Into<Value>,
    ) -> Result<(), StorageError> {
        self.set(space, Some(subject.to_vec()), key.into(), value.into())
    }

    fn set(&mut self, space: &Space, subject: Option<Vec<u8>>, key: Vec<u8>, value: Value) -> Result<(), StorageError> {
        check_key(&key)?;
        check_value(&value)?;
        let era = self.era();
        self.own.set(space, key, Pending { value: Some(value), subject, era });
        Ok(())
    }

    /// Destroys a subject's key once the transaction is durable: every copy of what was sealed with it, here or in old
    /// files, is unreadable from then on, and absent for readers. What is put afterwards, in this transaction too, gets a
    /// new key. Answers whether there was a key.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield what is known.
    pub fn shred(&mut self, space: &Space, subject: &[u8]) -> Result<bool, StorageError> {
        let had = space.vault.slot(space.name(), subject)?.is_some()
            || self.own.holds(space, subject)
            || self.group.holds(space, subject)
            || self.flying.as_ref().is_some_and(|flight| flight.writes.holds(space, subject));
        self.own_shreds.push((space.clone(), subject.to_vec()));
        Ok(had)
    }

    /// Gives a subject a new key and seals their rows anew, those whose keys begin with one of the prefixes. Of what was
    /// sealed with the old key and is no row of theirs any more, nothing remains: a person who was split off can be erased
    /// although their rows lay under this subject before.
    ///
    /// # Errors
    /// As [`shred`](Self::shred) and [`put`](Self::put).
    pub fn reseal(&mut self, space: &Space, subject: &[u8], prefixes: &[Vec<u8>]) -> Result<(), StorageError> {
        let mut rows = Vec::new();
        for prefix in prefixes {
            rows.extend(self.scan(space, &Scan::prefix(prefix.as_slice()))?);
        }
        self.shred(space, subject)?;
        for (key, value) in rows {
            self.put_for(space, subject, key.to_vec(), value)?;
        }
        Ok(())
    }

    /// How many keys were destroyed before a write of this transaction.
    fn era(&self) -> usize {
        self.group_shreds.len() + self.own_shreds.len()
    }

    /// Deletes a key; nothing happens when it does not exist.
    ///
    /// # Errors
    /// [`StorageError::Invalid`] for a key that cannot exist.
    pub fn delete(&mut self, space: &Space, key: impl Into<Vec<u8>>) -> Result<(), StorageError> {
        let key = key.into();
        check_key(&key)?;
        let era = self.era();
        self.own.set(space, key, Pending { value: None, subject: None, era });
        Ok(())
    }

    /// The pairs of a scan, in its direction.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield them.
    pub fn scan(&self, space: &Space, scan: &Scan) -> Result<Vec<Pair>, StorageError> {
        let Some(range) = scan.range() else { return Ok(Vec::new()) };
        let base = space.keyspace.range::<&[u8], _>(range);
        let layered = |guard: fjall::Guard| -> Layered {
            let (key, value) = guard.into_inner().map_err(engine_error)?;
            let value = space.reveal(&key, value)?;
            Ok((Value::whole(key), value))
        };
        let base: Box<dyn Iterator<Item = Layered>> =
            if scan.reverse { Box::new(base.rev().map(layered)) } else { Box::new(base.map(layered)) };
        let mut layers = vec![self.own.scan(space, scan), self.group.scan(space, scan)];
        layers.extend(self.flying.iter().map(|flight| flight.writes.scan(space, scan)));
        layers.push(base);
        Merge::new(layers, scan.reverse).take(scan.limit).collect()
    }

    /// Gives a signal of this process once the transaction is durable.
    pub(crate) fn wake_on_commit(&mut self, name: String) {
        self.wakes.push(name);
    }
}
