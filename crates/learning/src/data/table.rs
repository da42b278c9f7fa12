//! Columns of texts, each kept once.

use rustc_hash::FxHashMap;

use crate::Error;

/// A column: each distinct text once, and which of them each row has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The distinct texts, in the order in which they were first seen.
    pub texts: Vec<String>,
    /// Which of them each row has.
    pub codes: Vec<u32>,
}

impl Column {
    /// The text of a row.
    #[must_use]
    pub fn text(&self, row: usize) -> &str {
        &self.texts[self.codes[row] as usize]
    }

    /// How many rows have each text.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.texts.len()];
        for code in &self.codes {
            counts[*code as usize] += 1;
        }
        counts
    }
}

/// Columns of one length.
#[derive(Debug, Clone, Default)]
pub struct Table {
    columns: Vec<Column>,
    known: Vec<FxHashMap<String, u32>>,
    rows: usize,
}

impl Table {
    /// An empty table with these columns.
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let columns: Vec<Column> =
            names.into_iter().map(|name| Column { name: name.to_owned(), ..Column::default() }).collect();
        Self { known: vec![FxHashMap::default(); columns.len()], columns, rows: 0 }
    }

    /// Adds a row with a text for each column.
    pub fn push<'a>(&mut self, texts: impl IntoIterator<Item = &'a str>) {
        for ((column, known), text) in self.columns.iter_mut().zip(&mut self.known).zip(texts) {
            let code = known.get(text).copied().unwrap_or_else(|| {
                let code = column.texts.len() as u32;
                column.texts.push(text.to_owned());
                known.insert(text.to_owned(), code);
                code
            });
            column.codes.push(code);
        }
        self.rows += 1;
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Takes a column away.
    ///
    /// # Errors
    /// [`Error::NoColumn`] when there is none of that name.
    pub fn take(&mut self, name: &str) -> Result<Column, Error> {
        let at = self.columns.iter().position(|column| column.name == name);
        let at = at.ok_or_else(|| Error::NoColumn(name.to_owned()))?;
        self.known.remove(at);
        Ok(self.columns.remove(at))
    }
}
