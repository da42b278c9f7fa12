//! Parquet files as rows of text, and rows as Parquet files: what the commands need of the format, and nothing of a data frame.
//!
//! * [`CsvOf`] reads a Parquet file as the bytes of a CSV file (RFC 4180, a header, line feeds), so that whoever reads CSV
//!   reads Parquet by the same code, row by row.
//! * [`Writer`] writes columns of numbers, flags and texts, each with missing values.
//!
//! Files may be compressed by Snappy, which most writers use, or not at all. Nested columns and other compressions are
//! refused with the name of the column. Encrypted files and data sets of several files are not read.

mod read;
mod write;

pub use read::CsvOf;
pub use write::{Cell, Column, Kind, Writer};

/// Why a file is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum TabularError {
    /// The file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// What the file holds is no Parquet that is read here.
    #[error("{0}")]
    Format(String),
    /// A value does not fit its column.
    #[error("column {column}: {what}")]
    Value {
        /// The column.
        column: String,
        /// What is wrong.
        what: &'static str,
    },
}

impl From<parquet::errors::ParquetError> for TabularError {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Format(error.to_string())
    }
}
