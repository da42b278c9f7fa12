//! Contact policies as resources and as the compiled set.

use std::time::Duration;

use attune_kernel::{Problem, Violation};
use attune_proto::contact::v1::{ContactPolicy, contact_policy};
use attune_service_kit::crud::Records;

use super::convert::{self, Checks};
use crate::domain::policy::{Limit, Policy, PolicySet};

attune_service_kit::resource! {
    /// Contact policies.
    pub(super) ContactPolicies(ContactPolicy) { kind: "contact_policy", id: contact_policy_id, check: check }
}

/// Windows and periods shorter than this limit nothing that a person would notice, and a capacity makes a counter each
/// period.
const SHORTEST: Duration = Duration::from_secs(1);

fn check(policy: &ContactPolicy) -> Vec<Violation> {
    let mut checks = Checks::default();
    let (field, length) = match &policy.limit {
        Some(contact_policy::Limit::Frequency(frequency)) => ("frequency.window", frequency.window.as_ref()),
        Some(contact_policy::Limit::Capacity(capacity)) => ("capacity.period", capacity.period.as_ref()),
        None => return Vec::new(),
    };
    if length.is_some_and(|length| convert::duration(length) < SHORTEST) {
        checks.0.push(Violation::new(field, "must be at least one second"));
    }
    let scope = policy.scope.clone().unwrap_or_default();
    let lists = [("channels", scope.channels), ("offer_ids", scope.offer_ids), ("campaign_ids", scope.campaign_ids)];
    for (field, list) in lists {
        for (index, name) in list.iter().enumerate() {
            if name.is_empty() || name.len() > 128 {
                checks.0.push(Violation::new(format!("scope.{field}[{index}]"), "must have 1 to 128 bytes"));
            }
            checks.text(|| format!("scope.{field}[{index}]"), name);
        }
    }
    checks.0
}

/// The enabled policies as the domain applies them.
pub(super) fn compile(records: &Records) -> Result<PolicySet, Problem> {
    let policy = |policy: ContactPolicy| {
        let length = |length: Option<prost_types::Duration>| convert::duration(&length.unwrap_or_default());
        let limit = match policy.limit? {
            contact_policy::Limit::Frequency(frequency) => Limit::Frequency {
                limit: frequency.limit,
                window: length(frequency.window),
                per_offer: frequency.per_offer,
            },
            contact_policy::Limit::Capacity(capacity) => {
                Limit::Capacity { limit: capacity.limit, period: length(capacity.period) }
            }
        };
        Some(Policy { id: policy.contact_policy_id, scope: convert::scope(policy.scope), limit })
    };
    let policies = records.of::<ContactPolicies>()?.into_iter().filter(|policy| policy.enabled);
    Ok(PolicySet::new(policies.filter_map(policy).collect()))
}
