//! What a store answers when it cannot do what was asked.

use std::path::PathBuf;

use attune_kernel::{Code, Problem, Violation};

/// Why an operation of a store failed. Cheap to clone, because one failed group commit answers many writers.
/// Texts carry no stored value, so that personal data cannot leak through them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The store does not answer at the moment, or refuses writes after a failed fsync. Try again later.
    #[error("{store} is unavailable: {message}")]
    Unavailable {
        /// `postgres`, `redis` or `embedded`.
        store: &'static str,
        /// What happened.
        message: String,
    },
    /// A concurrent transaction won and the retries are used up. Try again.
    #[error("a concurrent change won: {0}")]
    Conflict(String),
    /// What is to be created exists.
    #[error("{kind} exists")]
    AlreadyExists {
        /// Kind of the resource.
        kind: String,
        /// Its id.
        id: String,
    },
    /// What is named does not exist.
    #[error("no such {kind}")]
    NotFound {
        /// Kind of the resource.
        kind: String,
        /// Its id.
        id: String,
    },
    /// The record has another revision than the caller expected.
    #[error("revision mismatch: expected {expected}, found {found}")]
    RevisionMismatch {
        /// What the caller read earlier.
        expected: u64,
        /// What is stored.
        found: u64,
    },
    /// The request id was used before with another body.
    #[error("the request id was used before with another body")]
    RequestIdReused,
    /// A value cannot be stored: a key too long, an id that is empty, a text with a NUL.
    #[error("{field}: {reason}")]
    Invalid {
        /// Which argument.
        field: &'static str,
        /// The rule it breaks.
        reason: &'static str,
    },
    /// A unique constraint other than a primary rule of this crate refused the write.
    #[error("unique constraint {constraint} refused the write")]
    Unique {
        /// Name of the constraint.
        constraint: String,
    },
    /// Stored bytes do not decode, or a checksum does not hold.
    #[error("corrupt data: {0}")]
    Corrupt(String),
    /// Another process has the data directory open.
    #[error("data directory {} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// The engine was closed.
    #[error("the store is closed")]
    Closed,
    /// The schema in the database and the migrations in this binary do not fit.
    #[error("migration: {0}")]
    Migration(String),
    /// The configuration of a store is wrong.
    #[error("configuration: {0}")]
    Config(String),
    /// A defect: a panic inside a transaction, or a statement the database does not understand.
    #[error("internal: {0}")]
    Internal(String),
}

impl StorageError {
    pub(crate) fn unavailable(store: &'static str, message: impl std::fmt::Display) -> Self {
        Self::Unavailable { store, message: message.to_string() }
    }

    /// One error that names every broken field of a configuration.
    pub(crate) fn from_violations(violations: &[Violation]) -> Result<(), Self> {
        if violations.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = violations.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
        Err(Self::Config(texts.join(", ")))
    }

    /// Whether the same call may succeed when it is simply made again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict(_))
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        let message = error.to_string();
        match error {
            StorageError::Unavailable { store, message } => Problem::dependency(store, message),
            StorageError::Conflict(_) => {
                Problem::new(Code::Unavailable, "DEPENDENCY_UNAVAILABLE", message).with("dependency", "storage")
            }
            StorageError::AlreadyExists { kind, id } => {
                Problem::new(Code::AlreadyExists, "RESOURCE_ALREADY_EXISTS", message)
                    .with("resource", kind)
                    .with("id", id)
            }
            StorageError::Unique { constraint } => {
                Problem::new(Code::AlreadyExists, "RESOURCE_ALREADY_EXISTS", message).with("constraint", constraint)
            }
            StorageError::NotFound { kind, id } => Problem::not_found(&kind, &id),
            StorageError::RevisionMismatch { .. } => Problem::new(Code::Aborted, "ETAG_MISMATCH", message),
            StorageError::RequestIdReused => Problem::new(Code::FailedPrecondition, "REQUEST_ID_REUSED", message),
            StorageError::Invalid { field, reason } => Problem::invalid_field(field, reason),
            StorageError::Closed | StorageError::Locked(_) => Problem::dependency("embedded", message),
            StorageError::Corrupt(_)
            | StorageError::Migration(_)
            | StorageError::Config(_)
            | StorageError::Internal(_) => Problem::internal(message),
        }
    }
}

/// Refuses texts that one of the stores cannot hold, so that both refuse the same ones.
pub(crate) fn check_text(field: &'static str, text: &str) -> Result<(), StorageError> {
    let reason = match text {
        "" => "is empty",
        _ if text.len() > 512 => "is longer than 512 bytes",
        _ if text.contains('\0') => "contains a NUL character",
        _ => return Ok(()),
    };
    Err(StorageError::Invalid { field, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_maps_to_one_reason() {
        let reason = |error: StorageError| {
            let problem = Problem::from(error);
            (problem.code, problem.reason)
        };
        let named = |kind: &str| (kind.to_owned(), "a".to_owned());
        let (kind, id) = named("offer");
        assert_eq!(reason(StorageError::NotFound { kind, id }), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        let (kind, id) = named("offer");
        assert_eq!(reason(StorageError::AlreadyExists { kind, id }), (Code::AlreadyExists, "RESOURCE_ALREADY_EXISTS"));
        let mismatch = StorageError::RevisionMismatch { expected: 1, found: 2 };
        assert_eq!(reason(mismatch), (Code::Aborted, "ETAG_MISMATCH"));
        assert_eq!(reason(StorageError::RequestIdReused), (Code::FailedPrecondition, "REQUEST_ID_REUSED"));
        let away = StorageError::unavailable("postgres", "refused");
        assert_eq!(reason(away), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
        assert_eq!(reason(StorageError::Closed), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
        assert_eq!(reason(StorageError::Corrupt("x".to_owned())), (Code::Internal, "INTERNAL"));
        assert_eq!(check_text("id", "a\0b").map_err(reason), Err((Code::InvalidArgument, "INVALID_FIELD")));
    }
}
