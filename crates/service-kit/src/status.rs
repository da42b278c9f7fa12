//! [`Problem`] to [`tonic::Status`] and back.
//!
//! Every status that leaves the suite carries exactly one `google.rpc.ErrorInfo` in the domain [`DOMAIN`]; invalid
//! input carries `BadRequest`, and what may be retried carries `RetryInfo`.

use std::collections::HashMap;
use std::time::Duration;

use attune_kernel::{Code, Problem, Violation};
use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The domain of every `ErrorInfo` of the suite.
pub const DOMAIN: &str = "attune.dev";

/// What the caller reads of a defect of ours; the rest is in the log.
const INTERNAL_MESSAGE: &str = "internal error";

/// Turns a problem into a status. The message of [`Code::Internal`] is logged at error level and stays here.
#[must_use]
pub fn to_status(problem: Problem) -> Status {
    let Problem { code, reason, mut message, violations, mut metadata, retry_after } = problem;
    if code == Code::Internal {
        tracing::error!(reason, detail = message, ?metadata, "internal error");
        message = INTERNAL_MESSAGE.to_owned();
        metadata = Vec::new();
    }
    let metadata: HashMap<String, String> = metadata.into_iter().collect();
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, metadata);
    for Violation { field, description } in violations {
        details.add_bad_request_violation(field, description);
    }
    if let Some(wait) = retry_after {
        details.set_retry_info(Some(wait));
    }
    Status::with_error_details(to_grpc_code(code), message, details)
}

/// Turns a status that a client received into a problem. A status of another system has the reason `UPSTREAM`.
#[must_use]
pub fn from_status(status: &Status) -> Problem {
    let details = status.get_error_details();
    let code = from_grpc_code(status.code());
    let mut problem = Problem::new(code, "UPSTREAM", status.message());
    if let Some(info) = details.error_info() {
        problem.reason = intern(&info.reason);
        problem.metadata = info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        problem.metadata.sort();
    }
    if let Some(bad) = details.bad_request() {
        problem.violations =
            bad.field_violations.iter().map(|one| Violation::new(&one.field, &one.description)).collect();
    }
    if let Some(wait) = details.retry_info().and_then(|info| info.retry_delay) {
        problem.retry_after = Some(wait.min(Duration::from_secs(3600)));
    }
    problem
}

/// Gives a status that the transport built itself (an unknown method, bytes that do not decode) the `ErrorInfo` that
/// every status of the suite has. A status that has details is left as it is.
#[must_use]
pub fn completed(status: Status) -> Status {
    if status.code() == GrpcCode::Ok || !status.details().is_empty() {
        return status;
    }
    // The transport reports a malformed message as INTERNAL; it is the caller's message that is malformed.
    if status.code() == GrpcCode::Internal && status.message().starts_with("failed to decode Protobuf message") {
        let message = "the request is not a valid message of its type";
        return to_status(Problem::new(Code::InvalidArgument, "MALFORMED_MESSAGE", message));
    }
    let reason = match status.code() {
        GrpcCode::Unimplemented => "METHOD_UNKNOWN",
        GrpcCode::ResourceExhausted | GrpcCode::OutOfRange => "MESSAGE_TOO_LARGE",
        GrpcCode::DeadlineExceeded => "DEADLINE_EXCEEDED",
        GrpcCode::Cancelled => "CANCELLED",
        GrpcCode::Internal | GrpcCode::Unknown => {
            tracing::error!(detail = status.message(), "internal error");
            return to_status_quietly(GrpcCode::Internal, INTERNAL_MESSAGE, "INTERNAL");
        }
        _ => "TRANSPORT",
    };
    to_status_quietly(status.code(), status.message(), reason)
}

fn to_status_quietly(code: GrpcCode, message: &str, reason: &str) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new()))
}

/// The gRPC code of a code.
#[must_use]
pub const fn to_grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::Cancelled => GrpcCode::Cancelled,
        Code::InvalidArgument => GrpcCode::InvalidArgument,
        Code::DeadlineExceeded => GrpcCode::DeadlineExceeded,
        Code::NotFound => GrpcCode::NotFound,
        Code::AlreadyExists => GrpcCode::AlreadyExists,
        Code::PermissionDenied => GrpcCode::PermissionDenied,
        Code::ResourceExhausted => GrpcCode::ResourceExhausted,
        Code::FailedPrecondition => GrpcCode::FailedPrecondition,
        Code::Aborted => GrpcCode::Aborted,
        Code::OutOfRange => GrpcCode::OutOfRange,
        Code::Internal => GrpcCode::Internal,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Unauthenticated => GrpcCode::Unauthenticated,
    }
}

