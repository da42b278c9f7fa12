//! Evidence of one interaction added to the set, and the person that it names.
//!
//! Identifiers seen together become edges: every pair of up to [`PAIRS`] identifiers; beyond that each with the strongest
//! and with its neighbour in order of strength. The strongest other identifier, when it is a strong one, is an
//! identifier's *anchor*: seen with more anchors of one namespace than allowed, an identifier is over its limit for good.
//! That is a property of the set of interactions alone, and costs no more than the limit to know.
//!
//! Times are kept only as exactly as persons depend on them: between strong identifiers the first sight, with a weak one
//! the last. An interaction whose time was not given is remembered coarsely, unless it decides whose a weak identifier is.

use attune_kernel::{PersonId, Timestamp};

use super::audit::{Holding, Kind};
use super::graph::Graph;
use super::interaction::{Candidate, Interaction};
use super::limit::{Hit, Limit};
use super::namespace::Rules;
use super::person::{Anchor, Edge, Held, IdentifierKey};
use super::refusal::Refusal;
use super::settle::{Cause, Delta, Settled};

/// Most identifiers of which every pair becomes an edge.
const PAIRS: usize = 8;

/// What became of an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The surviving person.
    pub person: PersonId,
    /// Whether the person was created.
    pub created: bool,
    /// Ids that survived before and now are aliases.
    pub merged: Vec<PersonId>,
    /// Persons that were split off.
    pub split: Vec<PersonId>,
    /// Identifiers that did not link, by position.
    pub hits: Vec<Hit>,
    /// Whether anything was written, a time of last sight included.
    pub changed: bool,
}

/// The answer to an interaction that changes nothing; `None` when it does change something.
#[must_use]
pub fn look(rules: &Rules, graph: &Graph, interaction: &Interaction) -> Option<Result<Resolution, Refusal>> {
    let step = match Step::new(rules, graph, interaction) {
        Ok(step) => step,
        Err(refusal) => return Some(Err(refusal)),
    };
    if interaction.read_only {
        let person = step.person(graph).ok_or(Refusal::UnknownPerson);
        return Some(person.map(|person| step.answer(rules, graph, person, Settled::default(), false)));
    }
    if !step.is_nothing() {
        return None;
    }
    let person = step.person(graph)?;
    Some(Ok(step.answer(rules, graph, person, Settled::default(), false)))
}

/// Resolves an interaction, changing the graph as its evidence demands. The same interaction again changes nothing.
///
/// # Errors
/// [`Refusal::NoUsableIdentifier`], [`Refusal::PersonErased`]; for a read-only one [`Refusal::UnknownPerson`]. Nothing is
/// changed then.
pub fn resolve(rules: &Rules, graph: &mut Graph, interaction: &Interaction) -> Result<Resolution, Refusal> {
    if let Some(answer) = look(rules, graph, interaction) {
        return answer;
    }
    let mut step = Step::new(rules, graph, interaction)?;
    // Each interaction has random bits of its own.
    graph.minted = 0;
    let cause = Cause {
        kind: Kind::Merged,
        now: interaction.now,
        time: interaction.event_time,
        entropy: interaction.entropy,
        actor: interaction.source.clone(),
        note: String::new(),
        identifiers: step.usable.iter().map(|one| one.key).collect(),
        weight: 0.0,
    };
    let waiting = std::mem::take(&mut graph.waiting);
    let (claims, waiting) = waiting.into_iter().partition(|claim| {
        let of = || claim.left.iter().chain(&claim.right);
        let here = |key: &IdentifierKey| cause.identifiers.contains(key);
        of().any(here) && of().all(|key| here(key) || graph.owner(*key).is_some())
    });
    (step.delta.claims, graph.waiting) = (claims, waiting);
    let settled = match graph.settle(rules, &step.delta, &cause) {
        Ok(settled) => settled,
        Err(_) => step.attach(rules, graph, &cause),
    };
    step.remember_late(graph);
    let person = step.person(graph).ok_or(Refusal::NoUsableIdentifier)?;
    Ok(step.answer(rules, graph, person, settled, true))
}

