//! Every instrument of the service.

attune_service_kit::instruments! {
    /// The instruments of decision. Durations of calls are measured by the server itself.
    pub struct Metrics("attune.decision") {
        /// Decisions made.
        decisions: Counter("attune.decision.decisions", "{decision}", "decisions made", ["treatment"]),
        /// Offers made.
        offers: Counter("attune.decision.offers", "{offer}", "offers made", ["treatment"]),
        /// Decisions that had to do without a dependency.
        degradations: Counter("attune.decision.degradations", "{decision}", "decisions that did without a dependency", ["dependency"]),
        /// Candidates ended by each stage.
        candidates: Counter("attune.decision.candidates", "{candidate}", "candidates ended by each stage", ["stage"]),
        /// Rules, arbitration and explanation of one decision, without waiting for anybody.
        pipeline: Histogram("attune.decision.pipeline.duration", "s", "time of rules and arbitration of a decision, without waiting", []),
        /// Responses recorded.
        responses: Counter("attune.decision.responses", "{response}", "responses recorded", ["kind", "outcome"]),
        /// Counts of the model that changed.
        learned: Counter("attune.decision.model.updates", "{update}", "counts of the model that a batch of responses changed", []),
        /// Decisions of other systems that were imported.
        imported: Counter("attune.decision.imported", "{decision}", "decisions of other systems that were imported", ["outcome"]),
        /// Decisions that wait to be written behind.
        waiting: Gauge("attune.decision.log.waiting", "{decision}", "decisions that wait to be written behind", []),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_names_every_instrument() {
        let readme = include_str!("../README.md");
        for instrument in Metrics::ALL {
            assert!(readme.contains(&format!("`{}`", instrument.name)), "{}", instrument.name);
        }
    }
}
