//! The part of the evidence that answers a question.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use attune_kernel::PersonId;

use super::evidence::{Evidence, EvidenceKind};
use super::person::Person;

/// In order of arrival, each piece once.
#[must_use]
pub fn in_order(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    evidence.sort_by_key(|one| (one.arrived, one.event_time, one.key));
    evidence.dedup_by_key(|one| one.key);
    evidence
}

/// Why two ids name one person: the shortest chain of merges and links between them; when the chain is not stored any
/// more, everything known about the person.
#[must_use]
pub fn why_same(left: PersonId, right: PersonId, evidence: Vec<Evidence>) -> Vec<Evidence> {
    let evidence = in_order(evidence);
    if left == right {
        return evidence;
    }
    let joins = |one: &&Evidence| matches!(one.kind, EvidenceKind::Merged | EvidenceKind::Linked);
    let mut by_person: BTreeMap<PersonId, Vec<&Evidence>> = BTreeMap::new();
    for one in evidence.iter().filter(joins) {
        for person in &one.persons {
            by_person.entry(*person).or_default().push(one);
        }
    }
    let mut came_by: BTreeMap<PersonId, (PersonId, &Evidence)> = BTreeMap::new();
    let mut queue = VecDeque::from([left]);
    while let Some(person) = queue.pop_front() {
        for one in by_person.get(&person).into_iter().flatten() {
            for next in one.persons.iter().filter(|next| **next != person && **next != left) {
                if !came_by.contains_key(next) {
                    came_by.insert(*next, (person, one));
                    queue.push_back(*next);
                }
            }
        }
    }
    let mut chain = BTreeSet::new();
    let mut at = right;
    while let Some((from, one)) = came_by.get(&at) {
        chain.insert(one.key);
        at = *from;
    }
    if chain.is_empty() { evidence } else { evidence.into_iter().filter(|one| chain.contains(&one.key)).collect() }
}

/// Why two persons are two: the decisions and limits that kept evidence from joining them. Empty when nothing ever
/// suggested that they are one.
#[must_use]
pub fn why_different(left: &Person, right: &Person, evidence: Vec<Evidence>) -> Vec<Evidence> {
    let parts = |one: &Evidence| matches!(one.kind, EvidenceKind::Unlinked | EvidenceKind::Limited);
    let names = |one: &Evidence, person: &Person| one.persons.iter().any(|id| person.is(*id));
    in_order(evidence).into_iter().filter(|one| parts(one) && names(one, left) && names(one, right)).collect()
}
