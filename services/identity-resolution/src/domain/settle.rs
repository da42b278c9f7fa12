//! Recomputing the persons of a component after its set of evidence has changed.
//!
//! A component is what can be reached over edges and claims, refused ones included. What it consists of is gathered, the
//! change applied, the persons computed, ids placed, and what differs from before is written, announced and audited.
//!
//! A person id lives at an identifier, its home, and names whoever holds that. Homes follow evidence, never claims that
//! can be retracted, so that retracting one puts the ids back where they were:
//!
//! * an id that lives at a weak identifier moves to the strongest one of its person once there is a strong one;
//! * the oldest id of a person moves to a stronger namespace when there is one;
//! * an id whose home goes over its limit moves to the strongest identifier that remains.

use std::collections::BTreeMap;

use attune_kernel::{PersonId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};

use super::audit::{Entry, Holding, Kind};
use super::claim::{Claim, Says, Slot};
use super::graph::{Change, Graph};
use super::limit::Limit;
use super::namespace::Rules;
use super::partition::{Different, Input, Match, Node, Same, Sight, partition};
use super::person::{Edge, Held, IdentifierKey, Issued, Person};

/// A change of the set of evidence.
#[derive(Debug, Clone, Default)]
pub(super) struct Delta {
    /// Where the change takes place, beside what is named below.
    pub seeds: Vec<IdentifierKey>,
    /// Identifiers as they are now, those that nobody held included.
    pub held: Vec<Held>,
    /// Edges as they are now.
    pub edges: Vec<Edge>,
    /// Identifiers that go over their limit now.
    pub over: Vec<IdentifierKey>,
    /// Claims to add.
    pub claims: Vec<Claim>,
    /// Claims to take away.
    pub retract: Vec<Slot>,
    /// Homes to change first.
    pub homes: Vec<(PersonId, IdentifierKey)>,
}

/// Why it changes.
#[derive(Debug, Clone)]
pub(super) struct Cause {
    /// Merges that follow are of this kind.
    pub kind: Kind,
    /// The time of the call.
    pub now: Timestamp,
    /// When it took place.
    pub time: Timestamp,
    /// Random bits for the ids of new persons.
    pub entropy: u128,
    /// Who.
    pub actor: String,
    /// Why.
    pub note: String,
    /// The identifiers that brought it about.
    pub identifiers: Vec<IdentifierKey>,
    /// The weight of a match.
    pub weight: f64,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// Ids that were given out.
    pub created: Vec<PersonId>,
    /// Ids that survived before and are aliases now.
    pub merged: Vec<PersonId>,
    /// Ids that survive now and were aliases or did not exist, of identifiers that somebody held before.
    pub split: Vec<PersonId>,
}

/// The component is too large to be computed as a whole, or was not loaded as a whole for that reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A component, taken apart.
pub(super) struct Component {
    /// The persons as they were.
    pub before: BTreeMap<PersonId, Person>,
    pub held: BTreeMap<IdentifierKey, Held>,
    pub edges: BTreeMap<(IdentifierKey, IdentifierKey), Edge>,
    pub claims: BTreeMap<Slot, Claim>,
    pub ids: Vec<Issued>,
}

impl Component {
    /// Gathers what is connected to identifiers.
    pub(super) fn around(
        rules: &Rules,
        graph: &Graph,
        seeds: impl Iterator<Item = IdentifierKey>,
    ) -> Result<Self, TooLarge> {
        let mut before: BTreeMap<PersonId, Person> = BTreeMap::new();
        let mut open: Vec<PersonId> = seeds.filter_map(|key| graph.owner(key)).collect();
        let mut size = 0;
        while let Some(id) = open.pop() {
            if before.contains_key(&id) {
                continue;
            }
            let Some(person) = graph.person(id) else { return Err(TooLarge) };
            size += person.identifiers.len();
            if size > rules.max_component {
                return Err(TooLarge);
            }
            for key in person.neighbours() {
                match graph.owner(key) {
                    Some(owner) if owner != id => open.push(owner),
                    Some(_) => {}
                    None if graph.view.absent.contains(&key) => {}
                    None => return Err(TooLarge),
                }
            }
            before.insert(id, person.clone());
        }
        let persons = before.values();
        let held =
            persons.clone().flat_map(|person| &person.identifiers).map(|held| (held.key, held.clone())).collect();
        let edges = persons.clone().flat_map(|person| &person.edges).map(|edge| ((edge.a, edge.b), edge.clone()));
        let claims = persons.clone().flat_map(|person| &person.claims).map(|claim| (claim.slot(), claim.clone()));
        let ids = persons.clone().flat_map(|person| &person.ids).cloned().collect();
        let (edges, claims) = (edges.collect(), claims.collect());
        Ok(Self { before, held, edges, claims, ids })
    }

