//! What may be decided by a person instead of being inferred: the form that `--config` takes and the report writes.

use crate::text::{Hints, Role};
use serde::{Deserialize, Serialize};

/// How a table is matched. Every part that is left out is inferred.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The columns in use. A column that is not listed is inferred; one listed without a role is not used.
    pub columns: Vec<ColumnConfig>,
    /// The blocking rules. Two records are compared when they agree on every key of a rule; chosen from the data when
    /// empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleConfig>,
    /// Least probability of a link, from 0 to 1; chosen from the data when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Most pairs to compare; thirty a record when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pair_budget: Option<u64>,
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnConfig {
    /// The column's header.
    pub name: String,
    /// Its role; none means that it is no evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How its values are written; inferred when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Hints>,
}

/// A blocking rule: agreement on every key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// The keys, such as `family_name` or `date_of_birth:year`: a column's header, and after a colon the part of its
    /// value.
    pub keys: Vec<String>,
}

/// What governs one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Where drawing samples starts; equal seeds give equal results.
    pub seed: u64,
    /// Threads to use, at least one; the result does not depend on it.
    pub threads: usize,
    /// Least probability of a link; overrides the configuration.
    pub threshold: Option<f64>,
    /// Most pairs to compare; overrides the configuration.
    pub pair_budget: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 1, threads: 1, threshold: None, pair_budget: None }
    }
}
