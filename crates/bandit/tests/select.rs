//! Chances beside a slow way to find them, and beside what is drawn.

use attune_bandit::select::{Selection, pick};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The chances under reaches by bisection for the common factor of those below theirs.
fn slowly(chances: &[f64], reaches: &[f64]) -> Vec<f64> {
    let under = |factor: f64| -> Vec<f64> {
        chances.iter().zip(reaches).map(|(chance, reach)| (chance * factor).min(*reach)).collect()
    };
    let (mut low, mut high) = (0.0, 1e9);
    for _ in 0..300 {
        let middle = f64::midpoint(low, high);
        if under(middle).iter().sum::<f64>() < 1.0 { low = middle } else { high = middle }
    }
    under(low)
}

proptest! {
    #[test]
    fn chances_add_up_keep_to_their_reach_and_fall_with_the_gap(
        offers in proptest::collection::vec((0.0_f64..1.0, 0_u64..400), 1..30),
        answers in 0_u64..100_000,
        floor in 0.0_f64..0.3,
    ) {
        let selection = Selection { floor, ..Selection::default() };
        let scores: Vec<f64> = offers.iter().map(|offer| offer.0).collect();
        let reaches: Vec<f64> = offers.iter().map(|offer| selection.reach(offer.1)).collect();
        let open = selection.chances(&scores, &vec![1.0; scores.len()], answers);
        let chances = selection.chances(&scores, &reaches, answers);
        for chances in [&open, &chances] {
            prop_assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(chances.iter().all(|chance| *chance > 0.0));
        }
        for (one, chance) in scores.iter().zip(&open) {
            prop_assert!(*chance >= floor / scores.len() as f64);
            for (two, other) in scores.iter().zip(&open) {
                prop_assert!(one <= two || chance >= other);
            }
        }
        if reaches.iter().sum::<f64>() > 1.0 {
            for (fast, slow) in chances.iter().zip(slowly(&open, &reaches)) {
                prop_assert!((fast - slow).abs() < 1e-9, "{fast} {slow}");
            }
        } else {
            let all: f64 = reaches.iter().sum();
            for (chance, reach) in chances.iter().zip(&reaches) {
                prop_assert!((chance - reach / all).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn the_reach_grows_from_two_percent_to_all_at_two_hundred_positives() {
    let selection = Selection::default();
    assert_eq!(selection.reach(0), 0.02);
    assert!((selection.reach(100) - 0.51).abs() < 1e-12);
    assert!(selection.reach(199) < 1.0);
    assert_eq!((selection.reach(200), selection.reach(u64::MAX)), (1.0, 1.0));
    // The best of five is new: it gets its two percent and no more.
    let chances = selection.chances(&[0.9, 0.3, 0.2, 0.1, 0.1], &[0.02, 1.0, 1.0, 1.0, 1.0], 10_000);
    assert_eq!(chances[0], 0.02);
    assert!(chances[1] > 0.2);
    let off = Selection { first_reach: 1.0, ..selection };
    assert_eq!(off.reach(0), 1.0);
}

#[test]
fn draws_follow_the_chances() {
    let selection = Selection { greed: 0.05, ..Selection::default() };
    let chances = selection.chances(&[0.30, 0.29, 0.20, 0.05], &[0.4, 1.0, 1.0, 0.02], 10_000);
    let mut random = StdRng::seed_from_u64(3);
    let mut counts = [0.0_f64; 4];
    let draws = 40_000.0;
    for _ in 0..40_000 {
        counts[pick(&chances, random.random()).unwrap()] += 1.0;
    }
    let distance: f64 =
        chances.iter().zip(counts).map(|(chance, count)| (count - chance * draws).powi(2) / (chance * draws)).sum();
    // The quantile of chi-square with three degrees of freedom that one in a million passes.
    assert!(distance < 30.7, "{distance} {chances:?} {counts:?}");
    assert_eq!((pick(&[], 0.5), pick(&[1.0, 0.0], 1.0)), (None, Some(0)));
    assert!(selection.chances(&[], &[], 7).is_empty());
}

#[test]
fn equal_scores_have_equal_chances_and_none_at_all_too() {
    let selection = Selection::default();
    for scores in [[0.4; 3], [0.0; 3]] {
        for chance in selection.chances(&scores, &[1.0; 3], 1_000_000) {
            assert!((chance - 1.0 / 3.0).abs() < 1e-12);
        }
    }
}
