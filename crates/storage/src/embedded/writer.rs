//! The one thread that writes: it runs waiting writes in turn and commits them in groups.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fjall::PersistMode;
use tokio::sync::{mpsc, oneshot};

use super::overlay::Pending;
use super::space::engine_error;
use super::tx::Tx;
use crate::error::StorageError;
use crate::signal::Signals;
use crate::vault::{EngineVault, Staged};

/// Most writes that share one fsync.
const MAX_GROUP: usize = 256;
/// A group is committed once its writes have this many bytes, so that one batch stays small beside the journal.
const MAX_GROUP_BYTES: usize = 8 << 20;

/// What the queue carries.
pub(super) enum Message {
    /// Run this in a transaction.
    Work(Box<dyn Work>),
    /// Finish what is queued, take nothing more.
    Close,
}

/// A queued write with its result type erased.
pub(super) trait Work: Send {
    /// Runs the closure; true when its writes are to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Answers the caller: with what the closure answered, or with `failure` when there is one.
    fn answer(self: Box<Self>, failure: Option<StorageError>);
}

/// A write: the closure until it ran, its answer afterwards.
pub(super) struct Job<F, R, E> {
    pub(super) closure: Option<F>,
    pub(super) answer: Option<Result<R, E>>,
    pub(super) reply: oneshot::Sender<Result<R, E>>,
}

impl<F, R, E> Work for Job<F, R, E>
where
    F: FnOnce(&mut Tx) -> Result<R, E> + Send,
    R: Send,
    E: From<StorageError> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        // A panic leaves nothing behind: the overlay of the transaction is discarded.
        let answer = catch_unwind(AssertUnwindSafe(|| closure(tx)))
            .unwrap_or_else(|_| Err(StorageError::Internal("a transaction panicked".to_owned()).into()));
        self.answer.insert(answer).is_ok()
    }

    fn answer(self: Box<Self>, failure: Option<StorageError>) {
        let answer = match failure {
            Some(failure) => Some(Err(failure.into())),
            None => self.answer,
        };
        if let Some(answer) = answer {
            // The caller may have gone away; the write stands all the same.
            let _ = self.reply.send(answer);
        }
    }
}

/// State of the writer thread.
pub(super) struct Writer {
    pub(super) database: fjall::Database,
    pub(super) vault: Arc<EngineVault>,
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) poisoned: Arc<AtomicBool>,
    pub(super) signals: Signals,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let mut tx = Tx::new();
        let mut group: Vec<Box<dyn Work>> = Vec::with_capacity(MAX_GROUP);
        let mut wakes: Vec<String> = Vec::new();
        while let Some(first) = self.queue.blocking_recv() {
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Close => self.queue.close(),
                    Message::Work(mut work) => {
                        if self.poisoned.load(Ordering::Acquire) {
                            work.answer(Some(poisoned()));
                        } else {
                            if work.run(&mut tx) {
                                tx.group.absorb(&mut tx.own);
                                tx.group_shreds.append(&mut tx.own_shreds);
                                wakes.append(&mut tx.wakes);
                            }
                            tx.own.clear();
                            tx.own_shreds.clear();
                            tx.wakes.clear();
                            group.push(work);
                        }
                    }
                }
                if group.len() < MAX_GROUP && tx.group.bytes() < MAX_GROUP_BYTES {
                    next = self.queue.try_recv().ok();
                }
            }
            let failure = self.commit(&mut tx).err();
            for work in group.drain(..) {
                // Errors, too, may rest on what an earlier write of the group did, so a failure answers all.
                work.answer(failure.clone());
            }
            for name in wakes.drain(..) {
                self.signals.notify(&name);
            }
        }
    }

    fn commit(&self, tx: &mut Tx) -> Result<(), StorageError> {
        if tx.group.is_empty() && tx.group_shreds.is_empty() {
            return Ok(());
        }
        let outcome = self.commit_group(tx);
        tx.group.clear();
        tx.group_shreds.clear();
        outcome.map_err(|error| {
            self.poisoned.store(true, Ordering::Release);
            tracing::error!(%error, "commit failed, no further write is accepted");
            StorageError::unavailable("embedded", error)
        })
    }

    fn commit_group(&self, tx: &mut Tx) -> Result<(), StorageError> {
        let mut staged = self.vault.stage();
        // Up to which era a subject's writes are erased.
        let mut shredded: HashMap<(u64, &[u8]), usize> = HashMap::new();
        for (era, (space, subject)) in tx.group_shreds.iter().enumerate() {
            staged.shred(space.name(), subject)?;
            shredded.insert((space.number(), subject), era);
        }
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
        for (space, key, Pending { value, subject, era }) in tx.group.drain() {
            let erased = |subject: &Vec<u8>| {
                shredded.get(&(space.number(), subject.as_slice())).is_some_and(|shred| *shred >= era)
            };
            match (value, subject) {
                (Some(value), Some(subject)) if !erased(&subject) => {
                    let sealed = staged.seal(space.name(), &subject, &key, &value)?;
                    batch.insert(&space.keyspace, key, sealed);
                }
                (Some(value), None) => batch.insert(&space.keyspace, key, Staged::plain(&value)),
                _ => batch.remove(&space.keyspace, key),
            }
        }
        staged.record(&mut batch);
        let outcome = catch_unwind(AssertUnwindSafe(|| batch.commit()));
        match outcome {
            Ok(outcome) => outcome.map_err(engine_error)?,
            Err(_) => return Err(StorageError::Internal("the engine panicked in a commit".to_owned())),
        }
        staged.finish()
    }
}

/// The answer to writes after a failed commit.
pub(super) fn poisoned() -> StorageError {
    StorageError::unavailable("embedded", "an earlier write to the disk failed, restart the process")
}
