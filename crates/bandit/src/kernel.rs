//! Random features of a Gaussian kernel: a linear model over them is a smooth curved one (Rahimi and Recht 2007).

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Features of vectors of one length.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kernel {
    /// Frequencies, row by row, each as long as the vector without its first entry.
    frequencies: Vec<f64>,
    phases: Vec<f64>,
    length: usize,
    scale: f64,
}

impl Kernel {
    /// So many features of vectors of `length` entries, the first of which is always 1 and left out. Every second feature
    /// is of a kernel of twice the `width`, because rows seldom say how smooth the answer is. The squares of the features
    /// add up to about the square of `scale`.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "features and entries are few")]
    pub fn new(length: usize, features: usize, width: f64, scale: f64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let entries = length.saturating_sub(1);
        let mut frequencies = Vec::with_capacity(features * entries);
        for feature in 0..features {
            let width = if feature % 2 == 0 { width } else { 2.0 * width };
            frequencies.extend((0..entries).map(|_| normal(&mut random) / width));
        }
        let phases = (0..features).map(|_| random.random::<f64>() * std::f64::consts::TAU).collect();
        Self { frequencies, phases, length, scale: scale * (2.0 / features.max(1) as f64).sqrt() }
    }

    /// How many features there are.
    #[must_use]
    pub fn features(&self) -> usize {
        self.phases.len()
    }

    /// Appends the features of a vector.
    pub fn append(&self, vector: &[f64], out: &mut Vec<f64>) {
        let entries = self.length.saturating_sub(1);
        let vector = vector.get(1..).unwrap_or_default();
        for (at, phase) in self.phases.iter().enumerate() {
            let row = self.frequencies.get(at * entries..(at + 1) * entries).unwrap_or_default();
            out.push(self.scale * (phase + crate::dot(row, vector)).cos());
        }
    }
}

/// A normal number (Box and Muller 1958).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (one, two): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - one).ln()).sqrt() * (std::f64::consts::TAU * two).cos()
}
