//! Decisions: link, unlink, erase, and the claims of matching. They go beyond what evidence may do, and later evidence does
//! not undo them.

use attune_kernel::{PersonId, Timestamp};

use super::audit::Kind;
use super::claim::{Claim, Says, Slot};
use super::graph::{Change, Graph};
use super::interaction::{Candidate, tombstone};
use super::namespace::Rules;
use super::partition::partition;
use super::person::{Erased, IdentifierKey, Person};
use super::refusal::Refusal;
use super::settle::{Cause, Component, Delta, Settled, TooLarge, strength};

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
    fn cause(&self, kind: Kind, identifiers: Vec<IdentifierKey>) -> Cause {
        Cause {
            kind,
            now: self.now,
            time: self.now,
            entropy: self.entropy,
            actor: self.actor.clone(),
            note: self.reason.clone(),
            identifiers,
            weight: 0.0,
        }
    }

    fn claim(&self, left: Vec<IdentifierKey>, right: Vec<IdentifierKey>, says: Says) -> Claim {
        let (actor, reason) = (self.actor.clone(), self.reason.clone());
        Claim { left, right, says, actor, reason, time: self.now, reviewed: false }
    }
}

impl From<TooLarge> for Refusal {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

fn living(graph: &Graph, id: PersonId) -> Result<&Person, Refusal> {
    let person = graph.survivor(id).and_then(|id| graph.person(id)).ok_or(Refusal::UnknownPerson)?;
    if person.erased.is_some() { Err(Refusal::PersonErased) } else { Ok(person) }
}

/// The decision with a time after those of every claim about the persons: of two decisions the one made later outranks.
fn after(by: &Decision, persons: &[&Person]) -> Decision {
    let latest = persons.iter().flat_map(|person| &person.claims).map(|claim| claim.time).max();
    let next = latest.map_or(by.now, |latest| Timestamp::from_micros(latest.as_micros().saturating_add(1)));
    Decision { now: by.now.max(next), ..by.clone() }
}

fn home(person: &Person) -> Result<IdentifierKey, Refusal> {
    person.home().ok_or(Refusal::UnknownPerson)
}

/// Joins two persons, whatever limits and earlier decisions about the two say. Answers the survivor.
///
/// # Errors
/// [`Refusal::UnknownPerson`], [`Refusal::PersonErased`], [`Refusal::TooLarge`].
pub fn link(
    rules: &Rules,
    graph: &mut Graph,
    left: PersonId,
    right: PersonId,
    by: &Decision,
) -> Result<PersonId, Refusal> {
    let (one, other) = (living(graph, left)?, living(graph, right)?);
    if one.id == other.id {
        return Ok(one.id);
    }
    let time = after(by, &[one, other]).now;
    let (one, other) = (home(one)?, home(other)?);
    let mut claim = Claim::pair(one, other, Says::Same, &by.actor, time);
    claim.reason.clone_from(&by.reason);
    let delta = Delta { claims: vec![claim], ..Delta::default() };
    graph.settle(rules, &delta, &by.cause(Kind::Linked, vec![one, other]))?;
    graph.owner(one).ok_or(Refusal::UnknownPerson)
}

/// Gives identifiers of a person to another one; evidence never joins the two again. The rest keeps the id; ids that were
/// merged and came with the identifiers go with them. Answers who kept the id and who holds what was taken away.
///
/// # Errors
/// [`Refusal::UnknownPerson`], [`Refusal::PersonErased`], [`Refusal::NotHeld`], [`Refusal::NothingRemains`],
/// [`Refusal::TooLarge`].
pub fn unlink(
    rules: &Rules,
    graph: &mut Graph,
    person: PersonId,
    identifiers: &[Candidate],
    by: &Decision,
) -> Result<(PersonId, PersonId), Refusal> {
    let kept = living(graph, person)?;
    if let Some(missing) = identifiers.iter().find(|one| kept.held(one.key).is_none()) {
        return Err(Refusal::NotHeld(missing.index));
    }
    let mut taken: Vec<IdentifierKey> = identifiers.iter().map(|one| one.key).collect();
    taken.sort_unstable();
    let mut rest: Vec<IdentifierKey> = kept.identifiers.iter().map(|held| held.key).collect();
    rest.retain(|key| taken.binary_search(key).is_err());
    rest.sort_unstable();
    let remains = kept.identifiers.iter().filter(|held| rest.binary_search(&held.key).is_ok());
    let strongest = remains.min_by_key(|held| strength(rules, held)).map(|held| held.key);
    let (Some(strongest), Some(first)) = (strongest, taken.first().copied()) else {
        return Err(Refusal::NothingRemains);
    };
    let mut homes = Vec::new();
    for (at, issued) in kept.ids.iter().enumerate() {
        if at == 0 && taken.contains(&issued.home) {
            homes.push((issued.id, strongest));
        } else if at > 0 && taken.contains(&issued.birth) && !taken.contains(&issued.home) {
            homes.push((issued.id, issued.birth));
        }
    }
    let kept_home = homes.first().filter(|(id, _)| *id == kept.id).map_or_else(|| home(kept), |(_, home)| Ok(*home))?;
    let claim = after(by, &[kept]).claim(taken.clone(), rest, Says::Parted);
    let delta = Delta { claims: vec![claim], homes, ..Delta::default() };
    graph.settle(rules, &delta, &by.cause(Kind::Unlinked, taken))?;
    graph.owner(kept_home).zip(graph.owner(first)).ok_or(Refusal::UnknownPerson)
}

/// Takes the merge of an id back: what joined it by decision or matching is retracted, and where evidence still joins the
/// two they are kept apart. Answers who stays and who is a person of their own again.
///
/// # Errors
/// [`Refusal::UnknownPerson`], [`Refusal::PersonErased`], [`Refusal::NotMerged`], [`Refusal::NothingApart`],
/// [`Refusal::TooLarge`].
pub fn unmerge(
    rules: &Rules,
    graph: &mut Graph,
    person: PersonId,
    alias: PersonId,
    by: &Decision,
) -> Result<(PersonId, PersonId), Refusal> {
    let whole = living(graph, person)?;
    if whole.id == alias || !whole.is(alias) {
        return Err(Refusal::NotMerged);
    }
    let kept = whole.id;
    separate(rules, graph, alias, by)?;
    let (kept, split) = (graph.survivor(kept), graph.survivor(alias));
    kept.zip(split).ok_or(Refusal::UnknownPerson)
}

/// Makes one of several ids of a person a person of its own.
fn separate(rules: &Rules, graph: &mut Graph, id: PersonId, by: &Decision) -> Result<(), Refusal> {
    let whole = living(graph, id)?.clone();
    let mut ids = whole.ids.clone();
    let held = |key: IdentifierKey| whole.held(key).is_some();
    let mut homes = Vec::new();
    let at = ids.iter().position(|issued| issued.id == id).ok_or(Refusal::NotMerged)?;
    let shares = |ids: &[super::person::Issued], home| ids.iter().filter(|one| one.home == home).count() > 1;
    if shares(&ids, ids[at].home) && ids[at].birth != ids[at].home && held(ids[at].birth) {
        ids[at].home = ids[at].birth;
        homes.push((id, ids[at].home));
    }
    let own = ids[at].home;
    for other in ids.iter_mut().filter(|other| other.id != id && other.home == own) {
        if other.birth == own || !held(other.birth) {
            return Err(Refusal::NothingApart);
        }
        other.home = other.birth;
        homes.push((other.id, other.home));
    }
    let mut others: Vec<IdentifierKey> = ids.iter().map(|one| one.home).filter(|home| *home != own).collect();
    others.sort_unstable();
    others.dedup();
    let wall = after(by, &[&whole]).claim(vec![own], others.clone(), Says::Different);

    let mut component = Component::around(rules, graph, std::iter::once(own))?;
    let joins: Vec<Claim> = component.claims.values().filter(|claim| claim.joins()).cloned().collect();
    component.claims.insert(wall.slot(), wall.clone());
    // What belongs to the id is what is with it once it is kept apart from the others, whatever decisions joined.
    let (input, keys) = component.input(rules);
    let groups = partition(&input, false);
    let group = |key: &IdentifierKey| keys.binary_search(key).ok().map(|at| groups[at]);
    let mine = group(&own);
    let crosses = |claim: &&Claim| {
        let (left, right) = (claim.left.first().and_then(group), claim.right.first().and_then(group));
        let both_here = claim.left.iter().chain(&claim.right).all(|key| held(*key));
        both_here && (left == mine) != (right == mine)
    };
    let crossing: Vec<&Claim> = joins.iter().filter(crosses).collect();
    let retract: Vec<Slot> = crossing.iter().map(|claim| claim.slot()).collect();
    let is_matched = crossing.iter().any(|claim| claim.is_match());
    component.claims.remove(&wall.slot());
    component.claims.retain(|slot, _| !retract.contains(slot));
    let (input, keys) = component.input(rules);
    let groups = partition(&input, true);
    let group = |key: &IdentifierKey| keys.binary_search(key).ok().map(|at| groups[at]);
    let still = others.iter().any(|other| group(other) == group(&own));
    // Matching would find the match again.
    let claims = if still || is_matched { vec![wall] } else { Vec::new() };
    let mut identifiers = vec![own];
    identifiers.extend(others);
    let delta = Delta { seeds: vec![own], claims, retract, homes, ..Delta::default() };
    graph.settle(rules, &delta, &by.cause(Kind::Unlinked, identifiers))?;
    Ok(())
}

/// Removes a person's identifiers and evidence and keeps tombstones; with `only`, only what came with this very id.
/// Answers the surviving id and how many identifiers were removed. Erasing an erased person changes nothing.
///
/// # Errors
/// [`Refusal::UnknownPerson`]; with `only` [`Refusal::NothingApart`] and [`Refusal::TooLarge`].
pub fn erase(
    rules: &Rules,
    graph: &mut Graph,
    id: PersonId,
    only: bool,
    by: &Decision,
) -> Result<(PersonId, u32), Refusal> {
    let person = graph.survivor(id).and_then(|id| graph.person(id)).ok_or(Refusal::UnknownPerson)?;
    if person.erased.is_some() {
        return Ok((person.id, 0));
    }
    if only && !person.aliases.is_empty() {
        separate(rules, graph, id, by)?;
    }
    let person = living(graph, id)?.clone();
    let keys: Vec<IdentifierKey> = person.identifiers.iter().map(|held| held.key).collect();
    // Those with whom the person shares evidence lose it; they are computed again below.
    let neighbours: Vec<IdentifierKey> = person.neighbours().filter(|key| person.held(*key).is_none()).collect();
    for key in &keys {
        graph.release(*key);
        graph.bury(tombstone(rules, *key), by.now);
        graph.changes.forgotten.push(key.0);
    }
    let ids = person.aliases.iter().copied().chain([person.id]);
    graph.changes.forgotten.extend(ids.map(PersonId::to_bytes));
    graph.changes.audit.retain(|entry| !entry.identifiers.iter().any(|key| keys.contains(key)));
    graph.changes.holdings.retain(|holding| !keys.contains(&holding.key));
    // The store fills in the offset, which exists once the change is appended.
    let erased = Some(Erased { time: by.now, offset: 0 });
    let (survivor, aliases) = (person.id, person.aliases.clone());
    let nothing = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (identifiers, ids, edges, claims) = nothing;
    graph.put(Person { updated: by.now, erased, identifiers, ids, edges, claims, ..person });
    let cause = by.cause(Kind::Erased, Vec::new());
    graph.audit(&cause, Kind::Erased, Vec::new(), vec![survivor]);
    graph.announce(by.now, Change::Erasure { person: survivor, aliases });
    if !neighbours.is_empty() {
        let cause = Cause { kind: Kind::Merged, ..cause };
        // One that is too large keeps edges that lead nowhere, which count for nothing.
        let _ = graph.settle(rules, &Delta { seeds: neighbours, ..Delta::default() }, &cause);
    }
    Ok((survivor, u32::try_from(keys.len()).unwrap_or(u32::MAX)))
}

/// Adds claims and takes claims away. Claims about identifiers that nobody holds wait for those of this command, and are
/// dropped when they do not come.
pub(super) fn claim(rules: &Rules, graph: &mut Graph, claims: &[Claim], retract: &[Slot], by: &Decision) -> Settled {
    let mut all = Settled::default();
    for slot in retract {
        let delta = Delta { retract: vec![slot.clone()], ..Delta::default() };
        let identifiers = slot.left.iter().chain(&slot.right).copied().collect();
        let kind = if slot.matched { Kind::Split } else { Kind::Unlinked };
        add(&mut all, graph.settle(rules, &delta, &by.cause(kind, identifiers)).unwrap_or_default());
    }
    for claim in claims {
        if claim.left.iter().chain(&claim.right).any(|key| graph.owner(*key).is_none()) {
            graph.waiting.push(claim.clone());
            continue;
        }
        add(&mut all, assert(rules, graph, claim, by));
    }
    all
}

/// Adds those claims that waited for identifiers which are here by now, and drops the others.
pub(super) fn claim_waiting(rules: &Rules, graph: &mut Graph, by: &Decision) {
    for claim in std::mem::take(&mut graph.waiting) {
        if claim.left.iter().chain(&claim.right).all(|key| graph.owner(*key).is_some()) {
            assert(rules, graph, &claim, by);
        }
    }
}

fn assert(rules: &Rules, graph: &mut Graph, claim: &Claim, by: &Decision) -> Settled {
    let identifiers: Vec<IdentifierKey> = claim.left.iter().chain(&claim.right).copied().collect();
    let stands = identifiers.first().and_then(|key| graph.holder(*key)).is_some_and(|person| {
        let slot = claim.slot();
        person.claims.iter().any(|other| other.slot() == slot && other.says == claim.says)
    });
    if stands {
        return Settled::default();
    }
    let kind = match (&claim.says, claim.reviewed) {
        (Says::Matched { .. }, _) => Kind::Matched,
        (_, true) => Kind::Reviewed,
        (Says::Same, false) => Kind::Linked,
        (Says::Different | Says::Parted, false) => Kind::Unlinked,
    };
    let cause = Cause {
        note: claim.reason.clone(),
        actor: claim.actor.clone(),
        weight: claim.weight(),
        ..by.cause(kind, identifiers)
    };
    graph.settle(rules, &Delta { claims: vec![claim.clone()], ..Delta::default() }, &cause).unwrap_or_default()
}

fn add(all: &mut Settled, more: Settled) {
    all.created.extend(more.created);
    all.merged.extend(more.merged);
    all.split.extend(more.split);
}
