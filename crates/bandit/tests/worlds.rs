//! Learners in worlds whose truth is known.

use attune_bandit::choose::{Chooser, Settings};
use attune_bandit::encode::{Encoded, Encoder, Kind, Limits, Value};
use attune_bandit::propensity::{self, Propensity};
use attune_bandit::sigmoid;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const ENTRIES: usize = 4;
const ACTIONS: usize = 3;

/// A linear logistic world: weights by action.
fn world(random: &mut StdRng) -> Vec<[f64; ENTRIES + 1]> {
    (0..ACTIONS).map(|_| std::array::from_fn(|_| random.random_range(-2.0..2.0))).collect()
}

fn chance(weights: &[f64; ENTRIES + 1], row: &[f64]) -> f64 {
    sigmoid(weights[0] + weights[1..].iter().zip(row).map(|(weight, entry)| weight * entry).sum::<f64>())
}

fn encoder() -> Encoder {
    Encoder::new(&[Kind::Number; ENTRIES], Limits::default())
}

/// The regret after each quarter of a run: what the best action would have brought more, in expectation.
fn regret(worlds: &[Vec<[f64; ENTRIES + 1]>], rows: usize, seed: u64) -> Vec<f64> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut encoder = encoder();
    let settings = Settings { features: 20, ..Settings::default() };
    let mut chooser = Chooser::new(settings, encoder.shape(), ACTIONS);
    let eligible: Vec<usize> = (0..ACTIONS).collect();
    let (mut out, mut total, mut row) = (Vec::new(), 0.0, Encoded::default());
    for at in 0..rows {
        let world = &worlds[at * worlds.len() / rows];
        let entries: Vec<f64> = (0..ENTRIES).map(|_| random.random_range(-1.0..1.0)).collect();
        let values: Vec<Value<'_>> = entries.iter().map(|entry| Value::Number(*entry)).collect();
        encoder.encode(&values, &mut row);
        let action = chooser.choose(&row, &eligible, random.random()).map_or(0, |choice| choice.action);
        let chances: Vec<f64> = world.iter().map(|weights| chance(weights, &entries)).collect();
        total += chances.iter().copied().fold(0.0, f64::max) - chances[action];
        chooser.learn(&row, action, f64::from(u8::from(random.random_bool(chances[action]))));
        if (at + 1) % (rows / 4) == 0 {
            out.push(total);
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn regret_grows_slower_than_the_root_of_time_with_its_logarithm(seed in 0_u64..1000) {
        let world = world(&mut StdRng::seed_from_u64(seed));
        let quarters = regret(&[world], 8_000, seed);
        for (at, regret) in quarters.iter().enumerate() {
            let time = 2_000.0 * (at + 1) as f64;
            prop_assert!(*regret < 0.25 * time.sqrt() * time.ln(), "{quarters:?}");
        }
        // A fixed share of wrong choices would double it from half to all.
        prop_assert!(quarters[3] < 1.95 * quarters[1] + 20.0, "{quarters:?}");
    }

    #[test]
    fn chances_add_up_and_are_those_of_the_draws(seed in 0_u64..1000, floor in 0.05_f64..0.5) {
        let mut random = StdRng::seed_from_u64(seed);
        let mut encoder = encoder();
        let mut chooser = Chooser::new(Settings { floor, features: 10, ..Settings::default() }, encoder.shape(), 5);
        let eligible = [4, 0, 2, 3];
        let mut row = Encoded::default();
        for _ in 0..30 {
            let values: [Value<'_>; ENTRIES] = std::array::from_fn(|_| Value::Number(random.random_range(-1.0..1.0)));
            encoder.encode(&values, &mut row);
            let action = eligible[chooser.choose(&row, &eligible, random.random()).unwrap().action];
            chooser.learn(&row, action, f64::from(u8::from(random.random_bool(0.3))));
        }
        let mut counts = [0_u32; 4];
        let draws = 4_000;
        let said = chooser.choose(&row, &eligible, 0.0).unwrap().probabilities;
        prop_assert!((said.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for _ in 0..draws {
            let choice = chooser.choose(&row, &eligible, random.random()).unwrap();
            prop_assert_eq!(&choice.probabilities, &said, "choosing alone changes nothing");
            counts[choice.action] += 1;
        }
        let square: f64 = counts
            .iter()
            .zip(&said)
            .map(|(count, chance)| {
                let wanted = chance * f64::from(draws);
                (f64::from(*count) - wanted).powi(2) / wanted
            })
            .sum();
        // The quantile of chi-square with three degrees of freedom that one in a million passes.
        prop_assert!(square < 30.7, "{square} {counts:?} {said:?}");
    }
}

#[test]
fn a_chooser_without_actions_chooses_none_and_a_new_one_is_tried() {
    let mut encoder = encoder();
    let mut chooser = Chooser::new(Settings { features: 10, ..Settings::default() }, encoder.shape(), 1);
    let mut row = Encoded::default();
    encoder.encode(&[Value::Number(1.0)], &mut row);
    assert_eq!(chooser.choose(&row, &[], 0.5), None);
    assert_eq!(chooser.choose(&row, &[7], 0.5), None);
    for at in 0..50 {
        chooser.learn(&row, 0, f64::from(u8::from(at % 5 == 0)));
    }
    let new = chooser.add();
    let choice = chooser.choose(&row, &[0, new], 0.0).unwrap();
    assert_eq!(choice.probabilities.iter().position(|chance| *chance > 0.5), Some(1), "{choice:?}");
}

/// The mean log-loss of the second half of each of two worlds, and what their truth would have.
fn losses(settings: propensity::Settings, rows: usize) -> Vec<(f64, f64)> {
    let mut random = StdRng::seed_from_u64(5);
    let mut encoder = encoder();
    let mut model = Propensity::new(settings, encoder.shape());
    let mut row = Encoded::default();
    let mut out = Vec::new();
    for weights in [[-2.0, 2.0, -1.0, 0.5, 0.0], [-1.0, -2.0, 1.0, -0.5, 1.0]] {
        let (mut loss, mut best) = (0.0, 0.0);
        for at in 0..rows {
            let entries: Vec<f64> = (0..ENTRIES).map(|_| random.random_range(-1.0..1.0)).collect();
            let values: Vec<Value<'_>> = entries.iter().map(|entry| Value::Number(*entry)).collect();
            encoder.encode(&values, &mut row);
            let truth = chance(&weights, &entries);
            let yes = random.random_bool(truth);
            let said = model.predict(&row);
            assert!(said > 0.0 && said < 1.0);
            let cost = |chance: f64| -(if yes { chance } else { 1.0 - chance }).ln();
            if at >= rows / 2 {
                loss += cost(said);
                best += cost(truth);
            }
            model.learn(&row, yes);
        }
        let half = (rows - rows / 2) as f64;
        out.push((loss / half, best / half));
    }
    out
}

#[test]
fn a_propensity_is_learned_and_learned_anew_when_the_world_turns() {
    let losses = losses(propensity::Settings::default(), 6_000);
    let (first, second) = (losses[0], losses[1]);
    assert!(first.0 < first.1 + 0.02, "{losses:?}");
    // Half of the way after the turn it is near the new truth; a model that remembers all alike stays far.
    assert!(second.0 < second.1 + 0.06, "{losses:?}");
}

#[test]
fn a_chooser_recovers_when_the_world_turns() {
    let mut random = StdRng::seed_from_u64(11);
    let worlds = [world(&mut random), world(&mut random)];
    let quarters = regret(&worlds, 16_000, 3);
    let (turned, recovered) = (quarters[2] - quarters[1], quarters[3] - quarters[2]);
    assert!(recovered < turned, "{quarters:?}");
}

#[test]
fn what_is_stored_goes_on_as_if_it_had_not_been() {
    let mut random = StdRng::seed_from_u64(2);
    let mut encoder = encoder();
    let shape = encoder.shape();
    let mut chooser = Chooser::new(Settings { features: 10, ..Settings::default() }, shape, ACTIONS);
    let mut model = Propensity::new(propensity::Settings { features: 10, ..propensity::Settings::default() }, shape);
    let mut row = Encoded::default();
    for at in 0..60 {
        let values: [Value<'_>; ENTRIES] = std::array::from_fn(|_| Value::Number(random.random_range(-1.0..1.0)));
        encoder.encode(&values, &mut row);
        if at == 30 {
            let stored = serde_json::to_string(&(&encoder, &chooser, &model)).unwrap();
            let mut again: (Encoder, Chooser, Propensity) = serde_json::from_str(&stored).unwrap();
            for _ in 0..10 {
                let values: [Value<'_>; ENTRIES] =
                    std::array::from_fn(|_| Value::Number(random.random_range(-1.0..1.0)));
                let mut other = Encoded::default();
                encoder.encode(&values, &mut row);
                again.0.encode(&values, &mut other);
                assert_eq!(row.bins, other.bins);
                assert!(row.dense.iter().zip(&other.dense).all(|(one, two)| (one - two).abs() < 1e-9));
                let all = [0, 1, 2];
                let draw = random.random();
                let (one, two) = (chooser.choose(&row, &all, draw).unwrap(), again.1.choose(&row, &all, draw).unwrap());
                assert_eq!((one.action, &one.probabilities), (two.action, &two.probabilities));
                // JSON may be off by the last bit.
                assert!((one.expected[0] - two.expected[0]).abs() < 1e-9);
                assert!((model.predict(&row) - again.2.predict(&row)).abs() < 1e-9);
                chooser.learn(&row, 1, 1.0);
                again.1.learn(&row, 1, 1.0);
                model.learn(&row, true);
                again.2.learn(&row, true);
            }
        }
        chooser.learn(&row, random.random_range(0..ACTIONS), 0.5);
        model.learn(&row, random.random_bool(0.3));
    }
    assert_eq!(model.answers(), 70);
}
