//! Configuration of matching by attributes.

use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::serde_duration;
use serde::{Deserialize, Serialize};

/// Configuration of matching. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchingConfig {
    /// Least probability of a link; 0 takes the model's own.
    pub link_threshold: f64,
    /// Least probability of a review.
    pub review_threshold: f64,
    /// Least probability of a relation of one household.
    pub household_threshold: f64,
    /// Most records that share a blocking key for it to be looked into.
    pub max_block: usize,
    /// Most records of a component that is clustered as a whole.
    pub max_component: usize,
    /// Most persons of a household.
    pub max_household: usize,
    /// How often every record is examined again.
    #[serde(with = "serde_duration")]
    pub reconcile_interval: Duration,
    /// Records of one step of that.
    pub reconcile_batch: usize,
}

/// Thresholds are compared as written, so equality is that of the numbers.
impl Eq for MatchingConfig {}

impl Default for MatchingConfig {
    fn default() -> Self {
        Self {
            link_threshold: 0.0,
            review_threshold: 0.5,
            household_threshold: 0.8,
            max_block: 200,
            max_component: 500,
            max_household: 20,
            reconcile_interval: Duration::from_secs(86_400),
            reconcile_batch: 100,
        }
    }
}

impl MatchingConfig {
    /// Every problem at once; fields are paths below the service's section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = Vec::new();
        let thresholds = [
            ("link_threshold", self.link_threshold),
            ("review_threshold", self.review_threshold),
            ("household_threshold", self.household_threshold),
        ];
        for (key, value) in thresholds {
            if !(0.0..=1.0).contains(&value) {
                problems.push(Violation::new(format!("matching.{key}"), "must be in 0..=1"));
            }
        }
        let counts = [
            ("max_block", self.max_block, 2, 10_000),
            ("max_component", self.max_component, 2, 10_000),
            ("max_household", self.max_household, 2, 1_000),
            ("reconcile_batch", self.reconcile_batch, 1, 10_000),
        ];
        for (key, value, least, most) in counts {
            if !(least..=most).contains(&value) {
                problems.push(Violation::new(format!("matching.{key}"), format!("must be in {least}..={most}")));
            }
        }
        if self.reconcile_interval < Duration::from_secs(60) {
            problems.push(Violation::new("matching.reconcile_interval", "must be at least a minute"));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once() {
        assert_eq!(MatchingConfig::default().validate(), Vec::new());
        let config = MatchingConfig {
            link_threshold: f64::NAN,
            review_threshold: 1.1,
            max_block: 0,
            reconcile_interval: Duration::ZERO,
            ..MatchingConfig::default()
        };
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        let expected = ["link_threshold", "review_threshold", "max_block", "reconcile_interval"];
        assert_eq!(fields, expected.map(|key| format!("matching.{key}")));
    }
}
