//! `+ - * / %`.

use std::sync::Arc;

use attune_kernel::Timestamp;

use crate::clock::{Interval, MAX_INTERVAL, in_range};
use crate::ir::Operator;
use crate::outcome::Cause;
use crate::value::{Value, ValueRef};

/// Steps that the result costs beyond one: text and lists are built anew.
pub(super) fn cost(left: ValueRef<'_>, right: ValueRef<'_>) -> usize {
    match (left, right) {
        (ValueRef::String(left), ValueRef::String(right)) => (left.len() + right.len()) / 16,
        (ValueRef::List(_), ValueRef::List(_)) => super::weight(left) + super::weight(right),
        _ => 0,
    }
}

/// The result of an operation on two values.
pub(super) fn compute(operator: Operator, left: ValueRef<'_>, right: ValueRef<'_>) -> Result<Value, Cause> {
    use ValueRef as V;
    match (operator, left, right) {
        (_, V::Int(left), V::Int(right)) => whole(operator, left, right).map(Value::Int),
        (Operator::Add, V::Double(left), V::Double(right)) => Ok(Value::Double(left + right)),
        (Operator::Subtract, V::Double(left), V::Double(right)) => Ok(Value::Double(left - right)),
        (Operator::Multiply, V::Double(left), V::Double(right)) => Ok(Value::Double(left * right)),
        (Operator::Divide, V::Double(left), V::Double(right)) => Ok(Value::Double(left / right)),
        (Operator::Add, V::String(left), V::String(right)) => Ok(Value::String([left, right].concat().into())),
        (Operator::Add, V::List(left), V::List(right)) => {
            let all = [left, right].into_iter().flat_map(|list| (0..list.len()).filter_map(|index| list.at(index)));
            Ok(Value::List(Arc::new(all.map(|item| item.to_value()).collect())))
        }
        (Operator::Add, V::Timestamp(at), V::Duration(by)) | (Operator::Add, V::Duration(by), V::Timestamp(at)) => {
            instant(at.as_micros().checked_add(by.as_micros()))
        }
        (Operator::Subtract, V::Timestamp(at), V::Duration(by)) => instant(at.as_micros().checked_sub(by.as_micros())),
        (Operator::Subtract, V::Timestamp(to), V::Timestamp(from)) => {
            interval(to.as_micros().checked_sub(from.as_micros()))
        }
        (Operator::Add, V::Duration(left), V::Duration(right)) => {
            interval(left.as_micros().checked_add(right.as_micros()))
        }
        (Operator::Subtract, V::Duration(left), V::Duration(right)) => {
            interval(left.as_micros().checked_sub(right.as_micros()))
        }
        _ => Err(Cause::WrongType),
    }
}

fn whole(operator: Operator, left: i64, right: i64) -> Result<i64, Cause> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide | Operator::Remainder if right == 0 => return Err(Cause::DivisionByZero),
        Operator::Divide => left.checked_div(right),
        Operator::Remainder => left.checked_rem(right),
    }
    .ok_or(Cause::Overflow)
}

fn instant(micros: Option<i64>) -> Result<Value, Cause> {
    match micros {
        Some(micros) if in_range(micros) => Ok(Value::Timestamp(Timestamp::from_micros(micros))),
        _ => Err(Cause::Overflow),
    }
}

fn interval(micros: Option<i64>) -> Result<Value, Cause> {
    match micros {
        Some(micros) if (-MAX_INTERVAL..=MAX_INTERVAL).contains(&micros) => {
            Ok(Value::Duration(Interval::from_micros(micros)))
        }
        _ => Err(Cause::Overflow),
    }
}
