//! The gateway's store over the embedded engine.
//!
//! Keys of the space `channel`: `in` waiting events by position, `id` known event ids, `qu` events set aside, `dl`
//! deliveries by id, `du` deliveries that are not final by due time, `rq` delivery ids by request id, `ld` leads, `cu`
//! cursors, `ct` counters, `ls` the inbox's lease.

mod inbox;
mod leads;
mod outbox;

use attune_kernel::Timestamp;
use attune_storage::key::key;
use attune_storage::{Engine, Reader, Space, Tx};
use serde::{Deserialize, Serialize};

use crate::domain::record::Lease;
use crate::error::Error;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
}

impl Embedded {
    /// Opens the space.
    ///
    /// # Errors
    /// When the engine cannot create it.
    pub(super) fn open(engine: &Engine) -> Result<Self, Error> {
        Ok(Self { engine: engine.clone(), space: engine.space("channel")? })
    }

    fn reader(&self) -> Reader {
        self.engine.reader()
    }
}

/// A lease as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Held {
    owner: String,
    deadline: Timestamp,
}

impl Held {
    fn of(lease: &Lease) -> Self {
        Self { owner: lease.owner.clone(), deadline: lease.deadline }
    }

    /// Whether `lease` may take over at its time.
    fn yields_to(&self, lease: &Lease) -> bool {
        self.owner == lease.owner || self.deadline <= lease.now
    }

    /// Whether `lease.owner` holds it at `lease.now`.
    fn is_held_by(&self, lease: &Lease) -> bool {
        self.owner == lease.owner && self.deadline > lease.now
    }
}

fn counter_key(kind: &str, name: &str) -> Vec<u8> {
    key().str("ct").str(kind).str(name).build()
}

/// Adds to a counter; counters never fall below zero.
fn count(tx: &mut Tx, space: &Space, kind: &str, name: &str, by: i64) -> Result<(), Error> {
    let at = counter_key(kind, name);
    let now = tx.get(space, &at)?.map_or(0, |value| number(&value));
    tx.put(space, at, now.saturating_add_signed(by).to_be_bytes().to_vec())?;
    Ok(())
}

fn read_count(reader: &Reader, space: &Space, kind: &str, name: &str) -> Result<u64, Error> {
    Ok(reader.get(space, counter_key(kind, name))?.map_or(0, |value| number(&value)))
}

/// A stored number; anything but eight bytes counts as zero, which only a corrupt store can hold.
fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map(u64::from_be_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::{Store, conformance};

    #[tokio::test(flavor = "multi_thread")]
    async fn passes_the_conformance_suite() {
        let directory = tempfile::tempdir().unwrap();
        let store = Arc::new(Embedded::open(&Engine::open(directory.path()).unwrap()).unwrap());
        conformance::run(Store { inbox: store.clone(), outbox: store.clone(), leads: store }).await;
    }
}
