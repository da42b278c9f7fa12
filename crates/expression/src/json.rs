//! JSON as it lies: a [`serde_json::Value`] is read by expressions without a copy.
//!
//! A number that has no fraction and fits is an `int`, any other a `double`; text stays text, also where it looks like a
//! time.

use std::ops::ControlFlow;

use serde_json::{Map, Value as Json};

use crate::value::{AsValue, Entries, ValueRef};

impl AsValue for Json {
    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Number(number) => {
                number.as_i64().map_or_else(|| ValueRef::Double(number.as_f64().unwrap_or(f64::NAN)), ValueRef::Int)
            }
            Self::String(text) => ValueRef::String(text),
            Self::Array(items) => ValueRef::List(items),
            Self::Object(entries) => ValueRef::Map(entries),
        }
    }
}

impl Entries for Map<String, Json> {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        Self::get(self, key).map(AsValue::as_value)
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        for (key, value) in self {
            if see(key, value.as_value()).is_break() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_are_read_in_place() {
        let json = serde_json::json!({"a": {"b": [1, 2.5, "x"]}, "n": null});
        let ValueRef::Map(outer) = json.as_value() else { panic!("no map") };
        assert!(matches!(outer.get("n"), Some(ValueRef::Null)));
        let Some(ValueRef::Map(inner)) = outer.get("a") else { panic!("no map") };
        let Some(ValueRef::List(list)) = inner.get("b") else { panic!("no list") };
        assert!(matches!(list.at(0), Some(ValueRef::Int(1))));
        assert!(matches!(list.at(1), Some(ValueRef::Double(value)) if value == 2.5));
        assert!(matches!(list.at(2), Some(ValueRef::String("x"))));
    }
}
