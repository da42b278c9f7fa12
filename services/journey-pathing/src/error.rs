//! Everything that can go wrong, mapped to a problem in one place.

use attune_kernel::{Code, Problem};
use attune_storage::StorageError;

use crate::domain::log::LogFull;
use crate::domain::trigger::Damaged;

/// Why a call was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The store does not answer, or what it holds cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A question is about more events than are answered at once.
    #[error("the question is about more than {limit} events")]
    TooManyEvents {
        /// The limit.
        limit: usize,
    },
    /// An offset that the feed has not reached.
    #[error("the feed has only come to offset {head}")]
    OffsetBeyondFeed {
        /// The last offset.
        head: u64,
    },
    /// The person of an event is erased.
    #[error("the person is erased")]
    PersonErased,
}

impl From<LogFull> for Error {
    fn from(_: LogFull) -> Self {
        Self::TooManyEvents { limit: u32::MAX as usize }
    }
}

impl From<Damaged> for Error {
    fn from(damaged: Damaged) -> Self {
        Self::Storage(damaged.into())
    }
}

impl From<Damaged> for StorageError {
    fn from(damaged: Damaged) -> Self {
        Self::Corrupt(damaged.to_string())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Storage(error) => error.into(),
            Error::TooManyEvents { limit } => {
                Problem::new(Code::FailedPrecondition, "TOO_MANY_EVENTS", message).with("limit", limit.to_string())
            }
            Error::OffsetBeyondFeed { head } => {
                Problem::new(Code::OutOfRange, "OFFSET_OUT_OF_RANGE", message).with("head", head.to_string())
            }
            Error::PersonErased => Problem::new(Code::FailedPrecondition, "PERSON_ERASED", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_reason() {
        let reason = |error: Error| Problem::from(error).reason;
        assert_eq!(reason(LogFull.into()), "TOO_MANY_EVENTS");
        assert_eq!(reason(Error::OffsetBeyondFeed { head: 3 }), "OFFSET_OUT_OF_RANGE");
        assert_eq!(reason(Error::PersonErased), "PERSON_ERASED");
        assert_eq!(reason(StorageError::Closed.into()), "DEPENDENCY_UNAVAILABLE");
    }
}