    fn apply(&mut self, rules: &Rules, delta: &Delta, now: Timestamp) {
        for held in &delta.held {
            self.held.insert(held.key, held.clone());
        }
        for edge in &delta.edges {
            self.edges.insert((edge.a, edge.b), edge.clone());
        }
        for slot in &delta.retract {
            self.claims.remove(slot);
        }
        for claim in &delta.claims {
            self.claims.insert(claim.slot(), claim.clone());
        }
        let held = &self.held;
        let counts = |key: &IdentifierKey| held.get(key).is_some_and(|held| !held.over);
        self.edges.retain(|(a, b), edge| counts(a) && counts(b) && !is_expired(rules, held, edge, now));
        let claims = std::mem::take(&mut self.claims);
        for (_, mut claim) in claims {
            if claim.retain(|key| held.contains_key(&key)) {
                self.claims.insert(claim.slot(), claim);
            }
        }
        for (id, home) in &delta.homes {
            self.ids.iter_mut().filter(|issued| issued.id == *id).for_each(|issued| issued.home = *home);
        }
        for key in &delta.over {
            self.leave(rules, *key);
        }
        self.ids.sort_unstable_by_key(Issued::age);
    }

    /// Moves the ids that live at an identifier over its limit to the strongest one that remains of the person.
    fn leave(&mut self, rules: &Rules, key: IdentifierKey) {
        let Some(person) = self.before.values().find(|person| person.held(key).is_some()) else { return };
        let rest = person.identifiers.iter().filter_map(|held| self.held.get(&held.key)).filter(|held| !held.over);
        if let Some(to) = rest.min_by_key(|held| strength(rules, held)).map(|held| held.key) {
            self.ids.iter_mut().filter(|issued| issued.home == key).for_each(|issued| issued.home = to);
        }
    }

    /// The set of evidence in the form that persons are computed from, with the keys of the nodes.
    pub(super) fn input(&self, rules: &Rules) -> (Input, Vec<IdentifierKey>) {
        let keys: Vec<IdentifierKey> = self.held.keys().copied().collect();
        let place = |key: &IdentifierKey| keys.binary_search(key).ok();
        let mut names: Vec<&str> = Vec::new();
        let mut input = Input::default();
        for held in self.held.values() {
            let namespace = names.iter().position(|name| *name == held.namespace).unwrap_or_else(|| {
                names.push(&held.namespace);
                input.capacities.push(rules.capacity(&held.namespace));
                names.len() - 1
            });
            let strong = rules.is_strong(&held.namespace) && !held.over;
            input.nodes.push(Node { namespace, strong, priority: rules.priority(&held.namespace) });
        }
        for edge in self.edges.values() {
            if let (Some(a), Some(b)) = (place(&edge.a), place(&edge.b)) {
                input.sights.push(Sight { a, b, first: edge.first, last: edge.last });
            }
        }
        for claim in self.claims.values() {
            let places = |side: &[IdentifierKey]| side.iter().filter_map(place).collect::<Vec<usize>>();
            let (left, right, time) = (places(&claim.left), places(&claim.right), claim.time);
            let (Some(a), Some(b)) = (left.first().copied(), right.first().copied()) else { continue };
            match claim.says {
                Says::Same => input.same.push(Same { a, b, time }),
                Says::Matched { weight, .. } => input.matches.push(Match { a, b, weight }),
                Says::Different => input.different.push(Different { left, right, time }),
                Says::Parted => {
                    input.same.extend(left.windows(2).map(|pair| Same { a: pair[0], b: pair[1], time }));
                    input.different.push(Different { left, right, time });
                }
            }
        }
        (input, keys)
    }
}

