//! What one level knows: counts and weights of the bins it saw, and a head with a full covariance over their evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::bayes::Bayes;
use crate::{logit, sigmoid};

/// Entries of the head before those of the predictors: what is 1, and the log-odds of the share of yes.
pub(super) const FIXED: usize = 2;
/// The widest variance of an intercept.
const OPEN: f64 = 10.0;

/// What a level starts from where the levels above should not decide: a share of yes, and for how many answers it counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// The share of yes, in (0, 1).
    pub propensity: f64,
    /// For how many answers it counts, above 0.
    pub evidence: f64,
}

/// What came of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The outcome that counts.
    Yes,
    /// None within its time.
    No,
    /// The outcome, after its time: a no was learned, which becomes a yes where answers are counted; the heads, which
    /// cannot unlearn, learn a yes.
    LateYes,
}

impl Answer {
    pub(super) const fn is_yes(self) -> bool {
        matches!(self, Self::Yes | Self::LateYes)
    }
}

/// A weight that answers move by steps that shrink with what they moved it by before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Weight {
    pub(super) value: f64,
    slope: f64,
}

impl Weight {
    fn learn(&mut self, surprise: f64, rate: f64, fading: f64) {
        self.slope = self.slope * fading + surprise * surprise;
        self.value += rate * surprise / (1.0 + self.slope).sqrt();
    }
}

/// Answers that fade with those that come after them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Counts {
    yes: f64,
    no: f64,
    /// The answers of the level when these last changed.
    last: u64,
}

impl Counts {
    fn at(self, answers: u64, memory: f64) -> (f64, f64) {
        let age = i32::try_from(answers.saturating_sub(self.last)).unwrap_or(i32::MAX);
        let kept = memory.powi(age);
        (self.yes * kept, self.no * kept)
    }

    /// How many answers it still counts for.
    pub(super) fn weight(self, answers: u64, memory: f64) -> f64 {
        let (yes, no) = self.at(answers, memory);
        yes + no
    }

    fn add(&mut self, answer: Answer, answers: u64, memory: f64) {
        let (yes, no) = self.at(answers, memory);
        let (yes, no) = match answer {
            Answer::Yes => (yes + 1.0, no),
            Answer::No => (yes, no + 1.0),
            Answer::LateYes => (yes + no.min(1.0), no - no.min(1.0)),
        };
        *self = Self { yes, no, last: answers };
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) counts: Counts,
    pub(super) adaptive: Weight,
    pub(super) forgetting: Weight,
}

/// A level.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Node {
    start: Option<Start>,
    total: Counts,
    pub(super) bias: Cell,
    pub(super) cells: BTreeMap<u32, Cell>,
    pub(super) head: Bayes,
    /// The predictors of the head's entries after the fixed ones.
    pub(super) slots: Vec<u32>,
    /// Faded sums of the log-loss of the heads.
    pub(super) losses: [f64; 3],
    pub(super) answers: u64,
    pub(super) positives: u64,
}

impl Node {
    /// A level under another, or the topmost. `above` is the log-odds of the share of yes there, `ranked` the predictors
    /// from the strongest on.
    pub(super) fn new(
        settings: &Settings,
        parent: Option<&Self>,
        above: f64,
        start: Option<Start>,
        ranked: &[u32],
    ) -> Self {
        let slots: Vec<u32> = ranked.iter().copied().take(settings.active).collect();
        let mut weights = vec![1.0; FIXED + settings.active];
        if let Some(first) = weights.first_mut() {
            *first = 0.0;
        }
        if let Some(parent) = parent {
            // What evidence overstates above, the intercept there takes back.
            if let (Some(first), Some(intercept)) = (weights.first_mut(), parent.head.weights().first()) {
                *first = *intercept;
            }
            for (slot, predictor) in slots.iter().enumerate() {
                let known = parent.slots.iter().position(|one| one == predictor);
                let weight = known.and_then(|at| parent.head.weights().get(FIXED + at));
                if let (Some(entry), Some(weight)) = (weights.get_mut(FIXED + slot), weight) {
                    *entry = *weight;
                }
            }
        }
        let known = start.unwrap_or(Start { propensity: sigmoid(above), evidence: settings.evidence });
        let spread = 1.0 / (known.evidence * known.propensity * (1.0 - known.propensity)).max(1.0 / OPEN);
        let mut prior = vec![settings.variance; weights.len()];
        for (entry, variance) in prior.iter_mut().zip([spread, 0.0]) {
            *entry = variance;
        }
        let mut bias = Cell::default();
        // The heads over bins add up over levels: this one takes the sum to where the marketer wants it.
        let shift = start.map_or(0.0, |start| logit(start.propensity) - above);
        bias.adaptive.value = shift;
        bias.forgetting.value = shift;
        Self {
            start,
            total: Counts::default(),
            bias,
            cells: BTreeMap::new(),
            head: Bayes::new(weights, prior, settings.forgetting),
            slots,
            losses: parent.map_or([0.0; 3], |parent| parent.losses),
            answers: 0,
            positives: 0,
        }
    }

