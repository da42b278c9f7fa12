//! How the weight of a pair comes about.

use super::weigh::{context, sigmoid, softplus};
use super::{Model, Prepared};
use serde::{Deserialize, Serialize};

/// A match weight, step by step: the prior and the steps add up to the weight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waterfall {
    /// Where it starts: log2 of the odds before anything is compared.
    pub prior: f64,
    /// One step a field in the model's order, and last what the household takes away.
    pub steps: Vec<Step>,
    /// The match weight: log2 of the odds of a match.
    pub weight: f64,
    /// The probability of a match.
    pub probability: f64,
}

/// One field's part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The field; `household` for what speaks for two persons of one household.
    pub field: String,
    /// The level reached.
    pub level: String,
    /// What it adds: log2 of m over u.
    pub weight: f64,
    /// What of that is due to the value being rare or common.
    pub term_frequency: f64,
}

impl Model {
    /// Why two records are alike or not.
    pub fn explain(&self, a: &Prepared, b: &Prepared) -> Waterfall {
        let evidence = self.evidence(a, b);
        let (prior, mut household) = self.priors();
        let mut steps = Vec::with_capacity(self.columns.len() + 1);
        let mut weight = prior;
        for (at, column) in self.columns.iter().enumerate() {
            let level = evidence.levels[at];
            let part = column.part(context(column, &evidence.levels), level, evidence.frequency[at]);
            weight += part.matched;
            household += part.household;
            steps.push(Step {
                field: column.name.clone(),
                level: column.kind.label(level).to_owned(),
                weight: part.matched,
                term_frequency: part.frequency,
            });
        }
        let taken = -softplus(household);
        weight += taken;
        steps.push(Step {
            field: "household".to_owned(),
            level: format!("probability {:.3} before", sigmoid(household)),
            weight: taken,
            term_frequency: 0.0,
        });
        Waterfall { prior, steps, weight, probability: sigmoid(weight) }
    }
}
