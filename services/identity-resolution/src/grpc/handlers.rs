//! One handler an RPC.

use std::time::Duration;

use attune_kernel::Problem;
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::identity_service_server::IdentityService;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::request::valid;
use futures::StreamExt as _;
use futures::stream::{BoxStream, unfold};
use tonic::{Request, Response, Status, Streaming};

use super::{Identity, convert, status};
use crate::domain::Command;
use crate::error::Error;

/// Changes of one read when the caller does not say.
const DEFAULT_CHANGES: i32 = 100;

#[tonic::async_trait]
impl IdentityService for Identity {
    async fn resolve(&self, request: Request<pb::ResolveRequest>) -> Result<Response<pb::ResolveResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.resolve_one(message).await.map_err(status)?))
    }

    type BatchResolveStream = BoxStream<'static, Result<pb::BatchResolveResponse, Status>>;

    async fn batch_resolve(
        &self,
        request: Request<Streaming<pb::BatchResolveRequest>>,
    ) -> Result<Response<Self::BatchResolveStream>, Status> {
        // The stream ends with the first error: what follows a chunk that was not applied must not be applied either.
        let state = Some((self.clone(), request.into_inner()));
        let answers = unfold(state, |state| async move {
            let (identity, mut chunks) = state?;
            let answer = match chunks.next().await? {
                Ok(chunk) => identity.resolve_chunk(chunk).await.map_err(status),
                Err(broken) => Err(broken),
            };
            let next = answer.is_ok().then_some((identity, chunks));
            Some((answer, next))
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn get_person(
        &self,
        request: Request<pb::GetPersonRequest>,
    ) -> Result<Response<pb::GetPersonResponse>, Status> {
        let message = valid(request)?;
        let id = convert::person_id("person_id", &message.person_id).map_err(status)?;
        let person = self.person(id).await.map_err(status)?;
        let household_id = self.household(&person).await.map_err(status)?.unwrap_or_default();
        let person = pb::Person { household_id, ..convert::person(&person) };
        Ok(Response::new(pb::GetPersonResponse { person: Some(person) }))
    }

    async fn link(&self, request: Request<pb::LinkRequest>) -> Result<Response<pb::LinkResponse>, Status> {
        let message = valid(request)?;
        let person = convert::person_id("person_id", &message.person_id).map_err(status)?;
        let other = convert::person_id("other_person_id", &message.other_person_id).map_err(status)?;
        let request = convert::request_key("link", &message.request_id, &message);
        let by = self.decision(message.actor, message.reason);
        let (persons, _) = self.decide(Command::Link { person, other, by, request }).await.map_err(status)?;
        self.metrics.merges.add(1, &[KeyValue::new("cause", "operator")]);
        let person = self.person(first(&persons)?).await.map_err(status)?;
        Ok(Response::new(pb::LinkResponse { person: Some(convert::person(&person)) }))
    }

    async fn unlink(&self, request: Request<pb::UnlinkRequest>) -> Result<Response<pb::UnlinkResponse>, Status> {
        let message = valid(request)?;
        let person = convert::person_id("person_id", &message.person_id).map_err(status)?;
        let request = convert::request_key("unlink", &message.request_id, &message);
        let by = self.decision(message.actor, message.reason);
        let command = match (message.identifiers.is_empty(), message.alias_person_id.is_empty()) {
            (false, true) => {
                let identifiers = convert::identifiers(&self.rules, message.identifiers);
                let identifiers = identifiers.map_err(|refusal| status(Error::from(refusal)))?;
                Command::Unlink { person, identifiers, by, request }
            }
            (true, false) => {
                let alias = convert::person_id("alias_person_id", &message.alias_person_id).map_err(status)?;
                Command::Unmerge { person, alias, by, request }
            }
            (true, true) => {
                let problem = Problem::invalid_field("identifiers", "must not be empty without alias_person_id");
                return Err(status(problem));
            }
            (false, false) => {
                let problem = Problem::invalid_field("alias_person_id", "must be empty when identifiers are given");
                return Err(status(problem));
            }
        };
        let (persons, _) = self.decide(command).await.map_err(status)?;
        self.metrics.splits.add(1, &[KeyValue::new("cause", "operator")]);
        let kept = self.person(first(&persons)?).await.map_err(status)?;
        let split = self.person(first(&persons[1..])?).await.map_err(status)?;
        Ok(Response::new(pb::UnlinkResponse {
            person: Some(convert::person(&kept)),
            split_person: Some(convert::person(&split)),
        }))
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        let message = valid(request)?;
        let person = convert::person_id("person_id", &message.person_id).map_err(status)?;
        let explained = if message.other_person_id.is_empty() {
            self.explain_one(person).await
        } else {
            let other = convert::person_id("other_person_id", &message.other_person_id).map_err(status)?;
            self.explain_two(person, other).await
        };
        Ok(Response::new(explained.map_err(status)?))
    }

    async fn erase_person(
        &self,
        request: Request<pb::ErasePersonRequest>,
    ) -> Result<Response<pb::ErasePersonResponse>, Status> {
        let message = valid(request)?;
        let person = convert::person_id("person_id", &message.person_id).map_err(status)?;
        let request = convert::request_key("erase", &message.request_id, &message);
        let by = self.decision(message.actor.clone(), String::new());
        let only = message.only_this_id;
        let erasure = self.begin_erasure(person, message.only_this_id).await.map_err(status)?;
        let (persons, count) = self.decide(Command::Erase { person, only, by, request }).await.map_err(status)?;
        self.finish_erasure(erasure).await.map_err(status)?;
        let person = self.person(first(&persons)?).await.map_err(status)?;
        self.metrics.erasures.add(1, &[]);
        Ok(Response::new(pb::ErasePersonResponse {
            person_id: person.id.to_string(),
            identifiers_removed: i32::try_from(count).unwrap_or(i32::MAX),
            change_offset: person.erased.map_or(0, |erased| erased.offset.cast_signed()),
        }))
    }

    async fn read_changes(
        &self,
        request: Request<pb::ReadChangesRequest>,
    ) -> Result<Response<pb::ReadChangesResponse>, Status> {
        let message = valid(request)?;
        let limit = if message.max_changes == 0 { DEFAULT_CHANGES } else { message.max_changes };
        let after = u64::try_from(message.after_offset).unwrap_or(0);
        let wait = Duration::from_millis(u64::try_from(message.wait_millis).unwrap_or(0));
        let changes = self.store.changes(after, usize::try_from(limit).unwrap_or(0), wait).await.map_err(status)?;
        let next_offset = changes.last().map_or(message.after_offset, |last| last.offset.cast_signed());
        let changes = changes.into_iter().map(convert::change).collect();
        Ok(Response::new(pb::ReadChangesResponse { changes, next_offset }))
    }

    async fn list_reviews(
        &self,
        request: Request<pb::ListReviewsRequest>,
    ) -> Result<Response<pb::ListReviewsResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.reviews(message).await.map_err(status)?))
    }

    async fn decide_review(
        &self,
        request: Request<pb::DecideReviewRequest>,
    ) -> Result<Response<pb::DecideReviewResponse>, Status> {
        let message = valid(request)?;
        let review = Some(self.verdict(message).await.map_err(status)?);
        Ok(Response::new(pb::DecideReviewResponse { review }))
    }

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.audit_entries(message).await.map_err(status)?))
    }

    async fn create_relation(
        &self,
        request: Request<pb::CreateRelationRequest>,
    ) -> Result<Response<pb::CreateRelationResponse>, Status> {
        let message = valid(request)?;
        let relation = Some(self.relate(message).await.map_err(status)?);
        Ok(Response::new(pb::CreateRelationResponse { relation }))
    }

    async fn delete_relation(
        &self,
        request: Request<pb::DeleteRelationRequest>,
    ) -> Result<Response<pb::DeleteRelationResponse>, Status> {
        let message = valid(request)?;
        self.unrelate(message).await.map_err(status)?;
        Ok(Response::new(pb::DeleteRelationResponse {}))
    }

    async fn list_relations(
        &self,
        request: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.relations(message).await.map_err(status)?))
    }

    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.records(message).await.map_err(status)?))
    }

    async fn publish_model(
        &self,
        request: Request<pb::PublishModelRequest>,
    ) -> Result<Response<pb::PublishModelResponse>, Status> {
        let message = valid(request)?;
        let model = Some(self.publish(message).await.map_err(status)?);
        Ok(Response::new(pb::PublishModelResponse { model }))
    }

    async fn get_model(&self, request: Request<pb::GetModelRequest>) -> Result<Response<pb::GetModelResponse>, Status> {
        let message = valid(request)?;
        let model = Some(self.model(&message.version).await.map_err(status)?);
        Ok(Response::new(pb::GetModelResponse { model }))
    }

    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.models(message).await.map_err(status)?))
    }

    async fn get_drift(&self, request: Request<pb::GetDriftRequest>) -> Result<Response<pb::GetDriftResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.drift(message).await.map_err(status)?))
    }

    async fn reconcile(
        &self,
        request: Request<pb::ReconcileRequest>,
    ) -> Result<Response<pb::ReconcileResponse>, Status> {
        let message = valid(request)?;
        Ok(Response::new(self.reconcile_step(message).await.map_err(status)?))
    }
}

#[allow(clippy::result_large_err, reason = "tonic's own error type")]
fn first(persons: &[attune_kernel::PersonId]) -> Result<attune_kernel::PersonId, Status> {
    persons.first().copied().ok_or_else(|| status(Problem::internal("a decision concerns nobody")))
}
