//! Values of the contracts' well-known types.

use attune_kernel::Timestamp;
use prost_types::value::Kind;
use serde_json::Value;

/// A JSON object on the wire.
#[must_use]
pub fn object(value: &Value) -> prost_types::Struct {
    let fields = value.as_object().expect("an object");
    prost_types::Struct { fields: fields.iter().map(|(name, value)| (name.clone(), wire(value))).collect() }
}

/// A JSON value on the wire.
#[must_use]
pub fn wire(value: &Value) -> prost_types::Value {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().expect("a double")),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(prost_types::ListValue { values: items.iter().map(wire).collect() }),
        Value::Object(_) => Kind::StructValue(object(value)),
    };
    prost_types::Value { kind: Some(kind) }
}

/// A time on the wire.
#[must_use]
pub fn time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A duration on the wire.
#[must_use]
pub const fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}

/// A text that no other test uses.
#[must_use]
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{:012x}", rand::random::<u64>() >> 16)
}
