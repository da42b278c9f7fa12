//! Snapshot reads.

use std::ops::ControlFlow;

use fjall::Readable;

use super::scan::Scan;
use super::space::{Pair, Space, Value, check_key, engine_error};
use crate::error::StorageError;

/// The durable state at one instant, over all spaces. Synchronous: a read takes microseconds, so it may be made from async
/// code. Keep it short-lived, because old versions are kept for it.
pub struct Reader {
    pub(super) snapshot: fjall::Snapshot,
}

impl Reader {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield it.
    pub fn get(&self, space: &Space, key: impl AsRef<[u8]>) -> Result<Option<Value>, StorageError> {
        if check_key(key.as_ref()).is_err() {
            return Ok(None);
        }
        let stored = self.snapshot.get(&space.keyspace, key.as_ref()).map_err(engine_error)?;
        Ok(stored.map(|stored| space.reveal(key.as_ref(), stored)).transpose()?.flatten())
    }

    /// The pairs of a scan, in its direction.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield them.
    pub fn scan(&self, space: &Space, scan: &Scan) -> Result<Vec<Pair>, StorageError> {
        let mut pairs = Vec::new();
        self.visit(space, scan, |key, value| {
            pairs.push((key, value));
            ControlFlow::Continue(())
        })?;
        Ok(pairs)
    }

    /// Calls `visit` with each pair of a scan until it breaks; for scans too large to hold.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] or [`StorageError::Corrupt`] when the disk does not yield a pair.
    pub fn visit(
        &self,
        space: &Space,
        scan: &Scan,
        mut visit: impl FnMut(Value, Value) -> ControlFlow<()>,
    ) -> Result<(), StorageError> {
        let Some(range) = scan.range() else { return Ok(()) };
        let mut pairs = self.snapshot.range::<&[u8], _>(&space.keyspace, range);
        let mut left = scan.limit;
        while left > 0 {
            let Some(guard) = (if scan.reverse { pairs.next_back() } else { pairs.next() }) else { break };
            let (key, value) = guard.into_inner().map_err(engine_error)?;
            // A row whose key was destroyed is not there.
            let Some(value) = space.reveal(&key, value)? else { continue };
            left -= 1;
            if visit(Value::whole(key), value).is_break() {
                break;
            }
        }
        Ok(())
    }
}
