//! Events, timers and states within a transaction.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use attune_storage::embedded::Tx;
use attune_storage::key::{KeyBuilder, KeyReader, key};
use attune_storage::{LowWater, Scan, Space, StorageError, feed};

use crate::domain::event::Recorded;
use crate::domain::live::{Change, Person, Rulebook};
use crate::domain::origin::labelled;
use crate::error::Error;
use crate::store::{FEED, Fate, Fired, Observation, hashed, record};

pub(super) fn at_person(person: &str) -> Vec<u8> {
    key().str("p").str(person).build()
}

pub(super) fn at_due(person: &str) -> Vec<u8> {
    key().str("d").str(person).build()
}

fn at_timer(due: i64, person: &str) -> Vec<u8> {
    key().str("t").i64(due).str(person).build()
}

pub(super) fn at_alias(person: &str) -> Vec<u8> {
    key().str("a").str(person).build()
}

pub(super) fn at_aliases_of(survivor: &str) -> KeyBuilder {
    key().str("r").str(survivor)
}

pub(super) fn at_events(person: &str) -> KeyBuilder {
    key().str("e").str(person)
}

pub(super) fn at_event(person: &str, recorded: &Recorded) -> Vec<u8> {
    let (time, sequence, id) = recorded.place();
    at_events(person).i64(time.as_micros()).i64(sequence).str(&hashed(id)).build()
}

pub(super) fn at_known(person: &str, event: &str) -> Vec<u8> {
    key().str("i").str(person).str(&hashed(event)).build()
}

pub(super) fn at_fill(person: &str) -> Vec<u8> {
    key().str("f").str(person).build()
}

pub(super) fn at_ack(consumer: &str) -> Vec<u8> {
    key().str("k").str(consumer).build()
}

/// Who stands behind an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Person(String),
    Erased,
}

/// Who an alias leads to.
pub(super) fn who(asked: &str, alias: Option<&[u8]>) -> Result<Who, StorageError> {
    Ok(match alias {
        None => Who::Person(asked.to_owned()),
        Some([]) => Who::Erased,
        Some(survivor) => Who::Person(KeyReader::new(survivor).str()?),
    })
}

/// A transaction over the space.
pub(super) struct Records<'t> {
    pub(super) tx: &'t mut Tx,
    pub(super) space: &'t Space,
    /// Where timers begin.
    pub(super) timers: &'t LowWater,
}

