//! What a source says about a person beside identifiers.

use attune_kernel::{Personal, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::domain::IdentifierKey;
use crate::domain::normalize::keyed_hash;

/// The namespace by whose identifiers records hang in the graph; internal, never a caller's.
pub const NAMESPACE: &str = "record";

/// What a record is found by: the key of its identifier in [`NAMESPACE`].
pub type RecordKey = IdentifierKey;

/// Names with values as the source has them.
pub type Attributes = Vec<(String, Personal<String>)>;

/// A version of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeRecord {
    /// What it is found by.
    pub key: RecordKey,
    /// The value of its identifier in [`NAMESPACE`].
    pub value: String,
    /// The system it came from.
    pub source: String,
    /// What it says.
    pub attributes: Attributes,
    /// When it said so.
    pub event_time: Timestamp,
    /// When it arrived here.
    pub arrived: Timestamp,
    /// Which model prepared it: the first bytes of a hash of its version.
    pub model: u64,
    /// The attributes in the comparable form of that model.
    pub prepared: Vec<u8>,
    /// What candidates are found by; two records of one model that share one are candidates.
    pub blocks: Vec<u64>,
}

impl AttributeRecord {
    /// Whether this version stands when both are known, whichever arrived first: the later one by its own time, of two at
    /// one time the one whose content has the greater hash.
    #[must_use]
    pub fn supersedes(&self, other: &Self) -> bool {
        (self.event_time, content(&self.attributes)) > (other.event_time, content(&other.attributes))
    }

    /// Whether both versions say the same.
    #[must_use]
    pub fn says_the_same(&self, other: &Self) -> bool {
        canonical(&self.attributes) == canonical(&other.attributes)
    }
}

/// The value of the identifier of a record. It is the same for each version of a record that has an id of its own, and
/// the same for the same attributes in any order otherwise. Keyed, because names and dates of birth are guessed from an
/// unkeyed hash in no time.
#[must_use]
pub fn identifier_value(hash_key: &[u8], source: &str, record_id: &str, attributes: &Attributes) -> String {
    let digest: [u8; 32] = if record_id.is_empty() {
        content(attributes)
    } else {
        let mut hash = Sha256::new_with_prefix(b"id");
        for part in [source, record_id] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    };
    hex(&keyed_hash(hash_key, &digest)[..16])
}

/// The key of that value.
#[must_use]
pub fn record_key(value: &str) -> RecordKey {
    IdentifierKey::of(NAMESPACE, value)
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Sixteen bytes from lower-case hexadecimal digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 16];
    for (to, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *to = digit(0)? << 4 | digit(1)?;
    }
    Some(bytes)
}

/// What is said, in the order of names, without values that are blank.
fn canonical(attributes: &Attributes) -> Vec<(&str, &str)> {
    let mut said: Vec<(&str, &str)> =
        attributes.iter().map(|(name, value)| (name.as_str(), value.expose().trim())).collect();
    said.retain(|(_, value)| !value.is_empty());
    said.sort_unstable();
    said
}

fn content(attributes: &Attributes) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"content");
    for (name, value) in canonical(attributes) {
        for part in [name, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(of: &[(&str, &str)]) -> Attributes {
        of.iter().map(|(name, value)| ((*name).to_owned(), Personal::new((*value).to_owned()))).collect()
    }

    #[test]
    fn the_id_of_a_record_is_its_own_or_what_it_says() {
        let (ada, eve) = (said(&[("a", "1"), ("b", " 2 ")]), said(&[("a", "1")]));
        let value = |source, id, of: &Attributes| identifier_value(b"k", source, id, of);
        assert_eq!(value("crm", "1", &ada), value("crm", "1", &eve));
        assert_ne!(value("crm", "1", &ada), value("web", "1", &ada));
        assert_ne!(value("crm", "", &ada), value("crm", "", &eve));
        assert_eq!(value("crm", "", &ada), value("web", "", &said(&[("b", "2"), ("c", " "), ("a", "1")])));
        assert_ne!(value("crm", "", &ada), identifier_value(b"other", "crm", "", &ada), "keyed");
        assert_ne!(value("ab", "c", &ada), value("a", "bc", &ada));
    }

    #[test]
    fn one_of_two_versions_stands_whichever_came_first() {
        let version = |micros, of: &[(&str, &str)]| AttributeRecord {
            key: IdentifierKey([0; 16]),
            value: String::new(),
            source: String::new(),
            attributes: said(of),
            event_time: Timestamp::from_micros(micros),
            arrived: Timestamp::from_micros(9),
            model: 0,
            prepared: Vec::new(),
            blocks: Vec::new(),
        };
        let (old, new, twin) = (version(1, &[("a", "1")]), version(2, &[("a", "2")]), version(1, &[("a", "3")]));
        assert!(new.supersedes(&old) && !old.supersedes(&new));
        assert_ne!(old.supersedes(&twin), twin.supersedes(&old));
        assert!(!old.supersedes(&old) && old.says_the_same(&version(5, &[("a", " 1")])));
    }

    #[test]
    fn hexadecimal_digits_round_trip() {
        let bytes: [u8; 16] = std::array::from_fn(|at| u8::try_from(at * 17).unwrap());
        assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        for bad in ["", "0", "zz", &"0".repeat(31), &"A".repeat(32), &"é".repeat(16)] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