/// The work on one interaction.
struct Step<'a> {
    interaction: &'a Interaction,
    /// What may name a person, the strongest first.
    usable: Vec<&'a Candidate>,
    hits: Vec<Hit>,
    delta: Delta,
    over: Vec<IdentifierKey>,
    too_large: bool,
}

impl<'a> Step<'a> {
    fn new(rules: &Rules, graph: &Graph, interaction: &'a Interaction) -> Result<Self, Refusal> {
        let (mut usable, mut erased) = (Vec::new(), false);
        let mut hits = interaction.blocked.clone();
        for one in &interaction.candidates {
            if graph.owner(one.key).is_none()
                && rules.refuse_events_before_erasure
                && graph.erased_at(one.tombstone).is_some_and(|erased| interaction.event_time <= erased)
            {
                erased = true;
                hits.push(Hit { index: one.index, namespace: one.namespace.clone(), limit: Limit::BlockedValue });
            } else {
                usable.push(one);
            }
        }
        match (usable.is_empty(), erased) {
            (true, true) => return Err(Refusal::PersonErased),
            (true, false) => return Err(Refusal::NoUsableIdentifier),
            _ => {}
        }
        usable.sort_by_key(|one| (!one.strong, one.priority, one.key));
        let (delta, over) = (Delta::default(), Vec::new());
        let mut step = Self { interaction, usable, hits, delta, over, too_large: false };
        step.measure(rules, graph);
        Ok(step)
    }

    fn is_nothing(&self) -> bool {
        self.delta.held.is_empty() && self.delta.edges.is_empty() && self.delta.over.is_empty()
    }

    /// What the interaction adds to the set.
    fn measure(&mut self, rules: &Rules, graph: &Graph) {
        let time = self.interaction.event_time;
        for one in &self.usable {
            let known = graph.held(one.key);
            if known.is_some_and(|held| held.over) {
                self.over.push(one.key);
                continue;
            }
            let mut held = known.cloned().unwrap_or_else(|| fresh(one, self.interaction));
            let anchor = self.usable.iter().find(|other| other.key != one.key).filter(|other| other.strong);
            if let (Some(limit), Some(anchor)) = (rules.max_persons(&one.namespace), anchor)
                && held.anchors.iter().all(|seen| seen.key != anchor.key)
            {
                held.anchors.push(Anchor { namespace: anchor.namespace.clone(), key: anchor.key });
                held.anchors.sort_unstable();
                if held.anchors.iter().filter(|seen| seen.namespace == anchor.namespace).count() > limit {
                    (held.over, held.anchors) = (true, Vec::new());
                    self.over.push(one.key);
                    self.delta.over.push(one.key);
                }
            }
            let earlier = held.first_seen > time.plus(rules.touch_interval);
            let later = time > held.last_seen.plus(rules.touch_interval);
            if known.is_none_or(|known| known.over != held.over || known.anchors != held.anchors) || earlier || later {
                held.first_seen = held.first_seen.min(time);
                held.last_seen = held.last_seen.max(time);
                self.delta.held.push(held);
            }
        }
        let linking: Vec<&Candidate> =
            self.usable.iter().copied().filter(|one| !self.over.contains(&one.key)).collect();
        for (at, one) in linking.iter().enumerate() {
            for (next, other) in linking.iter().enumerate().skip(at + 1) {
                if linking.len() <= PAIRS || at == 0 || next == at + 1 {
                    self.sight(rules, graph, one, other);
                }
            }
        }
    }

