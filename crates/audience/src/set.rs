//! Sets of rows.

use crate::bits::{Bits, NONE, PAGE_ROWS, and, and_not, count, has, is_empty, or, put, rows};

/// A set of rows: 4,096 bits a page, and nothing for a page without a row. Equal sets are equal whatever made them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Set {
    pages: Vec<Option<Box<Bits>>>,
}

impl Set {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn from_pages(pages: impl IntoIterator<Item = Bits>) -> Self {
        let pages = pages.into_iter().map(|bits| (!is_empty(&bits)).then(|| Box::new(bits)));
        Self { pages: pages.collect() }.trimmed()
    }

    /// Pages at the end that hold nothing are left out, so that equality is that of the pages.
    fn trimmed(mut self) -> Self {
        while self.pages.last().is_some_and(Option::is_none) {
            self.pages.pop();
        }
        self
    }

    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    pub(crate) fn page(&self, number: usize) -> Option<&Bits> {
        self.pages.get(number)?.as_deref()
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.iter().flatten().map(|bits| count(bits)).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pages.iter().all(Option::is_none)
    }

    /// Whether it has a row.
    #[must_use]
    pub fn contains(&self, row: u32) -> bool {
        self.page(row as usize / PAGE_ROWS).is_some_and(|bits| has(bits, row as usize % PAGE_ROWS))
    }

    /// Adds a row; whether it was not there.
    pub fn insert(&mut self, row: u32) -> bool {
        let (page, slot) = (row as usize / PAGE_ROWS, row as usize % PAGE_ROWS);
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let bits = self.pages[page].get_or_insert_with(|| Box::new(NONE));
        let new = !has(bits, slot);
        put(bits, slot, true);
        new
    }

    /// Takes a row out; whether it was there.
    pub fn remove(&mut self, row: u32) -> bool {
        let (page, slot) = (row as usize / PAGE_ROWS, row as usize % PAGE_ROWS);
        let Some(Some(bits)) = self.pages.get_mut(page) else { return false };
        let was = has(bits, slot);
        put(bits, slot, false);
        if is_empty(bits) {
            self.pages[page] = None;
            while self.pages.last().is_some_and(Option::is_none) {
                self.pages.pop();
            }
        }
        was
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.pages.iter().enumerate().flat_map(|(page, bits)| {
            #[expect(clippy::cast_possible_truncation, reason = "rows are numbered with 32 bits")]
            let row = move |slot: usize| (page * PAGE_ROWS + slot) as u32;
            bits.as_deref().map(rows).into_iter().flatten().map(row)
        })
    }

    fn merged(&self, other: &Self, merge: impl Fn(&Bits, &Bits) -> Bits) -> Self {
        let pages = 0..self.pages.len().max(other.pages.len());
        Self::from_pages(pages.map(|page| merge(self.page(page).unwrap_or(&NONE), other.page(page).unwrap_or(&NONE))))
    }

    /// The rows of both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.merged(other, and)
    }

    /// The rows of either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        self.merged(other, or)
    }

    /// The rows that the other does not have.
    #[must_use]
    pub fn and_not(&self, other: &Self) -> Self {
        self.merged(other, and_not)
    }

    /// How many rows both have.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> usize {
        let pages = 0..self.pages.len().min(other.pages.len());
        pages.filter_map(|page| Some(count(&and(self.page(page)?, other.page(page)?)))).sum()
    }

    /// The memory it takes, in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.pages.capacity() * 8 + self.pages.iter().flatten().count() * size_of::<Bits>()
    }
}

impl FromIterator<u32> for Set {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut set = Self::new();
        for row in rows {
            set.insert(row);
        }
        set
    }
}
