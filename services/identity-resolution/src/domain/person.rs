//! A person and what they hold.

use std::fmt;

use attune_kernel::{PersonId, Personal, Timestamp};
use sha2::{Digest as _, Sha256};

use super::namespace::Rules;

/// The first 128 bits of SHA-256 over namespace and normalized value: what an identifier is found by. No personal value
/// stands in an index, in evidence or in a tombstone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentifierKey(pub [u8; 16]);

impl IdentifierKey {
    /// The key of a normalized value.
    #[must_use]
    pub fn of(namespace: &str, value: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(namespace.as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        Self::cut(&hash.finalize())
    }

    /// The first 16 bytes of a hash.
    #[must_use]
    pub fn cut(hash: &[u8]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

/// An identifier as a person holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What it is found by.
    pub key: IdentifierKey,
    /// Its namespace.
    pub namespace: String,
    /// Its normalized value.
    pub value: Personal<String>,
    /// When it was first seen with the person.
    pub first_seen: Timestamp,
    /// When it was last seen with the person, coarsely.
    pub last_seen: Timestamp,
    /// The source that brought it first.
    pub source: String,
    /// False once it was seen with more persons than its namespace allows.
    pub linking: bool,
    /// A weak identifier that two known persons use; it follows the latest strong evidence and links nobody.
    pub shared: bool,
    /// The latest strong evidence for a weak identifier; exact once it is shared, coarse before.
    pub strong_seen: Timestamp,
    /// Other persons it was seen with, by the ids they had then; only where the namespace sets a limit.
    pub seen_with: Vec<PersonId>,
}

/// When and where in the feed a person was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// When.
    pub time: Timestamp,
    /// The offset of the erasure in the change feed.
    pub offset: u64,
}

/// A surviving person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The surviving id.
    pub id: PersonId,
    /// When the person was first seen.
    pub created: Timestamp,
    /// When the person last changed.
    pub updated: Timestamp,
    /// Set when the person was erased; such a person holds nothing for ever.
    pub erased: Option<Erased>,
    /// What the person holds, ordered by namespace and value.
    pub identifiers: Vec<Held>,
    /// Ids merged into this one, ascending.
    pub aliases: Vec<PersonId>,
    /// Persons, by any id of theirs, that an operator decided are others.
    pub cannot_link: Vec<PersonId>,
    /// Keys of the automatic evidence that is stored, in order of arrival.
    pub evidence: Vec<u64>,
}

impl Person {
    /// A person without identifiers.
    #[must_use]
    pub fn new(id: PersonId, now: Timestamp) -> Self {
        Self {
            id,
            created: now,
            updated: now,
            erased: None,
            identifiers: Vec::new(),
            aliases: Vec::new(),
            cannot_link: Vec::new(),
            evidence: Vec::new(),
        }
    }

    /// What makes one person older than another.
    #[must_use]
    pub fn age(&self) -> (Timestamp, PersonId) {
        (self.created, self.id)
    }

    /// Whether the person ever had this id.
    #[must_use]
    pub fn is(&self, id: PersonId) -> bool {
        self.id == id || self.aliases.binary_search(&id).is_ok()
    }

    /// The identifier with this key.
    #[must_use]
    pub fn held(&self, key: IdentifierKey) -> Option<&Held> {
        self.identifiers.iter().find(|held| held.key == key)
    }

    /// How many identifiers of a namespace the person holds.
    #[must_use]
    pub fn count(&self, namespace: &str) -> usize {
        self.identifiers.iter().filter(|held| held.namespace == namespace).count()
    }

    /// Whether a strong identifier names the person.
    #[must_use]
    pub fn is_known(&self, rules: &Rules) -> bool {
        self.identifiers.iter().any(|held| rules.is_strong(&held.namespace))
    }

    /// Whether an operator decided that the two are two.
    #[must_use]
    pub fn is_kept_apart_from(&self, other: &Self) -> bool {
        self.cannot_link.iter().any(|id| other.is(*id)) || other.cannot_link.iter().any(|id| self.is(*id))
    }

    /// Puts an identifier in its place.
    pub(crate) fn insert(&mut self, held: Held) {
        let order = |one: &Held| (one.namespace.clone(), one.value.expose().clone());
        let place =
            self.identifiers.binary_search_by(|one| order(one).cmp(&order(&held))).unwrap_or_else(|place| place);
        self.identifiers.insert(place, held);
    }
}
