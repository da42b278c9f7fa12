//! Segments compared and looked like, over persons whose differences are known; one person alive.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

use attune_audience::lookalike::{Options, lookalike};
use attune_audience::{Audience, Finding, Given, Live, Set, TraitKind, compare};
use attune_expression::{Evaluation, RuleSet, Schema, Type, Value, compile};
use attune_kernel::Timestamp;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Persons; who is in the first set is older, more often from Busan, has the tag `gold` more often, and is like everybody
/// else in what is called `noise`.
fn persons(count: u32) -> (Audience, Set) {
    let mut dice = SmallRng::seed_from_u64(9);
    let mut audience = Audience::new();
    let mut inside = Set::new();
    for number in 0..count {
        let member = dice.random_bool(0.2);
        let shift = if member { 15 } else { 0 };
        let city = if dice.random_bool(if member { 0.6 } else { 0.2 }) { "Busan" } else { "Seoul" };
        let mut tags = vec!["a".to_owned()];
        if dice.random_bool(if member { 0.5 } else { 0.4 }) {
            tags.push("gold".to_owned());
        }
        let mut values: Vec<(String, Option<Value>)> = vec![
            ("age".to_owned(), Some(Value::Int(dice.random_range(20..60) + shift))),
            ("city".to_owned(), Some(city.into())),
            ("tags".to_owned(), Some(tags.into())),
            ("id".to_owned(), Some(format!("p{number}").into())),
        ];
        for noise in 0..10 {
            values.push((format!("noise{noise}"), Some(Value::Double(dice.random()))));
        }
        if dice.random_bool(if member { 0.9 } else { 0.7 }) {
            values.push((
                "seen".to_owned(),
                Some(Value::Timestamp(Timestamp::from_micros(dice.random_range(0..1 << 50)))),
            ));
        }
        let row =
            audience.upsert(&format!("p{number}"), values.iter().map(|(name, value)| (name.as_str(), value.clone())));
        if member {
            inside.insert(row);
        }
    }
    (audience, inside)
}

#[test]
fn traits_that_differ_are_found_and_ranked() {
    let (audience, inside) = persons(6000);
    let view = audience.view();
    let rest = view.everybody().and_not(&inside);
    let found = compare(&view, &inside, &rest).unwrap();
    let names: Vec<&str> = found.differences.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names[..2], ["age", "city"], "{names:?}");
    assert_eq!(found.sizes, [inside.len(), rest.len()]);
    let one = |name: &str| found.differences.iter().find(|one| one.name == name).unwrap();
    for name in ["age", "city", "has(seen)", "tags:gold"] {
        assert!(one(name).adjusted < 0.01, "{:?}", one(name));
    }
    for noise in 0..10 {
        let noise = one(&format!("noise{noise}"));
        assert!(noise.adjusted > 0.01 && noise.effect < 0.06 && noise.adjusted >= noise.p, "{noise:?}");
    }
    let Finding::Number { present, means: Some(means), ranks } = &one("age").finding else { panic!() };
    assert_eq!(*present, found.sizes);
    assert!((means.means[0] - means.means[1] - 15.0).abs() < 1.0 && (1.1..1.5).contains(&means.d) && ranks.delta > 0.5);
    let Finding::Levels(levels) = &one("city").finding else { panic!() };
    let busan = levels.iter().find(|level| level.name.as_deref() == Some("Busan")).unwrap();
    assert!((busan.shares[0] - 0.6).abs() < 0.05 && (busan.shares[1] - 0.2).abs() < 0.05, "{levels:?}");
    // Every id is one person's: all of them are rare, and nothing is to be seen.
    assert!(names.iter().all(|name| *name != "has(age)" && *name != "tags:a"), "what all have is no difference");
    assert_eq!(view.trait_kind("seen"), Some(TraitKind::Number));
}

#[test]
fn persons_in_both_are_left_out() {
    let (audience, inside) = persons(500);
    let view = audience.view();
    let all = view.everybody();
    assert!(compare(&view, &inside, &all).is_err());
    let mut other = all.and_not(&inside);
    let shared = inside.iter().next().unwrap();
    other.insert(shared);
    let found = compare(&view, &inside, &other).unwrap();
    assert_eq!((found.shared, found.sizes), (1, [inside.len() - 1, other.len() - 1]));
}

