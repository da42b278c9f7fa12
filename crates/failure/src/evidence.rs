//! Which features go with an outcome, one by one.
//!
//! For each feature the sequences fall into four: with or without it, with or without the outcome.
//! * lift: the rate of the outcome with the feature over the rate overall;
//! * odds ratio, with a 95 % interval on the logarithm (Woolf), a half added to each of the four (Haldane and Anscombe)
//!   where one is none;
//! * p: Fisher's exact test, two-sided, where an expected count is below 10, and otherwise chi-square with one degree of
//!   freedom, which then agrees with it;
//! * q: p corrected for how many features were looked at (Benjamini and Hochberg, 1995): of the features with q up to
//!   5 %, at most that share is expected to be chance.

use crate::features::Features;
use crate::number::{Factorials, Z95, normal_p};

/// How a feature and the outcome go together.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The number of the feature.
    pub feature: usize,
    /// Sequences with the feature and the outcome.
    pub with: u64,
    /// Sequences with the feature.
    pub shown: u64,
    /// Sequences with the outcome.
    pub outcomes: u64,
    /// All sequences.
    pub all: u64,
    /// The rate of the outcome with the feature over the rate overall.
    pub lift: f64,
    /// The odds of the outcome with the feature over those without.
    pub odds_ratio: f64,
    /// The lower and upper end of its 95 % interval.
    pub odds_interval: (f64, f64),
    /// How likely so strong a difference is by chance.
    pub p: f64,
    /// The same, corrected for the number of features.
    pub q: f64,
}

/// Expected counts from which the approximation serves.
const EXPECTED: f64 = 10.0;

/// Looks at every feature; the surest first, ties by strength and number. `outcome` says of each sequence whether it has
/// the outcome. Nothing when all sequences, or none, have it.
#[must_use]
pub fn findings(features: &Features, outcome: &[bool]) -> Vec<Finding> {
    let (all, outcomes) = (outcome.len() as u64, outcome.iter().filter(|is| **is).count() as u64);
    if outcomes == 0 || outcomes == all {
        return Vec::new();
    }
    let mut with = vec![0u64; features.features.len()];
    for (shown, _) in features.shown.iter().zip(outcome).filter(|(_, is)| **is) {
        shown.iter().for_each(|number| with[*number as usize] += 1);
    }
    let factorials = Factorials::new();
    let mut findings: Vec<Finding> = features
        .features
        .iter()
        .zip(with)
        .enumerate()
        .map(|(number, (feature, with))| finding(&factorials, number, [with, feature.count, outcomes, all]))
        .collect();
    correct(&mut findings);
    let strength = |finding: &Finding| finding.odds_ratio.ln().abs();
    findings.sort_by(|a, b| {
        a.q.total_cmp(&b.q)
            .then(a.p.total_cmp(&b.p))
            .then(strength(b).total_cmp(&strength(a)))
            .then(a.feature.cmp(&b.feature))
    });
    findings
}

fn finding(factorials: &Factorials, feature: usize, [with, shown, outcomes, all]: [u64; 4]) -> Finding {
    let table = [with, shown - with, outcomes - with, all + with - shown - outcomes];
    let [a, b, c, d] = table.map(|count| count as f64);
    let (n, row, column) = (a + b + c + d, a + b, a + c);
    let half = if table.contains(&0) { 0.5 } else { 0.0 };
    let odds = ((a + half) * (d + half) / (b + half) / (c + half)).ln();
    let error = [a, b, c, d].iter().map(|count| 1.0 / (count + half)).sum::<f64>().sqrt();
    let expected = row.min(n - row) * column.min(n - column) / n;
    let p = if expected < EXPECTED {
        factorials.fisher(table)
    } else {
        let spread = row * (n - row) * column * (n - column) / n;
        normal_p((a * d - b * c) / spread.sqrt())
    };
    Finding {
        feature,
        with,
        shown,
        outcomes,
        all,
        lift: (a / row.max(1.0)) / (column / n),
        odds_ratio: odds.exp(),
        odds_interval: ((odds - Z95 * error).exp(), (odds + Z95 * error).exp()),
        p,
        q: p,
    }
}

