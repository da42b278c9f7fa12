//! Where pairs of two persons turn into pairs of one, read off the histogram alone.
//!
//! Over all weights neither part has a simple form: fields agree or not, and every combination is a hump of its own. But
//! around the valley between them one part only falls and the other only rises. There the histogram is fitted as a
//! mixture of a falling and a rising exponential curve, by expectation maximisation (Dempster, Laird & Rubin 1977); the
//! log odds of two such curves are a straight line.

use super::histogram::{Histogram, WIDTH};

/// Weights between which the valley is looked for: a model that is wrong by more says nothing at all.
const WITHIN: (f32, f32) = (-6.0, 16.0);
/// Bits by which the histogram is smoothed to find the valley.
const SMOOTHING: f32 = 1.5;
/// Bits on either side of the valley that are fitted at most.
const REACH: f32 = 7.0;
/// Slopes that are believed.
const SLOPES: (f32, f32) = (0.8, 2.0);
/// Least weights on either side of the valley.
const LEAST: f64 = 30.0;
/// Halvings of false pairs with a bit of weight, at least; measured: from 0.3 to 0.6.
const FALL: f64 = 0.25;
/// Bits from the highest weight within which there is no valley: clipped weights pile up there.
const TOP: f32 = 3.0;
/// How much deeper than its lower shoulder a valley is at least.
const DEPTH: f64 = 0.6;

/// Pairs of one person and pairs of two, as far as the histogram alone tells them apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixture {
    /// The weight at which the odds are even, in bits.
    pub valley: f32,
    /// By how much the log2 of the odds rises with a bit of weight; 1 when the model is right. From 0.8 to 2: a valley
    /// filled up by lumps looks flatter than it is.
    pub slope: f32,
}

impl Mixture {
    /// The likeliest mixture; none when the histogram is small or has no valley.
    pub fn fit(histogram: &Histogram) -> Option<Self> {
        let smooth = smooth(histogram);
        let bottom = bottom(histogram, &smooth)?;
        let reach = (REACH / WIDTH) as usize;
        // Up to the shoulders, beyond which the curves bend.
        let shoulder = |bins: &mut dyn Iterator<Item = usize>| {
            bins.take(reach + 1).fold(bottom, |best, bin| if smooth[bin] > smooth[best] { bin } else { best })
        };
        let (from, to) = (shoulder(&mut (0..=bottom).rev()), shoulder(&mut (bottom..smooth.len())));
        let counts: Vec<f64> = (from..=to).map(|bin| histogram.count(bin)).collect();
        let (falling, rising, share) = climb(&counts, bottom - from)?;
        // Densities at bin x: rate^x over their sum; the logarithm of the ratio is a line.
        let slope = (rising.rate - falling.rate) / std::f64::consts::LN_2;
        let level = (share / (1.0 - share)).log2() + (falling.log_sum - rising.log_sum) / std::f64::consts::LN_2;
        let even = -level / slope;
        // Outside what was fitted the line means nothing.
        let even = even.clamp(0.0, counts.len() as f64 - 1.0);
        if slope <= 0.0 || !even.is_finite() || histogram.weight(from) + even as f32 * WIDTH > highest(histogram)? {
            return None;
        }
        Some(Self {
            valley: histogram.weight(from) + even as f32 * WIDTH,
            slope: (slope as f32 / WIDTH).clamp(SLOPES.0, SLOPES.1),
        })
    }

    /// The log2 of the odds of one person at a weight.
    pub fn log_odds(&self, weight: f32) -> f32 {
        (weight - self.valley) * self.slope
    }
}

/// For every bin the least probability of one person, as false pairs get rarer with rising weight: they are at most what
/// the histogram has at its lowest so far.
pub(super) fn at_least(histogram: &Histogram) -> Vec<f64> {
    let mut most = f64::INFINITY;
    let fall = (-FALL * f64::from(WIDTH)).exp2();
    let smooth = smooth(histogram).into_iter();
    smooth
        .map(|count| {
            // Half a pair more, since none may be chance.
            most = (most * fall).min(count + 0.5);
            (1.0 - most / (count + 0.5)).max(0.0)
        })
        .collect()
}

