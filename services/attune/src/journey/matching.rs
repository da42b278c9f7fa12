//! `attune journey match`.

use std::path::Path;

use attune_pathing::log::EventLog;
use attune_pathing::paths::top_spans;
use attune_pathing::pattern::{Match, Pattern, Search, find};
use serde_json::json;

use super::input;
use super::sessions::quoted;
use super::table::{Table, chosen};
use crate::exit::Failure;
use crate::files::Files;
use crate::options::TableFormat;
use crate::options::journey::MatchOptions;
use crate::output;

/// Matched event sequences that are printed.
const TOP: usize = 20;

/// Finds a pattern; prints how often, and writes where.
///
/// # Errors
/// Usage, bad input, or a file that cannot be written.
pub(crate) fn run(options: &MatchOptions) -> Result<(), Failure> {
    let pattern = Pattern::parse(&options.pattern).map_err(|error| Failure::usage(format!("--pattern: {error}")))?;
    if let Some(path) = &options.output {
        Files::check(path)?;
    }
    let log = input::events(&options.events, input::properties(&pattern.program().atoms))?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let search = Search { within: options.within, overlapping: options.overlapping };
    let found = find(&log, &sequences, &pattern, search, threads);
    if let Some(path) = &options.output {
        write(path, &log, &found)?;
    }
    if options.output.as_deref() == Some(Path::new("-")) { Ok(()) } else { print(options.format, &log, &found) }
}

fn write(path: &Path, log: &EventLog, found: &[Match]) -> Result<(), Failure> {
    let mut files = Files::default();
    files.write(path, |out| {
        out.write_all(b"customer,session,start,end,length\n")?;
        for one in found {
            let customer = log.customers().text(one.customer).unwrap_or_default();
            writeln!(out, "{},{},{},{},{}", quoted(customer), one.session, one.start, one.end, one.length)?;
        }
        Ok(())
    })?;
    files.finish()
}

/// The number of sequences with a match, the number of matches, and what the matches are made of.
fn print(format: Option<TableFormat>, log: &EventLog, found: &[Match]) -> Result<(), Failure> {
    let sequences = found.chunk_by(|a, b| (a.customer, a.session) == (b.customer, b.session)).count();
    let mut figures = Table::new(&["matched_sequences", "matches"]);
    figures.push(vec![json!(sequences), json!(found.len())]);
    let mut paths = Table::new(&["path", "count"]);
    for path in top_spans(log, found.iter().map(|one| one.row..one.row + one.length), TOP) {
        paths.push(vec![json!(path.text()), json!(path.count)]);
    }
    match chosen(format) {
        TableFormat::Csv => figures.print(format),
        TableFormat::Json => output::print_json(
            &json!({"matched_sequences": sequences, "matches": found.len(), "top_paths": paths.json()}),
        ),
        TableFormat::Table => {
            figures.print(format)?;
            if !found.is_empty() {
                output::print("");
                paths.print(format)?;
            }
            Ok(())
        }
    }
}
