//! A model of rewards for estimators that need one.
//!
//! What all actions have in common, over the row, the action's features and which action it is, and for each action what
//! is left of its rewards over the row, held to nothing by a strong prior: an action with few decisions is told by those
//! that are like it. A row is predicted before its reward is learned, so no reward predicts itself.

use attune_bandit::encode::{Encoded, Encoder, Limits, Value};
use attune_bandit::ridge::Ridge;

use super::columns::Features;
use super::log::Log;
use super::policy::Policy;

/// What the prior of a single action's own part counts for, in answers.
const HELD: f64 = 20.0;

/// The model.
pub(crate) struct Rewards<'a> {
    encoder: Encoder,
    /// What is known of each action.
    actions: Vec<Vec<f64>>,
    common: Ridge,
    own: Vec<Ridge>,
    range: (f64, f64),
    row: Encoded,
    values: Vec<Value<'a>>,
    joined: Vec<f64>,
}

impl<'a> Rewards<'a> {
    /// A model over the rows of a log.
    pub(crate) fn new(log: &'a Log, features: &Features<'a>, policy: &Policy) -> Self {
        let encoder = Encoder::new(&features.kinds(), policy.limits(features));
        let actions = described(log);
        let length = encoder.shape().dense;
        let longest = actions.first().map_or(0, Vec::len);
        let own = vec![Ridge::new(length, HELD); actions.len()];
        Self {
            common: Ridge::new(length + longest, 1.0),
            own,
            actions,
            encoder,
            // Nothing is predicted outside of what was seen so far.
            range: (0.0, 0.0),
            row: Encoded::default(),
            values: Vec::new(),
            joined: Vec::new(),
        }
    }

    /// Reads a row.
    pub(crate) fn read(&mut self, features: &Features<'a>, row: usize) {
        features.row(row, &mut self.values);
        self.encoder.encode(&self.values, &mut self.row);
    }

    fn join(&mut self, action: usize) {
        self.joined.clear();
        self.joined.extend_from_slice(&self.row.dense);
        self.joined.extend_from_slice(&self.actions[action]);
    }

    /// The reward of an action in the row last read.
    pub(crate) fn predict(&mut self, action: usize) -> f64 {
        self.join(action);
        let sum = self.common.mean(&self.joined) + self.own[action].mean(&self.row.dense);
        sum.clamp(self.range.0, self.range.1)
    }

    /// Learns the reward of an action in the row last read.
    pub(crate) fn learn(&mut self, action: usize, reward: f64) {
        self.join(action);
        let left = reward - self.common.mean(&self.joined);
        self.common.learn(&self.joined, reward);
        self.own[action].learn(&self.row.dense, left);
        self.range = (self.range.0.min(reward), self.range.1.max(reward));
    }
}

/// What is known of each action: its features, and which one it is.
fn described(log: &Log) -> Vec<Vec<f64>> {
    let count = log.actions.len();
    let mut all: Vec<Vec<f64>> = (0..count).map(|_| Vec::new()).collect();
    if let Some((features, rows)) = log.items() {
        let limits = Limits { dense: features.entries(), categories: count, ..Limits::default() };
        let mut encoder = Encoder::new(&features.kinds(), limits);
        let (mut values, mut encoded) = (Vec::new(), Encoded::default());
        // Twice: what is said of the first rows must not depend on their place.
        for _ in 0..2 {
            for (action, row) in all.iter_mut().zip(rows) {
                features.row(*row, &mut values);
                encoder.encode(&values, &mut encoded);
                action.clear();
                action.extend(encoded.dense.iter().skip(1));
            }
        }
    }
    for (at, action) in all.iter_mut().enumerate() {
        action.extend((0..count).map(|other| f64::from(u8::from(at == other))));
    }
    all
}
