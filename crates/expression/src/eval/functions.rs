//! Functions of values.

use attune_kernel::Timestamp;

use crate::clock::{Interval, format_instant, in_range, parse_instant};
use crate::ir::Function;
use crate::outcome::Cause;
use crate::value::{Value, ValueRef};

/// Steps that a call costs beyond one, by the text it reads or makes.
pub(super) fn cost(function: Function, args: &[ValueRef<'_>]) -> usize {
    let length = |index: usize| match args.get(index) {
        Some(ValueRef::String(text)) => text.len(),
        _ => 0,
    };
    match function {
        // Replacing the empty text puts the replacement before every character.
        Function::Replace => (length(0) + 1).saturating_mul(length(2) + 1) / 16,
        _ => length(0) / 16,
    }
}

/// The result of a function.
pub(super) fn call(function: Function, args: &[ValueRef<'_>]) -> Result<Value, Cause> {
    use ValueRef as V;
    Ok(match (function, args) {
        (Function::Size, [V::String(text)]) => count(text.chars().count()),
        (Function::Size, [V::List(list)]) => count(list.len()),
        (Function::Size, [V::Map(map)]) => count(map.len()),
        (Function::StartsWith, [V::String(text), V::String(part)]) => Value::Bool(text.starts_with(part)),
        (Function::EndsWith, [V::String(text), V::String(part)]) => Value::Bool(text.ends_with(part)),
        (Function::Contains, [V::String(text), V::String(part)]) => Value::Bool(text.contains(part)),
        (Function::LowerAscii, [V::String(text)]) => Value::String(text.to_ascii_lowercase().into()),
        (Function::UpperAscii, [V::String(text)]) => Value::String(text.to_ascii_uppercase().into()),
        (Function::Trim, [V::String(text)]) => Value::String(text.trim().into()),
        (Function::Replace, [V::String(text), V::String(from), V::String(to)]) => {
            Value::String(text.replace(from, to).into())
        }
        (Function::ToBool, [of]) => Value::Bool(to_bool(*of)?),
        (Function::ToInt, [of]) => Value::Int(to_int(*of)?),
        (Function::ToDouble, [of]) => Value::Double(to_double(*of)?),
        (Function::ToString, [of]) => Value::String(to_string(*of)?.into()),
        (Function::ToTimestamp, [of]) => Value::Timestamp(to_timestamp(*of)?),
        (Function::ToDuration, [V::Duration(interval)]) => Value::Duration(*interval),
        (Function::ToDuration, [V::String(text)]) => {
            Value::Duration(Interval::parse(text).ok_or(Cause::NotConvertible)?)
        }
        (Function::ToAny, [of]) => of.to_value(),
        _ => return Err(Cause::WrongType),
    })
}

fn count(items: usize) -> Value {
    Value::Int(i64::try_from(items).unwrap_or(i64::MAX))
}

fn to_bool(of: ValueRef<'_>) -> Result<bool, Cause> {
    match of {
        ValueRef::Bool(value) => Ok(value),
        ValueRef::String("1" | "t" | "T" | "true" | "True" | "TRUE") => Ok(true),
        ValueRef::String("0" | "f" | "F" | "false" | "False" | "FALSE") => Ok(false),
        ValueRef::String(_) => Err(Cause::NotConvertible),
        _ => Err(Cause::WrongType),
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "the range is checked")]
fn to_int(of: ValueRef<'_>) -> Result<i64, Cause> {
    match of {
        ValueRef::Int(value) => Ok(value),
        ValueRef::Double(value) if value > i64::MIN as f64 && value < i64::MAX as f64 => Ok(value as i64),
        ValueRef::Double(_) => Err(Cause::Overflow),
        ValueRef::String(text) => text.parse().map_err(|_| Cause::NotConvertible),
        ValueRef::Timestamp(instant) => Ok(instant.as_micros().div_euclid(1_000_000)),
        _ => Err(Cause::WrongType),
    }
}

#[expect(clippy::cast_precision_loss, reason = "conversion rounds, as CEL has it")]
fn to_double(of: ValueRef<'_>) -> Result<f64, Cause> {
    match of {
        ValueRef::Int(value) => Ok(value as f64),
        ValueRef::Double(value) => Ok(value),
        ValueRef::String(text) => text.parse().map_err(|_| Cause::NotConvertible),
        _ => Err(Cause::WrongType),
    }
}

fn to_string(of: ValueRef<'_>) -> Result<String, Cause> {
    Ok(match of {
        ValueRef::Bool(value) => value.to_string(),
        ValueRef::Int(value) => value.to_string(),
        ValueRef::Double(value) => value.to_string(),
        ValueRef::String(text) => text.to_owned(),
        ValueRef::Timestamp(instant) if in_range(instant.as_micros()) => format_instant(instant),
        ValueRef::Duration(interval) => interval.to_string(),
        _ => return Err(Cause::WrongType),
    })
}

fn to_timestamp(of: ValueRef<'_>) -> Result<Timestamp, Cause> {
    match of {
        ValueRef::Timestamp(instant) => Ok(instant),
        ValueRef::String(text) => parse_instant(text).ok_or(Cause::NotConvertible),
        ValueRef::Int(seconds) => match seconds.checked_mul(1_000_000) {
            Some(micros) if in_range(micros) => Ok(Timestamp::from_micros(micros)),
            _ => Err(Cause::NotConvertible),
        },
        _ => Err(Cause::WrongType),
    }
}
