//! Propensities of many offers, each of which starts from what the levels above it know.
//!
//! An arm is what is learned of, such as an offer on a channel; its path names the levels above it, such as issue, group
//! and offer, under one level for all. Every answer teaches all levels of its path. A level has three heads:
//!
//! * **Bayesian**: a logistic regression with a full covariance over the evidence of up to `active` predictors. The evidence
//!   of a bin is by how much its own share of yes moves the log-odds (Good's weight of evidence, 1950), and what the level
//!   above says counts as so many answers; its weights begin as those of the level above, coefficients topmost at 1,
//!   which is naive Bayes. The share of yes of the level itself is an entry whose coefficient stays 1.
//! * **adaptive**: a sum of weights of bins, of this level and those above, with steps that shrink (Duchi, Hazan and Singer
//!   2011).
//! * **forgetting**: the same with steps that do not.
//!
//! They are mixed in log-odds with weights that fall exponentially with the log-loss of each, faded (Littlestone and
//! Warmuth 1994). As every head is a sum over bins, so is the mixture, which [`Scorer`] makes tables of.

mod node;
mod scorer;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::encode::Value;
use crate::predictors::{Limits, Predictors};
use crate::{dot, logit, sigmoid};
use node::Node;
pub use node::{Answer, Start};
pub use scorer::{Addend, Scorer};

/// How a hierarchy learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which predictors are read, and how finely.
    pub predictors: Limits,
    /// Predictors of a Bayesian head at most; its covariance has the square of it as entries.
    pub active: usize,
    /// The share of yes that is expected before any answer, in (0, 1).
    pub start: f64,
    /// For how many answers what the level above says counts, above 0.
    pub evidence: f64,
    /// The variance of a coefficient of evidence before any answer.
    pub variance: f64,
    /// By how much the covariance of a Bayesian head grows with an answer, 0 for never: old answers count for less.
    pub forgetting: f64,
    /// The share of counts that is kept with each further answer of a level, in (0, 1].
    pub memory: f64,
    /// By how much the first answer moves a sum over bins, in units of the surprise.
    pub rate: f64,
    /// The share of past slopes that the forgetting head keeps with an answer, in (0, 1): its steps stay above
    /// `rate * sqrt(1 - fading)`.
    pub fading: f64,
    /// The share of past log-loss that is kept with an answer, in (0, 1).
    pub recall: f64,
    /// How much a unit of log-loss counts against a head.
    pub strictness: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            predictors: Limits::default(),
            active: 64,
            start: 0.05,
            evidence: 20.0,
            variance: 0.25,
            forgetting: 1e-3,
            memory: 0.9999,
            rate: 2.0,
            fading: 0.98,
            recall: 0.99,
            strictness: 2.0,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Level {
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    arm: Option<usize>,
    node: Node,
}

/// What is expected of an arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    /// The log-odds of a yes: those of the heads by their weights.
    pub odds: f64,
    /// The variance of the log-odds as the Bayesian head knows it.
    pub variance: f64,
    /// The log-odds of the heads: Bayesian, adaptive, forgetting.
    pub heads: [f64; 3],
    /// Their weights, which add up to 1.
    pub weights: [f64; 3],
}

impl Expected {
    /// The probability of a yes at the expected log-odds.
    #[must_use]
    pub fn propensity(&self) -> f64 {
        sigmoid(self.odds)
    }
}

/// What one level says of a row.
struct Seen {
    level: usize,
    row: Vec<f64>,
    odds: [f64; 3],
}

/// Learns the propensities of arms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hierarchy {
    settings: Settings,
    predictors: Predictors,
    levels: Vec<Level>,
    /// The level of each arm.
    arms: Vec<usize>,
    version: u64,
}

