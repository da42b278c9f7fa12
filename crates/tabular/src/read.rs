//! A Parquet file as the text of a CSV file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::Date;
use parquet::basic::{Compression, LogicalType, TimeUnit, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row, reader::RowIter};

use crate::TabularError;

/// Bytes made at once.
const CHUNK: usize = 1 << 16;

/// The bytes of a CSV file with the rows of a Parquet file. Numbers are written so that they read back the same, times as
/// RFC 3339 in UTC to the microsecond, days as `2026-11-23`, a missing value as nothing.
pub struct CsvOf {
    rows: RowIter<'static>,
    names: Vec<String>,
    /// Columns of instants that the format's row form gives as plain numbers of nanoseconds.
    nanos: Vec<bool>,
    text: String,
    at: usize,
    row: u64,
    ended: bool,
}

impl CsvOf {
    /// Opens a file; its header is the first line.
    ///
    /// # Errors
    /// When it cannot be opened, is no Parquet, or has a column that is nested or compressed in a way that is not read.
    pub fn open(path: &Path) -> Result<Self, TabularError> {
        let reader = SerializedFileReader::new(File::open(path)?)?;
        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let mut nanos = Vec::with_capacity(schema.num_columns());
        let mut names = Vec::with_capacity(schema.num_columns());
        for column in schema.columns() {
            if column.path().parts().len() > 1 || column.max_rep_level() > 0 {
                return Err(TabularError::Value { column: column.path().string(), what: "is nested" });
            }
            names.push(column.name().to_owned());
            let logical = column.logical_type_ref();
            nanos.push(
                column.physical_type() == Physical::INT64
                    && matches!(logical, Some(LogicalType::Timestamp(time)) if time.unit == TimeUnit::NANOS),
            );
        }
        for group in reader.metadata().row_groups() {
            for column in group.columns() {
                if !matches!(column.compression(), Compression::UNCOMPRESSED | Compression::SNAPPY) {
                    let what =
                        "is compressed in a way that is not read: write the file with snappy or without compression";
                    return Err(TabularError::Value { column: column.column_path().string(), what });
                }
            }
        }
        let mut text = String::new();
        for (at, name) in names.iter().enumerate() {
            separate(&mut text, at);
            quote(&mut text, name);
        }
        text.push('\n');
        let rows = RowIter::from_file_into(Box::new(reader));
        Ok(Self { rows, names, nanos, text, at: 0, row: 0, ended: false })
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// Makes the text of some more rows.
    fn more(&mut self) -> Result<(), TabularError> {
        self.text.clear();
        self.at = 0;
        while self.text.len() < CHUNK {
            let Some(row) = self.rows.next() else {
                self.ended = true;
                return Ok(());
            };
            self.row += 1;
            let row = row.map_err(|error| TabularError::Format(format!("row {}: {error}", self.row)))?;
            self.line(&row)?;
        }
        Ok(())
    }

    fn line(&mut self, row: &Row) -> Result<(), TabularError> {
        let begin = self.text.len();
        for (at, (_, field)) in row.get_column_iter().enumerate() {
            separate(&mut self.text, at);
            let nanos = self.nanos.get(at).copied().unwrap_or_default();
            if !put(&mut self.text, field, nanos) {
                let column = self.names.get(at).cloned().unwrap_or_default();
                return Err(TabularError::Format(format!(
                    "row {} column {column}: is no text, number or time",
                    self.row
                )));
            }
        }
        // A row of one missing value would be a blank line, which is no row.
        if self.text.len() == begin {
            self.text.push_str("\"\"");
        }
        self.text.push('\n');
        Ok(())
    }
}

impl Read for CsvOf {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.at == self.text.len() {
            if self.ended {
                return Ok(0);
            }
            self.more().map_err(io::Error::other)?;
        }
        let left = &self.text.as_bytes()[self.at..];
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

fn separate(text: &mut String, at: usize) {
    if at > 0 {
        text.push(',');
    }
}

fn quote(text: &mut String, value: &str) {
    let blanks = value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace);
    if !blanks && !value.contains([',', '"', '\n', '\r', ';', '\t']) {
        text.push_str(value);
        return;
    }
    text.push('"');
    for part in value.split_inclusive('"') {
        text.push_str(part);
        if part.ends_with('"') {
            text.push('"');
        }
    }
    text.push('"');
}

/// Writes a value; whether it could be.
fn put(text: &mut String, field: &Field, nanos: bool) -> bool {
    // Writing to a text does not fail.
    let mut plain = |value: &dyn std::fmt::Display| write!(text, "{value}").is_ok();
    match field {
        Field::Null => true,
        Field::Bool(value) => plain(value),
        Field::Byte(value) => plain(value),
        Field::Short(value) => plain(value),
        Field::Int(value) => plain(value),
        Field::Long(value) if nanos => instant(text, value.div_euclid(1000)),
        Field::Long(value) => plain(value),
        Field::UByte(value) => plain(value),
        Field::UShort(value) => plain(value),
        Field::UInt(value) => plain(value),
        Field::ULong(value) => plain(value),
        Field::Float16(value) => plain(&value.to_f32()),
        Field::Float(value) => plain(value),
        Field::Double(value) => plain(value),
        Field::Decimal(_) => plain(field),
        Field::Str(value) => {
            quote(text, value);
            true
        }
        Field::Bytes(value) => std::str::from_utf8(value.data()).map(|value| quote(text, value)).is_ok(),
        Field::Date(days) => day(*days).is_some_and(|day| plain(&day)),
        Field::TimestampMillis(millis) => millis.checked_mul(1000).is_some_and(|micros| instant(text, micros)),
        Field::TimestampMicros(micros) => instant(text, *micros),
        Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::Group(_)
        | Field::ListInternal(_)
        | Field::MapInternal(_) => false,
    }
}

fn instant(text: &mut String, micros: i64) -> bool {
    Timestamp::from_microsecond(micros).is_ok_and(|time| write!(text, "{time}").is_ok())
}

fn day(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}
