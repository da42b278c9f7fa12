//! Events as they are stored: the contract's message without the person, who may change.

use attune_kernel::{Personal, Timestamp};
use attune_proto::profile::v1 as proto;
use prost::Message as _;
use prost_types::value::Kind;
use serde_json::{Map, Value};

use crate::domain::event::Event;
use crate::domain::origin::Origin;
use crate::error::Error;

/// The event of a message; its time must have been checked. Without a time of receipt it was received at `now`.
pub(crate) fn from_message(mut message: proto::Event, person: &str, now: Timestamp) -> Event {
    let received = time(message.receive_time.as_ref()).unwrap_or(now);
    let time = time(message.time.as_ref());
    let (seconds, nanos) = received.to_seconds_nanos();
    message.receive_time = Some(prost_types::Timestamp { seconds, nanos });
    message.person_id = String::new();
    let body = message.encode_to_vec();
    assemble(message, person, time.unwrap_or_default(), received, body)
}

fn time(of: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    of.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok())
}

fn assemble(message: proto::Event, person: &str, time: Timestamp, received: Timestamp, body: Vec<u8>) -> Event {
    let properties = message.properties.map(|one| one.fields).unwrap_or_default();
    Event {
        person_id: person.to_owned(),
        name: message.event,
        time,
        sequence: message.sequence,
        channel: message.channel,
        session: message.session_id,
        source: message.source,
        received,
        properties: Personal::new(properties.into_iter().map(|(name, value)| (name, owned(value))).collect()),
        via: message.via.map(|via| Personal::new((via.namespace, via.value))),
        origin: Origin::default(),
        body: Personal::new(body),
        event_id: message.event_id,
    }
}

/// A stored event of a person.
pub(crate) fn decode(bytes: &[u8], person: &str) -> Result<Event, Error> {
    let message = proto::Event::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))?;
    // What is stored has a time of receipt.
    let (at, received) = (time(message.time.as_ref()), time(message.receive_time.as_ref()));
    Ok(assemble(message, person, at.unwrap_or_default(), received.unwrap_or_default(), bytes.to_vec()))
}

/// A stored event as the contract has it.
pub(crate) fn message(bytes: &[u8], person: &str) -> Result<proto::Event, Error> {
    let mut message = proto::Event::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))?;
    person.clone_into(&mut message.person_id);
    Ok(message)
}

/// What filters ask of a stored event, without what else it holds.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Heading {
    /// Its name.
    #[prost(string, tag = "3")]
    pub event: String,
    /// Its channel.
    #[prost(string, tag = "6")]
    pub channel: String,
    /// Its session.
    #[prost(string, tag = "7")]
    pub session: String,
}

/// The heading of a stored event; the rest is skipped, not read.
pub(crate) fn heading(bytes: &[u8]) -> Result<Heading, Error> {
    Heading::decode(bytes).map_err(|error| Error::Corrupt(error.to_string()))
}

/// A protobuf value as JSON.
pub(crate) fn json(value: &prost_types::Value) -> Value {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => (*flag).into(),
        Some(Kind::NumberValue(number)) => whole(*number),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::ListValue(list)) => list.values.iter().map(json).collect(),
        Some(Kind::StructValue(inner)) => {
            inner.fields.iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// The same of a value that is not needed any more: texts are moved.
fn owned(value: prost_types::Value) -> Value {
    match value.kind {
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::ListValue(list)) => list.values.into_iter().map(owned).collect(),
        Some(Kind::StructValue(inner)) => {
            inner.fields.into_iter().map(|(name, value)| (name, owned(value))).collect::<Map<_, _>>().into()
        }
        kind => json(&prost_types::Value { kind }),
    }
}

/// Numbers on the wire are doubles; one that is whole is kept as such, so that `age == 41` is a comparison of integers.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
    if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 {
        Value::from(number as i64)
    } else {
        serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number)
    }
}

/// JSON as a protobuf value.
pub(crate) fn value(json: &Value) -> prost_types::Value {
    let kind = match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(flag) => Kind::BoolValue(*flag),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(prost_types::ListValue { values: items.iter().map(value).collect() }),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, inner)| (name.clone(), value(inner))).collect();
            Kind::StructValue(prost_types::Struct { fields })
        }
    };
    prost_types::Value { kind: Some(kind) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_survives_the_store_with_its_attributes() {
        let attributes = serde_json::json!({"attributes": {"age": 41, "score": 0.5}, "amount": 12.5});
        let Some(Kind::StructValue(properties)) = value(&attributes).kind else { panic!("an object") };
        let message = proto::Event {
            event_id: "e".to_owned(),
            event: "buy".to_owned(),
            time: Some(prost_types::Timestamp { seconds: 7, nanos: 0 }),
            properties: Some(properties),
            ..proto::Event::default()
        };
        let event = from_message(message, "p", Timestamp::from_millis(9000));
        let again = decode(event.body.expose(), "p").unwrap();
        assert_eq!(again, event);
        assert_eq!(again.received, Timestamp::from_millis(9000));
        assert_eq!(heading(event.body.expose()).unwrap().event, "buy");
        assert_eq!(again.properties.expose()["amount"], Value::from(12.5));
        assert_eq!(again.attributes().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["age", "score"]);
    }
}
