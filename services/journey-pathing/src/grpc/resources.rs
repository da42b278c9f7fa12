//! Journeys and trigger rules as resources.

use attune_proto::journey::v1::{Journey, TriggerRule};

attune_service_kit::resource! {
    /// Journeys.
    pub(crate) Journeys(Journey) { kind: "journey", id: journey_id }
}

attune_service_kit::resource! {
    /// Trigger rules.
    pub(crate) TriggerRules(TriggerRule) { kind: "trigger_rule", id: trigger_rule_id }
}
