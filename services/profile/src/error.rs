//! What can go wrong here, and what it means to a caller.

use std::time::Duration;

use attune_kernel::{Code, Problem, Violation};
use attune_storage::StorageError;

use crate::domain::document::Full;

/// Why there is no answer about many persons at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReady {
    /// The index is switched off.
    Off,
    /// The index is being built.
    Building {
        /// How many persons are in it.
        indexed: usize,
    },
    /// There is more than the index may hold.
    TooLarge {
        /// The most persons.
        persons: usize,
        /// The most columns.
        columns: usize,
    },
}

impl NotReady {
    /// The reason with which calls are refused.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Off => "AUDIENCE_OFF",
            Self::Building { .. } => "AUDIENCE_BUILDING",
            Self::TooLarge { .. } => "AUDIENCE_TOO_LARGE",
        }
    }
}

/// Why a request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What is stored cannot be read.
    #[error("stored record cannot be read: {0}")]
    Corrupt(String),
    /// Field rules are broken.
    #[error("invalid request")]
    Invalid(Vec<Violation>),
    /// The etag given is not the profile's.
    #[error("etag does not match")]
    Etag,
    /// A bound on what a profile holds is reached.
    #[error("a profile holds at most {1} {0}")]
    Full(&'static str, usize),
    /// The change of a definition would make known values unreadable.
    #[error("the schema does not change so")]
    Schema(Vec<Violation>),
    /// A tag does not go from one state to the other.
    #[error("a tag does not go from {0} to {1}")]
    TagState(&'static str, &'static str),
    /// No consent waits for this token.
    #[error("no consent waits for this token")]
    Token,
    /// Questions about many persons at once are not answered.
    #[error("the index of persons does not answer")]
    Audience(NotReady),
    /// The segment does not exist.
    #[error("no such segment")]
    NoSegment(String),
}

impl From<Full> for Error {
    fn from(Full(what, most): Full) -> Self {
        Self::Full(what, most)
    }
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
            Error::Corrupt(detail) => Self::internal(detail),
            Error::Invalid(violations) => Self::invalid(violations),
            Error::Etag => {
                Self::new(Code::Aborted, "ETAG_MISMATCH", "the profile changed meanwhile, read it again and retry")
            }
            Error::Full(what, most) => {
                Self::new(Code::FailedPrecondition, "PROFILE_FULL", format!("a profile holds at most {most} {what}"))
            }
            Error::Schema(violations) => Self {
                violations,
                ..Self::new(
                    Code::FailedPrecondition,
                    "SCHEMA_CHANGE_REFUSED",
                    "the change would make known values unreadable",
                )
            },
            Error::TagState(from, to) => Self::new(
                Code::FailedPrecondition,
                "INVALID_STATE_TRANSITION",
                "the way of a tag is draft, active, deprecated, retired",
            )
            .with("from", from)
            .with("to", to),
            Error::Token => {
                Self::new(Code::FailedPrecondition, "CONFIRM_TOKEN_UNKNOWN", "no consent waits for this token")
            }
            Error::Audience(why) => audience(why),
            Error::NoSegment(id) => Self::not_found("segment", &id),
        }
    }
}

fn audience(why: NotReady) -> Problem {
    let reason = why.reason();
    match why {
        NotReady::Off => Problem::new(Code::FailedPrecondition, reason, "the index of persons is switched off"),
        NotReady::Building { indexed } => Problem::new(
            Code::Unavailable,
            reason,
            format!("the index of persons is being built, it has {indexed} of them"),
        )
        .with("indexedPersons", indexed.to_string())
        .retry_after(Duration::from_secs(2)),
        NotReady::TooLarge { persons, columns } => Problem::new(
            Code::FailedPrecondition,
            reason,
            format!("there is more than the {persons} persons or {columns} columns that the index may hold"),
        )
        .with("maxPersons", persons.to_string())
        .with("maxColumns", columns.to_string()),
    }
}
