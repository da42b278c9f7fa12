//! Groups of writes on their way to the disk.
//!
//! Sealing, the journal, its fsync and the memtable are a thread's work of their own: while one group is committed, the
//! writer thread runs the transactions of the next, which read the group in flight as a layer between theirs and what is
//! stored. One group flies at a time, so groups become durable in the order in which they ran.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use fjall::PersistMode;
use parking_lot::{Condvar, Mutex};

use super::overlay::{Overlay, Pending};
use super::space::{Space, engine_error};
use super::writer::{Work, poisoned};
use crate::error::StorageError;
use crate::signal::Signals;
use crate::vault::{EngineVault, Staged};

/// A group that is being committed.
pub(super) struct Flight {
    pub(super) writes: Overlay,
    /// Subjects whose keys the group destroys, in order.
    pub(super) shreds: Vec<(Space, Vec<u8>)>,
    landed: Mutex<bool>,
    landing: Condvar,
}

impl Flight {
    pub(super) const fn new(writes: Overlay, shreds: Vec<(Space, Vec<u8>)>) -> Self {
        Self { writes, shreds, landed: Mutex::new(false), landing: Condvar::new() }
    }

    /// Whether the group is committed, or has failed.
    pub(super) fn has_landed(&self) -> bool {
        *self.landed.lock()
    }

    /// Blocks until the group is committed, or has failed.
    pub(super) fn wait(&self) {
        let mut landed = self.landed.lock();
        while !*landed {
            self.landing.wait(&mut landed);
        }
    }

    fn land(&self) {
        *self.landed.lock() = true;
        self.landing.notify_all();
    }
}

/// A group with those who wait for it.
pub(super) struct Group {
    pub(super) flight: Arc<Flight>,
    pub(super) works: Vec<Box<dyn Work>>,
    /// Signals to give once the group is durable.
    pub(super) wakes: Vec<String>,
}

/// Commits groups: small ones on the writer thread, which has nothing better to do than a wait of a fsync and would pay for
/// two changes of threads, others on a thread of its own.
pub(super) struct Committer {
    pub(super) database: fjall::Database,
    pub(super) vault: Arc<EngineVault>,
    pub(super) poisoned: Arc<AtomicBool>,
    pub(super) signals: Signals,
}

impl Committer {
    /// Commits groups until there is nobody to send any.
    pub(super) fn run(&self, groups: &Receiver<Group>) {
        while let Ok(group) = groups.recv() {
            self.settle(group);
        }
    }

    /// Commits a group and answers who waits for it.
    pub(super) fn settle(&self, Group { flight, works, wakes }: Group) {
        let failure = self.commit(&flight).err();
        flight.land();
        for work in works {
            // Errors, too, may rest on what an earlier write of the group did, so a failure answers all.
            work.answer(failure.clone());
        }
        if failure.is_none() {
            for name in wakes {
                self.signals.notify(&name);
            }
        }
    }

    fn commit(&self, flight: &Flight) -> Result<(), StorageError> {
        // What ran while the group before was committed may rest on it.
        if self.poisoned.load(Ordering::Acquire) {
            return Err(poisoned());
        }
        if flight.writes.is_empty() && flight.shreds.is_empty() {
            return Ok(());
        }
        // Whatever happens, the group lands: the writer thread waits for it.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.commit_group(flight)))
            .unwrap_or_else(|_| Err(StorageError::Internal("the engine panicked in a commit".to_owned())));
        outcome.map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            tracing::error!(%error, "commit failed, no further write is accepted");
            StorageError::unavailable("embedded", error)
        })
    }

    fn commit_group(&self, flight: &Flight) -> Result<(), StorageError> {
        let mut staged = self.vault.stage();
        // Up to which era a subject's writes are erased.
        let mut shredded: HashMap<(u64, &[u8]), usize> = HashMap::new();
        for (era, (space, subject)) in flight.shreds.iter().enumerate() {
            staged.shred(space.name(), subject)?;
            shredded.insert((space.number(), subject), era);
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (space, key, Pending { value, subject, era }) in flight.writes.iter() {
            let erased = |subject: &[u8]| shredded.get(&(space.number(), subject)).is_some_and(|shred| shred >= era);
            match (value, subject) {
                (Some(value), Some(subject)) if !erased(subject) => {
                    let sealed = staged.seal(space.name(), subject, key, value)?;
                    batch.insert(&space.keyspace, key, sealed);
                }
                (Some(value), None) => batch.insert(&space.keyspace, key, Staged::plain(value)),
                _ => batch.remove(&space.keyspace, key),
            }
        }
        staged.record(&mut batch);
        batch.commit().map_err(engine_error)?;
        staged.finish()
    }
}
