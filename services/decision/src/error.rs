//! Everything that can go wrong, mapped to a problem in one place.

use attune_kernel::{Code, Problem};
use attune_storage::StorageError;

/// Why a call was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong, or another service refused its part of it.
    #[error("{0}")]
    Request(Problem),
    /// What is named does not exist.
    #[error("no such {kind}")]
    Unknown {
        /// `placement`, `decision` or `policy`.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// The request id belongs to a decision for somebody else or for another placement.
    #[error("the request id was used before for another decision")]
    RequestIdReused,
    /// A service that the decision cannot do without is away.
    #[error("{name} is away: {message}")]
    Away {
        /// The service.
        name: &'static str,
        /// What happened.
        message: String,
    },
    /// The store does not answer, or what it holds cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Error {
    /// A field of the request that breaks a rule.
    pub(crate) fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Request(Problem::invalid_field(field, description))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Request(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Request(problem) => problem,
            Error::Unknown { kind, id } => Problem::not_found(kind, &id),
            Error::RequestIdReused => Problem::new(Code::FailedPrecondition, "REQUEST_ID_REUSED", message),
            Error::Away { name, message } => Problem::dependency(name, message),
            Error::Storage(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_a_reason() {
        let reason = |error: Error| {
            let problem = Problem::from(error);
            (problem.code, problem.reason)
        };
        assert_eq!(reason(Error::field("placement", "is unknown")), (Code::InvalidArgument, "INVALID_FIELD"));
        let unknown = Error::Unknown { kind: "placement", id: "x".into() };
        assert_eq!(reason(unknown), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        assert_eq!(reason(Error::RequestIdReused), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        let away = Error::Away { name: "identity-resolution", message: "refused".into() };
        assert_eq!(reason(away), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
        assert_eq!(reason(Error::Storage(StorageError::Closed)), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
    }
}
