//! Columns as the traits of persons: numbers, levels, or sets of tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use attune_expression::{AsValue, Value, ValueRef};
use rustc_hash::FxHashSet;

use crate::bits::{Bits, NONE, and, rows};
use crate::page::{Cell, Data};
use crate::set::Set;
use crate::view::{Column, View};

/// What the values of a column are read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraitKind {
    /// Numbers; instants in seconds, lengths of time too.
    Number,
    /// Texts and booleans.
    Level,
    /// Sets of texts.
    Tags,
}

/// A number as it is compared; absent for what is none.
pub(crate) fn number(value: ValueRef<'_>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "a number to compare")]
    let number = match value {
        ValueRef::Int(value) => value as f64,
        ValueRef::Double(value) => value,
        ValueRef::Timestamp(time) => time.as_micros() as f64 / 1e6,
        ValueRef::Duration(length) => length.as_micros() as f64 / 1e6,
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// The text of a level; absent for a number, a list or a map.
pub(crate) fn level<'c>(cell: &'c Cell<'_>) -> Option<&'c str> {
    match cell {
        Cell::Text(text) => Some(text),
        Cell::Bool(true) | Cell::Value(Value::Bool(true)) => Some("true"),
        Cell::Bool(false) | Cell::Value(Value::Bool(false)) => Some("false"),
        Cell::Value(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The texts of a set of tags.
pub(crate) fn tags<'c>(cell: &'c Cell<'_>) -> Vec<&'c str> {
    let ValueRef::List(list) = cell.as_value() else { return Vec::new() };
    (0..list.len())
        .filter_map(|index| if let Some(ValueRef::String(tag)) = list.at(index) { Some(tag) } else { None })
        .collect()
}

impl Column {
    /// What most values are.
    pub(crate) fn kind(&self) -> Option<TraitKind> {
        let mut votes = [0_usize; 3];
        for page in self.pages.iter().flatten() {
            let count = crate::bits::count(page.valid());
            match page.data() {
                Data::None => {}
                Data::Int(_) | Data::Double(..) | Data::Time(_) => votes[0] += count,
                Data::Bool(_) | Data::Text(_) => votes[1] += count,
                Data::Tags(_) => votes[2] += count,
            }
            for (_, value) in page.odd() {
                match value {
                    Value::Int(_) | Value::Double(_) | Value::Timestamp(_) | Value::Duration(_) => votes[0] += 1,
                    Value::Bool(_) | Value::String(_) => votes[1] += 1,
                    Value::List(_) => votes[2] += 1,
                    _ => {}
                }
            }
        }
        let most = votes.iter().max().copied().filter(|most| *most > 0)?;
        [TraitKind::Number, TraitKind::Level, TraitKind::Tags]
            .into_iter()
            .zip(votes)
            .find(|(_, votes)| *votes == most)
            .map(|(kind, _)| kind)
    }

    /// Shows the values of the rows of a set, ascending by row.
    pub(crate) fn each<'c>(&'c self, set: &Set, mut see: impl FnMut(u32, Cell<'c>)) {
        for (number, page) in self.pages.iter().enumerate() {
            let (Some(page), Some(members)) = (page, set.page(number)) else { continue };
            for slot in rows(&and(members, &page.present())) {
                let row = u32::try_from(number * crate::bits::PAGE_ROWS + slot).unwrap_or(u32::MAX);
                if let Some(cell) = page.get(slot) {
                    see(row, cell);
                }
            }
        }
    }

    /// How many rows of a set have each tag, by tag, ascending.
    pub(crate) fn tag_counts(&self, set: &Set) -> BTreeMap<Arc<str>, u64> {
        let mut counts = BTreeMap::new();
        for (number, page) in self.pages.iter().enumerate() {
            let (Some(page), Some(members)) = (page, set.page(number)) else { continue };
            let mut add = |tag: &Arc<str>, count: usize| *counts.entry(Arc::clone(tag)).or_default() += count as u64;
            if let Data::Tags(tags) = page.data() {
                tags.sets().for_each(|(tag, bits)| add(tag, crate::bits::count(&and(members, bits))));
            }
            for (row, value) in page.odd() {
                let Value::List(items) = value else { continue };
                if crate::bits::has(members, row) {
                    let distinct: FxHashSet<&Arc<str>> = items
                        .iter()
                        .filter_map(|item| if let Value::String(tag) = item { Some(tag) } else { None })
                        .collect();
                    distinct.into_iter().for_each(|tag| add(tag, 1));
                }
            }
        }
        counts
    }

    /// The rows whose list of texts has this one.
    pub(crate) fn holding(&self, text: &str) -> Set {
        let page = |page: &Option<Arc<crate::page::Page>>| {
            let Some(page) = page else { return NONE };
            let mut found = match page.data() {
                Data::Tags(tags) => tags.sets().find(|(tag, _)| &***tag == text).map_or(NONE, |(_, bits)| *bits),
                _ => NONE,
            };
            for (row, value) in page.odd() {
                let Value::List(items) = value else { continue };
                if items.iter().any(|item| matches!(item, Value::String(tag) if &**tag == text)) {
                    crate::bits::put(&mut found, row, true);
                }
            }
            found
        };
        Set::from_pages(self.pages.iter().map(page))
    }

    /// The rows that have a value.
    pub(crate) fn present(&self) -> Set {
        let present =
            |page: &Option<Arc<crate::page::Page>>| page.as_ref().map_or::<Bits, _>(NONE, |page| page.present());
        Set::from_pages(self.pages.iter().map(present))
    }
}

impl View {
    /// What a column is read as; absent when it is not there or has only values of other types.
    #[must_use]
    pub fn trait_kind(&self, column: &str) -> Option<TraitKind> {
        self.column(column)?.kind()
    }

    /// The rows whose value in a column is a list with this text; nobody where there is no such column.
    #[must_use]
    pub fn holding(&self, column: &str, text: &str) -> Set {
        self.column(column).map_or_else(Set::new, |column| column.holding(text))
    }

    /// How many rows of a set have each text in a column of lists, ascending by text.
    #[must_use]
    pub fn tag_counts(&self, column: &str, set: &Set) -> BTreeMap<Arc<str>, u64> {
        self.column(column).map_or_else(BTreeMap::new, |column| column.tag_counts(set))
    }

    /// The numbers of a column for the rows of a set that have one, ascending by row. Instants are seconds.
    #[must_use]
    pub fn numbers(&self, column: &str, set: &Set) -> Vec<(u32, f64)> {
        let mut found = Vec::new();
        if let Some(column) = self.column(column) {
            column.each(set, |row, cell| found.extend(number(cell.as_value()).map(|number| (row, number))));
        }
        found
    }
}
