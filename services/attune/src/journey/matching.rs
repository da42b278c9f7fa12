//! `attune journey match`.

use std::path::Path;

use attune_pathing::log::EventLog;
use attune_pathing::paths::top_spans;
use attune_pathing::pattern::{Captured, Capturer, Match, Pattern, Search, find};
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
    let captures = options.capture.iter().map(|text| Capture::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let mut properties = input::properties(&pattern.program().atoms);
    for capture in &captures {
        properties.extend(capture.property.clone().filter(|name| !properties.contains(name)));
    }
    let log = input::events(&options.events, properties)?;
    let threads = input::threads(&options.events.columns);
    let sequences = input::cut(&log, options.unit, threads);
    let search = Search { within: options.within, overlapping: options.overlapping };
    let found = find(&log, &sequences, &pattern, search, threads);
    if let Some(path) = &options.output {
        write(path, &log, &pattern, &found, &captures)?;
    }
    if options.output.as_deref() == Some(Path::new("-")) { Ok(()) } else { print(options.format, &log, &found) }
}

fn write(
    path: &Path,
    log: &EventLog,
    pattern: &Pattern,
    found: &[Match],
    captures: &[Capture<'_>],
) -> Result<(), Failure> {
    let mut files = Files::default();
    files.write(path, |out| {
        out.write_all(b"customer,session,start,end,length")?;
        for capture in captures {
            write!(out, ",{}", quoted(capture.text))?;
        }
        out.write_all(b"\n")?;
        let mut capturer = (!captures.is_empty()).then(|| Capturer::new(log, pattern));
        for one in found {
            let customer = log.customers().text(one.customer).unwrap_or_default();
            write!(out, "{},{},{},{},{}", quoted(customer), one.session, one.start, one.end, one.length)?;
            if let Some(capturer) = &mut capturer {
                let captured = capturer.read(one);
                for capture in captures {
                    write!(out, ",{}", quoted(&capture.value(&captured)))?;
                }
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    })?;
    files.finish()
}

/// What to write of each match.
struct Capture<'a> {
    text: &'a str,
    pick: Pick,
    symbol: &'a str,
    property: Option<String>,
}

enum Pick {
    Count,
    First,
    Last,
    Accumulate,
}

impl<'a> Capture<'a> {
    /// Reads `count(SYMBOL)` or `first(SYMBOL.COLUMN)`.
    fn parse(text: &'a str) -> Result<Self, Failure> {
        let wrong = || {
            Failure::usage(format!(
                "--capture: {text}: expected count(SYMBOL), or first, last or accumulate(SYMBOL.COLUMN)"
            ))
        };
        let (pick, inner) = text.trim().split_once('(').ok_or_else(wrong)?;
        let inner = inner.strip_suffix(')').ok_or_else(wrong)?;
        let pick = match pick.trim() {
            "count" => return Ok(Self { text, pick: Pick::Count, symbol: inner.trim(), property: None }),
            "first" => Pick::First,
            "last" => Pick::Last,
            "accumulate" => Pick::Accumulate,
            _ => return Err(wrong()),
        };
        let (symbol, property) = inner.rsplit_once('.').ok_or_else(wrong)?;
        Ok(Self { text, pick, symbol: symbol.trim(), property: Some(property.trim().to_owned()) })
    }

    fn value(&self, captured: &Captured<'_>) -> String {
        let property = self.property.as_deref().unwrap_or_default();
        match self.pick {
            Pick::Count => captured.count(self.symbol).to_string(),
            Pick::First => captured.first(self.symbol, property).unwrap_or_default(),
            Pick::Last => captured.last(self.symbol, property).unwrap_or_default(),
            Pick::Accumulate => captured.accumulate(self.symbol, property).join("|"),
        }
    }
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
