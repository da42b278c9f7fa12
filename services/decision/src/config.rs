//! Configuration of the service.

use std::time::Duration;

use attune_kernel::Violation;
use attune_service_kit::config::{Section, serde_duration};
use serde::{Deserialize, Serialize};

use crate::domain::catalogue::DEFAULT_POLICY;
use crate::domain::decide::Settings;
use crate::domain::model::Prior;
use crate::domain::policy::{Exploration, Policy};
use crate::domain::response::Kind;
use crate::domain::simulate::Support;

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Decisions of one batch under way at the same time.
    pub batch_concurrency: usize,
    /// The language tried after the person's own.
    pub default_language: String,
    /// Purposes allowed without a word from the person.
    pub granted_by_default: Vec<String>,
    /// The default policy.
    pub policy: PolicyConfig,
    /// What is learned.
    pub model: ModelConfig,
    /// The services that a decision asks.
    pub dependencies: DependenciesConfig,
    /// The decision log.
    pub log: LogConfig,
    /// When a simulation's figures may be used.
    pub simulate: SimulateConfig,
}

/// The default policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyConfig {
    /// How it explores.
    pub exploration: ExplorationConfig,
    /// The control group's share of persons.
    pub control_share: f64,
    /// The share of decisions that choose uniformly all the same.
    pub exploration_floor: f64,
    /// The value is no factor of the score.
    pub ignore_value: bool,
    /// The lever is no factor of the score.
    pub ignore_lever: bool,
    /// The weakest response that counts as positive.
    pub learn_from: String,
}

/// How the default policy explores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExplorationConfig {
    /// Thompson sampling.
    Thompson,
    /// The posterior mean.
    Greedy,
    /// Every eligible offer is equally likely.
    Uniform,
}

/// What is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// The propensity expected where the marketer expects nothing.
    pub prior_propensity: f64,
    /// What that expectation is worth, in responses.
    pub prior_evidence: f64,
    /// How much other channels count, in responses.
    pub channel_transfer: f64,
    /// How often to look for what others learned.
    #[serde(with = "serde_duration")]
    pub refresh: Duration,
}

/// What to do without profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutProfile {
    /// Decide without attributes.
    Without,
    /// Answer UNAVAILABLE.
    Fail,
}

/// What to do without contact-optimization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WithoutContact {
    /// Admit every offer.
    Admit,
    /// Hold every offer back.
    Hold,
    /// Answer UNAVAILABLE.
    Fail,
}

/// The services that a decision asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependenciesConfig {
    /// How long to wait for identity-resolution.
    #[serde(with = "serde_duration")]
    pub identity_timeout: Duration,
    /// How long to wait for profile.
    #[serde(with = "serde_duration")]
    pub profile_timeout: Duration,
    /// What to do without it.
    pub profile_unavailable: WithoutProfile,
    /// How long to wait for contact-optimization.
    #[serde(with = "serde_duration")]
    pub contact_timeout: Duration,
    /// What to do without it.
    pub contact_unavailable: WithoutContact,
}

/// Whether a decision is on disk before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// It is.
    Durable,
    /// It follows within a window.
    Behind,
}

/// The decision log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Whether a decision is on disk before it is answered.
    pub durability: Durability,
    /// How long one may wait to be written.
    #[serde(with = "serde_duration")]
    pub behind_window: Duration,
    /// How many may wait.
    pub behind_queue: usize,
    /// Keep the attribute, value and threshold that ended a candidate.
    pub reasons: bool,
}

/// When a simulation's figures may be used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulateConfig {
    /// The least effective sample size.
    pub min_effective_sample: f64,
    /// The most that the tried policy may put on offers the log cannot speak about.
    pub max_unsupported: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_concurrency: 64,
            default_language: "en".to_owned(),
            granted_by_default: vec!["service".to_owned()],
            policy: PolicyConfig {
                exploration: ExplorationConfig::Thompson,
                control_share: 0.05,
                exploration_floor: 0.02,
                ignore_value: false,
                ignore_lever: false,
                learn_from: "CLICK".to_owned(),
            },
            model: ModelConfig {
                prior_propensity: 0.05,
                prior_evidence: 20.0,
                channel_transfer: 100.0,
                refresh: Duration::from_millis(50),
            },
            dependencies: DependenciesConfig {
                identity_timeout: Duration::from_millis(500),
                profile_timeout: Duration::from_millis(300),
                profile_unavailable: WithoutProfile::Without,
                contact_timeout: Duration::from_millis(300),
                contact_unavailable: WithoutContact::Admit,
            },
            log: LogConfig {
                durability: Durability::Durable,
                behind_window: Duration::from_millis(20),
                behind_queue: 10_000,
                reasons: true,
            },
            simulate: SimulateConfig { min_effective_sample: 100.0, max_unsupported: 0.01 },
        }
    }
}