    /// The log-odds of its share of yes, given that of the level above.
    pub(super) fn base(&self, settings: &Settings, above: f64) -> f64 {
        let start = self.start.unwrap_or(Start { propensity: sigmoid(above), evidence: settings.evidence });
        let (yes, no) = self.total.at(self.answers, settings.memory);
        logit((yes + start.evidence * start.propensity) / (yes + no + start.evidence))
    }

    /// By how much a bin moves the log-odds, alone: its share of yes, for which what the level above says of it counts as
    /// so many answers, against that of all.
    pub(super) fn evidence(&self, settings: &Settings, bin: u32, base: f64, above: f64) -> f64 {
        let Some(cell) = self.cells.get(&bin) else { return above };
        let (yes, no) = cell.counts.at(self.answers, settings.memory);
        let expected = sigmoid(base + above);
        logit((yes + settings.evidence * expected) / (yes + no + settings.evidence)) - base
    }

    /// Gives predictors that came later the entries that are left.
    pub(super) fn admit(&mut self, settings: &Settings, predictors: usize) {
        #[allow(clippy::cast_possible_truncation, reason = "predictors are numbered in 32 bits")]
        for predictor in 0..predictors as u32 {
            if self.slots.len() >= settings.active {
                return;
            }
            if !self.slots.contains(&predictor) {
                self.slots.push(predictor);
            }
        }
    }

    /// The head's row of this evidence.
    pub(super) fn row(&self, base: f64, evidence: &[f64]) -> Vec<f64> {
        let mut row = vec![0.0; self.head.weights().len()];
        let slots = self.slots.iter().map(|slot| evidence.get(*slot as usize).copied().unwrap_or(0.0));
        for (entry, value) in row.iter_mut().zip([1.0, base].into_iter().chain(slots)) {
            *entry = value;
        }
        row
    }

    /// The sums of the two heads over bins.
    pub(super) fn sums(&self, bins: &[u32]) -> (f64, f64) {
        bins.iter()
            .filter_map(|bin| self.cells.get(bin))
            .chain([&self.bias])
            .fold((0.0, 0.0), |sums, cell| (sums.0 + cell.adaptive.value, sums.1 + cell.forgetting.value))
    }

    /// Learns an answer that the heads gave these log-odds for.
    pub(super) fn learn(&mut self, settings: &Settings, bins: &[u32], row: &[f64], odds: [f64; 3], answer: Answer) {
        let yes = answer.is_yes();
        for (loss, odds) in self.losses.iter_mut().zip(odds) {
            let chance = sigmoid(odds).clamp(1e-6, 1.0 - 1e-6);
            *loss = *loss * settings.recall - if yes { chance.ln() } else { (1.0 - chance).ln() };
        }
        self.head.learn(row, yes);
        self.answers += u64::from(answer != Answer::LateYes);
        self.positives += u64::from(yes);
        self.total.add(answer, self.answers, settings.memory);
        let [_, adaptive, forgetting] = odds.map(|odds| f64::from(u8::from(yes)) - sigmoid(odds));
        // All bins of a row move together: they share the step, so that a row of any length moves the sum by as much.
        #[allow(clippy::cast_precision_loss, reason = "predictors are few")]
        let rate = settings.rate / (bins.len() + 1) as f64;
        let learn = |cell: &mut Cell| {
            cell.adaptive.learn(adaptive, rate, 1.0);
            cell.forgetting.learn(forgetting, rate, settings.fading);
        };
        for bin in bins {
            let cell = self.cells.entry(*bin).or_default();
            cell.counts.add(answer, self.answers, settings.memory);
            learn(cell);
        }
        learn(&mut self.bias);
    }
}
