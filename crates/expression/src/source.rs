//! Where the values of fields come from.

use std::fmt;
use std::sync::Arc;

use attune_kernel::Timestamp;

use crate::clock::{Interval, parse_instant};
use crate::schema::{PathId, Schema};
use crate::types::Type;
use crate::value::{AsValue, Value, ValueRef};

/// The values an expression reads, one per field of the [`Schema`] it was compiled against.
///
/// While a rule or a set of rules runs, the same path has the same value. A value of another type than the declared
/// one makes the predicates that read it fail with a reason; nothing panics. Reading ought to cost about an index
/// into a table: the same field is read once per predicate.
pub trait Source {
    /// The value of a field, absent when there is none. A null is absent too, unless the field is `Any`.
    fn read(&self, path: PathId) -> Option<ValueRef<'_>>;
}

impl<S: Source + ?Sized> Source for &S {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        (**self).read(path)
    }
}

/// A table of values, one a field: for tests, tools and callers that hold JSON.
#[derive(Clone, Default)]
pub struct MapSource {
    values: Vec<Option<Value>>,
}

/// Says how many fields have a value, never which: values may be personal data.
impl fmt::Debug for MapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let present = self.values.iter().flatten().count();
        f.debug_struct("MapSource").field("present", &present).field("fields", &self.values.len()).finish()
    }
}

impl MapSource {
    /// A source where every field is absent.
    #[must_use]
    pub fn empty(schema: &Schema) -> Self {
        Self { values: vec![None; schema.len()] }
    }

    /// Reads a nested JSON object: `{"profile": {"attributes": {"age": 41}}}` holds `profile.attributes.age`.
    ///
    /// What the schema does not declare is left out. Numbers are turned into the declared type where nothing is lost,
    /// text into instants (RFC 3339) and lengths of time where those are declared; null counts as absent unless the
    /// field is `Any`. A value that does not fit its declared type stays as it is, and the predicates that read it
    /// say so.
    #[must_use]
    pub fn from_json(schema: &Schema, json: &serde_json::Value) -> Self {
        let mut source = Self::empty(schema);
        for (id, field) in schema.fields() {
            let found = field.path.split('.').try_fold(json, |at, name| at.get(name));
            source.values[id.index()] = found.and_then(|value| convert(value, &field.of));
        }
        source
    }

    /// Sets the value of a field.
    pub fn set(&mut self, path: PathId, value: impl Into<Value>) {
        if let Some(slot) = self.values.get_mut(path.index()) {
            *slot = Some(value.into());
        }
    }

    /// Makes a field absent.
    pub fn unset(&mut self, path: PathId) {
        if let Some(slot) = self.values.get_mut(path.index()) {
            *slot = None;
        }
    }
}

impl Source for MapSource {
    #[inline]
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        self.values.get(path.index())?.as_ref().map(AsValue::as_value)
    }
}

impl Value {
    /// A JSON value as the declared type has it; absent for a null that the type does not admit. See
    /// [`MapSource::from_json`] for what is converted.
    #[must_use]
    pub fn from_json(json: &serde_json::Value, of: &Type) -> Option<Self> {
        convert(json, of)
    }
}

fn convert(json: &serde_json::Value, of: &Type) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null if *of == Type::Any => Value::Null,
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number_as(number, of),
        serde_json::Value::String(text) => text_as(text, of),
        serde_json::Value::Array(items) => {
            let item_type = match of {
                Type::List(item) => item,
                _ => &Type::Any,
            };
            Value::List(Arc::new(items.iter().filter_map(|item| convert(item, item_type)).collect()))
        }
        serde_json::Value::Object(entries) => {
            let value_type = match of {
                Type::Map(value) => value,
                _ => &Type::Any,
            };
            let converted =
                entries.iter().filter_map(|(key, value)| Some((key.as_str().into(), convert(value, value_type)?)));
            Value::Map(Arc::new(converted.collect()))
        }
    })
}

fn number_as(number: &serde_json::Number, of: &Type) -> Value {
    let double = number.as_f64().unwrap_or(f64::NAN);
    match (number.as_i64(), of) {
        (Some(_), Type::Double) => Value::Double(double),
        (Some(whole), _) => Value::Int(whole),
        (None, Type::Int) if double.fract() == 0.0 && double.abs() < 9_007_199_254_740_992.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
            Value::Int(double as i64)
        }
        (None, _) => Value::Double(double),
    }
}

fn text_as(text: &str, of: &Type) -> Value {
    match of {
        Type::Timestamp => parse_instant(text).map(Value::Timestamp),
        Type::Duration => Interval::parse(text).map(Value::Duration),
        _ => None,
    }
    .unwrap_or_else(|| Value::String(text.into()))
}

/// The instant a caller passes as `now`.
impl From<Timestamp> for ValueRef<'_> {
    fn from(instant: Timestamp) -> Self {
        Self::Timestamp(instant)
    }
}
