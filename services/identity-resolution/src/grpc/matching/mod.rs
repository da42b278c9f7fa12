//! Matching by attributes: what was said about a person compared with what is known.
//!
//! * `active`: the model in use.
//! * `compare`: candidates from the store, scored in one pass.
//! * `settle`: which matches hold.
//! * `links`: what matching tells the graph.
//! * `resolving`: interactions that carry attributes.
//! * `reconcile`: records examined again.
//! * `erasure`: what was said about a person, erased.
//! * `waterfall`: how a weight comes about.

mod active;
mod compare;
mod erasure;
mod links;
mod reconcile;
mod resolving;
mod settle;
mod waterfall;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use attune_kernel::PersonId;
use attune_storage::StorageError;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use tokio::sync::{Mutex, MutexGuard};

use super::Identity;
use crate::config::MatchingConfig;
use crate::domain::interaction::tombstone;
use crate::domain::matching::{End, RecordKey};
use crate::domain::{Lookup, Person};
use crate::error::Error;
use crate::store::records::{Models, Records};

pub(crate) use active::Active;
pub(super) use compare::Examined;
pub(super) use resolving::Incoming;

/// What matching needs beside the graph.
pub(crate) struct Matching {
    /// The records.
    pub(crate) records: Arc<dyn Records>,
    /// Thresholds and caps.
    pub(crate) config: MatchingConfig,
    /// Held from reading candidates to writing what came of them, so that of two records that arrive at once in one
    /// process the later one sees the earlier one. Between processes a reconciliation finds what was missed.
    turn: Mutex<()>,
    active: RwLock<Arc<Active>>,
}

impl Matching {
    /// Matching with the model that was published last.
    ///
    /// # Errors
    /// What the store answers.
    pub(crate) async fn load(records: Arc<dyn Records>, config: MatchingConfig) -> Result<Self, StorageError> {
        let active = RwLock::new(Arc::new(Active::default_model(&config)));
        let matching = Self { records, config, turn: Mutex::new(()), active };
        matching.refresh().await?;
        Ok(matching)
    }

    /// Waits until nobody else compares and writes.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The model in use.
    pub(crate) fn active(&self) -> Arc<Active> {
        Arc::clone(&self.active.read())
    }

    /// Takes a model into use that another process has published. Answers whether the model changed.
    ///
    /// # Errors
    /// What the store answers; [`StorageError::Corrupt`] when what is stored is no model.
    pub(crate) async fn refresh(&self) -> Result<bool, StorageError> {
        let newest = self.records.models(&Models::Page { below: None, limit: 1 }).await?;
        if newest.first().is_none_or(|newest| newest.number == self.active().number) {
            return Ok(false);
        }
        let Some(published) = self.records.models(&Models::Current).await?.pop() else { return Ok(false) };
        let changed = published.version != self.active().version;
        let active = Active::published(published, &self.config)?;
        *self.active.write() = Arc::new(active);
        Ok(changed)
    }
}

/// The records that a person holds.
pub(super) fn records_of(person: &Person) -> Vec<RecordKey> {
    let held = person.identifiers.iter().filter(|held| held.namespace == crate::domain::matching::NAMESPACE);
    held.map(|held| held.key).collect()
}

impl Identity {
    /// Who holds records now; those that nobody holds are left out.
    pub(super) async fn holders(&self, records: &[RecordKey]) -> Result<FxHashMap<RecordKey, PersonId>, Error> {
        if records.is_empty() {
            return Ok(FxHashMap::default());
        }
        let identifiers = records.iter().map(|key| (*key, tombstone(&self.rules, *key))).collect();
        Ok(self.store.view(&Lookup { identifiers, ..Lookup::default() }).await?.owners)
    }

    /// The surviving persons of ids and the holders of records, by end.
    pub(super) async fn ends(&self, ends: &[End]) -> Result<FxHashMap<End, PersonId>, Error> {
        let (mut identifiers, mut persons) = (Vec::new(), Vec::new());
        for end in ends {
            match end {
                End::Person(id) => persons.push(*id),
                End::Record(key) => identifiers.push((*key, tombstone(&self.rules, *key))),
            }
        }
        let view = self.store.view(&Lookup { identifiers, persons, ..Lookup::default() }).await?;
        let holder = |end: &End| match end {
            End::Person(id) => {
                let id = view.survivors.get(id).copied().unwrap_or(*id);
                view.persons.get(&id).filter(|person| person.erased.is_none()).map(|person| person.id)
            }
            End::Record(key) => view.owners.get(key).copied(),
        };
        Ok(ends.iter().filter_map(|end| Some((*end, holder(end)?))).collect())
    }
}
