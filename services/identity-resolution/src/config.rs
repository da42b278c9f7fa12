//! Configuration: the namespaces and their policies.

mod matching;

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::{Secret, Violation};
use attune_service_kit::config::{Section, serde_duration};
use phonenumber::country;
use serde::{Deserialize, Serialize};

use crate::domain::matching::NAMESPACE;
use crate::domain::normalize::{EmailRules, Normalizer, prepare};
use crate::domain::{Policy, Rules, Strength};

pub use matching::MatchingConfig;

/// The default configuration, which documents every key.
pub const DEFAULT_CONFIG: &str = include_str!("../config.default.toml");

/// Configuration of the service. Keys are documented in `config.default.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Region, in two letters of ISO 3166, whose numbering plan a phone number without a calling code follows.
    pub default_region: String,
    /// Key of the hashes of sensitive values and of tombstones.
    pub hash_key: Secret,
    /// How far `last_seen` may lag behind.
    #[serde(with = "serde_duration")]
    pub touch_interval: Duration,
    /// Most identifiers of a component that is computed as a whole.
    pub max_component: usize,
    /// How long the audit trail is kept; zero is for ever.
    #[serde(with = "serde_duration")]
    pub audit_retention: Duration,
    /// Whether late interactions with erased identifiers are refused.
    pub refuse_events_before_erasure: bool,
    /// Namespaces of the operator.
    pub more_namespaces: BTreeMap<String, Policy>,
    /// Matching by attributes.
    pub matching: MatchingConfig,
    /// What e-mail providers ignore.
    pub email: EmailConfig,
    /// The namespaces that are always there.
    pub namespaces: BTreeMap<String, Policy>,
}

/// What e-mail providers ignore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// Domains that deliver `name+tag` to `name`.
    pub plus_tag_domains: Vec<String>,
    /// Domains that ignore dots before the `@`.
    pub dotless_domains: Vec<String>,
    /// `alias=domain` pairs.
    pub same_domains: Vec<String>,
}

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

/// The policy of the identifiers by which attribute records hang in the graph: after every namespace of a caller.
fn record_policy() -> Policy {
    Policy {
        strength: Strength::Strong,
        priority: u32::MAX,
        normalizer: Normalizer::Trim,
        hashed: false,
        unique_per_person: false,
        max_persons_per_identifier: 0,
        max_identifiers_per_person: 0,
        block_repeated: false,
        blocked: Vec::new(),
        time_to_live: Duration::ZERO,
    }
}

