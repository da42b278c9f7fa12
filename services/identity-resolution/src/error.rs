//! Everything that can go wrong, mapped to a problem in one place.

use attune_kernel::{Code, Problem, Violation};
use attune_storage::StorageError;

use crate::domain::{Fault, Refusal};

/// Why a call was not fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The rules of the domain refuse it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store does not answer, or what it holds cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Error {
    /// The problem, with the paths of identifiers beginning with `at` (empty, or such as `requests[3].`).
    #[must_use]
    pub fn at(self, at: &str) -> Problem {
        match self {
            Self::Storage(error) => error.into(),
            Self::Refused(refusal) => refused(refusal, at),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        error.at("")
    }
}

fn refused(refusal: Refusal, at: &str) -> Problem {
    let message = refusal.to_string();
    match refusal {
        Refusal::Malformed(faults) => malformed(&faults, at),
        Refusal::NoUsableIdentifier => {
            let violation = Violation::new(format!("{at}identifiers"), "has no identifier that can name a person");
            Problem { reason: "NO_USABLE_IDENTIFIER", ..Problem::invalid(vec![violation]) }
        }
        Refusal::UnknownPerson => {
            Problem::new(Code::NotFound, "RESOURCE_NOT_FOUND", message).with("resource", "person")
        }
        Refusal::PersonErased => Problem::new(Code::FailedPrecondition, "PERSON_ERASED", message),
        Refusal::NotHeld(index) => Problem::new(Code::FailedPrecondition, "IDENTIFIER_NOT_HELD", message)
            .with("field", format!("{at}identifiers[{index}]")),
        Refusal::NothingRemains => Problem::new(Code::FailedPrecondition, "NO_IDENTIFIER_REMAINS", message),
        Refusal::NotMerged => Problem::new(Code::FailedPrecondition, "PERSON_NOT_MERGED", message)
            .with("field", format!("{at}alias_person_id")),
        Refusal::NothingApart => Problem::new(Code::FailedPrecondition, "PERSONS_INSEPARABLE", message),
        Refusal::TooLarge => Problem::new(Code::FailedPrecondition, "COMPONENT_TOO_LARGE", message),
        Refusal::RequestIdReused => Problem::new(Code::FailedPrecondition, "REQUEST_ID_REUSED", message),
    }
}

fn malformed(faults: &[Fault], at: &str) -> Problem {
    let violation = |fault: &Fault| match fault {
        Fault::UnknownNamespace(index) => {
            Violation::new(format!("{at}identifiers[{index}].namespace"), "is not a configured namespace")
        }
        Fault::BadValue(index) => Violation::new(
            format!("{at}identifiers[{index}].value"),
            "must not be blank and must not contain control characters",
        ),
    };
    let problem = Problem::invalid(faults.iter().map(violation).collect());
    let unknown = faults.iter().any(|fault| matches!(fault, Fault::UnknownNamespace(_)));
    if unknown { Problem { reason: "UNKNOWN_NAMESPACE", ..problem } } else { problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_a_reason_and_names_its_field() {
        let faults = Refusal::Malformed(vec![Fault::BadValue(0), Fault::UnknownNamespace(2)]);
        let problem = Error::from(faults).at("requests[1].");
        assert_eq!(problem.reason, "UNKNOWN_NAMESPACE");
        let fields: Vec<&str> = problem.violations.iter().map(|one| one.field.as_str()).collect();
        assert_eq!(fields, ["requests[1].identifiers[0].value", "requests[1].identifiers[2].namespace"]);
        let reason = |refusal: Refusal| Problem::from(Error::from(refusal)).reason;
        assert_eq!(reason(Refusal::Malformed(vec![Fault::BadValue(0)])), "INVALID_FIELD");
        assert_eq!(reason(Refusal::UnknownPerson), "RESOURCE_NOT_FOUND");
        assert_eq!(reason(Refusal::NothingRemains), "NO_IDENTIFIER_REMAINS");
    }
}
