//! Every instrument of the service.

use attune_service_kit::metrics::KeyValue;

use crate::domain::live::Change;

attune_service_kit::instruments! {
    /// The instruments of journey-pathing. Durations of calls are measured by the server itself.
    pub struct Metrics("attune.journey") {
        /// Events observed.
        events: Counter("attune.journey.events", "{event}", "events observed", ["outcome"]),
        /// Triggers fired.
        triggers: Counter("attune.journey.triggers", "{trigger}", "triggers fired", ["rule"]),
        /// Changes of stage.
        stage_changes: Counter("attune.journey.stage_changes", "{change}", "persons who moved to another stage", ["journey"]),
        /// Timers fired.
        timers: Counter("attune.journey.timers", "{person}", "persons whose timers were due", []),
        /// How late timers fire.
        timer_delay: Histogram("attune.journey.timer.delay", "s", "time from a deadline to the trigger that a timer fires", []),
        /// Events fetched.
        backfilled: Counter("attune.journey.backfilled", "{event}", "earlier events fetched from profiles", []),
    }
}

impl Metrics {
    /// Counts what happened to persons. Rules and journeys are few and named by the operator.
    pub(crate) fn count(&self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Trigger { rule, .. } => self.triggers.add(1, &[KeyValue::new("rule", rule.clone())]),
                Change::Stage { journey, .. } => {
                    self.stage_changes.add(1, &[KeyValue::new("journey", journey.clone())]);
                }
            }
        }
    }
}
