//! Decisions of people: link, unlink, erase. They go beyond what evidence may do, and later evidence does not undo them.

use attune_kernel::{PersonId, Timestamp};

use super::evidence::{Evidence, EvidenceKind};
use super::graph::{Change, EvidenceOp, Graph};
use super::interaction::{Candidate, tombstone};
use super::namespace::Rules;
use super::person::{Erased, IdentifierKey, Person};
use super::refusal::Refusal;

/// Who decided, when and why.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub now: Timestamp,
    /// Random bits for the id of a new person.
    pub entropy: u128,
}

impl Decision {
    fn evidence(&self, kind: EvidenceKind, identifiers: Vec<IdentifierKey>, persons: Vec<PersonId>) -> Evidence {
        // Every decision is kept: the time is part of what makes it one.
        let note = format!("{}\n{}\n{}", self.now.as_micros(), self.actor, self.reason);
        let key = Evidence::automatic_key(kind, &identifiers, &persons, &note);
        let (event_time, arrived) = (self.now, self.now);
        let (source, note) = (self.actor.clone(), self.reason.clone());
        Evidence { key, kind, identifiers, persons, event_time, arrived, source, note }
    }
}

fn living(graph: &Graph, id: PersonId) -> Result<&Person, Refusal> {
    let person = graph.survivor(id).and_then(|id| graph.person(id)).ok_or(Refusal::UnknownPerson)?;
    if person.erased.is_some() { Err(Refusal::PersonErased) } else { Ok(person) }
}

/// Joins two persons, whatever limits and earlier cannot-links between the two say. Answers the survivor.
///
/// # Errors
/// [`Refusal::UnknownPerson`], [`Refusal::PersonErased`].
pub fn link(
    rules: &Rules,
    graph: &mut Graph,
    left: PersonId,
    right: PersonId,
    by: &Decision,
) -> Result<PersonId, Refusal> {
    let (left, right) = (living(graph, left)?, living(graph, right)?);
    if left.id == right.id {
        return Ok(left.id);
    }
    let (left, right) = (left.clone(), right.clone());
    graph.edit_person(left.id, |person| person.cannot_link.retain(|id| !right.is(*id)));
    graph.edit_person(right.id, |person| person.cannot_link.retain(|id| !left.is(*id)));
    let survivor = graph.merge(left.id, right.id, rules.max_evidence, by.now);
    let merged = if survivor == left.id { right.id } else { left.id };
    graph.decide(survivor, by.evidence(EvidenceKind::Linked, Vec::new(), vec![survivor, merged]));
    Ok(survivor)
}

/// Gives identifiers of a person to a new one; evidence never joins the two again. Answers who kept the id and who is
/// new. Ids that were merged into the person stay with the person.
///
/// # Errors
/// [`Refusal::UnknownPerson`], [`Refusal::PersonErased`], [`Refusal::NotHeld`], [`Refusal::NothingRemains`].
pub fn unlink(
    graph: &mut Graph,
    person: PersonId,
    identifiers: &[Candidate],
    by: &Decision,
) -> Result<(PersonId, PersonId), Refusal> {
    let kept = living(graph, person)?;
    if let Some(missing) = identifiers.iter().find(|one| kept.held(one.key).is_none()) {
        return Err(Refusal::NotHeld(missing.index));
    }
    if kept.identifiers.len() <= identifiers.len() {
        return Err(Refusal::NothingRemains);
    }
    let kept = kept.id;
    let split = graph.create(PersonId::from_parts(by.now, by.entropy), by.now);
    let taken: Vec<IdentifierKey> = identifiers.iter().map(|one| one.key).collect();
    let mut announced = Vec::new();
    for key in &taken {
        if let Some(mut held) = graph.detach(*key, by.now) {
            // What it was seen with was seen with the person as they were; the new person starts afresh.
            held.seen_with.clear();
            announced.push(held.clone());
            graph.attach(split, held, by.now);
        }
    }
    // Evidence about nothing but the taken identifiers goes with them.
    let of_taken = |one: &&Evidence| {
        one.kind == EvidenceKind::SeenTogether && one.identifiers.iter().all(|key| taken.contains(key))
    };
    let going: Vec<Evidence> = graph.stored_evidence(kept).iter().filter(of_taken).cloned().collect();
    if !going.is_empty() {
        let keys: Vec<u64> = going.iter().map(|one| one.key).collect();
        graph.edit_person(kept, |person| person.evidence.retain(|key| !keys.contains(key)));
        graph.edit_person(split, |person| person.evidence.clone_from(&keys));
        graph.change_evidence(EvidenceOp::Remove(kept, keys));
        for one in going {
            graph.decide(split, one);
        }
    }
    graph.edit_person(kept, |person| person.cannot_link.push(split));
    graph.edit_person(split, |person| person.cannot_link.push(kept));
    let decision = by.evidence(EvidenceKind::Unlinked, taken, vec![kept, split]);
    graph.decide(kept, decision.clone());
    graph.decide(split, decision);
    graph.announce(by.now, Change::Split { kept, split, identifiers: announced });
    Ok((kept, split))
}

/// Removes a person's identifiers and evidence and keeps tombstones. Answers the surviving id and how many identifiers
/// were removed. Erasing an erased person changes nothing.
///
/// # Errors
/// [`Refusal::UnknownPerson`].
pub fn erase(rules: &Rules, graph: &mut Graph, id: PersonId, now: Timestamp) -> Result<(PersonId, u32), Refusal> {
    let person = graph.survivor(id).and_then(|id| graph.person(id)).ok_or(Refusal::UnknownPerson)?;
    let (id, aliases) = (person.id, person.aliases.clone());
    if person.erased.is_some() {
        return Ok((id, 0));
    }
    let keys: Vec<IdentifierKey> = person.identifiers.iter().map(|held| held.key).collect();
    graph.survey(id);
    for key in &keys {
        graph.detach(*key, now);
        graph.bury(tombstone(rules, *key), now);
    }
    graph.change_evidence(EvidenceOp::Clear(id));
    graph.edit_person(id, |person| {
        person.evidence.clear();
        person.cannot_link.clear();
        person.updated = now;
        // The store fills in the offset, which exists once the change is appended.
        person.erased = Some(Erased { time: now, offset: 0 });
    });
    graph.announce(now, Change::Erasure { person: id, aliases });
    Ok((id, u32::try_from(keys.len()).unwrap_or(u32::MAX)))
}
