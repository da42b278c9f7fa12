//! Wakes readers of this process when something they wait for was committed here.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

/// One counter a name; cheap to clone, all clones share the counters.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signals(Arc<Mutex<HashMap<String, watch::Sender<u64>>>>);

impl Signals {
    /// Wakes whoever subscribed to `name`; free when nobody has.
    pub(crate) fn notify(&self, name: &str) {
        if let Some(sender) = self.0.lock().get(name) {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// From now on every [`notify`](Self::notify) of `name` is seen by the receiver.
    pub(crate) fn subscribe(&self, name: &str) -> watch::Receiver<u64> {
        let mut senders = self.0.lock();
        match senders.get(name) {
            Some(sender) => sender.subscribe(),
            None => senders.entry(name.to_owned()).or_insert_with(|| watch::Sender::new(0)).subscribe(),
        }
    }
}
