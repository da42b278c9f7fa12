//! What changes when identity-resolution learns who is who.

use super::event::{Identifier, Recorded};

/// A change of who is who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonChange {
    /// Two persons are one: the events of one become the other's, and its id an alias.
    Merge {
        /// Who remains.
        surviving: String,
        /// Who is an alias from now on.
        merged: String,
    },
    /// One person is two: events that came by one of the identifiers become the new person's.
    Split {
        /// Who keeps the id.
        person: String,
        /// Who holds the identifiers.
        split: String,
        /// The identifiers.
        identifiers: Vec<Identifier>,
    },
    /// A person is gone, with everything known under any of the ids.
    Erasure {
        /// The person.
        person: String,
        /// Ids that were merged into it.
        aliases: Vec<String>,
    },
}

/// Whether an event goes with a split.
#[must_use]
pub fn goes_with(recorded: &Recorded, identifiers: &[Identifier]) -> bool {
    recorded.via.as_ref().is_some_and(|via| identifiers.contains(via))
}
