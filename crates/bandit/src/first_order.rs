//! Logistic regression over bins, with a step size of its own for each (Duchi, Hazan and Singer 2011).

use serde::{Deserialize, Serialize};

use crate::sigmoid;

/// A model over bins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FirstOrder {
    weights: Vec<f64>,
    /// Sums of squared slopes, faded.
    slopes: Vec<f64>,
    rate: f64,
    fading: f64,
}

impl FirstOrder {
    /// A model over so many bins. `rate` is the first step; `fading` the share of the past slopes that is kept with each
    /// answer, 1 for steps that only shrink.
    #[must_use]
    pub fn new(bins: u32, rate: f64, fading: f64) -> Self {
        let bins = bins as usize;
        Self { weights: vec![0.0; bins], slopes: vec![0.0; bins], rate, fading }
    }

    /// The log-odds.
    #[must_use]
    pub fn odds(&self, bins: &[u32]) -> f64 {
        bins.iter().filter_map(|bin| self.weights.get(*bin as usize)).sum()
    }

    /// Learns an answer.
    pub fn learn(&mut self, bins: &[u32], yes: bool) {
        let surprise = f64::from(u8::from(yes)) - sigmoid(self.odds(bins));
        for bin in bins {
            let at = *bin as usize;
            let (Some(weight), Some(slope)) = (self.weights.get_mut(at), self.slopes.get_mut(at)) else { continue };
            *slope = *slope * self.fading + surprise * surprise;
            *weight += self.rate * surprise / (1.0 + *slope).sqrt();
        }
    }
}
