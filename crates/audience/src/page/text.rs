//! Texts of one page: each distinct text once, a number of two bytes a row.

use std::sync::Arc;

use crate::bits::PAGE_ROWS;

#[derive(Debug, Clone)]
pub(crate) struct Texts {
    codes: Box<[u16]>,
    names: Vec<Arc<str>>,
    /// How many rows have the text; one without a row is free and empty.
    counts: Vec<u16>,
    /// The numbers of the texts in use, in the order of the texts.
    order: Vec<u16>,
    free: Vec<u16>,
}

impl Texts {
    pub(crate) fn new() -> Self {
        Self {
            codes: vec![0; PAGE_ROWS].into(),
            names: Vec::new(),
            counts: Vec::new(),
            order: Vec::new(),
            free: Vec::new(),
        }
    }

    fn place(&self, text: &str) -> Result<usize, usize> {
        self.order.binary_search_by(|code| self.name(*code).cmp(text))
    }

    pub(crate) fn name(&self, code: u16) -> &str {
        self.names.get(usize::from(code)).map_or("", |name| name)
    }

    pub(crate) fn codes(&self) -> &[u16] {
        &self.codes
    }

    /// The numbers in use.
    pub(crate) fn used(&self) -> &[u16] {
        &self.order
    }

    /// The numbers of the texts that begin with another.
    pub(crate) fn starting_with(&self, part: &str) -> &[u16] {
        let from = self.order.partition_point(|code| self.name(*code) < part);
        let until = from + self.order[from..].partition_point(|code| self.name(*code).starts_with(part));
        &self.order[from..until]
    }

    /// One past the largest number.
    pub(crate) fn codes_end(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn at(&self, row: usize) -> &str {
        self.codes.get(row).map_or("", |code| self.name(*code))
    }

    /// Stores the text of a row that has none.
    pub(crate) fn set(&mut self, row: usize, text: Arc<str>) {
        let code = match self.place(&text) {
            Ok(place) => self.order[place],
            Err(place) => {
                let code = self.free.pop().unwrap_or_else(|| {
                    self.names.push(Arc::from(""));
                    self.counts.push(0);
                    u16::try_from(self.names.len() - 1).unwrap_or(u16::MAX)
                });
                self.names[usize::from(code)] = text;
                self.order.insert(place, code);
                code
            }
        };
        self.counts[usize::from(code)] += 1;
        self.codes[row] = code;
    }

    /// Forgets the text of a row that has one; a text that no row has is gone.
    pub(crate) fn clear(&mut self, row: usize) {
        let code = std::mem::take(&mut self.codes[row]);
        let count = &mut self.counts[usize::from(code)];
        *count -= 1;
        if *count == 0 {
            if let Ok(place) = self.place(&Arc::clone(&self.names[usize::from(code)])) {
                self.order.remove(place);
            }
            self.names[usize::from(code)] = Arc::from("");
            self.free.push(code);
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        let texts: usize = self.names.iter().map(|name| name.len() + 16).sum();
        self.codes.len() * 2 + self.names.capacity() * 16 + texts + (self.counts.capacity() + self.order.capacity()) * 2
    }
}
