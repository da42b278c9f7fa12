//! Evidence of one interaction applied to a graph.
//!
//! Strong identifiers seen together are one person; persons that share one are merged. This is union-find over
//! identifiers, so without conflicts the persons that result do not depend on the order of arrival. A conflict (a second
//! value of a namespace of which a person has one, too many identifiers, an operator's cannot-link) is decided by
//! priority: the identifier of the smaller priority names the person, the conflicting one does not link and is reported.
//! A customer number is thereby never outvoted by an e-mail address.
//!
//! A weak identifier ties an anonymous person (one without a strong identifier) to the known one it is first seen with.
//! Seen with a second known person it is shared: it merges nobody and goes to the person of the latest strong evidence.
//!
//! An identifier seen with more persons than its namespace allows stops linking for good. Interactions that carry
//! nothing else are still its holder's.

use attune_kernel::{PersonId, Timestamp};

use super::evidence::{Evidence, EvidenceKind};
use super::graph::Graph;
use super::interaction::{Candidate, Interaction};
use super::limit::{Hit, Limit};
use super::namespace::Rules;
use super::person::{Held, Person};
use super::refusal::Refusal;

/// What became of an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// The surviving person.
    pub person: PersonId,
    /// Whether the person was created.
    pub created: bool,
    /// Persons merged into the surviving one.
    pub merged: Vec<PersonId>,
    /// Identifiers that did not link, by position.
    pub hits: Vec<Hit>,
    /// Whether anything was written, a time of last sight included.
    pub changed: bool,
}

/// Resolves an interaction, changing the graph as its evidence demands. The same interaction again changes nothing.
///
/// # Errors
/// [`Refusal::NoUsableIdentifier`], [`Refusal::PersonErased`]; for a read-only one [`Refusal::UnknownPerson`]. Nothing is
/// changed then.
pub fn resolve(rules: &Rules, graph: &mut Graph, interaction: &Interaction) -> Result<Resolution, Refusal> {
    let before = graph.steps();
    let hits = interaction.blocked.clone();
    let mut step = Step { rules, graph, interaction, hits, merged: Vec::new(), created: None, refused: Vec::new() };
    let person = step.run()?;
    let Step { mut hits, mut merged, created, .. } = step;
    hits.sort_by_key(|hit| hit.index);
    // Merges of one interaction may chain; an id that survived first and was merged later is listed once.
    merged.retain(|id| *id != person);
    merged.sort_unstable();
    Ok(Resolution { person, created: created == Some(person), merged, hits, changed: graph.steps() != before })
}

/// The work on one interaction.
struct Step<'a> {
    rules: &'a Rules,
    graph: &'a mut Graph,
    interaction: &'a Interaction,
    hits: Vec<Hit>,
    merged: Vec<PersonId>,
    created: Option<PersonId>,
    /// Identifiers that were not allowed to link, and why.
    refused: Vec<(&'a Candidate, Limit)>,
}

impl<'a> Step<'a> {
    fn run(&mut self) -> Result<PersonId, Refusal> {
        let (usable, silent) = self.sift()?;
        if self.interaction.read_only {
            return self.look_up(&usable, &silent);
        }
        let (mut strong, weak): (Vec<&Candidate>, Vec<&Candidate>) = usable.into_iter().partition(|one| one.strong);
        strong.sort_by_key(|one| (one.priority, self.seniority(one), one.key));
        let strong = self.stop_bridges(strong);
        if strong.is_empty() && weak.is_empty() {
            // Everything is over its limit: the holder of the first is the best answer there is.
            let holder = self.interaction.candidates.iter().find_map(|one| self.graph.owner(one.key));
            return holder.ok_or(Refusal::NoUsableIdentifier);
        }
        let holders: Vec<Option<PersonId>> = strong.iter().map(|one| self.graph.owner(one.key)).collect();
        let person = if strong.is_empty() { self.by_weak(&weak) } else { self.by_strong(&strong, &weak) };
        self.remember_companions(person, &strong, &holders);
        self.remember_refusals(person);
        self.remember_sight(person, !strong.is_empty());
        Ok(person)
    }

