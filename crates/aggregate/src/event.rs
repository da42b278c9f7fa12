//! An event as aggregates read it, and what is read of it.

use std::borrow::Cow;

use attune_expression::{Entries, PathId, Schema, Source, Type, ValueRef};
use attune_kernel::Timestamp;
use smallvec::{SmallVec, smallvec};

use crate::clock::{Clock, HOUR, Zone};
use crate::dictionary::cut;
use crate::hash::hash;

/// One event of a person, borrowed from wherever it lies.
#[derive(Clone, Copy)]
pub struct Event<'a> {
    /// Its id; decides which of two events of the same time and sequence is the later one.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// When it happened.
    pub time: Timestamp,
    /// Order among events of one source at the same time.
    pub sequence: i64,
    /// Where it happened; empty for unknown.
    pub channel: &'a str,
    /// The source's session; empty for none.
    pub session: &'a str,
    /// The system that sent it; empty for unknown.
    pub source: &'a str,
    /// What else is known of it.
    pub properties: &'a dyn Entries,
}

/// The fields that `where` may name, in the order in which [`Event`] answers them.
pub(crate) fn schema() -> Schema {
    let builder = Schema::builder()
        .field("event", Type::String)
        .field("channel", Type::String)
        .field("session", Type::String)
        .field("source", Type::String)
        .field("time", Type::Timestamp)
        .field("properties", Type::map(Type::Any));
    builder.build().unwrap_or_default()
}

impl Source for Event<'_> {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        match path.index() {
            0 => Some(ValueRef::String(self.name)),
            1 => Some(ValueRef::String(self.channel)),
            2 => Some(ValueRef::String(self.session)),
            3 => Some(ValueRef::String(self.source)),
            4 => Some(ValueRef::Timestamp(self.time)),
            5 => Some(ValueRef::Map(self.properties)),
            _ => None,
        }
    }
}

/// What of an event is read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    Name,
    Channel,
    Session,
    Source,
    /// The hour of the local day, 0 to 23.
    Hour(Zone),
    /// The day of the local week, 1 (Monday) to 7.
    Weekday(Zone),
    /// A property by its path.
    Property(Vec<String>),
}

impl Field {
    /// `$event`, `$channel`, `$session`, `$source`, `$hour`, `$weekday`, or the dotted path of a property.
    pub(crate) fn parse(text: &str, zone: &Zone) -> Option<Self> {
        Some(match text {
            "$event" => Self::Name,
            "$channel" => Self::Channel,
            "$session" => Self::Session,
            "$source" => Self::Source,
            "$hour" => Self::Hour(zone.clone()),
            "$weekday" => Self::Weekday(zone.clone()),
            _ if text.starts_with('$') || text.split('.').any(str::is_empty) => return None,
            path => Self::Property(path.split('.').map(str::to_owned).collect()),
        })
    }

    pub(crate) fn key(&self) -> String {
        match self {
            Self::Name => "$event".to_owned(),
            Self::Channel => "$channel".to_owned(),
            Self::Session => "$session".to_owned(),
            Self::Source => "$source".to_owned(),
            Self::Hour(zone) => format!("$hour {}", zone.name()),
            Self::Weekday(zone) => format!("$weekday {}", zone.name()),
            Self::Property(path) => path.join("."),
        }
    }

    /// The value of an event; an empty text and null are none.
    pub(crate) fn read<'e>(&self, event: &Event<'e>) -> Option<ValueRef<'e>> {
        let text = |text: &'e str| (!text.is_empty()).then_some(ValueRef::String(text));
        match self {
            Self::Name => text(event.name),
            Self::Channel => text(event.channel),
            Self::Session => text(event.session),
            Self::Source => text(event.source),
            Self::Hour(zone) => Some(ValueRef::Int(zone.local(event.time).div_euclid(HOUR).rem_euclid(24))),
            Self::Weekday(zone) => {
                Some(ValueRef::Int((zone.local(event.time).div_euclid(24 * HOUR) + 3).rem_euclid(7) + 1))
            }
            Self::Property(path) => {
                let (first, rest) = path.split_first()?;
                let found = rest.iter().try_fold(event.properties.get(first)?, |value, name| match value {
                    ValueRef::Map(map) => map.get(name),
                    _ => None,
                })?;
                match found {
                    ValueRef::String(value) => text(value),
                    ValueRef::Null => None,
                    value => Some(value),
                }
            }
        }
    }
}

/// Millionths of a number: what sums are made of, so that they do not depend on the order of their terms.
pub(crate) fn millionths(number: f64) -> Option<i64> {
    attune_kernel::Money::from_units(number).map(attune_kernel::Money::as_micros)
}

