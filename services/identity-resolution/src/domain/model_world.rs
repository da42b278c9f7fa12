//! A memory that keeps exactly what the changes say, for properties over histories.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use attune_kernel::{PersonId, Personal, Timestamp};
use proptest::prelude::*;

use super::interaction::candidates;
use super::*;
use crate::Config;

/// What a store keeps, as maps.
#[derive(Default, Clone)]
pub(super) struct Memory {
    pub(super) owners: BTreeMap<IdentifierKey, PersonId>,
    pub(super) persons: BTreeMap<PersonId, Person>,
    pub(super) aliases: BTreeMap<PersonId, PersonId>,
    tombstones: BTreeMap<IdentifierKey, Timestamp>,
    pub(super) holdings: BTreeMap<(IdentifierKey, Timestamp), PersonId>,
    pub(super) audit: Vec<Entry>,
    pub(super) feed: Vec<Change>,
    /// Persons read and written by the last command: what it costs.
    pub(super) work: usize,
}

impl Memory {
    pub(super) fn survivor(&self, id: PersonId) -> PersonId {
        self.aliases.get(&id).copied().unwrap_or(id)
    }

    fn view(&self, lookup: &Lookup, max: usize) -> View {
        let mut view = View::default();
        for id in &lookup.persons {
            let survivor = self.survivor(*id);
            if let Some(person) = self.persons.get(&survivor) {
                view.survivors.insert(*id, survivor);
                view.enter(person.clone());
            }
        }
        let mut wanted: Vec<IdentifierKey> = lookup.identifiers.iter().map(|(key, _)| *key).collect();
        loop {
            for key in wanted {
                match self.owners.get(&key) {
                    Some(owner) => view.enter(self.persons[owner].clone()),
                    None => {
                        view.absent.insert(key);
                    }
                }
            }
            wanted = view.frontier(max);
            if wanted.is_empty() {
                break;
            }
        }
        for (key, tombstone) in &lookup.identifiers {
            if let (None, Some(time)) = (self.owners.get(key), self.tombstones.get(tombstone)) {
                view.tombstones.insert(*tombstone, *time);
            }
        }
        view
    }

    pub(super) fn run(&mut self, rules: &Rules, command: &Command) -> Result<Outcome, Refusal> {
        let view = self.view(&command.lookup(rules), rules.max_component);
        self.work = view.persons.len();
        let mut graph = Graph::new(view);
        let outcome = command.run(rules, &mut graph)?;
        let changes = graph.into_changes();
        self.work += changes.persons.len() + changes.created.len() + changes.moved.len() + changes.holdings.len();
        for (alias, survivor) in changes.aliases {
            self.persons.remove(&alias);
            self.aliases.insert(alias, survivor);
        }
        for (id, person) in changes.persons {
            self.aliases.remove(&id);
            self.persons.insert(id, person);
        }
        self.owners.extend(changes.created);
        for (key, owner) in changes.moved {
            match owner {
                Some(owner) => self.owners.insert(key, owner),
                None => self.owners.remove(&key),
            };
        }
        self.tombstones.extend(changes.tombstones);
        for subject in changes.forgotten {
            self.audit.retain(|entry| !entry.subjects().contains(&subject));
            self.holdings.retain(|(key, _), _| key.0 != subject);
        }
        for holding in changes.holdings {
            let before = self.held_by(holding.key, holding.since);
            if !holding.late || before != Some(holding.person) {
                self.holdings.insert((holding.key, holding.since), holding.person);
            }
        }
        self.audit.extend(changes.audit);
        self.feed.extend(changes.feed.into_iter().map(|(_, change)| change));
        Ok(outcome)
    }

    fn held_by(&self, key: IdentifierKey, at: Timestamp) -> Option<PersonId> {
        self.holdings.range((key, Timestamp::from_micros(i64::MIN))..=(key, at)).next_back().map(|(_, person)| *person)
    }

    /// Who held an identifier at a time.
    pub(super) fn as_of(&self, key: IdentifierKey, at: Timestamp) -> Option<PersonId> {
        let owner = self.owners.get(&key)?;
        let held = self.persons[owner].held(key)?;
        if held.since <= at { Some(*owner) } else { self.held_by(key, at) }
    }

