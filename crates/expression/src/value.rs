//! Values: owned, and borrowed from wherever they live.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::sync::Arc;

use attune_kernel::Timestamp;

use crate::clock::Interval;
use crate::compare::equal;

/// An owned value. Cloning copies a number or counts a reference.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`; only a value of type [`Type::Any`](crate::Type::Any) can be it.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    String(Arc<str>),
    /// An instant.
    Timestamp(Timestamp),
    /// A length of time.
    Duration(Interval),
    /// A list.
    List(Arc<Vec<Value>>),
    /// A map from text.
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

/// A value borrowed from a [`Source`](crate::Source): what predicates compare without allocating.
#[derive(Clone, Copy)]
pub enum ValueRef<'a> {
    /// `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    String(&'a str),
    /// An instant.
    Timestamp(Timestamp),
    /// A length of time.
    Duration(Interval),
    /// A list.
    List(&'a dyn Elements),
    /// A map from text.
    Map(&'a dyn Entries),
}

/// A list of values, as its owner keeps it. Implemented for `Vec` and `BTreeSet`.
pub trait Elements {
    /// How many elements there are.
    fn len(&self) -> usize;
    /// The element at an index from 0, absent past the end.
    fn at(&self, index: usize) -> Option<ValueRef<'_>>;
    /// Whether there is no element.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Whether an element equals `value` (CEL's `in`). Override it where the owner knows better than to look at
    /// every element.
    fn contains(&self, value: ValueRef<'_>) -> bool {
        (0..self.len()).any(|index| self.at(index).is_some_and(|element| equal(element, value)))
    }
}

/// A map from text, as its owner keeps it. Implemented for `BTreeMap` and `HashMap`.
pub trait Entries {
    /// How many entries there are.
    fn len(&self) -> usize;
    /// The value at a key.
    fn get(&self, key: &str) -> Option<ValueRef<'_>>;
    /// Shows every entry, in an order that stays the same while the map does, until told to stop.
    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>);
    /// Whether there is no entry.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What can be seen as a [`ValueRef`], so that collections of it are [`Elements`] and [`Entries`].
pub trait AsValue {
    /// The value, borrowed.
    fn as_value(&self) -> ValueRef<'_>;
}

impl AsValue for Value {
    fn as_value(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Bool(*value),
            Self::Int(value) => ValueRef::Int(*value),
            Self::Double(value) => ValueRef::Double(*value),
            Self::String(value) => ValueRef::String(value),
            Self::Timestamp(value) => ValueRef::Timestamp(*value),
            Self::Duration(value) => ValueRef::Duration(*value),
            Self::List(value) => ValueRef::List(&**value),
            Self::Map(value) => ValueRef::Map(&**value),
        }
    }
}

macro_rules! as_value {
    ($($of:ty => |$value:ident| $seen:expr;)*) => {$(
        impl AsValue for $of {
            fn as_value(&self) -> ValueRef<'_> {
                let $value = self;
                $seen
            }
        }
    )*};
}

as_value! {
    bool => |value| ValueRef::Bool(*value);
    i64 => |value| ValueRef::Int(*value);
    f64 => |value| ValueRef::Double(*value);
    String => |value| ValueRef::String(value);
    Arc<str> => |value| ValueRef::String(value);
    Timestamp => |value| ValueRef::Timestamp(*value);
    Interval => |value| ValueRef::Duration(*value);
}

impl<T: AsValue> AsValue for Vec<T> {
    fn as_value(&self) -> ValueRef<'_> {
        ValueRef::List(self)
    }
}

impl<T: AsValue> Elements for Vec<T> {
    fn len(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Option<ValueRef<'_>> {
        self.get(index).map(AsValue::as_value)
    }
}

impl Elements for BTreeSet<String> {
    fn len(&self) -> usize {
        self.len()
    }

    fn at(&self, index: usize) -> Option<ValueRef<'_>> {
        self.iter().nth(index).map(AsValue::as_value)
    }

    fn contains(&self, value: ValueRef<'_>) -> bool {
        matches!(value, ValueRef::String(text) if self.contains(text))
    }
}

macro_rules! entries {
    ($($key:ty),*) => {$(
        impl<T: AsValue> Entries for BTreeMap<$key, T> {
            fn len(&self) -> usize {
                self.len()
            }

            fn get(&self, key: &str) -> Option<ValueRef<'_>> {
                self.get(key).map(AsValue::as_value)
            }

            fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
                for (key, value) in self {
                    if see(key, value.as_value()).is_break() {
                        return;
                    }
                }
            }
        }

        impl<T: AsValue, H: BuildHasher> Entries for HashMap<$key, T, H> {
            fn len(&self) -> usize {
                self.len()
            }

            fn get(&self, key: &str) -> Option<ValueRef<'_>> {
                self.get(key).map(AsValue::as_value)
            }

            fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
                for (key, value) in self {
                    if see(key, value.as_value()).is_break() {
                        return;
                    }
                }
            }
        }
    )*};
}

entries!(String, Arc<str>);

impl ValueRef<'_> {
    /// The name of the value's type, for messages: it tells nothing of the value.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// A copy that owns everything.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match *self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Double(value) => Value::Double(value),
            Self::String(value) => Value::String(value.into()),
            Self::Timestamp(value) => Value::Timestamp(value),
            Self::Duration(value) => Value::Duration(value),
            Self::List(list) => {
                Value::List(Arc::new((0..list.len()).filter_map(|index| Some(list.at(index)?.to_value())).collect()))
            }
            Self::Map(map) => {
                let mut copy = BTreeMap::new();
                map.visit(&mut |key, value| {
                    copy.insert(Arc::from(key), value.to_value());
                    ControlFlow::Continue(())
                });
                Value::Map(Arc::new(copy))
            }
        }
    }
}

impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_value(), f)
    }
}

/// CEL's equality: numbers by their value whatever their type, lists and maps by their contents, NaN equal to nothing.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        equal(self.as_value(), other.as_value())
    }
}

/// The value as a literal of the language, as explanations show it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::String(value) => write!(f, "{value:?}"),
            Self::Timestamp(value) => write!(f, "timestamp(\"{value}\")"),
            Self::Duration(value) => write!(f, "duration(\"{value}\")"),
            Self::List(list) => {
                f.write_str("[")?;
                for (index, item) in list.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("]")
            }
            Self::Map(map) => {
                f.write_str("{")?;
                for (index, (key, item)) in map.iter().enumerate() {
                    write!(f, "{}{key:?}: {item}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

macro_rules! from {
    ($($of:ty => $variant:ident;)*) => {$(
        impl From<$of> for Value {
            fn from(value: $of) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    bool => Bool;
    i64 => Int;
    f64 => Double;
    &str => String;
    String => String;
    Arc<str> => String;
    Timestamp => Timestamp;
    Interval => Duration;
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::List(Arc::new(items.into_iter().map(Into::into).collect()))
    }
}

impl<T: Into<Value>> From<BTreeMap<String, T>> for Value {
    fn from(entries: BTreeMap<String, T>) -> Self {
        Self::Map(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }
}
