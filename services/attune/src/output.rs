//! What the command prints: pages and tables for people, JSON for machines.
#![expect(clippy::print_stdout, reason = "standard output is where results go")]

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::exit::Failure;

/// Prints text as it is.
pub(crate) fn print(text: &str) {
    println!("{}", text.trim_end());
}

/// Prints a value as JSON.
///
/// # Errors
/// When it cannot be serialized.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    println!("{}", json(value)?);
    Ok(())
}

/// Writes a value as JSON to a file, whole or not at all; `-` is standard output, no path is nowhere.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write_report(path: Option<&Path>, value: &impl Serialize) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    if path == Path::new("-") {
        return print_json(value);
    }
    let failed = |error: std::io::Error| Failure::other(format!("{}: {error}", path.display()));
    let partial = path.with_extension("partial");
    let mut file = std::fs::File::create(&partial).map_err(failed)?;
    file.write_all(json(value)?.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed)?;
    file.sync_all().and_then(|()| std::fs::rename(&partial, path)).map_err(failed)
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::other(error.to_string()))
}
