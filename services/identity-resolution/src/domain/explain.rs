//! The evidence that answers a question: why identifiers are one person's, or why two persons are two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use attune_kernel::PersonId;

use super::audit::{Entry, Kind};
use super::claim::{Claim, Says};
use super::graph::apart;
use super::limit::Limit;
use super::namespace::Rules;
use super::person::{Edge, IdentifierKey, Person};

/// What is known about persons, in order of arrival, together with what the audit trail says.
#[must_use]
pub fn all(rules: &Rules, persons: &[&Person], audit: Vec<Entry>) -> Vec<Entry> {
    let mut entries = audit;
    let mut seen = BTreeSet::new();
    for person in persons {
        for edge in person.edges.iter().filter(|edge| seen.insert((edge.a, edge.b))) {
            entries.push(sight(edge, person));
        }
        for held in person.identifiers.iter().filter(|_| person.edges.is_empty()) {
            entries.push(Entry {
                kind: Kind::SeenTogether,
                identifiers: vec![held.key],
                persons: vec![person.id],
                event_time: held.first_seen,
                time: held.first_seen,
                actor: held.source.clone(),
                note: String::new(),
                weight: 0.0,
            });
        }
        let audited: Vec<Entry> = entries.clone();
        for claim in &person.claims {
            let entry = claimed(claim, persons);
            let same = |other: &Entry| other.kind == entry.kind && other.time == entry.time;
            if !audited.iter().any(same) && !entries.contains(&entry) {
                entries.push(entry);
            }
        }
    }
    let _ = rules;
    entries.sort_by_key(|one| (one.time, one.event_time, one.kind));
    entries.dedup();
    entries
}

fn sight(edge: &Edge, person: &Person) -> Entry {
    Entry {
        kind: Kind::SeenTogether,
        identifiers: vec![edge.a, edge.b],
        persons: vec![person.id],
        event_time: edge.first,
        time: edge.first,
        actor: edge.source.clone(),
        note: String::new(),
        weight: 0.0,
    }
}

fn claimed(claim: &Claim, persons: &[&Person]) -> Entry {
    let kind = match (&claim.says, claim.reviewed) {
        (Says::Matched { .. }, _) => Kind::Matched,
        (_, true) => Kind::Reviewed,
        (Says::Same, false) => Kind::Linked,
        (Says::Different | Says::Parted, false) => Kind::Unlinked,
    };
    let identifiers: Vec<IdentifierKey> = claim.left.iter().chain(&claim.right).copied().collect();
    let concerned = persons.iter().filter(|person| identifiers.iter().any(|key| person.held(*key).is_some()));
    Entry {
        kind,
        persons: concerned.map(|person| person.id).collect(),
        identifiers,
        event_time: claim.time,
        time: claim.time,
        actor: claim.actor.clone(),
        note: claim.reason.clone(),
        weight: claim.weight(),
    }
}

/// One step between two identifiers.
#[derive(Clone, Copy)]
enum Step<'a> {
    Sight(&'a Edge, &'a Person),
    Claim(&'a Claim),
}

/// The shortest chain of what joins two identifiers within persons; crossing from one person to another is the last resort.
fn chain(persons: &[&Person], from: IdentifierKey, to: IdentifierKey) -> Option<Vec<Entry>> {
    let mut steps: BTreeMap<IdentifierKey, Vec<(IdentifierKey, Step<'_>)>> = BTreeMap::new();
    for person in persons {
        for edge in &person.edges {
            steps.entry(edge.a).or_default().push((edge.b, Step::Sight(edge, person)));
            steps.entry(edge.b).or_default().push((edge.a, Step::Sight(edge, person)));
        }
        for claim in person.claims.iter().filter(|claim| claim.joins()) {
            let (Some(left), Some(right)) = (claim.left.first(), claim.right.first()) else { continue };
            steps.entry(*left).or_default().push((*right, Step::Claim(claim)));
            steps.entry(*right).or_default().push((*left, Step::Claim(claim)));
        }
        // What an operator took away together is together.
        for claim in person.claims.iter().filter(|claim| claim.says == Says::Parted) {
            for pair in claim.left.windows(2) {
                steps.entry(pair[0]).or_default().push((pair[1], Step::Claim(claim)));
                steps.entry(pair[1]).or_default().push((pair[0], Step::Claim(claim)));
            }
        }
    }
    let mut came_by: BTreeMap<IdentifierKey, (IdentifierKey, Step<'_>)> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            break;
        }
        for (next, step) in steps.get(&at).into_iter().flatten() {
            if *next != from && !came_by.contains_key(next) {
                came_by.insert(*next, (at, *step));
                queue.push_back(*next);
            }
        }
    }
    let (mut entries, mut at) = (Vec::new(), to);
    while at != from {
        let (before, step) = came_by.get(&at)?;
        entries.push(match step {
            Step::Sight(edge, person) => sight(edge, person),
            Step::Claim(claim) => claimed(claim, persons),
        });
        at = *before;
    }
    entries.reverse();
    Some(entries)
}

/// Where an id was given out, or lives.
fn place_of(person: &Person, id: PersonId) -> Option<IdentifierKey> {
    let issued = person.ids.iter().find(|issued| issued.id == id)?;
    Some(if person.held(issued.birth).is_some() { issued.birth } else { issued.home })
}

/// The chain of evidence that joins two ids of one person.
#[must_use]
pub fn why_same(person: &Person, left: PersonId, right: PersonId) -> Vec<Entry> {
    let places = place_of(person, left).zip(place_of(person, right));
    places.and_then(|(from, to)| chain(&[person], from, to)).unwrap_or_default()
}

/// The chain that would join two persons, if there is one, and last the decision or limit that keeps them apart.
#[must_use]
pub fn why_different(rules: &Rules, left: &Person, right: &Person) -> Vec<Entry> {
    let places = left.home().zip(right.home());
    let mut entries = places.and_then(|(from, to)| chain(&[left, right], from, to)).unwrap_or_default();
    let is_on = |person: &Person, side: &[IdentifierKey]| side.iter().any(|key| person.held(*key).is_some());
    let wall = left.claims.iter().filter(|claim| !claim.joins()).find(|claim| {
        (is_on(left, &claim.left) && is_on(right, &claim.right))
            || (is_on(right, &claim.left) && is_on(left, &claim.right))
    });
    let meets = |edge: &&Edge| right.held(edge.a).is_some() || right.held(edge.b).is_some();
    match (wall, apart(rules, left, right)) {
        (Some(wall), _) => entries.push(claimed(wall, &[left, right])),
        (None, Some(limit)) => {
            if let Some(edge) = left.edges.iter().find(meets) {
                let note = limit.name().to_owned();
                let persons = vec![left.id, right.id];
                entries.push(Entry { kind: Kind::Limited, persons, note, ..sight(edge, left) });
            }
        }
        (None, None) => {}
    }
    let shared = |person: &Person| person.identifiers.iter().any(|held| held.over);
    if entries.is_empty() && (shared(left) || shared(right)) {
        for person in [left, right] {
            for held in person.identifiers.iter().filter(|held| held.over) {
                entries.push(Entry {
                    kind: Kind::Limited,
                    identifiers: vec![held.key],
                    persons: vec![person.id],
                    event_time: held.last_seen,
                    time: held.last_seen,
                    actor: held.source.clone(),
                    note: Limit::MaxPersonsPerIdentifier.name().to_owned(),
                    weight: 0.0,
                });
            }
        }
    }
    entries
}
