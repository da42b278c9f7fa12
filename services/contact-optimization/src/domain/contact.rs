//! Contacts that were made or may be made.

use attune_kernel::Timestamp;

/// What a contact is, apart from whom and when: the part that policies look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Touch {
    /// The channel.
    pub channel: String,
    /// The offer; empty for none.
    pub offer: String,
    /// The campaign; empty for none.
    pub campaign: String,
}

/// A contact that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The caller's id; a repeat for the same person is harmless.
    pub contact_id: String,
    /// The person.
    pub person: String,
    /// What it was.
    pub touch: Touch,
    /// The decision behind it; empty for none.
    pub decision_id: String,
    /// When it was made.
    pub time: Timestamp,
    /// The reservation it confirms; empty for none.
    pub reservation_id: String,
    /// The id under which it was recorded; empty for the person's.
    pub origin: String,
}

/// A change of who is who, as the identity feed has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonChange {
    /// Its position in the feed, from 1.
    pub offset: u64,
    /// What changed.
    pub kind: ChangeKind,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// `merged` is an alias of `surviving` from now on; their contacts count together.
    Merge {
        /// The id that survives.
        surviving: String,
        /// The id that becomes an alias.
        merged: String,
    },
    /// `split` is a person of their own from now on, with the contacts that were recorded under that id and `ids`. Those
    /// recorded under the person's own id stay: a contact does not say by which identifier it was made, and a limit that
    /// counts too much is the safe side. So do reservations, which end soon.
    Split {
        /// Who keeps the id.
        person: String,
        /// The id that became a person again or for the first time.
        split: String,
        /// Ids that were merged and are aliases of `split` from now on.
        ids: Vec<String>,
    },
    /// Everything about these ids is forgotten.
    Erasure {
        /// The erased person and every alias.
        persons: Vec<String>,
    },
}
