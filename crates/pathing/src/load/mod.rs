//! Event logs from comma-separated values (RFC 4180), read by several threads at once.
//!
//! The source is cut into blocks at the ends of records. Each thread takes the next block, turns it into columns whose
//! texts are numbered by that thread, and the columns are put together in the order of the blocks: the log is the same
//! whatever the number of threads.
//!
//! Beyond the standard: a byte order mark, blanks around a field or before its quote, blank lines, lines that end in a
//! line feed alone, and `;` or a tab as the separator of a file whose header has no comma.

mod block;
mod source;
mod time;
mod xes;
mod xml;

use std::io::Read;

use rustc_hash::FxHashMap;

use self::block::{Block, Parser};
use self::source::Source;
pub use self::xes::{MAX_XES, xes};
use crate::log::{EventLog, EventLogBuilder, LogFull};

/// Which columns of a file are what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The column of the customer.
    pub customer: String,
    /// The column of the time: RFC 3339, or epoch milliseconds.
    pub time: String,
    /// The column of the event's name.
    pub event: String,
    /// The columns to keep as properties; ones that the file lacks have no values.
    pub properties: Vec<String>,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            customer: "customer".to_owned(),
            time: "time".to_owned(),
            event: "event".to_owned(),
            properties: Vec::new(),
        }
    }
}

/// Why a file is not an event log.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A line is wrong.
    #[error("line {line}: {message}")]
    Line {
        /// The line on which the record begins, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// A field is wrong.
    #[error("line {line} field {field}: {message}")]
    Field {
        /// The line on which the record begins, from 1.
        line: u64,
        /// The column.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// There is too much of it.
    #[error(transparent)]
    Full(#[from] LogFull),
}

/// Where the fields that matter stand.
#[derive(Debug)]
struct Fields {
    header: Vec<String>,
    separator: u8,
    customer: usize,
    time: usize,
    event: usize,
    /// The columns of the properties, ascending, each with its name's place in [`Layout::properties`].
    properties: Vec<(usize, usize)>,
}

/// Reads an event log.
///
/// # Errors
/// The first thing that is wrong, with its line and field.
pub fn csv(source: impl Read + Send, layout: &Layout, threads: usize) -> Result<EventLog, LoadError> {
    let (source, header, separator) = Source::open(source)?;
    let fields = Fields::find(header, separator, layout)?;
    let source = parking_lot::Mutex::new(source);
    let work = || {
        let mut parser = Parser::new(&fields);
        let mut blocks = Vec::new();
        let mut buffer = Vec::new();
        loop {
            let next = source.lock().next(&mut buffer, separator);
            let result = match next {
                Ok(None) => break,
                Ok(Some((number, line))) => parser.parse(&buffer, number, line),
                Err(error) => Err(error),
            };
            match result {
                Ok(block) => blocks.push(block),
                Err(error) => {
                    source.lock().stop();
                    return Err(error);
                }
            }
        }
        Ok((parser, blocks))
    };
    let results: Vec<Result<(Parser<'_>, Vec<Block>), LoadError>> = if threads <= 1 {
        vec![work()]
    } else {
        std::thread::scope(|scope| {
            let spawned: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            spawned.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    };
    // Blocks are taken in order, so every error before the first one reported has been reported too.
    let line = |error: &LoadError| match error {
        LoadError::Line { line, .. } | LoadError::Field { line, .. } => *line,
        LoadError::Io(_) | LoadError::Full(_) => u64::MAX,
    };
    let mut parsed = Vec::with_capacity(results.len());
    let mut first: Option<LoadError> = None;
    for result in results {
        match result {
            Ok(part) => parsed.push(part),
            Err(error) if first.as_ref().is_none_or(|first| line(&error) < line(first)) => first = Some(error),
            Err(_) => {}
        }
    }
    match first {
        Some(error) => Err(error),
        None => Ok(merge(parsed, layout)?.build()),
    }
}

impl Fields {
    fn find(header: Vec<String>, separator: u8, layout: &Layout) -> Result<Self, LoadError> {
        let place = |wanted: &str| header.iter().position(|name| name == wanted);
        let needed = |wanted: &str| {
            place(wanted).ok_or_else(|| LoadError::Line {
                line: 1,
                message: format!("there is no field {wanted}; there are {}", header.join(", ")),
            })
        };
        let (customer, time, event) = (needed(&layout.customer)?, needed(&layout.time)?, needed(&layout.event)?);
        let mut properties: Vec<(usize, usize)> =
            layout.properties.iter().enumerate().filter_map(|(at, name)| Some((place(name)?, at))).collect();
        properties.sort_unstable();
        Ok(Self { header, separator, customer, time, event, properties })
    }
}

/// Codes of one thread as codes of the log, given as they are met.
#[derive(Default)]
struct Renumbered(Vec<u32>);

impl Renumbered {
    fn get(&mut self, own: u32, mut intern: impl FnMut(u32) -> Result<u32, LogFull>) -> Result<u32, LogFull> {
        let at = own as usize;
        if at >= self.0.len() {
            self.0.resize(at + 1, u32::MAX);
        }
        if self.0[at] == u32::MAX {
            self.0[at] = intern(own)?;
        }
        Ok(self.0[at])
    }
}

fn merge(parsed: Vec<(Parser<'_>, Vec<Block>)>, layout: &Layout) -> Result<EventLogBuilder, LogFull> {
    let (mut parsers, mut blocks) = (Vec::new(), Vec::new());
    for (thread, (parser, own)) in parsed.into_iter().enumerate() {
        blocks.extend(own.into_iter().map(|block| (thread, block)));
        parsers.push((parser, Renumbered::default(), Renumbered::default(), FxHashMap::default()));
    }
    blocks.sort_unstable_by_key(|(_, block)| block.number);
    let mut builder = EventLogBuilder::default();
    let rows = blocks.iter().map(|(_, block)| block.time.len()).sum();
    builder.customer.reserve_exact(rows);
    builder.time.reserve_exact(rows);
    builder.name.reserve_exact(rows);
    for (thread, block) in blocks {
        let (parser, customers, names, properties) = &mut parsers[thread];
        let first = builder.next_row()?;
        u32::try_from(block.time.len()).ok().and_then(|more| first.checked_add(more)).ok_or(LogFull)?;
        for own in block.customer {
            let text = |own| builder.customers.intern(parser.customers.text(own).unwrap_or_default());
            builder.customer.push(customers.get(own, text)?);
        }
        for own in block.name {
            let text = |own| builder.names.intern(parser.names.text(own).unwrap_or_default());
            builder.name.push(names.get(own, text)?);
        }
        builder.time.extend_from_slice(&block.time);
        for (at, given) in block.properties.into_iter().enumerate() {
            let Some((_, name)) = parser.fields.properties.get(at) else { continue };
            let column = builder.columns.entry(layout.properties[*name].clone()).or_default();
            let codes: &mut Renumbered = properties.entry(at).or_default();
            for (row, own) in given {
                let text = |own| column.intern_untyped(parser.properties[at].text(own).unwrap_or_default());
                let code = codes.get(own, text)?;
                column.push_untyped(first + row, code);
            }
        }
    }
    Ok(builder)
}

#[cfg(test)]
mod tests;
