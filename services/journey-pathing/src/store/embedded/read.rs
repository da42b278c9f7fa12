//! Reading outside transactions.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::{Engine, LowWater, Reader, Scan, Space, StorageError};

use super::records::{Who, at_alias, at_events, at_person, who};
use crate::domain::live::Person;
use crate::domain::log::EventLog;
use crate::error::Error;
use crate::store::Selection;
use crate::store::record::{self, LogWriter};

/// When the first timer is due.
pub(super) fn first_due(engine: &Engine, space: &Space, timers: &LowWater) -> Result<Option<Timestamp>, StorageError> {
    let scan = Scan::prefix(key().str("t").build()).at_least(timers.begin()).limit(1);
    let first = engine.reader().scan(space, &scan)?;
    let Some((at, _)) = first.first() else { return Ok(None) };
    let mut at = KeyReader::new(at);
    at.str()?;
    Ok(Some(Timestamp::from_micros(at.i64()?)))
}

/// What is remembered of a person, by any id.
pub(super) fn person(reader: &Reader, space: &Space, asked: &str) -> Result<Person, Error> {
    let Who::Person(id) = who(asked, reader.get(space, at_alias(asked))?.as_deref())? else {
        return Err(Error::PersonErased);
    };
    Ok(reader
        .get(space, at_person(&id))?
        .map_or_else(|| Ok(Person::default()), |bytes| record::decode_person(&bytes))?)
}

pub(super) fn unfilled(reader: &Reader, space: &Space, limit: usize) -> Result<Vec<(String, Timestamp)>, Error> {
    let pairs = reader.scan(space, &Scan::prefix(key().str("f").build()).limit(limit))?;
    let one = |(at, before): &(attune_storage::Value, attune_storage::Value)| {
        let mut at = KeyReader::new(at);
        at.str()?;
        Ok((at.str()?, Timestamp::from_micros(KeyReader::new(before).i64()?)))
    };
    pairs.iter().map(one).collect()
}

/// A part of the log.
pub(super) fn log(engine: &Engine, space: &Space, selection: &Selection) -> Result<EventLog, Error> {
    let reader = engine.reader();
    let mut gathering = Gathering { selection, writer: LogWriter::new(selection.properties), taken: 0 };
    if selection.persons.is_empty() {
        gathering.scan(&reader, space, &Scan::prefix(key().str("e").build()))?;
    } else {
        let mut persons = BTreeSet::new();
        for asked in &selection.persons {
            if let Who::Person(person) = who(asked, reader.get(space, at_alias(asked))?.as_deref())? {
                persons.insert(person);
            }
        }
        for person in persons {
            let mut scan = Scan::prefix(at_events(&person).build());
            if let Some(start) = selection.start {
                scan = scan.at_least(at_events(&person).i64(start.as_micros()).build());
            }
            if let Some(end) = selection.end {
                scan = scan.below(at_events(&person).i64(end.as_micros()).build());
            }
            gathering.scan(&reader, space, &scan)?;
        }
    }
    Ok(gathering.writer.finish()?)
}

struct Gathering<'a> {
    selection: &'a Selection,
    writer: LogWriter,
    taken: usize,
}

impl Gathering<'_> {
    fn scan(&mut self, reader: &Reader, space: &Space, scan: &Scan) -> Result<(), Error> {
        let mut outcome = Ok(());
        reader.visit(space, scan, |at, value| {
            outcome = self.take(&at, &value);
            if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        outcome
    }

    fn take(&mut self, at: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut at = KeyReader::new(at);
        let (_, person, time) = (at.str()?, at.str()?, Timestamp::from_micros(at.i64()?));
        let selection = self.selection;
        if selection.start.is_some_and(|start| time < start) || selection.end.is_some_and(|end| time >= end) {
            return Ok(());
        }
        let recorded = record::decode_event(value)?;
        if !selection.names.is_empty() && !selection.names.contains(&recorded.event.name) {
            return Ok(());
        }
        self.taken += 1;
        if self.taken > selection.limit {
            return Err(Error::TooManyEvents { limit: selection.limit });
        }
        Ok(self.writer.push(&person, recorded)?)
    }
}
