//! Messages to the domain's values and back.

use std::time::Duration;

use attune_kernel::{Personal, Problem, Timestamp, Violation};
use attune_proto::identity::v1 as identity;
use attune_proto::identity::v1::person_change::Change as PbPersonChange;
use attune_proto::journey::v1 as pb;
use attune_proto::profile::v1 as profile;
use attune_service_kit::status::to_status;
use prost::Message as _;
use prost_types::value::Kind;

use crate::domain::event::{Event, Identifier, Recorded};
use crate::domain::live::Change;
use crate::domain::person::PersonChange;
use crate::domain::sessions::Unit;
use crate::domain::value::{Properties, Value};
use crate::store::{Announced, Selection};

/// The inactivity that ends a session when a question names none.
const GAP: Duration = Duration::from_secs(30 * 60);

/// A proto time as an instant.
pub(super) fn time(message: &prost_types::Timestamp, field: &str) -> Result<Timestamp, Violation> {
    Timestamp::from_seconds_nanos(message.seconds, message.nanos)
        .map_err(|_| Violation::new(field, "is not an instant"))
}

/// An instant as a proto time.
pub(super) fn stamp(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.to_seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

/// A proto duration in whole microseconds, rounded up; `None` when it is negative or malformed. Longer than a hundred
/// thousand years counts as that.
pub(super) fn duration(message: &prost_types::Duration) -> Option<Duration> {
    let nanos = u32::try_from(message.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let seconds = u64::try_from(message.seconds).ok()?.min(3_155_760_000_000);
    Some(Duration::from_secs(seconds) + Duration::from_micros(u64::from(nanos.div_ceil(1000))))
}

/// A duration that a question must or may give.
pub(super) fn asked_duration(
    message: Option<&prost_types::Duration>,
    field: &str,
) -> Result<Option<Duration>, Problem> {
    let Some(message) = message else { return Ok(None) };
    match duration(message) {
        Some(duration) => Ok(Some(duration)),
        None => Err(Problem::invalid_field(field, "must not be negative")),
    }
}

/// An event as it is kept, with its person.
pub(crate) fn recorded(message: profile::Event) -> Result<(String, Recorded), Violation> {
    let time = message.time.as_ref().ok_or_else(|| Violation::new("time", "must be set"))?;
    let event = Event {
        id: message.event_id,
        name: message.event,
        time: self::time(time, "time")?,
        channel: message.channel,
        properties: properties(message.properties.unwrap_or_default()),
    };
    for (field, text) in [("event_id", &event.id), ("event", &event.name), ("person_id", &message.person_id)] {
        if text.contains('\0') {
            return Err(Violation::new(field, "must not contain a NUL character"));
        }
    }
    let via = message.via.map(identifier);
    let (sequence, session) = (message.sequence, message.session_id);
    Ok((message.person_id, Recorded { event, sequence, session, via, origin: String::new(), shared: false }))
}

fn identifier(message: identity::Identifier) -> Identifier {
    Identifier { namespace: message.namespace, value: Personal::new(message.value) }
}

fn properties(message: prost_types::Struct) -> Properties {
    message.fields.into_iter().map(|(name, value)| (name, self::value(value))).collect()
}

fn value(message: prost_types::Value) -> Value {
    match message.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Flag(flag),
        // JSON, in which events are kept, has no other numbers.
        Some(Kind::NumberValue(number)) if number.is_finite() => Value::Number(number),
        Some(Kind::NumberValue(_)) => Value::Null,
        Some(Kind::StringValue(text)) => Value::Text(text),
        Some(Kind::ListValue(list)) => Value::List(list.values.into_iter().map(value).collect()),
        Some(Kind::StructValue(inner)) => Value::Map(properties(inner)),
    }
}

/// The part of the log that a question is about.
pub(super) fn selection(message: Option<pb::Selection>, limit: usize) -> Result<Selection, Problem> {
    let message = message.unwrap_or_default();
    let mut broken = Vec::new();
    let mut bound = |message: Option<prost_types::Timestamp>, field: &str| match message.map(|m| time(&m, field)) {
        None => None,
        Some(Ok(time)) => Some(time),
        Some(Err(violation)) => {
            broken.push(violation);
            None
        }
    };
    let start = bound(message.start_time, "selection.start_time");
    let end = bound(message.end_time, "selection.end_time");
    if start.zip(end).is_some_and(|(start, end)| end < start) {
        broken.push(Violation::new("selection.end_time", "must not be before start_time"));
    }
    for (at, person) in message.person_ids.iter().enumerate() {
        if person.is_empty() || person.len() > 256 || person.contains('\0') {
            broken.push(Violation::new(format!("selection.person_ids[{at}]"), "is not the id of a person"));
        }
    }
    for (at, name) in message.events.iter().enumerate() {
        if name.is_empty() || name.contains('\0') {
            broken.push(Violation::new(format!("selection.events[{at}]"), "is not the name of an event"));
        }
    }
    if !broken.is_empty() {
        return Err(Problem::invalid(broken));
    }
    Ok(Selection { start, end, persons: message.person_ids, names: message.events, properties: false, limit })
}

/// What makes a sequence.
pub(super) fn unit(by: i32, gap: Option<&prost_types::Duration>) -> Result<Unit, Problem> {
    let gap = asked_duration(gap, "gap")?.unwrap_or(GAP);
    Ok(match pb::SequenceUnit::try_from(by) {
        Ok(pb::SequenceUnit::Session) => Unit::Session { gap },
        _ => Unit::Customer,
    })
}

/// The inactivity that ends a session.
pub(super) fn gap(message: Option<&prost_types::Duration>) -> Result<Unit, Problem> {
    Ok(Unit::Session { gap: asked_duration(message, "gap")?.unwrap_or(GAP) })
}

/// An entry of the feed.
pub(super) fn journey_change(announced: Announced) -> pb::JourneyChange {
    let time = Some(stamp(announced.change.time()));
    let change = match announced.change {
        Change::Trigger { trigger, set, rule, placement, evidence, figures, .. } => {
            pb::journey_change::Change::Trigger(pb::Trigger {
                trigger_id: trigger,
                trigger_rule_set_id: set,
                trigger_rule_id: rule,
                placement,
                evidence_event_ids: evidence,
                figures: figures.into_iter().collect(),
            })
        }
        Change::Stage { journey, from, to, .. } => pb::journey_change::Change::StageChange(pb::StageChange {
            journey_id: journey,
            from_stage: from,
            to_stage: to,
        }),
    };
    pb::JourneyChange { offset: signed(announced.offset), person_id: announced.person, time, change: Some(change) }
}

/// Offsets and counts on the wire are signed.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A change of who is who, with its offset.
pub(super) fn person_change(message: Option<identity::PersonChange>) -> Result<(u64, PersonChange), Problem> {
    let message = message.ok_or_else(|| Problem::invalid_field("change", "must be set"))?;
    let offset = u64::try_from(message.offset).ok().filter(|offset| *offset > 0);
    let offset = offset.ok_or_else(|| Problem::invalid_field("change.offset", "must be at least 1"))?;
    let change = match message.change {
        None => return Err(Problem::invalid_field("change.change", "must be set")),
        Some(PbPersonChange::Merge(merge)) => {
            PersonChange::Merge { surviving: merge.surviving_person_id, merged: merge.merged_person_id }
        }
        Some(PbPersonChange::Split(split)) => PersonChange::Split {
            person: split.person_id,
            split: split.split_person_id,
            ids: split.split_alias_person_ids,
            identifiers: split.identifiers.into_iter().map(identifier).collect(),
        },
        Some(PbPersonChange::Erasure(erasure)) => {
            PersonChange::Erasure { person: erasure.person_id, aliases: erasure.alias_person_ids }
        }
    };
    Ok((offset, change))
}

/// A problem of one item of a batch.
pub(super) fn rejected(index: usize, problem: Problem) -> profile::RejectedItem {
    let status = to_status(problem);
    let details = tonic_types::pb::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::pb::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    });
    profile::RejectedItem { index: i32::try_from(index).unwrap_or(i32::MAX), status: Some(details) }
}
