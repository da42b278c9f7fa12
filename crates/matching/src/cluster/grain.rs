//! Weights as whole numbers, so that their sums are exact in any order.

use super::Rule;

/// Parts of a bit that a weight is rounded to.
const PARTS: f32 = 256.0;
/// A pair that nobody has scored yet.
pub(crate) const UNKNOWN: i32 = i32::MIN;
/// A pair that must not be together.
pub(crate) const FORBIDDEN: i32 = i32::MIN + 1;
/// A sum with a forbidden pair in it. Adding two of them does not overflow, see [`add`].
pub(crate) const FORBIDDEN_SUM: i64 = i64::MIN / 4;

/// Bits on either side of the threshold that count however far from even odds it lies.
const AROUND: f32 = 4.0;

/// Turns weights into grains: 1/256 bit above the threshold, clipped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    threshold: f32,
    /// The lowest weight above the threshold, negative.
    lowest: f32,
    /// The highest weight above the threshold.
    highest: f32,
}

impl Scale {
    pub(crate) fn new(rule: &Rule) -> Self {
        let clip = rule.clip.clamp(1.0 / PARTS, 1e6);
        Self {
            threshold: rule.threshold,
            lowest: (-clip - rule.threshold).min(-AROUND.min(clip)),
            highest: (clip - rule.threshold).max(AROUND.min(clip)),
        }
    }

    /// The grains of a weight. A weight that is not a number counts as the lowest.
    pub(crate) fn grain(&self, weight: f32) -> i32 {
        let above = weight - self.threshold;
        if above.is_nan() {
            return self.floor();
        }
        // Flooring keeps "at least the threshold" exact.
        (above.clamp(self.lowest, self.highest) * PARTS).floor() as i32
    }

    /// The grains of a weight that counts in full, within reason.
    pub(crate) fn unclipped(&self, weight: f32) -> i64 {
        let above = weight - self.threshold;
        if above.is_nan() { i64::from(i32::MIN / 2) } else { (above.clamp(-1e6, 1e6) * PARTS).floor() as i64 }
    }

    /// The grains of a difference to the threshold.
    pub(crate) fn grains(&self, bits: f32) -> i64 {
        i64::from(self.grain(self.threshold + bits))
    }

    /// Whether a weight makes a link.
    pub(crate) fn links(&self, weight: f32) -> bool {
        weight >= self.threshold
    }

    /// The lowest grains.
    pub(crate) fn floor(&self) -> i32 {
        (self.lowest * PARTS).floor() as i32
    }

    /// The weight in bits that a mean number of grains stands for.
    pub(crate) fn bits(&self, grains: f64) -> f32 {
        (grains / f64::from(PARTS)) as f32 + self.threshold
    }
}

/// The sum of two sums, forbidden when either is.
pub(crate) fn add(left: i64, right: i64) -> i64 {
    if left == FORBIDDEN_SUM || right == FORBIDDEN_SUM { FORBIDDEN_SUM } else { left + right }
}

/// What a grain adds to a sum.
pub(crate) fn widen(grain: i32) -> i64 {
    if grain == FORBIDDEN { FORBIDDEN_SUM } else { i64::from(grain) }
}

/// The mean of so many pairs, comparable as a whole number. A sum of 2^24 pairs of 2^28 grains still fits.
pub(crate) fn mean(sum: i64, pairs: u64) -> i64 {
    if sum == FORBIDDEN_SUM {
        return i64::MIN;
    }
    let pairs = i128::from(pairs.max(1));
    ((i128::from(sum) << 20).div_euclid(pairs)).clamp(i128::from(i64::MIN + 1), i128::from(i64::MAX)) as i64
}
