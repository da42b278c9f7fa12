//! Evaluation over columns against evaluation of one row after the other.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

#[path = "../../expression/tests/support/mod.rs"]
mod support;

use attune_audience::{Audience, Given, Query, Set};
use attune_expression::{MapSource, Type, Value, compile};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use support::tape::{Tape, Want};
use support::{json as whole, schema};

/// Values that a field may hold: its own type, another, and now and then none.
fn values(of: &Type) -> Vec<Option<Json>> {
    let own: Vec<Json> = match of {
        Type::Int => vec![json!(41), json!(42), json!(-1), json!(i64::MAX), json!(1), json!(0), json!(0.5)],
        Type::Double => vec![json!(0.5), json!(-2.25), json!(1e300), json!(42.0), json!(0.0), json!("0.5")],
        Type::String => vec![json!("Kim"), json!("a"), json!(""), json!("žluť"), json!("ab"), json!(7)],
        Type::Bool => vec![json!(true), json!(false), json!("true")],
        Type::Timestamp => vec![json!("2024-02-29T23:59:59.5Z"), json!("1700-01-01T00:00:00Z"), json!("no time")],
        Type::Duration => vec![json!("36h"), json!("0s"), json!(5)],
        Type::List(item) if **item == Type::String => {
            vec![json!(["gold", "mobile"]), json!([]), json!(["a"]), json!(["b", "a"]), json!(["Kim", "a"]), json!([1])]
        }
        Type::List(_) => vec![json!([1, 2, 3]), json!([]), json!([42]), json!([{"kind": "card"}])],
        _ => vec![json!(120), json!(1.5), json!("KRW"), json!(null), json!(true), json!(["a"]), json!({"a": {"b": 1}})],
    };
    own.into_iter().map(Some).chain([None]).collect()
}

/// A person: the JSON that the reference reads.
fn person(picks: &[u8]) -> Json {
    let mut made = json!({"now": whole()["now"], "context": {}, "event": {}, "profile": {"attributes": {}}});
    let mut picks = picks.iter().copied().cycle();
    let mut pick = |of: &Type| {
        let values = values(of);
        values[usize::from(picks.next().unwrap_or_default()) % values.len()].clone()
    };
    for (_, field) in schema().fields() {
        if field.path == "now" || matches!(field.of, Type::Map(_)) {
            continue;
        }
        if let Some(value) = pick(&field.of) {
            let pointer = format!("/{}", field.path.replace('.', "/"));
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            made.pointer_mut(parent).unwrap()[name] = value;
        }
    }
    for (group, keys, of) in [("context", ["channel", "x"], Type::String), ("event", ["amount", "note"], Type::Any)] {
        for key in keys {
            if let Some(value) = pick(&of) {
                made[group][key] = value;
            }
        }
    }
    made
}

/// The values of a person by column, as the reference reads them.
fn columns(person: &Json) -> Vec<(String, Option<Value>)> {
    let mut found = Vec::new();
    for (_, field) in schema().fields() {
        let json = person.pointer(&format!("/{}", field.path.replace('.', "/")));
        match &field.of {
            _ if field.path == "now" => {}
            Type::Map(of) => found.extend(
                json.and_then(Json::as_object)
                    .into_iter()
                    .flatten()
                    .map(|(key, value)| (format!("{}.{key}", field.path), Value::from_json(value, of))),
            ),
            of => found.push((field.path.clone(), json.and_then(|json| Value::from_json(json, of)))),
        }
    }
    found
}