fn namespaces() -> BTreeMap<String, Policy> {
    [
        (
            "customer_id",
            Policy {
                strength: Strength::Strong,
                priority: 10,
                normalizer: Normalizer::Trim,
                hashed: false,
                unique_per_person: true,
                max_persons_per_identifier: 0,
                max_identifiers_per_person: 0,
                block_repeated: false,
                blocked: texts(&[]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "account_id",
            Policy {
                strength: Strength::Strong,
                priority: 20,
                normalizer: Normalizer::Trim,
                hashed: false,
                unique_per_person: false,
                max_persons_per_identifier: 10,
                max_identifiers_per_person: 50,
                block_repeated: false,
                blocked: texts(&[]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "national_id",
            Policy {
                strength: Strength::Strong,
                priority: 30,
                normalizer: Normalizer::Alphanumeric,
                hashed: true,
                unique_per_person: true,
                max_persons_per_identifier: 0,
                max_identifiers_per_person: 0,
                block_repeated: true,
                blocked: texts(&[]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "email",
            Policy {
                strength: Strength::Strong,
                priority: 40,
                normalizer: Normalizer::Email,
                hashed: false,
                unique_per_person: false,
                max_persons_per_identifier: 10,
                max_identifiers_per_person: 20,
                block_repeated: false,
                blocked: texts(&[
                    "test@test.com",
                    "test@example.com",
                    "noreply@example.com",
                    "none@none.com",
                    "no@email.com",
                    "na@na.com",
                ]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "phone",
            Policy {
                strength: Strength::Strong,
                priority: 50,
                normalizer: Normalizer::Phone,
                hashed: false,
                unique_per_person: false,
                max_persons_per_identifier: 10,
                max_identifiers_per_person: 20,
                block_repeated: true,
                blocked: texts(&[]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "device",
            Policy {
                strength: Strength::Weak,
                priority: 60,
                normalizer: Normalizer::Lowercase,
                hashed: false,
                unique_per_person: false,
                max_persons_per_identifier: 10,
                max_identifiers_per_person: 50,
                block_repeated: true,
                blocked: texts(&["unknown", "undefined", "null", "none"]),
                time_to_live: Duration::ZERO,
            },
        ),
        (
            "cookie",
            Policy {
                strength: Strength::Weak,
                priority: 70,
                normalizer: Normalizer::Trim,
                hashed: false,
                unique_per_person: false,
                max_persons_per_identifier: 10,
                max_identifiers_per_person: 200,
                block_repeated: true,
                blocked: texts(&["unknown", "undefined", "null", "none"]),
                time_to_live: Duration::ZERO,
            },
        ),
    ]
    .into_iter()
    .map(|(name, policy)| (name.to_owned(), policy))
    .collect()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_region: "US".to_owned(),
            hash_key: Secret::default(),
            touch_interval: Duration::from_secs(86_400),
            max_component: 2000,
            audit_retention: Duration::ZERO,
            refuse_events_before_erasure: true,
            more_namespaces: BTreeMap::new(),
            matching: MatchingConfig::default(),
            email: EmailConfig {
                plus_tag_domains: texts(&[
                    "gmail.com",
                    "outlook.com",
                    "hotmail.com",
                    "live.com",
                    "icloud.com",
                    "fastmail.com",
                    "proton.me",
                    "protonmail.com",
                ]),
                dotless_domains: texts(&["gmail.com"]),
                same_domains: texts(&["googlemail.com=gmail.com"]),
            },
            namespaces: namespaces(),
        }
    }
}

impl Config {
    /// Every problem at once; fields are paths below the section.
    #[must_use]
    pub fn validate(&self) -> Vec<Violation> {
        let mut problems = self.matching.validate();
        if self.default_region.parse::<country::Id>().is_err() {
            problems.push(Violation::new("default_region", "must be a region in two capital letters, such as KR"));
        }
        if !(10..=20_000).contains(&self.max_component) {
            problems.push(Violation::new("max_component", "must be in 10..=20000"));
        }
        for (at, pair) in self.email.same_domains.iter().enumerate() {
            if pair.split_once('=').is_none_or(|(alias, domain)| alias.is_empty() || domain.is_empty()) {
                problems.push(Violation::new(format!("email.same_domains[{at}]"), "must be alias=domain"));
            }
        }
        for name in self.more_namespaces.keys() {
            let field = format!("more_namespaces.{name}");
            if self.namespaces.contains_key(name) || name == NAMESPACE {
                problems.push(Violation::new(field, "is one of the namespaces that are always there"));
            } else if name.is_empty() || name.len() > 64 || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
                problems.push(Violation::new(field, "must have 1 to 64 characters without white space"));
            }
        }
        for (table, namespaces) in [("namespaces", &self.namespaces), ("more_namespaces", &self.more_namespaces)] {
            for (name, policy) in namespaces {
                if policy.unique_per_person && policy.strength == Strength::Weak {
                    let field = format!("{table}.{name}.unique_per_person");
                    problems.push(Violation::new(field, "must be false for a weak namespace"));
                }
                if policy.max_persons_per_identifier > 1000 {
                    let field = format!("{table}.{name}.max_persons_per_identifier");
                    problems.push(Violation::new(field, "must be at most 1000, or 0 for no limit"));
                }
            }
        }
        problems
    }

    /// The rules that the configuration sets.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let same = self.email.same_domains.iter().filter_map(|pair| pair.split_once('='));
        let mut rules = Rules {
            namespaces: self
                .namespaces
                .iter()
                .chain(&self.more_namespaces)
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect(),
            email: EmailRules {
                plus_tag_domains: self.email.plus_tag_domains.clone(),
                dotless_domains: self.email.dotless_domains.clone(),
                domain_aliases: same.map(|(alias, domain)| (alias.to_owned(), domain.to_owned())).collect(),
            },
            // Checked when the service is built.
            default_region: self.default_region.parse().unwrap_or(country::Id::US),
            hash_key: self.hash_key.expose().as_bytes().to_vec(),
            touch_interval: self.touch_interval,
            max_component: self.max_component,
            expires: false,
            refuse_events_before_erasure: self.refuse_events_before_erasure,
        };
        rules.namespaces.insert(NAMESPACE.to_owned(), record_policy());
        rules.expires = rules.namespaces.values().any(|policy| !policy.time_to_live.is_zero());
        prepare(&mut rules);
        rules
    }
}

impl Section for Config {
    const NAME: &'static str = "identity_resolution";
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
    fn a_namespace_of_the_operator_is_taken() {
        let variable = "ATTUNE__IDENTITY_RESOLUTION__MORE_NAMESPACES".to_owned();
        let value = r#"{ loyalty = { strength = "strong", priority = 15, normalizer = "trim" } }"#.to_owned();
        let loaded = Loader::new().section::<Config>().env([(variable, value)]).load().unwrap();
        let config: Config = loaded.section().unwrap();
        assert!(config.rules().is_strong("loyalty"));
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let mut config = Config { default_region: "Korea".to_owned(), max_component: 0, ..Config::default() };
        config.email.same_domains.push("nonsense".to_owned());
        config.more_namespaces.insert("email".to_owned(), config.namespaces["email"].clone());
        if let Some(cookie) = config.namespaces.get_mut("cookie") {
            cookie.unique_per_person = true;
        }
        let fields: Vec<String> = config.validate().into_iter().map(|one| one.field).collect();
        let expected = [
            "default_region",
            "max_component",
            "email.same_domains[1]",
            "more_namespaces.email",
            "namespaces.cookie.unique_per_person",
        ];
        assert_eq!(fields, expected);
    }
}
