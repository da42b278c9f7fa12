//! Equality and order of values, across types as CEL has them.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use crate::value::ValueRef;

/// Whether two values are equal. Values of different types are not, except that numbers are compared by value (a
/// whole number next to a double is read as a double). NaN equals nothing.
pub(crate) fn equal(left: ValueRef<'_>, right: ValueRef<'_>) -> bool {
    match (left, right) {
        (ValueRef::Null, ValueRef::Null) => true,
        (ValueRef::List(left), ValueRef::List(right)) => {
            left.len() == right.len()
                && (0..left.len()).all(|index| match (left.at(index), right.at(index)) {
                    (Some(left), Some(right)) => equal(left, right),
                    _ => false,
                })
        }
        (ValueRef::Map(left), ValueRef::Map(right)) => {
            let mut same = left.len() == right.len();
            left.visit(&mut |key, value| {
                same = same && right.get(key).is_some_and(|other| equal(value, other));
                if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            same
        }
        _ => order(left, right) == Some(Ordering::Equal),
    }
}

/// How two values are ordered: both numbers, or both of one type that has an order. Text is ordered by code point,
/// `false` before `true`. Nothing is ordered relative to NaN.
#[inline]
pub(crate) fn order(left: ValueRef<'_>, right: ValueRef<'_>) -> Option<Ordering> {
    #[expect(clippy::cast_precision_loss, reason = "the reference compares an int with a double as doubles")]
    match (left, right) {
        (ValueRef::Bool(left), ValueRef::Bool(right)) => Some(left.cmp(&right)),
        (ValueRef::Int(left), ValueRef::Int(right)) => Some(left.cmp(&right)),
        (ValueRef::Double(left), ValueRef::Double(right)) => left.partial_cmp(&right),
        (ValueRef::Int(left), ValueRef::Double(right)) => (left as f64).partial_cmp(&right),
        (ValueRef::Double(left), ValueRef::Int(right)) => left.partial_cmp(&(right as f64)),
        (ValueRef::String(left), ValueRef::String(right)) => Some(left.cmp(right)),
        (ValueRef::Timestamp(left), ValueRef::Timestamp(right)) => Some(left.cmp(&right)),
        (ValueRef::Duration(left), ValueRef::Duration(right)) => Some(left.cmp(&right)),
        _ => None,
    }
}
