//! Where a queue begins.
//!
//! A log-structured engine keeps the tombstones of deleted keys until they are compacted away, and a scan walks over them.
//! A queue deletes at its front, so a scan from the front walks over everything that was ever done. Whoever remembers
//! where the queue begins starts behind the tombstones.

use std::sync::Arc;

use parking_lot::Mutex;

/// The lowest key at which a queue may hold an entry; it is not stored, a restart begins at the front once.
///
/// [`raise`](Self::raise) and [`lower`](Self::lower) belong inside [`Engine::write`](super::Engine::write): one thread runs
/// these closures, so what a scan there finds first is what there is, and an entry that is put later lowers the mark again.
/// A closure that fails after lowering leaves the mark too low, which costs a walk and loses nothing.
#[derive(Debug, Clone, Default)]
pub struct LowWater(Arc<Mutex<Vec<u8>>>);

impl LowWater {
    /// The key to begin a scan at; empty for the front.
    #[must_use]
    pub fn begin(&self) -> Vec<u8> {
        self.0.lock().clone()
    }

    /// Says that a scan found nothing below `key`.
    pub fn raise(&self, key: &[u8]) {
        let mut mark = self.0.lock();
        if mark.as_slice() < key {
            *mark = key.to_vec();
        }
    }

    /// Says that an entry is put at `key`.
    pub fn lower(&self, key: &[u8]) {
        let mut mark = self.0.lock();
        if mark.as_slice() > key {
            *mark = key.to_vec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_follows_the_first_entry() {
        let mark = LowWater::default();
        assert!(mark.begin().is_empty());
        mark.raise(b"c");
        mark.raise(b"b");
        assert_eq!(mark.begin(), b"c");
        mark.lower(b"d");
        assert_eq!(mark.begin(), b"c");
        mark.clone().lower(b"a");
        assert_eq!(mark.begin(), b"a");
    }
}
