//! Random well-typed expressions over random values: ours against the reference interpreter.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

mod support;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use attune_expression::{MapSource, Type, Value, compile};
use cel::{Context, Env, Value as CelValue};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use support::schema;
use support::tape::{Tape, WANTS};

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    env.add_extension(cel::extensions::strings).unwrap();
    Arc::new(env)
});

/// The reference's value of an expression, absent when it fails.
fn reference(text: &str, variables: &serde_json::Value) -> Option<CelValue> {
    let program = ENV.compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut context = Context::with_env(Arc::clone(&ENV));
    for (name, value) in variables.as_object().unwrap() {
        context.add_variable_from_value(name.as_str(), to_cel(name, value));
    }
    program.execute(&context).ok()
}

fn evaluated(text: &str) -> CelValue {
    ENV.compile(text).unwrap().execute(&Context::with_env(Arc::clone(&ENV))).unwrap()
}

fn to_cel(name: &str, json: &serde_json::Value) -> CelValue {
    match json {
        serde_json::Value::Null => CelValue::Null,
        serde_json::Value::Bool(value) => CelValue::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => CelValue::Int(whole),
            None => CelValue::Float(number.as_f64().unwrap()),
        },
        serde_json::Value::String(text) if matches!(name, "now" | "joined") => {
            evaluated(&format!("timestamp('{text}')"))
        }
        serde_json::Value::String(text) if name == "idle" => evaluated(&format!("duration('{text}')")),
        serde_json::Value::String(text) => CelValue::from(text.as_str()),
        serde_json::Value::Array(items) => {
            CelValue::from(items.iter().map(|item| to_cel("", item)).collect::<Vec<_>>())
        }
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(name, value)| (name.clone(), to_cel(name, value)));
            CelValue::from(entries.collect::<HashMap<String, CelValue>>())
        }
    }
}

/// Whether two values are the same, type and all.
fn same(ours: &Value, theirs: &CelValue) -> bool {
    match (ours, theirs) {
        (Value::Null, CelValue::Null) => true,
        (Value::Bool(ours), CelValue::Bool(theirs)) => ours == theirs,
        (Value::Int(ours), CelValue::Int(theirs)) => ours == theirs,
        (Value::Double(ours), CelValue::Float(theirs)) => {
            ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan()
        }
        (Value::String(ours), CelValue::String(theirs)) => **ours == ***theirs,
        (Value::Timestamp(ours), CelValue::Timestamp(theirs)) => ours.as_micros() == theirs.timestamp_micros(),
        (Value::Duration(ours), CelValue::Duration(theirs)) => Some(ours.as_micros()) == theirs.num_microseconds(),
        (Value::List(ours), CelValue::List(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs.iter()).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Map(ours), CelValue::Map(theirs)) => {
            ours.len() == theirs.map.len()
                && ours.iter().all(|(key, value)| {
                    theirs.map.get(&cel::objects::Key::from(&**key)).is_some_and(|other| same(value, other))
                })
        }
        _ => false,
    }
}

