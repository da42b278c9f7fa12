//! What decides: the learner, chance, or one action always.

use std::path::Path;

use attune_bandit::choose::{self, Choice, Chooser};
use attune_bandit::encode::{Encoded, Encoder, Limits, Value};
use attune_bandit::propensity;
use serde::{Deserialize, Serialize};

use super::columns::Features;
use crate::exit::Failure;

/// The most memory that what is learned of all actions may take.
const MOST_BYTES: usize = 4 << 30;

/// Who decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The product's learner.
    #[default]
    Learner,
    /// Every action with the same probability.
    Uniform,
    /// One action always.
    Fixed,
}

/// A policy as its file says it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// Who decides.
    pub(crate) kind: Kind,
    /// The action of a fixed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
    /// How the learner learns.
    pub(crate) learner: choose::Settings,
    /// How rows are encoded.
    pub(crate) encoder: Limits,
    /// How probabilities of a yes are learned.
    pub(crate) propensity: propensity::Settings,
}

/// Reads YAML or JSON.
///
/// # Errors
/// Bad input, which names the file, and line and field as far as they are known.
pub(crate) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    serde_saphyr::from_str(&text).map_err(|error| wrong(&error))
}

impl Policy {
    /// The policy of a file, or the default.
    ///
    /// # Errors
    /// Bad input, which names file and field.
    pub(crate) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let policy: Self = read(path)?;
        let wrong = |field: &str, what: &str| Err(Failure::input(format!("{}: {field}: {what}", path.display())));
        let learner = &policy.learner;
        for (field, value) in [
            ("learner.strength", learner.strength),
            ("learner.linear", learner.linear),
            ("learner.curved", learner.curved),
            ("learner.width", learner.width),
            ("propensity.variance", policy.propensity.variance),
            ("propensity.width", policy.propensity.width),
            ("propensity.rate", policy.propensity.rate),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return wrong(field, "not above 0");
            }
        }
        for (field, value) in [
            ("learner.floor", learner.floor),
            ("learner.memory", learner.memory),
            ("propensity.memory", policy.propensity.memory),
            ("propensity.forgetting", policy.propensity.forgetting),
            ("propensity.stack_forgetting", policy.propensity.stack_forgetting),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return wrong(field, "not between 0 and 1");
            }
        }
        if !(policy.propensity.start > 0.0 && policy.propensity.start < 1.0) {
            return wrong("propensity.start", "not between 0 and 1");
        }
        if !(0.0..=100.0).contains(&learner.optimism) {
            return wrong("learner.optimism", "not between 0 and 100");
        }
        for (field, value) in [
            ("learner.features", learner.features),
            ("propensity.features", policy.propensity.features),
            ("encoder.dense", policy.encoder.dense),
        ] {
            if value > 4096 {
                return wrong(field, "above 4096");
            }
        }
        if policy.encoder.bins == 0 {
            return wrong("encoder.bins", "not above 0");
        }
        if (policy.kind == Kind::Fixed) != policy.action.is_some() {
            return wrong("action", "is for kind fixed, and needed there");
        }
        Ok(policy)
    }

    /// The limits of the encoder for these columns: no more entries than there are categories.
    pub(crate) fn limits(&self, features: &Features<'_>) -> Limits {
        Limits { dense: self.encoder.dense.min(features.entries()), ..self.encoder.clone() }
    }
}

/// A policy at work on the rows of a file.
pub(crate) struct Decider<'a> {
    encoder: Encoder,
    kind: At,
    row: Encoded,
    values: Vec<Value<'a>>,
    all: Vec<usize>,
}

enum At {
    Learner(Box<Chooser>),
    Uniform,
    Fixed(usize),
}

impl<'a> Decider<'a> {
    /// A policy over actions with these names. `seed` is mixed into what the learner draws.
    ///
    /// # Errors
    /// Bad input when a fixed action is none of them, or when there are too many to be learned.
    pub(crate) fn new(
        policy: &Policy,
        features: &Features<'_>,
        actions: &[String],
        seed: u64,
    ) -> Result<Self, Failure> {
        let encoder = Encoder::new(&features.kinds(), policy.limits(features));
        let kind = match policy.kind {
            Kind::Uniform => At::Uniform,
            Kind::Fixed => {
                let name = policy.action.as_deref().unwrap_or_default();
                let place = actions.iter().position(|action| action == name);
                At::Fixed(place.ok_or_else(|| Failure::input(format!("policy: action: there is no {name:?}")))?)
            }
            Kind::Learner => {
                let length = encoder.shape().dense + policy.learner.features;
                let bytes = length * length * 4 * actions.len();
                if bytes > MOST_BYTES {
                    return Err(Failure::input(format!(
                        "{} actions over {length} entries need {} MiB, more than {}: fewer learner.features would do",
                        actions.len(),
                        bytes >> 20,
                        MOST_BYTES >> 20
                    )));
                }
                let settings = choose::Settings { seed: policy.learner.seed ^ (seed << 20), ..policy.learner.clone() };
                At::Learner(Box::new(Chooser::new(settings, encoder.shape(), actions.len())))
            }
        };
        let all = (0..actions.len()).collect();
        Ok(Self { encoder, kind, row: Encoded::default(), values: Vec::new(), all })
    }

    /// Reads a row and chooses; `draw` in [0, 1) decides between probabilities.
    pub(crate) fn decide(&mut self, features: &Features<'a>, row: usize, draw: f64) -> Choice {
        let count = self.all.len();
        let known = match &mut self.kind {
            At::Learner(chooser) => {
                features.row(row, &mut self.values);
                self.encoder.encode(&self.values, &mut self.row);
                chooser.choose(&self.row, &self.all, draw)
            }
            At::Uniform => Some(Choice {
                action: ((draw * count as f64) as usize).min(count - 1),
                probabilities: vec![1.0 / count as f64; count],
                expected: vec![0.0; count],
            }),
            At::Fixed(_) => None,
        };
        known.unwrap_or_else(|| {
            let action = if let At::Fixed(action) = self.kind { action } else { 0 };
            let probabilities = (0..count).map(|at| f64::from(u8::from(at == action))).collect();
            Choice { action, probabilities, expected: vec![0.0; count] }
        })
    }

    /// Learns what came of an action in the row last read.
    pub(crate) fn learn(&mut self, action: usize, reward: f64) {
        if let At::Learner(chooser) = &mut self.kind {
            chooser.learn(&self.row, action, reward);
        }
    }
}
