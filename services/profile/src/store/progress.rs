//! How far a look at everybody has come, kept as a mark.

use serde::{Deserialize, Serialize};

use super::Store;
use crate::error::Error;

/// The mark.
const PASS: &str = "pass";

/// How far a look at everybody has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What everyone is evaluated for.
    pub wanted: String,
    /// The last person looked at; empty before the first.
    pub after: String,
    /// How many persons were looked at.
    pub persons: u64,
    /// How many of them had traits filled from their timeline.
    pub filled: u64,
    /// Whether it is done.
    pub done: bool,
}

impl Progress {
    /// The progress that is kept in a store.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn read(store: &dyn Store) -> Result<Self, Error> {
        Ok(store.mark(PASS).await?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn keep(&self, store: &dyn Store) -> Result<(), Error> {
        store.set_mark(PASS, &serde_json::to_string(self)?).await
    }
}