    /// What must hold whatever happened.
    pub(super) fn check(&self, rules: &Rules) {
        let mut held = 0;
        let mut living = BTreeSet::new();
        for (id, person) in &self.persons {
            assert_eq!(*id, person.id);
            assert!(!self.aliases.contains_key(id), "a surviving id is an alias");
            for identifier in &person.identifiers {
                held += 1;
                assert_eq!(self.owners[&identifier.key], *id, "index and person agree");
            }
            for alias in &person.aliases {
                assert_eq!(self.aliases[alias], *id, "an alias leads to its survivor in one hop");
            }
            assert!(person.erased.is_some() || person.ids[0].id == *id, "the oldest id survives");
            for issued in &person.ids {
                assert!(living.insert(issued.id), "an id is one person's");
                assert!(person.held(issued.home).is_some(), "an id lives with its person");
            }
            for edge in &person.edges {
                assert!(person.held(edge.a).is_some() || person.held(edge.b).is_some());
                for end in [edge.a, edge.b] {
                    let holder = &self.persons[&self.owners[&end]];
                    assert_eq!(holder.edge(edge.a, edge.b), Some(edge), "both sides know an edge");
                    assert!(!holder.held(end).unwrap().over, "what is over its limit has no edges");
                }
            }
            for edge in person.edges.windows(2) {
                assert!((edge[0].a, edge[0].b) < (edge[1].a, edge[1].b), "edges are in order");
            }
            for held in &person.identifiers {
                for anchor in &held.anchors {
                    let of = held.anchors.iter().filter(|other| other.namespace == anchor.namespace).count();
                    assert!(of <= rules.max_persons(&held.namespace).unwrap());
                }
            }
        }
        assert_eq!(held, self.owners.len(), "every identifier is held once");
        for survivor in self.aliases.values() {
            assert!(self.persons.contains_key(survivor), "every id ever issued resolves in one hop");
        }
    }

    pub(super) fn partition(&self) -> BTreeSet<BTreeSet<String>> {
        let value = |held: &Held| format!("{}:{}", held.namespace, held.value.expose());
        let persons = self.persons.values().filter(|person| person.erased.is_none());
        persons.map(|person| person.identifiers.iter().map(value).collect()).collect()
    }
}

/// A world with a clock and ids of its own.
#[derive(Clone)]
pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) memory: Memory,
    step: i64,
}

pub(super) type Seen<'a> = &'a [(&'a str, &'a str)];

