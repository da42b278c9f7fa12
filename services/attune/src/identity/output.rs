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
        line.push(b',');
        fixed::<9>(&mut line, pair.probability());
        line.push(b',');
        fixed::<4>(&mut line, f64::from(pair.weight));
        line.push(b'\n');
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

/// A number with so many decimals; several times as fast as the general way, which shows over millions of pairs.
fn fixed<const DECIMALS: usize>(line: &mut Vec<u8>, value: f64) {
    let scaled = (value.abs() * 10f64.powi(DECIMALS as i32)).round();
    if scaled.is_nan() || scaled >= 1e18 {
        // Not a number that a pair has; written as it is.
        line.extend_from_slice(value.to_string().as_bytes());
        return;
    }
    let mut left = scaled as u64;
    if value < 0.0 && left > 0 {
        line.push(b'-');
    }
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while left > 0 || at > digits.len() - DECIMALS - 1 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    let point = digits.len() - DECIMALS;
    line.extend_from_slice(&digits[at..point]);
    line.push(b'.');
    line.extend_from_slice(&digits[point..]);
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

#[cfg(test)]
mod tests {
    use super::{field, fixed};

    #[test]
    fn numbers_are_written_as_the_general_way_writes_them() {
        let mut value = 1e-12;
        while value < 1e9 {
            for value in [value, -value, value + 0.5, 1.0 - value] {
                let mut line = Vec::new();
                fixed::<4>(&mut line, value);
                let expected = format!("{value:.4}");
                // A number that rounds to nothing has no sign here.
                let expected = if expected == "-0.0000" { "0.0000".to_owned() } else { expected };
                assert_eq!(String::from_utf8(line).unwrap(), expected);
            }
            value *= 1.7;
        }
        let mut line = Vec::new();
        fixed::<9>(&mut line, 1.0);
        line.push(b' ');
        fixed::<9>(&mut line, 0.01);
        line.push(b' ');
        fixed::<4>(&mut line, f64::INFINITY);
        assert_eq!(line, b"1.000000000 0.010000000 inf");
    }

    #[test]
    fn a_field_is_quoted_when_it_must_be() {
        let mut line = Vec::new();
        for text in ["r1", "a,b", "a\"b", "a\nb", ""] {
            field(&mut line, text);
            line.push(b';');
        }
        assert_eq!(line, b"r1;\"a,b\";\"a\"\"b\";\"a\nb\";;");
    }
}
