//! Everybody at one moment, for reading.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_expression::AsValue;
use attune_expression::Value;

use crate::bits::{Bits, NONE, PAGE_ROWS};
use crate::page::{Cell, Page};
use crate::set::Set;

/// Persons and their columns as they were when the view was taken. Cheap to take and to clone: pages are shared with the
/// writer, who copies one before changing it as long as a view has it. What is removed later stays readable in a view
/// until the view is dropped, so views are held for the length of a request.
#[derive(Debug, Clone, Default)]
pub struct View {
    pub(crate) people: Arc<Vec<Arc<People>>>,
    pub(crate) names: Arc<BTreeMap<Arc<str>, usize>>,
    pub(crate) columns: Vec<Arc<Column>>,
}

/// The persons of one page.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) ids: Vec<Option<Arc<str>>>,
    pub(crate) live: Bits,
}

impl People {
    pub(crate) fn new() -> Self {
        Self { ids: vec![None; PAGE_ROWS], live: NONE }
    }
}

/// One column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    pub(crate) pages: Vec<Option<Arc<Page>>>,
}

impl Column {
    pub(crate) fn page(&self, number: usize) -> Option<&Page> {
        self.pages.get(number)?.as_deref()
    }

    pub(crate) fn get(&self, row: u32) -> Option<Cell<'_>> {
        self.page(row as usize / PAGE_ROWS)?.get(row as usize % PAGE_ROWS)
    }
}

impl View {
    /// How many pages of rows there are.
    pub(crate) fn pages(&self) -> usize {
        self.people.len()
    }

    pub(crate) fn live(&self, page: usize) -> &Bits {
        self.people.get(page).map_or(&NONE, |people| &people.live)
    }

    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.names.get(name).and_then(|number| self.columns.get(*number)).map(|column| &**column)
    }

    /// The person of a row.
    #[must_use]
    pub fn person(&self, row: u32) -> Option<&str> {
        self.people.get(row as usize / PAGE_ROWS)?.ids.get(row as usize % PAGE_ROWS)?.as_deref()
    }

    /// The rows of everybody.
    #[must_use]
    pub fn everybody(&self) -> Set {
        Set::from_pages(self.people.iter().map(|people| people.live))
    }

    /// How many persons there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.everybody().len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.everybody().is_empty()
    }

    /// The names of the columns, ascending.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(|name| &**name)
    }

    /// A person's value in a column.
    #[must_use]
    pub fn value(&self, row: u32, column: &str) -> Option<Value> {
        self.column(column)?.get(row).map(|cell| cell.as_value().to_value())
    }

    /// The memory that the values take, by column, in bytes; persons and their index not counted.
    #[must_use]
    pub fn memory(&self) -> BTreeMap<String, usize> {
        let bytes =
            |column: &Column| column.pages.iter().map(|page| 8 + page.as_ref().map_or(0, |page| page.bytes())).sum();
        self.names
            .iter()
            .map(|(name, number)| (name.to_string(), self.columns.get(*number).map_or(0, |column| bytes(column))))
            .collect()
    }
}
