//! Rows as a Parquet file.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::TabularError;

/// Rows of a group: what is kept in memory before it is written.
const GROUP: usize = 65_536;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Doubles.
    Number,
    /// Booleans.
    Flag,
    /// Texts in UTF-8.
    Text,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// A number.
    Number(f64),
    /// A boolean.
    Flag(bool),
    /// A text.
    Text(String),
}

/// Writes a file, compressed by Snappy, in groups of 65,536 rows.
pub struct Writer<W: Write + Send> {
    inner: SerializedFileWriter<W>,
    columns: Vec<Column>,
    /// By column, the values of the rows that are not written yet.
    open: Vec<Vec<Option<Cell>>>,
}

impl<W: Write + Send> Writer<W> {
    /// A file with these columns and no row yet.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(to: W, columns: Vec<Column>) -> Result<Self, TabularError> {
        let fields = columns.iter().map(|one| {
            let (physical, logical) = match one.kind {
                Kind::Number => (Physical::DOUBLE, None),
                Kind::Flag => (Physical::BOOLEAN, None),
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let field = Type::primitive_type_builder(&one.name, physical);
            Ok(Arc::new(field.with_repetition(Repetition::OPTIONAL).with_logical_type(logical).build()?))
        });
        let fields = fields.collect::<Result<_, TabularError>>()?;
        let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
        let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
        let inner = SerializedFileWriter::new(to, schema, properties)?;
        Ok(Self { inner, open: vec![Vec::new(); columns.len()], columns })
    }

    /// Adds a row: a value a column, in their order; what is left out is missing.
    ///
    /// # Errors
    /// When a value is not of its column's kind, or the file cannot be written.
    pub fn push(&mut self, row: Vec<Option<Cell>>) -> Result<(), TabularError> {
        let fits = |column: &Column, cell: Option<&Cell>| {
            matches!(
                (column.kind, cell),
                (_, None)
                    | (Kind::Number, Some(Cell::Number(_)))
                    | (Kind::Flag, Some(Cell::Flag(_)))
                    | (Kind::Text, Some(Cell::Text(_)))
            )
        };
        let wrong = self.columns.iter().enumerate().find(|(at, one)| !fits(one, row.get(*at).and_then(Option::as_ref)));
        if let Some((_, column)) = wrong {
            return Err(TabularError::Value { column: column.name.clone(), what: "has a value of another kind" });
        }
        let mut row = row.into_iter();
        for values in &mut self.open {
            values.push(row.next().flatten());
        }
        if self.open.first().is_some_and(|values| values.len() >= GROUP) {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left and the end of the file, and gives back what it was written to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<W, TabularError> {
        self.flush()?;
        Ok(self.inner.into_inner()?)
    }

    fn flush(&mut self) -> Result<(), TabularError> {
        if self.open.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut group = self.inner.next_row_group()?;
        for (column, values) in self.columns.iter().zip(&mut self.open) {
            let Some(mut writer) = group.next_column()? else { break };
            let present: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values = std::mem::take(values).into_iter().flatten();
            match column.kind {
                Kind::Number => {
                    let numbers: Vec<f64> =
                        values.filter_map(|one| if let Cell::Number(one) = one { Some(one) } else { None }).collect();
                    writer.typed::<DoubleType>().write_batch(&numbers, Some(&present), None)?;
                }
                Kind::Flag => {
                    let flags: Vec<bool> =
                        values.filter_map(|one| if let Cell::Flag(one) = one { Some(one) } else { None }).collect();
                    writer.typed::<BoolType>().write_batch(&flags, Some(&present), None)?;
                }
                Kind::Text => {
                    let texts: Vec<ByteArray> = values
                        .filter_map(|one| if let Cell::Text(one) = one { Some(one.into_bytes().into()) } else { None })
                        .collect();
                    writer.typed::<ByteArrayType>().write_batch(&texts, Some(&present), None)?;
                }
            }
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }
}
