//! Documents as bytes: a version, then fields, each a number and a length, absent when empty.
//!
//! The numbers are little-endian base 128, signed ones zigzag. A field that a later version adds is refused by an earlier
//! process, which must not write back a document without it; a later process reads what earlier ones wrote. Documents of
//! the time before this form are JSON and begin with a brace.

mod parts;
mod wire;

#[cfg(test)]
mod tests;

use super::consent::Consent;
use super::document::Document;
use super::traits::Traits;

pub use wire::{Broken, Reader, Writer};

/// The first byte of this form.
const VERSION: u8 = 1;

mod field {
    pub(super) const REVISION: u64 = 1;
    pub(super) const UPDATED: u64 = 2;
    pub(super) const ATTRIBUTES: u64 = 3;
    pub(super) const TAGS: u64 = 4;
    pub(super) const CONSENTS: u64 = 5;
    /// Traits of a kind that was kept before; what they said is in the timeline.
    pub(super) const TRAITS: u64 = 6;
    pub(super) const SEGMENTS: u64 = 7;
    pub(super) const SHADOWED: u64 = 8;
    pub(super) const PARTS: u64 = 9;
    pub(super) const TALLIES: u64 = 10;
    pub(super) const WRITTEN: u64 = 11;
    pub(super) const SCORES: u64 = 12;
    pub(super) const QUIET: u64 = 13;
    pub(super) const RULE_TAGS: u64 = 14;
    pub(super) const HISTORY: u64 = 15;
    pub(super) const AGGREGATES: u64 = 16;
    pub(super) const DUE: u64 = 17;
}

/// A document as bytes, without its person, who is the key it lies under.
#[must_use]
pub fn encode(document: &Document) -> Vec<u8> {
    let mut out = Writer::with_capacity(256);
    out.byte(VERSION);
    out.field(field::REVISION, |out| out.number(document.revision));
    out.field(field::UPDATED, |out| out.time(document.updated));
    out.list(field::ATTRIBUTES, &document.attributes, parts::put_attribute);
    out.list(field::TAGS, &document.tags, parts::put_tag);
    out.list(field::CONSENTS, &document.consents, parts::put_consent);
    if !document.traits.bytes().is_empty() {
        out.raw(field::AGGREGATES, document.traits.bytes());
    }
    out.list(field::SEGMENTS, &document.segments, |out, id| out.text(id));
    out.list(field::SHADOWED, &document.shadowed, parts::put_attribute);
    out.list(field::PARTS, &document.parts, parts::put_part);
    out.list(field::TALLIES, &document.tallies, parts::put_tally);
    out.list(field::WRITTEN, &document.written, parts::put_tally);
    out.list(field::SCORES, &document.scores, parts::put_score);
    if let Some(quiet) = &document.quiet {
        out.field(field::QUIET, |out| parts::put_quiet(out, quiet));
    }
    out.list(field::RULE_TAGS, &document.rule_tags, |out, (name, since)| {
        out.text(name);
        out.time(*since);
    });
    out.list(field::HISTORY, &document.history, parts::put_stay);
    if let Some(due) = document.due {
        out.field(field::DUE, |out| out.time(due));
    }
    out.finish()
}

/// The document of a person from bytes, in this form or as JSON.
///
/// # Errors
/// When the bytes are neither, or of a later version.
pub fn decode(person: &str, bytes: &[u8]) -> Result<Document, Broken> {
    match bytes.first() {
        Some(b'{') => serde_json::from_slice(bytes).map_err(|error| Broken(error.to_string())),
        Some(&VERSION) => binary(person, &bytes[1..]),
        Some(version) => Err(Broken(format!("unknown version {version}"))),
        None => Err(Broken("empty".to_owned())),
    }
}

/// Words on consent as bytes.
#[must_use]
pub fn encode_words(words: &[Consent]) -> Vec<u8> {
    let mut out = Writer::default();
    out.byte(VERSION);
    out.items(words, parts::put_consent);
    out.finish()
}

/// Words on consent from bytes.
///
/// # Errors
/// When the bytes are none.
pub fn decode_words(bytes: &[u8]) -> Result<Vec<Consent>, Broken> {
    let mut from = Reader::new(bytes);
    if from.byte()? != VERSION {
        return Err(Broken("unknown version".to_owned()));
    }
    from.list(parts::consent)
}

fn binary(person: &str, bytes: &[u8]) -> Result<Document, Broken> {
    let mut document = Document::empty(person);
    let mut fields = Reader::new(bytes);
    while !fields.is_empty() {
        let (field, mut from) = fields.field()?;
        let from = &mut from;
        match field {
            field::REVISION => document.revision = from.number()?,
            field::UPDATED => document.updated = from.time()?,
            field::ATTRIBUTES => document.attributes = from.list(parts::attribute)?,
            field::TAGS => document.tags = from.list(parts::tag)?,
            field::CONSENTS => document.consents = from.list(parts::consent)?,
            field::TRAITS => {
                from.rest();
                document.traits = Traits::unknown();
            }
            field::AGGREGATES => document.traits = Traits::from_bytes(from.rest())?,
            field::DUE => document.due = Some(from.time()?),
            field::SEGMENTS => document.segments = from.list(Reader::text)?,
            field::SHADOWED => document.shadowed = from.list(parts::attribute)?,
            field::PARTS => document.parts = from.list(parts::part)?,
            field::TALLIES => document.tallies = from.list(parts::tally)?,
            field::WRITTEN => document.written = from.list(parts::tally)?,
            field::SCORES => document.scores = from.list(parts::score)?,
            field::QUIET => document.quiet = Some(parts::quiet(from)?),
            field::RULE_TAGS => document.rule_tags = from.list(|from| Ok((from.text()?, from.time()?)))?,
            field::HISTORY => document.history = from.list(parts::stay)?,
            other => return Err(Broken(format!("unknown field {other}"))),
        }
        if !from.is_empty() {
            return Err(Broken(format!("field {field} is longer than expected")));
        }
    }
    Ok(document)
}
