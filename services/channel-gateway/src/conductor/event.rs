//! A collected event as the conductor reads it.

use attune_kernel::{Personal, Timestamp, Violation};
use attune_proto::channel::v1::CollectEvent;
use attune_proto::identity::v1 as identity;
use attune_proto::profile::v1 as profile;
use prost::Message as _;
use prost_types::value::Kind;

use crate::clients::wire::{stamp, text};
use crate::domain::record::InboxEvent;
use crate::domain::relay::{self, Properties, Relay};

/// The namespace of an event that the suite itself makes about a person it knows; never accepted from outside.
pub(crate) const PERSON_NAMESPACE: &str = "attune.person";

/// Encodes an event for the inbox.
#[must_use]
pub(crate) fn encode(event: &CollectEvent, received: Timestamp) -> InboxEvent {
    InboxEvent { event_id: event.event_id.clone(), received, body: Personal::new(event.encode_to_vec()) }
}

/// Where an event goes besides identity, profile and journey.
///
/// # Errors
/// The property that is wrong.
pub(crate) fn relay_of(event: &CollectEvent) -> Result<Relay, Violation> {
    let field =
        |name: &str| event.properties.as_ref().and_then(|properties| properties.fields.get(name)?.kind.as_ref());
    let text = |name: &str| match field(name) {
        Some(Kind::StringValue(text)) => Some(text.as_str()),
        _ => None,
    };
    let value = match field("value") {
        Some(Kind::NumberValue(number)) => Some(*number),
        _ => None,
    };
    let properties = Properties {
        offer_id: text("offer_id"),
        decision_id: text("decision_id"),
        campaign_id: text("campaign_id"),
        value,
    };
    relay::relay(&event.event, &properties).map_err(|unusable| Violation::new(unusable.field, unusable.description))
}

/// When the event happened; its acceptance when it does not say.
pub(crate) fn time_of(event: &CollectEvent, received: Timestamp) -> Timestamp {
    event
        .time
        .as_ref()
        .and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok())
        .unwrap_or(received)
}

/// The person an event names itself, when the suite made it.
pub(crate) fn named_person(event: &CollectEvent) -> Option<&str> {
    let first = event.identifiers.first()?;
    (first.namespace == PERSON_NAMESPACE).then_some(first.value.as_str())
}

/// What identity is asked.
pub(crate) fn resolve_request(event: &CollectEvent) -> identity::ResolveRequest {
    identity::ResolveRequest {
        request_id: event.event_id.clone(),
        identifiers: event.identifiers.clone(),
        event_time: event.time,
        source: event.source.clone(),
        read_only: false,
        ..identity::ResolveRequest::default()
    }
}

/// What profile and journey are told.
pub(crate) fn timeline_event(event: CollectEvent, person_id: String, received: Timestamp) -> profile::Event {
    profile::Event {
        event_id: event.event_id,
        person_id,
        event: event.event,
        time: event.time,
        sequence: event.sequence,
        channel: event.channel,
        session_id: event.session_id,
        properties: event.properties,
        receive_time: stamp(received),
        source: event.source,
        via: event.identifiers.into_iter().next().filter(|identifier| identifier.namespace != PERSON_NAMESPACE),
    }
}

/// An event that the suite makes itself about a person it knows.
pub(crate) struct Own<'a> {
    /// Its id.
    pub event_id: String,
    /// Its name.
    pub name: &'static str,
    /// The person.
    pub person_id: &'a str,
    /// When it happened.
    pub time: Timestamp,
    /// Where.
    pub channel: &'a str,
    /// Properties that are texts; empty ones are left out.
    pub texts: &'a [(&'a str, &'a str)],
    /// The property `value`.
    pub value: Option<f64>,
    /// When it is accepted.
    pub received: Timestamp,
}

/// Encodes an event of our own for the inbox.
#[must_use]
pub(crate) fn own(of: Own<'_>) -> InboxEvent {
    let texts = of.texts.iter().filter(|(_, value)| !value.is_empty());
    let mut fields: std::collections::BTreeMap<String, prost_types::Value> =
        texts.map(|(name, value)| ((*name).to_owned(), text(*value))).collect();
    if let Some(value) = of.value {
        fields.insert("value".to_owned(), prost_types::Value { kind: Some(Kind::NumberValue(value)) });
    }
    let person = identity::Identifier { namespace: PERSON_NAMESPACE.to_owned(), value: of.person_id.to_owned() };
    let event = CollectEvent {
        event_id: of.event_id,
        identifiers: vec![person],
        event: of.name.to_owned(),
        time: stamp(of.time),
        properties: Some(prost_types::Struct { fields }),
        channel: of.channel.to_owned(),
        session_id: String::new(),
        sequence: 0,
        source: "channel-gateway".to_owned(),
    };
    encode(&event, of.received)
}
