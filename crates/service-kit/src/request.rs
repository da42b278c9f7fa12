//! The first line of every handler.

use attune_kernel::{Problem, Violation};
use attune_proto::Validate;
use tonic::{Request, Status};

use crate::status::to_status;

/// Checks the field rules of a request and takes its message.
///
/// # Errors
/// `INVALID_ARGUMENT` with every broken rule and its path.
#[allow(clippy::result_large_err, reason = "tonic's own error type")]
pub fn valid<T: Validate>(request: Request<T>) -> Result<T, Status> {
    let message = request.into_inner();
    check(&message).map_err(to_status)?;
    Ok(message)
}

/// Checks the field rules of a message, for the items of a stream.
///
/// # Errors
/// `INVALID_ARGUMENT` with every broken rule and its path.
pub fn check<T: Validate>(message: &T) -> Result<(), Problem> {
    let violations = violations(message);
    if violations.is_empty() { Ok(()) } else { Err(Problem::invalid(violations)) }
}

/// Every broken field rule of a message, in the kernel's words.
pub fn violations<T: Validate>(message: &T) -> Vec<Violation> {
    attune_proto::violations(message).into_iter().map(|one| Violation::new(one.field, one.description)).collect()
}

#[cfg(test)]
mod tests {
    use attune_proto::decision::v1::DecideRequest;
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn names_every_broken_field() {
        let status = valid(Request::new(DecideRequest { limit: -1, ..Default::default() })).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        let fields: Vec<String> = status
            .get_error_details()
            .bad_request()
            .unwrap()
            .field_violations
            .iter()
            .map(|v| v.field.clone())
            .collect();
        assert!(
            ["subject", "placement", "limit"].iter().all(|field| fields.contains(&(*field).to_owned())),
            "{fields:?}"
        );
    }
}
