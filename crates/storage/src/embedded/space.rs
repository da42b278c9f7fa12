//! Named key spaces and the values in them.

use std::fmt;
use std::ops::Deref;

use crate::error::StorageError;

/// A named, separate key space of the engine; a cheap handle. The data directory stays locked while one is alive.
#[derive(Clone)]
pub struct Space {
    pub(super) keyspace: fjall::Keyspace,
}

impl Space {
    /// The name it was opened by.
    #[must_use]
    pub fn name(&self) -> &str {
        self.keyspace.name()
    }

    pub(super) fn number(&self) -> u64 {
        self.keyspace.id()
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Space").field(&self.name()).finish()
    }
}

/// Stored bytes, shared rather than copied. `Debug` prints only the length: the bytes may be personal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Value(pub(super) fjall::Slice);

/// A key and its value.
pub type Pair = (Value, Value);

impl Deref for Value {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.0.len())
    }
}

/// Longest key in bytes.
const MAX_KEY: usize = u16::MAX as usize;

pub(super) fn check_key(key: &[u8]) -> Result<(), StorageError> {
    match key.len() {
        0 => Err(StorageError::Invalid { field: "key", reason: "is empty" }),
        1..=MAX_KEY => Ok(()),
        _ => Err(StorageError::Invalid { field: "key", reason: "is longer than 65535 bytes" }),
    }
}

pub(super) fn check_value(value: &[u8]) -> Result<(), StorageError> {
    if u32::try_from(value.len()).is_ok() {
        Ok(())
    } else {
        Err(StorageError::Invalid { field: "value", reason: "is longer than 4 GiB" })
    }
}

/// Maps the engine's errors; none of their texts carries a stored value.
pub(super) fn engine_error(error: fjall::Error) -> StorageError {
    match error {
        fjall::Error::Io(error) => StorageError::unavailable("embedded", error),
        fjall::Error::Poisoned => StorageError::unavailable("embedded", "an earlier write to the disk failed"),
        fjall::Error::Storage(fjall::LsmError::Io(error)) => StorageError::unavailable("embedded", error),
        other => StorageError::Corrupt(format!("{other:?}")),
    }
}
