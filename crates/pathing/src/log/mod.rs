//! The event log in columns.
//!
//! Rows are sorted by customer (in the order of their text), then time, then the order in which they were given: events
//! of the same time keep their order. Event names, customers and text properties are dictionary-encoded, so that the
//! analyses compare numbers and touch only the columns they need.

mod build;
mod column;
mod compact;
mod dictionary;

use std::ops::Range;

use attune_kernel::Timestamp;
use rustc_hash::FxHashMap;

pub use build::{EventLogBuilder, LogFull};
pub use column::Column;
pub(crate) use column::{Numbers, Texts};
pub(crate) use compact::{Code, Tick, with_codes, with_columns, with_ticks};
pub use compact::{Codes, Ticks, Times};
pub use dictionary::Dictionary;

use crate::value::{Facts, Scalar};

/// Events sorted by customer, time and the order given. Built by [`EventLogBuilder`], then unchanging.
#[derive(Debug, Default)]
pub struct EventLog {
    customers: Dictionary,
    names: Dictionary,
    /// Where each customer's rows begin, and the number of rows at the end: one more entry than customers.
    bounds: Vec<u32>,
    times: Times,
    codes: Codes,
    sessions: Option<(Dictionary, Vec<u32>)>,
    columns: FxHashMap<String, Column>,
}

impl EventLog {
    /// A builder.
    #[must_use]
    pub fn builder() -> EventLogBuilder {
        EventLogBuilder::default()
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// The customers; their codes count in the order of their text.
    #[must_use]
    pub fn customers(&self) -> &Dictionary {
        &self.customers
    }

    /// The event names; their codes count in the order of first appearance in the input.
    #[must_use]
    pub fn names(&self) -> &Dictionary {
        &self.names
    }

    /// The rows of a customer by code; empty for an unknown code.
    #[must_use]
    pub fn rows_of(&self, customer: u32) -> Range<usize> {
        let at = customer as usize;
        match (self.bounds.get(at), self.bounds.get(at + 1)) {
            (Some(start), Some(end)) => *start as usize..*end as usize,
            _ => 0..0,
        }
    }

    /// Where each customer's rows begin, by code, and the number of rows at the end.
    #[must_use]
    pub fn bounds(&self) -> &[u32] {
        &self.bounds
    }

    /// The times, by row.
    #[must_use]
    pub fn times(&self) -> &Times {
        &self.times
    }

    /// The time of a row.
    #[must_use]
    pub fn time(&self, row: usize) -> Timestamp {
        self.times.get(row)
    }

    /// The codes of the event names, by row.
    #[must_use]
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// The name of the event in a row.
    #[must_use]
    pub fn name(&self, row: usize) -> &str {
        self.names.text(self.codes.get(row)).unwrap_or_default()
    }

    fn rows(&self) -> usize {
        self.bounds.last().map_or(0, |end| *end as usize)
    }

    /// The source's session of a row, when the source named one.
    #[must_use]
    pub fn session_of(&self, row: usize) -> Option<&str> {
        let (names, codes) = self.sessions.as_ref()?;
        names.text(*codes.get(row)?)
    }

    /// A property's column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// A row's properties.
    #[must_use]
    pub fn row(&self, row: usize) -> Row<'_> {
        Row { log: self, row }
    }
}

/// One row of a log, for predicates.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    log: &'a EventLog,
    row: usize,
}

impl Facts for Row<'_> {
    fn property(&self, name: &str) -> Option<Scalar<'_>> {
        self.log.columns.get(name)?.get(self.row)
    }
}

#[cfg(test)]
mod tests;
