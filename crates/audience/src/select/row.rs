//! One row as expressions read it.

use std::ops::ControlFlow;

use attune_expression::{AsValue, Entries, PathId, Source, Value, ValueRef};

use crate::page::Cell;
use crate::view::Column;

/// A field, with the columns it is read from.
#[derive(Debug, Clone)]
pub(crate) enum Field<'v> {
    /// Nobody reads it.
    Unread,
    Given(&'v Value),
    Column(Option<&'v Column>),
    /// Entries by key, ascending.
    Group(Vec<(&'v str, &'v Column)>),
}

/// One row as a [`Source`]: what the predicates read is looked up by number, not by name.
#[derive(Debug)]
pub(crate) struct Row<'r> {
    fields: Vec<Read<'r>>,
}

#[derive(Debug)]
enum Read<'r> {
    Missing,
    Given(&'r Value),
    Column(&'r Column, Option<Cell<'r>>),
    Group(Group<'r>),
}

#[derive(Debug)]
struct Group<'r> {
    columns: Vec<(&'r str, &'r Column)>,
    cells: Vec<Option<Cell<'r>>>,
}

impl<'r> Row<'r> {
    /// A row that has no value until [`Row::load`].
    pub(crate) fn new(fields: impl IntoIterator<Item = Field<'r>>) -> Self {
        let read = |field: Field<'r>| match field {
            Field::Unread | Field::Column(None) => Read::Missing,
            Field::Given(value) => Read::Given(value),
            Field::Column(Some(column)) => Read::Column(column, None),
            Field::Group(columns) => Read::Group(Group { cells: vec![None; columns.len()], columns }),
        };
        Self { fields: fields.into_iter().map(read).collect() }
    }

    /// Reads the values of a row.
    pub(crate) fn load(&mut self, row: usize) {
        let row = u32::try_from(row).unwrap_or(u32::MAX);
        for field in &mut self.fields {
            match field {
                Read::Missing | Read::Given(_) => {}
                Read::Column(column, cell) => *cell = column.get(row),
                Read::Group(group) => {
                    for ((_, column), cell) in group.columns.iter().zip(&mut group.cells) {
                        *cell = column.get(row);
                    }
                }
            }
        }
    }
}

impl Source for Row<'_> {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        match self.fields.get(path.index())? {
            Read::Missing => None,
            Read::Given(value) => Some(value.as_value()),
            Read::Column(_, cell) => cell.as_ref().map(AsValue::as_value),
            Read::Group(group) => Some(ValueRef::Map(group)),
        }
    }
}

impl Group<'_> {
    fn held(&self) -> impl Iterator<Item = (&str, &Cell<'_>)> {
        self.columns.iter().zip(&self.cells).filter_map(|((key, _), cell)| Some((*key, cell.as_ref()?)))
    }
}

impl Entries for Group<'_> {
    fn len(&self) -> usize {
        self.held().count()
    }

    fn get(&self, key: &str) -> Option<ValueRef<'_>> {
        let place = self.columns.binary_search_by(|(known, _)| (*known).cmp(key)).ok()?;
        self.cells.get(place)?.as_ref().map(AsValue::as_value)
    }

    fn visit<'s>(&'s self, see: &mut dyn FnMut(&'s str, ValueRef<'s>) -> ControlFlow<()>) {
        for (key, cell) in self.held() {
            if see(key, cell.as_value()).is_break() {
                return;
            }
        }
    }
}
