//! How both stores encode what they keep: JSON, so that a column can be read by people and a field can be added.

use attune_storage::StorageError;
use attune_storage::feed::{Entry, NewEntry};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Announced;
use crate::domain::event::Recorded;
use crate::domain::live::{Change, Person};
use crate::domain::log::{EventLog, EventLogBuilder, LogFull};

fn encode(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>, StorageError> {
    serde_json::to_vec(value).map_err(|error| StorageError::Internal(format!("{what} does not encode: {error}")))
}

/// The text of a decoding error can quote what was stored, so only its place is told.
fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, StorageError> {
    serde_json::from_slice(bytes)
        .map_err(|error| StorageError::Corrupt(format!("{what} does not decode at column {}", error.column())))
}

pub(super) fn encode_person(person: &Person) -> Result<Vec<u8>, StorageError> {
    encode("person", person)
}

/// What is remembered of a person; nothing when nothing is stored.
pub(super) fn decode_person(bytes: &[u8]) -> Result<Person, StorageError> {
    if bytes.is_empty() { Ok(Person::default()) } else { decode("person", bytes) }
}

pub(super) fn encode_event(recorded: &Recorded) -> Result<Vec<u8>, StorageError> {
    encode("event", recorded)
}

pub(super) fn decode_event(bytes: &[u8]) -> Result<Recorded, StorageError> {
    decode("event", bytes)
}

/// The feed's entries for what a person's events caused. A trigger is told once, whatever happens.
pub(super) fn entries(person: &str, changes: &[Change]) -> Result<Vec<NewEntry>, StorageError> {
    let entry = |change: &Change| {
        let announced = Announced { offset: 0, person: person.to_owned(), change: change.clone() };
        let body = encode("change", &announced)?;
        Ok(match change {
            Change::Trigger { trigger, .. } => NewEntry::once(trigger.as_str(), person, body),
            Change::Stage { .. } => NewEntry::new(person, body),
        })
    };
    changes.iter().map(entry).collect()
}

pub(super) fn decode_entry(entry: &Entry) -> Result<Announced, StorageError> {
    Ok(Announced { offset: entry.offset, ..decode("change", &entry.body)? })
}

/// Events of a person in the order in which they are seen: that of a store has the hash of the id in the place of the id.
pub(super) fn in_order(mut events: Vec<Recorded>) -> Vec<Recorded> {
    events.sort_by(|a, b| a.place().cmp(&b.place()));
    events
}

/// A log in the making from events in the order of persons, times and sequences. Stores know ids only by their hashes, so
/// events of the same place are put into the order of their ids here: that in which they were seen live.
pub(super) struct LogWriter {
    builder: EventLogBuilder,
    properties: bool,
    person: String,
    held: Vec<Recorded>,
}

impl LogWriter {
    pub(super) fn new(properties: bool) -> Self {
        Self { builder: EventLog::builder(), properties, person: String::new(), held: Vec::new() }
    }

    /// Adds an event.
    pub(super) fn push(&mut self, person: &str, recorded: Recorded) -> Result<(), LogFull> {
        let same = |held: &Recorded| (held.event.time, held.sequence) == (recorded.event.time, recorded.sequence);
        if self.person != person || !self.held.first().is_none_or(same) {
            self.write()?;
            person.clone_into(&mut self.person);
        }
        self.held.push(recorded);
        Ok(())
    }

    fn write(&mut self) -> Result<(), LogFull> {
        self.held.sort_by(|a, b| a.event.id.cmp(&b.event.id));
        for recorded in self.held.drain(..) {
            push(&mut self.builder, &self.person, &recorded, self.properties)?;
        }
        Ok(())
    }

    /// The log.
    pub(super) fn finish(mut self) -> Result<EventLog, LogFull> {
        self.write()?;
        Ok(self.builder.build())
    }
}

fn push(builder: &mut EventLogBuilder, person: &str, recorded: &Recorded, properties: bool) -> Result<(), LogFull> {
    let event = &recorded.event;
    let session = (!recorded.session.is_empty()).then_some(recorded.session.as_str());
    let scalars = event.facts().filter(|_| properties);
    builder.push_in_session(person, event.time, &event.name, session, scalars)
}
