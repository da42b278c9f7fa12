//! Sets of texts of one page: a bitmap of rows for each text.

use std::sync::Arc;

use attune_expression::{Elements, Value, ValueRef};

use crate::bits::{Bits, NONE, has, is_empty, put};

/// More distinct texts than this in one page are kept as lists instead.
const MOST: usize = 512;

#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    /// In the order of the texts.
    sets: Vec<(Arc<str>, Box<Bits>)>,
}

/// The texts of one row, in their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TagRow<'t> {
    pub(crate) tags: &'t Tags,
    pub(crate) row: usize,
}

impl Tags {
    fn place(&self, text: &str) -> Result<usize, usize> {
        self.sets.binary_search_by(|(name, _)| (**name).cmp(text))
    }

    /// The rows that have a text.
    pub(crate) fn rows(&self, text: &str) -> Option<&Bits> {
        self.place(text).ok().map(|place| &*self.sets[place].1)
    }

    pub(crate) fn sets(&self) -> impl Iterator<Item = (&Arc<str>, &Bits)> {
        self.sets.iter().map(|(name, bits)| (name, &**bits))
    }

    /// Whether a list is a set of texts in ascending order that finds room here.
    pub(crate) fn admits(&self, items: &[Value]) -> bool {
        let texts = || items.iter().map(|item| if let Value::String(text) = item { Some(&**text) } else { None });
        texts().all(|text| text.is_some())
            && texts().zip(texts().skip(1)).all(|(one, next)| one < next)
            && (self.sets.len() + items.len() <= MOST
                || self.sets.len() + texts().flatten().filter(|text| self.place(text).is_err()).count() <= MOST)
    }

    /// Stores the texts of a row that has none.
    pub(crate) fn set(&mut self, row: usize, items: &[Value]) {
        for item in items {
            let Value::String(text) = item else { continue };
            let place = self.place(text).unwrap_or_else(|place| {
                self.sets.insert(place, (Arc::clone(text), Box::new(NONE)));
                place
            });
            put(&mut self.sets[place].1, row, true);
        }
    }

    /// Forgets the texts of a row; one that no row has is gone.
    pub(crate) fn clear(&mut self, row: usize) {
        self.sets.retain_mut(|(_, bits)| {
            if !has(bits, row) {
                return true;
            }
            put(bits, row, false);
            !is_empty(bits)
        });
    }

    pub(crate) fn bytes(&self) -> usize {
        self.sets.iter().map(|(name, _)| size_of::<Bits>() + name.len() + 40).sum()
    }
}

impl TagRow<'_> {
    /// Its texts.
    pub(crate) fn held(&self) -> impl Iterator<Item = &str> + use<'_> {
        self.tags.sets.iter().filter(|(_, bits)| has(bits, self.row)).map(|(name, _)| &**name)
    }
}

impl Elements for TagRow<'_> {
    fn len(&self) -> usize {
        self.held().count()
    }

    fn at(&self, index: usize) -> Option<ValueRef<'_>> {
        self.held().nth(index).map(ValueRef::String)
    }

    fn contains(&self, value: ValueRef<'_>) -> bool {
        matches!(value, ValueRef::String(text) if self.tags.rows(text).is_some_and(|bits| has(bits, self.row)))
    }
}
