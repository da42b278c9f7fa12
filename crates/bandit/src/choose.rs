//! Which of several actions, when only the answer to the chosen one is seen.
//!
//! Each action has a linear regression with a full covariance over the row and random features of it (LinUCB, Li et al.
//! 2010; the features make it curved). An action is rated by what is expected of it plus `optimism` times what is not known
//! of it; the unknown is measured by the deviation of the answers so far, so that a problem with little noise is explored
//! little. Among the best-rated one and all others a small share is spread evenly. That share falls with what the chosen
//! actions bring: where everything is right there is nothing to look for. Probabilities are exact.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::encode::{Encoded, Shape};
use crate::kernel::Kernel;
use crate::ridge::Ridge;

/// How actions are chosen and learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How many deviations of what is not known count for an action.
    pub optimism: f64,
    /// The share spread over all actions when the chosen ones bring nothing.
    pub floor: f64,
    /// What the prior counts for, in answers.
    pub strength: f64,
    /// About the norm of the linear part of a row.
    pub linear: f64,
    /// The norm of its random features.
    pub curved: f64,
    /// Random features; 0 for none.
    pub features: usize,
    /// The width of their kernel, in roots of the number of columns.
    pub width: f64,
    /// The least share that a new answer has in the deviation of the answers.
    pub memory: f64,
    /// What random features and ties are drawn by.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            optimism: 0.6,
            floor: 0.01,
            strength: 1.0,
            linear: 3.0,
            curved: 3.0,
            features: 400,
            width: 0.7,
            memory: 0.005,
            seed: 7,
        }
    }
}

/// A choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The place of the chosen action among the eligible ones.
    pub action: usize,
    /// The probability with which each eligible action was to be chosen; they add up to 1.
    pub probabilities: Vec<f64>,
    /// What is expected of each.
    pub expected: Vec<f64>,
}

/// Learns which action to take.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chooser {
    settings: Settings,
    kernel: Kernel,
    shape: Shape,
    actions: Vec<Ridge>,
    /// The faded mean of squared errors, and of rewards.
    error: f64,
    reward: f64,
    answers: u64,
    #[serde(skip)]
    vector: Vec<f64>,
}

impl Chooser {
    /// One for rows of this shape.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "columns are few")]
    pub fn new(settings: Settings, shape: Shape, actions: usize) -> Self {
        let width = settings.width * (shape.columns.max(1) as f64).sqrt();
        let kernel = Kernel::new(shape.dense, settings.features, width, settings.curved, settings.seed);
        let length = shape.dense + settings.features;
        Self {
            actions: vec![Ridge::new(length, settings.strength); actions],
            kernel,
            shape,
            error: 0.25,
            reward: 0.0,
            answers: 0,
            settings,
            vector: Vec::new(),
        }
    }

    /// How many actions there are.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.actions.len()
    }

    /// Adds an action that knows nothing yet; answers its number.
    pub fn add(&mut self) -> usize {
        self.actions.push(Ridge::new(self.shape.dense + self.settings.features, self.settings.strength));
        self.actions.len() - 1
    }

    #[allow(clippy::cast_precision_loss, reason = "entries are few")]
    fn read(&mut self, row: &Encoded) {
        self.vector.clear();
        let scale = self.settings.linear / (self.shape.columns.max(1) as f64).sqrt();
        self.vector.extend(row.dense.iter().map(|entry| entry * scale));
        if let Some(first) = self.vector.first_mut() {
            *first = 1.0;
        }
        self.kernel.append(&row.dense, &mut self.vector);
    }

    /// Chooses among the eligible actions, by their numbers; none among none. `draw` in [0, 1) decides between the
    /// probabilities.
    #[allow(clippy::cast_precision_loss, reason = "actions are few")]
    pub fn choose(&mut self, row: &Encoded, eligible: &[usize], draw: f64) -> Option<Choice> {
        self.read(row);
        let unknown = self.settings.optimism * self.error.sqrt();
        // Equal ratings, as in the beginning, are told apart by chance, not by place.
        let mut ties = ChaCha8Rng::seed_from_u64(self.settings.seed ^ self.answers.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (mut expected, mut best) = (Vec::with_capacity(eligible.len()), None::<(usize, f64, f64)>);
        for (at, action) in eligible.iter().enumerate() {
            let ridge = self.actions.get_mut(*action)?;
            let mean = ridge.mean(&self.vector);
            let rating = mean + unknown * ridge.variance(&self.vector).sqrt();
            let tie: f64 = ties.random();
            if best.is_none_or(|known| (rating, tie) > (known.1, known.2)) {
                best = Some((at, rating, tie));
            }
            expected.push(mean);
        }
        let (best, ..) = best?;
        let floor = self.settings.floor * (1.0 - self.reward.clamp(0.0, 1.0)) / eligible.len() as f64;
        let mut probabilities = vec![floor; eligible.len()];
        if let Some(one) = probabilities.get_mut(best) {
            *one = 1.0 - floor * (eligible.len() - 1) as f64;
        }
        let mut left = draw;
        let mut action = best;
        for (at, chance) in probabilities.iter().enumerate() {
            left -= chance;
            if left < 0.0 {
                action = at;
                break;
            }
        }
        Some(Choice { action, probabilities, expected })
    }

    /// What is expected of an action; nothing of one that is not there.
    pub fn expected(&mut self, row: &Encoded, action: usize) -> f64 {
        self.read(row);
        self.actions.get(action).map_or(0.0, |ridge| ridge.mean(&self.vector))
    }

    /// Learns the reward, in [0, 1], of an action that was taken.
    #[allow(clippy::cast_precision_loss, reason = "a count of answers")]
    pub fn learn(&mut self, row: &Encoded, action: usize, reward: f64) {
        self.read(row);
        let Some(ridge) = self.actions.get_mut(action) else { return };
        let error = reward - ridge.mean(&self.vector).clamp(0.0, 1.0);
        ridge.learn(&self.vector, reward);
        self.answers += 1;
        let share = self.settings.memory.max(1.0 / (self.answers as f64 + 1.0));
        self.error += share * (error * error - self.error);
        self.reward += share * (reward - self.reward);
    }
}
