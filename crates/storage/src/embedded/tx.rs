//! What one write sees and does.

use super::overlay::{Layered, Merge, Overlay};
use super::scan::Scan;
use super::space::{Pair, Space, Value, check_key, check_value, engine_error};
use crate::error::StorageError;

/// A serializable transaction on the writer thread.
///
/// It reads its own writes, those of earlier writes of the same group, and everything committed before. Its writes become
/// visible to others, and are acknowledged, only when the group's fsync has succeeded. Nothing it wrote remains when it
/// answers an error or panics.
pub struct Tx {
    /// Writes of earlier transactions of this group.
    pub(super) group: Overlay,
    /// Writes of this transaction.
    pub(super) own: Overlay,
    /// Signals to give once this transaction is durable.
    pub(super) wakes: Vec<String>,
}

impl Tx {
    pub(super) fn new() -> Self {
        Self { group: Overlay::default(), own: Overlay::default(), wakes: Vec::new() }
    }

    /// The value of a key.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield it.
    pub fn get(&self, space: &Space, key: impl AsRef<[u8]>) -> Result<Option<Value>, StorageError> {
        let key = key.as_ref();
        if let Some(pending) = self.own.get(space, key).or_else(|| self.group.get(space, key)) {
            return Ok(pending.clone());
        }
        if check_key(key).is_err() {
            return Ok(None);
        }
        // Only this thread writes, so the newest committed state is a stable base.
        Ok(space.keyspace.get(key).map_err(engine_error)?.map(Value))
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// [`StorageError::Invalid`] for an empty key, a key over 65535 bytes or a value over 4 GiB.
    pub fn put(&mut self, space: &Space, key: impl Into<Vec<u8>>, value: impl Into<Value>) -> Result<(), StorageError> {
        let (key, value) = (key.into(), value.into());
        check_key(&key)?;
        check_value(&value)?;
        self.own.set(space, key, Some(value));
        Ok(())
    }

    /// Deletes a key; nothing happens when it does not exist.
    ///
    /// # Errors
    /// [`StorageError::Invalid`] for a key that cannot exist.
    pub fn delete(&mut self, space: &Space, key: impl Into<Vec<u8>>) -> Result<(), StorageError> {
        let key = key.into();
        check_key(&key)?;
        self.own.set(space, key, None);
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
            guard.into_inner().map(|(key, value)| (Value(key), Some(Value(value)))).map_err(engine_error)
        };
        let base: Box<dyn Iterator<Item = Layered>> =
            if scan.reverse { Box::new(base.rev().map(layered)) } else { Box::new(base.map(layered)) };
        let layers = vec![self.own.scan(space, scan), self.group.scan(space, scan), base];
        Merge::new(layers, scan.reverse).take(scan.limit).collect()
    }

    /// Gives a signal of this process once the transaction is durable.
    pub(crate) fn wake_on_commit(&mut self, name: String) {
        self.wakes.push(name);
    }
}
