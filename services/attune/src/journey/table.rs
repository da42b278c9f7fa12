//! Rows of figures, printed for people, machines or spreadsheets.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::{Map, Value};

use crate::exit::Failure;
use crate::files::Files;
use crate::options::TableFormat;
use crate::output;

/// Rows under named columns.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// One without rows.
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; as many values as there are columns.
    pub(crate) fn push(&mut self, row: Vec<Value>) {
        self.rows.push(row);
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as a list of objects.
    pub(crate) fn json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let fields = self.columns.iter().map(|name| (*name).to_owned()).zip(row.iter().cloned());
            Value::Object(fields.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// Prints it.
    ///
    /// # Errors
    /// When it cannot be serialized.
    pub(crate) fn print(&self, format: Option<TableFormat>) -> Result<(), Failure> {
        match chosen(format) {
            TableFormat::Json => return output::print_json(&self.json()),
            TableFormat::Csv => output::print(&self.csv()),
            TableFormat::Table => output::print(&self.text()),
        }
        Ok(())
    }

    /// Writes it as CSV, whole or not at all; `-` is standard output.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn save(&self, path: &std::path::Path) -> Result<(), Failure> {
        let mut files = Files::default();
        files.write(path, |out| out.write_all(self.csv().as_bytes()))?;
        files.finish()
    }

    fn csv(&self) -> String {
        let mut text = self.columns.join(",");
        text.push('\n');
        for row in &self.rows {
            for (at, value) in row.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                let plain = plain(value);
                if plain.contains([',', '"', '\n', '\r']) {
                    let _ = write!(text, "\"{}\"", plain.replace('"', "\"\""));
                } else {
                    text.push_str(&plain);
                }
            }
            text.push('\n');
        }
        text
    }

    /// Columns side by side: figures to the right, rounded to what a person reads.
    pub(crate) fn text(&self) -> String {
        let cell = |value: &Value| match value.as_f64().filter(|_| value.is_f64()) {
            Some(number) => format!("{}", (number * 1e4).round() / 1e4),
            None => plain(value),
        };
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let width = |at: usize| {
            let widest = cells.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
            widest.max(self.columns[at].chars().count())
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let right = |at: usize| self.rows.iter().all(|row| row[at].is_number() || row[at].is_null());
        let mut text = String::new();
        let mut line = |row: &mut dyn Iterator<Item = &str>| {
            let mut one = String::new();
            for (at, value) in row.enumerate() {
                let gap = if at > 0 { "  " } else { "" };
                let fill = " ".repeat(widths[at].saturating_sub(value.chars().count()));
                let _ = if right(at) { write!(one, "{gap}{fill}{value}") } else { write!(one, "{gap}{value}{fill}") };
            }
            text.push_str(one.trim_end());
            text.push('\n');
        };
        line(&mut self.columns.iter().copied());
        for row in &cells {
            line(&mut row.iter().map(String::as_str));
        }
        text
    }
}

/// How to print: a table on a terminal and CSV elsewhere, unless it was said.
pub(crate) fn chosen(format: Option<TableFormat>) -> TableFormat {
    let default = || if std::io::stdout().is_terminal() { TableFormat::Table } else { TableFormat::Csv };
    format.unwrap_or_else(default)
}

/// A value as it stands in a file; nothing is empty.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Table;

    #[test]
    fn rows_look_as_asked() {
        let mut table = Table::new(&["name", "count", "median"]);
        table.push(vec![json!("a, b"), json!(12), json!(1.0 / 3.0)]);
        table.push(vec![json!("찾기"), json!(7), json!(null)]);
        assert_eq!(table.csv(), "name,count,median\n\"a, b\",12,0.3333333333333333\n찾기,7,\n");
        assert_eq!(table.text(), "name  count  median\na, b     12  0.3333\n찾기        7\n");
        assert_eq!(table.json()[1], json!({"name": "찾기", "count": 7, "median": null}));
    }
}
