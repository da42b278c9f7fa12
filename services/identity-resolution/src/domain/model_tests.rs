//! The rules against naive models, over a memory that keeps exactly what the changes say.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use attune_kernel::{PersonId, Personal, Timestamp};
use proptest::prelude::*;

use super::interaction::candidates;
use super::*;
use crate::Config;

/// What a store keeps, as maps. Identifiers keep the id they were written with, as the stores do.
#[derive(Default, Clone)]
pub(super) struct Memory {
    pub(super) owners: BTreeMap<IdentifierKey, PersonId>,
    pub(super) persons: BTreeMap<PersonId, Person>,
    aliases: BTreeMap<PersonId, PersonId>,
    tombstones: BTreeMap<IdentifierKey, Timestamp>,
    pub(super) evidence: BTreeMap<(PersonId, u64), Evidence>,
    pub(super) feed: Vec<Change>,
}

impl Memory {
    pub(super) fn survivor(&self, id: PersonId) -> PersonId {
        self.aliases.get(&id).copied().unwrap_or(id)
    }

    fn view(&self, lookup: &Lookup) -> View {
        let mut view = View::default();
        for (key, tombstone) in &lookup.identifiers {
            if let Some(owner) = self.owners.get(key) {
                let owner = self.survivor(*owner);
                view.owners.insert(*key, owner);
                view.persons.insert(owner, self.persons[&owner].clone());
            } else if let Some(time) = self.tombstones.get(tombstone) {
                view.tombstones.insert(*tombstone, *time);
            }
        }
        for id in lookup.persons.iter().chain(&lookup.evidence) {
            let survivor = self.survivor(*id);
            view.survivors.insert(*id, survivor);
            if let Some(person) = self.persons.get(&survivor) {
                view.persons.insert(survivor, person.clone());
            }
        }
        for id in &lookup.evidence {
            let survivor = self.survivor(*id);
            let range = self.evidence.range((survivor, 0)..=(survivor, u64::MAX));
            view.evidence.insert(survivor, range.map(|(_, one)| one.clone()).collect());
        }
        view
    }

    fn run(&mut self, rules: &Rules, command: &Command) -> Result<Outcome, Refusal> {
        let mut graph = Graph::new(self.view(&command.lookup()));
        let outcome = command.run(rules, &mut graph)?;
        let changes = graph.into_changes();
        self.persons.extend(changes.persons);
        for (alias, survivor) in changes.aliases {
            self.persons.remove(&alias);
            self.aliases.insert(alias, survivor);
        }
        self.owners.extend(changes.created);
        for (key, owner) in changes.moved {
            match owner {
                Some(owner) => self.owners.insert(key, owner),
                None => self.owners.remove(&key),
            };
        }
        self.tombstones.extend(changes.tombstones);
        for op in changes.evidence {
            let of = |person: PersonId| move |at: &(PersonId, u64)| at.0 == person;
            let taken: Vec<(PersonId, u64)> = match &op {
                EvidenceOp::Move { from: person, .. } | EvidenceOp::Clear(person) => {
                    self.evidence.keys().copied().filter(of(*person)).collect()
                }
                EvidenceOp::Remove(person, keys) => keys.iter().map(|key| (*person, *key)).collect(),
            };
            for at in taken {
                let gone = self.evidence.remove(&at);
                if let (EvidenceOp::Move { to, .. }, Some(gone)) = (&op, gone) {
                    self.evidence.entry((*to, at.1)).or_insert(gone);
                }
            }
        }
        for ((person, key), one) in changes.noted {
            self.evidence.insert((person, key), one);
        }
        self.feed.extend(changes.feed.into_iter().map(|(_, change)| change));
        Ok(outcome)
    }

    /// What must hold whatever happened.
    fn check(&self, rules: &Rules) {
        let mut held = 0;
        for (id, person) in &self.persons {
            assert_eq!(*id, person.id);
            assert!(!self.aliases.contains_key(id), "a surviving id is an alias");
            for identifier in &person.identifiers {
                held += 1;
                assert_eq!(self.survivor(self.owners[&identifier.key]), *id, "index and person agree");
            }
            for alias in &person.aliases {
                assert_eq!(self.aliases[alias], *id, "an alias leads to its survivor in one hop");
            }
            for key in &person.evidence {
                assert!(self.evidence.contains_key(&(*id, *key)), "what is remembered as stored is stored");
            }
            assert!(person.evidence.len() <= rules.max_evidence);
        }
        assert_eq!(held, self.owners.len(), "every identifier is held once");
        for survivor in self.aliases.values() {
            assert!(self.persons.contains_key(survivor), "every id ever issued resolves in one hop");
        }
        for (person, _) in self.evidence.keys() {
            assert!(self.persons.contains_key(person), "evidence belongs to somebody");
        }
    }

