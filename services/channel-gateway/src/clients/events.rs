//! Calls that carry events onwards, a batch at a time.

use attune_kernel::{Problem, Timestamp};
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::identity::v1 as identity;
use attune_proto::profile::v1 as profile;

use super::wire::stamp;
use super::{Callees, Refused, item_problem, problem};

/// A contact made elsewhere.
#[derive(Debug, Clone)]
pub struct Import {
    /// The event that reports it.
    pub event_id: String,
    /// The person.
    pub person_id: String,
    /// The offer.
    pub offer_id: String,
    /// The channel.
    pub channel: String,
    /// When.
    pub time: Timestamp,
    /// Order at the same time.
    pub sequence: i64,
}

/// A contact that counts against the contact policies.
#[derive(Debug, Clone)]
pub struct Reported {
    /// Its id.
    pub contact_id: String,
    /// The person.
    pub person_id: String,
    /// The channel.
    pub channel: String,
    /// The offer; empty for none.
    pub offer_id: String,
    /// The campaign; empty for none.
    pub campaign_id: String,
    /// The decision; empty for none.
    pub decision_id: String,
    /// When.
    pub time: Timestamp,
    /// The reservation it confirms; empty for none.
    pub reservation_id: String,
}

/// An answer of a person.
#[derive(Debug, Clone)]
pub struct Response {
    /// The event that reports it.
    pub event_id: String,
    /// The person.
    pub person_id: String,
    /// The decision; empty to find it by person and offer.
    pub decision_id: String,
    /// The offer.
    pub offer_id: String,
    /// The kind as the contract spells it.
    pub kind: &'static str,
    /// What it was worth.
    pub value: f64,
    /// When.
    pub time: Timestamp,
    /// Order at the same time.
    pub sequence: i64,
}

fn refused(rejected: Vec<profile::RejectedItem>) -> Refused {
    rejected
        .into_iter()
        .map(|item| (usize::try_from(item.index).unwrap_or_default(), item_problem(&item.status.unwrap_or_default())))
        .collect()
}

impl Callees {
    /// Resolves the identifiers of each item; one result an item, in order.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn resolve(
        &self,
        requests: Vec<identity::ResolveRequest>,
    ) -> Result<Vec<Result<String, Problem>>, Problem> {
        let expected = requests.len();
        let chunk = identity::BatchResolveRequest { requests };
        let mut answers =
            self.identity.clone().batch_resolve(tokio_stream::once(chunk)).await.map_err(problem)?.into_inner();
        let mut out = Vec::with_capacity(expected);
        while let Some(answer) = answers.message().await.map_err(problem)? {
            out.extend(answer.results.into_iter().map(|result| match result.result {
                Some(identity::batch_resolve_result::Result::Response(response)) => Ok(response.person_id),
                Some(identity::batch_resolve_result::Result::Error(status)) => Err(item_problem(&status)),
                None => Err(Problem::internal("identity answered an item with nothing")),
            }));
        }
        if out.len() == expected {
            Ok(out)
        } else {
            Err(Problem::internal("identity answered another number of items"))
        }
    }

    /// Appends events to timelines.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn append(&self, events: Vec<profile::Event>) -> Result<Refused, Problem> {
        let request = profile::AppendEventsRequest { events };
        let answer = self.profile.clone().append_events(request).await.map_err(problem)?.into_inner();
        Ok(refused(answer.rejected))
    }

    /// Shows events to the journeys.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn observe(&self, events: Vec<profile::Event>) -> Result<Refused, Problem> {
        let request = attune_proto::journey::v1::ObserveRequest { events };
        let answer = self.journey.clone().observe(request).await.map_err(problem)?.into_inner();
        Ok(refused(answer.rejected))
    }

    /// Records contacts.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn record_contacts(&self, contacts: &[Reported]) -> Result<(), Problem> {
        if contacts.is_empty() {
            return Ok(());
        }
        let contacts = contacts
            .iter()
            .map(|one| contact::Contact {
                contact_id: one.contact_id.clone(),
                person_id: one.person_id.clone(),
                channel: one.channel.clone(),
                offer_id: one.offer_id.clone(),
                campaign_id: one.campaign_id.clone(),
                decision_id: one.decision_id.clone(),
                time: stamp(one.time),
                reservation_id: one.reservation_id.clone(),
            })
            .collect();
        self.contact.clone().record_contact(contact::RecordContactRequest { contacts }).await.map_err(problem)?;
        Ok(())
    }

    /// Imports decisions made elsewhere.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn import(&self, imports: &[Import]) -> Result<Refused, Problem> {
        if imports.is_empty() {
            return Ok(Vec::new());
        }
        let decisions = imports
            .iter()
            .map(|one| decision::ImportedDecision {
                external_id: one.event_id.clone(),
                person_id: one.person_id.clone(),
                offer_id: one.offer_id.clone(),
                channel: one.channel.clone(),
                time: stamp(one.time),
                sequence: one.sequence,
                selection_probability: 0.0,
            })
            .collect();
        let request = decision::ImportDecisionsRequest { decisions };
        let answer = self.decision.clone().import_decisions(request).await.map_err(problem)?.into_inner();
        Ok(answer
            .rejected
            .into_iter()
            .map(|item| {
                (usize::try_from(item.index).unwrap_or_default(), item_problem(&item.status.unwrap_or_default()))
            })
            .collect())
    }

    /// Records responses.
    ///
    /// # Errors
    /// When the call as a whole fails.
    pub async fn respond(&self, responses: &[Response]) -> Result<Refused, Problem> {
        if responses.is_empty() {
            return Ok(Vec::new());
        }
        let requests = responses
            .iter()
            .map(|one| decision::RecordResponseRequest {
                request_id: one.event_id.clone(),
                decision_id: one.decision_id.clone(),
                offer_id: one.offer_id.clone(),
                kind: one.kind.to_owned(),
                value: one.value,
                time: stamp(one.time),
                person_id: one.person_id.clone(),
                sequence: one.sequence,
            })
            .collect();
        let request = decision::BatchRecordResponsesRequest { responses: requests };
        let answer = self.decision.clone().batch_record_responses(request).await.map_err(problem)?.into_inner();
        let refused = answer.results.into_iter().enumerate().filter_map(|(index, result)| match result.result {
            Some(decision::batch_record_responses_result::Result::Error(status)) => {
                Some((index, item_problem(&status)))
            }
            _ => None,
        });
        Ok(refused.collect())
    }
}
