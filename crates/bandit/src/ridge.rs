//! Linear regression with a full covariance, updated by each answer (recursive least squares; as in LinUCB, Li et al. 2010).

use serde::{Deserialize, Serialize};

use crate::{add, dot};

/// A regression over vectors of one length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ridge {
    weights: Vec<f64>,
    /// The inverse of the sum of outer products and the prior: rows from their diagonal on, as it is symmetric.
    inverse: Vec<f64>,
    #[serde(skip)]
    gain: Vec<f64>,
}

impl Ridge {
    /// One over vectors of this length; `strength` is what the prior counts for, in answers to a vector of length 1.
    #[must_use]
    pub fn new(length: usize, strength: f64) -> Self {
        let mut inverse = Vec::with_capacity(length * (length + 1) / 2);
        for row in 0..length {
            inverse.push(1.0 / strength);
            inverse.resize(inverse.len() + length - row - 1, 0.0);
        }
        Self { weights: vec![0.0; length], inverse, gain: Vec::new() }
    }

    /// The value that is expected of a vector.
    #[must_use]
    pub fn mean(&self, vector: &[f64]) -> f64 {
        dot(&self.weights, vector)
    }

    /// The variance of [`mean`](Self::mean) for answers with a variance of 1.
    pub fn variance(&mut self, vector: &[f64]) -> f64 {
        let length = self.weights.len();
        self.gain.clear();
        self.gain.resize(length, 0.0);
        let (mut rest, mut diagonal) = (self.inverse.as_slice(), 0.0);
        for (at, value) in vector.iter().enumerate().take(length) {
            let Some((row, below)) = rest.split_at_checked(length - at) else { break };
            rest = below;
            // Categories leave most entries at zero.
            if *value != 0.0 {
                add(self.gain.get_mut(at..).unwrap_or_default(), *value, row);
                diagonal += value * value * row.first().copied().unwrap_or_default();
            }
        }
        // What is above the diagonal stands below it too.
        (2.0 * dot(&self.gain, vector) - diagonal).max(0.0)
    }

    /// Learns an answer (Sherman and Morrison 1950).
    pub fn learn(&mut self, vector: &[f64], value: f64) {
        let length = self.weights.len();
        let surprise = value - self.mean(vector);
        self.variance(vector);
        // So far the gain holds what stands on and above the diagonal.
        let mut rest = self.inverse.as_slice();
        for at in 0..length.min(vector.len()) {
            let Some((row, below)) = rest.split_at_checked(length - at) else { break };
            rest = below;
            let sum = dot(row.get(1..).unwrap_or_default(), vector.get(at + 1..).unwrap_or_default());
            if let Some(gain) = self.gain.get_mut(at) {
                *gain += sum;
            }
        }
        let shrink = 1.0 / (1.0 + dot(&self.gain, vector).max(0.0));
        add(&mut self.weights, shrink * surprise, &self.gain);
        let mut rest = self.inverse.as_mut_slice();
        for at in 0..length {
            let Some((row, below)) = rest.split_at_mut_checked(length - at) else { break };
            rest = below;
            let gains = self.gain.get(at..).unwrap_or_default();
            let scale = -shrink * gains.first().copied().unwrap_or_default();
            if scale != 0.0 {
                add(row, scale, gains);
            }
        }
    }
}
