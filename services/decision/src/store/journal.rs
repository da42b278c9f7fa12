//! Appending to the log, before the answer or behind it.

use std::sync::Arc;

use attune_storage::StorageError;
use parking_lot::Mutex;

use super::{Appended, DecisionStore};
use crate::domain::record::Decision;

/// Most decisions of one transaction.
const BATCH: usize = 1000;

/// Appends decisions. Without a queue each is durable when it answers; with one it may wait there until the next
/// [`flush`](Self::flush), and a crash loses what waits.
pub(crate) struct Journal {
    store: Arc<dyn DecisionStore>,
    queue: usize,
    waiting: Mutex<Vec<Decision>>,
    // One flush at a time, so that who flushed last knows that everything before is written.
    writing: tokio::sync::Mutex<()>,
}

impl Journal {
    /// A journal over a store; `queue` is how many decisions may wait, 0 for none.
    pub(crate) fn new(store: Arc<dyn DecisionStore>, queue: usize) -> Self {
        Self { store, queue, waiting: Mutex::default(), writing: tokio::sync::Mutex::new(()) }
    }

    /// Appends a decision.
    pub(crate) async fn append(&self, decision: Decision) -> Result<Appended, StorageError> {
        let id = decision.id;
        let decision = {
            let mut waiting = self.waiting.lock();
            if waiting.len() < self.queue {
                waiting.push(decision);
                return Ok(Appended { id, duplicate: false });
            }
            decision
        };
        let appended = self.store.append(vec![decision]).await?;
        Ok(appended.first().copied().unwrap_or(Appended { id, duplicate: false }))
    }

    /// The decision that waits under a request id.
    pub(crate) fn waiting_request(&self, request_id: &str) -> Option<Decision> {
        if self.queue == 0 {
            return None;
        }
        let waiting = self.waiting.lock();
        waiting.iter().find(|decision| decision.request_id.as_deref() == Some(request_id)).cloned()
    }

    /// How many decisions wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Writes what waits. What cannot be written waits on.
    pub(crate) async fn flush(&self) -> Result<(), StorageError> {
        if self.queue == 0 {
            return Ok(());
        }
        let _one = self.writing.lock().await;
        loop {
            let batch: Vec<Decision> = {
                let waiting = self.waiting.lock();
                waiting.iter().take(BATCH).cloned().collect()
            };
            if batch.is_empty() {
                return Ok(());
            }
            let written = batch.len();
            // Taken off only afterwards, so that a decision is always found in one of the two places.
            self.store.append(batch).await?;
            self.waiting.lock().drain(..written);
        }
    }
}
