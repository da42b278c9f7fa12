//! A source cut into blocks of whole records.

use std::io::Read;

use memchr::{memchr, memchr_iter, memrchr};

use super::LoadError;

/// Bytes read at once.
const BLOCK: usize = 1 << 22;

/// A record that is longer has lost a quote.
const LONGEST: usize = 1 << 26;

/// What is left of a source.
pub(super) struct Source<R> {
    source: R,
    /// What was read beyond the last block.
    rest: Vec<u8>,
    /// The number of the next block.
    number: usize,
    /// The line on which the next block begins.
    line: u64,
    ended: bool,
}

impl<R: Read> Source<R> {
    /// Reads the header: the names without the blanks around them, and the separator.
    pub(super) fn open(source: R) -> Result<(Self, Vec<String>, u8), LoadError> {
        let mut source = Self { source, rest: Vec::new(), number: 0, line: 1, ended: false };
        source.more(1 << 16)?;
        if source.rest.starts_with(b"\xef\xbb\xbf") {
            source.rest.drain(..3);
        }
        loop {
            let separator = source.separator();
            match end_of_first(&source.rest, separator) {
                Some(end) => {
                    let header: Vec<u8> = source.rest.drain(..end).collect();
                    let lines = memchr_iter(b'\n', &header).count() as u64;
                    if header.trim_ascii().is_empty() {
                        source.line += lines;
                        continue;
                    }
                    let names = source.header(&header, separator)?;
                    source.line += lines;
                    return Ok((source, names, separator));
                }
                None if source.ended && source.rest.trim_ascii().is_empty() => {
                    return Err(source.wrong("there is no header"));
                }
                None if source.ended => source.rest.push(b'\n'),
                None if source.rest.len() > LONGEST => return Err(source.wrong("the header does not end")),
                None => source.more(1 << 16)?,
            }
        }
    }

    /// A comma, unless the first line has none.
    fn separator(&self) -> u8 {
        let line = &self.rest[..memchr(b'\n', &self.rest).unwrap_or(self.rest.len())];
        [b',', b';', b'\t'].into_iter().find(|separator| line.contains(separator)).unwrap_or(b',')
    }

    fn header(&self, line: &[u8], separator: u8) -> Result<Vec<String>, LoadError> {
        let text = std::str::from_utf8(line).map_err(|_| self.wrong("the header is not UTF-8"))?;
        let mut names = Vec::new();
        super::block::fields(text.trim_end_matches(['\r', '\n']), separator, |field| {
            names.push(field.trim().to_owned())
        })
        .map_err(|message| self.wrong(message))?;
        Ok(names)
    }

    fn wrong(&self, message: &str) -> LoadError {
        LoadError::Line { line: self.line, message: message.to_owned() }
    }

    /// Puts the next block of whole records into a buffer; answers its number and the line on which it begins.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>, separator: u8) -> Result<Option<(usize, u64)>, LoadError> {
        buffer.clear();
        loop {
            if !self.ended {
                self.more(BLOCK)?;
            }
            let end = if self.ended { Some(self.rest.len()) } else { last_end(&self.rest, separator) };
            match end {
                Some(0) if self.ended => return Ok(None),
                None | Some(0) if self.rest.len() > LONGEST => {
                    return Err(self.wrong("the record does not end; is a quote not closed?"));
                }
                None | Some(0) => {}
                Some(end) => {
                    std::mem::swap(buffer, &mut self.rest);
                    self.rest.clear();
                    self.rest.extend_from_slice(&buffer[end..]);
                    buffer.truncate(end);
                    let begun = (self.number, self.line);
                    self.number += 1;
                    self.line += memchr_iter(b'\n', buffer).count() as u64;
                    return Ok(Some(begun));
                }
            }
        }
    }

    /// Gives nothing any more.
    pub(super) fn stop(&mut self) {
        self.ended = true;
        self.rest.clear();
    }

    fn more(&mut self, bytes: usize) -> Result<(), LoadError> {
        let before = self.rest.len();
        self.rest.resize(before + bytes, 0);
        let mut filled = before;
        while filled < self.rest.len() {
            match self.source.read(&mut self.rest[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.rest.truncate(filled);
                    return Err(error.into());
                }
            }
        }
        self.rest.truncate(filled);
        Ok(())
    }
}

/// Calls `take` with the opening and the closing place of every quoted field; of one that is not closed, without the
/// latter. A quote opens a field only at its beginning.
fn each_quoted(bytes: &[u8], separator: u8, mut take: impl FnMut(usize, Option<usize>)) {
    let mut at = 0;
    while let Some(open) = memchr(b'"', &bytes[at..]).map(|found| at + found) {
        let before = bytes[..open].iter().rposition(|byte| *byte != b' ').map(|place| bytes[place]);
        if !before.is_none_or(|before| before == separator || before == b'\n') {
            at = open + 1;
            continue;
        }
        let mut from = open + 1;
        let close = loop {
            match memchr(b'"', &bytes[from..]).map(|found| from + found) {
                None => break None,
                Some(close) if bytes.get(close + 1) == Some(&b'"') => from = close + 2,
                Some(close) => break Some(close),
            }
        };
        take(open, close);
        match close {
            None => return,
            Some(close) => at = close + 1,
        }
    }
}

/// One after the last line feed that ends a record.
fn last_end(bytes: &[u8], separator: u8) -> Option<usize> {
    if memchr(b'"', bytes).is_none() {
        return memrchr(b'\n', bytes).map(|end| end + 1);
    }
    let (mut from, mut last) = (0, None);
    each_quoted(bytes, separator, |open, close| {
        if let Some(end) = memrchr(b'\n', &bytes[from..open]) {
            last = Some(from + end + 1);
        }
        from = close.map_or(bytes.len(), |close| close + 1);
    });
    memrchr(b'\n', &bytes[from..]).map(|end| from + end + 1).or(last)
}

/// One after the first line feed that ends a record.
fn end_of_first(bytes: &[u8], separator: u8) -> Option<usize> {
    let (mut from, mut first, mut open_end) = (0, None, false);
    each_quoted(bytes, separator, |open, close| {
        if first.is_none() {
            first = memchr(b'\n', &bytes[from..open]).map(|end| from + end + 1);
        }
        from = close.map_or(bytes.len(), |close| close + 1);
        open_end |= close.is_none();
    });
    first.or_else(|| memchr(b'\n', &bytes[from..]).filter(|_| !open_end).map(|end| from + end + 1))
}
