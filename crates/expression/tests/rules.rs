//! Rule sets against their programs one by one, and explanations.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

mod support;

use attune_expression::{Cause, Evaluation, MapSource, Outcome, RuleSet, Type, Value, compile};
use proptest::prelude::*;
use support::tape::{Tape, Want};
use support::{json, program, schema, source};

fn set(texts: &[&str]) -> RuleSet {
    RuleSet::new(texts.iter().map(|text| program(text, Type::Bool))).unwrap()
}

#[test]
fn equal_predicates_are_one_whatever_their_form() {
    let rules = set(&[
        "profile.age > 18 && profile.vip",
        "18 < profile.age && profile.name == 'Kim'",
        "(profile.age>18) && !(profile.name == 'Lee')",
        "profile.name != 'Lee'",
        "profile.age > 18.0",
    ]);
    assert_eq!(rules.predicates(), 5);
    let evaluation = rules.evaluate(&source());
    assert_eq!(evaluation.satisfied().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(evaluation.bitmap(), [0b11111]);
    assert_eq!(evaluation.computed(), 5);
}

#[test]
fn what_is_known_to_fail_is_not_looked_at_again() {
    let texts: Vec<String> = (0..100).map(|n| format!("profile.age > 50 && profile.age != {n}")).collect();
    let rules = set(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let evaluation = rules.evaluate(&source());
    assert_eq!((evaluation.satisfied().count(), evaluation.computed(), rules.predicates()), (0, 1, 101));
}

#[test]
fn explanations_name_predicate_value_and_constant() {
    let rules = set(&[
        "profile.vip && profile.age >= 50 && profile.name == 'x'",
        "count > 1",
        "count > 1 && profile.name in ['Lee', 'Park']",
        "profile.vip",
        "18 > profile.age",
        "profile.name.matches('^x')",
        "!profile.vip",
        "context.channel == 'app' || profile.age > 100",
        "context.device == 'ios'",
        "now - profile.joined < duration('1h')",
        "'lead' in profile.tags",
        "has(profile.attributes.city)",
    ]);
    let mut evaluation = rules.evaluate(&source());
    let shown: Vec<_> = rules
        .explain_all(&source(), &mut evaluation)
        .into_iter()
        .map(|e| {
            (
                e.rule,
                e.predicate,
                e.field,
                e.read,
                e.constant.map(|value| value.to_string()),
                e.outcome == Outcome::False,
            )
        })
        .collect();
    let row = |rule, predicate: &str, field: Option<&str>, read: Option<Value>, constant: Option<&str>, is_false| {
        (rule, predicate.to_owned(), field.map(str::to_owned), read, constant.map(str::to_owned), is_false)
    };
    let tags = Value::from(vec!["gold", "mobile"]);
    assert_eq!(
        shown,
        [
            row(0, "profile.age >= 50", Some("profile.age"), Some(Value::Int(41)), Some("50"), true),
            row(1, "count > 1", Some("count"), None, Some("1"), false),
            row(
                2,
                "profile.name in ['Lee', 'Park']",
                Some("profile.name"),
                Some("Kim".into()),
                Some("[\"Lee\", \"Park\"]"),
                true
            ),
            row(4, "18 > profile.age", Some("profile.age"), Some(Value::Int(41)), Some("18"), true),
            row(5, "profile.name.matches('^x')", Some("profile.name"), Some("Kim".into()), Some("\"^x\""), true),
            row(6, "!profile.vip", Some("profile.vip"), Some(Value::Bool(true)), Some("false"), true),
            row(7, "context.channel == 'app' || profile.age > 100", None, None, None, true),
            row(8, "context.device == 'ios'", Some("context.device"), None, Some("\"ios\""), false),
            row(9, "now - profile.joined < duration('1h')", None, None, None, true),
            row(10, "'lead' in profile.tags", Some("profile.tags"), Some(tags), Some("\"lead\""), true),
            row(11, "has(profile.attributes.city)", None, None, None, true),
        ]
    );
    let missing = rules.explain(1, &source(), &mut evaluation).unwrap();
    let Outcome::Error(reason) = missing.outcome else { panic!() };
    assert_eq!(reason.cause, Cause::Missing);
    assert!(
        rules.explain(3, &source(), &mut evaluation).is_none()
            && rules.explain(99, &source(), &mut evaluation).is_none()
    );
}

#[test]
fn only_boolean_rules_and_only_the_asked_ones() {
    let refused = RuleSet::new([program("true", Type::Any), program("1", Type::Any)]).unwrap_err();
    assert_eq!(refused.to_string(), "rule 1 is of type int, not bool");
    let rules = set(&["true", "profile.vip", "profile.age > 1"]);
    let mut evaluation = Evaluation::default();
    rules.evaluate_into(&source(), [1, 7], &mut evaluation);
    assert_eq!(evaluation.satisfied().collect::<Vec<_>>(), [1]);
    assert_eq!(set(&[]).evaluate(&source()).satisfied().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_set_agrees_with_its_programs(tapes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..12), drop in any::<u16>()) {
        let schema = schema();
        let mut variables = json();
        for (bit, name) in ["age", "score", "name", "vip", "joined", "idle", "tags", "limits"].into_iter().enumerate() {
            if drop >> bit & 0x101 == 0x101 {
                variables["profile"].as_object_mut().unwrap().remove(name);
            }
        }
        let source = MapSource::from_json(&schema, &variables);
        let texts: Vec<String> = tapes.iter().map(|tape| Tape::new(tape).expr(Want::Bool, 3)).collect();
        let programs: Vec<_> = texts.iter().map(|text| compile(text, &schema, Type::Bool).unwrap()).collect();
        let rules = RuleSet::new(programs.clone()).unwrap();
        let mut evaluation = rules.evaluate(&source);
        for (rule, program) in programs.iter().enumerate() {
            let alone = program.evaluate(&source);
            prop_assert_eq!(evaluation.is_satisfied(rule), alone.is_true(), "{}", &texts[rule]);
            let explained = rules.explain(rule, &source, &mut evaluation);
            match explained.map(|explanation| explanation.outcome) {
                None => prop_assert!(alone.is_true()),
                Some(Outcome::False) => prop_assert_eq!(alone, Outcome::False, "{}", &texts[rule]),
                Some(Outcome::Error(reason)) => prop_assert_eq!(alone, Outcome::Error(reason), "{}", &texts[rule]),
                Some(Outcome::True) => prop_assert!(false, "an explanation of a satisfied rule"),
            }
        }
        prop_assert!(evaluation.computed() <= rules.predicates());
    }
}
