#![allow(clippy::unwrap_used, clippy::float_cmp, reason = "a test says what went wrong by failing")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::heuristic::{self, Rule};
use crate::shapley::{self, Game};
use crate::{Credit, Error, Paths, markov};

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

type Case = Vec<(Vec<usize>, u32, i32, u32)>;

fn cases(channels: usize) -> impl Strategy<Value = Case> {
    let path = (prop::collection::vec(0..channels, 1..7), 0_u32..5, 0_i32..400, 0_u32..5);
    prop::collection::vec(path, 1..25)
}

fn paths(case: &Case) -> Paths {
    let mut paths = Paths::default();
    for (touches, conversions, value, nulls) in case {
        let value = if *conversions == 0 { 0.0 } else { f64::from(*value) / 4.0 };
        paths.add(touches.iter().map(|at| NAMES[*at]), f64::from(*conversions), value, f64::from(*nulls)).unwrap();
    }
    paths
}

fn sums(credits: &[Credit]) -> (f64, f64) {
    (credits.iter().map(|one| one.conversions).sum(), credits.iter().map(|one| one.value).sum())
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * (1.0 + one.abs().max(other.abs()))
}

/// The removal effects by their definition: paths walked for so long that nothing is left to walk, states as lists of names.
fn naive_effects(paths: &Paths, order: usize, channels: usize) -> Vec<(f64, f64)> {
    let mut steps: BTreeMap<Vec<u16>, BTreeMap<Option<Vec<u16>>, f64>> = BTreeMap::new();
    let mut gains: BTreeMap<Vec<u16>, (f64, f64)> = BTreeMap::new();
    for path in paths.iter() {
        let mut state = Vec::new();
        for touch in path.touches {
            let mut next = state.clone();
            next.push(*touch);
            if next.len() > order {
                next.remove(0);
            }
            *steps.entry(state).or_default().entry(Some(next.clone())).or_default() += path.conversions + path.nulls;
            state = next;
        }
        *steps.entry(state.clone()).or_default().entry(None).or_default() += path.conversions + path.nulls;
        let gain = gains.entry(state).or_default();
        gain.0 += path.conversions;
        gain.1 += path.value;
    }
    let walk = |removed: Option<u16>| {
        let mut here: BTreeMap<Vec<u16>, f64> = BTreeMap::from([(Vec::new(), 1.0)]);
        let (mut conversion, mut value) = (0.0, 0.0);
        for _ in 0..20_000 {
            let mut next: BTreeMap<Vec<u16>, f64> = BTreeMap::new();
            for (state, mass) in &here {
                let Some(steps) = steps.get(state) else { continue };
                let total: f64 = steps.values().sum();
                if total == 0.0 {
                    continue;
                }
                let gain = gains.get(state).copied().unwrap_or_default();
                conversion += mass * gain.0 / total;
                value += mass * gain.1 / total;
                for (to, weight) in steps {
                    if let Some(to) = to
                        && to.last().copied() != removed
                    {
                        *next.entry(to.clone()).or_default() += mass * weight / total;
                    }
                }
            }
            here = next;
            if here.values().sum::<f64>() < 1e-13 {
                break;
            }
        }
        (conversion, value)
    };
    let whole = walk(None);
    let loss = |whole: f64, without: f64| if whole > 0.0 { ((whole - without) / whole).max(0.0) } else { 0.0 };
    (0..channels.min(paths.channels().len()))
        .map(|channel| {
            let without = walk(Some(channel as u16));
            (loss(whole.0, without.0), loss(whole.1, without.1))
        })
        .collect()
}