/// The number that a value is.
pub(crate) fn number(value: ValueRef<'_>) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "numbers are doubles here")]
        ValueRef::Int(value) => Some(value as f64),
        ValueRef::Double(value) if value.is_finite() => Some(value),
        _ => None,
    }
}

/// The text under which a value is counted: text itself, numbers and booleans as they are written.
pub(crate) fn text(value: ValueRef<'_>) -> Option<Cow<'_, str>> {
    Some(match value {
        ValueRef::String(text) => Cow::Borrowed(cut(text)),
        ValueRef::Int(value) => Cow::Owned(value.to_string()),
        ValueRef::Double(value) if value.is_finite() => Cow::Owned(value.to_string()),
        ValueRef::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        _ => return None,
    })
}

/// A text with its hash.
#[derive(Debug, Clone)]
pub(crate) struct Key<'e> {
    pub(crate) hash: u64,
    pub(crate) text: Cow<'e, str>,
}

/// What was read of one event, each field at most once.
pub(crate) struct Inputs<'e, 'f> {
    pub(crate) event: &'f Event<'e>,
    fields: &'f [Field],
    clocks: &'f [Clock],
    values: SmallVec<[Option<Option<ValueRef<'e>>>; 12]>,
    keys: SmallVec<[Option<Key<'e>>; 12]>,
    buckets: SmallVec<[Option<i32>; 8]>,
    id: Option<u64>,
}

impl<'e, 'f> Inputs<'e, 'f> {
    pub(crate) fn new(event: &'f Event<'e>, fields: &'f [Field], clocks: &'f [Clock]) -> Self {
        Self {
            event,
            fields,
            clocks,
            values: smallvec![None; fields.len()],
            keys: smallvec![None; fields.len()],
            buckets: smallvec![None; clocks.len()],
            id: None,
        }
    }

    pub(crate) fn value(&mut self, field: usize) -> Option<ValueRef<'e>> {
        if let Some(known) = self.values[field] {
            return known;
        }
        let value = self.fields[field].read(self.event);
        self.values[field] = Some(value);
        value
    }

    pub(crate) fn number(&mut self, field: usize) -> Option<f64> {
        self.value(field).and_then(number)
    }

    pub(crate) fn key(&mut self, field: usize) -> Option<&Key<'e>> {
        if self.keys[field].is_none() {
            let text = text(self.value(field)?)?;
            self.keys[field] = Some(Key { hash: hash(text.as_bytes()), text });
        }
        self.keys[field].as_ref()
    }

    #[inline]
    pub(crate) fn bucket(&mut self, clock: usize) -> i32 {
        if let Some(known) = self.buckets[clock] {
            return known;
        }
        let bucket = self.clocks[clock].bucket(self.event.time);
        self.buckets[clock] = Some(bucket);
        bucket
    }

    /// The event's place among all: time, sequence and a hash of its id.
    pub(crate) fn place(&mut self) -> (i64, i64, u64) {
        let id = *self.id.get_or_insert_with(|| hash(self.event.id.as_bytes()));
        (self.event.time.as_micros(), self.event.sequence, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name_and_path() {
        let properties = serde_json::json!({"a": {"b": 3}, "t": "", "n": null, "x": 2.5, "y": 2.0, "f": true});
        let serde_json::Value::Object(properties) = properties else { panic!("an object") };
        let event = Event {
            id: "1",
            name: "view",
            // A Thursday.
            time: Timestamp::parse("2026-01-01T20:30:00Z").unwrap(),
            sequence: 0,
            channel: "web",
            session: "",
            source: "s",
            properties: &properties,
        };
        let read = |name: &str, zone: &str| {
            let field = Field::parse(name, &Zone::parse(zone).unwrap()).unwrap();
            field.read(&event).and_then(|value| text(value).map(Cow::into_owned))
        };
        let of = |name| read(name, "UTC");
        assert_eq!(of("a.b").as_deref(), Some("3"));
        assert_eq!(of("x").as_deref(), Some("2.5"));
        assert_eq!(of("y").as_deref(), Some("2"));
        assert_eq!(of("f").as_deref(), Some("true"));
        for none in ["t", "n", "a", "a.c", "a.b.c", "z", "$session"] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!((of("$event").as_deref(), of("$channel").as_deref()), (Some("view"), Some("web")));
        assert_eq!((of("$hour").as_deref(), of("$weekday").as_deref()), (Some("20"), Some("4")));
        let seoul = |name| read(name, "Asia/Seoul");
        assert_eq!((seoul("$hour").as_deref(), seoul("$weekday").as_deref()), (Some("5"), Some("5")));
        assert!(Field::parse("$what", &Zone::Utc).is_none() && Field::parse("a..b", &Zone::Utc).is_none());
    }
}
