//! The mixture of a hierarchy as tables: a row of a bin holds what it adds to the log-odds of each arm.
//!
//! A decision adds one row of each predictor, for all arms at once, in the order of the bins: equal arguments give equal
//! sums to the last bit. What is added is the explanation. Tables are made from a model once and only read from then on,
//! so that no decision waits for learning; numbers are 32 bits wide.

use super::Hierarchy;
use super::node::FIXED;
use crate::logit;

/// What one bin adds to the log-odds of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Addend {
    /// The bin, which [`crate::predictors::Predictors::describe`] names.
    pub bin: u32,
    /// What it adds.
    pub odds: f32,
}

/// Tables of one version of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorer {
    version: u64,
    arms: usize,
    base: Vec<f32>,
    /// Bin by bin, each as long as there are arms.
    table: Vec<f32>,
}

impl Scorer {
    /// The tables of a model.
    #[must_use]
    pub fn new(model: &Hierarchy) -> Self {
        let arms = model.arms();
        // Bins of predictors that nothing is known of add nothing: they have no rows.
        let bins = model.predictors.names().count() * model.predictors.width() as usize;
        let mut scorer = Self { version: 0, arms, base: vec![0.0; arms], table: vec![0.0; bins * arms] };
        for arm in 0..arms {
            scorer.refresh(model, arm);
        }
        scorer
    }

    /// The version of the model that an arm was last made of.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// How many arms there are.
    #[must_use]
    pub const fn arms(&self) -> usize {
        self.arms
    }

    /// Makes the column of one arm anew. The model has to have the arms and predictors that the tables were made of.
    #[allow(clippy::cast_possible_truncation, reason = "log-odds do not need more digits")]
    pub fn refresh(&mut self, model: &Hierarchy, arm: usize) {
        self.version = model.version;
        let (Some(own), Some(entry)) = (model.arms.get(arm), self.base.get_mut(arm)) else { return };
        let start = logit(model.settings.start);
        let mut bases = Vec::new();
        let (mut above, mut sums) = (start, (start, start));
        for at in model.chain(*own) {
            let Some(level) = model.levels.get(at) else { continue };
            above = level.node.base(&model.settings, above);
            let bias = level.node.bias;
            sums = (sums.0 + bias.adaptive.value, sums.1 + bias.forgetting.value);
            bases.push((&level.node, above));
        }
        let Some((node, base)) = bases.last().copied() else { return };
        let weights = model.weights(node.losses);
        let fixed: f64 = node.head.weights().iter().zip([1.0, base]).map(|(weight, value)| weight * value).sum();
        *entry = (weights[0] * fixed + weights[1] * sums.0 + weights[2] * sums.1) as f32;
        let mut coefficients = vec![0.0; model.predictors.names().count()];
        for (slot, predictor) in node.slots.iter().enumerate() {
            let weight = node.head.weights().get(FIXED + slot).copied().unwrap_or(0.0);
            if let Some(coefficient) = coefficients.get_mut(*predictor as usize) {
                *coefficient = weight;
            }
        }
        // Whatever a level saw, the topmost one saw too.
        let Some((top, _)) = bases.first() else { return };
        for bin in top.cells.keys() {
            let (mut evidence, mut adaptive, mut forgetting) = (0.0, 0.0, 0.0);
            for (node, base) in &bases {
                evidence = node.evidence(&model.settings, *bin, *base, evidence);
                if let Some(cell) = node.cells.get(bin) {
                    adaptive += cell.adaptive.value;
                    forgetting += cell.forgetting.value;
                }
            }
            let coefficient = coefficients.get((bin / model.predictors.width()) as usize).copied().unwrap_or(0.0);
            let odds = weights[0] * coefficient * evidence + weights[1] * adaptive + weights[2] * forgetting;
            if let Some(entry) = self.table.get_mut(*bin as usize * self.arms + arm) {
                *entry = odds as f32;
            }
        }
    }

    /// The log-odds of all arms, in place of what `odds` held.
    pub fn score(&self, bins: &[u32], odds: &mut Vec<f32>) {
        odds.clone_from(&self.base);
        for bin in bins {
            for (sum, addend) in odds.iter_mut().zip(self.row(*bin)) {
                *sum += addend;
            }
        }
    }

    /// What each bin adds to the log-odds of an arm, after [`Scorer::base`]; bins that nothing is known of add 0.
    pub fn addends(&self, bins: &[u32], arm: usize) -> impl Iterator<Item = Addend> {
        bins.iter().map(move |bin| Addend { bin: *bin, odds: self.row(*bin).get(arm).copied().unwrap_or(0.0) })
    }

    /// The log-odds of an arm before any bin; 0 of one that is not there.
    #[must_use]
    pub fn base(&self, arm: usize) -> f32 {
        self.base.get(arm).copied().unwrap_or(0.0)
    }

    fn row(&self, bin: u32) -> &[f32] {
        let at = bin as usize * self.arms;
        self.table.get(at..at + self.arms).unwrap_or_default()
    }
}
