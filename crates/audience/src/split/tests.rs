//! Splits of numbers whose groups are known.

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

/// A normal value, by the sum of twelve.
fn normal(dice: &mut SmallRng) -> f64 {
    (0..12).map(|_| dice.random::<f64>()).sum::<f64>() - 6.0
}

#[test]
fn a_mixture_finds_its_components() {
    let mut dice = SmallRng::seed_from_u64(2);
    let truth = [(0.5, 1.0, 0.3), (0.3, 3.0, 0.4), (0.2, 5.0, 0.3)];
    let mut values: Vec<f64> = truth
        .iter()
        .flat_map(|(weight, mean, deviation)| vec![(*mean, *deviation); (weight * 20_000.0) as usize])
        .map(|(mean, deviation)| mean + deviation * normal(&mut dice))
        .collect();
    values.sort_unstable_by(f64::total_cmp);
    let mixture = Mixture::fit(&values, 5).unwrap();
    assert_eq!(mixture.components.len(), 3, "{mixture:?}");
    for (component, (weight, mean, deviation)) in mixture.components.iter().zip(truth) {
        assert!((component.weight - weight).abs() < 0.01 && (component.mean - mean).abs() < 0.02, "{component:?}");
        assert!((component.deviation - deviation).abs() < 0.02, "{component:?}");
    }
    let bounds = mixture.bounds();
    assert!(bounds.len() == 2 && (1.5..2.3).contains(&bounds[0]) && (3.9..4.5).contains(&bounds[1]), "{bounds:?}");
}

#[test]
fn one_group_is_split_by_quantiles() {
    let mut dice = SmallRng::seed_from_u64(3);
    let values: Vec<f64> = (0..5000).map(|_| (3.0 + 0.4 * normal(&mut dice)).exp()).chain([0.0, f64::NAN]).collect();
    let split = ActivitySplit::new(&values, 0.0, By::Mixture);
    assert_eq!(split.method, Method::Quantiles);
    let count = |of| values.iter().filter(|value| split.of(**value) == of).count();
    assert_eq!(
        (count(Activity::Dormant), count(Activity::Light), count(Activity::Medium), count(Activity::Heavy)),
        (2, 2500, 1500, 1000)
    );
}

#[test]
fn groups_apart_are_split_between_them() {
    let values: Vec<f64> =
        (0..3000).map(|n| if n % 3 == 0 { 50.0 + f64::from(n % 17) } else { 1.0 + f64::from(n % 4) }).collect();
    let split = ActivitySplit::new(&values, 0.0, By::Mixture);
    assert!(matches!(&split.method, Method::Mixture(mixture) if mixture.components.len() >= 2), "{split:?}");
    assert!(values.iter().all(|value| (split.of(*value) == Activity::Heavy) == (*value >= 50.0)), "{split:?}");
    assert_eq!(split.of(0.0), Activity::Dormant);
}

#[test]
fn nothing_to_split_splits_nothing() {
    for values in [vec![], vec![0.0], vec![f64::NAN], vec![2.0; 20]] {
        for by in [By::Mixture, By::Quantiles([0.5, 0.8])] {
            let split = ActivitySplit::new(&values, 0.0, by);
            assert_eq!(split.method, Method::Quantiles);
            assert_eq!(split.of(f64::NAN), Activity::Dormant);
        }
    }
}

#[test]
fn quadrants_are_cut_at_medians() {
    let (cuts, found) = quadrants(&[1.0, 2.0, 3.0, 4.0, f64::NAN], &[9.0, 1.0, 2.0, 8.0, 9.0], [None, Some(5.0)]);
    assert_eq!(cuts, [2.5, 5.0]);
    assert_eq!(found, [Quadrant::Grow, Quadrant::Maintain, Quadrant::Harvest, Quadrant::Keep, Quadrant::Grow]);
}

#[test]
fn recency_counts_the_other_way() {
    let days: Vec<f64> = (0..10).map(f64::from).collect();
    let scores = rfm(&days, &days, &[1.0; 10]);
    assert_eq!((scores[0], scores[9]), ([5, 1, 3], [1, 5, 3]));
}

proptest! {
    #[test]
    fn bands_keep_order_ties_and_sizes(values in prop::collection::vec(0_u16..60, 1..200), bands in 1_u8..8) {
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        let found = quantile_bands(&values, bands);
        for (one, band) in values.iter().zip(&found) {
            prop_assert!((1..=bands).contains(band));
            for (other, next) in values.iter().zip(&found) {
                prop_assert!(one != other || band == next);
                prop_assert!(one >= other || band <= next);
            }
        }
        let distinct: Vec<f64> = (0..values.len()).map(|n| n as f64).collect();
        let sizes = quantile_bands(&distinct, bands);
        for band in 1..=bands {
            let size = sizes.iter().filter(|one| **one == band).count() as f64;
            prop_assert!((size - values.len() as f64 / f64::from(bands)).abs() <= 1.0);
        }
    }
}
