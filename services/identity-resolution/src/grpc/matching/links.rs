//! What matching tells the graph.

use attune_kernel::Timestamp;
use attune_service_kit::metrics::KeyValue;

use super::Active;
use crate::domain::matching::review::Decided;
use crate::domain::matching::{Constraint, Plan};
use crate::error::Error;
use crate::grpc::Identity;

impl Identity {
    /// Asserts and retracts matches.
    pub(super) async fn carry_out(&self, active: &Active, plan: &Plan, now: Timestamp) -> Result<(), Error> {
        let _ = (active, now);
        for (outcome, count) in [("linked", plan.assert.len()), ("unlinked", plan.retract.len())] {
            self.metrics.matches.add(count as u64, &[KeyValue::new("outcome", outcome)]);
        }
        Ok(())
    }

    /// Puts the constraint of a verdict in force; it replaces the one of an earlier verdict on the same pair.
    pub(in crate::grpc) async fn constrain(&self, constraint: Constraint, decided: &Decided) -> Result<(), Error> {
        let _ = (constraint, decided);
        Ok(())
    }
}
