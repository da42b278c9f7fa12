//! The hierarchy beside a slow one that recounts its whole history at each answer, and beside its tables.

use std::collections::BTreeMap;

use attune_bandit::bayes::Bayes;
use attune_bandit::encode::Value;
use attune_bandit::hierarchy::{Answer, Hierarchy, Scorer, Settings, Start};
use attune_bandit::predictors::{Limits, Part, Predictors};
use attune_bandit::{logit, sigmoid};
use proptest::prelude::*;

const ACTIVE: usize = 6;
const NAMES: [&str; 4] = ["age", "page", "city", "tenure"];

fn settings() -> Settings {
    let predictors = Limits { warm: 10, ..Limits::default() };
    Settings { active: ACTIVE, forgetting: 0.001, memory: 0.99, predictors, ..Settings::default() }
}

/// A level as its definition reads: everything is recounted from the answers it had.
struct Slow {
    answers: Vec<(Vec<u32>, bool)>,
    head: Bayes,
    weights: [BTreeMap<u32, (f64, f64)>; 2],
    losses: [f64; 3],
}

/// The entry of the weights that every row has.
const ALWAYS: u32 = u32::MAX;

impl Slow {
    fn share(&self, settings: &Settings, bin: Option<u32>, expected: f64) -> f64 {
        let (mut yes, mut all) = (settings.evidence * expected, settings.evidence);
        for (age, (bins, answer)) in self.answers.iter().rev().enumerate() {
            if bin.is_none_or(|bin| bins.contains(&bin)) {
                let weight = settings.memory.powi(age as i32);
                yes += if *answer { weight } else { 0.0 };
                all += weight;
            }
        }
        logit(yes / all)
    }

    fn sum(&self, head: usize, bins: &[u32]) -> f64 {
        bins.iter().chain([&ALWAYS]).filter_map(|bin| self.weights[head].get(bin)).map(|weight| weight.0).sum()
    }
}

/// Log-odds of the mixture and of the heads; learns the answer if there is one.
fn slowly(
    levels: &mut BTreeMap<Vec<&'static str>, Slow>,
    path: &[&'static str],
    bins: &[u32],
    answer: Option<bool>,
) -> f64 {
    let settings = settings();
    let start = logit(settings.start);
    let (mut base, mut sums) = (start, [start; 2]);
    let mut evidence = vec![0.0; bins.len()];
    let mut learned = Vec::new();
    let mut odds = 0.0;
    for depth in 0..=path.len() {
        let Some(level) = levels.get(&path[..depth]) else { unreachable!("levels are made before") };
        base = level.share(&settings, None, sigmoid(base));
        for (evidence, bin) in evidence.iter_mut().zip(bins) {
            if level.answers.iter().any(|(bins, _)| bins.contains(bin)) {
                *evidence = level.share(&settings, Some(*bin), sigmoid(base + *evidence)) - base;
            }
        }
        let mut row = vec![1.0, base];
        row.extend(&evidence);
        row.resize(2 + ACTIVE, 0.0);
        sums = [sums[0] + level.sum(0, bins), sums[1] + level.sum(1, bins)];
        let mean: f64 = row.iter().zip(level.head.weights()).map(|(one, two)| one * two).sum();
        let heads = [mean, sums[0], sums[1]];
        let weights = level.losses.map(|loss| (-settings.strictness * loss).exp());
        odds = heads.iter().zip(weights).map(|(odds, weight)| odds * weight).sum::<f64>() / weights.iter().sum::<f64>();
        learned.push((row, heads));
    }
    let Some(yes) = answer else { return odds };
    for (depth, (row, heads)) in learned.into_iter().enumerate() {
        let Some(level) = levels.get_mut(&path[..depth]) else { unreachable!("levels are made before") };
        level.answers.push((bins.to_vec(), yes));
        level.head.learn(&row, yes);
        for (loss, odds) in level.losses.iter_mut().zip(heads) {
            let chance = sigmoid(odds).clamp(1e-6, 1.0 - 1e-6);
            *loss = *loss * settings.recall - if yes { chance.ln() } else { (1.0 - chance).ln() };
        }
        for (head, fading) in [(0, 1.0), (1, settings.fading)] {
            let surprise = f64::from(u8::from(yes)) - sigmoid(heads[head + 1]);
            for bin in bins.iter().chain([&ALWAYS]) {
                let weight = level.weights[head].entry(*bin).or_insert((0.0, 0.0));
                weight.1 = weight.1 * fading + surprise * surprise;
                weight.0 += settings.rate / (bins.len() + 1) as f64 * surprise / (1.0 + weight.1).sqrt();
            }
        }
    }
    odds
}

fn row(age: f64, page: u8, city: u8) -> Vec<(&'static str, Value<'static>)> {
    let names = ["a", "b", "c"];
    let city = if city == 0 { Value::Missing } else { Value::Category(names[usize::from(city - 1)]) };
    vec![(NAMES[0], Value::Number(age)), (NAMES[1], Value::Category(names[usize::from(page)])), (NAMES[2], city)]
}

const PATHS: [&[&str]; 3] = [&["loans", "car", "o1"], &["loans", "car", "o2"], &["funds", "green", "o3"]];

type Event = (usize, f64, u8, u8, bool);

fn events() -> impl Strategy<Value = Vec<Event>> {
    proptest::collection::vec((0_usize..3, 0.0_f64..90.0, 0_u8..3, 0_u8..4, any::<bool>()), 1..60)
}

fn learned(events: &[Event]) -> Hierarchy {
    let mut model = Hierarchy::new(settings());
    for path in PATHS {
        model.arm(path, None);
    }
    for (arm, age, page, city, yes) in events {
        let bins = model.encode(&row(*age, *page, *city));
        model.learn(*arm, &bins, if *yes { Answer::Yes } else { Answer::No });
    }
    model
}

fn bytes(model: &Hierarchy) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Ok(()) = ciborium::into_writer(model, &mut bytes) else { unreachable!("a model can be written") };
    bytes
}

