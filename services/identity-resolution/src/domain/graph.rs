//! A part of the state in memory, and the changes made to it.
//!
//! A store loads a [`View`] of everything a command can touch, the command runs on a [`Graph`] over it, and the store
//! writes the [`Changes`]. Items of one batch see the changes of the items before them.

use std::collections::BTreeMap;

use attune_kernel::{PersonId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::audit::{Entry, Holding};
use super::claim::Claim;
use super::limit::Limit;
use super::namespace::Rules;
use super::person::{Held, IdentifierKey, Person};

/// What an operator's request answered the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Hash of the request's body.
    pub digest: [u8; 32],
    /// The persons of the answer.
    pub persons: Vec<PersonId>,
    /// A number of the answer: how many identifiers an erasure removed.
    pub count: u32,
}

/// What a command can touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Identifiers with the key of their tombstones.
    pub identifiers: Vec<(IdentifierKey, IdentifierKey)>,
    /// Persons by any id.
    pub persons: Vec<PersonId>,
    /// The request id whose earlier outcome is needed.
    pub request: Option<String>,
}

/// A consistent part of the state.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The surviving holder of each identifier that is held.
    pub owners: FxHashMap<IdentifierKey, PersonId>,
    /// Identifiers that were looked for and are held by nobody.
    pub absent: FxHashSet<IdentifierKey>,
    /// When the identifier of a tombstone was erased; asked only for identifiers that nobody holds.
    pub tombstones: FxHashMap<IdentifierKey, Timestamp>,
    /// Surviving persons: every holder and every person asked for.
    pub persons: FxHashMap<PersonId, Person>,
    /// The survivor of each id asked for that was merged.
    pub survivors: FxHashMap<PersonId, PersonId>,
    /// The outcome recorded for the request id.
    pub request: Option<Recorded>,
}

impl View {
    /// Enters a surviving person with everything they hold.
    pub fn enter(&mut self, person: Person) {
        for held in &person.identifiers {
            self.owners.insert(held.key, person.id);
        }
        for alias in &person.aliases {
            self.survivors.insert(*alias, person.id);
        }
        self.persons.insert(person.id, person);
    }

    /// Identifiers whose holders are to be loaded too, so that whatever is connected to what is here is here as a whole;
    /// a component with more than `max` identifiers is not followed any further. None when all is here.
    #[must_use]
    pub fn frontier(&self, max: usize) -> Vec<IdentifierKey> {
        let unknown = |key: &IdentifierKey| !self.owners.contains_key(key) && !self.absent.contains(key);
        if !self.persons.values().any(|person| person.neighbours().any(|key| unknown(&key))) {
            return Vec::new();
        }
        let mut missing = Vec::new();
        let mut seen: FxHashSet<PersonId> = FxHashSet::default();
        for id in self.persons.keys() {
            if seen.contains(id) {
                continue;
            }
            let (mut open, mut size, mut wanted) = (vec![*id], 0, Vec::new());
            seen.insert(*id);
            while let Some(person) = open.pop().and_then(|id| self.persons.get(&id)) {
                size += person.identifiers.len();
                for key in person.neighbours() {
                    match self.owners.get(&key) {
                        Some(owner) if seen.insert(*owner) => open.push(*owner),
                        Some(_) => {}
                        None if unknown(&key) => wanted.push(key),
                        None => {}
                    }
                }
            }
            if size <= max {
                missing.append(&mut wanted);
            }
        }
        missing.sort_unstable();
        missing.dedup();
        missing
    }
}

/// What other services are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Two persons became one.
    Merge {
        /// The id that survives.
        survivor: PersonId,
        /// The id that is now an alias.
        merged: PersonId,
    },
    /// One person became two.
    Split {
        /// Who kept the id.
        kept: PersonId,
        /// Who holds what was taken away.
        split: PersonId,
        /// What was taken away.
        identifiers: Vec<Held>,
        /// Ids once merged into the kept person that now are the split one's.
        aliases: Vec<PersonId>,
    },
    /// A person was erased.
    Erasure {
        /// The surviving id.
        person: PersonId,
        /// Every id merged into it.
        aliases: Vec<PersonId>,
    },
}

/// What a command changed, to be written in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Persons as they are now, by id.
    pub persons: BTreeMap<PersonId, Person>,
    /// Merged ids with their survivor; a row of a person of that id is replaced.
    pub aliases: BTreeMap<PersonId, PersonId>,
    /// Identifiers that had no holder, with their new one.
    pub created: BTreeMap<IdentifierKey, PersonId>,
    /// Identifiers that had a holder, with their new one, or none.
    pub moved: BTreeMap<IdentifierKey, Option<PersonId>>,
    /// Erased identifiers by the keys of their tombstones.
    pub tombstones: BTreeMap<IdentifierKey, Timestamp>,
    /// Subjects (identifiers, and persons by their bytes) whose audit entries and holdings are to be forgotten, before
    /// the new ones are written.
    pub forgotten: Vec<[u8; 16]>,
    /// New entries of the audit trail, in order.
    pub audit: Vec<Entry>,
    /// Whose identifiers have become, in order.
    pub holdings: Vec<Holding>,
    /// To be appended to the feed in order.
    pub feed: Vec<(Timestamp, Change)>,
    /// The outcome to record for the request id.
    pub request: Option<(String, Recorded)>,
}

impl Changes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.persons.is_empty()
            && self.aliases.is_empty()
            && self.created.is_empty()
            && self.moved.is_empty()
            && self.tombstones.is_empty()
            && self.audit.is_empty()
            && self.holdings.is_empty()
            && self.feed.is_empty()
            && self.request.is_none()
    }
}

