//! The gateway's store over the embedded engine.
//!
//! Keys of the space `channel`: `in` waiting events by position, `id` known event ids (hashed), `qu` events set aside, `dl`
//! deliveries by id, `dp` their ids by person, `du` deliveries that are not final by due time, `rq` delivery ids by request
//! id (hashed), `ld` leads, `lp` their ids by person, `cu` cursors, `ct` counters and `cn` their names, `ls` the inbox's
//! lease. Events are sealed with a key of all that wait, deliveries and leads with the key of their person.

mod inbox;
mod leads;
mod outbox;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, LowWater, Reader, Scan, Space, Tx};
use serde::{Deserialize, Serialize};

use crate::domain::record::Lease;
use crate::error::Error;
use crate::store::TRANSIT;

/// The store.
pub(super) struct Embedded {
    engine: Engine,
    space: Space,
    /// No event waits at or below this position: positions only grow.
    worked_through: AtomicU64,
    /// Where deliveries that wait begin.
    due: LowWater,
}

impl Embedded {
    /// Opens the space.
    ///
    /// # Errors
    /// When the engine cannot create it.
    pub(super) fn open(engine: &Engine) -> Result<Self, Error> {
        Ok(Self {
            engine: engine.clone(),
            space: engine.sealed_space(super::SCHEMA, subject)?,
            worked_through: AtomicU64::new(0),
            due: LowWater::default(),
        })
    }

    fn reader(&self) -> Reader {
        self.engine.reader()
    }
}

/// Whose key seals a row; deliveries and leads say it themselves.
fn subject(at: &[u8]) -> Option<Vec<u8>> {
    let kind = KeyReader::new(at).str().ok()?;
    matches!(kind.as_str(), "in" | "qu").then(|| TRANSIT.to_vec())
}

/// The ids under a person in an index.
fn ids_of(tx: &Tx, space: &Space, index: &str, person: &str) -> Result<Vec<String>, Error> {
    let rows = tx.scan(space, &Scan::prefix(key().str(index).str(person).build()))?;
    rows.iter().map(|(at, _)| last_part(at)).collect()
}

/// The id at the end of a key of an index.
fn last_part(at: &[u8]) -> Result<String, Error> {
    let mut at = KeyReader::new(at);
    at.str()?;
    at.str()?;
    Ok(at.str()?)
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
///
/// The name of a new counter is kept beside it: a counter that changes often has many versions, and a scan over counters
/// walks over all of them, while names are written once.
fn count(tx: &mut Tx, space: &Space, kind: &str, name: &str, by: i64) -> Result<(), Error> {
    let at = counter_key(kind, name);
    let known = tx.get(space, &at)?;
    if known.is_none() {
        tx.put(space, key().str("cn").str(kind).str(name).build(), Vec::new())?;
    }
    let now = known.map_or(0, |value| number(&value));
    tx.put(space, at, now.saturating_add_signed(by).to_be_bytes().to_vec())?;
    Ok(())
}

fn read_count(reader: &Reader, space: &Space, kind: &str, name: &str) -> Result<u64, Error> {
    Ok(reader.get(space, counter_key(kind, name))?.map_or(0, |value| number(&value)))
}

/// The counters of a kind, by name.
fn read_counts(reader: &Reader, space: &Space, kind: &str) -> Result<BTreeMap<String, u64>, Error> {
    let names = reader.scan(space, &Scan::prefix(key().str("cn").str(kind).build()))?;
    names
        .iter()
        .map(|(at, _)| {
            let mut at = KeyReader::new(at);
            at.str()?;
            at.str()?;
            let name = at.str()?;
            let count = read_count(reader, space, kind, &name)?;
            Ok((name, count))
        })
        .collect()
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
