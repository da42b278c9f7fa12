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

use crate::cluster::{Rule, Task, merges};

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
        Self { precision: 0.99, price: 0.01, tolerance: 3.0 }
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
const LOWEST: f32 = -2.0;

/// Chooses the threshold with the highest expected F1 among those of the expected precision, if that is not too dear.
pub fn choose(histogram: &Histogram, aim: &Aim) -> Choice {
    let odds = Odds::read(histogram);
    let (mut precise, mut best): (Option<Choice>, Option<Choice>) = (None, None);
    let mut above = Above::default();
    for bin in (0..histogram.len()).rev() {
        above.take(histogram.count(bin), odds.probability[bin]);
        let weight = histogram.start(bin);
        let unknown = odds.mixture.is_none() && weight < LOWEST;
        if above.links == 0.0 || odds.probability[bin] < 0.5 || unknown {
            continue;
        }
        let choice = odds.choice(weight, &above, aim);
        // Where nothing lies between two thresholds, the one nearer to the model's even odds is as good.
        let better = |best: Choice| choice.f1 > best.f1 || (choice.f1 == best.f1 && weight.abs() < best.weight.abs());
        if choice.precision >= aim.precision && precise.is_none_or(better) {
            precise = Some(choice);
        }
        if best.is_none_or(better) {
            best = Some(choice);
        }
    }
    // Precision at any price is no linking at all.
    let worth = |choice: &Choice| best.is_some_and(|best| choice.f1 >= best.f1 - aim.price);
    precise.filter(worth).or(best).unwrap_or_else(|| odds.choice(0.0, &Above::default(), aim))
}

/// Mean weight down to which [`decide`] looks at merges, in bits: edges above it are all it needs.
pub const LOWEST_MERGE: f32 = -6.0;
/// Records of the components that [`decide`] looks at.
const SAMPLE: usize = 20_000;

/// Chooses the threshold of [`crate::cluster::cluster`] for a task, or says what is expected of the one given. Clusters a
/// sample of the components, of 20,000 records in all.
pub fn decide(task: &Task<'_>, score: &impl Fn(u32, u32) -> f32, given: Option<f32>, aim: &Aim) -> Choice {
    let merges = merges(task, &Rule::new(LOWEST_MERGE), score, SAMPLE);
    let histogram = Histogram::of_merges(&merges, LOWEST_MERGE);
    match given {
        Some(weight) => expect(&histogram, weight, aim),
        None => choose(&histogram, aim),
    }
}

/// What is expected of a threshold that somebody else chose.
pub fn expect(histogram: &Histogram, weight: f32, aim: &Aim) -> Choice {
    let odds = Odds::read(histogram);
    let mut above = Above::default();
    for bin in (0..histogram.len()).filter(|bin| histogram.weight(*bin) >= weight) {
        above.take(histogram.count(bin), odds.probability[bin]);
    }
    odds.choice(weight, &above, aim)
}

/// What lies above a threshold.
#[derive(Debug, Clone, Copy, Default)]
struct Above {
    links: f64,
    matches: f64,
}

impl Above {
    fn take(&mut self, count: f64, probability: f64) {
        self.links += count;
        self.matches += count * probability;
    }
}

/// The probability of a match in every bin.
#[derive(Debug)]
struct Odds {
    mixture: Option<Mixture>,
    probability: Vec<f64>,
    matches: f64,
}

impl Odds {
    fn read(histogram: &Histogram) -> Self {
        let mixture = Mixture::fit(histogram);
        let sure = if mixture.is_some() { vec![0.0; histogram.len()] } else { mixture::at_least(histogram) };
        let probability = |(bin, sure): (usize, f64)| {
            let weight = histogram.weight(bin);
            let odds = mixture.map_or(weight, |mixture| mixture.log_odds(weight));
            likelihood(odds).max(sure)
        };
        let probability: Vec<f64> = sure.into_iter().enumerate().map(probability).collect();
        let matches = probability.iter().enumerate().map(|(bin, share)| share * histogram.count(bin)).sum();
        Self { mixture, probability, matches }
    }

    fn choice(&self, weight: f32, above: &Above, aim: &Aim) -> Choice {
        // No link is wrong where there is none, and none is missing where there is nothing to find.
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
        Choice {
            weight,
            probability: likelihood(weight),
            precision: share(above.matches, above.links),
            recall: share(above.matches, self.matches),
            f1: share(2.0 * above.matches, above.links + self.matches),
            mixture: self.mixture,
            calibrated: self.mixture.is_none_or(|mixture| mixture.valley.abs() <= aim.tolerance),
        }
    }
}

/// The probability that odds of so many bits stand for.
fn likelihood(bits: f32) -> f64 {
    1.0 / (1.0 + f64::from(-bits).exp2())
}