    fn partition(&self) -> BTreeSet<BTreeSet<String>> {
        let value = |held: &Held| format!("{}:{}", held.namespace, held.value.expose());
        self.persons.values().map(|person| person.identifiers.iter().map(value).collect()).collect()
    }
}

/// A world with a clock and ids of its own.
pub(super) struct World {
    pub(super) rules: Rules,
    pub(super) memory: Memory,
    step: i64,
}

type Seen<'a> = &'a [(&'a str, &'a str)];

impl World {
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { touch_interval: Duration::ZERO, ..Config::default() };
        change(&mut config);
        assert_eq!(config.validate(), Vec::new());
        Self { rules: config.rules(), memory: Memory::default(), step: 0 }
    }

    fn candidates(&self, seen: Seen<'_>) -> (Vec<Candidate>, Vec<Hit>) {
        let raw: Vec<Raw> = seen
            .iter()
            .map(|(namespace, value)| Raw {
                namespace: (*namespace).to_owned(),
                value: Personal::new((*value).to_owned()),
            })
            .collect();
        candidates(&self.rules, &raw).unwrap()
    }

    pub(super) fn tick(&mut self) -> (Timestamp, u128) {
        self.step += 1;
        (Timestamp::from_millis(1_700_000_000_000 + self.step), self.step.unsigned_abs().into())
    }

    pub(super) fn try_see_at(&mut self, seen: Seen<'_>, event_time: Option<Timestamp>) -> Result<Resolution, Refusal> {
        let (candidates, blocked) = self.candidates(seen);
        let (now, entropy) = self.tick();
        let (event_time, source, read_only) = (event_time.unwrap_or(now), "test".to_owned(), false);
        let interaction = Interaction { candidates, blocked, event_time, source, now, entropy, read_only };
        let outcome = self.memory.run(&self.rules, &Command::Resolve(vec![interaction]))?;
        self.memory.check(&self.rules);
        let Outcome::Resolved(mut answers) = outcome else { panic!("not a resolution") };
        answers.pop().unwrap()
    }

    pub(super) fn see(&mut self, seen: Seen<'_>) -> Resolution {
        self.try_see_at(seen, None).unwrap()
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

    pub(super) fn limits(resolution: &Resolution) -> Vec<(usize, Limit)> {
        resolution.hits.iter().map(|hit| (hit.index, hit.limit)).collect()
    }
}

/// Persons by naive union-find: identifiers seen together are one.
fn reference(all: &[Vec<String>]) -> BTreeSet<BTreeSet<String>> {
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

fn unlimited(config: &mut Config) {
    for policy in config.namespaces.values_mut() {
        policy.unique_per_person = false;
        policy.max_persons_per_identifier = 0;
        policy.max_identifiers_per_person = 0;
    }
}

fn tight(config: &mut Config) {
    for (name, policy) in &mut config.namespaces {
        policy.max_persons_per_identifier = 3;
        policy.max_identifiers_per_person = if name == "cookie" { 4 } else { 3 };
    }
    config.max_evidence_per_person = 5;
    config.touch_interval = Duration::from_secs(3600);
}

fn seen_of(namespaces: &'static [&'static str], values: u32) -> impl Strategy<Value = Vec<(String, String)>> {
    let one = (prop::sample::select(namespaces), 0..values)
        .prop_map(|(namespace, value)| (namespace.to_owned(), format!("{value}{value}v@x.org")));
    prop::collection::vec(one, 1..4)
}

fn borrowed(seen: &[(String, String)]) -> Vec<(&str, &str)> {
    seen.iter().map(|(namespace, value)| (namespace.as_str(), value.as_str())).collect()
}

