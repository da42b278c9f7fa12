//! The types of the language.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of a field or of an expression. Serialised as `"int"`, `{"list": "string"}`, `{"map": "any"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// `true` or `false`.
    Bool,
    /// A signed 64-bit number.
    Int,
    /// An IEEE 754 double.
    Double,
    /// Text; its size is counted in code points.
    String,
    /// An instant, UTC, to the microsecond.
    Timestamp,
    /// A signed length of time, to the microsecond.
    Duration,
    /// A list with elements of one type.
    List(Box<Type>),
    /// A map from text to values of one type.
    Map(Box<Type>),
    /// Whatever the value turns out to be (`dyn` in CEL): checked when a rule runs instead of when it is compiled.
    Any,
}

impl Type {
    /// `List(item)`.
    #[must_use]
    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// `Map(value)`, keyed by text.
    #[must_use]
    pub fn map(value: Self) -> Self {
        Self::Map(Box::new(value))
    }

    /// Whether the type is, or may turn out to be, a number.
    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Any)
    }

    /// Whether values of the two types may be compared with `==`: the same type, two numbers, or not known before
    /// the rule runs.
    pub(crate) fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Int | Self::Double, Self::Int | Self::Double) => true,
            (Self::List(left), Self::List(right)) | (Self::Map(left), Self::Map(right)) => left.comparable(right),
            _ => self == other,
        }
    }

    /// Whether a value of type `self` may stand where `wanted` is asked for.
    pub(crate) fn assignable(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(left), Self::List(right)) | (Self::Map(left), Self::Map(right)) => left.assignable(right),
            _ => self == wanted,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(value) => write!(f, "map(string, {value})"),
            Self::Any => f.write_str("any"),
        }
    }
}
