//! Why identifiers belong together, or do not.

use attune_kernel::{PersonId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::person::IdentifierKey;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EvidenceKind {
    /// Identifiers were seen together with the person.
    SeenTogether,
    /// Evidence merged two persons.
    Merged,
    /// An operator joined two persons.
    Linked,
    /// An operator separated identifiers.
    Unlinked,
    /// An identifier hit a limit.
    Limited,
}

impl EvidenceKind {
    /// A number that is stored; never given to another kind.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::SeenTogether => 1,
            Self::Merged => 2,
            Self::Linked => 3,
            Self::Unlinked => 4,
            Self::Limited => 5,
        }
    }

    /// The inverse of [`code`](Self::code).
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            1 => Self::SeenTogether,
            2 => Self::Merged,
            3 => Self::Linked,
            4 => Self::Unlinked,
            5 => Self::Limited,
            _ => return None,
        })
    }
}

/// One piece of evidence. Repeats coalesce: what has the same [`key`](Evidence::key) is kept once, as it first came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What makes it the same evidence.
    pub key: u64,
    /// What happened.
    pub kind: EvidenceKind,
    /// The identifiers concerned, by key: an erasure leaves no value behind.
    pub identifiers: Vec<IdentifierKey>,
    /// The persons concerned by the ids they had then, the surviving one first.
    pub persons: Vec<PersonId>,
    /// When the interaction or decision took place.
    pub event_time: Timestamp,
    /// When it arrived here.
    pub arrived: Timestamp,
    /// The system it came from, or the operator.
    pub source: String,
    /// The limit that was hit, or the operator's reason.
    pub note: String,
}

impl Evidence {
    /// The key of automatic evidence: the same kind about the same identifiers, persons and note is the same evidence.
    #[must_use]
    pub fn automatic_key(kind: EvidenceKind, identifiers: &[IdentifierKey], persons: &[PersonId], note: &str) -> u64 {
        let mut sorted = identifiers.to_vec();
        sorted.sort_unstable();
        let mut hash = Sha256::new();
        hash.update(kind.code().to_be_bytes());
        hash.update((sorted.len() as u64).to_be_bytes());
        for key in sorted {
            hash.update(key.0);
        }
        for person in persons {
            hash.update(person.to_bytes());
        }
        hash.update(note.as_bytes());
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        u64::from_be_bytes(first)
    }
}
