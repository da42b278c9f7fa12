use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;
use crate::boost::grow::sigmoid;

/// Rows whose label depends on a number, on a group of names and on both together.
fn world(rows: usize, seed: u64) -> (Vec<Bins>, Vec<bool>, Vec<f64>) {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut number, mut name, mut noise, mut labels, mut truth) = (vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..rows {
        let (a, b) = (random.random_range(0..40_u16), random.random_range(0..12_u16));
        let odds = if a == 0 { 1.5 } else { (f64::from(a) - 20.0) / 8.0 }
            + if [2, 5, 7].contains(&b) { 1.0 } else { -1.0 }
            + if a > 30 && b == 3 { 3.0 } else { 0.0 };
        truth.push(sigmoid(odds));
        labels.push(random.random_bool(sigmoid(odds)));
        number.push(a);
        name.push(b);
        noise.push(random.random_range(0..30_u16));
    }
    let columns = vec![
        Bins { kind: Kind::Ordered, count: 40, values: number },
        Bins { kind: Kind::Nominal, count: 12, values: name },
        Bins { kind: Kind::Ordered, count: 30, values: noise },
    ];
    (columns, labels, truth)
}

fn row(columns: &[Bins], row: usize) -> impl Fn(usize) -> u16 + '_ {
    move |column| columns[column].values[row]
}

fn trained(columns: &[Bins], labels: &[bool], parameters: &Parameters) -> Forest {
    train(columns, labels, None, parameters, |_, _| true).unwrap()
}

#[test]
fn probabilities_come_near_to_the_truth_and_noise_is_left_alone() {
    let (columns, labels, _) = world(20_000, 1);
    let forest = trained(&columns, &labels, &Parameters::default());
    let (fresh, _, truth) = world(4_000, 2);
    let error = |guess: &dyn Fn(usize) -> f64| {
        truth.iter().enumerate().map(|(at, truth)| (guess(at) - truth).powi(2)).sum::<f64>() / truth.len() as f64
    };
    let learned = error(&|at| sigmoid(forest.score(row(&fresh, at))));
    let flat = error(&|_| sigmoid(forest.base));
    assert!(learned < 0.03 * flat, "{learned} {flat}");
    let gains = forest.gains(3);
    assert!(gains[2] < 0.05 && gains[0] > 0.3 && gains[1] > 0.2, "{gains:?}");
}

#[test]
fn the_loss_on_the_training_rows_falls_with_every_full_tree() {
    let (columns, labels, _) = world(2_000, 3);
    let parameters = Parameters { trees: 30, columns: 1.0, sample: 1.0, ..Parameters::default() };
    let mut odds = vec![0.0; labels.len()];
    let mut losses = vec![];
    let forest = train(&columns, &labels, None, &parameters, |_, tree| {
        let mut loss = 0.0;
        for (at, odds) in odds.iter_mut().enumerate() {
            *odds += tree.score(row(&columns, at));
            loss -= if labels[at] { sigmoid(*odds).ln() } else { (1.0 - sigmoid(*odds)).ln() };
        }
        losses.push(loss);
        true
    })
    .unwrap();
    assert_eq!(forest.trees.len(), 30);
    assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
}

#[test]
fn a_seed_gives_one_forest_at_any_number_of_threads() {
    let (columns, labels, _) = world(3_000, 4);
    let parameters = Parameters { trees: 20, ..Parameters::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(&columns, &labels, &parameters))
    };
    assert_eq!(on(1), on(3));
    assert_ne!(on(1), trained(&columns, &labels, &Parameters { seed: 9, ..parameters.clone() }));
}

#[test]
fn the_caller_ends_the_growing() {
    let (columns, labels, _) = world(500, 5);
    let forest = train(&columns, &labels, None, &Parameters::default(), |number, _| number < 7).unwrap();
    assert_eq!(forest.trees.len(), 7);
}

