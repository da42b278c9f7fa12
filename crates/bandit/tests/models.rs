//! The models beside slow ones that follow the definitions, and encoders beside what rows are.

use attune_bandit::bayes::Bayes;
use attune_bandit::encode::{Encoded, Encoder, Kind, Limits, Value};
use attune_bandit::first_order::FirstOrder;
use attune_bandit::kernel::Kernel;
use attune_bandit::ridge::Ridge;
use attune_bandit::{logit, sigmoid};
use proptest::prelude::*;

/// Solves `matrix x = right` by elimination.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let length = right.len();
    for at in 0..length {
        let pivot = (at..length).max_by(|a, b| matrix[*a][at].abs().total_cmp(&matrix[*b][at].abs())).unwrap_or(at);
        matrix.swap(at, pivot);
        right.swap(at, pivot);
        for below in at + 1..length {
            let scale = matrix[below][at] / matrix[at][at];
            let above = matrix[at].clone();
            for (entry, above) in matrix[below].iter_mut().zip(above) {
                *entry -= scale * above;
            }
            let above = right[at];
            right[below] -= scale * above;
        }
    }
    for at in (0..length).rev() {
        let known: f64 = (at + 1..length).map(|column| matrix[at][column] * right[column]).sum();
        right[at] = (right[at] - known) / matrix[at][at];
    }
    right
}

proptest! {
    #[test]
    fn a_ridge_is_the_solution_of_its_equations(
        rows in proptest::collection::vec((proptest::collection::vec(-2.0_f64..2.0, 11), -1.0_f64..1.0), 1..40),
        strength in 0.5_f64..5.0,
        probe in proptest::collection::vec(-2.0_f64..2.0, 11),
    ) {
        let length = probe.len();
        let mut ridge = Ridge::new(length, strength);
        let mut matrix: Vec<Vec<f64>> =
            (0..length).map(|at| (0..length).map(|other| if at == other { strength } else { 0.0 }).collect()).collect();
        let mut right = vec![0.0; length];
        for (vector, value) in &rows {
            ridge.learn(vector, *value);
            for at in 0..length {
                right[at] += vector[at] * value;
                for other in 0..length {
                    matrix[at][other] += vector[at] * vector[other];
                }
            }
        }
        let weights = solve(matrix.clone(), right);
        let mean: f64 = weights.iter().zip(&probe).map(|(one, two)| one * two).sum();
        prop_assert!((ridge.mean(&probe) - mean).abs() < 1e-8, "{} {mean}", ridge.mean(&probe));
        let variance: f64 = solve(matrix, probe.clone()).iter().zip(&probe).map(|(one, two)| one * two).sum();
        prop_assert!((ridge.variance(&probe) - variance).abs() < 1e-8 * (1.0 + variance));
    }

    #[test]
    fn a_filter_step_is_the_textbook_one(
        rows in proptest::collection::vec((proptest::collection::vec(-2.0_f64..2.0, 9), any::<bool>()), 1..30),
        probe in proptest::collection::vec(-2.0_f64..2.0, 9),
    ) {
        let length = probe.len();
        let mut model = Bayes::new(vec![0.0; length], vec![2.0; length], 0.0);
        // The covariance is the inverse of the precision, to which each answer adds its slope times its outer product.
        let mut precision: Vec<Vec<f64>> =
            (0..length).map(|at| (0..length).map(|other| if at == other { 0.5 } else { 0.0 }).collect()).collect();
        let mut weights = vec![0.0; length];
        for (vector, yes) in &rows {
            let mean: f64 = weights.iter().zip(vector).map(|(one, two)| one * two).sum();
            let before: f64 =
                solve(precision.clone(), vector.clone()).iter().zip(vector).map(|(one, two)| one * two).sum();
            let slope = (sigmoid(mean) * (1.0 - sigmoid(mean))).max(1e-4);
            for at in 0..length {
                for other in 0..length {
                    precision[at][other] += slope * vector[at] * vector[other];
                }
            }
            let averaged = sigmoid(mean / (1.0 + std::f64::consts::PI / 8.0 * before).sqrt());
            let surprise = f64::from(u8::from(*yes)) - averaged;
            for (weight, gain) in weights.iter_mut().zip(solve(precision.clone(), vector.clone())) {
                *weight += surprise * gain;
            }
            model.learn(vector, *yes);
        }
        let (mean, variance) = model.odds(&probe);
        let wanted: f64 = weights.iter().zip(&probe).map(|(one, two)| one * two).sum();
        prop_assert!((mean - wanted).abs() < 1e-7 * (1.0 + wanted.abs()), "{mean} {wanted}");
        let wanted: f64 = solve(precision, probe.clone()).iter().zip(&probe).map(|(one, two)| one * two).sum();
        prop_assert!((variance - wanted).abs() < 1e-7 * (1.0 + wanted), "{variance} {wanted}");
    }

    #[test]
    fn forgetting_never_knows_less_than_the_prior(
        rows in proptest::collection::vec((proptest::collection::vec(-1.0_f64..1.0, 5), any::<bool>()), 1..200),
    ) {
        let mut model = Bayes::new(vec![0.0; 5], vec![1.0; 5], 0.05);
        for (vector, yes) in &rows {
            model.learn(vector, *yes);
        }
        for at in 0..5 {
            let mut unit = vec![0.0; 5];
            unit[at] = 1.0;
            let (_, variance) = model.odds(&unit);
            prop_assert!(variance <= 1.0 + 1e-9 && variance > 0.0, "{variance}");
        }
    }

    #[test]
    fn rows_are_encoded_within_their_shape(
        rows in proptest::collection::vec((proptest::option::of(-1e6_f64..1e6), proptest::option::of(0_u8..40)), 1..400),
        dense in 0_usize..12,
        categories in 1_usize..20,
    ) {
        let limits = Limits { dense, categories, warm: 20, ..Limits::default() };
        let mut encoder = Encoder::new(&[Kind::Number, Kind::Category], limits);
        let mut out = Encoded::default();
        for (number, name) in &rows {
            let name = name.map(|name| name.to_string());
            let row = [
                number.map_or(Value::Missing, Value::Number),
                name.as_deref().map_or(Value::Missing, Value::Category),
            ];
            encoder.encode(&row, &mut out);
            prop_assert_eq!(out.dense.len(), encoder.shape().dense);
            prop_assert_eq!(out.bins.len(), 3);
            prop_assert!(out.bins.iter().all(|bin| *bin < encoder.shape().bins));
            prop_assert!(out.dense.iter().all(|entry| entry.is_finite() && entry.abs() <= 4.0));
        }
    }
}

