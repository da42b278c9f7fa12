//! Values in the one form of their type.

use std::collections::BTreeMap;
use std::time::Duration;

use attune_kernel::{Money, Timestamp};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Definition, Shape, Type};

/// Whole numbers up to here are the same as doubles.
const WHOLE: u64 = 1 << 53;

/// A value as a definition has it; none when it is not one.
pub(super) fn value(definition: &Definition, value: &Value) -> Option<Value> {
    match (definition.shape, value) {
        (Shape::Single, Value::Array(_)) => None,
        (Shape::Single, one) => single(definition.of, one),
        (Shape::List, Value::Array(items)) => items.iter().map(|one| single(definition.of, one)).collect(),
        (Shape::Set, Value::Array(items)) => {
            let items = items.iter().map(|one| single(definition.of, one).map(|one| (one.to_string(), one)));
            Some(items.collect::<Option<BTreeMap<_, _>>>()?.into_values().collect())
        }
        // One element alone is a list of one: sources that hold one value need not know of others.
        (_, one) => Some(Value::Array(vec![single(definition.of, one)?])),
    }
}

fn single(of: Type, value: &Value) -> Option<Value> {
    match (of, value) {
        (Type::String, Value::String(_)) | (Type::Bool, Value::Bool(_)) | (Type::Double, Value::Number(_)) => {
            Some(value.clone())
        }
        (Type::Int, Value::Number(number)) => {
            let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= WHOLE)?;
            Some(whole.into())
        }
        (Type::Money, Value::Number(number)) => {
            let units = Money::from_units(number.as_f64()?)?.to_units();
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
            let whole = (units.fract() == 0.0 && units.abs() < 9_007_199_254_740_992.0).then_some(units as i64);
            Some(whole.map_or_else(|| Value::from(units), Value::from))
        }
        (Type::Timestamp, Value::String(text)) => {
            let midnight = day(text).then(|| format!("{text}T00:00:00Z"));
            Some(Timestamp::parse(midnight.as_ref().unwrap_or(text)).ok()?.to_string().into())
        }
        (Type::Date, Value::String(text)) => day(text).then(|| value.clone()),
        _ => None,
    }
}

/// Whether a text is a day of the calendar as YYYY-MM-DD.
fn day(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_ok()
}

/// Days in a data file as a duration.
pub(super) fn days<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<u64>::deserialize(from)?.map(|days| Duration::from_secs(days * 86_400)))
}
