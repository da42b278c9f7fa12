//! `attune profile segment export`: persons with columns, as CSV, JSON lines or Parquet.

use std::io::{self, Write};
use std::path::Path;

use attune_client::AudienceClient;
use attune_proto::profile::v1::{
    AudienceRow, ExportAudienceRequest, ExportAudienceResponse, GetAudienceRequest, PersonSet,
};
use attune_tabular::{Cell, Column, Kind, Writer};
use serde_json::{Map, Value};
use tonic::Streaming;

use crate::exit::Failure;
use crate::files::Files;
use crate::progress::Progress;
use crate::values::from_value;

/// What a file holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Lines,
    Parquet,
}

impl Form {
    fn of(path: &Path) -> Self {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        if name.ends_with(".parquet") {
            Self::Parquet
        } else if name.ends_with(".jsonl") || name.ends_with(".ndjson") {
            Self::Lines
        } else {
            Self::Csv
        }
    }
}

/// Writes the persons of a set.
///
/// # Errors
/// What the server answers; the file is whole or not there.
pub(super) async fn run(
    mut client: AudienceClient,
    persons: PersonSet,
    columns: Vec<String>,
    output: &Path,
) -> Result<(), Failure> {
    Files::check(output)?;
    let form = Form::of(output);
    let kinds = if form == Form::Parquet { kinds(&mut client).await? } else { Map::new() };
    let request = ExportAudienceRequest { persons: Some(persons), columns };
    let mut parts = client.export_audience(request).await?.into_inner();
    let first = parts.message().await?.unwrap_or_default();
    let mut progress = Progress::new("persons", u64::try_from(first.row_count).unwrap_or_default());
    // Rows wait in memory for the file that appears whole.
    let written = match form {
        Form::Csv => csv(&first.columns, &mut parts, &mut progress).await?,
        Form::Lines => lines(&first.columns, &mut parts, &mut progress).await?,
        Form::Parquet => parquet(&first, &kinds, &mut parts, &mut progress).await?,
    };
    progress.finish();
    let mut files = Files::default();
    files.write(output, |out| out.write_all(&written))?;
    files.finish()
}

type Parts = Streaming<ExportAudienceResponse>;

async fn csv(columns: &[String], parts: &mut Parts, progress: &mut Progress) -> Result<Vec<u8>, Failure> {
    let failed = |error: csv::Error| Failure::other(error.to_string());
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(std::iter::once("person_id").chain(columns.iter().map(String::as_str))).map_err(failed)?;
    while let Some(part) = parts.message().await? {
        for row in &part.rows {
            let values = row.values.iter().map(|value| plain(&from_value(value)).unwrap_or_default());
            out.write_record(std::iter::once(row.person_id.clone()).chain(values)).map_err(failed)?;
        }
        progress.add(part.rows.len() as u64);
    }
    out.into_inner().map_err(|error| Failure::other(error.to_string()))
}

async fn lines(columns: &[String], parts: &mut Parts, progress: &mut Progress) -> Result<Vec<u8>, Failure> {
    let mut out = Vec::new();
    while let Some(part) = parts.message().await? {
        for row in &part.rows {
            line(&mut out, columns, row).map_err(|error| Failure::other(error.to_string()))?;
        }
        progress.add(part.rows.len() as u64);
    }
    Ok(out)
}

/// One object a line; what is missing is left out.
fn line(out: &mut Vec<u8>, columns: &[String], row: &AudienceRow) -> io::Result<()> {
    let mut object = Map::new();
    object.insert("person_id".to_owned(), Value::String(row.person_id.clone()));
    let values = columns.iter().cloned().zip(row.values.iter().map(from_value));
    object.extend(values.filter(|(_, value)| !value.is_null()));
    serde_json::to_writer(&mut *out, &object)?;
    out.write_all(b"\n")
}

/// The kinds of columns by name, which a Parquet file has to say before its first row.
async fn kinds(client: &mut AudienceClient) -> Result<Map<String, Value>, Failure> {
    let found = client.get_audience(GetAudienceRequest {}).await?.into_inner();
    Ok(found.columns.into_iter().map(|one| (one.name, Value::String(one.kind))).collect())
}

async fn parquet(
    first: &ExportAudienceResponse,
    kinds: &Map<String, Value>,
    parts: &mut Parts,
    progress: &mut Progress,
) -> Result<Vec<u8>, Failure> {
    let failed = |error: attune_tabular::TabularError| Failure::other(error.to_string());
    let kind = |name: &String| match kinds.get(name).and_then(Value::as_str) {
        Some("number") => Kind::Number,
        _ => Kind::Text,
    };
    let mut columns = vec![Column { name: "person_id".to_owned(), kind: Kind::Text }];
    columns.extend(first.columns.iter().map(|name| Column { name: name.clone(), kind: kind(name) }));
    let mut out = Writer::new(Vec::new(), columns.clone()).map_err(failed)?;
    while let Some(part) = parts.message().await? {
        let count = part.rows.len() as u64;
        for row in part.rows {
            let mut cells = vec![Some(Cell::Text(row.person_id))];
            let values = row.values.iter().zip(columns.iter().skip(1));
            cells.extend(values.map(|(value, column)| cell(&from_value(value), column.kind)));
            out.push(cells).map_err(failed)?;
        }
        progress.add(count);
    }
    out.finish().map_err(failed)
}

/// A value as its column has it. In a column of numbers times are seconds, as they are compared; another text has no number.
fn cell(value: &Value, kind: Kind) -> Option<Cell> {
    match kind {
        Kind::Number => {
            let time =
                |text: &str| attune_kernel::Timestamp::parse(text).ok().map(|time| time.as_micros() as f64 / 1e6);
            value.as_f64().or_else(|| value.as_str().and_then(time)).map(Cell::Number)
        }
        Kind::Flag => value.as_bool().map(Cell::Flag),
        Kind::Text => plain(value).map(Cell::Text),
    }
}

/// A value as a text: lists and objects as JSON.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_says_the_form() {
        for (name, form) in
            [("a.csv", Form::Csv), ("-", Form::Csv), ("a.JSONL.gz", Form::Lines), ("a.parquet", Form::Parquet)]
        {
            assert_eq!(Form::of(Path::new(name)), form, "{name}");
        }
    }

    #[test]
    fn values_take_the_form_of_their_column() {
        assert_eq!(cell(&json!("1970-01-01T00:00:02Z"), Kind::Number), Some(Cell::Number(2.0)));
        assert_eq!(cell(&json!("no number"), Kind::Number), None);
        assert_eq!(cell(&json!(["a", "b"]), Kind::Text), Some(Cell::Text("[\"a\",\"b\"]".to_owned())));
        assert_eq!(plain(&Value::Null), None);
    }
}
