//! What an operation answers when it cannot do what was asked.
//!
//! A [`Problem`] is the transport-free form of a `google.rpc.Status` with exactly one `ErrorInfo`; the service
//! kit turns it into one. Every reason has a page `docs/errors/<REASON>.md`, which a test checks.

use std::fmt;
use std::time::Duration;

/// The gRPC status codes the suite uses, without the transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The caller cancelled.
    Cancelled,
    /// The request breaks a rule that does not depend on state.
    InvalidArgument,
    /// The time the caller allowed ran out.
    DeadlineExceeded,
    /// What is named does not exist.
    NotFound,
    /// What is to be created exists.
    AlreadyExists,
    /// The caller may not do this.
    PermissionDenied,
    /// A quota, rate or size limit is reached.
    ResourceExhausted,
    /// State forbids it; trying again without a change does not help.
    FailedPrecondition,
    /// A concurrent change won (etag mismatch); read again and retry.
    Aborted,
    /// A page token or offset lies outside what exists.
    OutOfRange,
    /// A defect of ours; details are in the log.
    Internal,
    /// A dependency or the service itself is not there at the moment; retry.
    Unavailable,
    /// The caller is not known.
    Unauthenticated,
}

/// One broken rule of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request, such as `events[3].time`.
    pub field: String,
    /// What is wrong, lower case, without a full stop and without the value (which may be personal).
    pub description: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// Why a request was not fulfilled, ready to be turned into a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The class of the problem.
    pub code: Code,
    /// Stable machine-readable reason in UPPER_SNAKE; the name of a page in docs/errors.
    pub reason: &'static str,
    /// One line for people, lower case, without a full stop.
    pub message: String,
    /// The broken fields, for [`Code::InvalidArgument`].
    pub violations: Vec<Violation>,
    /// Values as fields: keys are lowerCamel, values never personal.
    pub metadata: Vec<(String, String)>,
    /// How long to wait before a retry; set with [`Code::Unavailable`] and [`Code::ResourceExhausted`].
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// A problem without details.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        let retry_after =
            matches!(code, Code::Unavailable | Code::ResourceExhausted).then(|| Duration::from_millis(500));
        Self { code, reason, message: message.into(), violations: Vec::new(), metadata: Vec::new(), retry_after }
    }

    /// `INVALID_ARGUMENT` with the broken fields.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let message = match violations.as_slice() {
            [one] => format!("{}: {}", one.field, one.description),
            [first, ..] => format!("{}: {} (and {} more)", first.field, first.description, violations.len() - 1),
            [] => "invalid request".to_owned(),
        };
        Self { violations, ..Self::new(Code::InvalidArgument, "INVALID_FIELD", message) }
    }

    /// `INVALID_ARGUMENT` for one field.
    pub fn invalid_field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(field, description)])
    }

    /// `NOT_FOUND` of one resource kind.
    pub fn not_found(kind: &str, id: &str) -> Self {
        Self::new(Code::NotFound, "RESOURCE_NOT_FOUND", format!("no such {kind}")).with("resource", kind).with("id", id)
    }

    /// `UNAVAILABLE` because a dependency does not answer.
    pub fn dependency(name: &str, message: impl fmt::Display) -> Self {
        Self::new(Code::Unavailable, "DEPENDENCY_UNAVAILABLE", format!("{name} is unavailable: {message}"))
            .with("dependency", name)
    }

    /// `INTERNAL`: a defect. The message is logged; the caller reads only the reason.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(Code::Internal, "INTERNAL", message.to_string())
    }

    /// Adds one metadata field.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Sets how long the caller should wait before it tries again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_retryable_codes_carry_a_delay() {
        assert!(Problem::dependency("postgres", "refused").retry_after.is_some());
        assert!(Problem::not_found("offer", "x").retry_after.is_none());
    }

    #[test]
    fn the_message_counts_the_other_violations() {
        let problem = Problem::invalid(vec![Violation::new("a", "is empty"), Violation::new("b", "is empty")]);
        assert_eq!(problem.message, "a: is empty (and 1 more)");
    }
}
