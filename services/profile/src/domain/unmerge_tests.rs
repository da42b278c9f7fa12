//! Merges that are taken back, in any order and only some of them: what remains is as if they had never been.
//!
//! A [`History`] has persons, edges that join them (a forest, so that each edge joins and its end parts), and what is
//! recorded. It is told twice: once as it is, at whose end the edges that are to be taken back are off, and once without
//! those edges. [`tell`] makes the steps of identity's feed and of callers from it; who follows them must end the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use attune_kernel::{Personal, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use super::batch::Batch;
use super::catalogue;
use super::consent::Consent;
use super::document::{Attribute, Document, Tag};
use super::event::Event;
use super::rules::Rules;
use super::segment::Segment;

/// How many persons a history has.
pub(crate) const PERSONS: usize = 6;

/// A thing that happens.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// An edge comes or goes.
    Toggle(usize),
    /// A person is seen by their identifier; with `stale` the caller still uses the id that the person had alone, with
    /// `plain` the event says no identifier and names that id.
    Event { person: usize, name: usize, hour: i64, attribute: Option<(usize, i64)>, stale: bool, plain: bool },
    /// An attribute is written under an id; without a value it is removed.
    Write { id: usize, name: usize, hour: i64, value: Option<i64> },
    /// A tag is put on or taken off.
    Tag { id: usize, name: usize, on: bool },
    /// A word on consent.
    Consent { id: usize, channel: usize, granted: bool, hour: i64 },
}

/// What happens to some persons.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Edges as pairs of persons with whether they are taken back at the end.
    edges: Vec<(usize, usize, bool)>,
    acts: Vec<Act>,
    /// The order in which edges are taken back.
    order: u64,
}

/// What a follower sees.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Event { id: String, named: usize, via: Option<usize>, name: usize, hour: i64, attribute: Option<(usize, i64)> },
    Write { named: usize, name: usize, hour: i64, value: Option<i64>, at: i64 },
    Tag { named: usize, name: usize, on: bool, at: i64 },
    Consent { named: usize, channel: usize, granted: bool, hour: i64, at: i64 },
    Merge { surviving: usize, merged: usize },
    Split { person: usize, split: usize, members: Vec<usize> },
}

pub(crate) fn histories(most: usize) -> impl Strategy<Value = History> {
    let act = prop_oneof![
        4 => (0_usize..PERSONS - 1).prop_map(Act::Toggle),
        4 => (
            0..PERSONS, 0_usize..3, 0_i64..50, proptest::option::of((0_usize..3, 0_i64..4)), any::<bool>(), 0_u8..8
        ).prop_map(|(person, name, hour, attribute, stale, plain)| {
            Act::Event { person, name, hour, attribute, stale, plain: plain == 0 }
        }),
        2 => (0..PERSONS, 0_usize..3, 0_i64..50, proptest::option::of(0_i64..4))
            .prop_map(|(id, name, hour, value)| Act::Write { id, name, hour, value }),
        3 => (0..PERSONS, 0_usize..3, any::<bool>()).prop_map(|(id, name, on)| Act::Tag { id, name, on }),
        2 => (0..PERSONS, 0_usize..3, any::<bool>(), 0_i64..50)
            .prop_map(|(id, channel, granted, hour)| Act::Consent { id, channel, granted, hour }),
    ];
    let edges = proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), PERSONS - 1);
    let names = Just((0..PERSONS).collect::<Vec<usize>>()).prop_shuffle();
    (edges, names, proptest::collection::vec(act, 1..most), any::<u64>()).prop_map(|(edges, names, acts, order)| {
        // A random tree over shuffled names: each joins one of those before.
        let edge =
            |(at, (to, back)): (usize, (prop::sample::Index, bool))| (names[at + 1], names[to.index(at + 1)], back);
        History { edges: edges.into_iter().enumerate().map(edge).collect(), acts, order }
    })
}

