//! The model in memory, and how it follows what is learned.

use std::sync::Arc;

use attune_storage::StorageError;
use parking_lot::RwLock;
use rustc_hash::FxHashMap;

use super::{DecisionStore, Recorded};
use crate::domain::model::{Model, Prior};

/// Expected propensities by offer.
pub(crate) type Priors = Arc<FxHashMap<String, Prior>>;

/// Keeps the model. Reading it waits for nobody.
pub(crate) struct Learner {
    store: Arc<dyn DecisionStore>,
    prior: Prior,
    transfer: f64,
    current: RwLock<Current>,
}

struct Current {
    priors: Priors,
    model: Arc<Model>,
}

impl Learner {
    /// Reads the model from the store.
    pub(crate) async fn load(store: Arc<dyn DecisionStore>, prior: Prior, transfer: f64) -> Result<Self, StorageError> {
        let (version, counts) = store.model().await?;
        let priors = Priors::default();
        let model = Arc::new(Model::new(version, counts, priors.clone(), prior, transfer));
        Ok(Self { store, prior, transfer, current: RwLock::new(Current { priors, model }) })
    }

    /// The model under the priors of a catalogue.
    pub(crate) fn model(&self, priors: &Priors) -> Arc<Model> {
        {
            let current = self.current.read();
            if Arc::ptr_eq(&current.priors, priors) {
                return current.model.clone();
            }
        }
        let mut current = self.current.write();
        if current.priors != *priors {
            let model =
                Model::new(current.model.version(), current.model.counts(), priors.clone(), self.prior, self.transfer);
            current.model = Arc::new(model);
        }
        current.priors = priors.clone();
        current.model.clone()
    }

    /// Follows what was just recorded; reads the store when something else was learned meanwhile.
    pub(crate) async fn follow(&self, recorded: &Recorded) -> Result<(), StorageError> {
        if recorded.before == recorded.version {
            return Ok(());
        }
        {
            let mut current = self.current.write();
            if current.model.version() == recorded.before {
                current.model = Arc::new(current.model.apply(recorded.version, recorded.learned.clone()));
                return Ok(());
            }
        }
        self.refresh().await
    }

    /// Reads the store when its model is newer.
    pub(crate) async fn refresh(&self) -> Result<(), StorageError> {
        let known = self.current.read().model.version();
        if self.store.model_version().await? <= known {
            return Ok(());
        }
        let (version, counts) = self.store.model().await?;
        let mut current = self.current.write();
        if version > current.model.version() {
            current.model = Arc::new(Model::new(version, counts, current.priors.clone(), self.prior, self.transfer));
        }
        Ok(())
    }
}
