//! Ids that a replay repeats.

use std::fmt;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Names a firing: 32 hexadecimal digits, the same for the same rule, definition, person, cause and time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TriggerId(String);

impl TriggerId {
    /// The first 128 bits of SHA-256 over the parts, each preceded by its length so that no two lists of parts read
    /// alike.
    #[must_use]
    pub fn new(rule: &str, version: u64, customer: &str, cause: &str, time: Timestamp) -> Self {
        let mut hash = Sha256::new();
        for part in [rule, customer, cause] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.update(version.to_be_bytes());
        hash.update(time.as_micros().to_be_bytes());
        Self(hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TriggerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_matters_and_none_runs_into_the_next() {
        let time = Timestamp::from_millis(1);
        let id = TriggerId::new("rule", 1, "ada", "e1", time);
        assert_eq!(id.as_str(), "9d05b8e006dd33f196266d9b3c495e81");
        assert_eq!(id, TriggerId::new("rule", 1, "ada", "e1", time));
        for other in [
            TriggerId::new("rul", 1, "eada", "e1", time),
            TriggerId::new("rule", 2, "ada", "e1", time),
            TriggerId::new("rule", 1, "ada", "e2", time),
            TriggerId::new("rule", 1, "ada", "e1", Timestamp::from_millis(2)),
        ] {
            assert_ne!(id, other);
        }
    }
}
