//! A single event as it arrives.

use attune_kernel::{Personal, Timestamp};
use serde::{Deserialize, Serialize};

use super::value::{Facts, Properties, Scalar, Value};

/// One thing that one person did. Whose it is, is known by the place it stands in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The sender's id of it.
    pub id: String,
    /// What happened, such as `cart`.
    pub name: String,
    /// When it happened.
    pub time: Timestamp,
    /// Where it happened: `web`, `branch`; empty when unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// What else is known of it.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub properties: Properties,
}

impl Event {
    /// Where it happened: its channel, or else its property of that name.
    #[must_use]
    pub fn place_name(&self) -> &str {
        match (self.channel.as_str(), self.properties.get("channel")) {
            ("", Some(Value::Text(place))) => place,
            (channel, _) => channel,
        }
    }

    /// What a log holds of it as properties: those that can be compared, and its channel as `channel`.
    pub fn facts(&self) -> impl Iterator<Item = (&str, Scalar<'_>)> {
        let channel = (!self.channel.is_empty()).then_some(("channel", Scalar::Text(&self.channel)));
        let others = self.properties.iter().filter(move |(name, _)| channel.is_none() || *name != "channel");
        others.filter_map(|(name, value)| Some((name.as_str(), value.scalar()?))).chain(channel)
    }
}

impl Facts for Event {
    fn property(&self, name: &str) -> Option<Scalar<'_>> {
        self.properties.property(name)
    }
}

/// An event with what the log keeps beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The event.
    #[serde(flatten)]
    pub event: Event,
    /// Order among events of the same time; further ties are broken by the event's id.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sequence: i64,
    /// The source's session; empty when it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// The identifier by which the event found its person; a split moves the event by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Identifier>,
    /// The id under which it was recorded; empty for the person it lies with.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// Whether others were merged into that id at that time: then the identifier tells whose it is.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shared: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Recorded {
    /// Where it stands among the events of its person.
    #[must_use]
    pub fn place(&self) -> (Timestamp, i64, &str) {
        (self.event.time, self.sequence, &self.event.id)
    }
}

/// What a source knows a person by, in the form that identity-resolution gave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// What kind it is.
    pub namespace: String,
    /// The identifier.
    pub value: Personal<String>,
}
