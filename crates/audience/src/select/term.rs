//! Comparisons of computed numbers, instants and lengths of time, a page at a time.

use std::borrow::Cow;

use attune_expression::{Operator, Relation, Value};

use super::Truth;
use super::bind::{BoundComparison, BoundTerm};
use crate::bits::{Bits, NONE, PAGE_ROWS, and, and_not, or, pack_rows, put, rows};
use crate::page::Data;

/// What the whole numbers of a lane are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Int,
    Instant,
    Length,
}

enum Numbers<'p> {
    Whole(Kind, Cow<'p, [i64]>),
    Double(Cow<'p, [f64]>),
    /// Every row is an error or somebody else's.
    Nothing,
}

/// The values of a term for the rows of a page.
struct Lane<'p> {
    numbers: Numbers<'p>,
    /// Rows without a value because of an error.
    error: Bits,
    /// Rows that have to be asked one by one.
    rest: Bits,
}

/// The truth of a comparison for the rows of a mask.
pub(super) fn compare(comparison: &BoundComparison<'_>, page: usize, mask: &Bits) -> Truth {
    let (left, right) = (lane(&comparison.left, page, mask), lane(&comparison.right, page, mask));
    let error = or(&left.error, &right.error);
    let mut rest = and_not(&or(&left.rest, &right.rest), &error);
    let open = and_not(mask, &or(&error, &rest));
    let mut truth = Truth { yes: NONE, error: and(mask, &error) };
    let relation = comparison.relation;
    match (&left.numbers, &right.numbers) {
        (Numbers::Whole(one, left), Numbers::Whole(other, right)) if one == other => {
            let pair = |row: usize| (left[row], right[row]);
            truth.yes = match relation {
                Relation::Less => pairs(&open, &pair, |left, right| left < right),
                Relation::LessOrEqual => pairs(&open, &pair, |left, right| left <= right),
                Relation::Greater => pairs(&open, &pair, |left, right| left > right),
                Relation::GreaterOrEqual => pairs(&open, &pair, |left, right| left >= right),
                Relation::Equal => pairs(&open, &pair, |left, right| left == right),
                Relation::NotEqual => pairs(&open, &pair, |left, right| left != right),
            };
        }
        (Numbers::Double(left), Numbers::Double(right)) => {
            doubles(&mut truth, relation, &open, |row| (left[row], right[row]));
        }
        #[expect(clippy::cast_precision_loss, reason = "a whole number beside a double is read as a double")]
        (Numbers::Whole(Kind::Int, left), Numbers::Double(right)) => {
            doubles(&mut truth, relation, &open, |row| (left[row] as f64, right[row]));
        }
        #[expect(clippy::cast_precision_loss, reason = "a whole number beside a double is read as a double")]
        (Numbers::Double(left), Numbers::Whole(Kind::Int, right)) => {
            doubles(&mut truth, relation, &open, |row| (left[row], right[row] as f64));
        }
        _ => rest = or(&rest, &open),
    }
    let asked = super::by_row(&comparison.row, page, &and(mask, &rest));
    Truth { yes: or(&truth.yes, &asked.yes), error: or(&truth.error, &asked.error) }
}

/// The rows for whose pair of values a test holds.
#[inline]
fn pairs<T>(open: &Bits, pair: &impl Fn(usize) -> (T, T), test: impl Fn(T, T) -> bool) -> Bits {
    pack_rows(open, |row| {
        let (left, right) = pair(row);
        test(left, right)
    })
}

fn doubles(truth: &mut Truth, relation: Relation, open: &Bits, pair: impl Fn(usize) -> (f64, f64)) {
    let yes = match relation {
        Relation::Less => pairs(open, &pair, |left, right| left < right),
        Relation::LessOrEqual => pairs(open, &pair, |left, right| left <= right),
        Relation::Greater => pairs(open, &pair, |left, right| left > right),
        Relation::GreaterOrEqual => pairs(open, &pair, |left, right| left >= right),
        Relation::Equal => pairs(open, &pair, |left, right| left == right),
        Relation::NotEqual => pairs(open, &pair, |left, right| left != right),
    };
    truth.yes = or(&truth.yes, &yes);
    if !matches!(relation, Relation::Equal | Relation::NotEqual) {
        let unordered = pairs(open, &pair, |left, right| left.is_nan() || right.is_nan());
        truth.error = or(&truth.error, &unordered);
    }
}

fn lane<'p>(term: &'p BoundTerm<'p>, page: usize, mask: &Bits) -> Lane<'p> {
    match term {
        BoundTerm::Const(value) => constant(value, mask),
        BoundTerm::Column(column) => {
            let Some(page) = column.and_then(|column| column.page(page)) else { return Lane::failed(mask) };
            let error = and_not(mask, &page.present());
            let odd = and(mask, page.odd_rows());
            let (numbers, rest) = match page.data() {
                Data::Int(values) => (Numbers::Whole(Kind::Int, Cow::Borrowed(&**values)), odd),
                Data::Time(values) => (Numbers::Whole(Kind::Instant, Cow::Borrowed(&**values)), odd),
                Data::Double(values, wholes) => {
                    (Numbers::Double(Cow::Borrowed(&**values)), or(&odd, &and(mask, wholes)))
                }
                _ => (Numbers::Nothing, and(mask, &page.present())),
            };
            Lane { numbers, error, rest }
        }
        BoundTerm::Negate(of) => negate(lane(of, page, mask), mask),
        BoundTerm::ToDouble(of) => to_double(of, page, mask),
        BoundTerm::Arithmetic(operator, sides) => {
            combine(*operator, &lane(&sides[0], page, mask), &lane(&sides[1], page, mask), mask)
        }
    }
}

