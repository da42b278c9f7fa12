//! Clusters, pairs, report and model as files.

use std::io::{self, Write};

use attune_matching::Outcome;
use serde::Serialize;

use super::ids::Ids;
use crate::exit::Failure;
use crate::files::Files;
use crate::options::DedupeOptions;

/// Writes the tables that were asked for; they lie beside their places until all files are finished.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write_tables(
    options: &DedupeOptions,
    ids: &Ids,
    outcome: &Outcome,
    files: &mut Files,
) -> Result<(), Failure> {
    files.write(&options.output, |out| write_clusters(out, ids, &outcome.clusters))?;
    if let Some(path) = &options.pairs {
        files.write(path, |out| write_pairs(out, ids, outcome))?;
    }
    if let Some(path) = &options.model {
        files.write(path, |out| json(out, &outcome.model))?;
    }
    Ok(())
}

/// Writes a value as JSON.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn json(mut out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut out, value)?;
    out.write_all(b"\n")
}

/// A person is called by the id of the first of their records.
fn write_clusters(out: &mut dyn Write, ids: &Ids, clusters: &[u32]) -> io::Result<()> {
    let mut first = Vec::new();
    let mut line = Vec::with_capacity(1 << 16);
    line.extend_from_slice(b"record_id,person_id\n");
    for (record, person) in clusters.iter().enumerate() {
        let person = *person as usize;
        if person == first.len() {
            first.push(record);
        }
        field(&mut line, ids.get(record));
        line.push(b',');
        field(&mut line, ids.get(first[person]));
        line.push(b'\n');
        drain(out, &mut line)?;
    }
    out.write_all(&line)
}

fn write_pairs(out: &mut dyn Write, ids: &Ids, outcome: &Outcome) -> io::Result<()> {
    let mut line = Vec::with_capacity(1 << 16);
    line.extend_from_slice(b"left_id,right_id,probability,match_weight\n");
    for pair in &outcome.pairs {
        field(&mut line, ids.get(pair.left as usize));
        line.push(b',');
        field(&mut line, ids.get(pair.right as usize));
        writeln!(line, ",{:.9},{:.4}", pair.probability(), pair.weight)?;
        drain(out, &mut line)?;
    }
    out.write_all(&line)
}

fn drain(out: &mut dyn Write, line: &mut Vec<u8>) -> io::Result<()> {
    if line.len() >= (1 << 16) - (1 << 10) {
        out.write_all(line)?;
        line.clear();
    }
    Ok(())
}

/// A field, quoted when it must be.
fn field(line: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        line.push(b'"');
        line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        line.push(b'"');
    } else {
        line.extend_from_slice(text.as_bytes());
    }
}
