//! Resolving and operating as data, so that a store can run them inside its transaction.

use attune_kernel::PersonId;

use super::claim::{Claim, Slot};
use super::graph::{Graph, Lookup, Recorded};
use super::interaction::{Candidate, Interaction, tombstone};
use super::namespace::Rules;
use super::operate::{Decision, claim, claim_waiting, erase, link, unlink, unmerge};
use super::person::IdentifierKey;
use super::refusal::Refusal;
use super::resolve::{Resolution, look, resolve};
use super::settle::{Cause, Delta};

/// A request id with the hash of the request's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The id, unique among the requests of one method.
    pub id: String,
    /// Hash of the body.
    pub digest: [u8; 32],
}

/// Claims to add and to take away.
#[derive(Debug, Clone)]
pub struct Claims {
    /// To add. One about identifiers that nobody holds waits for the interactions of the same command.
    pub assert: Vec<Claim>,
    /// To take away, as if they had never been there.
    pub retract: Vec<Slot>,
    /// For whom and when.
    pub by: Decision,
}

/// Something that may change who is who.
#[derive(Debug, Clone)]
pub enum Command {
    /// Claims first, then interactions, in order; one that is refused changes nothing and does not keep the others from
    /// being resolved.
    Resolve(Vec<Interaction>, Option<Claims>),
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
    /// Takes a merge back.
    Unmerge {
        /// The person, by any id.
        person: PersonId,
        /// The id that was merged into the person.
        alias: PersonId,
        /// Who decided.
        by: Decision,
        /// Makes a repeat harmless.
        request: Option<RequestKey>,
    },
    /// Erases a person.
    Erase {
        /// The person, by any id.
        person: PersonId,
        /// Whether only what came with this very id is erased.
        only: bool,
        /// Who asked.
        by: Decision,
        /// Makes a repeat harmless.
        request: Option<RequestKey>,
    },
    /// Computes persons again whose edges may have outlived their time.
    Expire {
        /// The persons.
        persons: Vec<PersonId>,
        /// When.
        by: Decision,
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
    pub fn lookup(&self, rules: &Rules) -> Lookup {
        let id = |request: &Option<RequestKey>| request.as_ref().map(|request| request.id.clone());
        let of = |persons: Vec<PersonId>, request| Lookup { persons, request: id(request), ..Lookup::default() };
        match self {
            Self::Resolve(interactions, claims) => {
                let mut all = lookup(interactions);
                if let Some(claims) = claims {
                    let asserted = claims.assert.iter().flat_map(|claim| claim.left.iter().chain(&claim.right));
                    let retracted = claims.retract.iter().flat_map(|slot| slot.left.iter().chain(&slot.right));
                    let keys: Vec<IdentifierKey> = asserted.chain(retracted).copied().collect();
                    all.identifiers.extend(keys.into_iter().map(|key| (key, tombstone(rules, key))));
                    all.identifiers.sort_unstable();
                    all.identifiers.dedup();
                }
                all
            }
            Self::Link { person, other, request, .. } => of(vec![*person, *other], request),
            Self::Unlink { person, identifiers, request, .. } => Lookup {
                identifiers: identifiers.iter().map(|one| (one.key, one.tombstone)).collect(),
                ..of(vec![*person], request)
            },
            Self::Unmerge { person, alias, request, .. } => of(vec![*person, *alias], request),
            Self::Erase { person, request, .. } => of(vec![*person], request),
            Self::Expire { persons, .. } => of(persons.clone(), &None),
        }
    }

    fn request(&self) -> Option<&RequestKey> {
        match self {
            Self::Resolve(..) | Self::Expire { .. } => None,
            Self::Link { request, .. }
            | Self::Unlink { request, .. }
            | Self::Unmerge { request, .. }
            | Self::Erase { request, .. } => request.as_ref(),
        }
    }

    /// Runs the command on a graph over what its [`lookup`](Self::lookup) asked for and what that is connected to.
    ///
    /// # Errors
    /// Why an operator's decision is refused; the graph is then to be thrown away.
    pub fn run(&self, rules: &Rules, graph: &mut Graph) -> Result<Outcome, Refusal> {
        if let (Some(request), Some(first)) = (self.request(), graph.recorded()) {
            if first.digest != request.digest {
                return Err(Refusal::RequestIdReused);
            }
            return Ok(Outcome::Decided { persons: first.persons.clone(), count: first.count });
        }
        let (persons, count) = match self {
            Self::Resolve(interactions, claims) => {
                if let Some(claims) = claims {
                    claim(rules, graph, &claims.assert, &claims.retract, &claims.by);
                }
                let answers = interactions.iter().map(|one| resolve(rules, graph, one)).collect();
                if let Some(claims) = claims {
                    claim_waiting(rules, graph, &claims.by);
                }
                return Ok(Outcome::Resolved(answers));
            }
            Self::Link { person, other, by, .. } => (vec![link(rules, graph, *person, *other, by)?], 0),
            Self::Unlink { person, identifiers, by, .. } => {
                let (kept, split) = unlink(rules, graph, *person, identifiers, by)?;
                (vec![kept, split], 0)
            }
            Self::Unmerge { person, alias, by, .. } => {
                let (kept, split) = unmerge(rules, graph, *person, *alias, by)?;
                (vec![kept, split], 0)
            }
            Self::Erase { person, only, by, .. } => {
                let (person, count) = erase(rules, graph, *person, *only, by)?;
                (vec![person], count)
            }
            Self::Expire { persons, by } => {
                let split = expire(rules, graph, persons, by);
                (Vec::new(), split)
            }
        };
        if let Some(request) = self.request() {
            let recorded = Recorded { digest: request.digest, persons: persons.clone(), count };
            graph.record(request.id.clone(), recorded);
        }
        Ok(Outcome::Decided { persons, count })
    }
}

/// Takes away edges that outlived their time. Answers how many persons split off.
fn expire(rules: &Rules, graph: &mut Graph, persons: &[PersonId], by: &Decision) -> u32 {
    let mut split = 0;
    for id in persons {
        let Some(person) = graph.person(*id) else { continue };
        let Some(seed) = person.identifiers.first().map(|held| held.key) else { continue };
        let cause = Cause {
            kind: super::audit::Kind::Merged,
            now: by.now,
            time: by.now,
            entropy: by.entropy.wrapping_add(u128::from(split)),
            actor: by.actor.clone(),
            note: by.reason.clone(),
            identifiers: Vec::new(),
            weight: 0.0,
        };
        let settled = graph.settle(rules, &Delta { seeds: vec![seed], ..Delta::default() }, &cause);
        split += settled.map_or(0, |settled| u32::try_from(settled.split.len()).unwrap_or(u32::MAX));
    }
    split
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

/// Answers interactions from a snapshot, up to the first that changes something: the rest, in their order, is left for a
/// transaction.
#[must_use]
pub fn settled(rules: &Rules, graph: &Graph, interactions: &[Interaction]) -> Vec<Result<Resolution, Refusal>> {
    interactions.iter().map_while(|one| look(rules, graph, one)).collect()
}
