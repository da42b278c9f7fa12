//! Rows of a comma-separated file (RFC 4180), plain or gzip, or of a Parquet file, with errors that name file, line and field.
//!
//! Beyond the standard: a byte order mark, blanks around a field or before its quote, blank lines, lines that end in a
//! line feed alone, and `;` or a tab as the separator of a file whose header has no comma; where it is asked for, runs of
//! blanks where the header has none of these.

use std::fs::File;
use std::io::{Read, Stdin, stdin};
use std::path::Path;

use attune_tabular::CsvOf;
use flate2::read::MultiGzDecoder;
use memchr::{memchr, memchr_iter};

use crate::exit::Failure;

/// Bytes read at once.
const CHUNK: usize = 1 << 20;

/// A record that is longer has lost a quote.
const LONGEST: usize = 1 << 26;

/// A file's rows after its header.
pub(crate) struct Rows {
    name: String,
    source: Source,
    buffer: Vec<u8>,
    start: usize,
    filled: usize,
    ended: bool,
    line: u32,
    next_line: u32,
    separator: u8,
    /// Whether runs of blanks separate where nothing else does.
    blanks: bool,
    header: Vec<String>,
    /// Fields without their quotes, where a record has quotes.
    unquoted: String,
    spans: Vec<(u32, u32)>,
}

enum Source {
    Plain(File),
    Standard(Stdin),
    Gzip(Box<MultiGzDecoder<Prefixed>>),
    /// Its rows as the text of a file like the others: a line is the row's place after the header.
    Parquet(Box<CsvOf>),
}

/// Whether a file is Parquet, by its name.
pub(crate) fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// One row: the fields in order.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    text: &'a str,
    spans: &'a [(u32, u32)],
}

impl<'a> Row<'a> {
    /// A field without the blanks around it; there are as many as the header has.
    pub(crate) fn field(&self, at: usize) -> &'a str {
        let (start, end) = self.spans[at];
        trimmed(&self.text[start as usize..end as usize])
    }
}

/// Where a record ends in the buffer, or that more is needed.
enum Found {
    /// One after its last byte, and where its text lies.
    Record(usize, Text),
    /// The buffer ends before the record does.
    More,
}

#[derive(Clone, Copy)]
enum Text {
    Buffer(usize, usize),
    Unquoted,
}