/// The code of a gRPC code; what the suite does not use itself becomes [`Code::Internal`].
#[must_use]
pub const fn from_grpc_code(code: GrpcCode) -> Code {
    match code {
        GrpcCode::Cancelled => Code::Cancelled,
        GrpcCode::InvalidArgument => Code::InvalidArgument,
        GrpcCode::DeadlineExceeded => Code::DeadlineExceeded,
        GrpcCode::NotFound => Code::NotFound,
        GrpcCode::AlreadyExists => Code::AlreadyExists,
        GrpcCode::PermissionDenied => Code::PermissionDenied,
        GrpcCode::ResourceExhausted => Code::ResourceExhausted,
        GrpcCode::FailedPrecondition => Code::FailedPrecondition,
        GrpcCode::Aborted => Code::Aborted,
        GrpcCode::OutOfRange => Code::OutOfRange,
        GrpcCode::Unavailable => Code::Unavailable,
        GrpcCode::Unauthenticated => Code::Unauthenticated,
        GrpcCode::Ok | GrpcCode::Unknown | GrpcCode::Unimplemented | GrpcCode::Internal | GrpcCode::DataLoss => {
            Code::Internal
        }
    }
}

/// The name of a gRPC code as conventions and documents write it.
#[must_use]
pub const fn code_name(code: GrpcCode) -> &'static str {
    match code {
        GrpcCode::Ok => "OK",
        GrpcCode::Cancelled => "CANCELLED",
        GrpcCode::Unknown => "UNKNOWN",
        GrpcCode::InvalidArgument => "INVALID_ARGUMENT",
        GrpcCode::DeadlineExceeded => "DEADLINE_EXCEEDED",
        GrpcCode::NotFound => "NOT_FOUND",
        GrpcCode::AlreadyExists => "ALREADY_EXISTS",
        GrpcCode::PermissionDenied => "PERMISSION_DENIED",
        GrpcCode::ResourceExhausted => "RESOURCE_EXHAUSTED",
        GrpcCode::FailedPrecondition => "FAILED_PRECONDITION",
        GrpcCode::Aborted => "ABORTED",
        GrpcCode::OutOfRange => "OUT_OF_RANGE",
        GrpcCode::Unimplemented => "UNIMPLEMENTED",
        GrpcCode::Internal => "INTERNAL",
        GrpcCode::Unavailable => "UNAVAILABLE",
        GrpcCode::DataLoss => "DATA_LOSS",
        GrpcCode::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Reasons are static in a [`Problem`]; the few that other services send are kept once each. A peer that sends ever
/// new reasons gets `UPSTREAM` once the table is full, so that it cannot fill the memory.
fn intern(reason: &str) -> &'static str {
    use std::collections::HashSet;
    static KNOWN: std::sync::LazyLock<parking_lot::RwLock<HashSet<&'static str>>> =
        std::sync::LazyLock::new(Default::default);
    const MOST: usize = 512;
    if let Some(known) = KNOWN.read().get(reason) {
        return known;
    }
    let mut known = KNOWN.write();
    if known.len() >= MOST || reason.len() > 63 {
        return "UPSTREAM";
    }
    let leaked: &'static str = Box::leak(reason.to_owned().into_boxed_str());
    known.insert(leaked);
    leaked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_survives_the_wire() {
        let invalid = Problem::invalid(vec![
            Violation::new("events[3].time", "must be after 1900"),
            Violation::new("subject", "is missing"),
        ]);
        let away = Problem::dependency("postgres", "refused").retry_after(Duration::from_millis(250));
        let missing = Problem::not_found("offer", "gold");
        for problem in [invalid, away, missing] {
            let mut back = from_status(&to_status(problem.clone()));
            let mut expected = problem;
            expected.metadata.sort();
            back.metadata.sort();
            assert_eq!(back, expected);
        }
    }

    #[test]
    fn exactly_one_error_info_and_retry_info_only_where_a_retry_helps() {
        let details = to_status(Problem::dependency("redis", "refused")).get_error_details_vec();
        let infos = details.iter().filter(|detail| matches!(detail, tonic_types::ErrorDetail::ErrorInfo(_))).count();
        assert_eq!((infos, details.len()), (1, 2));
        assert_eq!(to_status(Problem::not_found("offer", "x")).get_error_details_vec().len(), 1);
    }

    #[test]
    fn a_defect_says_nothing_to_the_caller() {
        let status = to_status(Problem::internal("password is hunter2").with("table", "secrets"));
        assert_eq!((status.code(), status.message()), (GrpcCode::Internal, "internal error"));
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str(), info.metadata.len()), ("INTERNAL", DOMAIN, 0));
    }

    #[test]
    fn what_the_transport_says_is_completed_and_the_rest_left_alone() {
        let unknown = completed(Status::unimplemented(""));
        assert_eq!(unknown.get_error_details().error_info().unwrap().reason, "METHOD_UNKNOWN");
        let garbage = completed(Status::internal("failed to decode Protobuf message: invalid wire type"));
        assert_eq!(garbage.code(), GrpcCode::InvalidArgument);
        assert_eq!(garbage.get_error_details().error_info().unwrap().reason, "MALFORMED_MESSAGE");
        let own = to_status(Problem::not_found("offer", "x"));
        assert_eq!(completed(own.clone()).details(), own.details());
        assert_eq!(from_status(&Status::unavailable("gone")).reason, "UPSTREAM");
    }

    #[test]
    fn codes_round_trip() {
        for code in (0..17).map(GrpcCode::from) {
            let there_and_back = to_grpc_code(from_grpc_code(code));
            assert!(there_and_back == code || there_and_back == GrpcCode::Internal, "{code:?}");
        }
    }
}
