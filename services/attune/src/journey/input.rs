//! Event logs from files.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

use attune_pathing::load::{Layout, LoadError, csv, xes};
use attune_pathing::log::EventLog;
use attune_pathing::pattern::Atom;
use attune_pathing::sessions::{Sequences, Unit, sequences};
use attune_tabular::CsvOf;
use flate2::read::MultiGzDecoder;

use crate::exit::Failure;
use crate::options::journey::{By, ColumnOptions, EventsOptions, UnitOptions};
use crate::rows::is_parquet;

/// How many threads to use.
pub(crate) fn threads(options: &ColumnOptions) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    options.threads.map_or_else(cores, usize::from)
}

/// Reads an event log with the properties that are asked for.
///
/// # Errors
/// Bad input, naming file, line and field.
pub(crate) fn events(options: &EventsOptions, properties: Vec<String>) -> Result<EventLog, Failure> {
    events_of(&options.events, &options.columns, properties)
}

/// Reads an event log from a file.
///
/// # Errors
/// Bad input, naming file, line and field.
pub(crate) fn events_of(path: &Path, options: &ColumnOptions, properties: Vec<String>) -> Result<EventLog, Failure> {
    let name = name(path);
    let layout = Layout {
        customer: options.customer_column.clone(),
        time: options.time_column.clone(),
        event: options.event_column.clone(),
        properties,
    };
    let read = if is_xes(path) { xes(open(path)?, &layout) } else { csv(open(path)?, &layout, threads(options)) };
    read.map_err(|error| match error {
        LoadError::Io(error) => Failure::input(format!("{name}: {error}")),
        LoadError::Full(error) => Failure::other(format!("{name}: {error}")),
        error => Failure::input(format!("{name}: {error}")),
    })
}

/// Whether a file's name, without `.gz`, ends in `.xes`.
fn is_xes(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    name.strip_suffix(".gz").unwrap_or(&name).ends_with(".xes")
}

/// A file's name as it is said to people.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    let cannot = |error: std::io::Error| Failure::input(format!("{}: {error}", name(path)));
    if is_parquet(path) {
        let rows = CsvOf::open(path).map_err(|error| Failure::input(format!("{}: {error}", name(path))))?;
        return Ok(Box::new(rows));
    }
    let mut source: Box<dyn Read + Send> =
        if path == Path::new("-") { Box::new(stdin()) } else { Box::new(File::open(path).map_err(cannot)?) };
    let mut start = [0; 2];
    let mut filled = 0;
    while filled < start.len() {
        match source.read(&mut start[filled..]).map_err(cannot)? {
            0 => break,
            count => filled += count,
        }
    }
    let whole = std::io::Cursor::new(start[..filled].to_vec()).chain(source);
    Ok(if start == [0x1f, 0x8b] { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Cuts a log into the sequences that are asked for.
pub(crate) fn cut(log: &EventLog, options: UnitOptions, threads: usize) -> Sequences {
    let unit = match options.by {
        By::Customer => Unit::Customer,
        By::Session => Unit::Session { gap: options.gap },
    };
    sequences(log, unit, threads)
}

/// Reads events separated by commas, each with its condition.
///
/// # Errors
/// Usage, naming the argument.
pub(crate) fn atoms(argument: &str, text: &str) -> Result<Vec<Atom>, Failure> {
    let atoms = Atom::list(text).map_err(|error| Failure::usage(format!("--{argument}: {error}")))?;
    if atoms.is_empty() {
        return Err(Failure::usage(format!("--{argument}: there is no event")));
    }
    Ok(atoms)
}

/// Reads one event with its condition.
///
/// # Errors
/// Usage, naming the argument.
pub(crate) fn atom(argument: &str, text: &str) -> Result<Atom, Failure> {
    match <[Atom; 1]>::try_from(atoms(argument, text)?) {
        Ok([atom]) => Ok(atom),
        Err(many) => Err(Failure::usage(format!("--{argument}: one event is expected, found {}", many.len()))),
    }
}

/// The properties that conditions read.
pub(crate) fn properties<'a>(atoms: impl IntoIterator<Item = &'a Atom>) -> Vec<String> {
    let mut names: Vec<String> = atoms.into_iter().flat_map(Atom::properties).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}