impl Rows {
    /// Opens a file, or standard input for `-`, and reads its header.
    ///
    /// # Errors
    /// Bad input: a file that cannot be read, or that has no header.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        Self::opened(path, false)
    }

    /// As [`Rows::open`]; runs of blanks separate the fields of a file whose header has no other separator.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub(crate) fn open_with_blanks(path: &Path) -> Result<Self, Failure> {
        Self::opened(path, true)
    }

    fn opened(path: &Path, blanks: bool) -> Result<Self, Failure> {
        let name = if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let cannot = |error: std::io::Error| Failure::input(format!("{name}: {error}"));
        let mut plain = if path == Path::new("-") {
            Source::Standard(stdin())
        } else if is_parquet(path) {
            let rows = CsvOf::open(path).map_err(|error| Failure::input(format!("{name}: {error}")))?;
            Source::Parquet(Box::new(rows))
        } else {
            Source::Plain(File::open(path).map_err(cannot)?)
        };
        let mut start = vec![0; CHUNK];
        let filled = fill(&mut plain, &mut start, 0).map_err(cannot)?;
        let (source, buffer, filled) = if start.starts_with(&[0x1f, 0x8b]) && filled > 2 {
            start.truncate(filled);
            let whole = Prefixed { prefix: start, at: 0, rest: plain };
            (Source::Gzip(Box::new(MultiGzDecoder::new(whole))), vec![0; CHUNK], 0)
        } else {
            (plain, start, filled)
        };
        let mut rows = Self {
            name,
            source,
            buffer,
            start: 0,
            filled,
            ended: false,
            line: 0,
            next_line: 1,
            separator: b',',
            blanks,
            header: Vec::new(),
            unquoted: String::new(),
            spans: Vec::new(),
        };
        rows.read_header()?;
        Ok(rows)
    }

    /// The file's name as it is said to people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The columns, without the blanks around them; one without a name is called by its place.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    /// The line on which the row last read begins, from 1.
    pub(crate) fn line(&self) -> u32 {
        self.line
    }

    /// Bad input at the row last read.
    pub(crate) fn wrong(&self, field: usize, what: &str) -> Failure {
        let field = self.header.get(field).map_or_else(|| format!("{}", field + 1), Clone::clone);
        Failure::input(format!("{}: line {} field {field}: {what}", self.name, self.line))
    }

    /// The next row; nothing after the last one.
    ///
    /// # Errors
    /// Bad input: bytes that are not UTF-8, an open quote, another number of fields than the header's.
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, Failure> {
        let Some(text) = self.record()? else { return Ok(None) };
        if self.spans.len() != self.header.len() {
            let (expected, found) = (self.header.len(), self.spans.len());
            let what = if found < expected { "is missing" } else { "is one too many" };
            let message = format!("{what}: the header has {expected} fields, the row has {found}");
            return Err(self.wrong(found.min(expected), &message));
        }
        Ok(Some(Row { text: self.text(text)?, spans: &self.spans }))
    }

    fn read_header(&mut self) -> Result<(), Failure> {
        self.more()?;
        if self.buffer[..self.filled].starts_with(b"\xef\xbb\xbf") {
            self.start = 3;
        }
        self.separator = self.find_separator()?;
        let Some(text) = self.record()? else {
            return Err(Failure::input(format!("{}: line 1: there is no header", self.name)));
        };
        let text = self.text(text)?.to_owned();
        let row = Row { text: &text, spans: &self.spans };
        let names = (0..self.spans.len()).map(|at| match row.field(at) {
            "" => format!("column {}", at + 1),
            name => name.to_owned(),
        });
        self.header = names.collect();
        Ok(())
    }

    /// The separator: a comma, unless the first line has none.
    fn find_separator(&mut self) -> Result<u8, Failure> {
        loop {
            let begun = &self.buffer[self.start..self.filled];
            let end = memchr(b'\n', begun);
            if end.is_some() || self.ended {
                let line = &begun[..end.unwrap_or(begun.len())];
                let present = [b',', b';', b'\t'].into_iter().find(|separator| line.contains(separator));
                let other = if self.blanks { b' ' } else { b',' };
                return Ok(present.unwrap_or(other));
            }
            self.more()?;
        }
    }

    /// Finds the next record; its fields are in `spans`.
    fn record(&mut self) -> Result<Option<Text>, Failure> {
        loop {
            if self.start == self.filled {
                if self.ended {
                    return Ok(None);
                }
                self.more()?;
                continue;
            }
            self.line = self.next_line;
            let Found::Record(next, text) = self.scan()? else {
                self.more()?;
                continue;
            };
            self.start = next;
            if self.spans.len() == 1
                && let Text::Buffer(start, end) = text
                && self.buffer[start..end].trim_ascii().is_empty()
            {
                // A blank line; nothing can be read from it in a file of one column either.
                continue;
            }
            return Ok(Some(text));
        }
    }

    fn scan(&mut self) -> Result<Found, Failure> {
        let begun = &self.buffer[self.start..self.filled];
        let (length, next) = match memchr(b'\n', begun) {
            Some(end) => (end, end + 1),
            None if self.ended => (begun.len(), begun.len()),
            None => return Ok(Found::More),
        };
        let line = &begun[..length];
        if memchr(b'"', line).is_some() {
            return self.scan_quoted();
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.spans.clear();
        if self.separator == b' ' {
            split_at_blanks(line, &mut self.spans);
            self.next_line = self.line + 1;
            return Ok(Found::Record(self.start + next, Text::Buffer(self.start, self.start + line.len())));
        }
        let mut from = 0;
        for separator in memchr_iter(self.separator, line) {
            self.spans.push((from, separator as u32));
            from = separator as u32 + 1;
        }
        self.spans.push((from, line.len() as u32));
        self.next_line = self.line + 1;
        Ok(Found::Record(self.start + next, Text::Buffer(self.start, self.start + line.len())))
    }

    /// A record with a quote in it, byte by byte.
    fn scan_quoted(&mut self) -> Result<Found, Failure> {
        let bytes = &self.buffer[self.start..self.filled];
        let mut plain: Vec<u8> = Vec::new();
        let mut spans = std::mem::take(&mut self.spans);
        spans.clear();
        let mut lines = 1;
        let mut at = 0;
        let ended = loop {
            let from = plain.len() as u32;
            let blanks = bytes[at..].iter().take_while(|byte| **byte == b' ').count();
            let quoted = bytes.get(at + blanks) == Some(&b'"');
            if quoted {
                at += blanks + 1;
                loop {
                    match bytes.get(at) {
                        None => break,
                        Some(b'"') if bytes.get(at + 1) == Some(&b'"') => {
                            plain.push(b'"');
                            at += 2;
                        }
                        Some(b'"') => break,
                        Some(byte) => {
                            lines += u32::from(*byte == b'\n');
                            plain.push(*byte);
                            at += 1;
                        }
                    }
                }
                if at + 1 >= bytes.len() && !self.ended {
                    break None;
                }
                if at >= bytes.len() {
                    self.spans = spans;
                    return Err(self.wrong(self.spans.len(), "its quote is not closed"));
                }
                at += 1;
                at += bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
            } else {
                let rest = &bytes[at..];
                let length =
                    rest.iter().position(|byte| *byte == self.separator || *byte == b'\n').unwrap_or(rest.len());
                plain.extend_from_slice(rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length]));
                at += length;
            }
            spans.push((from, plain.len() as u32));
            match bytes.get(at) {
                Some(byte) if *byte == self.separator => at += 1,
                Some(b'\n') => break Some(at + 1),
                None if self.ended => break Some(at),
                None => break None,
                Some(_) => {
                    self.spans = spans;
                    return Err(self.wrong(self.spans.len() - 1, "there is text after its closing quote"));
                }
            }
        };
        self.spans = spans;
        let Some(ended) = ended else { return Ok(Found::More) };
        self.unquoted = match String::from_utf8(plain) {
            Ok(text) => text,
            Err(error) => return Err(self.not_text(error.utf8_error().valid_up_to())),
        };
        self.next_line = self.line + lines;
        Ok(Found::Record(self.start + ended, Text::Unquoted))
    }

    fn text(&self, text: Text) -> Result<&str, Failure> {
        match text {
            Text::Unquoted => Ok(&self.unquoted),
            Text::Buffer(start, end) => {
                std::str::from_utf8(&self.buffer[start..end]).map_err(|error| self.not_text(error.valid_up_to()))
            }
        }
    }

    fn not_text(&self, at: usize) -> Failure {
        let field = self.spans.iter().position(|(_, end)| at < *end as usize).unwrap_or_default();
        self.wrong(field, "not UTF-8")
    }

    /// Reads more behind what is there.
    fn more(&mut self) -> Result<(), Failure> {
        if self.filled - self.start > LONGEST {
            return Err(self.wrong(0, "the record does not end; is a quote not closed?"));
        }
        self.buffer.copy_within(self.start..self.filled, 0);
        self.filled -= self.start;
        self.start = 0;
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let before = self.filled;
        let read = fill(&mut self.source, &mut self.buffer, before);
        self.filled =
            read.map_err(|error| Failure::input(format!("{}: line {}: {error}", self.name, self.next_line)))?;
        self.ended = self.filled == before;
        Ok(())
    }
}