/// Shapley values by their definition: the mean over all orders in which channels join.
fn naive_shapley(paths: &Paths, game: Game) -> Vec<f64> {
    let channels = paths.channels().len();
    let total: f64 = paths.iter().map(|path| path.conversions + path.nulls).sum();
    let worth = |coalition: &BTreeSet<u16>| {
        let inside = |path: &crate::paths::Path<'_>| path.touches.iter().all(|touch| coalition.contains(touch));
        let conversions: f64 = paths.iter().filter(inside).map(|path| path.conversions).sum();
        let seen: f64 = paths.iter().filter(inside).map(|path| path.conversions + path.nulls).sum();
        match game {
            Game::Conversions => conversions,
            Game::Rate if seen > 0.0 => total * conversions / seen,
            Game::Rate => 0.0,
        }
    };
    let mut orders: Vec<Vec<u16>> = vec![Vec::new()];
    for channel in 0..channels as u16 {
        orders = orders
            .iter()
            .flat_map(|order| {
                (0..=order.len()).map(|at| {
                    let mut order = order.clone();
                    order.insert(at, channel);
                    order
                })
            })
            .collect();
    }
    let mut sums = vec![0.0; channels];
    for order in &orders {
        let mut coalition = BTreeSet::new();
        for channel in order {
            let before = worth(&coalition);
            coalition.insert(*channel);
            sums[usize::from(*channel)] += worth(&coalition) - before;
        }
    }
    sums.into_iter().map(|sum| sum / orders.len() as f64).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn removal_effects_equal_their_definition(case in cases(4), order in 1_usize..4) {
        let paths = paths(&case);
        let found = markov::removal_effects(&paths, order).unwrap();
        for (found, expected) in found.iter().zip(naive_effects(&paths, order, usize::MAX)) {
            prop_assert!((found.0 - expected.0).abs() < 1e-7 && (found.1 - expected.1).abs() < 1e-7, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn shapley_values_equal_their_definition(case in cases(5)) {
        let paths = paths(&case);
        for game in [Game::Conversions, Game::Rate] {
            let found = shapley::attribute(&paths, game, 1).unwrap();
            for (found, expected) in found.iter().zip(naive_shapley(&paths, game)) {
                prop_assert!(near(found.conversions, expected), "{game:?} {found:?} {expected}");
            }
        }
    }

    #[test]
    fn everything_is_handed_out(case in cases(6), order in 1_usize..5) {
        let paths = paths(&case);
        let (conversions, value) = (paths.conversions(), paths.value());
        let rules = [
            Rule::First, Rule::Last, Rule::Linear, Rule::Position { ends: 0.4 }, Rule::TimeDecay { half_life: 2.0 },
        ];
        for rule in rules {
            let sums = sums(&heuristic::attribute(&paths, rule));
            prop_assert!(near(sums.0, conversions) && near(sums.1, value), "{rule:?}");
        }
        for game in [Game::Conversions, Game::Rate] {
            let sums = sums(&shapley::attribute(&paths, game, 1).unwrap());
            prop_assert!(near(sums.0, conversions) && near(sums.1, value), "{game:?}");
        }
        let sums = sums(&markov::attribute(&paths, order).unwrap());
        prop_assert!(near(sums.0, conversions) && near(sums.1, value), "{sums:?}");
    }

    #[test]
    fn an_order_longer_than_every_path_changes_nothing_more(case in cases(3)) {
        let paths = paths(&case);
        let (one, other) = (markov::removal_effects(&paths, 7).unwrap(), markov::removal_effects(&paths, 8).unwrap());
        for (one, other) in one.iter().zip(other) {
            prop_assert!(near(one.0, other.0) && near(one.1, other.1));
        }
    }
}

#[test]
fn few_and_many_states_are_solved_alike() {
    let mut paths = Paths::default();
    let mut dice = 3_u64;
    for _ in 0..4000 {
        let length = 1 + crate_draw(&mut dice) % 8;
        let touches: Vec<&str> = (0..length).map(|_| NAMES[(crate_draw(&mut dice) % 6) as usize]).collect();
        let converts = crate_draw(&mut dice) % 3 < 1;
        paths.add(touches, f64::from(u8::from(converts)), if converts { 7.5 } else { 0.0 }, 1.0).unwrap();
    }
    // Order 3 has 259 states and is swept; the naive walk knows neither way.
    let swept = markov::removal_effects(&paths, 3).unwrap();
    for (found, expected) in swept.iter().zip(naive_effects(&paths, 3, 1)) {
        assert!((found.0 - expected.0).abs() < 1e-9, "{found:?} {expected:?}");
    }
    assert_eq!(swept, markov::removal_effects(&paths, 3).unwrap(), "the same bits again");
}

fn crate_draw(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[test]
fn a_sample_comes_within_its_error() {
    let names: Vec<String> = (0..17).map(|at| format!("n{at}")).collect();
    let (mut paths, mut dice) = (Paths::default(), 5_u64);
    for _ in 0..800 {
        let length = 1 + crate_draw(&mut dice) % 4;
        let touches: Vec<&str> = (0..length).map(|_| names[(crate_draw(&mut dice) % 17) as usize].as_str()).collect();
        let good = touches.contains(&"n0");
        let converts = crate_draw(&mut dice) % 10 < if good { 7 } else { 2 };
        paths.add(touches, f64::from(u8::from(converts)), 0.0, f64::from(u8::from(!converts))).unwrap();
    }
    let sampled = shapley::attribute(&paths, Game::Rate, 1).unwrap();
    let (total, value) = sums(&sampled);
    assert!(near(total, paths.conversions()) && value == 0.0, "{total}");
    assert_eq!(sampled, shapley::attribute(&paths, Game::Rate, 1).unwrap());
    let other = shapley::attribute(&paths, Game::Rate, 2).unwrap();
    for (one, other) in sampled.iter().zip(&other) {
        assert!(one.error > 0.0);
        assert!((one.conversions - other.conversions).abs() < 6.0 * (one.error + other.error), "{one:?} {other:?}");
    }
    let best = sampled.iter().max_by(|one, other| one.conversions.total_cmp(&other.conversions)).unwrap();
    assert_eq!(best.channel, "n0");
}

#[test]
fn rules_divide_as_their_names_say() {
    let mut paths = Paths::default();
    paths.add_timed([("a", 200.0), ("b", 100.0), ("c", 0.0)], 2.0, 14.0, 1.0).unwrap();
    let of = |rule| heuristic::attribute(&paths, rule).into_iter().map(|one| one.conversions).collect::<Vec<_>>();
    assert_eq!(of(Rule::First), [2.0, 0.0, 0.0]);
    assert_eq!(of(Rule::Last), [0.0, 0.0, 2.0]);
    assert_eq!(of(Rule::Position { ends: 0.25 }), [0.5, 1.0, 0.5]);
    let decayed = of(Rule::TimeDecay { half_life: 100.0 });
    for (found, expected) in decayed.iter().zip([2.0 / 7.0, 4.0 / 7.0, 8.0 / 7.0]) {
        assert!(near(*found, expected), "{decayed:?}");
    }
}

#[test]
fn bad_input_is_refused_and_nothing_is_kept() {
    let mut paths = Paths::default();
    assert_eq!(paths.add([], 1.0, 0.0, 0.0), Err(Error::EmptyPath));
    assert!(matches!(paths.add(["a"], -1.0, 0.0, 0.0), Err(Error::BadNumber { field: "conversions", .. })));
    assert!(matches!(paths.add(["a"], 1.0, f64::NAN, 0.0), Err(Error::BadNumber { field: "value", .. })));
    assert!(matches!(paths.add_timed([("a", -1.0)], 1.0, 0.0, 0.0), Err(Error::BadNumber { field: "age", .. })));
    assert!(paths.is_empty() && paths.conversions() == 0.0);
    paths.add(["a"], 0.0, 0.0, 1.0).unwrap();
    assert_eq!(markov::attribute(&paths, 0), Err(Error::BadOrder { limit: 8, found: 0 }));
    assert_eq!(markov::attribute(&paths, 9), Err(Error::BadOrder { limit: 8, found: 9 }));
    assert_eq!(markov::attribute(&paths, 1).unwrap()[0].conversions, 0.0, "nothing converted");
}