fn restored(model: &Hierarchy) -> Hierarchy {
    let Ok(model) = ciborium::from_reader(bytes(model).as_slice()) else {
        unreachable!("what was written can be read")
    };
    model
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_hierarchy_is_what_its_history_says(events in events()) {
        let settings = settings();
        let mut model = Hierarchy::new(settings.clone());
        let mut slow = BTreeMap::new();
        for path in PATHS {
            model.arm(path, None);
            for depth in 0..=path.len() {
                slow.entry(path[..depth].to_vec()).or_insert_with(|| {
                    let mut weights = vec![1.0; 2 + ACTIVE];
                    weights[0] = 0.0;
                    let mut prior = vec![settings.variance; 2 + ACTIVE];
                    prior[0] = 1.0 / (settings.evidence * settings.start * (1.0 - settings.start));
                    prior[1] = 0.0;
                    Slow {
                        answers: Vec::new(),
                        head: Bayes::new(weights, prior, settings.forgetting),
                        weights: [BTreeMap::new(), BTreeMap::new()],
                        losses: [0.0; 3],
                    }
                });
            }
        }
        for (arm, age, page, city, yes) in events {
            let bins = model.encode(&row(age, page, city));
            let fast = model.expected(arm, &bins).unwrap();
            let expected = slowly(&mut slow, PATHS[arm], &bins, Some(yes));
            prop_assert!((fast.odds - expected).abs() < 1e-7, "{fast:?} {expected}");
            prop_assert!((fast.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12 && fast.variance >= 0.0);
            model.learn(arm, &bins, if yes { Answer::Yes } else { Answer::No });
        }
    }

    #[test]
    fn tables_add_up_to_the_model(events in events(), age in 0.0_f64..90.0, page in 0_u8..3, city in 0_u8..4) {
        let mut model = learned(&events);
        let bins = model.encode(&row(age, page, city));
        let mut scorer = Scorer::new(&model);
        // One more answer, which the columns are told.
        model.learn(1, &bins, Answer::Yes);
        for arm in 0..PATHS.len() {
            scorer.refresh(&model, arm);
        }
        prop_assert_eq!(scorer.version(), model.version());
        let mut odds = Vec::new();
        scorer.score(&bins, &mut odds);
        prop_assert_eq!(odds.len(), PATHS.len());
        for (arm, odds) in odds.iter().enumerate() {
            let expected = model.expected(arm, &bins).unwrap().odds;
            prop_assert!((f64::from(*odds) - expected).abs() < 1e-4, "{odds} {expected}");
            let explained = scorer.addends(&bins, arm).fold(scorer.base(arm), |sum, addend| sum + addend.odds);
            prop_assert_eq!(explained.to_bits(), odds.to_bits());
        }
    }

    #[test]
    fn a_stored_model_goes_on_to_the_last_bit(events in events(), more in events()) {
        let mut model = learned(&events);
        let mut stored = restored(&model);
        for (arm, age, page, city, yes) in more {
            let bins = model.encode(&row(age, page, city));
            prop_assert_eq!(&bins, &stored.encode(&row(age, page, city)));
            let answer = if yes { Answer::Yes } else { Answer::LateYes };
            model.learn(arm, &bins, answer);
            stored.learn(arm, &bins, answer);
        }
        prop_assert!(bytes(&model) == bytes(&stored));
        prop_assert_eq!(Scorer::new(&model), Scorer::new(&stored));
    }
}

#[test]
fn a_new_offer_starts_from_its_group() {
    let mut model = Hierarchy::new(settings());
    let (old, other) = (model.arm(&["loans", "car", "old"], None), model.arm(&["funds", "green", "other"], None));
    for at in 0..1500_u32 {
        // Of cars, those who see page a take half; nobody takes funds.
        let page = (at % 3) as u8;
        let bins = model.encode(&row(40.0, page, 1));
        model.learn(old, &bins, if page == 0 && at % 2 == 0 { Answer::Yes } else { Answer::No });
        model.learn(other, &bins, Answer::No);
    }
    let new = model.arm(&["loans", "car", "new"], None);
    let marketed = model.arm(&["loans", "car", "marketed"], Some(Start { propensity: 0.3, evidence: 500.0 }));
    let (a, b) = (model.encode(&row(40.0, 0, 1)), model.encode(&row(40.0, 1, 1)));
    let chance = |model: &Hierarchy, arm, bins: &[u32]| model.expected(arm, bins).unwrap().propensity();
    assert!((chance(&model, new, &a) - 0.5).abs() < 0.12, "{}", chance(&model, new, &a));
    assert!(chance(&model, new, &b) < 0.03, "{}", chance(&model, new, &b));
    assert!(chance(&model, other, &a) < 0.05, "{}", chance(&model, other, &a));
    // The marketer sets the level; who takes it is what the group knows.
    assert!(chance(&model, marketed, &a) > 2.0 * chance(&model, marketed, &b));
    assert!(chance(&model, marketed, &b) > chance(&model, new, &b));
    assert_eq!(model.arm(&["loans", "car", "new"], None), new);
    assert_eq!((model.answers(new), model.answers(old), model.arms()), ((0, 0), (1500, 250), 4));
    // What is not known of it is more than of the old one.
    assert!(model.expected(new, &a).unwrap().variance > model.expected(old, &a).unwrap().variance);
}

#[test]
fn a_late_yes_counts_once() {
    let mut model = Hierarchy::new(settings());
    let arm = model.arm(&["o"], None);
    let bins = model.encode(&row(40.0, 0, 1));
    for _ in 0..50 {
        model.learn(arm, &bins, Answer::No);
    }
    let before = model.expected(arm, &bins).unwrap().odds;
    model.learn(arm, &bins, Answer::LateYes);
    assert_eq!(model.answers(arm), (50, 1));
    assert!(model.expected(arm, &bins).unwrap().odds > before);
    let version = model.version();
    model.learn(7, &bins, Answer::Yes);
    assert_eq!((model.version(), model.expected(7, &bins)), (version, None));
}

#[test]
fn predictors_are_told_apart_up_to_their_limits() {
    let mut predictors = Predictors::new(Limits { predictors: 2, parts: 2, categories: 2, warm: 4 });
    let mut bins = Vec::new();
    for (number, name) in [(1.0, "a"), (2.0, "b"), (3.0, "c")] {
        predictors.encode(
            &[("n", Value::Number(number)), ("c", Value::Category(name)), ("late", Value::Number(1.0))],
            &mut bins,
        );
        assert_eq!(bins[0], 5, "numbers are not told apart before they are cut");
    }
    assert_eq!(bins, [5, 11]);
    predictors.encode(&[("n", Value::Number(4.0))], &mut bins);
    assert_eq!(bins, [2, 6]);
    assert_eq!(predictors.describe(2), Some(("n", Part::Numbers(Some(3.0), None))));
    assert_eq!(predictors.describe(1), Some(("n", Part::Numbers(None, Some(3.0)))));
    assert_eq!(predictors.describe(6), Some(("c", Part::Missing)));
    assert_eq!(predictors.describe(10), Some(("c", Part::Category("b"))));
    assert_eq!((predictors.describe(11), predictors.describe(12)), (Some(("c", Part::Rest)), None));
    predictors.read(&[("n", Value::Number(f64::NAN)), ("c", Value::Category("a"))], &mut bins);
    assert_eq!((bins, predictors.names().count(), predictors.bins()), (vec![0, 9], 2, 12));
}
