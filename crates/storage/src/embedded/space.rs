//! Named key spaces and the values in them.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use crate::error::StorageError;
use crate::vault::{EngineVault, SubjectOf};

/// A named, separate key space of the engine; a cheap handle. The data directory stays locked while one is alive.
#[derive(Clone)]
pub struct Space {
    pub(super) keyspace: fjall::Keyspace,
    /// Shared by all handles of the space.
    pub(super) subject_of: Arc<OnceLock<SubjectOf>>,
    pub(super) vault: Arc<EngineVault>,
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

    /// Whose row a key is.
    pub(super) fn subject(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.subject_of.get().and_then(|subject_of| subject_of(key))
    }

    /// What a stored value says; `None` when its key was destroyed.
    pub(super) fn reveal(&self, key: &[u8], stored: fjall::Slice) -> Result<Option<Value>, StorageError> {
        self.vault.reveal(self.name(), key, stored)
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Space").field(&self.name()).finish()
    }
}

/// Stored bytes, shared rather than copied. `Debug` prints only the length: the bytes may be personal.
#[derive(Clone, Default)]
pub struct Value {
    bytes: fjall::Slice,
    /// Whether the first byte is the vault's mark.
    marked: bool,
}

impl Value {
    /// The bytes as they are.
    pub(super) const fn whole(bytes: fjall::Slice) -> Self {
        Self { bytes, marked: false }
    }

    /// The bytes behind the mark, without a copy.
    pub(crate) const fn behind_mark(bytes: fjall::Slice) -> Self {
        Self { bytes, marked: true }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Value {}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

/// A key and its value.
pub type Pair = (Value, Value);

impl Deref for Value {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        if self.marked { self.bytes.get(1..).unwrap_or_default() } else { &self.bytes }
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::whole(bytes.into())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::whole(bytes.into())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
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
pub(crate) fn engine_error(error: fjall::Error) -> StorageError {
    match error {
        fjall::Error::Io(error) => StorageError::unavailable("embedded", error),
        fjall::Error::Poisoned => StorageError::unavailable("embedded", "an earlier write to the disk failed"),
        fjall::Error::Storage(fjall::LsmError::Io(error)) => StorageError::unavailable("embedded", error),
        other => StorageError::Corrupt(format!("{other:?}")),
    }
}