/// Corrects every p for how many there are.
fn correct(findings: &mut [Finding]) {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by(|a, b| findings[*b].p.total_cmp(&findings[*a].p));
    let (count, mut least) = (findings.len() as f64, 1.0f64);
    for (above, at) in order.into_iter().enumerate() {
        // Rounding must not bring it below p itself.
        least = least.min((findings[at].p * count / (count - above as f64)).max(findings[at].p));
        findings[at].q = least;
    }
}

#[cfg(test)]
mod tests {
    use attune_pathing::pattern::Atom;
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::features::Feature;

    fn features(shown: Vec<Vec<u32>>, count: usize) -> Features {
        let feature = |number: usize| Feature {
            label: number.to_string(),
            atom: Atom::named("x"),
            property: None,
            count: shown.iter().filter(|own| own.contains(&(number as u32))).count() as u64,
        };
        Features { features: (0..count).map(feature).collect(), shown }
    }

    #[test]
    fn a_known_table() {
        // 20 of 100 with the feature fail, 10 of 200 without.
        let shown: Vec<Vec<u32>> = (0..300).map(|at| if at < 100 { vec![0] } else { vec![] }).collect();
        let outcome: Vec<bool> = (0..300).map(|at| at < 20 || (100..110).contains(&at)).collect();
        let found = &findings(&features(shown, 1), &outcome)[0];
        assert_eq!((found.with, found.shown, found.outcomes, found.all), (20, 100, 30, 300));
        assert!((found.lift - 2.0).abs() < 1e-12 && (found.odds_ratio - 4.75).abs() < 1e-12);
        assert!((found.odds_interval.0 - 2.128_4).abs() < 1e-3 && (found.odds_interval.1 - 10.600_8).abs() < 1e-3);
        // 16.667 with one degree of freedom.
        assert!((found.p / 4.455_709e-5 - 1.0).abs() < 1e-4, "{}", found.p);
    }

    #[test]
    fn chance_alone_is_rarely_found() {
        let mut rng = StdRng::seed_from_u64(11);
        let mut runs_with_a_finding = 0;
        for _ in 0..200 {
            let shown = (0..400).map(|_| (0..20).filter(|_| rng.random_bool(0.2)).collect()).collect();
            let outcome: Vec<bool> = (0..400).map(|_| rng.random_bool(0.3)).collect();
            let found = findings(&features(shown, 20), &outcome);
            runs_with_a_finding += usize::from(found.iter().any(|finding| finding.q <= 0.05));
        }
        assert!(runs_with_a_finding <= 20, "{runs_with_a_finding}");
    }

    proptest! {
        #[test]
        fn corrected_p_equal_their_definition_and_rank(
            table in prop::collection::vec((prop::collection::vec(0u32..6, 0..4), any::<bool>()), 2..60),
        ) {
            let (mut shown, outcome): (Vec<Vec<u32>>, Vec<bool>) = table.into_iter().unzip();
            shown.iter_mut().for_each(|own| { own.sort_unstable(); own.dedup(); });
            let found = findings(&features(shown, 6), &outcome);
            for finding in &found {
                // The least, over all larger or equal p, of p times the number over its rank.
                let rank = |p: f64| found.iter().filter(|other| other.p <= p).count() as f64;
                let naive = found.iter().filter(|other| other.p >= finding.p).map(|other| other.p * 6.0 / rank(other.p));
                let naive = naive.fold(1.0, f64::min);
                prop_assert!((finding.q - naive).abs() < 1e-12);
                prop_assert!(finding.q >= finding.p && finding.odds_interval.0 <= finding.odds_interval.1);
            }
            prop_assert!(found.windows(2).all(|pair| pair[0].q <= pair[1].q));
        }
    }
}