    /// Separates the identifiers that may link from those over their limit.
    fn sift(&mut self) -> Result<(Vec<&'a Candidate>, Vec<&'a Candidate>), Refusal> {
        let (mut usable, mut silent, mut erased) = (Vec::new(), Vec::new(), false);
        for one in &self.interaction.candidates {
            if let Some(held) = self.graph.held(one.key) {
                if held.linking {
                    usable.push(one);
                } else {
                    silent.push(one);
                    self.hit(one, Limit::MaxPersonsPerIdentifier);
                }
            } else if self.rules.refuse_events_before_erasure
                && self.graph.erased_at(one.tombstone).is_some_and(|erased| self.interaction.event_time <= erased)
            {
                erased = true;
                self.hit(one, Limit::BlockedValue);
            } else {
                usable.push(one);
            }
        }
        match (usable.is_empty() && silent.is_empty(), erased) {
            (true, true) => Err(Refusal::PersonErased),
            (true, false) => Err(Refusal::NoUsableIdentifier),
            _ => Ok((usable, silent)),
        }
    }

    fn look_up(&self, usable: &[&Candidate], silent: &[&Candidate]) -> Result<PersonId, Refusal> {
        let shared = |one: &&&Candidate| self.graph.held(one.key).is_some_and(|held| held.shared);
        let own = usable.iter().filter(|one| !shared(one));
        let rest = usable.iter().filter(shared).chain(silent);
        own.chain(rest).find_map(|one| self.graph.owner(one.key)).ok_or(Refusal::UnknownPerson)
    }

    /// Orders identifiers of one priority: those of older persons first, unknown ones last.
    fn seniority(&self, one: &Candidate) -> (bool, Option<(Timestamp, PersonId)>) {
        let age = self.graph.owner(one.key).and_then(|owner| self.graph.person(owner)).map(Person::age);
        (age.is_none(), age)
    }

