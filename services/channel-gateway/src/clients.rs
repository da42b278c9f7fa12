//! The services that the conductor calls, in its own words. Every call is idempotent, so that a relay whose call failed
//! simply does its step again.

mod decide;
mod events;
mod feeds;
pub(crate) mod wire;

use attune_client::{ContactClient, DecisionClient, IdentityClient, JourneyClient, ProfileClient};
use attune_kernel::{Code, Problem};
use attune_service_kit::status::from_status;

pub(crate) use decide::Admission;
pub(crate) use events::{Import, Reported, Response};

/// The services that the conductor calls.
#[derive(Clone)]
pub struct Callees {
    /// Who is this.
    pub identity: IdentityClient,
    /// What is known of them.
    pub profile: ProfileClient,
    /// What they do.
    pub journey: JourneyClient,
    /// What now.
    pub decision: DecisionClient,
    /// Whether it may be.
    pub contact: ContactClient,
}

/// What a callee refused, item by item: position in the request and why.
pub(crate) type Refused = Vec<(usize, Problem)>;

/// Whether the same call may succeed later without anybody changing anything.
#[must_use]
pub(crate) fn is_passing(problem: &Problem) -> bool {
    matches!(
        problem.code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::Internal
    )
}

/// Whether an item of a batch should hold the batch up: its callee is away, or busy. A defect at one item must not.
#[must_use]
pub(crate) fn is_passing_item(problem: &Problem) -> bool {
    is_passing(problem) && problem.code != Code::Internal
}

fn problem(status: tonic::Status) -> Problem {
    from_status(&status)
}

/// A status as an item of a batch carries it.
pub(crate) fn item_problem(status: &tonic_types::pb::Status) -> Problem {
    let bytes = prost::Message::encode_to_vec(status);
    from_status(&tonic::Status::with_details(tonic::Code::from(status.code), status.message.clone(), bytes.into()))
}