/// The histogram under a normal curve of [`SMOOTHING`] bits; its ends are mirrored, so that they do not sink.
fn smooth(histogram: &Histogram) -> Vec<f64> {
    let bins = histogram.len() as isize;
    let reach = (3.0 * SMOOTHING / WIDTH) as isize;
    let kernel: Vec<f64> =
        (0..=reach).map(|away| (-0.5 * (away as f64 * f64::from(WIDTH / SMOOTHING)).powi(2)).exp()).collect();
    (0..bins)
        .map(|bin| {
            (-reach..=reach)
                .map(|away| {
                    let mut at = bin + away;
                    if at < 0 {
                        at = -1 - at;
                    }
                    if at >= bins {
                        at = 2 * bins - 1 - at;
                    }
                    if at < 0 || at >= bins { 0.0 } else { histogram.count(at as usize) * kernel[away.unsigned_abs()] }
                })
                .sum()
        })
        .collect()
}

/// The highest weight at which there may be a valley.
fn highest(histogram: &Histogram) -> Option<f32> {
    Some(WITHIN.1.min(histogram.weight(histogram.len().checked_sub(1)?) - TOP))
}

/// The bin in which the smoothed histogram is lowest between two parts.
fn bottom(histogram: &Histogram, smooth: &[f64]) -> Option<usize> {
    let highest = highest(histogram)?;
    let within = |bin: &usize| (WITHIN.0..=highest).contains(&histogram.weight(*bin));
    let lowest = (0..smooth.len()).filter(within).min_by(|a, b| smooth[*a].total_cmp(&smooth[*b]))?;
    let side = |bins: std::ops::Range<usize>| {
        let count: f64 = bins.clone().map(|bin| histogram.count(bin)).sum();
        let most = bins.map(|bin| smooth[bin]).fold(0.0, f64::max);
        (count, most)
    };
    let (left, right) = (side(0..lowest), side(lowest + 1..smooth.len()));
    let deep = smooth[lowest] <= DEPTH * left.1.min(right.1);
    (left.0 >= LEAST && right.0 >= LEAST && deep).then_some(lowest)
}

/// An exponential curve over the bins from 0: exp(rate x), with the logarithm of its sum.
#[derive(Debug, Clone, Copy)]
struct Curve {
    rate: f64,
    log_sum: f64,
}

impl Curve {
    fn new(rate: f64, bins: usize) -> Self {
        let most = (rate * (bins as f64 - 1.0)).max(0.0);
        let sum: f64 = (0..bins).map(|bin| (rate * bin as f64 - most).exp()).sum();
        Self { rate, log_sum: sum.ln() + most }
    }

    fn density(&self, bin: usize) -> f64 {
        (self.rate * bin as f64 - self.log_sum).exp()
    }

    /// The curve with that mean, which is the likeliest; its rate lies between the two given.
    fn fit(counts: &[f64], mut low: f64, mut high: f64) -> Self {
        let total: f64 = counts.iter().sum();
        let mean = counts.iter().enumerate().map(|(bin, count)| bin as f64 * count).sum::<f64>() / total.max(1e-300);
        for _ in 0..30 {
            let middle = f64::midpoint(low, high);
            let curve = Self::new(middle, counts.len());
            let found: f64 = (0..counts.len()).map(|bin| bin as f64 * curve.density(bin)).sum();
            if found < mean {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self::new(f64::midpoint(low, high), counts.len())
    }
}

/// Expectation maximisation from a split at the bottom: the falling curve, the rising one, and its share.
fn climb(counts: &[f64], bottom: usize) -> Option<(Curve, Curve, f64)> {
    const STEEPEST: f64 = 1.0;
    const STEPS: usize = 100;
    let total: f64 = counts.iter().sum();
    if counts.len() < 4 || total < LEAST {
        return None;
    }
    let mut rising: Vec<f64> = counts.iter().enumerate().map(|(bin, c)| if bin > bottom { *c } else { 0.0 }).collect();
    let mut found = None;
    let mut last = f64::NEG_INFINITY;
    for _ in 0..STEPS {
        let falling: Vec<f64> = counts.iter().zip(&rising).map(|(all, rising)| all - rising).collect();
        // Half a pair on each side keeps a curve defined when the other takes all.
        let share = ((rising.iter().sum::<f64>() + 0.5) / (total + 1.0)).clamp(1e-6, 1.0 - 1e-6);
        let down = Curve::fit(&falling, -STEEPEST, 0.0);
        let up = Curve::fit(&rising, 0.0, STEEPEST);
        found = Some((down, up, share));
        let mut likelihood = 0.0;
        for (bin, count) in counts.iter().enumerate() {
            let (one, two) = (share * up.density(bin), (1.0 - share) * down.density(bin));
            likelihood += count * (one + two).max(1e-300).ln();
            rising[bin] = count * one / (one + two).max(1e-300);
        }
        if likelihood - last < 1e-7 * total {
            break;
        }
        last = likelihood;
    }
    found
}