    /// Stops strong identifiers that this interaction would tie to more persons than their namespace allows, and answers
    /// the others.
    fn stop_bridges(&mut self, strong: Vec<&'a Candidate>) -> Vec<&'a Candidate> {
        let mut linking = Vec::with_capacity(strong.len());
        for one in &strong {
            if !self.is_over_limit(one, &strong) {
                linking.push(*one);
                continue;
            }
            let limit = Limit::MaxPersonsPerIdentifier;
            self.graph.edit(one.key, |held| held.linking = false);
            self.hit(one, limit);
            if let Some(owner) = self.graph.owner(one.key) {
                self.note(owner, EvidenceKind::Limited, vec![one], vec![owner], limit.name());
            }
        }
        linking
    }

    /// Whether an identifier would have been seen with too many persons after this interaction.
    fn is_over_limit(&self, one: &Candidate, strong: &[&Candidate]) -> bool {
        let Some(limit) = self.rules.max_persons(&one.namespace) else { return false };
        let Some(owner) = self.graph.owner(one.key).and_then(|owner| self.graph.person(owner)) else { return false };
        let seen = owner.held(one.key).map_or(&[][..], |held| &held.seen_with);
        let mut holders: Vec<PersonId> = strong.iter().filter_map(|other| self.graph.owner(other.key)).collect();
        holders.sort_unstable();
        holders.dedup();
        // The strongest identifier names the person; when nobody present can hold it, that is one more.
        let somebody_new = strong.first().is_some_and(|first| {
            let full = |holder: &PersonId| self.graph.has_room(self.rules, *holder, &[*first]).is_err();
            self.graph.owner(first.key).is_none() && holders.iter().all(full)
        });
        let more = holders.iter().filter(|holder| **holder != owner.id && !self.has_seen(seen, **holder)).count();
        let more = more + usize::from(somebody_new);
        more > 0 && 1 + seen.len() + more > limit
    }

    fn has_seen(&self, seen: &[PersonId], id: PersonId) -> bool {
        self.graph.person(id).map_or_else(|| seen.contains(&id), |person| seen.iter().any(|one| person.is(*one)))
    }

    fn by_strong(&mut self, strong: &[&'a Candidate], weak: &[&'a Candidate]) -> PersonId {
        let mut person: Option<PersonId> = None;
        // Identifiers that nobody holds, while it is not known whose they become.
        let mut waiting: Vec<&Candidate> = Vec::new();
        for one in strong {
            match (self.graph.owner(one.key), person) {
                (None, None) => {
                    let taken = waiting.iter().filter(|other| other.namespace == one.namespace).count();
                    if taken < self.rules.capacity(&one.namespace) {
                        waiting.push(one);
                    } else {
                        self.refused.push((one, self.full(one)));
                    }
                }
                (None, Some(known)) => match self.graph.has_room(self.rules, known, &[*one]) {
                    Ok(()) => self.attach(known, one),
                    Err(limit) => self.refused.push((one, limit)),
                },
                (Some(holder), None) => match self.graph.has_room(self.rules, holder, &waiting) {
                    Ok(()) => {
                        person = Some(holder);
                        for other in waiting.drain(..) {
                            self.attach(holder, other);
                        }
                    }
                    Err(limit) => self.refused.push((one, limit)),
                },
                (Some(holder), Some(known)) if holder == known => {}
                (Some(holder), Some(known)) => match self.graph.may_merge(self.rules, known, holder) {
                    Ok(()) => person = Some(self.merge(known, holder, one)),
                    Err(limit) => self.refused.push((one, limit)),
                },
            }
        }
        let mut person = person.unwrap_or_else(|| {
            let anonymous = weak.iter().find_map(|one| {
                let holder = self.anonymous_holder(one)?;
                self.graph.has_room(self.rules, holder, &waiting).is_ok().then_some(holder)
            });
            let person = anonymous.unwrap_or_else(|| self.create());
            for other in waiting {
                self.attach(person, other);
            }
            person
        });
        for one in weak {
            person = self.tie(person, one);
        }
        person
    }

    /// The holder of a weak identifier when evidence may still give them a name.
    fn anonymous_holder(&self, one: &Candidate) -> Option<PersonId> {
        let holder = self.graph.person(self.graph.owner(one.key)?)?;
        let shared = holder.held(one.key).is_some_and(|held| held.shared);
        (!shared && !holder.is_known(self.rules)).then_some(holder.id)
    }

    /// Ties a weak identifier to the person whom strong evidence names.
    fn tie(&mut self, person: PersonId, one: &'a Candidate) -> PersonId {
        let Some(holder) = self.graph.owner(one.key) else {
            match self.graph.has_room(self.rules, person, &[one]) {
                Ok(()) => self.attach(person, one),
                Err(limit) => self.refused.push((one, limit)),
            }
            return person;
        };
        if holder == person {
            return person;
        }
        if self.anonymous_holder(one).is_some() {
            return match self.graph.may_merge(self.rules, person, holder) {
                Ok(()) => self.merge(person, holder, one),
                Err(limit) => {
                    self.refused.push((one, limit));
                    person
                }
            };
        }
        self.share(person, holder, one);
        person
    }

    /// A weak identifier of a known person is seen with another known one.
    fn share(&mut self, person: PersonId, holder: PersonId, one: &'a Candidate) {
        let (Some(ours), Some(theirs)) = (self.graph.person(person), self.graph.person(holder)) else { return };
        if ours.is_kept_apart_from(theirs) {
            self.refused.push((one, Limit::CannotLink));
            return;
        }
        let Some(held) = theirs.held(one.key) else { return };
        let seen = self.has_seen(&held.seen_with, person);
        let count = 1 + held.seen_with.len() + usize::from(!seen);
        if self.rules.max_persons(&one.namespace).is_some_and(|limit| count > limit) {
            self.graph.edit(one.key, |held| held.linking = false);
            self.hit(one, Limit::MaxPersonsPerIdentifier);
            self.note(holder, EvidenceKind::Limited, vec![one], vec![holder], Limit::MaxPersonsPerIdentifier.name());
            return;
        }
        let newer = self.interaction.event_time >= held.strong_seen;
        let limited = self.rules.max_persons(&one.namespace).is_some();
        let (was_shared, now) = (held.shared, self.interaction.now);
        if newer {
            if let Err(limit) = self.graph.has_room(self.rules, person, &[one]) {
                self.refused.push((one, limit));
                return;
            }
            let Some(mut held) = self.graph.detach(one.key, now) else { return };
            held.shared = true;
            held.strong_seen = self.interaction.event_time;
            held.last_seen = held.last_seen.max(self.interaction.event_time);
            if limited {
                held.seen_with.retain(|id| *id != person);
                held.seen_with.push(holder);
            }
            self.graph.attach(person, held, now);
        } else if !was_shared || (limited && !seen) {
            self.graph.edit(one.key, |held| {
                held.shared = true;
                if limited && !seen {
                    held.seen_with.push(person);
                }
            });
        }
    }

    fn by_weak(&mut self, weak: &[&'a Candidate]) -> PersonId {
        let shared = |graph: &Graph, one: &Candidate| graph.held(one.key).is_some_and(|held| held.shared);
        let first = weak.iter().filter(|one| !shared(self.graph, one)).find_map(|one| self.graph.owner(one.key));
        let unknown: Vec<&&Candidate> = weak.iter().filter(|one| self.graph.owner(one.key).is_none()).collect();
        let mut person = match (first, unknown.is_empty()) {
            (Some(holder), _) => holder,
            (None, false) => self.create(),
            // Only shared ones: the person of the latest strong evidence among their holders.
            (None, true) => {
                let latest = weak
                    .iter()
                    .filter_map(|one| Some((self.graph.held(one.key)?.strong_seen, self.graph.owner(one.key)?)));
                let latest = latest.max();
                // There is at least one: whoever has no holder is unknown.
                return latest.map_or_else(|| self.create(), |(_, holder)| holder);
            }
        };
        for one in weak {
            match self.graph.owner(one.key) {
                None => match self.graph.has_room(self.rules, person, &[*one]) {
                    Ok(()) => self.attach(person, one),
                    Err(limit) => self.refused.push((one, limit)),
                },
                Some(holder) if holder == person => {}
                // Two anonymous persons on one device are one; a known person gains nobody by weak evidence alone.
                Some(holder) => {
                    let ours_is_anonymous = self.graph.person(person).is_some_and(|one| !one.is_known(self.rules));
                    if ours_is_anonymous && self.anonymous_holder(one).is_some() {
                        match self.graph.may_merge(self.rules, person, holder) {
                            Ok(()) => person = self.merge(person, holder, one),
                            Err(limit) => self.refused.push((one, limit)),
                        }
                    }
                }
            }
        }
        person
    }

    fn create(&mut self) -> PersonId {
        let id = PersonId::from_parts(self.interaction.now, self.interaction.entropy);
        self.created = Some(id);
        self.graph.create(id, self.interaction.now)
    }

    fn attach(&mut self, person: PersonId, one: &Candidate) {
        let time = self.interaction.event_time;
        let held = Held {
            key: one.key,
            namespace: one.namespace.clone(),
            value: one.value.clone(),
            first_seen: time,
            last_seen: time,
            source: self.interaction.source.clone(),
            linking: true,
            shared: false,
            strong_seen: time,
            seen_with: Vec::new(),
        };
        self.graph.attach(person, held, self.interaction.now);
    }

    fn merge(&mut self, person: PersonId, holder: PersonId, by: &'a Candidate) -> PersonId {
        let survivor = self.graph.merge(person, holder, self.rules.max_evidence, self.interaction.now);
        let merged = if survivor == person { holder } else { person };
        self.merged.push(merged);
        let joined: Vec<&Candidate> = self
            .interaction
            .candidates
            .iter()
            .filter(|one| one.key == by.key || self.graph.owner(one.key) == Some(survivor))
            .collect();
        self.note(survivor, EvidenceKind::Merged, joined, vec![survivor, merged], "");
        survivor
    }

    /// Remembers, where a namespace limits them, the persons a strong identifier was seen with.
    fn remember_companions(&mut self, person: PersonId, strong: &[&'a Candidate], holders: &[Option<PersonId>]) {
        let mut companions: Vec<PersonId> = holders.iter().flatten().copied().chain([person]).collect();
        companions.sort_unstable();
        companions.dedup();
        if companions.len() == 1 {
            return;
        }
        for (one, holder) in strong.iter().zip(holders) {
            if self.rules.max_persons(&one.namespace).is_none() {
                continue;
            }
            let (Some(held), Some(owner)) = (self.graph.held(one.key), self.graph.owner(one.key)) else { continue };
            let holder = &holder.unwrap_or(owner);
            let refused = self.refused.iter().any(|(other, _)| other.key == one.key);
            let new: Vec<PersonId> = companions
                .iter()
                .copied()
                .filter(|id| id != holder && !self.has_seen(&held.seen_with, *id) && !held.seen_with.contains(id))
                // The survivor of a merge is no other person, unless this identifier was kept out of it.
                .filter(|id| *id != person || refused || holders.contains(&Some(*id)))
                .collect();
            if !new.is_empty() {
                self.graph.edit(one.key, |held| held.seen_with.extend(new));
            }
        }
    }

    fn remember_refusals(&mut self, person: PersonId) {
        for (one, limit) in std::mem::take(&mut self.refused) {
            // When a strong one was refused the person may not have been complete; the reason given is the one that the
            // same interaction will meet again.
            let holder = self.graph.owner(one.key).filter(|holder| one.strong && *holder != person);
            let limit =
                holder.and_then(|holder| self.graph.may_merge(self.rules, person, holder).err()).unwrap_or(limit);
            self.hit(one, limit);
            let persons =
                std::iter::once(person).chain(self.graph.owner(one.key).filter(|holder| *holder != person)).collect();
            self.note(person, EvidenceKind::Limited, vec![one], persons, limit.name());
        }
    }

    /// Notes what was seen together and when.
    fn remember_sight(&mut self, person: PersonId, is_strong: bool) {
        let (time, touch) = (self.interaction.event_time, self.rules.touch_interval);
        let mut together: Vec<&Candidate> = Vec::new();
        for one in &self.interaction.candidates {
            let Some(held) = self.graph.held(one.key) else { continue };
            if !held.linking || self.graph.owner(one.key) != Some(person) {
                continue;
            }
            together.push(one);
            let earlier = held.first_seen > time.plus(touch);
            let later = time > held.last_seen.plus(touch);
            let strong_later = is_strong
                && !one.strong
                && if held.shared { time > held.strong_seen } else { time > held.strong_seen.plus(touch) };
            if earlier || later || strong_later {
                self.graph.edit(one.key, |held| {
                    held.first_seen = held.first_seen.min(time);
                    held.last_seen = held.last_seen.max(time);
                    if is_strong {
                        held.strong_seen = held.strong_seen.max(time);
                    }
                });
            }
        }
        let is_new = self.graph.person(person).is_some_and(|one| one.evidence.is_empty());
        if together.len() > 1 || is_new {
            self.note(person, EvidenceKind::SeenTogether, together, vec![person], "");
        }
    }

    fn note(
        &mut self,
        person: PersonId,
        kind: EvidenceKind,
        about: Vec<&Candidate>,
        persons: Vec<PersonId>,
        note: &str,
    ) {
        let identifiers: Vec<_> = about.iter().map(|one| one.key).collect();
        // What was seen together stays the same evidence whoever the person is by now, and so does a limit.
        let named: &[PersonId] = if kind == EvidenceKind::Merged { &persons } else { &[] };
        let key = Evidence::automatic_key(kind, &identifiers, named, note);
        let (event_time, arrived) = (self.interaction.event_time, self.interaction.now);
        let source = self.interaction.source.clone();
        let evidence = Evidence { key, kind, identifiers, persons, event_time, arrived, source, note: note.to_owned() };
        self.graph.note(person, evidence, self.rules.max_evidence);
    }

    fn full(&self, one: &Candidate) -> Limit {
        if self.rules.is_unique(&one.namespace) { Limit::UniquePerPerson } else { Limit::MaxIdentifiersPerPerson }
    }

    fn hit(&mut self, one: &Candidate, limit: Limit) {
        self.hits.push(Hit { index: one.index, namespace: one.namespace.clone(), limit });
    }
}
