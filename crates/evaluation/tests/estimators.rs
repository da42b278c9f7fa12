//! The estimators beside their formulas, and beside the truth of worlds in which it is known.

use attune_evaluation::estimate::{Estimator, USUAL, evaluate};
use attune_evaluation::slate::{self, Place};
use attune_evaluation::{Error, Sample, check};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const ACTIONS: usize = 4;

/// The chance of a reward in a context, by action.
fn truth(context: usize, action: usize) -> f64 {
    [[0.1, 0.3, 0.2, 0.05], [0.4, 0.1, 0.1, 0.3], [0.2, 0.2, 0.6, 0.1]][context][action]
}

fn logging(context: usize) -> [f64; ACTIONS] {
    [[0.4, 0.2, 0.3, 0.1], [0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]][context]
}

fn target(context: usize) -> [f64; ACTIONS] {
    [[0.1, 0.7, 0.1, 0.1], [0.7, 0.1, 0.1, 0.1], [0.05, 0.05, 0.9, 0.0]][context]
}

fn draw(random: &mut StdRng, chances: &[f64; ACTIONS]) -> usize {
    let mut left = random.random::<f64>();
    for (action, chance) in chances.iter().enumerate() {
        left -= chance;
        if left < 0.0 {
            return action;
        }
    }
    ACTIONS - 1
}

/// A log of a known world; `model` is what is predicted for a context and an action.
fn log(count: usize, seed: u64, model: impl Fn(usize, usize) -> f64) -> Vec<Sample> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|_| {
            let context = random.random_range(0..3);
            let action = draw(&mut random, &logging(context));
            let reward = f64::from(u8::from(random.random_bool(truth(context, action))));
            Sample {
                reward,
                propensity: logging(context)[action],
                target: target(context)[action],
                predicted: model(context, action),
                expected: target(context).iter().enumerate().map(|(at, chance)| chance * model(context, at)).sum(),
            }
        })
        .collect()
}

fn value_of_target() -> f64 {
    (0..3)
        .map(|context| target(context).iter().enumerate().map(|(at, one)| one * truth(context, at)).sum::<f64>())
        .sum::<f64>()
        / 3.0
}

/// A wrong model: half of the truth, and a bit.
fn rough(context: usize, action: usize) -> f64 {
    0.5 * truth(context, action) + 0.05
}

#[test]
fn every_estimator_but_the_wrong_model_finds_the_value() {
    let samples = log(200_000, 1, rough);
    let wanted = value_of_target();
    for estimator in USUAL {
        let value = estimator.value(&samples).unwrap();
        let near = (value - wanted).abs() < 0.01;
        assert_eq!(near, estimator != Estimator::Dm, "{estimator:?} {value} {wanted}");
    }
    let right = log(20_000, 2, truth);
    assert!((Estimator::Dm.value(&right).unwrap() - wanted).abs() < 0.01);
}

#[test]
fn intervals_hold_the_truth_as_often_as_promised() {
    let wanted = value_of_target();
    let mut held = [0_usize; 4];
    let estimators = [Estimator::Ips, Estimator::Snips, Estimator::Dr, Estimator::Sndr];
    let rounds = 200;
    for round in 0..rounds {
        let samples = log(400, 100 + round, rough);
        for (held, estimator) in held.iter_mut().zip(estimators) {
            let interval = estimator.interval(&samples, 0.95).unwrap();
            *held += usize::from(interval.low <= wanted && wanted <= interval.high);
        }
    }
    // Four standard errors of a share of 0.95 over 200 rounds.
    for (held, estimator) in held.iter().zip(estimators) {
        assert!(*held as f64 / rounds as f64 > 0.95 - 4.0 * 0.0154, "{estimator:?}: {held} of {rounds}");
    }
}

#[test]
fn a_log_that_says_too_little_says_so() {
    let samples = log(5_000, 3, rough);
    let good = evaluate(&samples, &USUAL, 0.95);
    assert!(good.verdict.sufficient, "{:?}", good.verdict);
    assert!((good.support.mean_weight - 1.0).abs() < 0.1);
    let few = evaluate(&samples[..60], &USUAL, 0.95);
    assert!(few.verdict.reasons.iter().any(|one| one.contains("effective sample size")), "{:?}", few.verdict);
    // Propensities of another policy do not add up.
    let wrong: Vec<Sample> = samples.iter().map(|one| Sample { propensity: one.propensity * 0.5, ..*one }).collect();
    let wrong = evaluate(&wrong, &USUAL, 0.95);
    assert!(wrong.verdict.reasons.iter().any(|one| one.contains("mean weight")), "{:?}", wrong.verdict);
    let none = evaluate(&[], &USUAL, 0.95);
    assert!(!none.verdict.sufficient && none.estimates.iter().all(|one| one.value.is_none()));
    let never: Vec<Sample> = samples.iter().map(|one| Sample { target: 0.0, ..*one }).collect();
    assert_eq!(Estimator::Snips.value(&never), None);
    assert_eq!(Estimator::Sndr.interval(&never, 0.95), None);
}

#[test]
fn the_log_itself_is_valued_by_its_mean() {
    let samples = log(1_000, 4, rough);
    let mean = samples.iter().map(|one| one.reward).sum::<f64>() / 1000.0;
    let logged = evaluate(&samples, &[], 0.95).logged;
    assert!((logged.value.unwrap() - mean).abs() < 1e-12);
}

