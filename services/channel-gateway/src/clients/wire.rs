//! Values of the contracts' well-known types and what they are here.

use attune_kernel::Timestamp;
use prost_types::value::Kind;
use prost_types::{Struct, Value};

/// A time on the wire.
#[must_use]
pub(crate) fn stamp(time: Timestamp) -> Option<prost_types::Timestamp> {
    let (seconds, nanos) = time.to_seconds_nanos();
    Some(prost_types::Timestamp { seconds, nanos })
}

/// A value as JSON.
#[must_use]
pub(crate) fn json(value: Value) -> serde_json::Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::BoolValue(flag)) => flag.into(),
        Some(Kind::NumberValue(number)) => number_json(number),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(json).collect(),
        Some(Kind::StructValue(inner)) => json_object(inner),
    }
}

/// A whole number stays one, so that a template does not print `3.0`.
fn number_json(number: f64) -> serde_json::Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within the exact range")]
        return serde_json::Value::from(number as i64);
    }
    serde_json::Number::from_f64(number).map_or(serde_json::Value::Null, Into::into)
}

/// A struct as a JSON object.
#[must_use]
pub(crate) fn json_object(of: Struct) -> serde_json::Value {
    of.fields.into_iter().map(|(name, value)| (name, json(value))).collect::<serde_json::Map<_, _>>().into()
}

/// JSON as a value.
#[must_use]
pub(crate) fn value(json: serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(flag) => Kind::BoolValue(flag),
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        serde_json::Value::String(text) => Kind::StringValue(text),
        serde_json::Value::Array(items) => {
            Kind::ListValue(prost_types::ListValue { values: items.into_iter().map(value).collect() })
        }
        serde_json::Value::Object(fields) => Kind::StructValue(object(fields)),
    };
    Value { kind: Some(kind) }
}

/// A JSON object as a struct.
#[must_use]
pub(crate) fn object(fields: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, field)| (name, value(field))).collect() }
}

/// A text as a value.
#[must_use]
pub(crate) fn text(text: impl Into<String>) -> Value {
    Value { kind: Some(Kind::StringValue(text.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_survives_the_wire_and_whole_numbers_stay_whole() {
        let before = serde_json::json!({"name": "ada", "n": 3, "x": 0.5, "list": [1, null, true], "in": {"a": "b"}});
        let serde_json::Value::Object(fields) = before.clone() else { unreachable!() };
        assert_eq!(json_object(object(fields)), before);
    }
}