impl World {
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        change(&mut config);
        assert_eq!(config.validate(), Vec::new());
        Self { rules: config.rules(), memory: Memory::default(), step: 0 }
    }

    pub(super) fn candidates(&self, seen: Seen<'_>) -> (Vec<Candidate>, Vec<Hit>) {
        let raw: Vec<Raw> = seen
            .iter()
            .map(|(namespace, value)| Raw {
                namespace: (*namespace).to_owned(),
                value: Personal::new((*value).to_owned()),
            })
            .collect();
        candidates(&self.rules, &raw).unwrap()
    }

    pub(super) fn key(&self, seen: (&str, &str)) -> IdentifierKey {
        self.candidates(&[seen]).0[0].key
    }

    pub(super) fn tick(&mut self) -> (Timestamp, u128) {
        self.step += 1;
        let entropy = u128::from(self.step.unsigned_abs()) << 64;
        (Timestamp::from_millis(1_700_000_000_000 + self.step), entropy)
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, time: Duration) {
        self.step += i64::try_from(time.as_millis()).unwrap();
    }

    pub(super) fn interaction(&mut self, seen: Seen<'_>, event_time: Option<Timestamp>) -> Interaction {
        let (candidates, blocked) = self.candidates(seen);
        let (now, entropy) = self.tick();
        let (is_timed, event_time) = (event_time.is_some(), event_time.unwrap_or(now));
        let (source, read_only) = ("test".to_owned(), false);
        Interaction { candidates, blocked, event_time, is_timed, source, now, entropy, read_only }
    }

    pub(super) fn try_see_at(&mut self, seen: Seen<'_>, event_time: Option<Timestamp>) -> Result<Resolution, Refusal> {
        let interaction = self.interaction(seen, event_time);
        let outcome = self.memory.run(&self.rules, &Command::Resolve(vec![interaction], None))?;
        let Outcome::Resolved(mut answers) = outcome else { panic!("not a resolution") };
        answers.pop().unwrap()
    }

    pub(super) fn see(&mut self, seen: Seen<'_>) -> Resolution {
        let answer = self.try_see_at(seen, None).unwrap();
        self.memory.check(&self.rules);
        answer
    }

    pub(super) fn who(&mut self, seen: Seen<'_>) -> PersonId {
        self.see(seen).person
    }

    pub(super) fn by(&mut self) -> Decision {
        let (now, entropy) = self.tick();
        Decision { actor: "ann".to_owned(), reason: "because".to_owned(), now, entropy }
    }

    pub(super) fn decide(&mut self, command: &Command) -> Result<Vec<PersonId>, Refusal> {
        let outcome = self.memory.run(&self.rules, command)?;
        self.memory.check(&self.rules);
        let Outcome::Decided { persons, .. } = outcome else { panic!("not a decision") };
        Ok(persons)
    }

    pub(super) fn link(&mut self, person: PersonId, other: PersonId) -> PersonId {
        let by = self.by();
        self.decide(&Command::Link { person, other, by, request: None }).unwrap()[0]
    }

    pub(super) fn unlink(&mut self, person: PersonId, seen: Seen<'_>) -> Result<Vec<PersonId>, Refusal> {
        let (identifiers, by) = (self.candidates(seen).0, self.by());
        self.decide(&Command::Unlink { person, identifiers, by, request: None })
    }

    pub(super) fn unmerge(&mut self, person: PersonId, alias: PersonId) -> Result<Vec<PersonId>, Refusal> {
        let by = self.by();
        self.decide(&Command::Unmerge { person, alias, by, request: None })
    }

    pub(super) fn erase(&mut self, person: PersonId, only: bool) -> Vec<PersonId> {
        let by = self.by();
        self.decide(&Command::Erase { person, only, by, request: None }).unwrap()
    }

    pub(super) fn claim(&mut self, assert: Vec<Claim>, retract: Vec<Slot>) {
        let by = self.by();
        let claims = Claims { assert, retract, by };
        self.memory.run(&self.rules, &Command::Resolve(Vec::new(), Some(claims))).unwrap();
        self.memory.check(&self.rules);
    }

    pub(super) fn expire(&mut self) {
        let by = self.by();
        let due = |person: &&Person| person.expires(&self.rules).is_some_and(|time| time < by.now);
        let persons = self.memory.persons.values().filter(due).map(|person| person.id).collect();
        self.decide(&Command::Expire { persons, by }).unwrap();
    }

    pub(super) fn limits(resolution: &Resolution) -> Vec<(usize, Limit)> {
        resolution.hits.iter().map(|hit| (hit.index, hit.limit)).collect()
    }
}

/// Persons by naive union-find: identifiers seen together are one.
pub(super) fn reference(all: &[Vec<String>]) -> BTreeSet<BTreeSet<String>> {
    let mut groups: Vec<BTreeSet<String>> = Vec::new();
    for seen in all {
        let mut joined: BTreeSet<String> = seen.iter().cloned().collect();
        groups.retain(|group| {
            let meets = !group.is_disjoint(&joined);
            if meets {
                joined.extend(group.iter().cloned());
            }
            !meets
        });
        groups.push(joined);
    }
    groups.into_iter().collect()
}

pub(super) fn unlimited(config: &mut Config) {
    for policy in config.namespaces.values_mut() {
        policy.unique_per_person = false;
        policy.max_persons_per_identifier = 0;
        policy.max_identifiers_per_person = 0;
    }
}

pub(super) fn tight(config: &mut Config) {
    for (name, policy) in &mut config.namespaces {
        policy.max_persons_per_identifier = 3;
        policy.max_identifiers_per_person = if name == "cookie" { 4 } else { 3 };
    }
}

pub(super) fn seen_of(
    namespaces: &'static [&'static str],
    values: u32,
) -> impl Strategy<Value = Vec<(String, String)>> {
    let one = (prop::sample::select(namespaces), 0..values)
        .prop_map(|(namespace, value)| (namespace.to_owned(), format!("{value}{value}v@x.org")));
    prop::collection::vec(one, 1..4)
}

pub(super) fn borrowed(seen: &[(String, String)]) -> Vec<(&str, &str)> {
    seen.iter().map(|(namespace, value)| (namespace.as_str(), value.as_str())).collect()
}

pub(super) const STRONG: &[&str] = &["customer_id", "account_id", "email"];
pub(super) const MIXED: &[&str] = &["customer_id", "account_id", "email", "email", "cookie", "cookie", "device"];

/// A small generator that repeats itself, for orders.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for at in (1..all.len()).rev() {
            all.swap(at, self.roll(at + 1));
        }
    }
}
