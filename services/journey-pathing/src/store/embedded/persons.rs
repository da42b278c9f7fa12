//! Merges, splits and erasures within a transaction.

use attune_kernel::Timestamp;
use attune_storage::key::{KeyReader, key};
use attune_storage::vault::feed_subject;
use attune_storage::{Scan, StorageError};

use super::records::{Records, Who, at_alias, at_aliases_of, at_event, at_events, at_fill, at_known, at_person};
use crate::domain::event::{Identifier, Recorded};
use crate::domain::live::{Person, Rulebook};
use crate::domain::origin::{self, Parting, Tree};
use crate::domain::person::PersonChange;
use crate::error::Error;
use crate::store::record;

/// A split.
struct Goes<'a> {
    person: &'a str,
    split: &'a str,
    ids: &'a [String],
    identifiers: &'a [Identifier],
}

impl Records<'_> {
    pub(super) fn apply(
        &mut self,
        book: &Rulebook,
        offset: u64,
        change: &PersonChange,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let at = key().str("o").build();
        let before = self.tx.get(self.space, &at)?.map_or(Ok(0), |bytes| KeyReader::new(&bytes).u64())?;
        if offset <= before {
            return Ok(false);
        }
        self.tx.put(self.space, at, key().u64(offset).build())?;
        match change {
            PersonChange::Merge { surviving, merged } => self.merge(book, surviving, merged, now)?,
            PersonChange::Split { person, split, ids, identifiers } => {
                self.split(book, &Goes { person, split, ids, identifiers }, now)?;
            }
            PersonChange::Erasure { person, aliases } => self.erase(person, aliases)?,
        }
        Ok(true)
    }

    /// Events of a person in the order of time.
    fn events(&self, person: &str) -> Result<Vec<Recorded>, StorageError> {
        let pairs = self.tx.scan(self.space, &Scan::prefix(at_events(person).build()))?;
        let events = pairs.iter().map(|(_, value)| record::decode_event(value)).collect::<Result<Vec<_>, _>>()?;
        Ok(record::in_order(events))
    }

    fn delete_event(&mut self, person: &str, recorded: &Recorded) -> Result<(), StorageError> {
        self.tx.delete(self.space, at_event(person, recorded))?;
        self.tx.delete(self.space, at_known(person, &recorded.event.id))
    }

    /// Fires what is due before everything is computed anew, and answers what was remembered.
    fn settle(&mut self, book: &Rulebook, id: &str, now: Timestamp) -> Result<Person, StorageError> {
        let mut person = self.person(id)?.unwrap_or_default();
        let changes = book.tick(id, &mut person, now)?;
        self.announce(id, &changes)?;
        Ok(person)
    }

    /// Computes anew what is remembered of a person, and tells where they stand now.
    fn rebuild(
        &mut self,
        book: &Rulebook,
        id: &str,
        tree: Tree,
        before: &Person,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let events = self.events(id)?;
        let person = book.rebuild(id, tree, &events, now)?;
        self.put_person(id, &person, book.due(&person, now))?;
        self.announce(id, &book.moved(before, &person, now))
    }

    fn forget_person(&mut self, id: &str) -> Result<(), StorageError> {
        self.set_timer(id, None)?;
        self.tx.delete(self.space, at_person(id))?;
        self.tx.delete(self.space, at_fill(id))
    }

    /// Makes an id, and every alias of it, an alias of another.
    fn redirect(&mut self, from: &str, to: &str) -> Result<(), StorageError> {
        let mut aliases = vec![from.to_owned()];
        for (at, _) in self.tx.scan(self.space, &Scan::prefix(at_aliases_of(from).build()))? {
            let mut reader = KeyReader::new(&at);
            reader.str()?;
            reader.str()?;
            aliases.push(reader.str()?);
            self.tx.delete(self.space, at.to_vec())?;
        }
        for alias in aliases {
            self.tx.put(self.space, at_alias(&alias), key().str(to).build())?;
            self.tx.put(self.space, at_aliases_of(to).str(&alias).build(), Vec::new())?;
        }
        Ok(())
    }

    fn merge(&mut self, book: &Rulebook, surviving: &str, merged: &str, now: Timestamp) -> Result<(), StorageError> {
        let (Who::Person(to), Who::Person(from)) = (self.who(surviving)?, self.who(merged)?) else { return Ok(()) };
        if to == from {
            return Ok(());
        }
        let before = self.settle(book, &to, now)?;
        let other = self.settle(book, &from, now)?;
        let tree = origin::joined(&to, before.tree.clone(), &from, other.tree);
        for recorded in self.events(&from)? {
            self.delete_event(&from, &recorded)?;
            self.put_event(&to, &origin::moved(&tree, &from, &to, &recorded))?;
        }
        self.forget_person(&from)?;
        // What lies under their key are copies that nobody would find when the survivor is erased.
        self.tx.shred(self.space, from.as_bytes())?;
        self.redirect(&from, &to)?;
        self.rebuild(book, &to, tree, &before, now)
    }

    fn split(&mut self, book: &Rulebook, goes: &Goes<'_>, now: Timestamp) -> Result<(), StorageError> {
        let Who::Person(from) = self.who(goes.person)? else { return Ok(()) };
        // The id may have been an alias: it is a person of its own from now on.
        let split = goes.split;
        if from == split {
            return Ok(());
        }
        self.tx.delete(self.space, at_alias(split))?;
        self.tx.delete(self.space, at_aliases_of(&from).str(split).build())?;
        for id in goes.ids.iter().filter(|id| *id != split && **id != from) {
            if self.who(id)? == Who::Person(from.clone()) {
                self.tx.delete(self.space, at_aliases_of(&from).str(id).build())?;
                self.tx.put(self.space, at_alias(id), key().str(split).build())?;
                self.tx.put(self.space, at_aliases_of(split).str(id).build(), Vec::new())?;
            }
        }
        let (before, before_split) = (self.settle(book, &from, now)?, self.settle(book, split, now)?);
        let (mine, theirs) = ((from.as_str(), before.tree.clone()), (split, before_split.tree.clone()));
        let parting = Parting::new(mine, theirs, goes.ids, goes.identifiers);
        for recorded in self.events(&from)? {
            if parting.takes(&recorded) {
                self.delete_event(&from, &recorded)?;
                self.put_event(split, &origin::moved(&parting.goes, &from, split, &recorded))?;
            } else {
                let kept = origin::moved(&parting.stays, &from, &from, &recorded);
                if kept != recorded {
                    self.tx.put(self.space, at_event(&from, &kept), record::encode_event(&kept)?)?;
                }
            }
        }
        self.rebuild(book, &from, parting.stays, &before, now)?;
        self.rebuild(book, split, parting.goes, &before_split, now)?;
        // Old copies of what the person held of the other must not outlive an erasure of the other.
        self.tx.reseal(self.space, from.as_bytes(), &[at_person(&from), at_events(&from).build()])
    }

    fn erase(&mut self, person: &str, aliases: &[String]) -> Result<(), StorageError> {
        let mut gone: Vec<String> = aliases.iter().map(String::as_str).chain([person]).map(str::to_owned).collect();
        for (at, _) in self.tx.scan(self.space, &Scan::prefix(at_aliases_of(person).build()))? {
            let mut reader = KeyReader::new(&at);
            reader.str()?;
            reader.str()?;
            gone.push(reader.str()?);
            self.tx.delete(self.space, at.to_vec())?;
        }
        for id in gone {
            for recorded in self.events(&id)? {
                self.delete_event(&id, &recorded)?;
            }
            self.forget_person(&id)?;
            self.tx.put(self.space, at_alias(&id), Vec::new())?;
            for subject in [id.clone().into_bytes(), feed_subject(&id)] {
                self.tx.shred(self.space, &subject)?;
            }
        }
        Ok(())
    }
}
