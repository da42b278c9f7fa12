//! Thresholds on simulated scores, against the best with the labels known.

use super::*;
use crate::cluster::Merge;
use crate::cluster::simulate::Random;

/// A field of the simulated model: probabilities of agreeing among matches, in households and among strangers.
const FIELDS: [(f64, f64, f64); 8] = [
    (0.92, 0.05, 0.005),
    (0.94, 0.70, 0.004),
    (0.95, 0.02, 0.0006),
    (0.75, 0.95, 0.002),
    (0.80, 0.30, 0.0005),
    (0.85, 0.95, 0.02),
    (0.70, 0.05, 0.0003),
    (0.93, 0.03, 0.0008),
];

/// What pairs there are.
#[derive(Debug, Clone, Copy)]
struct Kind {
    matches: usize,
    households: usize,
    strangers: usize,
    /// How often a field of a match errs, against the table.
    errors: f64,
    /// Fields that there are.
    fields: usize,
}

/// Weights of candidate pairs as the right model gives them, with the truth.
fn draw(kind: &Kind, seed: u64) -> Vec<(f32, bool)> {
    let mut random = Random(seed);
    let mut pairs = Vec::new();
    // Strangers are candidates because they agree somewhere: shares are those among candidates.
    let shares = [kind.matches as f64, kind.households as f64, kind.strangers as f64];
    for (class, count) in [kind.matches, kind.households, kind.strangers].into_iter().enumerate() {
        for _ in 0..count {
            let mut odds = shares.map(f64::log2);
            // Strangers meet by one field, which is no evidence against them.
            let met = random.below(kind.fields);
            for (at, (one, household, stranger)) in FIELDS.into_iter().take(kind.fields).enumerate() {
                if random.unit() < 0.05 {
                    continue;
                }
                let one = 1.0 - (1.0 - one) * kind.errors;
                let stranger = if class == 2 && at == met { 0.5 } else { stranger };
                let agrees = random.unit() < [one, household, stranger][class];
                // A rare value says more.
                let rare = if agrees { 1.2 * random.normal() } else { 0.0 };
                let chances = [one, household, FIELDS[at].2.max(1e-4)];
                for (odds, chance) in odds.iter_mut().zip(chances) {
                    *odds += if agrees { chance.log2() } else { (1.0 - chance).log2() };
                }
                odds[2] -= rare;
            }
            let others = (odds[1].exp2() + odds[2].exp2()).log2();
            pairs.push(((odds[0] - others) as f32, class == 0));
        }
    }
    pairs.retain(|(weight, _)| *weight >= -12.0);
    pairs
}

/// Precision and F1 of a threshold; matches that fell below the least weight count against nobody.
fn measure(pairs: &[(f32, bool)], threshold: f32) -> (f64, f64) {
    let links = pairs.iter().filter(|(weight, _)| *weight >= threshold).count() as f64;
    let right = pairs.iter().filter(|(weight, one)| *one && *weight >= threshold).count() as f64;
    let all = pairs.iter().filter(|(_, one)| *one).count() as f64;
    (right / links.max(1.0), 2.0 * right / (links + all).max(1.0))
}

/// The best F1 of any threshold with that precision.
fn best(pairs: &[(f32, bool)], precision: f64) -> f64 {
    let mut thresholds: Vec<f32> = pairs.iter().map(|(weight, _)| *weight).collect();
    thresholds.sort_by(f32::total_cmp);
    thresholds.dedup();
    let step = (thresholds.len() / 400).max(1);
    let found = thresholds.iter().step_by(step).map(|threshold| measure(pairs, *threshold));
    found.filter(|found| found.0 >= precision).map(|found| found.1).fold(0.0, f64::max)
}

