//! Intervals by empirical likelihood.
//!
//! Source: Owen, "Empirical likelihood ratio confidence intervals for a single functional" (1988), with the F instead of the
//! chi-square quantile (Owen, "Empirical Likelihood", 2001, section 3.3); for contextual bandits Karampatziakis, Langford and
//! Mineiro (2020). The interval holds every value that some weighting of the samples, not too far from the equal one,
//! makes the mean. It is not symmetric where the samples are not, and never leaves their range.

use serde::Serialize;

/// A range of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The least.
    pub low: f64,
    /// The greatest.
    pub high: f64,
}

/// Steps of a search: more than the bits of a number.
const STEPS: usize = 100;

/// How near an end is found, as a share of the range of the samples.
const NEAR: f64 = 1e-9;

/// Where the mean of a population lies of which these are samples; none of fewer than two samples or of equal ones.
#[must_use]
pub fn mean(terms: &[f64], confidence: f64) -> Option<Interval> {
    let pairs: Vec<(f64, f64)> = terms.iter().map(|term| (*term, 1.0)).collect();
    ratio(&pairs, confidence)
}

/// Where the quotient of two means lies, given both terms of each sample, the second not below zero; none of fewer than
/// two samples, without any weight, or where all weighted samples say the same.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "logs have fewer than 2^53 decisions")]
pub fn ratio(terms: &[(f64, f64)], confidence: f64) -> Option<Interval> {
    let count = terms.len();
    if count < 2 || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let weights: f64 = terms.iter().map(|one| one.1).sum();
    if weights <= 0.0 {
        return None;
    }
    let value = terms.iter().map(|one| one.0).sum::<f64>() / weights;
    // The range in which a weighting can put the value: where some terms lie on either side.
    let (mut least, mut greatest) = (f64::INFINITY, f64::NEG_INFINITY);
    for (above, below) in terms {
        if *below > 0.0 {
            least = least.min(above / below);
            greatest = greatest.max(above / below);
        } else if *above != 0.0 {
            return None;
        }
    }
    if !(least < value && value < greatest) {
        return None;
    }
    let limit = quantile_f(confidence, (count - 1) as f64);
    let inside = |at: f64| statistic(terms, at).is_some_and(|one| one <= limit);
    let search = |mut inner: f64, mut outer: f64| {
        for _ in 0..STEPS {
            let middle = 0.5 * (inner + outer);
            if (outer - inner).abs() <= NEAR * (greatest - least) {
                break;
            }
            if inside(middle) { inner = middle } else { outer = middle }
        }
        outer
    };
    Some(Interval { low: search(value, least), high: search(value, greatest) })
}

/// Minus twice the logarithm of the likelihood ratio at a value: 0 at the samples' own, growing to either side; none where
/// no weighting reaches the value.
fn statistic(terms: &[(f64, f64)], value: f64) -> Option<f64> {
    let gap = |one: &(f64, f64)| one.0 - value * one.1;
    let (mut least, mut greatest) = (0.0_f64, 0.0_f64);
    for one in terms {
        least = least.min(gap(one));
        greatest = greatest.max(gap(one));
    }
    if !(least < 0.0 && greatest > 0.0) {
        return None;
    }
    // The multiplier solves sum(g / (1 + t g)) = 0, which falls between the two poles.
    let (mut low, mut high) = (-1.0 / greatest, -1.0 / least);
    let mut at = 0.0;
    for _ in 0..STEPS {
        let (mut slope, mut curve) = (0.0, 0.0);
        for one in terms {
            let gap = gap(one);
            let part = gap / (1.0 + at * gap);
            slope += part;
            curve += part * part;
        }
        if slope > 0.0 {
            low = at
        } else {
            high = at
        }
        // Newton where it stays inside, else the middle.
        let step = at + slope / curve;
        let next = if step > low && step < high { step } else { 0.5 * (low + high) };
        if next == at || (high - low) <= f64::EPSILON * (low.abs() + high.abs()) {
            break;
        }
        let settled = (next - at).abs() <= 1e-12 * (1.0 + next.abs());
        at = next;
        if settled {
            break;
        }
    }
    Some(2.0 * terms.iter().map(|one| (at * gap(one)).ln_1p()).sum::<f64>())
}

/// The quantile of an F distribution with 1 and `freedom` degrees of freedom: the square of Student's at half the rest.
fn quantile_f(confidence: f64, freedom: f64) -> f64 {
    let student = quantile_t(0.5 + 0.5 * confidence, freedom);
    student * student
}

