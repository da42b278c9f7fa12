//! Changes of a delivery, applied the same way by both stores.

use attune_kernel::Timestamp;

use super::record::{Attempt, Delivery, Lead, StateName};

/// What a worker makes of a delivery that it holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// An intent: the attempt and the reservation behind it, before bytes leave.
    Intent {
        /// The attempt, without an outcome.
        attempt: Attempt,
        /// The reservation; empty for none.
        reservation_id: String,
    },
    /// The outcome of the open attempt and where the delivery stands now.
    Settled {
        /// The outcome in capitals.
        outcome: &'static str,
        /// What the provider said.
        detail: String,
        /// Where it stands.
        state: StateName,
        /// Whether the attempt stays open because its outcome is ambiguous.
        keep_open: bool,
        /// When to come back, if at all.
        due: Timestamp,
        /// The lead that the delivery became.
        lead: Option<Box<Lead>>,
    },
    /// No attempt: the delivery ends here, by a rule when it was suppressed.
    Ended {
        /// Where it stands.
        state: StateName,
        /// The rule; empty for none.
        by: String,
    },
    /// Nothing changes but the lease, which is renewed: the worker is still at it.
    Hold,
    /// Nothing happened: come back later (a dependency is away).
    Later {
        /// When.
        due: Timestamp,
    },
}

impl Change {
    /// Whether the worker goes on holding the delivery after it.
    #[must_use]
    pub const fn keeps_lease(&self) -> bool {
        matches!(self, Self::Intent { .. } | Self::Hold)
    }
}

/// Applies a change at `now`. Answers the lead that is to be stored in the same commit.
pub fn apply(delivery: &mut Delivery, change: Change, now: Timestamp) -> Option<Lead> {
    if !matches!(change, Change::Hold) {
        delivery.updated = now;
    }
    match change {
        Change::Hold => None,
        Change::Intent { attempt, reservation_id } => {
            // An earlier attempt that nobody can know about ends here: the new one takes its place.
            if let Some(open) = delivery.attempts.last_mut().filter(|attempt| attempt.settled.is_none()) {
                open.settled = Some(now);
                "UNKNOWN".clone_into(&mut open.outcome);
            }
            delivery.state = StateName::Attempting;
            delivery.reservation_id = reservation_id;
            delivery.attempts.push(attempt);
            None
        }
        Change::Settled { outcome, detail, state, keep_open, due, lead } => {
            if let Some(attempt) = delivery.attempts.last_mut() {
                outcome.clone_into(&mut attempt.outcome);
                attempt.detail = detail;
                attempt.settled = (!keep_open).then_some(now);
            }
            delivery.state = state;
            delivery.due = due;
            lead.map(|lead| *lead)
        }
        Change::Ended { state, by } => {
            // An attempt that is still open ends with the delivery: nobody will look at it again.
            if let Some(attempt) = delivery.attempts.last_mut().filter(|attempt| attempt.settled.is_none()) {
                attempt.settled = Some(now);
                state.as_str().clone_into(&mut attempt.outcome);
            }
            delivery.state = state;
            delivery.suppressed_by = by;
            None
        }
        Change::Later { due } => {
            delivery.due = due;
            None
        }
    }
}
