//! Configuration; the keys are documented in `config.default.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::{Section, serde_duration};
use serde::{Deserialize, Serialize};

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether a purpose without a word of the person is allowed.
    pub consent_defaults: BTreeMap<String, bool>,
    /// Persons evaluated at once by the background task.
    pub evaluation_batch: usize,
    /// How long a snapshot stays in the cache.
    #[serde(with = "serde_duration")]
    pub cache_ttl: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let defaults = [("marketing", false), ("service", true), ("legal", true)];
        let defaults = defaults.map(|(purpose, allowed)| (purpose.to_owned(), allowed));
        Self { consent_defaults: defaults.into(), evaluation_batch: 500, cache_ttl: Duration::from_secs(600) }
    }
}

impl Config {
    /// Every broken rule; fields are paths below the section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut out = Vec::new();
        if !(1..=10_000).contains(&self.evaluation_batch) {
            out.push(Violation::new("evaluation_batch", "must be between 1 and 10000"));
        }
        if self.cache_ttl.is_zero() {
            out.push(Violation::new("cache_ttl", "must be longer than zero"));
        }
        out
    }
}

impl Section for Config {
    const NAME: &'static str = "profile";
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
    fn the_default_is_what_the_file_says() {
        let config: Config = Loader::new().section::<Config>().load().unwrap().section().unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let config = Config { evaluation_batch: 0, cache_ttl: Duration::ZERO, ..Config::default() };
        assert_eq!(config.validate().len(), 2);
    }
}