/// The persons who are one with `from`.
fn group(edges: &[(usize, usize, bool)], on: &BTreeSet<usize>, from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::from([from]);
    loop {
        let before = found.len();
        for (a, b, _) in on.iter().map(|at| edges[*at]) {
            if found.contains(&a) || found.contains(&b) {
                found.extend([a, b]);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// The steps of a history, or of the one in which the edges that are taken back never were. The oldest id of a group, the
/// lowest, survives.
pub(crate) fn tell(history: &History, with_taken_back: bool) -> Vec<Step> {
    let mut on: BTreeSet<usize> = BTreeSet::new();
    let mut steps = Vec::new();
    let root = |on: &BTreeSet<usize>, of: usize| *group(&history.edges, on, of).first().unwrap();
    let toggle = |on: &mut BTreeSet<usize>, at: usize, steps: &mut Vec<Step>| {
        let (a, b, back) = history.edges[at];
        if back && !with_taken_back {
            return;
        }
        if on.remove(&at) {
            let (one, two) = (group(&history.edges, on, a), group(&history.edges, on, b));
            let (stays, goes) = if one.first() < two.first() { (one, two) } else { (two, one) };
            let (person, split) = (*stays.first().unwrap(), *goes.first().unwrap());
            steps.push(Step::Split { person, split, members: goes.into_iter().collect() });
        } else {
            let (one, two) = (root(on, a), root(on, b));
            steps.push(Step::Merge { surviving: one.min(two), merged: one.max(two) });
            on.insert(at);
        }
    };
    for (index, act) in history.acts.iter().enumerate() {
        let at = i64::try_from(index).unwrap();
        match act.clone() {
            Act::Toggle(edge) => toggle(&mut on, edge, &mut steps),
            Act::Event { person, name, hour, attribute, stale, plain } => steps.push(Step::Event {
                id: format!("e{index:03}"),
                named: if stale || plain { person } else { root(&on, person) },
                via: (!plain).then_some(person),
                name,
                hour,
                attribute,
            }),
            Act::Write { id, name, hour, value } => steps.push(Step::Write { named: id, name, hour, value, at }),
            Act::Tag { id, name, on } => steps.push(Step::Tag { named: id, name, on, at }),
            Act::Consent { id, channel, granted, hour } => {
                steps.push(Step::Consent { named: id, channel, granted, hour, at });
            }
        }
    }
    let mut back: Vec<usize> = on.iter().copied().filter(|at| history.edges[*at].2).collect();
    back.sort_by_key(|at| (*at as u64 ^ history.order).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    for at in back {
        toggle(&mut on, at, &mut steps);
    }
    steps
}

pub(crate) fn hours(hour: i64) -> Timestamp {
    Timestamp::from_millis(hour * 3_600_000)
}

/// The time of a step that has no other.
fn tick(at: i64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000 + at)
}

pub(crate) const ATTRIBUTES: [&str; 3] = ["city", "age", "plan"];
pub(crate) const NAMES: [&str; 3] = ["view", "buy", "call"];
const TAGS: [&str; 3] = ["vip", "new", "left"];

/// Applies a step that writes to a document; `id` gives the id of a person.
pub(crate) fn write(document: &mut Document, step: &Step, id: impl Fn(usize) -> String) -> bool {
    match step {
        Step::Write { named, name, hour, value, at } => {
            let attribute = Attribute {
                value: value.map_or(Value::Null, Value::from),
                source: "form".to_owned(),
                event_time: hours(*hour),
                received: tick(*at),
                ..Attribute::default()
            };
            document.write_attribute(&id(*named), ATTRIBUTES[*name], attribute).unwrap()
        }
        Step::Tag { named, name, on: true, at } => {
            let tag = Tag { source: format!("s{at}"), added: tick(*at) };
            document.add_tag(&id(*named), TAGS[*name], tag).unwrap()
        }
        Step::Tag { named, name, .. } => document.remove_tag(&id(*named), TAGS[*name]),
        Step::Consent { named, channel, granted, hour, at } => {
            let word = Consent {
                purpose: "marketing".to_owned(),
                channel: ["", "email", "push"][*channel].to_owned(),
                granted: *granted,
                time: hours(*hour),
                source: format!("s{at}"),
                ..Consent::default()
            };
            document.record_consent(&id(*named), word).unwrap()
        }
        _ => false,
    }
}

/// Properties of an event with an amount and attributes.
pub(crate) fn properties(amount: Option<f64>, attributes: Map<String, Value>) -> Personal<Map<String, Value>> {
    let amount = amount.map(|amount| ("amount".to_owned(), json!(amount)));
    let attributes = [("attributes".to_owned(), Value::Object(attributes))];
    Personal::new(amount.into_iter().chain(attributes).collect())
}

pub(crate) fn rules() -> Arc<Rules> {
    let segments: Vec<Segment> = [
        ("busy", "traits.event_count >= 3"),
        ("vips", "'vip' in tags"),
        ("willing", "consents['marketing.email']"),
        ("aged", "attributes.age >= 2"),
    ]
    .map(|(id, rule)| Segment::new(id, rule).unwrap())
    .into();
    Arc::new(segments.into())
}

/// All that is seen of a person, apart from version and time of update.
pub(crate) fn seen(document: &Document, timeline: Vec<Value>, now: Timestamp) -> Value {
    json!({
        "person": document.person_id,
        "attributes": document.attributes,
        "traits": document.traits.at(&catalogue::default(), now),
        "tags": document.tags,
        "consents": document.consents,
        "segments": document.segments,
        "parts": document.parts().map(|(id, part)| (id.clone(), json!([part.attributes, part.tags, part.consents]))).collect::<Map<_, _>>(),
        "timeline": timeline,
    })
}

/// What a follower hears of a split; one that hears less must end otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Hears {
    #[default]
    All,
    NoIdentifiers,
    NoIds,
}

/// A follower in memory.
#[derive(Default)]
struct Follower {
    hears: Hears,
    /// Events that went by their identifier because their id stood for several persons.
    by_identifier: usize,
    /// Tags that were seen again.
    unhidden: usize,
    documents: BTreeMap<String, Document>,
    aliases: BTreeMap<String, String>,
    events: BTreeMap<String, Event>,
}

fn id(person: usize) -> String {
    format!("p{person}")
}

impl Follower {
    fn in_force(&self, id: &str) -> String {
        self.aliases.get(id).map_or_else(|| id.to_owned(), Clone::clone)
    }

    fn load(&self, person: &str) -> Document {
        self.documents.get(person).cloned().unwrap_or_else(|| Document::empty(person))
    }

    fn batch(&self, persons: &[&str]) -> Batch {
        Batch::new(persons.iter().map(|person| self.load(person)).collect())
    }

    fn save(&mut self, batch: Batch, rules: &Arc<Rules>) {
        for document in batch.under(rules).finish(tick(0)).documents {
            self.documents.insert(document.person_id.clone(), document);
        }
    }

    fn step(&mut self, step: &Step, rules: &Arc<Rules>) {
        match step {
            Step::Event { id: event_id, named, via, name, hour, attribute } => {
                let person = self.in_force(&id(*named));
                let mut batch = self.batch(&[&person]);
                let event = Event {
                    event_id: event_id.clone(),
                    origin: batch.change(&person).origin_of(&id(*named)),
                    person_id: person,
                    name: NAMES[*name].to_owned(),
                    time: hours(*hour),
                    sequence: 0,
                    channel: "web".to_owned(),
                    session: via.map_or_else(String::new, |via| format!("s{via}")),
                    source: "site".to_owned(),
                    received: hours(*hour),
                    properties: properties(
                        (*name == 1).then_some(0.25),
                        attribute.iter().map(|(at, value)| (ATTRIBUTES[*at].to_owned(), json!(value))).collect(),
                    ),
                    via: via.map(|via| Personal::new(("cookie".to_owned(), format!("c{via}")))),
                    body: Personal::default(),
                };
                batch.observe(std::slice::from_ref(&event));
                self.events.insert(event_id.clone(), event);
                self.save(batch, rules);
            }
            Step::Write { named, .. } | Step::Tag { named, .. } | Step::Consent { named, .. } => {
                let person = self.in_force(&id(*named));
                let mut batch = self.batch(&[&person]);
                batch.change_only(|document| Ok::<_, ()>(write(document, step, id))).unwrap();
                self.save(batch, rules);
            }
            Step::Merge { surviving, merged } => {
                let (surviving, merged) = (id(*surviving), id(*merged));
                let mut batch = self.batch(&[&surviving]);
                batch.absorb(&surviving, self.load(&merged));
                self.documents.remove(&merged);
                for event in self.events.values_mut().filter(|event| event.person_id == merged) {
                    event.origin = std::mem::take(&mut event.origin).away_from(&merged);
                    event.person_id.clone_from(&surviving);
                }
                self.aliases.insert(merged.clone(), surviving.clone());
                self.aliases.values_mut().filter(|to| **to == merged).for_each(|to| to.clone_from(&surviving));
                self.save(batch, rules);
            }
            Step::Split { person, split, members } => {
                let (person, split) = (id(*person), id(*split));
                let mut ids: BTreeSet<String> = members.iter().map(|one| id(*one)).collect();
                let mut via: Vec<_> = members.iter().map(|one| ("cookie".to_owned(), format!("c{one}"))).collect();
                match self.hears {
                    Hears::All => {}
                    Hears::NoIdentifiers => via.clear(),
                    Hears::NoIds => ids.clear(),
                }
                let hidden = |document: Document| -> usize {
                    let parts: Vec<_> =
                        document.parts().map(|(_, part)| part.hidden.values().map(BTreeSet::len)).collect();
                    parts.into_iter().flatten().sum()
                };
                let before = hidden(self.load(&person));
                for one in &ids {
                    self.aliases.insert(one.clone(), split.clone());
                }
                self.aliases.remove(&split);
                let all = self.events.values().filter(|event| event.person_id == person).cloned().collect();
                let mut batch = self.batch(&[&person, &split]);
                let parted = batch.take_apart(all, &person, &split, &ids, &via);
                if self.hears == Hears::All {
                    assert_eq!(parted.ids, ids);
                }
                let named = |one: &&Event| self.events[&one.event_id].origin.shared;
                self.by_identifier += parted.moved.iter().filter(named).count();
                for event in parted.moved.into_iter().chain(parted.renamed) {
                    self.events.insert(event.event_id.clone(), event);
                }
                self.save(batch, rules);
                self.unhidden += before.saturating_sub(hidden(self.load(&person)) + hidden(self.load(&split)));
            }
        }
    }

    /// Everyone as they are seen, by every id ever used.
    fn seen(&self) -> Vec<(String, Value)> {
        let one = |person: usize| {
            let person = self.in_force(&id(person));
            let timeline = self.events.values().filter(|event| event.person_id == person);
            let timeline = timeline.map(|event| json!([event.event_id, event.time])).collect();
            seen(&self.load(&person), timeline, hours(60))
        };
        (0..PERSONS).map(|person| (id(person), one(person))).collect()
    }
}

fn follow(steps: &[Step], rules: &Arc<Rules>, hears: Hears) -> Follower {
    let none = super::rules::none();
    let mut follower = Follower { hears, ..Follower::default() };
    for step in steps {
        // Writes are not evaluated one by one here, which is slow; everyone is at the end, as the background task does.
        let moves = matches!(step, Step::Merge { .. } | Step::Split { .. });
        follower.step(step, if moves { rules } else { &none });
    }
    let mut batch = Batch::new(follower.documents.values().cloned().collect());
    batch.sweep();
    follower.save(batch, rules);
    follower
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, max_shrink_iters: 4096, ..ProptestConfig::default() })]

    #[test]
    fn merges_that_are_taken_back_leave_nothing(history in histories(50)) {
        let rules = rules();
        let follow = |taken_back| follow(&tell(&history, taken_back), &rules, Hears::All);
        prop_assert_eq!(follow(true).seen(), follow(false).seen());
    }
}

