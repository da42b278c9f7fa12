//! Tables and labels.

use std::path::Path;

use attune_learning::data::kinds::missing;
use attune_learning::data::{Column, Table};

use crate::exit::Failure;
use crate::rows::Rows;

/// Reads a whole table.
///
/// # Errors
/// Bad input, naming file, line and field.
pub(crate) fn table(path: &Path) -> Result<(Table, String), Failure> {
    let mut rows = Rows::open(path)?;
    let header = rows.header().to_vec();
    for (at, name) in header.iter().enumerate() {
        if header[..at].contains(name) {
            return Err(Failure::input(format!("{}: line 1: there are two fields {name}", rows.name())));
        }
    }
    let mut table = Table::new(header.iter().map(String::as_str));
    while let Some(row) = rows.next()? {
        table.push((0..header.len()).map(|at| row.field(at)));
    }
    Ok((table, rows.name().to_owned()))
}

/// The place of a field.
///
/// # Errors
/// Bad input, naming the fields that there are.
pub(crate) fn place(rows: &Rows, name: &str) -> Result<usize, Failure> {
    let there = rows.header().iter().position(|column| column == name);
    there.ok_or_else(|| {
        let columns = rows.header().join(", ");
        Failure::input(format!("{}: line 1: there is no field {name}; there are {columns}", rows.name()))
    })
}

/// A label.
#[derive(Debug)]
pub(crate) struct Label {
    /// Whether each row has it.
    pub(crate) rows: Vec<bool>,
    /// Its value.
    pub(crate) positive: String,
}

/// Tells which rows have the label: those of the value, or of the rarer one of two.
///
/// # Errors
/// Bad input: a row without a label, a value that does not occur, or not two values where none is asked for.
pub(crate) fn label(column: &Column, positive: Option<&str>, name: &str) -> Result<Label, Failure> {
    let wrong = |what: String| Failure::input(format!("{name}: field {}: {what}", column.name));
    let counts = column.counts();
    if let Some(row) = (0..column.codes.len()).find(|row| missing(column.text(*row))) {
        return Err(Failure::input(format!("{name}: row {} field {}: there is no label", row + 1, column.name)));
    }
    let code = match positive {
        Some(value) => column
            .texts
            .iter()
            .position(|text| text == value)
            .ok_or_else(|| wrong(format!("no row has the value {value}")))?,
        None if column.texts.len() == 2 => usize::from(counts[1] <= counts[0]),
        None => return Err(wrong(format!("it has {} values, not two; name one with --positive", column.texts.len()))),
    };
    let rows = column.codes.iter().map(|one| *one as usize == code).collect();
    Ok(Label { rows, positive: column.texts[code].clone() })
}

#[cfg(test)]
mod tests {
    use attune_learning::data::Table;

    use super::label;

    fn column(texts: &[&str]) -> Table {
        let mut table = Table::new(["y"]);
        texts.iter().for_each(|text| table.push([*text]));
        table
    }

    #[test]
    fn the_rarer_value_is_the_label_unless_one_is_named() {
        let table = column(&["no", "yes", "no"]);
        let found = label(&table.columns()[0], None, "f.csv").unwrap();
        assert_eq!((found.positive.as_str(), found.rows), ("yes", vec![false, true, false]));
        let found = label(&table.columns()[0], Some("no"), "f.csv").unwrap();
        assert_eq!(found.rows, [true, false, true]);
    }

    #[test]
    fn labels_that_are_none_are_named() {
        let message =
            |texts: &[&str], positive| label(&column(texts).columns()[0], positive, "f.csv").unwrap_err().to_string();
        assert_eq!(message(&["a", ""], None), "f.csv: row 2 field y: there is no label");
        assert!(message(&["a", "b", "c"], None).contains("3 values"));
        assert!(message(&["a", "b"], Some("z")).contains("no row has the value z"));
    }
}
