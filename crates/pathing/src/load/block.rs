//! A block of records as columns.

use memchr::{memchr, memchr_iter};

use super::time::Times;
use super::{Fields, LoadError};
use crate::log::Dictionary;

/// What one thread knows across its blocks.
pub(super) struct Parser<'f> {
    pub(super) fields: &'f Fields,
    pub(super) customers: Dictionary,
    pub(super) names: Dictionary,
    /// By property that the file has.
    pub(super) properties: Vec<Dictionary>,
    times: Times,
    /// The fields of a record as places in its text.
    spans: Vec<(usize, usize)>,
}

/// The columns of a block, in codes of its parser.
pub(super) struct Block {
    pub(super) number: usize,
    pub(super) customer: Vec<u32>,
    pub(super) time: Vec<i64>,
    pub(super) name: Vec<u32>,
    /// By property that the file has: row in the block and code, where there is a value.
    pub(super) properties: Vec<Vec<(u32, u32)>>,
}

impl<'f> Parser<'f> {
    pub(super) fn new(fields: &'f Fields) -> Self {
        Self {
            fields,
            customers: Dictionary::default(),
            names: Dictionary::default(),
            properties: vec![Dictionary::default(); fields.properties.len()],
            times: Times::default(),
            spans: Vec::new(),
        }
    }

    /// Reads a block that begins on a line.
    pub(super) fn parse(&mut self, bytes: &[u8], number: usize, line: u64) -> Result<Block, LoadError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => return Err(not_text(bytes, error.valid_up_to(), line)),
        };
        let mut block = Block {
            number,
            customer: Vec::with_capacity(bytes.len() / 48),
            time: Vec::with_capacity(bytes.len() / 48),
            name: Vec::with_capacity(bytes.len() / 48),
            properties: vec![Vec::new(); self.fields.properties.len()],
        };
        if memchr(b'"', bytes).is_none() {
            self.plain(text, line, &mut block)?;
        } else {
            self.quoted(text, line, &mut block)?;
        }
        Ok(block)
    }

    /// A block without a quote: lines are records.
    fn plain(&mut self, text: &str, mut line: u64, block: &mut Block) -> Result<(), LoadError> {
        let bytes = text.as_bytes();
        let separator = self.fields.separator;
        let mut spans = std::mem::take(&mut self.spans);
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |found| start + found);
            let record = &text[start..end];
            let record = record.strip_suffix('\r').unwrap_or(record);
            spans.clear();
            let mut from = 0;
            for (at, byte) in record.bytes().enumerate() {
                if byte == separator {
                    spans.push((from, at));
                    from = at + 1;
                }
            }
            spans.push((from, record.len()));
            self.record(record, &spans, line, block)?;
            line += 1;
            start = end + 1;
        }
        self.spans = spans;
        Ok(())
    }

    /// A block with quotes: each record is unquoted first.
    fn quoted(&mut self, text: &str, mut line: u64, block: &mut Block) -> Result<(), LoadError> {
        let mut spans = std::mem::take(&mut self.spans);
        let mut unquoted = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            unquoted.clear();
            spans.clear();
            let read = record(rest, self.fields.separator, |field| {
                let from = unquoted.len();
                unquoted.push_str(field);
                spans.push((from, unquoted.len()));
            });
            let length = read.map_err(|message| self.wrong(line, spans.len(), message))?;
            self.record(&unquoted, &spans, line, block)?;
            line += memchr_iter(b'\n', &rest.as_bytes()[..length]).count() as u64;
            rest = &rest[length..];
        }
        self.spans = spans;
        Ok(())
    }

    fn record(&mut self, text: &str, spans: &[(usize, usize)], line: u64, block: &mut Block) -> Result<(), LoadError> {
        let fields = self.fields;
        if spans.len() != fields.header.len() {
            if spans.len() == 1 && text.trim_ascii().is_empty() {
                return Ok(());
            }
            let (found, expected) = (spans.len(), fields.header.len());
            let message = format!("there are {found} fields, and the header has {expected}");
            return Err(LoadError::Line { line, message });
        }
        let field = |at: usize| {
            let (start, end) = spans[at];
            trimmed(&text[start..end])
        };
        let customer = field(fields.customer);
        if customer.is_empty() {
            return Err(self.wrong(line, fields.customer, "the customer is missing"));
        }
        let name = field(fields.event);
        if name.is_empty() {
            return Err(self.wrong(line, fields.event, "the event is missing"));
        }
        let time = self.times.read(field(fields.time)).map_err(|message| self.wrong(line, fields.time, message))?;
        let customer = match block.customer.last() {
            // Many files hold a customer's events one after another.
            Some(last) if self.customers.is(*last, customer) => *last,
            _ => self.customers.intern(customer)?,
        };
        let row = block.time.len() as u32;
        block.customer.push(customer);
        block.name.push(self.names.intern(name)?);
        block.time.push(time);
        for ((at, _), (names, values)) in
            fields.properties.iter().zip(self.properties.iter_mut().zip(&mut block.properties))
        {
            let value = field(*at);
            if !value.is_empty() {
                values.push((row, names.intern(value)?));
            }
        }
        Ok(())
    }

    fn wrong(&self, line: u64, field: usize, message: &str) -> LoadError {
        let field = self.fields.header.get(field).map_or_else(|| (field + 1).to_string(), Clone::clone);
        LoadError::Field { line, field, message: message.to_owned() }
    }
}

/// Calls `take` with every field of one record without its line end.
pub(super) fn fields(text: &str, separator: u8, take: impl FnMut(&str)) -> Result<(), &'static str> {
    record(text, separator, take).map(|_| ())
}

/// Calls `take` with every field of the first record, without quotes; answers the bytes that it takes.
fn record(text: &str, separator: u8, mut take: impl FnMut(&str)) -> Result<usize, &'static str> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let blanks = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
        if bytes.get(at + blanks) == Some(&b'"') {
            at += blanks + 1;
            let mut value = String::new();
            loop {
                let Some(length) = memchr(b'"', &bytes[at..]) else { return Err("its quote is not closed") };
                value.push_str(&text[at..at + length]);
                at += length + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                value.push('"');
                at += 1;
            }
            at += bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
            if bytes.get(at).is_some_and(|byte| *byte != separator && *byte != b'\n') {
                return Err("there is text after its closing quote");
            }
            take(&value);
        } else {
            let length = bytes[at..].iter().position(|byte| *byte == separator || *byte == b'\n');
            let end = length.map_or(bytes.len(), |length| at + length);
            let value = &text[at..end];
            take(if bytes.get(end) == Some(&separator) { value } else { value.strip_suffix('\r').unwrap_or(value) });
            at = end;
        }
        match bytes.get(at) {
            Some(byte) if *byte == separator => at += 1,
            Some(b'\n') => return Ok(at + 1),
            _ => return Ok(at),
        }
    }
}

fn not_text(bytes: &[u8], valid: usize, line: u64) -> LoadError {
    let line = line + memchr_iter(b'\n', &bytes[..valid]).count() as u64;
    LoadError::Line { line, message: "not UTF-8".to_owned() }
}

/// A field without the blanks around it.
fn trimmed(text: &str) -> &str {
    match (text.as_bytes().first(), text.as_bytes().last()) {
        (Some(first), Some(last)) if *first > b' ' && *last > b' ' => text,
        _ => text.trim_ascii(),
    }
}
