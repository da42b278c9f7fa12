//! Resolving and operating as data, so that a store can run them inside its transaction.

use attune_kernel::{PersonId, Timestamp};

use super::graph::{Graph, Lookup, Recorded};
use super::interaction::{Candidate, Interaction};
use super::namespace::Rules;
use super::operate::{Decision, erase, link, unlink};
use super::refusal::Refusal;
use super::resolve::{Resolution, resolve};

/// A request id with the hash of the request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The id, unique among the requests of one method.
    pub id: String,
    /// Hash of the body.
    pub digest: [u8; 32],
}

/// Something that may change who is who.
#[derive(Debug, Clone)]
pub enum Command {
    /// Interactions, in order; one that is refused changes nothing and does not keep the others from being resolved.
    Resolve(Vec<Interaction>),
    /// Joins two persons.
    Link {
        /// One person, by any id.
        person: PersonId,
        /// The other, by any id.
        other: PersonId,
        /// Who decided.
        by: Decision,
        /// Makes a repeat harmless.
        request: Option<RequestKey>,
    },
    /// Splits identifiers off a person.
    Unlink {
        /// The person, by any id.
        person: PersonId,
        /// What to take away, each once.
        identifiers: Vec<Candidate>,
        /// Who decided.
        by: Decision,
        /// Makes a repeat harmless.
        request: Option<RequestKey>,
    },
    /// Erases a person.
    Erase {
        /// The person, by any id.
        person: PersonId,
        /// When.
        now: Timestamp,
        /// Makes a repeat harmless.
        request: Option<RequestKey>,
    },
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Of each interaction, in order.
    Resolved(Vec<Result<Resolution, Refusal>>),
    /// Of an operator's decision: the persons concerned (survivor; kept and split; erased) and a count.
    Decided {
        /// Surviving ids at the time.
        persons: Vec<PersonId>,
        /// How many identifiers were erased.
        count: u32,
    },
}

impl Command {
    /// What the command can touch.
    #[must_use]
    pub fn lookup(&self) -> Lookup {
        let id = |request: &Option<RequestKey>| request.as_ref().map(|request| request.id.clone());
        match self {
            Self::Resolve(interactions) => lookup(interactions),
            Self::Link { person, other, request, .. } => {
                Lookup { persons: vec![*person, *other], request: id(request), ..Lookup::default() }
            }
            Self::Unlink { person, identifiers, request, .. } => Lookup {
                identifiers: identifiers.iter().map(|one| (one.key, one.tombstone)).collect(),
                persons: vec![*person],
                evidence: vec![*person],
                request: id(request),
            },
            Self::Erase { person, request, .. } => {
                Lookup { persons: vec![*person], request: id(request), ..Lookup::default() }
            }
        }
    }

    /// Runs the command on a graph over what its [`lookup`](Self::lookup) asked for.
    ///
    /// # Errors
    /// Why an operator's decision is refused; the graph is then to be thrown away.
    pub fn run(&self, rules: &Rules, graph: &mut Graph) -> Result<Outcome, Refusal> {
        let request = match self {
            Self::Resolve(interactions) => {
                return Ok(Outcome::Resolved(interactions.iter().map(|one| resolve(rules, graph, one)).collect()));
            }
            Self::Link { request, .. } | Self::Unlink { request, .. } | Self::Erase { request, .. } => request,
        };
        if let (Some(request), Some(first)) = (request, graph.recorded()) {
            if first.digest != request.digest {
                return Err(Refusal::RequestIdReused);
            }
            return Ok(Outcome::Decided { persons: first.persons.clone(), count: first.count });
        }
        let (persons, count) = match self {
            Self::Resolve(_) => (Vec::new(), 0),
            Self::Link { person, other, by, .. } => (vec![link(rules, graph, *person, *other, by)?], 0),
            Self::Unlink { person, identifiers, by, .. } => {
                let (kept, split) = unlink(graph, *person, identifiers, by)?;
                (vec![kept, split], 0)
            }
            Self::Erase { person, now, .. } => {
                let (person, count) = erase(rules, graph, *person, *now)?;
                (vec![person], count)
            }
        };
        if let Some(request) = request {
            let recorded = Recorded { digest: request.digest, persons: persons.clone(), count };
            graph.record(request.id.clone(), recorded);
        }
        Ok(Outcome::Decided { persons, count })
    }
}

/// What interactions can touch, each identifier once.
#[must_use]
pub fn lookup(interactions: &[Interaction]) -> Lookup {
    let candidates = interactions.iter().flat_map(|one| &one.candidates);
    let mut identifiers: Vec<_> = candidates.map(|one| (one.key, one.tombstone)).collect();
    identifiers.sort_unstable();
    identifiers.dedup();
    Lookup { identifiers, ..Lookup::default() }
}

/// Resolves interactions on a snapshot and tells which of them are settled: their answer neither changes anything nor
/// rests on what another one of them changes. The others, in their order, are left for a transaction.
#[must_use]
pub fn settle(
    rules: &Rules,
    graph: &mut Graph,
    interactions: &[Interaction],
) -> Vec<Option<Result<Resolution, Refusal>>> {
    let answers: Vec<_> = interactions.iter().map(|one| resolve(rules, graph, one)).collect();
    if graph.steps() == 0 {
        return answers.into_iter().map(Some).collect();
    }
    let rests_on_change = |one: &Interaction| {
        one.candidates.iter().any(|candidate| {
            graph.has_moved(candidate.key) || graph.owner(candidate.key).is_some_and(|owner| graph.is_dirty(owner))
        })
    };
    interactions
        .iter()
        .zip(answers)
        .map(|(one, answer)| match &answer {
            Ok(resolution) if resolution.changed || graph.is_dirty(resolution.person) => None,
            // A malformed interaction names nobody, so it rests on nothing.
            _ if rests_on_change(one) => None,
            _ => Some(answer),
        })
        .collect()
}
