//! The threshold for links, chosen without knowing the truth.
//!
//! Were the probabilities right, the expected precision and recall of every threshold would follow from them alone: the
//! matches among the links are the sum of their probabilities. Whether they are right shows in the histogram of the
//! weights. It is a mixture of two: pairs of one person and pairs of two. Where the second turns into the first there is
//! a valley, and it must lie where the model says that the odds are even. Where it lies elsewhere the model's independence
//! assumptions or its prior are off. The odds are therefore read from the mixture ([`Mixture`]) wherever it shows a
//! valley, and are the model's own where it does not.
//!
//! Even then something is known, because chance agreement gets rarer the higher it is: at any weight there are fewer false
//! pairs than there are pairs at any lower weight. Where hardly anything lies below, all above is right.
//!
//! The best histogram to look at is not that of pairs but that of [`crate::cluster::merges`], each counted once:
//! what is decided in the end is whether clusters merge.

mod histogram;
mod mixture;
#[cfg(test)]
mod tests;

pub use histogram::Histogram;
pub use mixture::Mixture;

/// What a threshold should achieve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Aim {
    /// Least expected precision of the links.
    pub precision: f64,
    /// Expected F1 that this precision may cost; where it costs more, the threshold with the best expected F1 is taken.
    pub price: f64,
    /// Bits by which the valley may lie off the even odds of a model that counts as calibrated.
    pub tolerance: f32,
}

impl Default for Aim {
    fn default() -> Self {
        // A little above 0.99, because what is expected is itself estimated.
        Self { precision: 0.993, price: 0.02, tolerance: 3.0 }
    }
}

/// A threshold and what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Least weight of a link, in bits.
    pub weight: f32,
    /// The same as the model's probability.
    pub probability: f64,
    /// Expected share of matches among the links.
    pub precision: f64,
    /// Expected share of links among the matches that were compared.
    pub recall: f64,
    /// Expected harmonic mean of both.
    pub f1: f64,
    /// What the histogram says; none when it shows no two parts, and the odds are the model's.
    pub mixture: Option<Mixture>,
    /// Whether the model's even odds lie where the histogram's do, or nothing speaks against it.
    pub calibrated: bool,
}

/// The lowest threshold where the histogram shows no valley: then it says nothing about pairs that the model rejects.
const LOWEST: f32 = -3.0;

/// Chooses the threshold with the highest expected F1 among those of the expected precision, if that is not too dear.
pub fn choose(histogram: &Histogram, aim: &Aim) -> Choice {
    let mixture = Mixture::fit(histogram);
    let calibrated = mixture.is_none_or(|mixture| mixture.valley.abs() <= aim.tolerance);
    let sure = if mixture.is_some() { vec![0.0; histogram.len()] } else { mixture::at_least(histogram) };
    let probability = |bin: usize| {
        let weight = histogram.weight(bin);
        let odds = f64::from(mixture.map_or(weight, |mixture| mixture.log_odds(weight)));
        (1.0 / (1.0 + (-odds).exp2())).max(sure[bin])
    };
    let all: f64 = (0..histogram.len()).map(|bin| histogram.count(bin) * probability(bin)).sum();
    let (mut links, mut matches) = (0.0, 0.0);
    let (mut precise, mut best): (Option<Choice>, Option<Choice>) = (None, None);
    for bin in (0..histogram.len()).rev() {
        links += histogram.count(bin);
        matches += histogram.count(bin) * probability(bin);
        // A threshold lies below what it lets in; among equals the lowest is farthest from what it lets in.
        if links == 0.0 || probability(bin) < 0.5 || (mixture.is_none() && histogram.start(bin) < LOWEST) {
            continue;
        }
        let (precision, recall) = (matches / links, matches / all.max(f64::MIN_POSITIVE));
        let f1 = 2.0 * matches / (links + all);
        let weight = histogram.start(bin);
        let choice = Choice {
            weight,
            probability: 1.0 / (1.0 + f64::from(-weight).exp2()),
            precision,
            recall,
            f1,
            mixture,
            calibrated,
        };
        // Where nothing lies between two thresholds, the one nearer to the model's even odds is as good.
        let better = |best: Choice| f1 > best.f1 || (f1 == best.f1 && weight.abs() < best.weight.abs());
        if precision >= aim.precision && precise.is_none_or(better) {
            precise = Some(choice);
        }
        if best.is_none_or(better) {
            best = Some(choice);
        }
    }
    // Nothing to link: even odds are as good as any.
    let nothing = Choice { weight: 0.0, probability: 0.5, precision: 1.0, recall: 1.0, f1: 1.0, mixture, calibrated };
    // Precision at any price is no linking at all.
    let worth = |choice: &Choice| best.is_some_and(|best| choice.f1 >= best.f1 - aim.price);
    precise.filter(worth).or(best).unwrap_or(nothing)
}