/// A view that a command works on.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    pub(super) view: View,
    /// Identifiers that had a holder before.
    loaded: FxHashSet<IdentifierKey>,
    /// Claims that wait for their identifiers to appear within this command.
    pub(super) waiting: Vec<Claim>,
    pub(super) changes: Changes,
    pub(super) minted: u128,
}

impl Graph {
    /// A graph without changes.
    #[must_use]
    pub fn new(view: View) -> Self {
        let loaded = view.owners.keys().copied().collect();
        Self { view, loaded, ..Self::default() }
    }

    /// The survivor of an id, when it is known.
    #[must_use]
    pub fn survivor(&self, id: PersonId) -> Option<PersonId> {
        if self.view.persons.contains_key(&id) {
            return Some(id);
        }
        self.view.survivors.get(&id).copied().filter(|id| self.view.persons.contains_key(id))
    }

    /// A surviving person.
    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.view.persons.get(&id)
    }

    /// Who holds an identifier.
    #[must_use]
    pub fn owner(&self, key: IdentifierKey) -> Option<PersonId> {
        self.view.owners.get(&key).copied()
    }

    /// Who holds an identifier, with all they hold.
    #[must_use]
    pub fn holder(&self, key: IdentifierKey) -> Option<&Person> {
        self.person(self.owner(key)?)
    }

    /// The identifier as its holder has it.
    #[must_use]
    pub fn held(&self, key: IdentifierKey) -> Option<&Held> {
        self.holder(key)?.held(key)
    }

    /// When the identifier of a tombstone was erased.
    #[must_use]
    pub fn erased_at(&self, tombstone: IdentifierKey) -> Option<Timestamp> {
        self.view.tombstones.get(&tombstone).copied()
    }

    /// The outcome recorded for the request id.
    #[must_use]
    pub const fn recorded(&self) -> Option<&Recorded> {
        self.view.request.as_ref()
    }

    /// What was changed.
    #[must_use]
    pub fn into_changes(self) -> Changes {
        self.changes
    }

    /// What was changed so far.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Puts a person in their place, replacing who was there under that id.
    pub(super) fn put(&mut self, person: Person) {
        self.changes.aliases.remove(&person.id);
        self.view.survivors.remove(&person.id);
        for held in &person.identifiers {
            if self.view.owners.insert(held.key, person.id) != Some(person.id) {
                self.note_owner(held.key, Some(person.id));
            }
        }
        for alias in &person.aliases {
            if self.view.survivors.insert(*alias, person.id) != Some(person.id) {
                self.changes.persons.remove(alias);
                self.changes.aliases.insert(*alias, person.id);
            }
        }
        self.changes.persons.insert(person.id, person.clone());
        self.view.persons.insert(person.id, person);
    }

    /// Leaves an identifier without a holder.
    pub(super) fn release(&mut self, key: IdentifierKey) {
        if self.view.owners.remove(&key).is_some() {
            self.view.absent.insert(key);
            self.note_owner(key, None);
        }
    }

    fn note_owner(&mut self, key: IdentifierKey, owner: Option<PersonId>) {
        match (self.loaded.contains(&key), owner) {
            (true, owner) => {
                self.changes.moved.insert(key, owner);
            }
            (false, Some(owner)) => {
                self.changes.created.insert(key, owner);
            }
            (false, None) => {
                self.changes.created.remove(&key);
            }
        }
    }

    /// Changes an identifier where it is, and the edges of its holder and their neighbours with it.
    pub(super) fn edit(&mut self, id: PersonId, edit: impl FnOnce(&mut Person)) {
        if let Some(person) = self.view.persons.get_mut(&id) {
            edit(person);
            self.changes.persons.insert(id, person.clone());
        }
    }

    /// Tells other services.
    pub(super) fn announce(&mut self, time: Timestamp, change: Change) {
        self.changes.feed.push((time, change));
    }

    /// Remembers that the identifier of a tombstone was erased.
    pub(super) fn bury(&mut self, tombstone: IdentifierKey, time: Timestamp) {
        self.view.tombstones.insert(tombstone, time);
        self.changes.tombstones.insert(tombstone, time);
    }

    /// Remembers the outcome of a request.
    pub(super) fn record(&mut self, id: String, outcome: Recorded) {
        self.changes.request = Some((id, outcome));
    }

    /// What keeps evidence from making two persons one; none when nothing does.
    #[must_use]
    pub fn apart(&self, rules: &Rules, left: PersonId, right: PersonId) -> Option<Limit> {
        apart(rules, self.person(left)?, self.person(right)?)
    }
}

/// What keeps evidence from making two persons one; none when nothing does.
#[must_use]
pub fn apart(rules: &Rules, left: &Person, right: &Person) -> Option<Limit> {
    let across = |claim: &Claim| {
        let on = |person: &Person, side: &[IdentifierKey]| side.iter().any(|key| person.held(*key).is_some());
        !claim.joins()
            && ((on(left, &claim.left) && on(right, &claim.right))
                || (on(left, &claim.right) && on(right, &claim.left)))
    };
    if left.claims.iter().any(across) {
        return Some(Limit::CannotLink);
    }
    let mut found = None;
    for held in &left.identifiers {
        let (ours, theirs) = (left.count(&held.namespace), right.count(&held.namespace));
        if theirs > 0 && ours + theirs > rules.capacity(&held.namespace) {
            if rules.is_unique(&held.namespace) {
                return Some(Limit::UniquePerPerson);
            }
            found = Some(Limit::MaxIdentifiersPerPerson);
        }
    }
    found
}
