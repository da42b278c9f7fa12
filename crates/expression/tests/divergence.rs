//! Every stated difference from the reference that shows in a value, shown on both sides.

#![allow(clippy::unwrap_used, clippy::panic, reason = "outside of a test function, but only for tests")]

mod support;

use attune_expression::{MapSource, Outcome, Type, Value, compile};
use support::{program, schema, source};

fn reference(text: &str) -> Result<cel::Value, String> {
    let program = cel::Program::compile(text).map_err(|error| error.to_string())?;
    program.execute(&cel::Context::default()).map_err(|error| error.to_string())
}

fn ours(text: &str) -> Option<Value> {
    program(text, Type::Any).value(&source()).ok()
}

#[test]
fn accessors_without_a_zone_read_utc() {
    let text = "timestamp('2026-11-22T10:00:00+09:00').getHours()";
    assert_eq!((ours(text), reference(text)), (Some(Value::Int(1)), Ok(cel::Value::Int(10))));
}

#[test]
fn zones_keep_their_summer_time() {
    let text = "timestamp('2150-07-01T12:00:00Z').getHours('America/New_York')";
    assert_eq!((ours(text), reference(text)), (Some(Value::Int(8)), Ok(cel::Value::Int(7))));
}

#[test]
fn time_is_kept_to_the_microsecond() {
    let text = "duration('1ns') == duration('0')";
    assert_eq!((ours(text), reference(text)), (Some(Value::Bool(true)), Ok(cel::Value::Bool(false))));
}

#[test]
fn days_and_weeks_are_units_and_garbage_is_none() {
    assert_eq!(ours("duration('1w') == duration('7d')"), Some(Value::Bool(true)));
    assert!(reference("duration('7d')").is_err());
    assert!(reference("duration('1h and some')").is_ok());
    assert!(compile("duration('1h and some')", &schema(), Type::Any).is_err());
}

#[test]
fn leap_seconds_are_refused() {
    let text = "timestamp('1998-12-31T23:59:60Z')";
    assert!(reference(text).is_ok() && compile(text, &schema(), Type::Any).is_err());
}

#[test]
fn a_list_plus_a_map_is_an_error() {
    let text = "dyn([1]) + dyn({'a': 1})";
    assert!(ours(text).is_none() && reference(text).is_ok());
}

#[test]
fn a_group_is_only_a_part_of_a_name() {
    let empty = MapSource::empty(&schema());
    assert_eq!(program("has(profile.age)", Type::Bool).evaluate(&empty), Outcome::False);
    assert!(reference("has(profile.age)").is_err());
}

#[test]
fn what_never_fits_is_refused_at_once() {
    for text in
        ["1 == 'a'", "true || 1 == 'a'", "{1: 'a'}", "type(1) == int", "optional.none()", "true || 'a'.matches('(')"]
    {
        let refused = compile(text, &schema(), Type::Any).is_err();
        assert!(refused && cel::Program::compile(text).is_ok(), "{text}");
    }
}
