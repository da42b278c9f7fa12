//! What the field rules of the contract cannot say.

use std::time::Duration;

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::request::violations;
use prost::Message as _;
use prost_types::value::Kind;

/// The most bytes of an event, encoded.
const MAX_EVENT: usize = 64 * 1024;
/// The most attributes of one event.
const MAX_EVENT_ATTRIBUTES: usize = 100;
/// The most characters of an attribute's name.
const MAX_NAME: usize = 128;
/// The most bytes of an attribute's value, encoded.
const MAX_VALUE: usize = 8 * 1024;
/// How far a word's time may be ahead of the clock. A word of the far future would beat every later one for ever.
const AHEAD: Duration = Duration::from_secs(86_400);

/// An id as a store can keep it.
pub(super) fn id(field: &str, id: &str) -> Result<(), Problem> {
    match text(field, id) {
        _ if id.is_empty() => Err(Problem::invalid_field(field, "must not be empty")),
        _ if id.len() > 64 => Err(Problem::invalid_field(field, "must have at most 64 bytes")),
        Some(violation) => Err(Problem::invalid(vec![violation])),
        None => Ok(()),
    }
}

/// No store keeps a NUL within a text.
pub(super) fn text(field: &str, text: &str) -> Option<Violation> {
    text.contains('\0').then(|| Violation::new(field, "must not contain a NUL character"))
}

/// A time that a caller may set, if it is set: between 1900 and a day from now.
pub(super) fn past(
    field: &str,
    time: Option<&prost_types::Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>, Violation> {
    let Some(time) = time else { return Ok(None) };
    let time = Timestamp::from_seconds_nanos(time.seconds, time.nanos)
        .map_err(|error| Violation::new(field, error.to_string()))?;
    if time < Timestamp::MIN_PLAUSIBLE {
        return Err(Violation::new(field, "must not be before 1900"));
    }
    if time > now.plus(AHEAD) {
        return Err(Violation::new(field, "must not be more than a day ahead of the clock"));
    }
    Ok(Some(time))
}

/// The name and value of an attribute; `field` is where it stands.
pub(super) fn attribute(field: &str, name: &str, value: Option<&prost_types::Value>) -> Vec<Violation> {
    let mut broken = Vec::new();
    if name.is_empty() || name.chars().count() > MAX_NAME {
        broken.push(Violation::new(field, format!("the name must have 1 to {MAX_NAME} characters")));
    }
    broken.extend(text(field, name));
    if let Some(value) = value {
        if value.encoded_len() > MAX_VALUE {
            broken.push(Violation::new(field, format!("the value must encode to at most {MAX_VALUE} bytes")));
        }
        match &value.kind {
            Some(Kind::StructValue(_)) => {
                broken.push(Violation::new(field, "the value must be a string, number, boolean or list"));
            }
            Some(Kind::NumberValue(number)) if !number.is_finite() => {
                broken.push(Violation::new(field, "the value must be a finite number"));
            }
            _ => {}
        }
    }
    broken
}

/// Everything that is wrong with an event; fields are paths from `at`.
pub(super) fn event(at: &str, event: &proto::Event) -> Vec<Violation> {
    let under = |field: &str| format!("{at}.{field}");
    let mut broken: Vec<Violation> =
        violations(event).into_iter().map(|one| Violation::new(under(&one.field), one.description)).collect();
    for (field, value) in [
        ("event_id", &event.event_id),
        ("person_id", &event.person_id),
        ("event", &event.event),
        ("channel", &event.channel),
    ] {
        broken.extend(text(&under(field), value));
    }
    if event.encoded_len() > MAX_EVENT {
        broken.push(Violation::new(at, format!("must encode to at most {MAX_EVENT} bytes")));
    }
    if let Some(time) = &event.receive_time
        && !Timestamp::from_seconds_nanos(time.seconds, time.nanos).is_ok_and(Timestamp::is_plausible)
    {
        broken.push(Violation::new(under("receive_time"), "must lie between 1900 and 2200"));
    }
    let attributes = event.properties.as_ref().and_then(|properties| properties.fields.get("attributes"));
    if let Some(Kind::StructValue(attributes)) = attributes.and_then(|value| value.kind.as_ref()) {
        let here = under("properties.attributes");
        if attributes.fields.len() > MAX_EVENT_ATTRIBUTES {
            broken.push(Violation::new(&here, format!("must have at most {MAX_EVENT_ATTRIBUTES} entries")));
        }
        for (name, value) in &attributes.fields {
            broken.extend(attribute(&here, name, Some(value)));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(seconds: i64) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos: 0 }
    }

    #[test]
    fn times_far_from_the_clock_are_refused() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!(past("t", None, now), Ok(None));
        assert!(past("t", Some(&stamp(1_700_000_000)), now).is_ok());
        for seconds in [-62_135_596_800, 253_402_300_799, 1_700_000_000 + 86_401, i64::MAX] {
            assert_eq!(past("t", Some(&stamp(seconds)), now).unwrap_err().field, "t", "{seconds}");
        }
    }

    #[test]
    fn values_that_cannot_be_kept_are_refused() {
        let number = |number| prost_types::Value { kind: Some(Kind::NumberValue(number)) };
        let long = prost_types::Value { kind: Some(Kind::StringValue("x".repeat(MAX_VALUE + 1))) };
        let nested = prost_types::Value { kind: Some(Kind::StructValue(prost_types::Struct::default())) };
        assert!(attribute("a", "age", Some(&number(41.0))).is_empty() && attribute("a", "age", None).is_empty());
        for bad in [number(f64::NAN), number(f64::INFINITY), long, nested] {
            assert_eq!(attribute("a", "age", Some(&bad)).len(), 1);
        }
        assert_eq!(attribute("a", "", None).len(), 1);
        assert_eq!(attribute("a", &"n".repeat(MAX_NAME + 1), None).len(), 1);
        assert!(id("p", "a\0b").is_err() && id("p", "").is_err() && id("p", &"p".repeat(65)).is_err());
        assert!(id("p", "a-b").is_ok());
    }
}