#[test]
fn categories_have_entries_of_their_own_until_none_is_left() {
    let limits = Limits { dense: 5, categories: 8, ..Limits::default() };
    let mut encoder = Encoder::new(&[Kind::Category, Kind::Number], limits);
    // One entry holds always, one is the column's, one the number's; two are left.
    let mut place = |name: &str| {
        let mut out = Encoded::default();
        encoder.encode(&[Value::Category(name), Value::Missing], &mut out);
        (out.dense.iter().skip(1).position(|entry| *entry > 0.0).unwrap() + 1, out.bins[1])
    };
    assert_eq!([place("a").0, place("b").0, place("c").0, place("d").0], [3, 4, 1, 1]);
    assert_eq!(place("a").0, 3);
    // Bins still tell them apart, up to the limit.
    assert_ne!(place("c").1, place("d").1);
    let many: Vec<u32> = (0..20).map(|at| place(&format!("x{at}")).1).collect();
    assert_eq!(many[10], many[19]);
}

#[test]
fn constant_columns_and_bad_numbers_say_nothing() {
    let mut encoder = Encoder::new(&[Kind::Number, Kind::Number], Limits { warm: 3, ..Limits::default() });
    let mut out = Encoded::default();
    for number in [f64::NAN, f64::INFINITY, 1.0, 2.0, 3.0] {
        encoder.encode(&[Value::Number(7.5), Value::Number(number)], &mut out);
        assert_eq!(out.dense[1], 0.0);
        assert_eq!(out.dense[2] == 0.0, !number.is_finite() || number == 1.0);
    }
    encoder.encode(&[Value::Number(7.5)], &mut out);
    assert_eq!(out.dense[2], 0.0, "a row that is too short is missing its end");
}

#[test]
fn random_features_are_a_gaussian_kernel() {
    let kernel = Kernel::new(4, 20_000, 1.5, 1.0, 3);
    let features = |vector: &[f64]| {
        let mut out = Vec::new();
        kernel.append(vector, &mut out);
        out
    };
    let (one, two) = ([1.0, 0.2, -0.4, 0.9], [1.0, -0.5, 0.3, 0.1]);
    let product: f64 = features(&one).iter().zip(features(&two)).map(|(one, two)| one * two).sum();
    let gap: f64 = one.iter().zip(&two).map(|(one, two)| (one - two).powi(2)).sum();
    let wanted = |width: f64| (-gap / (2.0 * width * width)).exp();
    // Half of the features have each width.
    let wanted = 0.5 * (wanted(1.5) + wanted(3.0));
    assert!((product - wanted).abs() < 0.03, "{product} {wanted}");
}

#[test]
fn the_first_order_model_finds_shares_of_bins() {
    let mut model = FirstOrder::new(3, 0.3, 1.0);
    for at in 0..30_000_u32 {
        // One of four in the second bin, three of four in the third.
        let bin = 1 + at % 2;
        let step = (at / 2) % 4;
        model.learn(&[0, bin], if bin == 1 { step == 0 } else { step != 0 });
    }
    assert!((sigmoid(model.odds(&[0, 1])) - 0.25).abs() < 0.03);
    assert!((sigmoid(model.odds(&[0, 2])) - 0.75).abs() < 0.03);
    // A bin that is not there adds nothing.
    assert_eq!(model.odds(&[0, 99]), model.odds(&[0]));
}

#[test]
fn odds_and_probabilities_are_inverse() {
    for probability in [0.001, 0.3, 0.5, 0.99] {
        assert!((sigmoid(logit(probability)) - probability).abs() < 1e-12);
    }
    assert!(logit(0.0).is_finite() && logit(1.0).is_finite());
}