#[test]
fn a_weight_of_two_is_a_row_twice() {
    let (columns, labels, _) = world(400, 6);
    let parameters = Parameters { trees: 5, rows: 1, columns: 1.0, sample: 1.0, ..Parameters::default() };
    let weights: Vec<f64> = (0..400).map(|at| if at % 3 == 0 { 2.0 } else { 1.0 }).collect();
    let weighted = train(&columns, &labels, Some(&weights), &parameters, |_, _| true).unwrap();
    let twice: Vec<usize> = (0..400).flat_map(|at| std::iter::repeat_n(at, if at % 3 == 0 { 2 } else { 1 })).collect();
    let repeated: Vec<Bins> = columns
        .iter()
        .map(|one| Bins { values: twice.iter().map(|at| one.values[*at]).collect(), ..one.clone() })
        .collect();
    let doubled: Vec<bool> = twice.iter().map(|at| labels[*at]).collect();
    let doubled = trained(&repeated, &doubled, &parameters);
    for at in 0..400 {
        let (one, two) = (weighted.score(row(&columns, at)), doubled.score(row(&columns, at)));
        assert!((one - two).abs() < 1e-9, "{one} {two}");
    }
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let (mut columns, labels, _) = world(10, 7);
    let parameters = Parameters::default();
    let error = |columns: &[Bins], labels: &[bool]| train(columns, labels, None, &parameters, |_, _| true).unwrap_err();
    assert_eq!(error(&columns, &labels[..9]), Error::Length { column: 0, found: 10, expected: 9 });
    assert_eq!(error(&columns, &[true; 10]), Error::OneLabel(true));
    assert_eq!(
        train(&columns, &labels, Some(&[1.0]), &parameters, |_, _| true).unwrap_err(),
        Error::Length { column: 3, found: 1, expected: 10 }
    );
    columns[1].values[3] = 12;
    assert_eq!(error(&columns, &labels), Error::Bin { column: 1, bin: 12, count: 12 });
}

/// Shapley values by their definition: over every subset of columns, the tree's answer when only those are known.
fn by_definition(tree: &Tree, columns: usize, bin: &dyn Fn(usize) -> u16) -> Vec<f64> {
    fn answer(tree: &Tree, at: usize, known: usize, bin: &dyn Fn(usize) -> u16) -> f64 {
        match &tree.nodes[at] {
            Node::Leaf { value, .. } => *value,
            Node::Split { column, rule, left, right, cover, .. } => {
                let of = |child: u32| answer(tree, child as usize, known, bin);
                if known & (1 << column) != 0 {
                    of(if rule.left(bin(*column as usize)) { *left } else { *right })
                } else {
                    [*left, *right].iter().map(|child| tree.nodes[*child as usize].cover() / cover * of(*child)).sum()
                }
            }
        }
    }
    let factorial = |n: usize| (1..=n).map(|one| one as f64).product::<f64>();
    (0..columns)
        .map(|column| {
            (0..1_usize << columns)
                .filter(|set| set & (1 << column) == 0)
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let weight = factorial(size) * factorial(columns - size - 1) / factorial(columns);
                    weight * (answer(tree, 0, set | 1 << column, bin) - answer(tree, 0, set, bin))
                })
                .sum()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn explanations_are_shapley_values_and_add_up(seed in any::<u64>(), at in 0_usize..600) {
        let (mut columns, labels, _) = world(600, seed);
        let (more, _, _) = world(600, seed ^ 1);
        columns.extend(more);
        let parameters = Parameters { trees: 3, leaves: 12, depth: 8, rows: 2, rate: 0.5, ..Parameters::default() };
        let forest = trained(&columns, &labels, &parameters);
        let (values, rest) = forest.explain(6, row(&columns, at));
        let sum: f64 = values.iter().sum::<f64>() + rest;
        prop_assert!((sum - forest.score(row(&columns, at))).abs() < 1e-9);
        let mut expected = vec![0.0; 6];
        for tree in &forest.trees {
            for (sum, one) in expected.iter_mut().zip(by_definition(tree, 6, &row(&columns, at))) {
                *sum += one;
            }
        }
        for (one, two) in values.iter().zip(&expected) {
            prop_assert!((one - two).abs() < 1e-9, "{:?} {:?}", values, expected);
        }
    }

    #[test]
    fn a_forest_survives_json(seed in any::<u64>()) {
        let (columns, labels, _) = world(300, seed);
        let forest = trained(&columns, &labels, &Parameters { trees: 3, ..Parameters::default() });
        let text = serde_json::to_string(&forest).unwrap();
        let read: Forest = serde_json::from_str(&text).unwrap();
        for at in 0..300 {
            // Numbers are read to the last but one bit.
            prop_assert!((read.score(row(&columns, at)) - forest.score(row(&columns, at))).abs() < 1e-12);
        }
    }
}