impl Config {
    /// Every problem at once; fields are paths below the section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = Vec::new();
        let mut check = |good: bool, field: &str, rule: &str| {
            if !good {
                problems.push(Violation::new(field, rule));
            }
        };
        check((1..=1000).contains(&self.batch_concurrency), "batch_concurrency", "must be in 1..=1000");
        check((0.0..=1.0).contains(&self.policy.control_share), "policy.control_share", "must be in 0..=1");
        check((0.0..=0.5).contains(&self.policy.exploration_floor), "policy.exploration_floor", "must be in 0..=0.5");
        let kind = Kind::parse(&self.policy.learn_from).is_some();
        check(kind, "policy.learn_from", "must be one of IMPRESSION, CLICK, ACCEPT, DISMISS, CONVERSION");
        let model = &self.model;
        let within = model.prior_propensity > 0.0 && model.prior_propensity < 1.0;
        check(within, "model.prior_propensity", "must lie between 0 and 1");
        check((0.001..=1e9).contains(&model.prior_evidence), "model.prior_evidence", "must be in 0.001..=1e9");
        check((0.0..=1e9).contains(&model.channel_transfer), "model.channel_transfer", "must be in 0..=1e9");
        let times = [
            ("model.refresh", model.refresh),
            ("dependencies.identity_timeout", self.dependencies.identity_timeout),
            ("dependencies.profile_timeout", self.dependencies.profile_timeout),
            ("dependencies.contact_timeout", self.dependencies.contact_timeout),
            ("log.behind_window", self.log.behind_window),
        ];
        for (field, time) in times {
            check((1..=60_000).contains(&time.as_millis()), field, "must be between 1ms and 60s");
        }
        check((1..=1_000_000).contains(&self.log.behind_queue), "log.behind_queue", "must be in 1..=1000000");
        let sample = self.simulate.min_effective_sample;
        check(sample.is_finite() && sample >= 1.0, "simulate.min_effective_sample", "must be at least 1");
        check((0.0..=1.0).contains(&self.simulate.max_unsupported), "simulate.max_unsupported", "must be in 0..=1");
        problems
    }

    pub(crate) fn default_policy(&self) -> Policy {
        Policy {
            id: DEFAULT_POLICY.to_owned(),
            exploration: match self.policy.exploration {
                ExplorationConfig::Thompson => Exploration::Thompson,
                ExplorationConfig::Greedy => Exploration::Greedy,
                ExplorationConfig::Uniform => Exploration::Uniform,
            },
            control_share: self.policy.control_share,
            exploration_floor: self.policy.exploration_floor,
            ignore_value: self.policy.ignore_value,
            ignore_lever: self.policy.ignore_lever,
            learn_from: Kind::parse(&self.policy.learn_from).unwrap_or(Kind::Click),
        }
    }

    pub(crate) fn prior(&self) -> Prior {
        Prior::clamped(self.model.prior_propensity, self.model.prior_evidence)
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            granted_by_default: self.granted_by_default.clone(),
            default_language: self.default_language.clone(),
        }
    }

    pub(crate) const fn support(&self) -> Support {
        Support {
            min_effective_sample: self.simulate.min_effective_sample,
            max_unsupported: self.simulate.max_unsupported,
        }
    }
}

impl Section for Config {
    const NAME: &'static str = "decision";
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
        let mut config = Config::default();
        config.policy.control_share = 1.5;
        config.policy.learn_from = "click".to_owned();
        config.model.prior_propensity = f64::NAN;
        config.log.behind_queue = 0;
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        let expected = ["policy.control_share", "policy.learn_from", "model.prior_propensity", "log.behind_queue"];
        assert_eq!(fields, expected);
    }
}
