//! The statuses that a client makes itself.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of the suite's `ErrorInfo`.
const DOMAIN: &str = "attune.dev";

pub(crate) fn too_late() -> Status {
    let details = ErrorDetails::with_error_info("DEADLINE_EXCEEDED", DOMAIN, HashMap::new());
    Status::with_error_details(Code::DeadlineExceeded, "the time allowed for the call ran out", details)
}

/// A transport that failed before there was an answer.
pub(crate) fn unreachable(error: &(dyn std::error::Error + 'static)) -> Status {
    let mut details = ErrorDetails::with_error_info("DEPENDENCY_UNAVAILABLE", DOMAIN, HashMap::new());
    details.set_retry_info(Some(std::time::Duration::from_millis(100)));
    // The innermost cause says what happened; what wraps it says only that something did.
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    Status::with_error_details(Code::Unavailable, format!("the service cannot be reached: {cause}"), details)
}

/// The name of a code as conventions write it.
pub(crate) const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