/// Values for the schema; what the bits leave out is absent, the groups never are.
fn activation() -> impl Strategy<Value = serde_json::Value> {
    let ints = prop::sample::select(vec![0_i64, 1, 2, 41, -7, 9_007_199_254_740_993, i64::MAX, i64::MIN]);
    let doubles = prop::sample::select(vec![0.5, 0.25, -1e300, 42.5, 1.0e-3]);
    let texts = prop::sample::select(vec!["", "a", "Kim", "žluť", "12", "true", "web", "a\nb"]);
    let instants = prop::sample::select(vec!["2026-11-22T10:30:00Z", "2024-02-29T23:59:59.5Z", "1900-01-01T00:00:00Z"]);
    let lengths = prop::sample::select(vec!["36h", "-1.5s", "0", "2562047h"]);
    let list = prop::collection::vec(texts.clone(), 0..4);
    let numbers = prop::collection::vec(ints.clone(), 0..4);
    let whatever = prop_oneof![
        ints.clone().prop_map(|value| serde_json::json!(value)),
        doubles.clone().prop_map(|value| serde_json::json!(value)),
        texts.clone().prop_map(|value| serde_json::json!(value)),
        any::<bool>().prop_map(|value| serde_json::json!(value)),
        Just(serde_json::Value::Null),
        prop::collection::vec(ints.clone(), 0..3).prop_map(|value| serde_json::json!(value)),
        Just(serde_json::json!({"a": 1})),
    ];
    let scalars = (ints.clone(), doubles, texts.clone(), any::<bool>(), instants, lengths);
    (scalars, list, numbers, whatever.clone(), whatever, texts, any::<u16>()).prop_map(
        |((age, score, name, vip, joined, idle), tags, limits, amount, other, channel, present)| {
            let mut root = serde_json::json!({
                "now": "2026-11-22T10:30:00Z",
                "count": age,
                "profile": {
                    "age": age, "score": score, "name": name, "vip": vip, "joined": joined, "idle": idle,
                    "tags": tags, "limits": limits, "attributes": {},
                },
                "context": {"channel": channel, "x": name},
                "event": {"amount": amount, "other": other, "note": null},
            });
            let paths = [
                ("/profile", "age"),
                ("/profile", "score"),
                ("/profile", "name"),
                ("/profile", "vip"),
                ("/profile", "joined"),
                ("/profile", "idle"),
                ("/profile", "tags"),
                ("/profile", "limits"),
                ("/context", "channel"),
                ("/context", "x"),
                ("/event", "amount"),
                ("/event", "other"),
                ("/event", "note"),
                ("", "count"),
            ];
            for (bit, (group, name)) in paths.into_iter().enumerate() {
                // One in eight of the fields is absent: bit groups of the random word, rotated.
                if present.rotate_left(u32::try_from(bit).unwrap()) & 0b111 == 0b111 {
                    root.pointer_mut(group).unwrap().as_object_mut().unwrap().remove(name);
                }
            }
            root
        },
    )
}

/// The same computed both ways.
fn agree(text: &str, variables: &serde_json::Value) -> Result<(), TestCaseError> {
    let schema = schema();
    let program = match compile(text, &schema, Type::Any) {
        Ok(program) => program,
        Err(errors) => return Err(TestCaseError::fail(format!("{text}\n  refused: {}", errors[0]))),
    };
    let ours = program.value(&MapSource::from_json(&schema, variables));
    let theirs = reference(text, variables);
    let agree = match (&ours, &theirs) {
        (Ok(ours), Some(theirs)) => same(ours, theirs),
        (Err(_), None) => true,
        _ => false,
    };
    prop_assert!(agree, "{}\n  ours {:?}\n  theirs {:?}", text, ours, theirs);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6000, max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn expressions_have_the_reference_value(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        want in prop::sample::select(WANTS.to_vec()),
        variables in activation(),
    ) {
        agree(&Tape::new(&bytes).expr(want, 3), &variables)?;
    }
}

/// A comparison in which nearly everything fails, or nothing does, would show nothing.
#[test]
fn the_generator_reaches_values_and_failures() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let sample = (prop::collection::vec(any::<u8>(), 0..120), prop::sample::select(WANTS.to_vec()), activation());
    let mut values = 0;
    for _ in 0..500 {
        let (bytes, want, variables) = sample.new_tree(&mut runner).unwrap().current();
        values += usize::from(reference(&Tape::new(&bytes).expr(want, 3), &variables).is_some());
    }
    assert!((150..400).contains(&values), "{values} of 500 have a value");
}

#[test]
fn the_fixed_examples_agree() {
    for text in [
        "profile.limits.exists(x, 1 / (x - 1) == 1)",
        "profile.limits.all(x, 1 / (x - 1) == 1)",
        "[1, 2, 3].exists_one(x, 1 / (x - 1) == 1)",
        "profile.holdings.exists(h, h.kind == 'loan' && h.balance > 100)",
        "profile.holdings.map(h, h.kind)",
        "{'a': [1, 2.5], 'b': {'c': null}}",
        "{'a': 1, 'a': 2}",
        "1 / 0 == 1 || true",
        "true && event.amount",
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "5 % 0",
        "0.0 / 0.0 == 0.0 / 0.0",
        "0.0 / 0.0 < 1.0",
        "[0.0 / 0.0] == [0.0 / 0.0]",
        "9007199254740993 == 9007199254740992.0",
        "timestamp('9999-12-31T23:59:59Z') + duration('1s')",
        "timestamp(253402300800)",
        "'x' in context",
        "dyn(1) in context",
        "dyn([1]) in context",
        "[1, 2][dyn(1.0)]",
        "[1, 2][dyn(1.5)]",
        "profile.joined.getHours('America/New_York') + now.getHours('Europe/Paris')",
        "!!profile.vip",
        "--5",
    ] {
        agree(text, &support::json()).unwrap();
    }
}
