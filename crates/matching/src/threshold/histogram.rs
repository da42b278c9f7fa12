//! How often each weight occurs.

use crate::cluster::Merge;

/// Bits a bin is wide.
pub(super) const WIDTH: f32 = 0.25;
/// Weights below count as this.
const LOWEST: f32 = -30.0;
/// Weights above count as this: odds of a million million are as good as certain.
const HIGHEST: f32 = 40.0;

/// Counts of match weights, in bins of a quarter of a bit.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    counts: Vec<f64>,
    /// The first and the last bin with a count.
    range: Option<(usize, usize)>,
}

impl Default for Histogram {
    fn default() -> Self {
        let bins = ((HIGHEST - LOWEST) / WIDTH) as usize + 1;
        Self { counts: vec![0.0; bins], range: None }
    }
}

impl Extend<f32> for Histogram {
    /// Counts weights in bits, the prior in them. One that is not a number is not counted.
    fn extend<T: IntoIterator<Item = f32>>(&mut self, weights: T) {
        for weight in weights {
            self.add(weight, 1.0);
        }
    }
}

impl FromIterator<f32> for Histogram {
    fn from_iter<T: IntoIterator<Item = f32>>(weights: T) -> Self {
        let mut histogram = Self::default();
        histogram.extend(weights);
        histogram
    }
}

impl Histogram {
    /// The merges of clusters down to a weight, each counted once.
    pub fn of_merges(merges: &[Merge], down_to: f32) -> Self {
        let mut histogram: Self = merges.iter().map(|merge| merge.weight).collect();
        histogram.counts_from(down_to);
        histogram
    }

    /// Counts a weight so many times.
    pub fn add(&mut self, weight: f32, times: f64) {
        if !weight.is_nan() {
            let bin = Self::bin(weight);
            self.counts[bin] += times;
            self.reach(bin);
        }
    }

    /// Says that weights from here on were counted, even where there are none.
    pub fn counts_from(&mut self, weight: f32) {
        if !weight.is_nan() {
            self.reach(Self::bin(weight));
        }
    }

    fn bin(weight: f32) -> usize {
        ((weight.clamp(LOWEST, HIGHEST) - LOWEST) / WIDTH) as usize
    }

    fn reach(&mut self, bin: usize) {
        self.range = Some(self.range.map_or((bin, bin), |(low, high)| (low.min(bin), high.max(bin))));
    }

    /// Bins from the first with a count to the last.
    pub fn len(&self) -> usize {
        self.range.map_or(0, |(low, high)| high - low + 1)
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.range.is_none()
    }

    /// Weights in a bin.
    pub fn count(&self, bin: usize) -> f64 {
        self.counts[self.low() + bin]
    }

    /// Where a bin starts, in bits.
    pub fn start(&self, bin: usize) -> f32 {
        LOWEST + (self.low() + bin) as f32 * WIDTH
    }

    /// The middle of a bin, in bits.
    pub fn weight(&self, bin: usize) -> f32 {
        self.start(bin) + WIDTH / 2.0
    }

    /// Weights counted.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    fn low(&self) -> usize {
        self.range.map_or(0, |(low, _)| low)
    }
}