/// What makes an identifier a stronger one than another: smaller is stronger.
pub(super) fn strength(rules: &Rules, held: &Held) -> (bool, u32, Timestamp, IdentifierKey) {
    (!rules.is_strong(&held.namespace), rules.priority(&held.namespace), held.first_seen, held.key)
}

fn is_expired(rules: &Rules, held: &BTreeMap<IdentifierKey, Held>, edge: &Edge, now: Timestamp) -> bool {
    rules.expires
        && [edge.a, edge.b]
            .iter()
            .filter_map(|key| rules.time_to_live(&held.get(key)?.namespace))
            .any(|time_to_live| edge.last.plus(time_to_live) < now)
}

impl Graph {
    /// Applies a change and recomputes the component that it touches.
    pub(super) fn settle(&mut self, rules: &Rules, delta: &Delta, cause: &Cause) -> Result<Settled, TooLarge> {
        let seeds = delta
            .seeds
            .iter()
            .copied()
            .chain(delta.held.iter().map(|held| held.key))
            .chain(delta.edges.iter().flat_map(|edge| [edge.a, edge.b]))
            .chain(delta.claims.iter().flat_map(|claim| claim.left.iter().chain(&claim.right).copied()))
            .chain(delta.retract.iter().flat_map(|slot| slot.left.iter().chain(&slot.right).copied()));
        let mut component = Component::around(rules, self, seeds)?;
        let known_edges: FxHashSet<(IdentifierKey, IdentifierKey)> = component.edges.keys().copied().collect();
        component.apply(rules, delta, cause.now);
        let settled = self.replace(rules, component, cause);
        self.audit_limits(rules, delta, &known_edges, cause);
        Ok(settled)
    }

