//! JSON to and from the protobuf values that the contracts carry.

use prost_types::value::Kind;
use serde_json::Value;

/// A JSON object as a `google.protobuf.Struct`; anything but an object gives an empty one.
pub(crate) fn to_struct(value: &Value) -> prost_types::Struct {
    let fields = value.as_object().map(|map| map.iter().map(|(key, value)| (key.clone(), to_value(value))).collect());
    prost_types::Struct { fields: fields.unwrap_or_default() }
}

/// A JSON value as a `google.protobuf.Value`.
pub(crate) fn to_value(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(prost_types::ListValue { values: items.iter().map(to_value).collect() }),
        Value::Object(_) => Kind::StructValue(to_struct(value)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A `google.protobuf.Struct` as a JSON object.
pub(crate) fn from_struct(value: &prost_types::Struct) -> serde_json::Map<String, Value> {
    value.fields.iter().map(|(key, value)| (key.clone(), from_value(value))).collect()
}

/// A `google.protobuf.Value` as JSON; a number that is whole is written as one.
pub(crate) fn from_value(value: &prost_types::Value) -> Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => (*flag).into(),
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
        Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() < 9e15 => (*number as i64).into(),
        Some(Kind::NumberValue(number)) => (*number).into(),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(from_value).collect(),
        Some(Kind::StructValue(inner)) => from_struct(inner).into(),
    }
}

/// Microseconds since the epoch as a protobuf timestamp.
pub(crate) fn timestamp(micros: i64) -> prost_types::Timestamp {
    let (seconds, nanos) = attune_kernel::Timestamp::from_micros(micros).to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let value = serde_json::json!({"a": [1, "x", true, null, 0.5], "b": {"c": -3}});
        assert_eq!(Value::Object(from_struct(&to_struct(&value))), value);
    }

    #[test]
    fn objects_keep_their_shape() {
        let value = serde_json::json!({"a": [1, "x", true, null], "b": {"c": 2.5}});
        let fields = to_struct(&value).fields;
        assert!(matches!(&fields["a"].kind, Some(Kind::ListValue(list)) if list.values.len() == 4));
        assert!(matches!(&fields["b"].kind, Some(Kind::StructValue(inner)) if inner.fields.len() == 1));
    }
}