fn constant<'p>(value: &Value, mask: &Bits) -> Lane<'p> {
    let whole = |kind, value: i64| Numbers::Whole(kind, Cow::Owned(vec![value; PAGE_ROWS]));
    let numbers = match value {
        Value::Int(value) => whole(Kind::Int, *value),
        Value::Timestamp(value) => whole(Kind::Instant, value.as_micros()),
        Value::Duration(value) => whole(Kind::Length, value.as_micros()),
        Value::Double(value) => Numbers::Double(Cow::Owned(vec![*value; PAGE_ROWS])),
        _ => return Lane { numbers: Numbers::Nothing, error: NONE, rest: *mask },
    };
    Lane { numbers, error: NONE, rest: NONE }
}

fn negate<'p>(mut of: Lane<'p>, mask: &Bits) -> Lane<'p> {
    of.numbers = match of.numbers {
        Numbers::Whole(Kind::Int, values) => {
            let mut values = values.into_owned();
            for row in rows(&and_not(mask, &or(&of.error, &of.rest))) {
                match values[row].checked_neg() {
                    Some(value) => values[row] = value,
                    None => put(&mut of.error, row, true),
                }
            }
            Numbers::Whole(Kind::Int, Cow::Owned(values))
        }
        Numbers::Double(values) => Numbers::Double(values.iter().map(|value| -value).collect()),
        _ => {
            of.rest = and_not(mask, &of.error);
            Numbers::Nothing
        }
    };
    of
}

/// `double(x)`; whole numbers among doubles need no conversion.
fn to_double<'p>(of: &'p BoundTerm<'p>, page: usize, mask: &Bits) -> Lane<'p> {
    let mut made = lane(of, page, mask);
    if let (BoundTerm::Column(Some(column)), Numbers::Double(_)) = (of, &made.numbers)
        && let Some(page) = column.page(page)
    {
        made.rest = and(mask, page.odd_rows());
    }
    made.numbers = match made.numbers {
        #[expect(clippy::cast_precision_loss, reason = "conversion rounds, as the language has it")]
        Numbers::Whole(Kind::Int, values) => Numbers::Double(values.iter().map(|value| *value as f64).collect()),
        Numbers::Double(values) => Numbers::Double(values),
        _ => {
            made.rest = and_not(mask, &made.error);
            Numbers::Nothing
        }
    };
    made
}

fn combine<'p>(operator: Operator, left: &Lane<'_>, right: &Lane<'_>, mask: &Bits) -> Lane<'p> {
    let mut error = or(&left.error, &right.error);
    let rest = and_not(&or(&left.rest, &right.rest), &error);
    let open = and_not(mask, &or(&error, &rest));
    let mut whole = |kind: Kind, left: &[i64], right: &[i64], compute: &dyn Fn(i64, i64) -> Option<i64>| {
        let mut values = vec![0_i64; PAGE_ROWS];
        for row in rows(&open) {
            match compute(left[row], right[row]) {
                Some(value) => values[row] = value,
                None => put(&mut error, row, true),
            }
        }
        Numbers::Whole(kind, Cow::Owned(values))
    };
    let numbers = match (&left.numbers, &right.numbers) {
        (Numbers::Whole(Kind::Int, left), Numbers::Whole(Kind::Int, right)) => {
            whole(Kind::Int, left, right, &|left, right| operator.ints(left, right))
        }
        (Numbers::Whole(one, left), Numbers::Whole(other, right)) => match time(operator, *one, *other) {
            Some(kind) => {
                let instant = kind == Kind::Instant;
                whole(kind, left, right, &|left, right| operator.micros(left, right, instant))
            }
            None => Numbers::Nothing,
        },
        (Numbers::Double(left), Numbers::Double(right)) if operator != Operator::Remainder => {
            let pairs = left.iter().zip(right.iter());
            // Rows that are not asked for are computed too: that is cheaper than to leave them out.
            let values: Vec<f64> = match operator {
                Operator::Add => pairs.map(|(left, right)| left + right).collect(),
                Operator::Subtract => pairs.map(|(left, right)| left - right).collect(),
                Operator::Multiply => pairs.map(|(left, right)| left * right).collect(),
                Operator::Divide | Operator::Remainder => pairs.map(|(left, right)| left / right).collect(),
            };
            Numbers::Double(Cow::Owned(values))
        }
        _ => Numbers::Nothing,
    };
    let rest = if matches!(numbers, Numbers::Nothing) { and_not(mask, &error) } else { rest };
    Lane { numbers, error, rest }
}

/// What an operation on instants and lengths of time gives.
fn time(operator: Operator, left: Kind, right: Kind) -> Option<Kind> {
    match (operator, left, right) {
        (Operator::Add, Kind::Instant, Kind::Length) | (Operator::Add, Kind::Length, Kind::Instant) => {
            Some(Kind::Instant)
        }
        (Operator::Subtract, Kind::Instant, Kind::Length) => Some(Kind::Instant),
        (Operator::Subtract, Kind::Instant, Kind::Instant) => Some(Kind::Length),
        (Operator::Add | Operator::Subtract, Kind::Length, Kind::Length) => Some(Kind::Length),
        _ => None,
    }
}

impl Lane<'_> {
    fn failed(mask: &Bits) -> Self {
        Self { numbers: Numbers::Nothing, error: *mask, rest: NONE }
    }
}