#[test]
fn histories_need_all_that_a_split_says() {
    let (mut runner, rules) = (TestRunner::deterministic(), rules());
    let (mut taken_back, mut by_identifier, mut unhidden) = (0, 0, 0);
    let mut wrong = BTreeMap::from([("identifiers", 0), ("ids", 0)]);
    for _ in 0..300 {
        let history = histories(50).new_tree(&mut runner).unwrap().current();
        let (steps, without) = (tell(&history, true), tell(&history, false));
        taken_back += usize::from(steps.len() > without.len());
        let expected = follow(&without, &rules, Hears::All).seen();
        let all = follow(&steps, &rules, Hears::All);
        by_identifier += usize::from(all.by_identifier > 0);
        unhidden += usize::from(all.unhidden > 0);
        for (name, hears) in [("identifiers", Hears::NoIdentifiers), ("ids", Hears::NoIds)] {
            *wrong.get_mut(name).unwrap() += usize::from(follow(&steps, &rules, hears).seen() != expected);
        }
    }
    println!("{taken_back} with merges taken back, {by_identifier} by identifier, {unhidden} unhidden, {wrong:?}");
    assert!(taken_back > 150 && by_identifier > 100 && unhidden > 20);
    assert!(wrong.values().all(|wrong| *wrong > 50));
}

