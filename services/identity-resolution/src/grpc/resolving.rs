//! Resolving one interaction or a chunk of them.

use std::sync::Arc;

use attune_kernel::{Problem, Violation};
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_service_kit::request::check;

use super::matching::Incoming;
use super::{Identity, convert};
use crate::domain::command::{lookup, settle};
use crate::domain::{Command, Graph, Interaction, Outcome, Refusal, Resolution};
use crate::error::Error;

/// Most interactions of a chunk, as the contract says.
const MAX_CHUNK: usize = 1000;

impl Identity {
    pub(super) async fn resolve_one(&self, request: pb::ResolveRequest) -> Result<pb::ResolveResponse, Problem> {
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
        let answers = self.resolve_all(interactions).await?;
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
            let interaction = check(&request)
                .map_err(|problem| below(problem, &at))
                .and_then(|()| self.interaction(request, &at));
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

    /// Answers interactions in order. What changes nothing is answered from one read; the rest goes through one
    /// transaction.
    pub(super) async fn resolve_all(&self, interactions: Vec<Interaction>) -> Result<Vec<Result<Resolution, Refusal>>, Error> {
        if interactions.is_empty() {
            return Ok(Vec::new());
        }
        let mut graph = Graph::new(self.store.view(&lookup(&interactions)).await?);
        let mut answers = settle(&self.rules, &mut graph, &interactions);
        let open: Vec<usize> = (0..answers.len()).filter(|&place| answers[place].is_none()).collect();
        if !open.is_empty() {
            let rest = interactions
                .into_iter()
                .zip(&answers)
                .filter_map(|(interaction, answer)| answer.is_none().then_some(interaction))
                .collect();
            let outcome = self.store.execute(&self.rules, Arc::new(Command::Resolve(rest))).await?;
            if let Outcome::Resolved(resolved) = outcome {
                for (place, answer) in open.into_iter().zip(resolved) {
                    answers[place] = Some(answer);
                }
            }
        }
        let answers: Vec<_> =
            answers.into_iter().map(|answer| answer.unwrap_or(Err(Refusal::NoUsableIdentifier))).collect();
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
