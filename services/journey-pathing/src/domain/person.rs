//! What changes when identity-resolution learns who is who.

use super::event::Identifier;

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
    /// One person is two: what was recorded under the ids, and what has come by the identifiers since, becomes the other's.
    Split {
        /// Who keeps the id.
        person: String,
        /// Who holds the identifiers.
        split: String,
        /// Ids once merged that are the other's from now on.
        ids: Vec<String>,
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
