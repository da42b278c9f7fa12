//! Configuration; the keys are documented in `config.default.toml`.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::{Section, serde_duration};
use serde::{Deserialize, Serialize};

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

const DAY: u64 = 86_400;

/// What becomes of values of undeclared attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undeclared {
    /// They are kept aside, listed, and taken in when they are declared.
    Aside,
    /// They are taken as they are.
    Accept,
}

/// Configuration of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether a purpose without a word of the person is allowed.
    pub consent_defaults: BTreeMap<String, bool>,
    /// Purposes that do not wait for the end of quiet hours.
    pub quiet_exempt: Vec<String>,
    /// For how long a consent waits for its token.
    #[serde(with = "serde_duration")]
    pub confirm_within: Duration,
    /// What becomes of values of undeclared attributes.
    pub undeclared: Undeclared,
    /// Whether the standard attributes are declared.
    pub standard_attributes: bool,
    /// Whether the standard traits are declared.
    pub standard_traits: bool,
    /// How far back traits can be read.
    #[serde(with = "serde_duration")]
    pub trait_history: Duration,
    /// How often the population is cut anew for traits with quantiles.
    #[serde(with = "serde_duration")]
    pub quantile_interval: Duration,
    /// Persons evaluated at once by the background task.
    pub evaluation_batch: usize,
    /// How often segments that read the time are evaluated for everyone.
    #[serde(with = "serde_duration")]
    pub reevaluation_interval: Duration,
    /// How long a snapshot stays in the cache.
    #[serde(with = "serde_duration")]
    pub cache_ttl: Duration,
    /// The most persons of the index; 0 for none.
    pub audience_max_persons: usize,
    /// The most columns of the index.
    pub audience_max_columns: usize,
    /// The most entries and exits of segments that are remembered for answers about the past.
    pub audience_max_moves: usize,
    /// How often rows of the index are made anew.
    #[serde(with = "serde_duration")]
    pub audience_refresh: Duration,
    /// Threads that learn models.
    pub training_threads: usize,
    /// How long a request id is remembered.
    #[serde(with = "serde_duration")]
    pub request_retention: Duration,
    /// How often events are looked through for those that their kind keeps for a bounded time.
    #[serde(with = "serde_duration")]
    pub event_retention: Duration,
    /// How long entries of the feed of segments are kept.
    #[serde(with = "serde_duration")]
    pub feed_retention: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let defaults = [("marketing", false), ("service", true), ("legal", true)];
        let defaults = defaults.map(|(purpose, allowed)| (purpose.to_owned(), allowed));
        Self {
            consent_defaults: defaults.into(),
            quiet_exempt: vec!["legal".to_owned()],
            confirm_within: Duration::from_secs(7 * DAY),
            undeclared: Undeclared::Aside,
            standard_attributes: true,
            standard_traits: true,
            trait_history: Duration::from_secs(DAY),
            quantile_interval: Duration::from_secs(DAY),
            evaluation_batch: 500,
            reevaluation_interval: Duration::from_secs(3600),
            cache_ttl: Duration::from_secs(600),
            audience_max_persons: 5_000_000,
            audience_max_columns: 4_000,
            audience_max_moves: 5_000_000,
            audience_refresh: Duration::from_secs(3600),
            training_threads: 1,
            request_retention: Duration::from_secs(7 * DAY),
            event_retention: Duration::from_secs(3600),
            feed_retention: Duration::from_secs(30 * DAY),
        }
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
        if self.audience_max_persons > 100_000_000 {
            out.push(Violation::new("audience_max_persons", "must be at most 100000000"));
        }
        if !(1..=1_000_000_000).contains(&self.audience_max_moves) {
            out.push(Violation::new("audience_max_moves", "must be between 1 and 1000000000"));
        }
        if !(1..=256).contains(&self.training_threads) {
            out.push(Violation::new("training_threads", "must be between 1 and 256"));
        }
        if !(10..=100_000).contains(&self.audience_max_columns) {
            out.push(Violation::new("audience_max_columns", "must be between 10 and 100000"));
        }
        for (field, value, least) in [
            ("reevaluation_interval", self.reevaluation_interval, 1),
            ("quantile_interval", self.quantile_interval, 60),
            ("cache_ttl", self.cache_ttl, 1),
            ("audience_refresh", self.audience_refresh, 10),
            ("event_retention", self.event_retention, 1),
            ("confirm_within", self.confirm_within, 60),
            ("request_retention", self.request_retention, 60),
            ("feed_retention", self.feed_retention, 60),
        ] {
            if value < Duration::from_secs(least) {
                out.push(Violation::new(field, format!("must be at least {least}s")));
            }
        }
        if self.trait_history > Duration::from_secs(400 * DAY) {
            out.push(Violation::new("trait_history", "must be at most 400d"));
        }
        if self.consent_defaults.keys().any(|purpose| !(1..=64).contains(&purpose.len())) {
            out.push(Violation::new("consent_defaults", "names must have 1 to 64 characters"));
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
        let config = Config {
            consent_defaults: [(String::new(), true)].into(),
            quiet_exempt: Vec::new(),
            confirm_within: Duration::ZERO,
            undeclared: Undeclared::Accept,
            standard_attributes: false,
            standard_traits: false,
            trait_history: Duration::from_secs(500 * DAY),
            quantile_interval: Duration::ZERO,
            evaluation_batch: 0,
            reevaluation_interval: Duration::ZERO,
            cache_ttl: Duration::ZERO,
            audience_max_persons: usize::MAX,
            audience_max_columns: 0,
            audience_max_moves: 0,
            audience_refresh: Duration::ZERO,
            training_threads: 0,
            request_retention: Duration::ZERO,
            event_retention: Duration::ZERO,
            feed_retention: Duration::ZERO,
        };
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        let all = [
            "evaluation_batch",
            "reevaluation_interval",
            "cache_ttl",
            "request_retention",
            "feed_retention",
            "confirm_within",
            "audience_max_persons",
            "audience_max_columns",
            "audience_max_moves",
            "audience_refresh",
            "training_threads",
            "trait_history",
            "quantile_interval",
        ];
        assert!(
            all.iter().chain(&["consent_defaults"]).all(|field| fields.contains(&(*field).to_owned())),
            "{fields:?}"
        );
    }
}
