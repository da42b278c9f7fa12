//! A part of the state in memory, and the changes made to it.
//!
//! A store loads a [`View`] of everything a command can touch, the command runs on a [`Graph`] over it, and the store
//! writes the [`Changes`]. Items of one batch see the changes of the items before them.

use std::collections::{BTreeMap, BTreeSet};

use attune_kernel::{PersonId, Timestamp};
use rustc_hash::FxHashMap;

use super::evidence::{Evidence, EvidenceKind};
use super::interaction::Candidate;
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
    /// Persons, by any id, whose stored evidence is needed.
    pub evidence: Vec<PersonId>,
    /// The request id whose earlier outcome is needed.
    pub request: Option<String>,
}

/// A consistent part of the state.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// The surviving holder of each identifier that is held.
    pub owners: FxHashMap<IdentifierKey, PersonId>,
    /// When the identifier of a tombstone was erased; asked only for identifiers that nobody holds.
    pub tombstones: FxHashMap<IdentifierKey, Timestamp>,
    /// Surviving persons: every holder and every person asked for.
    pub persons: FxHashMap<PersonId, Person>,
    /// The survivor of each id asked for that was merged.
    pub survivors: FxHashMap<PersonId, PersonId>,
    /// Stored evidence of the persons it was asked for, by surviving id.
    pub evidence: FxHashMap<PersonId, Vec<Evidence>>,
    /// The outcome recorded for the request id.
    pub request: Option<Recorded>,
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
    },
    /// A person was erased.
    Erasure {
        /// The surviving id.
        person: PersonId,
        /// Every id merged into it.
        aliases: Vec<PersonId>,
    },
}

/// A change of evidence that was stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceOp {
    /// Everything stored for one person becomes another's; where both have a key, the receiver's stays.
    Move {
        /// From whom.
        from: PersonId,
        /// To whom.
        to: PersonId,
    },
    /// Removes pieces.
    Remove(PersonId, Vec<u64>),
    /// Removes everything stored for a person.
    Clear(PersonId),
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
    /// What happens, in order, to evidence that was stored before.
    pub evidence: Vec<EvidenceOp>,
    /// Evidence to store after that, by person and key, replacing what has the same key.
    pub noted: BTreeMap<(PersonId, u64), Evidence>,
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
            && self.evidence.is_empty()
            && self.noted.is_empty()
            && self.feed.is_empty()
            && self.request.is_none()
    }
}

