//! The elements of an XML document, one after another: as much of XML as event logs use.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// A tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag<'a> {
    /// The beginning of an element: its name, its attributes as they stand, and whether it ends at once.
    Open(&'a str, &'a str, bool),
    /// The end of an element.
    Close,
}

/// Reads tags; texts between them, comments, instructions and declarations are left out.
pub(super) struct Tags<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tags<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The byte at which reading goes on.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next tag; nothing at the end.
    pub(super) fn next(&mut self) -> Result<Option<Tag<'a>>, &'static str> {
        let bytes = self.text.as_bytes();
        loop {
            let Some(skipped) = memchr(b'<', &bytes[self.at..]) else {
                self.at = bytes.len();
                return Ok(None);
            };
            let start = self.at + skipped;
            // What is wrong with a tag is wrong where it begins.
            self.at = start + 1;
            let rest = &bytes[start..];
            let other: Option<(&[u8], &'static str)> = match rest {
                [_, b'!', b'-', b'-', ..] => Some((b"-->", "a comment is not closed")),
                [_, b'!', b'[', ..] => Some((b"]]>", "a section is not closed")),
                [_, b'?', ..] => Some((b"?>", "an instruction is not closed")),
                [_, b'!', ..] => Some((b">", "a declaration is not closed")),
                _ => None,
            };
            if let Some((end, message)) = other {
                self.at = start + memmem::find(rest, end).ok_or(message)? + end.len();
                continue;
            }
            // A value may hold a '>'.
            let mut end = start + 1;
            loop {
                match bytes.get(end) {
                    None => return Err("a tag is not closed"),
                    Some(b'>') => break,
                    Some(quote @ (b'"' | b'\'')) => {
                        end += 2 + memchr(*quote, &bytes[end + 1..]).ok_or("a quote is not closed")?;
                    }
                    Some(_) => end += 1,
                }
            }
            self.at = end + 1;
            let inner = &self.text[start + 1..end];
            if inner.starts_with('/') {
                return Ok(Some(Tag::Close));
            }
            let (inner, empty) = inner.strip_suffix('/').map_or((inner, false), |inner| (inner, true));
            let length = inner.find(|c: char| c.is_ascii_whitespace()).unwrap_or(inner.len());
            return Ok(Some(Tag::Open(&inner[..length], &inner[length..], empty)));
        }
    }
}

/// The value of an attribute as it stands, entities and all.
pub(super) fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        let equals = rest.find('=')?;
        let found = rest[..equals].trim_ascii();
        let value = rest[equals + 1..].trim_ascii_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let end = value[1..].find(quote)? + 1;
        if found == name {
            return Some(&value[1..end]);
        }
        rest = &value[end + 1..];
    }
}

/// A value with its entities replaced.
pub(super) fn unescaped(value: &str) -> Result<Cow<'_, str>, &'static str> {
    if !value.contains('&') {
        return Ok(Cow::Borrowed(value));
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        let end = rest[at..].find(';').ok_or("an entity is not closed")? + at;
        let entity = &rest[at + 1..end];
        let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
        let c = match entity {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => match (entity.strip_prefix("#x"), entity.strip_prefix('#')) {
                (Some(digits), _) => number(digits, 16),
                (None, Some(digits)) => number(digits, 10),
                (None, None) => None,
            },
        };
        text.push(c.ok_or("an entity is not known")?);
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    Ok(Cow::Owned(text))
}
