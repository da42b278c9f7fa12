//! Resolving one interaction or a chunk of them.

use std::sync::Arc;

use attune_kernel::{Problem, Timestamp, Violation};
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_service_kit::request::check;

use super::matching::Incoming;
use super::{Identity, convert};
use crate::domain::command::{lookup, settled};
use crate::domain::{Claims, Command, Graph, Interaction, Outcome, Refusal, Resolution};
use crate::error::Error;

/// Most interactions of a chunk, as the contract says.
const MAX_CHUNK: usize = 1000;

impl Identity {
    pub(super) async fn resolve_one(&self, request: pb::ResolveRequest) -> Result<pb::ResolveResponse, Problem> {
        if request.as_of_time.is_some() {
            return self.resolve_as_of(&request, "").await;
        }
        let (interaction, record) = self.interaction(request, "")?;
        let mut answers = self.answer(vec![interaction], vec![record]).await?;
        Ok(answers.pop().unwrap_or(Err(Refusal::NoUsableIdentifier)).map_err(Error::from)?)
    }

    /// Answers interactions in order, by identifiers alone or with the records that some carry.
    async fn answer(
        &self,
        interactions: Vec<Interaction>,
        records: Vec<Option<Incoming>>,
    ) -> Result<Vec<Result<pb::ResolveResponse, Refusal>>, Error> {
        if records.iter().any(Option::is_some) {
            return self.resolve_records(interactions, records).await;
        }
        let answers = self.resolve_all(interactions, None).await?;
        Ok(answers.into_iter().map(|answer| answer.map(convert::resolution)).collect())
    }

    /// Answers a chunk. A malformed interaction is answered with its problem, the others are resolved.
    pub(super) async fn resolve_chunk(
        &self,
        chunk: pb::BatchResolveRequest,
    ) -> Result<pb::BatchResolveResponse, Problem> {
        let count = chunk.requests.len();
        if !(1..=MAX_CHUNK).contains(&count) {
            return Err(Problem::invalid_field("requests", format!("must have 1 to {MAX_CHUNK} items, has {count}")));
        }
        let mut answers: Vec<Option<Answer>> = Vec::with_capacity(count);
        let (mut interactions, mut places) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut records = Vec::with_capacity(count);
        for (place, request) in chunk.requests.into_iter().enumerate() {
            let at = format!("requests[{place}].");
            if request.as_of_time.is_some() && check(&request).is_ok() {
                answers.push(Some(match self.resolve_as_of(&request, &at).await {
                    Ok(response) => Answer::Response(response),
                    Err(problem) => Answer::Error(convert::status_message(problem)),
                }));
                continue;
            }
            let interaction =
                check(&request).map_err(|problem| below(problem, &at)).and_then(|()| self.interaction(request, &at));
            match interaction {
                Ok((interaction, record)) => {
                    interactions.push(interaction);
                    records.push(record);
                    places.push(place);
                    answers.push(None);
                }
                Err(problem) => answers.push(Some(Answer::Error(convert::status_message(problem)))),
            }
        }
        for (place, answer) in places.into_iter().zip(self.answer(interactions, records).await?) {
            answers[place] = Some(match answer {
                Ok(response) => Answer::Response(response),
                Err(refusal) => {
                    let problem = Error::from(refusal).at(&format!("requests[{place}]."));
                    Answer::Error(convert::status_message(problem))
                }
            });
        }
        Ok(pb::BatchResolveResponse {
            results: answers.into_iter().map(|result| pb::BatchResolveResult { result }).collect(),
        })
    }

    /// The interaction of a request, with its record; paths of problems begin with `at`.
    fn interaction(&self, request: pb::ResolveRequest, at: &str) -> Result<(Interaction, Option<Incoming>), Problem> {
        let (now, entropy) = (self.clock.now(), self.ids.entropy());
        let record = self.incoming(&request, now, at)?;
        let others = request.identifiers.len();
        let interaction = convert::interaction(&self.rules, request, now, entropy);
        let mut interaction = interaction.map_err(|refusal| Error::from(refusal).at(at))?;
        interaction.candidates.extend(record.as_ref().map(|record| self.candidate(record, others)));
        Ok((interaction, record))
    }

    /// Who held the strongest identifier at a time. What the audit of holders does not reach back to is not found.
    async fn resolve_as_of(&self, request: &pb::ResolveRequest, at: &str) -> Result<pb::ResolveResponse, Problem> {
        let as_of = request.as_of_time.and_then(|time| Timestamp::from_seconds_nanos(time.seconds, time.nanos).ok());
        let as_of = as_of.unwrap_or_else(|| self.clock.now());
        if request.identifiers.is_empty() {
            return Err(Problem::invalid_field(format!("{at}identifiers"), "must not be empty with as_of_time"));
        }
        let (interaction, _) =
            self.interaction(pb::ResolveRequest { attributes: Vec::new(), ..request.clone() }, at)?;
        let view = self.store.view(&lookup(std::slice::from_ref(&interaction))).await?;
        let mut candidates: Vec<_> = interaction.candidates.iter().collect();
        candidates.sort_by_key(|one| (!one.strong, one.priority, one.key));
        for one in candidates {
            let holder = view.owners.get(&one.key).and_then(|id| view.persons.get(id));
            let held = holder.and_then(|person| person.held(one.key)).filter(|held| held.since <= as_of);
            let person = match (held, holder) {
                (Some(_), Some(holder)) => Some(holder.id),
                (None, Some(_)) => self.store.held_by(one.key, as_of).await?,
                _ => None,
            };
            if let Some(person) = person {
                return Ok(pb::ResolveResponse { person_id: person.to_string(), ..Default::default() });
            }
        }
        Err(Error::from(Refusal::UnknownPerson).at(at))
    }

    /// Answers interactions in order, after claims were added. One that changes nothing is answered from one read; the
    /// rest goes through one transaction.
    pub(super) async fn resolve_all(
        &self,
        mut interactions: Vec<Interaction>,
        claims: Option<Claims>,
    ) -> Result<Vec<Result<Resolution, Refusal>>, Error> {
        let mut answers = Vec::with_capacity(interactions.len());
        let reads_only = interactions.len() == 1 || interactions.iter().all(|one| one.read_only);
        if claims.is_none() && reads_only && !interactions.is_empty() {
            let graph = Graph::new(self.store.view(&lookup(&interactions)).await?);
            answers = settled(&self.rules, &graph, &interactions);
            interactions.drain(..answers.len());
        }
        if !interactions.is_empty() || claims.is_some() {
            let outcome = self.store.execute(&self.rules, Arc::new(Command::Resolve(interactions, claims))).await?;
            if let Outcome::Resolved(resolved) = outcome {
                answers.extend(resolved);
            }
        }
        for answer in &answers {
            self.count(answer.as_ref());
        }
        Ok(answers)
    }
}

/// A problem of an item as a problem of the chunk.
fn below(problem: Problem, at: &str) -> Problem {
    let violations = problem.violations.into_iter();
    let violations = violations.map(|one| Violation::new(format!("{at}{}", one.field), one.description)).collect();
    Problem { reason: problem.reason, ..Problem::invalid(violations) }
}
