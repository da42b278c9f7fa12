//! Every instrument of the service.

use attune_service_kit::metrics::KeyValue;

attune_service_kit::instruments! {
    /// The instruments of channel-gateway. Durations of calls are measured by the server itself.
    pub struct Metrics("attune.channel") {
        /// Events collected.
        collected: Counter("attune.channel.collected", "{event}", "events collected", ["outcome"]),
        /// What the conductor handed on.
        relays: Counter("attune.channel.relayed", "{item}", "events and feed entries handed on", ["relay"]),
        /// Pauses of a relay.
        relay_failures: Counter("attune.channel.relay_failures", "{failure}", "failures that made a relay pause", ["relay"]),
        /// Events set aside.
        quarantines: Counter("attune.channel.quarantined", "{event}", "events set aside for people", []),
        /// Attempts to deliver.
        attempts: Counter("attune.channel.attempts", "{attempt}", "attempts to deliver", ["outcome"]),
        /// Events waiting.
        inbox_pending: Gauge("attune.channel.inbox.pending", "{event}", "events not yet worked through", []),
        /// The oldest event waiting.
        inbox_age: Gauge("attune.channel.inbox.age", "s", "age of the oldest event not yet worked through", []),
        /// Deliveries by state.
        deliveries: Gauge("attune.channel.deliveries", "{delivery}", "deliveries by state", ["state"]),
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Metrics {
    /// Events were answered: `accepted`, `duplicate` or `rejected`.
    pub fn collect(&self, outcome: &'static str, count: usize) {
        if count > 0 {
            self.collected.add(number(count), &[KeyValue::new("outcome", outcome)]);
        }
    }

    /// A relay handed on `count` items.
    pub fn relayed(&self, relay: &'static str, count: usize) {
        self.relays.add(number(count), &[KeyValue::new("relay", relay)]);
    }

    /// A relay pauses.
    pub fn relay_failed(&self, relay: &'static str) {
        self.relay_failures.add(1, &[KeyValue::new("relay", relay)]);
    }

    /// Events were set aside.
    pub fn quarantined(&self, count: u32) {
        if count > 0 {
            self.quarantines.add(u64::from(count), &[]);
        }
    }

    /// An attempt ended.
    pub fn attempted(&self, outcome: &'static str) {
        self.attempts.add(1, &[KeyValue::new("outcome", outcome)]);
    }
}
