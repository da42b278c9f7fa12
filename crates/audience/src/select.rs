//! Who satisfies a rule.

use attune_expression::columnar::Predicate;
use attune_expression::{Access, PathId, Program, Schema, Type, Value};
use rayon::prelude::*;

use crate::bits::{self, Bits, NONE, PAGE_ROWS, and, and_not, or, put, rows};
use crate::page::Data;
use crate::set::Set;
use crate::view::View;

mod bind;
mod leaf;
mod row;
mod term;

pub(crate) use bind::group;
use bind::{Bound, BoundRow, bind};
pub(crate) use row::{Field, Row};

/// A boolean expression, ready to be evaluated over a [`View`].
///
/// The fields of its schema are found so: a field of type map is a group, and its entry `k` is the column `field.k` (whose
/// name may have more dots); any other field is the column of its path. A map is always there, perhaps empty. What is
/// given with the question ([`Given`]) stands before a column.
#[derive(Debug, Clone)]
pub struct Query {
    predicate: Predicate,
    fields: Vec<FieldName>,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldName {
    pub(crate) path: String,
    pub(crate) group: bool,
}

/// A program whose value is not a boolean was given as a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the expression is of type {0}, not bool")]
pub struct NotBoolean(pub Type);

/// Values that are the same for everybody, as `now` is.
#[derive(Debug, Clone, Default)]
pub struct Given {
    values: Vec<(PathId, Value)>,
}

impl Given {
    /// Nothing is given.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With the value of a field.
    #[must_use]
    pub fn with(mut self, field: PathId, value: impl Into<Value>) -> Self {
        self.values.push((field, value.into()));
        self
    }

    pub(crate) fn get(&self, field: PathId) -> Option<&Value> {
        self.values.iter().find(|(known, _)| *known == field).map(|(_, value)| value)
    }
}

/// The truth of a predicate for the rows of a mask: a row in neither is false.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth {
    pub(crate) yes: Bits,
    /// There is no truth.
    pub(crate) error: Bits,
}

impl Truth {
    pub(crate) const FALSE: Self = Self { yes: NONE, error: NONE };

    pub(crate) fn all(value: Option<bool>, mask: &Bits) -> Self {
        match value {
            Some(true) => Self { yes: *mask, error: NONE },
            Some(false) => Self::FALSE,
            None => Self { yes: NONE, error: *mask },
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, row: usize, value: Option<bool>) {
        match value {
            Some(true) => put(&mut self.yes, row, true),
            Some(false) => {}
            None => put(&mut self.error, row, true),
        }
    }
}

impl Query {
    /// A query of a program that was compiled against `schema`.
    ///
    /// # Errors
    /// [`NotBoolean`] when the program has no truth.
    pub fn new(program: &Program, schema: &Schema) -> Result<Self, NotBoolean> {
        let predicate = program.columnar().ok_or_else(|| NotBoolean(program.of().clone()))?;
        Ok(Self { predicate, fields: field_names(schema) })
    }
}

pub(crate) fn field_names(schema: &Schema) -> Vec<FieldName> {
    let name = |of: &Type, path: &str| FieldName { path: path.to_owned(), group: matches!(of, Type::Map(_)) };
    schema.fields().map(|(_, field)| name(&field.of, &field.path)).collect()
}

impl View {
    /// The rows that satisfy a query: exactly those for which the program, evaluated for each by itself, is true. The same
    /// on any number of threads.
    #[must_use]
    pub fn select(&self, query: &Query, given: &Given) -> Set {
        Set::from_pages(self.pages_of(query, given, |bits| bits))
    }

    /// How many rows satisfy a query.
    #[must_use]
    pub fn count(&self, query: &Query, given: &Given) -> usize {
        self.pages_of(query, given, |found| bits::count(&found)).into_iter().sum()
    }

    fn pages_of<T: Send>(&self, query: &Query, given: &Given, make: impl Fn(Bits) -> T + Sync) -> Vec<T> {
        let bound = bind(&query.predicate, &query.fields, self, given);
        (0..self.pages()).into_par_iter().map(|page| make(evaluate(&bound, page, self.live(page)).yes)).collect()
    }
}

/// Evaluates a predicate for the rows of a mask. Rows that one part has decided are not looked at by the next.
pub(crate) fn evaluate(bound: &Bound<'_>, page: usize, mask: &Bits) -> Truth {
    if bits::is_empty(mask) {
        return Truth::FALSE;
    }
    match bound {
        Bound::Const(value) => Truth::all(*value, mask),
        Bound::Present(column) => {
            let present = column.and_then(|column| column.page(page)).map_or(NONE, |page| page.present());
            Truth { yes: and(&present, mask), error: NONE }
        }
        Bound::Test { column, leaf } => leaf::test(column.and_then(|column| column.page(page)), leaf, mask),
        Bound::Compare(comparison) => term::compare(comparison, page, mask),
        Bound::Elements { column, test, row } => {
            let data = column.and_then(|column| column.page(page));
            leaf::elements(data, test, mask).unwrap_or_else(|| by_row(row, page, mask))
        }
        Bound::Not(of) => {
            let truth = evaluate(of, page, mask);
            Truth { yes: and_not(mask, &or(&truth.yes, &truth.error)), error: truth.error }
        }
        Bound::All(parts) => {
            let (mut open, mut error) = (*mask, NONE);
            for part in parts {
                let truth = evaluate(part, page, &open);
                error = or(&error, &truth.error);
                open = or(&truth.yes, &truth.error);
                if bits::is_empty(&open) {
                    return Truth::FALSE;
                }
            }
            let error = and(&error, &open);
            Truth { yes: and_not(&open, &error), error }
        }
        Bound::AnyOf(parts) => {
            let (mut open, mut error) = (*mask, NONE);
            for part in parts {
                let truth = evaluate(part, page, &open);
                error = or(&error, &truth.error);
                open = and_not(&open, &truth.yes);
                if bits::is_empty(&open) {
                    break;
                }
            }
            Truth { yes: and_not(mask, &open), error: and(&error, &open) }
        }
        Bound::Row(of) => by_row(of, page, mask),
    }
}

/// Asks row by row; where only one column of texts is read, once for each distinct text.
fn by_row(of: &BoundRow<'_>, page: usize, mask: &Bits) -> Truth {
    let mut row = of.row();
    let mut truth = Truth::FALSE;
    let mut ask = |slot: usize| {
        row.load(page * PAGE_ROWS + slot);
        of.predicate.truth(&row)
    };
    let only = of.only.and_then(|column| column.page(page));
    let texts =
        only.and_then(|page| if let Data::Text(texts) = page.data() { Some((page.valid(), texts)) } else { None });
    let mut known: Vec<Option<Option<bool>>> = vec![None; texts.map_or(0, |(_, texts)| texts.codes_end())];
    for slot in rows(mask) {
        let code = texts.filter(|(valid, _)| bits::has(valid, slot)).map(|(_, texts)| texts.codes()[slot]);
        let answer = match code.and_then(|code| known.get_mut(usize::from(code))) {
            Some(known) => *known.get_or_insert_with(|| ask(slot)),
            None => ask(slot),
        };
        truth.put(slot, answer);
    }
    truth
}

/// What one access reads.
pub(crate) fn path_of(access: &Access) -> usize {
    access.path().index()
}
