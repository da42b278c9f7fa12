//! A single event as it arrives.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::value::{Facts, Properties, Scalar};

/// One thing that one person did. Whose it is, is known by the place it stands in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The sender's id of it.
    pub id: String,
    /// What happened, such as `cart`.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// Where it happened: `web`, `branch`; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

impl Facts for Event {
    fn property(&self, name: &str) -> Option<Scalar<'_>> {
        self.properties.property(name)
    }
}