    /// Two identifiers seen together.
    fn sight(&mut self, rules: &Rules, graph: &Graph, one: &Candidate, other: &Candidate) {
        let time = self.interaction.event_time;
        let (a, b) = if one.key < other.key { (one.key, other.key) } else { (other.key, one.key) };
        let stored = graph.holder(a).and_then(|person| person.edge(a, b));
        let time_to_live = [one, other].iter().filter_map(|one| rules.time_to_live(&one.namespace)).min();
        if time_to_live.is_some_and(|limit| time.plus(limit) < self.interaction.now) && stored.is_none() {
            return;
        }
        let is_weak = !(one.strong && other.strong);
        let time = if self.interaction.is_timed { time } else { arrival(graph, time, &[one, other], stored, is_weak) };
        let Some(edge) = stored else {
            let source = self.interaction.source.clone();
            self.delta.edges.push(Edge { a, b, first: time, last: time, source });
            return;
        };
        let touch = time_to_live.map_or(rules.touch_interval, |limit| rules.touch_interval.min(limit / 24));
        let exact = (self.interaction.is_timed && (is_weak || time_to_live.is_some()))
            || (is_weak && is_contested(rules, graph, &[one, other]));
        let coarse = is_weak && !self.interaction.is_timed;
        let earlier = if coarse { edge.first > time.plus(touch) } else { edge.first > time };
        let later = if exact { time > edge.last } else { time > edge.last.plus(touch) };
        if earlier || later {
            let mut edge = edge.clone();
            (edge.first, edge.last) = (edge.first.min(time), edge.last.max(time));
            self.delta.edges.push(edge);
        }
    }

    /// The person whom the interaction names.
    fn person(&self, graph: &Graph) -> Option<PersonId> {
        let linking = self.usable.iter().filter(|one| !self.over.contains(&one.key));
        let silent = self.usable.iter().filter(|one| self.over.contains(&one.key));
        linking.chain(silent).find_map(|one| graph.owner(one.key))
    }

    fn answer(&self, rules: &Rules, graph: &Graph, person: PersonId, settled: Settled, changed: bool) -> Resolution {
        let mut hits = self.hits.clone();
        for one in &self.usable {
            let limit = if self.over.contains(&one.key) {
                Some(Limit::MaxPersonsPerIdentifier)
            } else {
                graph.owner(one.key).filter(|owner| *owner != person).and_then(|owner| {
                    let limit = graph.apart(rules, person, owner);
                    let is_known = || graph.person(owner).is_some_and(|owner| owner.is_known(rules));
                    // A weak identifier that a known person uses is no limit met.
                    let limit = limit.filter(|limit| one.strong || *limit == Limit::CannotLink || !is_known());
                    limit.or_else(|| (self.too_large && one.strong).then_some(Limit::ComponentTooLarge))
                })
            };
            hits.extend(limit.map(|limit| Hit { index: one.index, namespace: one.namespace.clone(), limit }));
        }
        hits.sort_by_key(|hit| hit.index);
        let created = settled.created.contains(&person) && !settled.split.contains(&person);
        let merged = settled.merged.into_iter().filter(|id| *id != person).collect();
        Resolution { person, created, merged, split: settled.split, hits, changed }
    }

    /// What the interaction says about holders in the past.
    fn remember_late(&self, graph: &mut Graph) {
        let Some(person) = self.person(graph).filter(|_| self.usable.len() > 1) else { return };
        for one in self.usable.iter().filter(|one| !self.over.contains(&one.key)) {
            let since = self.interaction.event_time;
            let Some(held) = graph.held(one.key).filter(|held| held.since > since) else { continue };
            let key = held.key;
            graph.changes.holdings.push(Holding { key, since, person, late: true });
        }
    }

