//! Everybody, for the one who writes.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use attune_expression::Value;
use rustc_hash::FxHashMap;

use crate::bits::{PAGE_ROWS, put};
use crate::page::Page;
use crate::view::{People, View};

/// Persons in dense rows, and columns by name. One writes; readers take a [`View`] and scan it without a lock.
///
/// A row belongs to a person from the first [`Audience::upsert`] until [`Audience::remove`] and may then be another's: who
/// keeps sets of rows over removals has to take the row out of them ([`Set::remove`](crate::Set::remove),
/// [`History::forget`](crate::History::forget)).
#[derive(Debug, Clone, Default)]
pub struct Audience {
    view: View,
    index: FxHashMap<Arc<str>, u32>,
    free: Vec<u32>,
}

/// A column, resolved once by a caller that writes many values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId(usize);

impl Audience {
    /// Nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Everybody as of now, to read while writing goes on. Costs a reference a column.
    #[must_use]
    pub fn view(&self) -> View {
        self.view.clone()
    }

    /// Everybody, for the writer itself.
    #[must_use]
    pub fn as_view(&self) -> &View {
        &self.view
    }

    /// The row of a person.
    #[must_use]
    pub fn row(&self, person: &str) -> Option<u32> {
        self.index.get(person).copied()
    }

    /// How many persons there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The column of a name; one that is not there is made, without a change to any other.
    pub fn column(&mut self, name: &str) -> ColumnId {
        if let Some(known) = self.view.names.get(name) {
            return ColumnId(*known);
        }
        let number = self.view.columns.len();
        self.view.columns.push(Arc::default());
        Arc::make_mut(&mut self.view.names).insert(name.into(), number);
        ColumnId(number)
    }

    /// Every column.
    pub fn columns(&self) -> impl Iterator<Item = ColumnId> + use<> {
        (0..self.view.columns.len()).map(ColumnId)
    }

    /// The row of a person; one who is not there gets a free row.
    pub fn admit(&mut self, person: &str) -> u32 {
        if let Some(row) = self.index.get(person) {
            return *row;
        }
        let id: Arc<str> = person.into();
        let row = self.free.pop().unwrap_or_else(|| u32::try_from(self.index.len()).unwrap_or(u32::MAX));
        let (page, slot) = (row as usize / PAGE_ROWS, row as usize % PAGE_ROWS);
        let people = Arc::make_mut(&mut self.view.people);
        while people.len() <= page {
            people.push(Arc::new(People::new()));
        }
        let people = Arc::make_mut(&mut people[page]);
        people.ids[slot] = Some(Arc::clone(&id));
        put(&mut people.live, slot, true);
        if let Entry::Vacant(entry) = self.index.entry(id) {
            entry.insert(row);
        }
        row
    }

    /// Sets values of a person, who is admitted when not there; columns that are not named keep theirs. A value that is
    /// absent is forgotten. Gives the person's row.
    pub fn upsert<'n>(&mut self, person: &str, values: impl IntoIterator<Item = (&'n str, Option<Value>)>) -> u32 {
        let row = self.admit(person);
        for (name, value) in values {
            let column = self.column(name);
            self.set(row, column, value);
        }
        row
    }

    /// Sets, or without a value forgets, one value of a row that [`Audience::admit`] gave. A list that is a set of texts
    /// in ascending order is kept as bits.
    pub fn set(&mut self, row: u32, column: ColumnId, value: Option<Value>) {
        let (number, slot) = (row as usize / PAGE_ROWS, row as usize % PAGE_ROWS);
        let Some(column) = self.view.columns.get_mut(column.0) else { return };
        if value.is_none() && column.page(number).is_none_or(|page| page.get(slot).is_none()) {
            return;
        }
        let pages = &mut Arc::make_mut(column).pages;
        if pages.len() <= number {
            pages.resize(number + 1, None);
        }
        let page = Arc::make_mut(pages[number].get_or_insert_with(|| Arc::new(Page::new())));
        page.set(slot, value);
        if page.is_empty() {
            pages[number] = None;
        }
    }

    /// Removes a person: the id, every value, and texts that nobody else has. Gives the row, which is free.
    pub fn remove(&mut self, person: &str) -> Option<u32> {
        let row = self.index.remove(person)?;
        for column in 0..self.view.columns.len() {
            self.set(row, ColumnId(column), None);
        }
        let people = Arc::make_mut(&mut self.view.people);
        if let Some(people) = people.get_mut(row as usize / PAGE_ROWS) {
            let people = Arc::make_mut(people);
            people.ids[row as usize % PAGE_ROWS] = None;
            put(&mut people.live, row as usize % PAGE_ROWS, false);
        }
        self.free.push(row);
        Some(row)
    }

    /// The memory of the persons themselves: ids, the index from id to row, and which rows are taken; in bytes.
    #[must_use]
    pub fn index_memory(&self) -> usize {
        let ids: usize = self.index.keys().map(|id| id.len() + 16).sum();
        ids + self.index.capacity() * 25 + self.view.people.len() * (PAGE_ROWS * 16 + PAGE_ROWS / 8)
    }
}
