//! The limits that keep an identifier from linking.

/// Why an identifier did not link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// It was seen with more persons than its namespace allows and links nobody any more.
    MaxPersonsPerIdentifier,
    /// The person would hold more identifiers of a namespace than allowed.
    MaxIdentifiersPerPerson,
    /// Both sides have a value of a namespace of which a person has one.
    UniquePerPerson,
    /// The value names nobody, or was erased after the interaction took place.
    BlockedValue,
    /// An operator decided that the two persons are two.
    CannotLink,
    /// What the identifiers are connected to is too large to be computed as a whole.
    ComponentTooLarge,
}

impl Limit {
    /// The name in the contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxPersonsPerIdentifier => "MAX_PERSONS_PER_IDENTIFIER",
            Self::MaxIdentifiersPerPerson => "MAX_IDENTIFIERS_PER_PERSON",
            Self::UniquePerPerson => "UNIQUE_PER_PERSON",
            Self::BlockedValue => "BLOCKED_VALUE",
            Self::CannotLink => "CANNOT_LINK",
            Self::ComponentTooLarge => "COMPONENT_TOO_LARGE",
        }
    }
}

/// An identifier of a request that did not link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Position in the request.
    pub index: usize,
    /// Its namespace.
    pub namespace: String,
    /// Why.
    pub limit: Limit,
}
