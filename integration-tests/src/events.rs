//! Events as a test writes them down.

use attune_kernel::Timestamp;
use attune_proto::channel::v1::CollectEvent;
use attune_proto::identity::v1::Identifier;
use attune_service_kit::clock::Clock;
use serde_json::{Value, json};

use crate::values::{object, time, unique};

/// Something that happens now.
#[derive(Debug, Clone)]
pub struct Happening(CollectEvent);

impl Happening {
    /// An event of this name, now, with an id of its own.
    #[must_use]
    pub fn of(event: &str) -> Self {
        Self(CollectEvent {
            event_id: unique("event"),
            event: event.to_owned(),
            time: Some(time(now())),
            channel: "web".to_owned(),
            source: "test".to_owned(),
            ..CollectEvent::default()
        })
    }

    /// What a person did with the offer of a decision; `name` without its prefix, such as `accept`.
    #[must_use]
    pub fn answer(name: &str, decision_id: &str, offer_id: &str) -> Self {
        Self::of(&format!("attune.{name}")).with(json!({"decision_id": decision_id, "offer_id": offer_id}))
    }

    /// Seen with this identifier, too.
    #[must_use]
    pub fn by(mut self, (namespace, value): (&str, &str)) -> Self {
        self.0.identifiers.push(identifier((namespace, value)));
        self
    }

    /// With this id.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.0.event_id = id.to_owned();
        self
    }

    /// On this channel.
    #[must_use]
    pub fn on(mut self, channel: &str) -> Self {
        self.0.channel = channel.to_owned();
        self
    }

    /// At this time.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.0.time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        self
    }

    /// With these properties.
    #[must_use]
    pub fn with(mut self, properties: Value) -> Self {
        self.0.properties = Some(object(&properties));
        self
    }
}

impl From<Happening> for CollectEvent {
    fn from(happening: Happening) -> Self {
        happening.0
    }
}

/// An identifier on the wire.
#[must_use]
pub fn identifier((namespace, value): (&str, &str)) -> Identifier {
    Identifier { namespace: namespace.to_owned(), value: value.to_owned() }
}

/// The time.
#[must_use]
pub fn now() -> Timestamp {
    Clock::system().now()
}