fn fill(audience: &mut Audience, persons: &[Json]) {
    for (number, person) in persons.iter().enumerate() {
        let values = columns(person);
        audience.upsert(&format!("p{number}"), values.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
}

fn check(audience: &Audience, persons: &[Json], text: &str) {
    let schema = schema();
    let program = compile(text, &schema, Type::Bool).unwrap();
    let query = Query::new(&program, &schema).unwrap();
    let now = Value::from_json(&whole()["now"], &Type::Timestamp).unwrap();
    let given = Given::new().with(schema.path("now").unwrap(), now);
    let found = audience.view().select(&query, &given);
    let naive: Set = persons
        .iter()
        .enumerate()
        .filter(|(_, person)| program.evaluate(&MapSource::from_json(&schema, person)).is_true())
        .map(|(number, _)| audience.row(&format!("p{number}")).unwrap())
        .collect();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(|| audience.view().select(&query, &given)), found);
    let differ: Vec<_> = found.and_not(&naive).or(&naive.and_not(&found)).iter().take(3).collect();
    assert!(differ.is_empty(), "{text}: rows {differ:?}, {}", persons[differ[0] as usize]);
    assert_eq!(audience.view().count(&query, &given), naive.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn columns_agree_with_rows(
        tapes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 1..12),
        picks in prop::collection::vec(prop::collection::vec(any::<u8>(), 20), 1..400),
    ) {
        let persons: Vec<Json> = picks.iter().map(|picks| person(picks)).collect();
        let mut audience = Audience::new();
        fill(&mut audience, &persons);
        for tape in tapes {
            check(&audience, &persons, &Tape::new(&tape).expr(Want::Bool, 3));
        }
    }
}

/// What segments are made of, over more than a page, in every form of a column.
#[test]
fn common_predicates_agree_over_pages() {
    let persons: Vec<Json> = (0..9000_u64)
        .map(|number| {
            let picks: Vec<u8> =
                (0..20).map(|byte| (number.wrapping_mul(0x9E37_79B9_7F4A_7C15 + byte) >> 56) as u8).collect();
            person(&picks)
        })
        .collect();
    let mut audience = Audience::new();
    fill(&mut audience, &persons);
    for text in [
        "profile.age > 40 && profile.vip",
        "profile.age >= 1.0 || profile.score < 1",
        "profile.age in [41, 42] && 'gold' in profile.tags",
        "!('a' in profile.tags) && profile.name != 'Kim'",
        "now - profile.joined < duration('2000d')",
        "profile.joined + duration('24h') > now || !has(profile.joined)",
        "profile.idle <= duration('36h')",
        "double(profile.age) * 2.0 > profile.score",
        "profile.age * 2 < 90 && -profile.age > -42",
        "profile.age / (profile.age - 41) > 0",
        "profile.name.startsWith('a') || profile.name.lowerAscii() == 'kim'",
        "profile.name.matches('^[a-z]+$') && size(profile.name) > 1",
        "context.channel in ['Kim', 'ab'] || has(context.x)",
        "'channel' in context && !('x' in context)",
        "event.amount > 100 || event.amount == 'KRW' || event.amount == null",
        "event.amount.a.b == 1 || has(event.amount.a)",
        "double(event.amount) + 1.0 > 2.0",
        "size(event) == 2 && event.exists(k, k == 'note')",
        "size(profile.tags) > 1 && profile.tags[0] == 'gold'",
        "profile.tags.exists(t, t.startsWith('m')) ? profile.vip : profile.age > 3",
        "profile.tags.exists(t, t.startsWith('m')) && !profile.tags.all(t, t > 'b')",
        "profile.tags.all(t, t == 'gold' || t.matches('a')) || profile.tags.exists(t, int(t) > 1)",
        "profile.name.startsWith('K') && !profile.name.startsWith('a')",
        "profile.name.startsWith('') && profile.name < 'b'",
        "profile.score / 0.0 != 1.0 && profile.score * 0.0 / profile.score < 1.0",
        "profile.limits == [42] || 2 in profile.limits",
        "profile.joined.getMonth() == 1",
        "now > timestamp('2026-01-01T00:00:00Z') && count > 0",
        "has(profile.attributes.city) && profile.attributes.city == 'a'",
    ] {
        check(&audience, &persons, text);
    }
}

/// Writing again, mixing types and removing leave what a fresh audience has.
#[test]
fn rewriting_and_removing_leave_nothing() {
    let persons: Vec<Json> = (0..600_u64)
        .map(|number| person(&(0..20).map(|byte| (number * 31 + byte * 17) as u8).collect::<Vec<_>>()))
        .collect();
    let mut audience = Audience::new();
    fill(&mut audience, &persons.iter().rev().cloned().collect::<Vec<_>>());
    let before = audience.view();
    let count = before.len();
    for (number, person) in persons.iter().enumerate() {
        let name = format!("p{number}");
        let names: Vec<String> = audience.as_view().column_names().map(str::to_owned).collect();
        audience.upsert(&name, names.iter().map(|name| (name.as_str(), None)));
        let values = columns(person);
        audience.upsert(&name, values.iter().map(|(name, value)| (name.as_str(), value.clone())));
    }
    for text in ["profile.age > 1", "profile.name == 'Kim'", "'gold' in profile.tags", "event.amount == 'KRW'"] {
        check(&audience, &persons, text);
    }
    audience.upsert("p0", [("profile.name", Some(Value::from("unmistakable")))]);
    let row = audience.remove("p0").unwrap();
    assert!(!format!("{audience:?}").contains("unmistakable") && !format!("{audience:?}").contains("\"p0\""));
    assert_eq!((audience.view().person(row), audience.len(), before.len()), (None, 599, count));
    assert_eq!(audience.upsert("another", []), row);
    assert!(audience.view().value(row, "profile.age").is_none());
    for number in 1..600 {
        audience.remove(&format!("p{number}"));
    }
    audience.remove("another");
    assert!(audience.is_empty() && audience.view().is_empty());
    assert!(audience.view().memory().values().all(|bytes| *bytes < 100));
}
