use attune_pathing::pattern::Atom;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::features::Feature;

fn features(shown: Vec<Vec<u32>>, count: usize) -> Features {
    let feature =
        |number: usize| Feature { label: number.to_string(), atom: Atom::named("x"), property: None, count: 0 };
    Features { features: (0..count).map(feature).collect(), shown }
}

/// Customers with sequences that go together; feature 0 adds 0.8 to the log odds, 1 takes 0.5, 2 does nothing but comes
/// with 0.
fn drawn(rng: &mut StdRng) -> (Features, Vec<bool>, Vec<u32>) {
    let (mut shown, mut outcome, mut customers) = (Vec::new(), Vec::new(), Vec::new());
    for customer in 0..500 {
        let own = if rng.random_bool(0.5) { 0.4 } else { -0.4 };
        for _ in 0..rng.random_range(1..5) {
            let first = rng.random_bool(0.4);
            let has = [first, rng.random_bool(0.3), rng.random_bool(if first { 0.7 } else { 0.2 })];
            let x = -0.5 + own + if has[0] { 0.8 } else { 0.0 } - if has[1] { 0.5 } else { 0.0 };
            outcome.push(rng.random_bool(sigmoid(x)));
            shown.push((0..3).filter(|at| has[*at as usize]).collect());
            customers.push(customer);
        }
    }
    (features(shown, 3), outcome, customers)
}

#[test]
fn effects_are_found_with_intervals_that_cover_them() {
    let mut rng = StdRng::seed_from_u64(3);
    // The effects in the population, averaged over customers of both kinds.
    let truth = {
        let (mut sums, mut all) = ([0.0; 2], 0.0);
        for own in [0.4, -0.4] {
            for (first, first_p) in [(true, 0.4), (false, 0.6)] {
                for (second, second_p) in [(true, 0.3), (false, 0.7)] {
                    let base = -0.5 + own;
                    let (a, b) = (if first { 0.8 } else { 0.0 }, if second { -0.5 } else { 0.0 });
                    let weight = first_p * second_p;
                    sums[0] += weight * (sigmoid(base + b + 0.8) - sigmoid(base + b));
                    sums[1] += weight * (sigmoid(base + a - 0.5) - sigmoid(base + a));
                    all += weight;
                }
            }
        }
        [sums[0] / all, sums[1] / all, 0.0]
    };
    let (mut covered, runs) = ([0; 3], 200);
    for _ in 0..runs {
        let (features, outcome, customers) = drawn(&mut rng);
        for effect in regress(&features, &outcome, &customers, 1.0).unwrap() {
            let truth = truth[effect.feature];
            covered[effect.feature] += usize::from(effect.interval.0 <= truth && truth <= effect.interval.1);
        }
    }
    for share in covered.map(|count| count as f64 / f64::from(runs)) {
        assert!((0.90..=0.99).contains(&share), "{covered:?}");
    }
}

#[test]
fn values_of_a_property_are_compared_with_the_most_frequent() {
    let shown: Vec<Vec<u32>> = (0..300).map(|at| vec![u32::from(at >= 200), 2 + at % 2]).collect();
    let outcome: Vec<bool> = (0..300).map(|at| if at >= 200 { at % 4 == 0 } else { at % 4 != 0 }).collect();
    let mut features = features(shown.clone(), 4);
    for (number, feature) in features.features.iter_mut().enumerate() {
        feature.count = shown.iter().filter(|own| own.contains(&(number as u32))).count() as u64;
        feature.property = (number < 2).then(|| "device".to_owned());
    }
    let customers: Vec<u32> = (0..300).collect();
    let found = regress(&features, &outcome, &customers, 1e-6).unwrap();
    let numbers: Vec<usize> = found.iter().map(|effect| effect.feature).collect();
    assert!(!numbers.contains(&0) && numbers.contains(&1), "{numbers:?}");
    // 25 of 100 instead of 150 of 200.
    let device = found.iter().find(|effect| effect.feature == 1).unwrap();
    assert!((device.effect + 0.5).abs() < 0.02, "{device:?}");
}

#[test]
fn what_decides_everything_stays_finite() {
    let shown = (0..40).map(|at| if at < 20 { vec![0, 1] } else { vec![] }).collect();
    let outcome: Vec<bool> = (0..40).map(|at| at < 20).collect();
    let customers: Vec<u32> = (0..40).collect();
    let found = regress(&features(shown, 2), &outcome, &customers, 1.0).unwrap();
    assert!(found.iter().all(|effect| effect.coefficient.is_finite() && effect.effect > 0.0));
    // What is the same thing twice shares the credit.
    assert!((found[0].coefficient - found[1].coefficient).abs() < 1e-9);
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let one = || features(vec![vec![0], vec![]], 1);
    assert_eq!(regress(&one(), &[true, true], &[0, 1], 1.0), Err(Unfit::OneOutcome));
    assert_eq!(regress(&features(vec![vec![]; 2], 0), &[true, false], &[0, 1], 1.0), Err(Unfit::Features(0)));
    let many = features(vec![vec![0], vec![]], MAX_FEATURES + 1);
    assert_eq!(regress(&many, &[true, false], &[0, 1], 1.0), Err(Unfit::Features(501)));
    assert!(regress(&features(vec![vec![0], vec![]], MAX_FEATURES), &[true, false], &[0, 1], 1.0).is_ok());
}

proptest! {
    #[test]
    fn nothing_near_is_better(
        table in prop::collection::vec((prop::collection::vec(0u32..4, 0..4), any::<bool>()), 6..40),
        ridge in 0.1f64..5.0,
        push in prop::collection::vec(-1.0f64..1.0, 5),
    ) {
        let (mut shown, outcome): (Vec<Vec<u32>>, Vec<bool>) = table.into_iter().unzip();
        shown.iter_mut().for_each(|own| { own.sort_unstable(); own.dedup(); });
        prop_assume!(outcome.iter().any(|is| *is) && !outcome.iter().all(|is| *is));
        let features = features(shown, 4);
        let groups = alike(&features, &outcome);
        let rate = outcome.iter().filter(|is| **is).count() as f64 / outcome.len() as f64;
        let beta = fit(&groups, 5, ridge, rate);
        let (gradient, _) = derivatives(&groups, &beta, ridge);
        prop_assert!(gradient.iter().all(|g| g.abs() < 1e-6), "{gradient:?}");
        let moved: Vec<f64> = beta.iter().zip(&push).map(|(b, p)| b + 0.1 * p).collect();
        prop_assert!(objective(&groups, &beta, ridge) >= objective(&groups, &moved, ridge) - 1e-12);
    }
}
