//! Property values.

use std::collections::BTreeMap;

use attune_expression::{AsValue, ValueRef};
use serde::{Deserialize, Serialize};

/// A property as a sender may write it: the shape of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Values by name.
    Map(Properties),
}

/// Values by name.
pub type Properties = BTreeMap<String, Value>;

impl Value {
    /// The value when it is text, a number or a flag; only these can be compared.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        match self {
            Self::Flag(flag) => Some(Scalar::Flag(*flag)),
            Self::Number(number) => Some(Scalar::Number(*number)),
            Self::Text(text) => Some(Scalar::Text(text)),
            Self::Null | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// What an expression of the suite's rule language reads.
impl AsValue for Value {
    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Flag(flag) => ValueRef::Bool(*flag),
            Self::Number(number) => ValueRef::Double(*number),
            Self::Text(text) => ValueRef::String(text),
            Self::List(list) => ValueRef::List(list),
            Self::Map(map) => ValueRef::Map(map),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A value that can be compared, borrowed from wherever it lives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'a> {
    /// True or false.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(&'a str),
}

/// Something that has named properties: a live event or a row of the log.
pub trait Facts {
    /// The property, when it is there and can be compared.
    fn property(&self, name: &str) -> Option<Scalar<'_>>;
}

impl Facts for Properties {
    fn property(&self, name: &str) -> Option<Scalar<'_>> {
        self.get(name).and_then(Value::scalar)
    }
}
