//! What the service measures.

attune_service_kit::instruments! {
    /// The instruments of this service.
    pub struct Metrics("attune.contact") {
        /// Candidates judged.
        candidates: Counter("attune.contact.candidates", "{candidate}", "candidates judged by Admit", ["outcome"]),
        /// Denials by policy.
        denials: Counter("attune.contact.denials", "{denial}", "times a policy held a candidate back", ["contact_policy"]),
        /// Reservations given back by callers.
        released: Counter("attune.contact.reservations.released", "{reservation}", "open reservations given back", []),
        /// Contacts recorded.
        contacts: Counter("attune.contact.contacts", "{contact}", "contacts received by RecordContact", ["outcome"]),
        /// Optimization runs.
        runs: Counter("attune.contact.optimize.runs", "{run}", "optimization runs that ended with a plan", ["stop_reason"]),
        /// Time of a run.
        run_duration: Histogram("attune.contact.optimize.duration", "s", "time spent in solving and checking a run", []),
        /// Proposals of a run.
        proposals: Counter("attune.contact.optimize.proposals", "{proposal}", "proposals of optimization runs", []),
    }
}
