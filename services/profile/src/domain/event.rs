//! An event as the profile reads it.

use attune_kernel::{Personal, Timestamp};
use serde_json::{Map, Value};

use super::origin::Origin;

/// The place of an event on a timeline: time, then the source's sequence, then the event's id.
pub type Place = (Timestamp, i64, String);

/// One event of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The caller's id: the key under which a repeat is harmless.
    pub event_id: String,
    /// The person.
    pub person_id: String,
    /// Its name.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// Order among events of one source at the same time.
    pub sequence: i64,
    /// Where it happened; empty for unknown.
    pub channel: String,
    /// The source's session; empty for none.
    pub session: String,
    /// The system that sent it.
    pub source: String,
    /// When it was accepted.
    pub received: Timestamp,
    /// What else is known of it.
    pub properties: Personal<Map<String, Value>>,
    /// Namespace and normalized value of the identifier by which it found its person.
    pub via: Option<Personal<(String, String)>>,
    /// Under which id it was recorded.
    pub origin: Origin,
    /// The whole event, encoded; opaque here.
    pub body: Personal<Vec<u8>>,
}

impl Event {
    /// Its place on the timeline.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.time, self.sequence, self.event_id.clone())
    }

    /// The object in its property `attributes`: values of the person as the source has them.
    pub fn attributes(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.properties.expose().get("attributes").and_then(Value::as_object).into_iter().flatten()
    }

    /// The event as traits read it.
    #[must_use]
    pub fn aggregated(&self) -> attune_aggregate::Event<'_> {
        attune_aggregate::Event {
            id: &self.event_id,
            name: &self.name,
            time: self.time,
            sequence: self.sequence,
            channel: &self.channel,
            session: &self.session,
            source: &self.source,
            properties: self.properties.expose(),
        }
    }
}

/// Which events of a timeline are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these names; empty for all.
    pub names: Vec<String>,
    /// Only these channels; empty for all.
    pub channels: Vec<String>,
    /// Only this session; empty for all.
    pub session: String,
    /// At or after.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
    /// Oldest first.
    pub ascending: bool,
}

impl Filter {
    /// Whether an event passes; the bounds of time are the store's to use.
    #[must_use]
    pub fn takes(&self, name: &str, channel: &str, session: &str) -> bool {
        (self.session.is_empty() || self.session == session)
            && (self.names.is_empty() || self.names.iter().any(|one| one == name))
            && (self.channels.is_empty() || self.channels.iter().any(|one| one == channel))
    }
}
