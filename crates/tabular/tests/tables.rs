//! What is written is read back, as text.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "a test fails by panicking and documents itself")]

use std::fs::File;
use std::io::Read;
use std::path::Path;

use attune_tabular::{Cell, Column, CsvOf, Kind, TabularError, Writer};

fn columns(kinds: &[(&str, Kind)]) -> Vec<Column> {
    kinds.iter().map(|(name, kind)| Column { name: (*name).to_owned(), kind: *kind }).collect()
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    CsvOf::open(path).unwrap().read_to_string(&mut text).unwrap();
    text
}

fn text(value: &str) -> Option<Cell> {
    Some(Cell::Text(value.to_owned()))
}

#[test]
fn rows_come_back_as_csv_with_quotes_and_missing_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let kinds = columns(&[("id", Kind::Text), ("a, b", Kind::Number), ("on", Kind::Flag)]);
    let mut writer = Writer::new(File::create(&path).unwrap(), kinds).unwrap();
    writer.push(vec![text("찾기 \"x\", y\nz"), Some(Cell::Number(0.1)), Some(Cell::Flag(true))]).unwrap();
    writer.push(vec![text(" blank"), None, None]).unwrap();
    writer.push(vec![None, Some(Cell::Number(-3.0))]).unwrap();
    writer.finish().unwrap();
    assert_eq!(CsvOf::open(&path).unwrap().columns(), ["id", "a, b", "on"]);
    assert_eq!(read(&path), "id,\"a, b\",on\n\"찾기 \"\"x\"\", y\nz\",0.1,true\n\" blank\",,\n,-3,\n");
}

#[test]
fn many_rows_cross_groups_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let mut writer = Writer::new(File::create(&path).unwrap(), columns(&[("n", Kind::Number)])).unwrap();
    for number in 0..140_000_u32 {
        writer.push(vec![(number % 7 != 0).then(|| Cell::Number(number.into()))]).unwrap();
    }
    writer.finish().unwrap();
    let text = read(&path);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("n"));
    let wanted = (0..140_000_u32).map(|number| if number % 7 == 0 { "\"\"".to_owned() } else { number.to_string() });
    assert!(lines.eq(wanted));
}

#[test]
fn what_does_not_fit_is_refused_by_column() {
    let mut writer = Writer::new(Vec::new(), columns(&[("a", Kind::Text), ("b", Kind::Number)])).unwrap();
    let wrong = writer.push(vec![text("x"), text("y")]).unwrap_err();
    assert_eq!(wrong.to_string(), "column b: has a value of another kind");
    writer.push(vec![text("x"), Some(Cell::Number(1.0))]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    std::fs::write(&path, b"PAR1 and no more").unwrap();
    assert!(matches!(CsvOf::open(&path), Err(TabularError::Format(_))));
    assert!(matches!(CsvOf::open(&dir.path().join("b.parquet")), Err(TabularError::Io(_))));
}
