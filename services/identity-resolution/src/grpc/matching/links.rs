//! What matching tells the graph.

use std::sync::Arc;

use attune_kernel::Timestamp;
use attune_service_kit::metrics::KeyValue;

use super::Active;
use crate::domain::matching::review::Decided;
use crate::domain::matching::{Constraint, Plan};
use crate::domain::{Claim, Claims, Command, Decision, Says, Slot};
use crate::error::Error;
use crate::grpc::Identity;

/// Who asserts matches, in the audit trail.
const ACTOR: &str = "matching";

impl Identity {
    /// Matches to assert and to retract, as claims; none when the plan changes nothing.
    pub(super) fn claims(&self, active: &Active, plan: &Plan, now: Timestamp) -> Option<Claims> {
        for (outcome, count) in [("linked", plan.assert.len()), ("unlinked", plan.retract.len())] {
            self.metrics.matches.add(count as u64, &[KeyValue::new("outcome", outcome)]);
        }
        if plan.assert.is_empty() && plan.retract.is_empty() {
            return None;
        }
        let matched = |weight, probability| Says::Matched { weight, probability, model: active.version.clone() };
        let assert = plan
            .assert
            .iter()
            .map(|pair| Claim::pair(pair.left, pair.right, matched(pair.weight, pair.probability), ACTOR, now));
        let retract = plan.retract.iter().map(|pair| Slot::pair(pair.left, pair.right, true));
        let by = self.decision(ACTOR.to_owned(), String::new());
        Some(Claims { assert: assert.collect(), retract: retract.collect(), by: Decision { now, ..by } })
    }

    /// Asserts and retracts matches.
    pub(super) async fn carry_out(&self, active: &Active, plan: &Plan, now: Timestamp) -> Result<(), Error> {
        if let Some(claims) = self.claims(active, plan, now) {
            self.store.execute(&self.rules, Arc::new(Command::Resolve(Vec::new(), Some(claims)))).await?;
        }
        Ok(())
    }

    /// Puts the constraint of a verdict in force; it replaces the one of an earlier verdict on the same pair.
    pub(in crate::grpc) async fn constrain(&self, constraint: Constraint, decided: &Decided) -> Result<(), Error> {
        let (one, other, says) = match constraint {
            Constraint::MustLink(one, other) => (one, other, Says::Same),
            Constraint::CannotLink(one, other) => (one, other, Says::Different),
        };
        let claim = Claim::pair(one, other, says, &decided.actor, decided.time);
        let claim = Claim { reason: decided.reason.clone(), reviewed: true, ..claim };
        let by = self.decision(decided.actor.clone(), decided.reason.clone());
        let by = Decision { now: decided.time, ..by };
        let claims = Claims { assert: vec![claim], retract: Vec::new(), by };
        self.store.execute(&self.rules, Arc::new(Command::Resolve(Vec::new(), Some(claims)))).await?;
        Ok(())
    }
}
