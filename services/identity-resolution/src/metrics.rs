//! Every instrument of the service.

attune_service_kit::instruments! {
    /// The instruments of identity-resolution. Durations of calls are measured by the server itself.
    pub struct Metrics("attune.identity") {
        /// Interactions resolved.
        resolved: Counter("attune.identity.resolved", "{interaction}", "interactions resolved", ["outcome"]),
        /// Persons merged.
        merges: Counter("attune.identity.merges", "{person}", "persons merged into another", ["cause"]),
        /// Persons split.
        splits: Counter("attune.identity.splits", "{person}", "persons split off another by an operator", []),
        /// Persons erased.
        erasures: Counter("attune.identity.erasures", "{person}", "persons erased", []),
        /// Identifiers that did not link.
        limit_hits: Counter("attune.identity.limit_hits", "{identifier}", "identifiers that did not link", ["namespace", "limit"]),
    }
}
