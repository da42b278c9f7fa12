//! The instruments of this service.

attune_service_kit::instruments! {
    /// The instruments of this service.
    pub struct Metrics("attune.profile") {
        /// Events appended to timelines.
        appended: Counter("attune.profile.events.appended", "{event}", "events appended to timelines", []),
        /// Events that were known already.
        duplicates: Counter("attune.profile.events.duplicates", "{event}", "events that were known already", []),
        /// Snapshots read, by where they came from.
        snapshots: Counter("attune.profile.snapshots", "{snapshot}", "profile snapshots read", ["source"]),
        /// Attributes of events that found no room in a profile.
        refused: Counter("attune.profile.attributes.refused", "{attribute}", "attributes of events that found no room", []),
        /// Values that were kept aside because they are not declared so.
        aside: Counter("attune.profile.attributes.aside", "{attribute}", "values kept aside because they are not declared so", []),
        /// Persons evaluated by the background task.
        evaluated: Counter("attune.profile.segments.evaluated", "{person}", "persons evaluated after a segment was written", []),
        /// Persons whom time alone may have moved.
        due: Counter("attune.profile.persons.due", "{person}", "persons looked at because time alone may have moved them", []),
        /// Persons whose traits were filled from their timeline.
        filled: Counter("attune.profile.traits.filled", "{person}", "persons whose new or changed traits were filled from their timeline", []),
        /// Events removed because their kind is kept for a bounded time.
        expired: Counter("attune.profile.events.expired", "{event}", "events removed because their kind is kept for a bounded time", []),
        /// Persons in the index.
        audience_persons: Gauge("attune.profile.audience.persons", "{person}", "persons in the index of everybody", []),
        /// Changes of who is who applied, by kind.
        rewrites: Counter("attune.profile.rewrites", "{change}", "merges, splits and erasures applied", ["kind"]),
    }
}
