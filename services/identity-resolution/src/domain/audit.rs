//! What is remembered of what happened.

use attune_kernel::{PersonId, Timestamp};

use super::person::IdentifierKey;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Identifiers were seen together.
    SeenTogether,
    /// Evidence merged two persons.
    Merged,
    /// An operator joined two persons.
    Linked,
    /// An operator separated identifiers.
    Unlinked,
    /// An identifier hit a limit.
    Limited,
    /// Records were found alike.
    Matched,
    /// A person decided a review.
    Reviewed,
    /// A person was split, because what joined it no longer holds.
    Split,
    /// A person was erased.
    Erased,
}

impl Kind {
    /// Every kind.
    const ALL: [Self; 9] = [
        Self::SeenTogether,
        Self::Merged,
        Self::Linked,
        Self::Unlinked,
        Self::Limited,
        Self::Matched,
        Self::Reviewed,
        Self::Split,
        Self::Erased,
    ];

    /// A number that is stored; never given to another kind.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32 + 1
    }

    /// The inverse of [`code`](Self::code).
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// One entry of the audit trail, or one piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What happened.
    pub kind: Kind,
    /// The identifiers concerned, by key: an erasure leaves no value behind.
    pub identifiers: Vec<IdentifierKey>,
    /// The persons concerned by the ids they had then, the surviving one first.
    pub persons: Vec<PersonId>,
    /// When the interaction or decision took place.
    pub event_time: Timestamp,
    /// When it took effect here.
    pub time: Timestamp,
    /// The system it came from, or the operator.
    pub actor: String,
    /// The limit that was hit, or the reason.
    pub note: String,
    /// The match weight of a match.
    pub weight: f64,
}

impl Entry {
    /// What the entry is found by: identifiers and persons.
    #[must_use]
    pub fn subjects(&self) -> Vec<[u8; 16]> {
        let keys = self.identifiers.iter().map(|key| key.0);
        let mut subjects: Vec<[u8; 16]> = keys.chain(self.persons.iter().map(|id| id.to_bytes())).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }
}

/// From when on an identifier was whose, when it is not who holds it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The identifier.
    pub key: IdentifierKey,
    /// From when on.
    pub since: Timestamp,
    /// Whose, by the id that survived then.
    pub person: PersonId,
    /// Whether this became known after what came later; it counts when it says something new.
    pub late: bool,
}
