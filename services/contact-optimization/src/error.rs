//! Everything that can go wrong, mapped to a problem in one place.

use attune_kernel::{Code, Problem};
use attune_storage::StorageError;

use crate::domain::campaign::State;
use crate::domain::optimize::verify::Broken;
use crate::domain::optimize::{Refused, TooManyPairs};

/// Why a call was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request was refused before anything was done.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// The store does not answer, or what it holds cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A campaign cannot go from one state to another.
    #[error("a campaign that is {} cannot become {}", from.map_or("new", State::as_str), to.as_str())]
    Transition {
        /// Where it stands; none when it is about to be created.
        from: Option<State>,
        /// Where it was to go.
        to: State,
    },
    /// A proposal cannot be taken; the first is the path of the proposal.
    #[error("{0} {1}")]
    Proposal(String, Refused),
    /// Rules and proposals are too many to hold.
    #[error(transparent)]
    TooManyPairs(#[from] TooManyPairs),
    /// As many runs as are allowed are under way.
    #[error("as many optimization runs as are allowed are under way")]
    TooManyRuns,
    /// A plan did not pass the independent check. A defect.
    #[error("the plan did not pass the check: {0}")]
    Plan(#[from] Broken),
    /// The solver stopped without an answer. A defect.
    #[error("the solver ended without an answer")]
    Solver,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(problem) => problem,
            Error::Storage(error) => error.into(),
            Error::Transition { from, to } => {
                Problem::new(Code::FailedPrecondition, "INVALID_STATE_TRANSITION", message)
                    .with("from", from.map_or("new", State::as_str))
                    .with("to", to.as_str())
            }
            Error::Proposal(path, refused) => match refused {
                Refused::TooMany => {
                    Problem::new(Code::ResourceExhausted, "TOO_MANY_PROPOSALS", "the run has too many proposals")
                }
                Refused::DuplicateId => Problem::invalid_field(format!("{path}.proposal_id"), refused.to_string()),
                Refused::Value => Problem::invalid_field(format!("{path}.value"), refused.to_string()),
                Refused::Cost => Problem::invalid_field(format!("{path}.cost"), refused.to_string()),
            },
            Error::TooManyPairs(_) => Problem::new(Code::ResourceExhausted, "TOO_MANY_RULES", message),
            Error::TooManyRuns => Problem::new(Code::ResourceExhausted, "TOO_MANY_RUNS", message),
            Error::Plan(_) | Error::Solver => Problem::internal(message),
        }
    }
}

impl From<Error> for tonic::Status {
    fn from(error: Error) -> Self {
        attune_service_kit::status::to_status(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_maps_to_one_reason() {
        let reason = |error: Error| Problem::from(error).reason;
        let transition = Error::Transition { from: Some(State::Draft), to: State::Running };
        assert_eq!(transition.to_string(), "a campaign that is draft cannot become running");
        assert_eq!(reason(transition), "INVALID_STATE_TRANSITION");
        assert_eq!(reason(Error::Proposal("p[0]".to_owned(), Refused::TooMany)), "TOO_MANY_PROPOSALS");
        let duplicate = Problem::from(Error::Proposal("p[0]".to_owned(), Refused::DuplicateId));
        assert_eq!((duplicate.reason, duplicate.violations[0].field.as_str()), ("INVALID_FIELD", "p[0].proposal_id"));
        assert_eq!(reason(Error::Storage(StorageError::RequestIdReused)), "REQUEST_ID_REUSED");
        assert_eq!(reason(Error::Plan(Broken::Bound)), "INTERNAL");
        assert_eq!(reason(Error::TooManyRuns), "TOO_MANY_RUNS");
    }
}