/// Student's quantile by Hill's expansion (Abramowitz and Stegun 26.7.5): four terms, to 1e-4 from 5 degrees of freedom on.
fn quantile_t(probability: f64, freedom: f64) -> f64 {
    let z = quantile_normal(probability);
    let (z2, n) = (z * z, freedom);
    let first = (z2 + 1.0) / 4.0;
    let second = (5.0 * z2 * z2 + 16.0 * z2 + 3.0) / 96.0;
    let third = (3.0 * z2.powi(3) + 19.0 * z2 * z2 + 17.0 * z2 - 15.0) / 384.0;
    let fourth = (79.0 * z2.powi(4) + 776.0 * z2.powi(3) + 1482.0 * z2 * z2 - 1920.0 * z2 - 945.0) / 92_160.0;
    z * (1.0 + first / n + second / n.powi(2) + third / n.powi(3) + fourth / n.powi(4))
}

/// The normal quantile: Newton steps on the distribution from a rational start (Abramowitz and Stegun 26.2.23).
fn quantile_normal(probability: f64) -> f64 {
    let tail = (1.0 - probability).max(1e-300);
    let t = (-2.0 * tail.ln()).sqrt();
    let mut z = t
        - (2.515_517 + 0.802_853 * t + 0.010_328 * t * t)
            / (1.0 + 1.432_788 * t + 0.189_269 * t * t + 0.001_308 * t * t * t);
    for _ in 0..4 {
        let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
        z += (upper_tail(z) - tail) / density;
    }
    z
}

/// The chance that a normal number is above `z`, for `z` of at least 0: a continued fraction, and the series near 0.
fn upper_tail(z: f64) -> f64 {
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z < 2.5 {
        // The series of Marsaglia (2004): density times z + z^3/3 + z^5/(3 5) + ...
        let (mut term, mut sum, mut odd) = (z, z, 1.0);
        while term.abs() > 1e-18 {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        return 0.5 - density * sum;
    }
    let mut fraction = 0.0;
    for step in (1..=60).rev() {
        fraction = f64::from(step) / (z + fraction);
    }
    density / (z + fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (probability, expected) in
            [(0.975, 1.959_963_984_540), (0.95, 1.644_853_626_951), (0.9995, 3.290_526_731_492)]
        {
            assert!((quantile_normal(probability) - expected).abs() < 1e-9, "{probability}");
        }
        for (freedom, expected) in [(5.0, 2.570_582), (10.0, 2.228_139), (30.0, 2.042_272), (1000.0, 1.962_339)] {
            assert!((quantile_t(0.975, freedom) - expected).abs() < 2e-3 / freedom, "{freedom}");
        }
    }

    #[test]
    fn many_even_samples_have_the_normal_interval() {
        let terms: Vec<f64> = (0..10_000).map(|at| f64::from(at % 100)).collect();
        let interval = mean(&terms, 0.95).unwrap();
        let (mean, error) = (49.5, 28.866_07 / 100.0);
        assert!((interval.low - (mean - 1.96 * error)).abs() < 0.01, "{interval:?}");
        assert!((interval.high - (mean + 1.96 * error)).abs() < 0.01, "{interval:?}");
    }

    #[test]
    fn rare_rewards_are_covered_as_often_as_promised() {
        // About 20 rewards in 2,000 decisions.
        let (mut random, rounds, rate) = (StdRng::seed_from_u64(5), 200, 0.01);
        let mut held = 0;
        for _ in 0..rounds {
            let count = (0..2_000).filter(|_| random.random_bool(rate)).count();
            let terms: Vec<f64> = (0..2_000).map(|at| if at < count { 1.0 } else { 0.0 }).collect();
            let interval = mean(&terms, 0.95).unwrap();
            held += usize::from(interval.low <= rate && rate <= interval.high);
        }
        // Four standard errors of a share of 0.95 over 200 rounds.
        assert!(held as f64 / f64::from(rounds) > 0.95 - 4.0 * 0.0154, "{held}");
    }

    #[test]
    fn what_says_nothing_has_no_interval() {
        assert_eq!(mean(&[1.0], 0.95), None);
        assert_eq!(mean(&[0.0; 50], 0.95), None);
        assert_eq!(ratio(&[(0.0, 0.0), (0.0, 0.0)], 0.95), None);
        assert_eq!(mean(&[1.0, 2.0], 1.0), None);
    }

    proptest! {
        #[test]
        fn an_interval_holds_the_value_within_the_range(terms in proptest::collection::vec((0.0_f64..5.0, 0.01_f64..3.0), 3..60)) {
            let value = terms.iter().map(|one| one.0).sum::<f64>() / terms.iter().map(|one| one.1).sum::<f64>();
            if let Some(interval) = ratio(&terms, 0.9) {
                prop_assert!(interval.low <= value && value <= interval.high);
                let wider = ratio(&terms, 0.99).unwrap();
                prop_assert!(wider.low <= interval.low && interval.high <= wider.high);
                for (above, below) in &terms {
                    let one = above / below;
                    prop_assert!(interval.low >= terms.iter().map(|t| t.0 / t.1).fold(f64::MAX, f64::min) - 1e-9 || one > interval.low);
                }
            }
        }
    }
}
