//! The file of rules.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::exit::Failure;

/// The file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// The rules, in the order of the report.
    pub(super) rules: Vec<Rule>,
}

/// Names that a rule is about; a list that is absent takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Scope {
    pub(super) channel: Option<Vec<String>>,
    pub(super) offer: Option<Vec<String>>,
    pub(super) campaign: Option<Vec<String>>,
    pub(super) segment: Option<Vec<String>>,
    pub(super) slot: Option<Vec<String>>,
}

/// One rule.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Rule {
    /// What the report calls it.
    pub(super) id: String,
    /// What it demands.
    #[serde(flatten)]
    pub(super) demand: Demand,
}

/// What a rule demands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Demand {
    /// At most so many contacts of each customer.
    MaxPerCustomer {
        limit: u32,
        #[serde(default)]
        scope: Scope,
    },
    /// At least so many contacts of each customer with a proposal in scope.
    MinPerCustomer {
        limit: u32,
        #[serde(default)]
        scope: Scope,
    },
    /// At most so many contacts of each customer and offer, over channels, slots and campaigns.
    MaxPerOffer {
        limit: u32,
        #[serde(default)]
        scope: Scope,
    },
    /// So many contacts in all.
    Capacity {
        #[serde(default)]
        min: Option<i64>,
        #[serde(default)]
        max: Option<i64>,
        #[serde(default)]
        scope: Scope,
    },
    /// At most so much cost in all.
    Budget {
        max: f64,
        #[serde(default)]
        scope: Scope,
    },
    /// Of each customer at most so many contacts of these offers.
    Exclusive { limit: u32, scope: Scope },
    /// An offer only with another, in the plan or in the history.
    Requires { offer: String, requires: String },
    /// An offer never so soon after another in the history.
    NotAfter { offer: String, after: String, within: String },
}

impl Demand {
    /// How soon is too soon.
    ///
    /// # Errors
    /// When the text is no duration.
    pub(super) fn within(text: &str) -> Result<Duration, String> {
        attune_kernel::parse_duration(text)
    }
}

impl RuleFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// Bad input that names the file and the rule.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| Failure::input(format!("{name}: {error}")))?;
        let file: Self = serde_saphyr::from_str(&text).map_err(|error| Failure::input(format!("{name}: {error}")))?;
        let mut ids = std::collections::BTreeSet::new();
        for rule in &file.rules {
            let wrong = |what: &str| Err(Failure::input(format!("{name}: rule {}: {what}", rule.id)));
            if rule.id.is_empty() || !ids.insert(rule.id.as_str()) {
                return wrong("its id is empty or there twice");
            }
            match &rule.demand {
                Demand::Capacity { min: None, max: None, .. } => return wrong("needs min or max"),
                Demand::Capacity { min, max, .. } if min.unwrap_or(0) < 0 || max.unwrap_or(0) < 0 => {
                    return wrong("min and max must not be negative");
                }
                Demand::Capacity { min: Some(min), max: Some(max), .. } if min > max => {
                    return wrong("min is above max");
                }
                Demand::Budget { max, .. } if !(max.is_finite() && *max >= 0.0) => {
                    return wrong("max must be a number that is not negative");
                }
                Demand::Exclusive { scope, .. } if scope.offer.as_ref().is_none_or(|offers| offers.len() < 2) => {
                    return wrong("scope must name two offers or more");
                }
                Demand::NotAfter { within, .. } => {
                    if let Err(error) = Demand::within(within) {
                        return wrong(&format!("within: {error}"));
                    }
                }
                Demand::Requires { offer, requires } if offer == requires => {
                    return wrong("an offer cannot require itself");
                }
                _ => {}
            }
        }
        Ok(file)
    }
}