    /// When what is touched is too large to be computed as a whole: identifiers that nobody holds go to the person of the
    /// strongest one, as far as there is room, or become persons of their own; nobody is merged.
    fn attach(&mut self, rules: &Rules, graph: &mut Graph, cause: &Cause) -> Settled {
        self.too_large = true;
        let mut settled = Settled::default();
        for held in &self.delta.held {
            if let Some(owner) = graph.owner(held.key) {
                graph.edit(owner, |person| {
                    person.identifiers.iter_mut().filter(|one| one.key == held.key).for_each(|one| *one = held.clone());
                });
            }
        }
        let target =
            self.usable.iter().filter(|one| !self.over.contains(&one.key)).find_map(|one| graph.owner(one.key));
        for one in &self.usable {
            if graph.owner(one.key).is_some() {
                continue;
            }
            let Some(held) = self.delta.held.iter().find(|held| held.key == one.key) else { continue };
            let has_room = |id: &PersonId| {
                graph.person(*id).is_some_and(|to| to.count(&one.namespace) < rules.capacity(&one.namespace))
            };
            match target.filter(|_| !held.over).filter(has_room) {
                Some(target) => graph.adopt(target, held.clone(), &self.delta.edges, cause.now),
                None => {
                    let alone = Delta { held: vec![held.clone()], ..Delta::default() };
                    // Nobody holds it and it has no edge, so it is a component of its own.
                    settled.created.extend(graph.settle(rules, &alone, cause).unwrap_or_default().created);
                }
            }
        }
        settled
    }
}

fn fresh(one: &Candidate, interaction: &Interaction) -> Held {
    let time = interaction.event_time;
    Held {
        key: one.key,
        namespace: one.namespace.clone(),
        value: one.value.clone(),
        first_seen: time,
        last_seen: time,
        source: interaction.source.clone(),
        since: time,
        over: false,
        anchors: Vec::new(),
    }
}

/// The time of an interaction whose time was not given: the time of the call, and after whatever the same clock tick has
/// brought for the same identifiers, so that what comes first counts as earlier.
fn arrival(graph: &Graph, time: Timestamp, ends: &[&Candidate], stored: Option<&Edge>, is_weak: bool) -> Timestamp {
    let tick = time..time.plus(std::time::Duration::from_millis(1));
    let mut latest = None;
    for end in ends.iter().filter(|end| !is_weak || !end.strong) {
        let edges = graph.holder(end.key).map_or(&[][..], |person| &person.edges);
        let here = edges.iter().filter(|edge| edge.a == end.key || edge.b == end.key);
        let times = here.map(|edge| if is_weak { edge.last } else { edge.first });
        latest = latest.max(times.filter(|time| tick.contains(time)).max());
    }
    let Some(latest) = latest.filter(|latest| stored.is_none_or(|edge| edge.last < *latest)) else { return time };
    Timestamp::from_micros(latest.as_micros().saturating_add(1))
}

/// Whether the last sight may decide whose a weak identifier is: it was seen with more than one anchor, or nobody counts.
/// Who holds what does not enter, since that depends on decisions.
fn is_contested(rules: &Rules, graph: &Graph, ends: &[&Candidate]) -> bool {
    let weak = || ends.iter().filter(|one| !one.strong);
    let mut anchors = weak().filter_map(|one| graph.held(one.key)).flat_map(|held| &held.anchors);
    let first = anchors.next();
    anchors.any(|anchor| Some(anchor) != first) || weak().any(|one| rules.max_persons(&one.namespace).is_none())
}

impl Graph {
    /// Gives an identifier that nobody holds to a person, with the edges between the two.
    fn adopt(&mut self, to: PersonId, held: Held, edges: &[Edge], now: Timestamp) {
        let Some(mut person) = self.person(to).cloned() else { return };
        let within =
            |edge: &&Edge| (edge.a == held.key || edge.b == held.key) && person.held(edge.other(held.key)).is_some();
        let edges: Vec<Edge> = edges.iter().filter(within).cloned().collect();
        let order = |one: &Held| (one.namespace.clone(), one.value.expose().clone());
        let at = person.identifiers.partition_point(|one| order(one) < order(&held));
        person.identifiers.insert(at, held);
        person.edges.extend(edges);
        person.edges.sort_unstable_by_key(|edge| (edge.a, edge.b));
        person.updated = now;
        self.put(person);
    }
}