#[test]
fn alike_are_those_who_would_be_members() {
    let (audience, inside) = persons(9000);
    let view = audience.view();
    // Half of the members are the seed; the others should be found again.
    let seed: Set = inside.iter().filter(|row| row % 2 == 0).collect();
    let hidden = inside.and_not(&seed);
    let found = lookalike(&view, &seed, &view.everybody(), 500, &Options::default()).unwrap();
    assert_eq!(found.found.len(), 500);
    assert!(found.found.windows(2).all(|pair| pair[0].1 >= pair[1].1));
    assert!(found.found.iter().all(|(row, _)| !seed.contains(*row)));
    let again = found.found.iter().filter(|(row, _)| hidden.contains(*row)).count() as f64 / 500.0;
    let by_chance = hidden.len() as f64 / (9000.0 - seed.len() as f64);
    assert!(again > 3.0 * by_chance, "{again} instead of {by_chance} by chance");
    assert!((0.7..0.95).contains(&found.quality.auc) && found.quality.lift > 2.0, "{:?}", found.quality);
    assert_eq!(found.drivers[0].0, "age", "{:?}", found.drivers);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| lookalike(&view, &seed, &view.everybody(), 500, &Options::default())).unwrap(), found);
}

#[test]
fn a_segment_by_chance_is_like_nobody() {
    let (audience, _) = persons(6000);
    let view = audience.view();
    let seed: Set = view.everybody().iter().filter(|row| row % 7 == 0).collect();
    let found = lookalike(&view, &seed, &view.everybody(), 10, &Options::default()).unwrap();
    assert!((0.42..0.58).contains(&found.quality.auc), "{:?}", found.quality);
    assert!(lookalike(&view, &Set::new(), &view.everybody(), 10, &Options::default()).is_err());
    assert!(lookalike(&view, &view.everybody(), &view.everybody(), 10, &Options::default()).is_err());
}

#[test]
fn one_person_alive_has_the_truth_of_everybody() {
    let schema = Schema::builder()
        .field("age", Type::Any)
        .field("city", Type::Any)
        .field("tags", Type::list(Type::String))
        .field("seen", Type::Any)
        .field("traits", Type::map(Type::Any))
        .field("now", Type::Timestamp)
        .build()
        .unwrap();
    let texts = [
        "age > 40 && city == 'Busan'",
        "'gold' in tags && age <= 50",
        "size(tags) == 1 && !has(traits.value)",
        "now - seen < duration('3650d')",
        "city.lowerAscii() == 'seoul' || age == 33",
        "traits.value > 3 && has(traits.value)",
        "'value' in traits || traits == {}",
    ];
    let programs: Vec<_> = texts.iter().map(|text| compile(text, &schema, Type::Bool).unwrap()).collect();
    let (mut audience, _) = persons(300);
    let mut live = Live::new(RuleSet::new(programs.clone()).unwrap(), &schema);
    let now = schema.path("now").unwrap();
    let given = Given::new().with(now, Timestamp::from_micros(1 << 50));
    let mut evaluation = Evaluation::default();
    for round in 0..2 {
        let view = audience.view();
        for (rule, program) in programs.iter().enumerate() {
            let query = attune_audience::Query::new(program, &schema).unwrap();
            let found = view.select(&query, &given);
            for row in 0..300 {
                live.evaluate(&view, row, &given, 0..texts.len(), &mut evaluation);
                assert_eq!(evaluation.is_satisfied(rule), found.contains(row), "{} for {row}", texts[rule]);
            }
            assert!(round == 0 || !found.is_empty(), "{}", texts[rule]);
        }
        // A column that was not there when the rules were resolved.
        audience.upsert("p7", [("traits.value", Some(Value::Int(5)))]);
    }
    let rules = live.rules();
    assert_eq!(rules.affected(now, None), [3]);
    assert_eq!(rules.affected(schema.path("age").unwrap(), None), [0, 1, 4]);
    assert_eq!(rules.affected(schema.path("traits").unwrap(), Some("value")), [2, 5, 6]);
    assert_eq!(rules.affected(schema.path("traits").unwrap(), Some("other")), [6]);
}