/// Kinds of pairs, with the F1 that may be lost and the precision that must be kept under any miscalibration. The parts of
/// the last three overlap or are too small to show where one ends; even there little is lost.
const KINDS: [(&str, Kind, f64, f64); 6] = [
    ("easy", Kind { matches: 5000, households: 200, strangers: 20_000, errors: 1.0, fields: 8 }, 0.005, 0.99),
    ("households", Kind { matches: 5000, households: 3000, strangers: 20_000, errors: 1.0, fields: 8 }, 0.005, 0.99),
    ("noisy", Kind { matches: 5000, households: 200, strangers: 20_000, errors: 1.6, fields: 8 }, 0.01, 0.97),
    ("mostly matches", Kind { matches: 8000, households: 100, strangers: 500, errors: 1.5, fields: 8 }, 0.02, 0.95),
    ("few matches", Kind { matches: 300, households: 50, strangers: 30_000, errors: 1.5, fields: 8 }, 0.04, 0.99),
    ("few fields", Kind { matches: 3000, households: 100, strangers: 20_000, errors: 1.0, fields: 6 }, 0.03, 0.95),
];

#[test]
fn is_near_the_best_threshold_and_precise() {
    let mut failures = Vec::new();
    for (name, kind, loss, least) in KINDS {
        for (stretch, shift) in [(1.0, 0.0), (1.0, 5.0), (1.0, -5.0), (1.6, 0.0), (0.6, 0.0), (1.5, 6.0)] {
            for seed in 0..3 {
                let right = draw(&kind, seed);
                let wrong = right.iter().map(|(weight, one)| (weight * stretch + shift, *one));
                let pairs: Vec<(f32, bool)> = wrong.filter(|(weight, _)| *weight >= -12.0).collect();
                let histogram: Histogram = pairs.iter().map(|(weight, _)| *weight).collect();
                let choice = choose(&histogram, &Aim::default());
                let (precision, f1) = measure(&pairs, choice.weight);
                let best = best(&pairs, 0.99);
                println!(
                    "{name:15} x{stretch} {shift:+} seed {seed}: at {:.2} precision {precision:.4} F1 {f1:.4} (best {best:.4}) {:?}",
                    choice.weight, choice.mixture
                );
                if precision < least || f1 < best - loss {
                    failures.push((name, stretch, shift, seed));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{failures:?}");
}

#[test]
fn nothing_and_little_are_fine() {
    let choice = choose(&Histogram::default(), &Aim::default());
    assert_eq!((choice.weight, choice.mixture, choice.calibrated), (0.0, None, true));
    let histogram: Histogram = [12.0, 9.0, f32::NAN, f32::INFINITY, -3.0].into_iter().collect();
    let choice = choose(&histogram, &Aim::default());
    assert!(choice.weight > -3.0 && choice.weight <= 9.0, "{choice:?}");
    assert!((histogram.total() - 4.0).abs() < 1e-9);
}

#[test]
fn expects_of_its_choice_what_it_says() {
    let pairs = draw(&KINDS[0].1, 9);
    let histogram: Histogram = pairs.iter().map(|(weight, _)| *weight).collect();
    let choice = choose(&histogram, &Aim::default());
    let expected = expect(&histogram, choice.weight, &Aim::default());
    assert!((expected.f1 - choice.f1).abs() < 1e-9 && (expected.precision - choice.precision).abs() < 1e-9);
    let (precision, f1) = measure(&pairs, choice.weight);
    assert!(
        (precision - choice.precision).abs() < 0.01 && (f1 - choice.f1).abs() < 0.02,
        "{choice:?} {precision} {f1}"
    );
    assert!(expect(&histogram, choice.weight - 5.0, &Aim::default()).precision < choice.precision);
}

#[test]
fn trusts_merges_where_nothing_lies_below_them() {
    let merges: Vec<Merge> = (0..200).map(|at| Merge { weight: -1.5 + at as f32 * 0.07, pairs: 1 + at % 3 }).collect();
    let choice = choose(&Histogram::of_merges(&merges, -6.0), &Aim::default());
    assert!(choice.weight < -0.5 && choice.weight >= LOWEST && choice.mixture.is_none(), "{choice:?}");
    assert!(choice.precision > 0.98 && choice.recall > 0.98, "{choice:?}");
}