#[test]
fn bad_numbers_are_named() {
    let good = Sample { reward: 1.0, propensity: 0.5, target: 1.0, predicted: 0.0, expected: 0.0 };
    check(&good).unwrap();
    let field = |sample| match check(&sample).unwrap_err() {
        Error::BadNumber { field, .. } => field,
    };
    assert_eq!(field(Sample { propensity: 0.0, ..good }), "propensity");
    assert_eq!(field(Sample { propensity: 1.1, ..good }), "propensity");
    assert_eq!(field(Sample { propensity: f64::NAN, ..good }), "propensity");
    assert_eq!(field(Sample { target: -0.1, ..good }), "target");
    assert_eq!(field(Sample { reward: f64::INFINITY, ..good }), "reward");
    assert_eq!(field(Sample { expected: f64::NAN, ..good }), "expected");
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let one = (0.0_f64..2.0, 0.01_f64..1.0, 0.0_f64..1.0, -1.0_f64..1.0, -1.0_f64..1.0);
    proptest::collection::vec(one, 1..80).prop_map(|list| {
        let sample = |(reward, propensity, target, predicted, expected)| Sample {
            reward,
            propensity,
            target,
            predicted,
            expected,
        };
        list.into_iter().map(sample).collect()
    })
}

proptest! {
    #[test]
    fn values_are_those_of_the_formulas(samples in samples(), threshold in 0.1_f64..20.0, strength in 0.0_f64..50.0) {
        let n = samples.len() as f64;
        let w = |s: &Sample| s.target / s.propensity;
        let sum = |f: &dyn Fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>();
        let dm = sum(&|s| s.expected) / n;
        let close = |estimator: Estimator, expected: f64| {
            let value = estimator.value(&samples).unwrap();
            (value - expected).abs() <= 1e-9 * (1.0 + expected.abs())
        };
        prop_assert!(close(Estimator::Ips, sum(&|s| w(s) * s.reward) / n));
        prop_assert!(close(Estimator::Dm, dm));
        prop_assert!(close(Estimator::Dr, sum(&|s| s.expected + w(s) * (s.reward - s.predicted)) / n));
        if sum(&w) > 0.0 {
            prop_assert!(close(Estimator::Snips, sum(&|s| w(s) * s.reward) / sum(&w)));
            prop_assert!(close(Estimator::Sndr, dm + sum(&|s| w(s) * (s.reward - s.predicted)) / sum(&w)));
        }
        let switched = |s: &Sample| if w(s) <= threshold { w(s) } else { 0.0 };
        let switch = Estimator::SwitchDr { threshold };
        let right = close(switch, sum(&|s| s.expected + switched(s) * (s.reward - s.predicted)) / n);
        prop_assert!(right, "switch");
        let shrunk = |s: &Sample| if strength > 0.0 { strength * w(s) / (w(s).powi(2) + strength) } else { 0.0 };
        let optimistic = Estimator::DrShrunk { strength };
        let right = close(optimistic, sum(&|s| s.expected + shrunk(s) * (s.reward - s.predicted)) / n);
        prop_assert!(right, "shrunk");
        let all = Estimator::DrShrunk { strength: f64::INFINITY };
        prop_assert_eq!(all.value(&samples), Estimator::Dr.value(&samples));
        let nothing = Estimator::DrShrunk { strength: 0.0 };
        let right = close(nothing, dm);
        prop_assert!(right, "model only");
    }

    #[test]
    fn lists_of_one_place_are_single_decisions(samples in samples()) {
        let lists: Vec<[Place; 1]> = samples
            .iter()
            .map(|one| {
                [Place {
                    reward: one.reward,
                    propensity: one.propensity,
                    target: one.target,
                    marginal_propensity: one.propensity,
                    marginal_target: one.target,
                }]
            })
            .collect();
        let wanted = Estimator::Ips.value(&samples).unwrap();
        for estimator in [slate::Estimator::Sips, slate::Estimator::Iips, slate::Estimator::Rips] {
            let value = estimator.value(lists.iter().map(|list| list.as_slice())).unwrap();
            prop_assert!((value - wanted).abs() < 1e-9 * (1.0 + wanted));
        }
    }

    #[test]
    fn lists_are_weighted_as_they_are_defined(
        list in proptest::collection::vec((0.0_f64..1.0, 0.1_f64..1.0, 0.0_f64..1.0, 0.1_f64..1.0, 0.0_f64..1.0), 1..6)
    ) {
        let places: Vec<Place> = list
            .iter()
            .map(|(reward, propensity, target, marginal_propensity, marginal_target)| Place {
                reward: *reward,
                propensity: *propensity,
                target: *target,
                marginal_propensity: *marginal_propensity,
                marginal_target: *marginal_target,
            })
            .collect();
        let (mut sips, mut iips, mut rips) = (0.0, 0.0, 0.0);
        for (at, place) in places.iter().enumerate() {
            let product = |upto: usize| places[..upto].iter().map(|one| one.target / one.propensity).product::<f64>();
            sips += product(places.len()) * place.reward;
            iips += place.marginal_target / place.marginal_propensity * place.reward;
            rips += product(at + 1) * place.reward;
        }
        for (estimator, wanted) in
            [(slate::Estimator::Sips, sips), (slate::Estimator::Iips, iips), (slate::Estimator::Rips, rips)]
        {
            prop_assert!((estimator.term(&places) - wanted).abs() < 1e-9 * (1.0 + wanted));
        }
    }
}
