//! Every instrument of the service.

attune_service_kit::instruments! {
    /// The instruments of identity-resolution. Durations of calls are measured by the server itself.
    pub struct Metrics("attune.identity") {
        /// Interactions resolved.
        resolved: Counter("attune.identity.resolved", "{interaction}", "interactions resolved", ["outcome"]),
        /// Persons merged.
        merges: Counter("attune.identity.merges", "{person}", "persons merged into another", ["cause"]),
        /// Persons split.
        splits: Counter("attune.identity.splits", "{person}", "persons split off another", ["cause"]),
        /// Matches found by attributes.
        matches: Counter("attune.identity.matches", "{match}", "matches found by attributes", ["outcome"]),
        /// Reviews opened.
        reviews: Counter("attune.identity.reviews", "{review}", "pairs given to a person to decide", []),
        /// Reviews that wait.
        review_queue: Gauge("attune.identity.review_queue", "{review}", "pairs that wait for a person to decide", []),
        /// Reviews decided.
        verdicts: Counter("attune.identity.verdicts", "{review}", "pairs that a person decided", ["verdict"]),
        /// Candidates that were scored.
        candidates: Counter("attune.identity.candidates", "{record}", "records compared with a record that arrived", []),
        /// Blocking keys that were passed over.
        oversized_blocks: Counter("attune.identity.oversized_blocks", "{key}", "blocking keys passed over because too many records share them", []),
        /// Records examined again.
        reconciled: Counter("attune.identity.reconciled", "{record}", "records examined again", []),
        /// Persons erased.
        erasures: Counter("attune.identity.erasures", "{person}", "persons erased", []),
        /// Identifiers that did not link.
        limit_hits: Counter("attune.identity.limit_hits", "{identifier}", "identifiers that did not link", ["namespace", "limit"]),
    }
}
