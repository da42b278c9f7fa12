//! Configuration: times and sizes.

use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::{Section, serde_duration};
use serde::{Deserialize, Serialize};

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// How long a reservation holds when the caller does not say.
    #[serde(with = "serde_duration")]
    pub reservation_ttl: Duration,
    /// The longest time a caller may ask for.
    #[serde(with = "serde_duration")]
    pub max_reservation_ttl: Duration,
    /// How long retries are recognized.
    #[serde(with = "serde_duration")]
    pub request_retention: Duration,
    /// How often expired reservations give their capacity back.
    #[serde(with = "serde_duration")]
    pub sweep_interval: Duration,
    /// Most proposals of one run.
    pub max_proposals: usize,
    /// Most runs at the same time.
    pub max_concurrent_runs: usize,
    /// The longest time a run may take.
    #[serde(with = "serde_duration")]
    pub max_time_limit: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reservation_ttl: Duration::from_secs(15 * 60),
            max_reservation_ttl: Duration::from_secs(30 * 86_400),
            request_retention: Duration::from_secs(86_400),
            sweep_interval: Duration::from_millis(100),
            max_proposals: 5_000_000,
            max_concurrent_runs: 2,
            max_time_limit: Duration::from_secs(30 * 60),
        }
    }
}

impl Config {
    /// Every problem at once, fields named relative to this section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = Vec::new();
        let positive = [
            ("reservation_ttl", self.reservation_ttl),
            ("request_retention", self.request_retention),
            ("sweep_interval", self.sweep_interval),
            ("max_time_limit", self.max_time_limit),
        ];
        for (field, duration) in positive {
            if duration.is_zero() {
                problems.push(Violation::new(field, "must be positive"));
            }
        }
        if self.max_reservation_ttl < self.reservation_ttl {
            problems.push(Violation::new("max_reservation_ttl", "must not be shorter than reservation_ttl"));
        }
        if !(1..=1_000_000_000).contains(&self.max_proposals) {
            problems.push(Violation::new("max_proposals", "must be 1 to 1000000000"));
        }
        if !(1..=1000).contains(&self.max_concurrent_runs) {
            problems.push(Violation::new("max_concurrent_runs", "must be 1 to 1000"));
        }
        problems
    }
}

impl Section for Config {
    const NAME: &'static str = "contact_optimization";
    const DEFAULTS: &'static str = DEFAULT_CONFIG;

    fn validate(&self, problems: &mut Vec<Violation>) {
        problems.extend(Self::validate(self));
    }
}

#[cfg(test)]
mod tests {
    use attune_service_kit::config::Loader;

    use super::*;

    #[test]
    fn the_default_is_the_documented_one() {
        let loaded: Config = Loader::new().section::<Config>().load().unwrap().section().unwrap();
        assert_eq!(loaded, Config::default());
        assert_eq!(loaded.validate(), Vec::new());
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let config = Config {
            reservation_ttl: Duration::ZERO,
            sweep_interval: Duration::ZERO,
            max_proposals: 0,
            max_concurrent_runs: 0,
            ..Config::default()
        };
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        assert_eq!(fields, ["reservation_ttl", "sweep_interval", "max_proposals", "max_concurrent_runs"]);
    }
}
