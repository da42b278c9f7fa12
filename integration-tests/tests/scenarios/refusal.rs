//! What a refused call says.

use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetail, RpcStatusExt as _, StatusExt as _};

/// The parts of a status that a caller acts on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) fields: Vec<String>,
}

impl Refusal {
    /// Bad fields, by path.
    pub(crate) fn invalid(fields: &[&str]) -> Self {
        Self::of(Code::InvalidArgument, "INVALID_FIELD", fields)
    }

    /// Something that is named does not exist.
    pub(crate) fn missing() -> Self {
        Self::of(Code::NotFound, "RESOURCE_NOT_FOUND", &[])
    }

    pub(crate) fn of(code: Code, reason: &str, fields: &[&str]) -> Self {
        Self { code, reason: reason.to_owned(), fields: fields.iter().map(|field| (*field).to_owned()).collect() }
    }
}

/// What a call that must be refused says; exactly one `ErrorInfo` in the suite's domain.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<Response<T>, Status>) -> Refusal {
    let status = answer.expect_err("it is refused");
    read(status.code(), status.get_error_details_vec())
}

/// What the status of an item of a batch says.
pub(crate) fn item(status: Option<&tonic_types::pb::Status>) -> Refusal {
    let status = status.expect("a status");
    read(Code::from(status.code), status.get_error_details_vec())
}

fn read(code: Code, details: Vec<ErrorDetail>) -> Refusal {
    let (mut reasons, mut fields) = (Vec::new(), Vec::new());
    for detail in details {
        match detail {
            ErrorDetail::ErrorInfo(info) => {
                assert_eq!(info.domain, "attune.dev");
                reasons.push(info.reason);
            }
            ErrorDetail::BadRequest(bad) => fields.extend(bad.field_violations.into_iter().map(|one| one.field)),
            _ => {}
        }
    }
    assert_eq!(reasons.len(), 1, "exactly one reason: {reasons:?}");
    Refusal { code, reason: reasons.remove(0), fields }
}
