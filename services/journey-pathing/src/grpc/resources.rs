//! Journeys and sets of trigger rules as resources.

use attune_proto::journey::v1::{Journey, TriggerRuleSet};

attune_service_kit::resource! {
    /// Journeys.
    pub(crate) Journeys(Journey) { kind: "journey", id: journey_id }
}

attune_service_kit::resource! {
    /// Sets of trigger rules.
    pub(crate) TriggerRuleSets(TriggerRuleSet) { kind: "trigger_rule_set", id: trigger_rule_set_id }
}
