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
}

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
        });
        self.columns.len() - 1
    }
}