impl Hierarchy {
    /// One without arms.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let node = Node::new(&settings, None, logit(settings.start), None, &[]);
        let top = Level { parent: None, children: BTreeMap::new(), arm: None, node };
        let predictors = Predictors::new(settings.predictors);
        Self { settings, predictors, levels: vec![top], arms: Vec::new(), version: 0 }
    }

    /// How many arms there are.
    #[must_use]
    pub fn arms(&self) -> usize {
        self.arms.len()
    }

    /// How many changes it has seen: equal numbers of one history are equal models.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Its predictors.
    #[must_use]
    pub const fn predictors(&self) -> &Predictors {
        &self.predictors
    }

    /// How many answers an arm has, and how many of them are yes.
    #[must_use]
    pub fn answers(&self, arm: usize) -> (u64, u64) {
        self.arms
            .get(arm)
            .and_then(|at| self.levels.get(*at))
            .map_or((0, 0), |level| (level.node.answers, level.node.positives))
    }

    /// The number of the arm with this path, which names it from the topmost level down. It is added if it is not there,
    /// and then begins at `start`, or where the level above is.
    pub fn arm(&mut self, path: &[&str], start: Option<Start>) -> usize {
        let mut at = 0;
        for (depth, name) in path.iter().enumerate() {
            let start = start.filter(|_| depth + 1 == path.len());
            at = match self.levels.get(at).and_then(|level| level.children.get(*name)) {
                Some(child) => *child,
                None => self.grow(at, name, start),
            };
        }
        let next = self.arms.len();
        let Some(level) = self.levels.get_mut(at) else { return next };
        if let Some(arm) = level.arm {
            return arm;
        }
        level.arm = Some(next);
        self.arms.push(at);
        self.version += 1;
        next
    }

    fn grow(&mut self, parent: usize, name: &str, start: Option<Start>) -> usize {
        let above = self.chain(parent).into_iter().fold(logit(self.settings.start), |above, at| {
            self.levels.get(at).map_or(above, |level| level.node.base(&self.settings, above))
        });
        let ranked = self.ranked(parent, above);
        let known = self.levels.get(parent).map(|level| &level.node);
        let node = Node::new(&self.settings, known, above, start, &ranked);
        let child = self.levels.len();
        self.levels.push(Level { parent: Some(parent), children: BTreeMap::new(), arm: None, node });
        if let Some(level) = self.levels.get_mut(parent) {
            level.children.insert(name.to_owned(), child);
        }
        child
    }

    /// The predictors, from that whose evidence at a level is the strongest on: its square, weighted by answers.
    fn ranked(&self, level: usize, base: f64) -> Vec<u32> {
        let mut strengths: Vec<(u32, f64)> = (0..).zip(self.predictors.names().map(|_| 0.0)).collect();
        if let Some(level) = self.levels.get(level) {
            for (bin, cell) in &level.node.cells {
                let evidence = level.node.evidence(&self.settings, *bin, base, 0.0);
                let weight = cell.counts.weight(level.node.answers, self.settings.memory);
                if let Some((_, strength)) = strengths.get_mut((bin / self.predictors.width()) as usize) {
                    *strength += weight * evidence * evidence;
                }
            }
        }
        strengths.sort_by(|one, two| two.1.total_cmp(&one.1).then(one.0.cmp(&two.0)));
        strengths.into_iter().map(|(predictor, _)| predictor).collect()
    }

    /// A level and those above it, topmost first.
    fn chain(&self, level: usize) -> Vec<usize> {
        let mut chain: Vec<usize> =
            std::iter::successors(Some(level), |at| self.levels.get(*at).and_then(|level| level.parent)).collect();
        chain.reverse();
        chain
    }

    /// Takes note of a row and gives its bins, one of each predictor known by now. Keep them with the decision: an answer
    /// is learned for the bins that were decided by.
    pub fn encode(&mut self, row: &[(&str, Value<'_>)]) -> Vec<u32> {
        let mut bins = Vec::new();
        let known = self.predictors.names().count();
        self.predictors.encode(row, &mut bins);
        if bins.len() > known {
            for level in &mut self.levels {
                level.node.admit(&self.settings, bins.len());
            }
        }
        bins
    }

    /// What each level of an arm says, topmost first.
    fn walk(&self, arm: usize, bins: &[u32]) -> Vec<Seen> {
        let Some(level) = self.arms.get(arm) else { return Vec::new() };
        let start = logit(self.settings.start);
        let (mut above, mut sums) = (start, (start, start));
        let mut evidence = vec![0.0; bins.len()];
        let chain = self.chain(*level);
        let seen = chain.into_iter().filter_map(|at| {
            let node = &self.levels.get(at)?.node;
            let base = node.base(&self.settings, above);
            for (evidence, bin) in evidence.iter_mut().zip(bins) {
                *evidence = node.evidence(&self.settings, *bin, base, *evidence);
            }
            let row = node.row(base, &evidence);
            let own = node.sums(bins);
            sums = (sums.0 + own.0, sums.1 + own.1);
            above = base;
            Some(Seen { level: at, odds: [dot(node.head.weights(), &row), sums.0, sums.1], row })
        });
        seen.collect()
    }

    fn weights(&self, losses: [f64; 3]) -> [f64; 3] {
        let least = losses.into_iter().fold(f64::INFINITY, f64::min);
        let weights = losses.map(|loss| (self.settings.strictness * (least - loss)).exp());
        let sum: f64 = weights.iter().sum();
        weights.map(|weight| weight / sum)
    }

    /// What is expected of an arm, with the exact variance; nothing of one that is not there. It reads the whole
    /// covariance: for a shortlist.
    #[must_use]
    pub fn expected(&self, arm: usize, bins: &[u32]) -> Option<Expected> {
        let last = self.walk(arm, bins).pop()?;
        let node = &self.levels.get(last.level)?.node;
        let weights = self.weights(node.losses);
        let odds = weights.iter().zip(last.odds).map(|(weight, odds)| weight * odds).sum();
        Some(Expected { odds, variance: node.head.variance(&last.row), heads: last.odds, weights })
    }

    /// Learns an answer for an arm at all levels of its path. An arm that is not there is not learned.
    pub fn learn(&mut self, arm: usize, bins: &[u32], answer: Answer) {
        if arm >= self.arms.len() {
            return;
        }
        for seen in self.walk(arm, bins) {
            if let Some(level) = self.levels.get_mut(seen.level) {
                level.node.learn(&self.settings, bins, &seen.row, seen.odds, answer);
            }
        }
        self.version += 1;
    }
}
