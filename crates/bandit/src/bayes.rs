//! Logistic regression with a full covariance.
//!
//! The posterior is kept Gaussian; an answer moves it by one step of the extended Kalman filter (Spiegelhalter and
//! Lauritzen 1990; Ollivier 2018 shows that it is an online natural gradient). Predictions average over the posterior by
//! MacKay's approximation (1992, equation 10). With forgetting the covariance grows by a factor with each answer, up to the
//! prior's, so that old answers count for less.

use serde::{Deserialize, Serialize};

use crate::{add, dot, sigmoid};

/// The least slope of the logistic curve that is believed: far out, one answer must still be able to turn the model.
const LEAST_SLOPE: f64 = 1e-4;

/// A model over vectors of one length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bayes {
    weights: Vec<f64>,
    /// Row by row.
    covariance: Vec<f64>,
    /// The variance of each weight before any answer, above which forgetting does not go.
    prior: Vec<f64>,
    forgetting: f64,
    #[serde(skip)]
    gain: Vec<f64>,
}

impl Bayes {
    /// A model with these weights and variances to begin with; `forgetting` is by how much the covariance grows with an
    /// answer, 0 for never.
    #[must_use]
    pub fn new(weights: Vec<f64>, prior: Vec<f64>, forgetting: f64) -> Self {
        let length = weights.len();
        let mut covariance = vec![0.0; length * length];
        for (at, variance) in prior.iter().enumerate() {
            if let Some(entry) = covariance.get_mut(at * length + at) {
                *entry = *variance;
            }
        }
        Self { gain: vec![0.0; length], weights, covariance, prior, forgetting }
    }

    /// The weights.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The covariance times a vector, in `gain`; answers the variance of the log-odds.
    fn spread(&mut self, vector: &[f64]) -> f64 {
        let length = self.weights.len();
        self.gain.clear();
        self.gain.resize(length, 0.0);
        for (value, row) in vector.iter().zip(self.covariance.chunks_exact(length.max(1))) {
            // Categories leave most entries at zero.
            if *value != 0.0 {
                add(&mut self.gain, *value, row);
            }
        }
        dot(&self.gain, vector).max(0.0)
    }

    /// The variance of the log-odds, without room to work in: for the few that need it.
    #[must_use]
    pub fn variance(&self, vector: &[f64]) -> f64 {
        let rows = vector.iter().zip(self.covariance.chunks_exact(self.weights.len().max(1)));
        rows.filter(|(value, _)| **value != 0.0).map(|(value, row)| value * dot(row, vector)).sum::<f64>().max(0.0)
    }

    /// The mean and the variance of the log-odds.
    pub fn odds(&mut self, vector: &[f64]) -> (f64, f64) {
        (dot(&self.weights, vector), self.spread(vector))
    }

    /// The probability of a yes, averaged over what the weights may be.
    pub fn predict(&mut self, vector: &[f64]) -> f64 {
        let (mean, variance) = self.odds(vector);
        sigmoid(mean / (1.0 + std::f64::consts::PI / 8.0 * variance).sqrt())
    }

    /// Learns an answer.
    pub fn learn(&mut self, vector: &[f64], yes: bool) {
        let (mean, variance) = self.odds(vector);
        let chance = sigmoid(mean);
        let slope = (chance * (1.0 - chance)).max(LEAST_SLOPE);
        let shrink = 1.0 / (1.0 + slope * variance);
        let averaged = sigmoid(mean / (1.0 + std::f64::consts::PI / 8.0 * variance).sqrt());
        let surprise = f64::from(u8::from(yes)) - averaged;
        add(&mut self.weights, shrink * surprise, &self.gain);
        let length = self.weights.len().max(1);
        let grown = 1.0 + self.forgetting;
        for (gain, row) in self.gain.iter().zip(self.covariance.chunks_exact_mut(length)) {
            let scale = slope * shrink * gain;
            for (entry, other) in row.iter_mut().zip(&self.gain) {
                *entry = (*entry - scale * other) * grown;
            }
        }
        if self.forgetting > 0.0 {
            self.bound();
        }
    }

    /// Takes variances that grew beyond the prior's back to it, and covariances with them, so that correlations stay.
    fn bound(&mut self) {
        let length = self.weights.len();
        for (at, prior) in self.prior.iter().enumerate() {
            let Some(variance) = self.covariance.get(at * length + at).copied() else { continue };
            if variance <= *prior {
                continue;
            }
            let scale = (prior / variance).sqrt();
            for other in 0..length {
                for place in [at * length + other, other * length + at] {
                    if let Some(entry) = self.covariance.get_mut(place) {
                        *entry *= scale;
                    }
                }
            }
        }
    }
}