/// A view that a command works on.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    view: View,
    dirty: BTreeSet<PersonId>,
    /// Identifiers that had a holder before.
    loaded: BTreeSet<IdentifierKey>,
    /// Persons created here, about whom nothing was stored before.
    fresh: BTreeSet<PersonId>,
    changes: Changes,
    steps: u64,
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
        let id = self.view.survivors.get(&id).copied().unwrap_or(id);
        self.view.persons.contains_key(&id).then_some(id)
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

    /// The identifier as its holder has it.
    #[must_use]
    pub fn held(&self, key: IdentifierKey) -> Option<&Held> {
        self.person(self.owner(key)?)?.held(key)
    }

    /// When the identifier of a tombstone was erased.
    #[must_use]
    pub fn erased_at(&self, tombstone: IdentifierKey) -> Option<Timestamp> {
        self.view.tombstones.get(&tombstone).copied()
    }

    /// Stored evidence of a person.
    #[must_use]
    pub fn stored_evidence(&self, person: PersonId) -> &[Evidence] {
        self.view.evidence.get(&person).map_or(&[], Vec::as_slice)
    }

    /// The outcome recorded for the request id.
    #[must_use]
    pub const fn recorded(&self) -> Option<&Recorded> {
        self.view.request.as_ref()
    }

    /// A number that grows with every change.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether anything about a person has changed.
    #[must_use]
    pub fn is_dirty(&self, person: PersonId) -> bool {
        self.dirty.contains(&person)
    }

    /// Whether the holder of an identifier has changed.
    #[must_use]
    pub fn has_moved(&self, key: IdentifierKey) -> bool {
        self.changes.created.contains_key(&key) || self.changes.moved.contains_key(&key)
    }

    /// What was changed.
    #[must_use]
    pub fn into_changes(mut self) -> Changes {
        for id in self.dirty {
            if let Some(person) = self.view.persons.remove(&id) {
                self.changes.persons.insert(id, person);
            }
        }
        self.changes
    }

    /// Whether a person has room for more identifiers.
    ///
    /// # Errors
    /// The limit that forbids it.
    pub fn has_room(&self, rules: &Rules, person: PersonId, more: &[&Candidate]) -> Result<(), Limit> {
        let Some(person) = self.person(person) else { return Ok(()) };
        for (at, candidate) in more.iter().enumerate() {
            let namespace = candidate.namespace.as_str();
            let earlier = more[..at].iter().filter(|one| one.namespace == namespace).count();
            if person.count(namespace) + earlier + 1 > rules.capacity(namespace) {
                return Err(over_capacity(rules, namespace));
            }
        }
        Ok(())
    }

    /// Whether evidence may merge two persons. What one side already holds in excess (by an operator's decision) is not
    /// held against it; what the merge itself would exceed is.
    ///
    /// # Errors
    /// The limit that forbids it.
    pub fn may_merge(&self, rules: &Rules, left: PersonId, right: PersonId) -> Result<(), Limit> {
        let (Some(left), Some(right)) = (self.person(left), self.person(right)) else { return Ok(()) };
        if left.is_kept_apart_from(right) {
            return Err(Limit::CannotLink);
        }
        let (few, many) = if left.identifiers.len() < right.identifiers.len() { (left, right) } else { (right, left) };
        for held in &few.identifiers {
            let namespace = held.namespace.as_str();
            let others = many.count(namespace);
            if others > 0 && others + few.count(namespace) > rules.capacity(namespace) {
                return Err(over_capacity(rules, namespace));
            }
        }
        Ok(())
    }

    /// Creates a person.
    pub fn create(&mut self, id: PersonId, now: Timestamp) -> PersonId {
        self.view.persons.insert(id, Person::new(id, now));
        self.fresh.insert(id);
        self.touch(id);
        id
    }

    /// Gives an identifier that nobody holds to a person.
    pub fn attach(&mut self, person: PersonId, held: Held, now: Timestamp) {
        let key = held.key;
        if let Some(person) = self.view.persons.get_mut(&person) {
            person.insert(held);
            person.updated = now;
        }
        self.set_owner(key, Some(person));
        self.touch(person);
    }

    /// Takes an identifier away from its holder.
    pub fn detach(&mut self, key: IdentifierKey, now: Timestamp) -> Option<Held> {
        let owner = self.owner(key)?;
        let person = self.view.persons.get_mut(&owner)?;
        let place = person.identifiers.iter().position(|held| held.key == key)?;
        let held = person.identifiers.remove(place);
        person.updated = now;
        self.set_owner(key, None);
        self.touch(owner);
        Some(held)
    }

    /// Knows of everything a person holds, whether it was looked up or not.
    pub fn survey(&mut self, person: PersonId) {
        for held in self.view.persons.get(&person).map_or(&[][..], |person| &person.identifiers) {
            if self.view.owners.insert(held.key, person).is_none() {
                self.loaded.insert(held.key);
            }
        }
    }

    /// Changes an identifier where it is.
    pub fn edit(&mut self, key: IdentifierKey, edit: impl FnOnce(&mut Held)) {
        let Some(owner) = self.owner(key) else { return };
        let held = self
            .view
            .persons
            .get_mut(&owner)
            .and_then(|person| person.identifiers.iter_mut().find(|held| held.key == key));
        if let Some(held) = held {
            edit(held);
            self.touch(owner);
        }
    }

    /// Changes a person.
    pub fn edit_person(&mut self, id: PersonId, edit: impl FnOnce(&mut Person)) {
        if let Some(person) = self.view.persons.get_mut(&id) {
            edit(person);
            self.touch(id);
        }
    }

    /// Merges two different persons: the older id survives, the younger one and its aliases resolve to it. Answers the
    /// survivor.
    pub fn merge(&mut self, left: PersonId, right: PersonId, max_evidence: usize, now: Timestamp) -> PersonId {
        let (Some(one), Some(other)) = (self.person(left), self.person(right)) else { return left };
        let (survivor, merged) = if one.age() <= other.age() { (left, right) } else { (right, left) };
        let Some(gone) = self.view.persons.remove(&merged) else { return survivor };
        for alias in gone.aliases.iter().chain([&merged]) {
            self.view.survivors.insert(*alias, survivor);
            self.changes.aliases.insert(*alias, survivor);
        }
        for held in &gone.identifiers {
            // Stored rows keep the id they were written with, which now is an alias: a merge rewrites no identifier.
            self.view.owners.insert(held.key, survivor);
            let moved = self.changes.moved.get_mut(&held.key).and_then(Option::as_mut);
            for owner in self.changes.created.get_mut(&held.key).into_iter().chain(moved) {
                *owner = survivor;
            }
        }
        let mut surplus = Vec::new();
        if let Some(person) = self.view.persons.get_mut(&survivor) {
            for held in gone.identifiers {
                person.insert(held);
            }
            person.aliases.extend(gone.aliases);
            person.aliases.push(merged);
            person.aliases.sort_unstable();
            person.cannot_link.extend(gone.cannot_link);
            person.cannot_link.sort_unstable();
            person.cannot_link.dedup();
            for key in gone.evidence {
                if !person.evidence.contains(&key) {
                    if person.evidence.len() < max_evidence { person.evidence.push(key) } else { surplus.push(key) }
                }
            }
            person.updated = now;
        }
        self.change_evidence(EvidenceOp::Move { from: merged, to: survivor });
        if !surplus.is_empty() {
            self.change_evidence(EvidenceOp::Remove(survivor, surplus));
        }
        self.changes.feed.push((now, Change::Merge { survivor, merged }));
        self.dirty.remove(&merged);
        self.touch(survivor);
        survivor
    }

    /// Stores automatic evidence, unless it is stored already or the person has as much as is kept.
    pub fn note(&mut self, person: PersonId, evidence: Evidence, max_evidence: usize) {
        let Some(holder) = self.view.persons.get_mut(&person) else { return };
        // A merge explains an id that is given out for ever, so it is kept whatever there is.
        let kept_anyway = evidence.kind == EvidenceKind::Merged;
        if holder.evidence.contains(&evidence.key) || (holder.evidence.len() >= max_evidence && !kept_anyway) {
            return;
        }
        if !kept_anyway {
            holder.evidence.push(evidence.key);
        }
        self.decide(person, evidence);
        self.touch(person);
    }

    /// Stores an operator's decision.
    pub fn decide(&mut self, person: PersonId, evidence: Evidence) {
        self.changes.noted.insert((person, evidence.key), evidence);
        self.steps += 1;
    }

    /// Changes evidence, that of this batch included.
    pub fn change_evidence(&mut self, op: EvidenceOp) {
        let noted = &mut self.changes.noted;
        match &op {
            EvidenceOp::Move { from, to } => {
                let keys: Vec<u64> = noted.range((*from, 0)..=(*from, u64::MAX)).map(|((_, key), _)| *key).collect();
                for key in keys {
                    if let Some(evidence) = noted.remove(&(*from, key)) {
                        noted.entry((*to, key)).or_insert(evidence);
                    }
                }
            }
            EvidenceOp::Remove(person, keys) => {
                noted.retain(|(holder, key), _| holder != person || !keys.contains(key))
            }
            EvidenceOp::Clear(person) => noted.retain(|(holder, _), _| holder != person),
        }
        if !matches!(&op, EvidenceOp::Move { from, .. } if self.fresh.contains(from)) {
            self.changes.evidence.push(op);
        }
        self.steps += 1;
    }

    /// Tells other services.
    pub fn announce(&mut self, time: Timestamp, change: Change) {
        self.changes.feed.push((time, change));
        self.steps += 1;
    }

    /// Remembers that the identifier of a tombstone was erased.
    pub fn bury(&mut self, tombstone: IdentifierKey, time: Timestamp) {
        self.view.tombstones.insert(tombstone, time);
        self.changes.tombstones.insert(tombstone, time);
        self.steps += 1;
    }

    /// Remembers the outcome of a request.
    pub fn record(&mut self, id: String, outcome: Recorded) {
        self.changes.request = Some((id, outcome));
        self.steps += 1;
    }

    fn set_owner(&mut self, key: IdentifierKey, owner: Option<PersonId>) {
        match owner {
            Some(owner) => self.view.owners.insert(key, owner),
            None => self.view.owners.remove(&key),
        };
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

    fn touch(&mut self, person: PersonId) {
        self.dirty.insert(person);
        self.steps += 1;
    }
}

fn over_capacity(rules: &Rules, namespace: &str) -> Limit {
    if rules.is_unique(namespace) { Limit::UniquePerPerson } else { Limit::MaxIdentifiersPerPerson }
}