impl Records<'_> {
    pub(super) fn who(&self, asked: &str) -> Result<Who, StorageError> {
        who(asked, self.tx.get(self.space, at_alias(asked))?.as_deref())
    }

    pub(super) fn person(&self, id: &str) -> Result<Option<Person>, StorageError> {
        let bytes = self.tx.get(self.space, at_person(id))?;
        bytes.map(|bytes| record::decode_person(&bytes)).transpose()
    }

    /// Writes what is remembered of a person, and their timer.
    pub(super) fn put_person(&mut self, id: &str, person: &Person, due: Option<Timestamp>) -> Result<(), StorageError> {
        self.tx.put(self.space, at_person(id), record::encode_person(person)?)?;
        self.set_timer(id, due)
    }

    pub(super) fn set_timer(&mut self, id: &str, due: Option<Timestamp>) -> Result<(), StorageError> {
        if let Some(before) = self.tx.get(self.space, at_due(id))? {
            let before = KeyReader::new(&before).i64()?;
            if due.is_some_and(|due| due.as_micros() == before) {
                return Ok(());
            }
            self.tx.delete(self.space, at_timer(before, id))?;
        }
        match due {
            None => self.tx.delete(self.space, at_due(id)),
            Some(due) => {
                self.tx.put(self.space, at_due(id), key().i64(due.as_micros()).build())?;
                let timer = at_timer(due.as_micros(), id);
                self.timers.lower(&timer);
                self.tx.put(self.space, timer, Vec::new())
            }
        }
    }

    /// Adds an event; whether it is new.
    pub(super) fn put_event(&mut self, person: &str, recorded: &Recorded) -> Result<bool, StorageError> {
        let known = at_known(person, &recorded.event.id);
        if self.tx.get(self.space, &known)?.is_some() {
            return Ok(false);
        }
        let at = at_event(person, recorded);
        self.tx.put(self.space, known, at.clone())?;
        self.tx.put(self.space, at, record::encode_event(recorded)?)?;
        Ok(true)
    }

    pub(super) fn announce(&mut self, person: &str, changes: &[Change]) -> Result<(), StorageError> {
        feed::append_embedded(self.tx, self.space, FEED, &record::entries(person, changes)?)?;
        Ok(())
    }

    pub(super) fn observe(
        &mut self,
        book: &Rulebook,
        events: &[(String, Recorded)],
        now: Timestamp,
    ) -> Result<Observation, Error> {
        let mut observation = Observation { fates: vec![Fate::Erased; events.len()], changes: Vec::new() };
        let mut by_person: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, (asked, _)) in events.iter().enumerate() {
            if let Who::Person(person) = self.who(asked)? {
                by_person.entry(person).or_default().push(index);
            }
        }
        for (id, indexes) in by_person {
            let mut new = Vec::with_capacity(indexes.len());
            let stored = self.person(&id)?;
            let tree = stored.as_ref().map(|person| person.tree.clone()).unwrap_or_default();
            for index in indexes {
                let (asked, recorded) = &events[index];
                observation.fates[index] = if self.put_event(&id, &labelled(&tree, &id, asked, recorded))? {
                    new.push(recorded);
                    Fate::New
                } else {
                    Fate::Duplicate
                };
            }
            if new.is_empty() {
                continue;
            }
            new.sort_by_key(|recorded| recorded.place());
            if stored.is_none() {
                let first = new[0].event.time.as_micros();
                self.tx.put(self.space, at_fill(&id), key().i64(first).build())?;
            }
            let mut person = stored.unwrap_or_default();
            let changes = book.observe(&id, &mut person, new.iter().map(|recorded| &recorded.event))?;
            self.put_person(&id, &person, book.due(&person, now))?;
            self.announce(&id, &changes)?;
            observation.changes.extend(changes);
        }
        Ok(observation)
    }

    pub(super) fn fire_due(&mut self, book: &Rulebook, now: Timestamp, limit: usize) -> Result<Fired, Error> {
        let after_now = key().str("t").i64(now.as_micros().saturating_add(1)).build();
        let scan =
            Scan::prefix(key().str("t").build()).at_least(self.timers.begin()).below(after_now.clone()).limit(limit);
        let mut fired = Fired::default();
        let due = self.tx.scan(self.space, &scan)?;
        self.timers.raise(due.first().map_or(after_now.as_slice(), |(at, _)| at));
        for (at, _) in due {
            let mut at = KeyReader::new(&at);
            let (_, _, id) = (at.str()?, at.i64()?, at.str()?);
            let mut person = self.person(&id)?.unwrap_or_default();
            let changes = book.tick(&id, &mut person, now)?;
            self.put_person(&id, &person, book.due(&person, now))?;
            self.announce(&id, &changes)?;
            fired.persons += 1;
            fired.changes.extend(changes);
        }
        Ok(fired)
    }

    pub(super) fn fill(&mut self, asked: &str, events: &[Recorded], done: bool) -> Result<usize, Error> {
        let mut new = 0;
        if let Who::Person(person) = self.who(asked)? {
            let tree = self.person(&person)?.map(|person| person.tree).unwrap_or_default();
            for recorded in events {
                new += usize::from(self.put_event(&person, &labelled(&tree, &person, asked, recorded))?);
            }
        }
        if done {
            self.tx.delete(self.space, at_fill(asked))?;
        }
        Ok(new)
    }
}