/// Reads until the buffer is full or the source ends; says how much is filled.
fn fill(source: &mut impl Read, buffer: &mut [u8], mut filled: usize) -> std::io::Result<usize> {
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Standard(input) => input.read(into),
            Self::Gzip(decoder) => decoder.read(into),
            Self::Parquet(rows) => rows.read(into),
        }
    }
}

/// A source whose beginning was read already.
struct Prefixed {
    prefix: Vec<u8>,
    at: usize,
    rest: Source,
}

impl Read for Prefixed {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = &self.prefix[self.at..];
        if left.is_empty() {
            return self.rest.read(into);
        }
        let count = left.len().min(into.len());
        into[..count].copy_from_slice(&left[..count]);
        self.at += count;
        Ok(count)
    }
}

/// Fields between runs of blanks; a line of blanks has one that is empty.
fn split_at_blanks(line: &[u8], spans: &mut Vec<(u32, u32)>) {
    let mut from = None;
    for (at, byte) in line.iter().chain(b" ").enumerate() {
        match (byte, from) {
            (b' ', Some(start)) => {
                spans.push((start, at as u32));
                from = None;
            }
            (b' ', None) => {}
            (_, None) => from = Some(at as u32),
            (_, Some(_)) => {}
        }
    }
    if spans.is_empty() {
        spans.push((0, 0));
    }
}

fn trimmed(text: &str) -> &str {
    match (text.as_bytes().first(), text.as_bytes().last()) {
        (Some(first), Some(last)) if *first > b' ' && *last > b' ' => text,
        _ => text.trim_ascii(),
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