const STRONG: &[&str] = &["customer_id", "account_id", "email"];
const MIXED: &[&str] = &["customer_id", "account_id", "email", "email", "cookie", "cookie", "device"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn strong_evidence_gives_the_same_persons_in_any_order(
        (all, shuffled) in prop::collection::vec(seen_of(STRONG, 12), 1..30)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
    ) {
        let text = |seen: &Vec<(String, String)>| seen.iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>();
        let expected = reference(&all.iter().map(text).collect::<Vec<_>>());
        for order in [&all, &shuffled] {
            let mut world = World::new(unlimited);
            for seen in order {
                world.see(&borrowed(seen));
            }
            prop_assert_eq!(&world.memory.partition(), &expected);
            for seen in order {
                prop_assert!(world.see(&borrowed(seen)).merged.is_empty());
            }
            prop_assert_eq!(&world.memory.partition(), &expected);
        }
    }

    #[test]
    fn whatever_happens_ids_resolve_limits_hold_and_repeats_change_nothing(
        all in prop::collection::vec((seen_of(MIXED, 6), 0u8..12), 1..40),
    ) {
        let mut world = World::new(tight);
        let mut issued: BTreeSet<PersonId> = BTreeSet::new();
        for (seen, dice) in &all {
            let seen = borrowed(seen);
            let time = world.tick().0;
            let Ok(answer) = world.try_see_at(&seen, Some(time)) else { continue };
            issued.insert(answer.person);
            let repeat = world.try_see_at(&seen, Some(time)).unwrap();
            prop_assert_eq!(repeat.person, answer.person);
            prop_assert!(!repeat.changed, "{:?} then {:?}", answer, repeat);
            prop_assert_eq!(repeat.hits, answer.hits);
            match dice {
                0 => {
                    let others: Vec<PersonId> = issued.iter().map(|id| world.memory.survivor(*id)).collect();
                    let other = others[others.len() / 2];
                    if world.memory.persons[&other].erased.is_none() {
                        world.link(answer.person, other);
                    }
                }
                1 => {
                    if let Ok(both) = world.unlink(answer.person, &seen[..1]) {
                        issued.extend(both);
                    }
                }
                2 => {
                    let (now, _) = world.tick();
                    world.decide(&Command::Erase { person: answer.person, now, request: None }).unwrap();
                }
                _ => {}
            }
            for id in &issued {
                prop_assert!(world.memory.persons.contains_key(&world.memory.survivor(*id)));
            }
        }
    }

    #[test]
    fn without_operators_a_person_has_one_customer_number(all in prop::collection::vec(seen_of(MIXED, 6), 1..40)) {
        let mut world = World::new(tight);
        for seen in &all {
            let _ = world.try_see_at(&borrowed(seen), None);
        }
        for person in world.memory.persons.values() {
            prop_assert!(person.count("customer_id") <= 1);
            for namespace in MIXED {
                prop_assert!(person.count(namespace) <= world.rules.capacity(namespace));
            }
        }
    }

    #[test]
    fn a_batch_answers_as_its_items_one_by_one(all in prop::collection::vec(seen_of(MIXED, 5), 1..30), cut in 0usize..30) {
        let mut single = World::new(tight);
        let interactions: Vec<Interaction> = all
            .iter()
            .map(|seen| {
                let (candidates, blocked) = single.candidates(&borrowed(seen));
                let (now, entropy) = single.tick();
                let source = String::new();
                Interaction { candidates, blocked, event_time: now, source, now, entropy, read_only: false }
            })
            .collect();
        let mut batch = single.memory.clone();
        let answers: Vec<_> = interactions
            .iter()
            .map(|one| single.memory.run(&single.rules, &Command::Resolve(vec![one.clone()])).unwrap())
            .collect();
        let (head, tail) = interactions.split_at(cut.min(interactions.len()));
        let mut batched = Vec::new();
        for part in [head, tail] {
            // As the service does it: what a snapshot settles is answered from it, the rest in one transaction.
            let mut graph = Graph::new(batch.view(&command::lookup(part)));
            let settled = command::settle(&single.rules, &mut graph, part);
            let rest = part.iter().zip(&settled).filter(|(_, answer)| answer.is_none()).map(|(one, _)| one.clone());
            let Outcome::Resolved(resolved) = batch.run(&single.rules, &Command::Resolve(rest.collect())).unwrap() else {
                panic!("not a resolution")
            };
            let mut resolved = resolved.into_iter();
            batched.extend(settled.into_iter().map(|answer| answer.unwrap_or_else(|| resolved.next().unwrap())));
        }
        batch.check(&single.rules);
        prop_assert_eq!(batch.partition(), single.memory.partition());
        prop_assert_eq!(&batch.feed, &single.memory.feed);
        prop_assert_eq!(&batch.evidence, &single.memory.evidence);
        let singles: Vec<_> = answers
            .into_iter()
            .flat_map(|outcome| match outcome {
                Outcome::Resolved(answers) => answers,
                Outcome::Decided { .. } => Vec::new(),
            })
            .collect();
        prop_assert_eq!(batched, singles);
    }
}
