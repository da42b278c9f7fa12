//! What can go wrong here, and what it means to a caller.

use attune_kernel::{Code, Problem, Violation};
use attune_storage::StorageError;

/// The reason that a channel is off.
pub(crate) const CHANNEL_DISABLED: &str = "CHANNEL_DISABLED";

/// Why a request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Another worker holds the lease now.
    #[error("lease lost")]
    LeaseLost,
    /// A concurrent change won.
    #[error("changed meanwhile")]
    Conflict,
    /// What is stored cannot be read.
    #[error("stored record cannot be read: {0}")]
    Corrupt(String),
    /// Field rules are broken.
    #[error("invalid request")]
    Invalid(Vec<Violation>),
    /// No such thing.
    #[error("no such {0}")]
    NotFound(&'static str, String),
    /// A channel that is off.
    #[error("channel is disabled")]
    ChannelDisabled(String),
    /// A lead that somebody else has.
    #[error("lead is claimed by someone else")]
    LeadClaimed,
    /// A lead that nobody or somebody else holds.
    #[error("lead is not claimed by this agent")]
    LeadNotHeld,
    /// A lead that is over.
    #[error("lead is closed")]
    LeadClosed,
    /// What another service answered.
    #[error("{0}")]
    Callee(Problem),
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Storage(error) => error.into(),
            Error::LeaseLost => Self::new(Code::Aborted, "LEASE_LOST", "the lease was lost to another worker"),
            Error::Conflict => Self::new(Code::Aborted, "ETAG_MISMATCH", "changed meanwhile, read again and retry"),
            Error::Corrupt(detail) => Self::internal(detail),
            Error::Invalid(violations) => Self::invalid(violations),
            Error::NotFound(kind, id) => Self::not_found(kind, &id),
            Error::ChannelDisabled(id) => {
                Self::new(Code::FailedPrecondition, CHANNEL_DISABLED, "the channel is disabled").with("channel", id)
            }
            Error::LeadClaimed => {
                Self::new(Code::FailedPrecondition, "LEAD_CLAIMED", "the lead is claimed by someone else")
            }
            Error::LeadNotHeld => Self::new(
                Code::FailedPrecondition,
                "LEAD_NOT_HELD",
                "the lead is not claimed by this agent, or the claim ran out",
            ),
            Error::LeadClosed => Self::new(Code::FailedPrecondition, "LEAD_CLOSED", "the lead is closed"),
            Error::Callee(problem) => problem,
        }
    }
}
