//! What the rules say of each class, in flat rows: thousands of branches make hundreds of thousands of classes.

use crate::problem::Class;

/// Rows of numbers, one after another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    /// Where each row begins; empty when all rows are.
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Rows {
    pub(crate) fn new<'a>(rows: impl Iterator<Item = &'a [u32]>) -> Self {
        let (mut starts, mut items) = (vec![0], Vec::new());
        for row in rows {
            items.extend_from_slice(row);
            starts.push(u32::try_from(items.len()).unwrap_or(u32::MAX));
        }
        if items.is_empty() { Self::default() } else { Self { starts, items } }
    }

    pub(crate) fn of(&self, row: usize) -> &[u32] {
        if self.starts.is_empty() {
            return &[];
        }
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// Every class.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    count: usize,
    pub(crate) couplings: Rows,
    pub(crate) locals: Rows,
    pub(crate) needs: Rows,
    pub(crate) gives: Rows,
    pub(crate) minima: Rows,
    /// Whether any class needs, gives or must be given something.
    pub(crate) special: bool,
}

impl Table {
    pub(crate) fn new(classes: &[Class]) -> Self {
        let rows = |of: fn(&Class) -> &[u32]| Rows::new(classes.iter().map(of));
        let (needs, gives, minima) = (rows(|one| &one.needs), rows(|one| &one.gives), rows(|one| &one.minima));
        let special = [&needs, &gives, &minima].iter().any(|rows| !rows.items.is_empty());
        Self {
            count: classes.len(),
            couplings: rows(|one| &one.couplings),
            locals: rows(|one| &one.locals),
            needs,
            gives,
            minima,
            special,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }
}
