//! The records: columns of numbers into dictionaries of distinct values, so that work is done once a value.

mod derive;
mod dictionary;
mod records;

pub(crate) use derive::{Source, SourcePart, derive};
pub(crate) use dictionary::Dictionary;
pub(crate) use records::{Field, NOWHERE, Plan, Records};

/// A column as it was read.
#[derive(Debug, Clone)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    /// One number a record; 0 is the empty string.
    pub(crate) codes: Vec<u32>,
    pub(crate) values: Dictionary,
    /// Values of the last records that have no number yet, and where each ends.
    waiting: (Vec<u8>, Vec<u32>),
}

/// Records whose values wait to be numbered together.
const WAITING: usize = 512;

/// Records as they were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct RawTable {
    pub(crate) columns: Vec<RawColumn>,
    pub(crate) records: usize,
}

impl RawTable {
    /// The column of a name, made when there is none; records read so far have nothing there.
    pub(crate) fn column(&mut self, name: &str) -> usize {
        if let Some(at) = self.columns.iter().position(|column| column.name == name) {
            return at;
        }
        self.columns.push(RawColumn {
            name: name.to_owned(),
            codes: vec![0; self.records],
            values: Dictionary::default(),
            waiting: (Vec::new(), Vec::new()),
        });
        self.columns.len() - 1
    }

    /// Takes the next record's value of a column; it has its number after `settle`.
    pub(crate) fn push(&mut self, column: usize, value: &[u8]) {
        let (bytes, ends) = &mut self.columns[column].waiting;
        bytes.extend_from_slice(value);
        ends.push(bytes.len() as u32);
    }

    /// Ends a record.
    pub(crate) fn end_record(&mut self) {
        self.records += 1;
        if self.records.is_multiple_of(WAITING) {
            self.settle();
        }
    }

    /// Numbers every value taken so far; a column without one has nothing there.
    pub(crate) fn settle(&mut self) {
        for RawColumn { codes, values, waiting: (bytes, ends), .. } in &mut self.columns {
            values.intern_all(bytes, ends, codes);
            codes.resize(self.records, 0);
            bytes.clear();
            ends.clear();
        }
    }
}
