//! Documents as they are stored and cached.

use crate::domain::codec;
use crate::domain::consent::Consent;
use crate::domain::document::Document;
use crate::error::Error;

/// A document as bytes.
#[must_use]
pub(crate) fn encode(document: &Document) -> Vec<u8> {
    codec::encode(document)
}

/// The document of a person from bytes.
pub(crate) fn decode(person: &str, bytes: &[u8]) -> Result<Document, Error> {
    codec::decode(person, bytes).map_err(|broken| Error::Corrupt(broken.to_string()))
}

/// Words on consent as bytes.
#[must_use]
pub(crate) fn encode_words(words: &[Consent]) -> Vec<u8> {
    codec::encode_words(words)
}

/// Words on consent from bytes.
pub(crate) fn decode_words(bytes: &[u8]) -> Result<Vec<Consent>, Error> {
    codec::decode_words(bytes).map_err(|broken| Error::Corrupt(broken.to_string()))
}
