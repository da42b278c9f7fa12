use super::{Problem, fit, penalties};
use crate::boost::{Bins, Kind};
use crate::random::Random;
use crate::special::logistic;

fn world(rows: usize, seed: u64) -> (Vec<Bins>, Vec<bool>) {
    let mut random = Random::new(seed, 1);
    let (mut number, mut name, mut labels) = (vec![], vec![], vec![]);
    for _ in 0..rows {
        let (a, b) = (random.below(20) as u16, random.below(4) as u16);
        let odds = f64::from(a) / 5.0 - 2.0 + [0.0, 0.7, -0.7, 0.0][usize::from(b)];
        labels.push(random.unit() < logistic(odds));
        number.push(a + 1);
        name.push(b + 1);
    }
    let columns = vec![
        Bins { kind: Kind::Ordered, count: 21, values: number },
        Bins { kind: Kind::Nominal, count: 6, values: name },
    ];
    (columns, labels)
}

#[test]
fn weights_are_found_within_their_errors() {
    let (columns, labels) = world(40_000, 1);
    let (fitted, _) = fit(&columns, &labels, 1.0, None, true).unwrap();
    for bin in 1..=20u16 {
        let (effect, error) = fitted.effect(0, bin..=bin).unwrap();
        let truth = (f64::from(bin) - 10.5) / 5.0;
        let error = error.unwrap();
        assert!((effect - truth).abs() < 4.0 * error + 0.05 && error < 0.15, "{bin}: {effect} +- {error} for {truth}");
    }
    for (bin, truth) in [(1, 0.0), (2, 0.7), (3, -0.7), (4, 0.0)] {
        let (effect, error) = fitted.effect(1, bin..=bin).unwrap();
        assert!((effect - truth).abs() < 4.0 * error.unwrap() && error.unwrap() < 0.05, "{bin}: {effect}");
    }
    assert_eq!(fitted.weights[1][5], 0.0, "a name that nobody had says nothing");
    assert!(fitted.effect(1, 5..=5).is_none() && fitted.effect(0, 0..=0).is_none());
}

#[test]
fn weights_have_mean_zero_over_the_rows() {
    let (columns, labels) = world(3000, 2);
    let (fitted, _) = fit(&columns, &labels, 3.0, None, false).unwrap();
    for (column, weights) in columns.iter().zip(&fitted.weights) {
        let mean: f64 = column.values.iter().map(|bin| weights[usize::from(*bin)]).sum::<f64>() / 3000.0;
        assert!(mean.abs() < 1e-9, "{mean}");
    }
    // The fit reproduces the mean of the labels, as every regression with a free intercept does.
    let expected: f64 = (0..3000).map(|row| logistic(fitted.score(|column| columns[column].values[row]))).sum();
    assert!((expected - labels.iter().filter(|label| **label).count() as f64).abs() < 0.5);
}

#[test]
fn derivatives_are_those_of_the_loss() {
    let (columns, labels) = world(200, 3);
    let offsets = [1, 22];
    let held = penalties(&columns, &offsets, 28, 0.7);
    let places: Vec<u32> = (0..200)
        .flat_map(|row| [1 + u32::from(columns[0].values[row]), 22 + u32::from(columns[1].values[row])])
        .collect();
    let problem = Problem { places: &places, width: 2, labels: &labels, held: &held, size: 28 };
    let mut random = Random::new(4, 1);
    let at: Vec<f64> = (0..28).map(|_| random.unit() - 0.5).collect();
    let (slope, curvature) = problem.derivatives(&at);
    let moved = |place: usize, by: f64| {
        let mut at = at.clone();
        at[place] += by;
        at
    };
    for place in 0..28 {
        let difference = (problem.loss(&moved(place, 1e-5)) - problem.loss(&moved(place, -1e-5))) / 2e-5;
        assert!((difference - slope[place]).abs() < 1e-5, "{place}");
        let (above, below) = (problem.derivatives(&moved(place, 1e-5)).0, problem.derivatives(&moved(place, -1e-5)).0);
        for row in place..28 {
            let difference = (above[row] - below[row]) / 2e-5;
            assert!((difference - curvature[row * 28 + place]).abs() < 1e-4, "{row} {place}");
        }
    }
}

#[test]
fn a_strong_penalty_leaves_the_mean_alone() {
    let (columns, labels) = world(1000, 5);
    let (fitted, _) = fit(&columns, &labels, 1e9, None, false).unwrap();
    assert!(fitted.weights.iter().flatten().all(|weight| weight.abs() < 1e-3));
    fit(&columns, &labels, 0.0, None, false).unwrap_err();
    fit(&columns, &vec![true; 1000], 1.0, None, false).unwrap_err();
}
