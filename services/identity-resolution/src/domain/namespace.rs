//! The policy of each kind of identifier.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::normalize::{EmailRules, Normalizer};

/// What an identifier proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Names one person: persons that share it are one person.
    Strong,
    /// Names a thing that a person uses: it ties an anonymous person to a known one and never joins two known ones.
    Weak,
}

/// How identifiers of one namespace are treated. A limit of 0 is no limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// What an identifier proves.
    pub strength: Strength,
    /// Which identifier decides when the evidence of one interaction conflicts: the smaller number.
    pub priority: u32,
    /// How a value is brought into its one form.
    pub normalizer: Normalizer,
    /// Whether only a keyed hash of the value is kept.
    #[serde(default)]
    pub hashed: bool,
    /// Whether two different values are proof of two persons.
    #[serde(default)]
    pub unique_per_person: bool,
    /// With how many persons an identifier may be seen before it stops linking.
    #[serde(default)]
    pub max_persons_per_identifier: u32,
    /// How many identifiers of the namespace a person may hold.
    #[serde(default)]
    pub max_identifiers_per_person: u32,
    /// Whether values made of one repeated character (`000000`) are blocked.
    #[serde(default)]
    pub block_repeated: bool,
    /// Values that name nobody; compared in normalized form.
    #[serde(default)]
    pub blocked: Vec<String>,
    /// For how long after it was last seen with another identifier it links; zero is for ever.
    #[serde(default, with = "attune_service_kit::config::serde_duration")]
    pub time_to_live: Duration,
}

impl Policy {
    /// How many identifiers of the namespace a person may hold, uniqueness included.
    #[must_use]
    pub fn capacity(&self) -> usize {
        match (self.unique_per_person, self.max_identifiers_per_person) {
            (true, _) => 1,
            (false, 0) => usize::MAX,
            (false, limit) => limit as usize,
        }
    }
}

/// Every rule that resolving follows.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Policies by namespace.
    pub namespaces: BTreeMap<String, Policy>,
    /// Which providers ignore what in an address.
    pub email: EmailRules,
    /// Region whose numbering plan a phone number without a calling code follows.
    pub default_region: phonenumber::country::Id,
    /// Key of the hashes of sensitive values and of tombstones.
    pub hash_key: Vec<u8>,
    /// How far `last_seen` may lag behind, so that seeing a known identifier again seldom writes.
    pub touch_interval: Duration,
    /// Most identifiers of a component that is computed as a whole.
    pub max_component: usize,
    /// Whether any namespace has a time to live.
    pub expires: bool,
    /// Whether an interaction before an erasure is refused when it carries an erased identifier.
    pub refuse_events_before_erasure: bool,
}

impl Rules {
    /// Whether a namespace is strong. One that is no longer configured proves nothing.
    #[must_use]
    pub fn is_strong(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|policy| policy.strength == Strength::Strong)
    }

    /// How many identifiers of a namespace a person may hold.
    #[must_use]
    pub fn capacity(&self, namespace: &str) -> usize {
        self.namespaces.get(namespace).map_or(usize::MAX, Policy::capacity)
    }

    /// Whether two values of a namespace are proof of two persons.
    #[must_use]
    pub fn is_unique(&self, namespace: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|policy| policy.unique_per_person)
    }

    /// The priority of a namespace; the weakest when it is not configured.
    #[must_use]
    pub fn priority(&self, namespace: &str) -> u32 {
        self.namespaces.get(namespace).map_or(u32::MAX, |policy| policy.priority)
    }

    /// For how long an identifier of a namespace links; `None` is for ever.
    #[must_use]
    pub fn time_to_live(&self, namespace: &str) -> Option<Duration> {
        self.namespaces.get(namespace).map(|policy| policy.time_to_live).filter(|time| !time.is_zero())
    }

    /// With how many persons an identifier of a namespace may be seen; `None` when there is no limit.
    #[must_use]
    pub fn max_persons(&self, namespace: &str) -> Option<usize> {
        let limit = self.namespaces.get(namespace)?.max_persons_per_identifier;
        (limit > 0).then_some(limit as usize)
    }
}