    /// Computes the persons of a component and puts them in place of those before.
    fn replace(&mut self, rules: &Rules, mut component: Component, cause: &Cause) -> Settled {
        let (input, keys) = component.input(rules);
        let groups = partition(&input, true);
        let by_evidence =
            if input.same.is_empty() && input.matches.is_empty() { groups.clone() } else { partition(&input, false) };
        let place: FxHashMap<IdentifierKey, usize> = keys.iter().enumerate().map(|(at, key)| (*key, at)).collect();
        move_homes(rules, &mut component, &place, &groups, &by_evidence);

        let mut ids: FxHashMap<usize, Vec<Issued>> = FxHashMap::default();
        for issued in std::mem::take(&mut component.ids) {
            if let Some(at) = place.get(&issued.home) {
                ids.entry(groups[*at]).or_default().push(issued);
            }
        }
        let mut members: BTreeMap<usize, Vec<Held>> = BTreeMap::new();
        for (at, held) in std::mem::take(&mut component.held).into_values().enumerate() {
            members.entry(groups[at]).or_default().push(held);
        }
        let mut settled = Settled::default();
        let mut after: FxHashMap<usize, PersonId> = FxHashMap::default();
        for (group, held) in &members {
            let of = ids.entry(*group).or_default();
            of.sort_unstable_by_key(Issued::age);
            if of.is_empty()
                && let Some(home) = held.iter().min_by_key(|held| strength(rules, held)).map(|held| held.key)
            {
                // An odd stride, so that ids given out by one call differ, and by two calls by chance.
                let entropy = cause.entropy.wrapping_add(self.minted.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                self.minted += 1;
                let id = PersonId::from_parts(cause.now, entropy & ((1 << 80) - 1));
                of.push(Issued { id, created: cause.now, home, birth: home });
                settled.created.push(id);
            }
            after.insert(*group, of.first().map_or_else(|| PersonId::from_bytes([0; 16]), |issued| issued.id));
        }
        let mut edges: FxHashMap<usize, Vec<Edge>> = FxHashMap::default();
        for edge in component.edges.into_values() {
            let (a, b) = (groups[place[&edge.a]], groups[place[&edge.b]]);
            if a != b {
                edges.entry(b).or_default().push(edge.clone());
            }
            edges.entry(a).or_default().push(edge);
        }
        let mut claims: FxHashMap<usize, Vec<Claim>> = FxHashMap::default();
        for claim in component.claims.into_values() {
            let mut of: Vec<usize> =
                claim.left.iter().chain(&claim.right).filter_map(|key| place.get(key)).map(|at| groups[*at]).collect();
            of.sort_unstable();
            of.dedup();
            for group in of {
                claims.entry(group).or_default().push(claim.clone());
            }
        }
        let mut persons = Vec::with_capacity(members.len());
        for (group, mut identifiers) in members {
            let (id, ids) = (after[&group], ids.remove(&group).unwrap_or_default());
            for held in &mut identifiers {
                if let Some(holder) = self.owner(held.key).filter(|holder| *holder != id) {
                    let (key, since) = (held.key, held.since);
                    self.changes.holdings.push(Holding { key, since, person: holder, late: false });
                    held.since = cause.time;
                }
            }
            identifiers.sort_unstable_by(|one, other| {
                (&one.namespace, one.value.expose()).cmp(&(&other.namespace, other.value.expose()))
            });
            let mut aliases: Vec<PersonId> = ids.iter().map(|issued| issued.id).filter(|alias| *alias != id).collect();
            aliases.sort_unstable();
            let created = ids.first().map_or(cause.now, |issued| issued.created);
            let (edges, claims) = (edges.remove(&group).unwrap_or_default(), claims.remove(&group).unwrap_or_default());
            let (updated, erased) = (cause.now, None);
            persons.push(Person { id, created, updated, erased, identifiers, aliases, ids, edges, claims });
        }
        self.tell(&component.before, &persons, cause, &mut settled);
        for id in component.before.keys().filter(|id| persons.iter().all(|person| person.id != **id)) {
            self.view.persons.remove(id);
            self.changes.persons.remove(id);
        }
        for person in persons {
            if component.before.get(&person.id).is_none_or(|before| !is_same(before, &person)) {
                self.put(person);
            }
        }
        settled
    }

    /// Announces and audits what became of persons.
    fn tell(&mut self, before: &BTreeMap<PersonId, Person>, after: &[Person], cause: &Cause, settled: &mut Settled) {
        let survivor: FxHashMap<PersonId, PersonId> =
            after.iter().flat_map(|person| person.ids.iter().map(|issued| (issued.id, person.id))).collect();
        let mut merges: Vec<(PersonId, PersonId)> = Vec::new();
        for (id, old) in before {
            let Some(kept) = survivor.get(id).copied() else { continue };
            for person in after.iter().filter(|person| person.id != kept) {
                let aliases: Vec<PersonId> = old
                    .ids
                    .iter()
                    .map(|issued| issued.id)
                    .filter(|one| survivor.get(one) == Some(&person.id))
                    .collect();
                let is_new = !before.contains_key(&person.id);
                let taken: Vec<Held> =
                    person.identifiers.iter().filter(|held| old.held(held.key).is_some()).cloned().collect();
                // What goes over to somebody else than was there, or than comes of it, leaves its history behind.
                let comes_of_it = is_new && person.home().is_some_and(|home| old.held(home).is_some());
                if aliases.is_empty() && !comes_of_it {
                    continue;
                }
                // An id that goes to somebody who was there before is a person of its own first.
                let split = match aliases.first() {
                    Some(first) if !is_new => *first,
                    _ => person.id,
                };
                if split != person.id {
                    merges.push((person.id, split));
                }
                settled.split.push(split);
                let keys = taken.iter().map(|held| held.key).collect();
                let kind = if cause.kind == Kind::Unlinked { Kind::Unlinked } else { Kind::Split };
                self.audit(cause, kind, keys, vec![kept, split]);
                self.announce(cause.now, Change::Split { kept: *id, split, identifiers: taken, aliases });
            }
            if kept != *id {
                merges.push((kept, *id));
            }
        }
        for (survivor, merged) in merges {
            settled.merged.push(merged);
            let kind = match cause.kind {
                kind @ (Kind::Linked | Kind::Matched | Kind::Reviewed) => kind,
                _ => Kind::Merged,
            };
            self.audit(cause, kind, cause.identifiers.clone(), vec![survivor, merged]);
            self.announce(cause.now, Change::Merge { survivor, merged });
        }
        settled.merged.sort_unstable();
        settled.merged.dedup();
        settled.split.sort_unstable();
        settled.split.dedup();
        let gone: FxHashSet<PersonId> = settled.merged.iter().copied().collect();
        settled.split.retain(|id| !gone.contains(id));
    }

    pub(super) fn audit(&mut self, cause: &Cause, kind: Kind, identifiers: Vec<IdentifierKey>, persons: Vec<PersonId>) {
        self.changes.audit.push(Entry {
            kind,
            identifiers,
            persons,
            event_time: cause.time,
            time: cause.now,
            actor: cause.actor.clone(),
            note: cause.note.clone(),
            weight: cause.weight,
        });
    }

    /// Remembers the limits that new evidence met.
    fn audit_limits(
        &mut self,
        rules: &Rules,
        delta: &Delta,
        known: &FxHashSet<(IdentifierKey, IdentifierKey)>,
        cause: &Cause,
    ) {
        for key in &delta.over {
            let persons = self.owner(*key).into_iter().collect();
            let cause = Cause { note: Limit::MaxPersonsPerIdentifier.name().to_owned(), ..cause.clone() };
            self.audit(&cause, Kind::Limited, vec![*key], persons);
        }
        for edge in delta.edges.iter().filter(|edge| !known.contains(&(edge.a, edge.b))) {
            let (Some(one), Some(other)) = (self.owner(edge.a), self.owner(edge.b)) else { continue };
            let strong = |key| self.held(key).is_some_and(|held| rules.is_strong(&held.namespace));
            if one != other
                && strong(edge.a)
                && strong(edge.b)
                && let Some(limit) = self.apart(rules, one, other)
            {
                let cause = Cause { note: limit.name().to_owned(), ..cause.clone() };
                self.audit(&cause, Kind::Limited, vec![edge.a, edge.b], vec![one, other]);
            }
        }
    }
}

/// Whether nothing but the time of the last change differs.
fn is_same(one: &Person, other: &Person) -> bool {
    one.identifiers == other.identifiers
        && one.ids == other.ids
        && one.edges == other.edges
        && one.claims == other.claims
        && one.erased == other.erased
}

/// Moves ids to stronger homes, see the module.
fn move_homes(
    rules: &Rules,
    component: &mut Component,
    place: &FxHashMap<IdentifierKey, usize>,
    groups: &[usize],
    by_evidence: &[usize],
) {
    if component.ids.is_empty() {
        return;
    }
    let mut strongest: FxHashMap<usize, &Held> = FxHashMap::default();
    for (held, group) in component.held.values().zip(by_evidence) {
        if rules.is_strong(&held.namespace) && !held.over {
            let best = strongest.entry(*group).or_insert(held);
            if strength(rules, held) < strength(rules, best) {
                *best = held;
            }
        }
    }
    let mut eldest: FxHashSet<usize> = FxHashSet::default();
    for issued in &mut component.ids {
        let (Some(&at), Some(home)) = (place.get(&issued.home), component.held.get(&issued.home)) else { continue };
        let is_eldest = eldest.insert(by_evidence[at]);
        let Some(target) = strongest.get(&by_evidence[at]) else { continue };
        let is_weak = !rules.is_strong(&home.namespace);
        let is_stronger = rules.priority(&target.namespace) < rules.priority(&home.namespace);
        // Who is held elsewhere by a decision stays there.
        if (is_weak || (is_eldest && is_stronger)) && !home.over && groups[place[&target.key]] == groups[at] {
            issued.home = target.key;
        }
    }
}