#[test]
fn what_each_id_recorded_returns_to_it() {
    let step = |named: usize, name: usize, on: bool, at: i64| Step::Tag { named, name, on, at };
    let event = |id: &str, named: usize, via: usize| Step::Event {
        id: id.to_owned(),
        named,
        via: Some(via),
        name: 0,
        hour: 1,
        attribute: None,
    };
    let steps = [
        step(1, 0, true, 0),
        event("own", 1, 1),
        // A device that both use: what came by it before the merge stays where it was recorded.
        event("lent", 0, 1),
        Step::Merge { surviving: 0, merged: 1 },
        event("since", 0, 1),
        event("mine", 0, 0),
        step(0, 0, false, 1),
        step(1, 1, true, 2),
    ];
    let mut follower = follow(&steps, &rules(), Hears::All);
    let merged = follower.load("p0");
    assert_eq!(merged.tags.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(merged.traits.at(&catalogue::default(), hours(2))["event_count"], 4);
    follower.step(&Step::Split { person: 0, split: 1, members: vec![1] }, &rules());
    let events = |person: &str| -> Vec<&str> {
        follower.events.values().filter(|one| one.person_id == person).map(|one| one.event_id.as_str()).collect()
    };
    assert_eq!((events("p0"), events("p1")), (vec!["lent", "mine"], vec!["own", "since"]));
    let tags = |person: &str| follower.load(person).tags.into_keys().collect::<Vec<_>>();
    assert_eq!((tags("p0"), tags("p1")), (vec![], vec!["new".to_owned(), "vip".to_owned()]));
    assert!(follower.events.values().all(|one| one.origin == Default::default()));
}
