//! The one thread that writes: it runs waiting writes in turn and has them committed in groups.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;

use tokio::sync::{mpsc, oneshot};

use super::flight::{Committer, Flight, Group};
use super::tx::Tx;
use crate::error::StorageError;

/// Most writes that share one fsync.
const MAX_GROUP: usize = 256;
/// A group is committed once its writes have this many bytes: its fsync weighs little then, and the transactions after it
/// run while it is on its way.
const MAX_GROUP_BYTES: usize = 1 << 20;
/// A smaller group takes in who came while it waited for the one before, and is committed on the writer thread: an fsync
/// costs more than such writes do, so that they share one is worth more than that others run meanwhile.
const SMALL_GROUP_BYTES: usize = 64 << 10;

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
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) committer: Arc<Committer>,
    /// To the thread that commits; it takes a group when it is done with the one before.
    pub(super) groups: SyncSender<Group>,
    pub(super) poisoned: Arc<AtomicBool>,
}

impl Writer {
    /// Works until the queue is closed and empty and everything is committed.
    pub(super) fn run(mut self) {
        let mut tx = Tx::new();
        let mut group = Vec::new();
        while let Some(first) = self.queue.blocking_recv() {
            let mut wakes = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Close => self.queue.close(),
                    Message::Work(work) => self.run_one(&mut tx, work, &mut group, &mut wakes),
                }
                if group.len() < MAX_GROUP && tx.group.bytes() < MAX_GROUP_BYTES {
                    next = self.queue.try_recv().ok();
                    if next.is_none() && land(&mut tx) && tx.group.bytes() < SMALL_GROUP_BYTES {
                        // Who came while the group before was committed shares this group's fsync.
                        next = self.queue.try_recv().ok();
                    }
                }
            }
            land(&mut tx);
            if !group.is_empty() {
                let works = std::mem::take(&mut group);
                self.send(&mut tx, works, wakes);
            }
        }
        land(&mut tx);
    }

    /// Has a group committed: here, or while the next one runs.
    fn send(&self, tx: &mut Tx, works: Vec<Box<dyn Work>>, wakes: Vec<String>) {
        let small = tx.group.bytes() < SMALL_GROUP_BYTES;
        let flight = Flight::new(std::mem::take(&mut tx.group), std::mem::take(&mut tx.group_shreds));
        let flight = Arc::new(flight);
        let group = Group { flight: Arc::clone(&flight), works, wakes };
        if small {
            self.committer.settle(group);
        } else if self.groups.send(group).is_ok() {
            tx.flying = Some(flight);
        } else {
            // The other thread is gone only after a panic of its own, and nobody is answered.
            self.poisoned.store(true, Ordering::Release);
        }
    }

    fn run_one(&self, tx: &mut Tx, mut work: Box<dyn Work>, group: &mut Vec<Box<dyn Work>>, wakes: &mut Vec<String>) {
        if tx.flying.as_ref().is_some_and(|flight| flight.has_landed()) {
            tx.flying = None;
        }
        if self.poisoned.load(Ordering::Acquire) {
            work.answer(Some(poisoned()));
            return;
        }
        if work.run(tx) {
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

/// Waits for the group in flight; answers whether there was one.
fn land(tx: &mut Tx) -> bool {
    tx.flying.take().is_some_and(|flight| {
        flight.wait();
        true
    })
}

/// The answer to writes after a failed commit.
pub(super) fn poisoned() -> StorageError {
    StorageError::unavailable("embedded", "an earlier write to the disk failed, restart the process")
}
