//! Why a command is refused.

/// Why a command is refused. Carries positions, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Identifiers of the request are malformed: position, field (`namespace` or `value`) and what is wrong.
    #[error("malformed identifiers")]
    Malformed(Vec<Fault>),
    /// Every identifier of the request is blocked.
    #[error("no identifier of the request can name a person")]
    NoUsableIdentifier,
    /// The request only looks up and nobody is known by its identifiers, or an id was never issued.
    #[error("no such person")]
    UnknownPerson,
    /// The person was erased, or the interaction happened before their erasure.
    #[error("the person was erased")]
    PersonErased,
    /// An identifier to unlink is not held by the person; its position in the request.
    #[error("the person does not hold identifier {0}")]
    NotHeld(usize),
    /// Unlinking would leave the person without an identifier.
    #[error("at least one identifier must remain with the person")]
    NothingRemains,
    /// The id was not merged into the person.
    #[error("the id was not merged into the person")]
    NotMerged,
    /// Nothing tells the two apart: both ids live at one identifier.
    #[error("nothing tells the merged persons apart")]
    NothingApart,
    /// What the person is connected to is too large to be computed as a whole.
    #[error("what the person is connected to is too large to be computed as a whole")]
    TooLarge,
    /// The request id was used before with another body.
    #[error("the request id was used before with another body")]
    RequestIdReused,
}

/// One malformed identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The namespace is not configured; position in the request.
    UnknownNamespace(usize),
    /// The value is blank or has control characters; position in the request.
    BadValue(usize),
}
