//! What can be wrong with what is asked for.

use thiserror::Error;

/// Why a table cannot be matched or a model not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The configuration names a column that no input has.
    #[error("column is not in any input column={column}")]
    UnknownColumn {
        /// The column named.
        column: String,
    },
    /// A blocking rule names a key that does not exist.
    #[error("blocking key is not known key={key}")]
    UnknownKey {
        /// The key named.
        key: String,
    },
    /// A header names one column twice.
    #[error("column occurs twice input={input} column={column}")]
    DuplicateColumn {
        /// The input.
        input: String,
        /// The column.
        column: String,
    },
    /// A row has another number of fields than the header.
    #[error("row has the wrong number of fields input={input} row={row} expected={expected} found={found}")]
    RowLength {
        /// The input.
        input: String,
        /// The row, from 1, without the header.
        row: usize,
        /// Fields of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// More records than ids of 32 bits can name.
    #[error("too many records limit={limit}")]
    TooManyRecords {
        /// How many are taken.
        limit: usize,
    },
    /// No column can serve as evidence.
    #[error("no column can serve as evidence; give their roles in a configuration")]
    NoEvidence,
    /// A threshold lies outside of 0 to 1.
    #[error("threshold is not between 0 and 1")]
    Threshold,
    /// Bytes are not a prepared record.
    #[error("bytes are not a prepared record")]
    Prepared,
    /// A model contradicts itself.
    #[error("model is not consistent part={part}")]
    Model {
        /// Which part.
        part: String,
    },
}
