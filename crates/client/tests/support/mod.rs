//! An identity service that does what `source` of the request says.

use std::pin::Pin;
use std::time::Instant;

use attune_client::IdentityClient;
use attune_kernel::Deadline;
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::identity_service_server::IdentityService;
use attune_proto::identity::v1::{
    BatchResolveRequest, BatchResolveResponse, ErasePersonRequest, ErasePersonResponse, ExplainRequest,
    ExplainResponse, GetPersonRequest, GetPersonResponse, LinkRequest, LinkResponse, ReadChangesRequest,
    ReadChangesResponse, ResolveRequest, ResolveResponse, UnlinkRequest, UnlinkResponse,
};
use futures::{Stream, StreamExt as _};
use tonic::{Request, Response, Status, Streaming};

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Echo {
    /// Where `relay` goes.
    pub(crate) next: Option<IdentityClient>,
}

type Answers = Pin<Box<dyn Stream<Item = Result<BatchResolveResponse, Status>> + Send>>;

/// A request that the service answers with `text`.
pub(crate) fn request(source: &str, text: &str) -> ResolveRequest {
    ResolveRequest { request_id: text.to_owned(), source: source.to_owned(), ..Default::default() }
}

fn answer(person_id: String) -> Result<Response<ResolveResponse>, Status> {
    Ok(Response::new(ResolveResponse { person_id, ..Default::default() }))
}

#[tonic::async_trait]
impl IdentityService for Echo {
    type BatchResolveStream = Answers;

    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        let header = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match request.get_ref().source.as_str() {
            "pending" => std::future::pending().await,
            "unavailable" => Err(Status::unavailable("not now")),
            "left" => {
                let deadline = opentelemetry::Context::map_current(|context| context.get::<Deadline>().copied());
                let left = deadline.map(|deadline| deadline.remaining(Instant::now()).as_millis());
                answer(left.map_or_else(|| "none".to_owned(), |left| left.to_string()))
            }
            "header" => answer(header(&request.get_ref().request_id).unwrap_or_default()),
            "relay" => {
                let mut next = self.next.clone().ok_or_else(|| Status::failed_precondition("nobody to relay to"))?;
                let ResolveRequest { request_id, .. } = request.into_inner();
                let source = request_id.split(' ').next().unwrap_or_default().to_owned();
                let request_id = request_id.split(' ').nth(1).unwrap_or_default().to_owned();
                next.resolve(ResolveRequest { request_id, source, ..Default::default() }).await
            }
            _ => answer(request.into_inner().request_id),
        }
    }

    async fn batch_resolve(
        &self,
        request: Request<Streaming<BatchResolveRequest>>,
    ) -> Result<Response<Answers>, Status> {
        let answers = request.into_inner().map(|request| request.map(|_| BatchResolveResponse::default()));
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_person(&self, _: Request<GetPersonRequest>) -> Result<Response<GetPersonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn link(&self, _: Request<LinkRequest>) -> Result<Response<LinkResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn unlink(&self, _: Request<UnlinkRequest>) -> Result<Response<UnlinkResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn explain(&self, _: Request<ExplainRequest>) -> Result<Response<ExplainResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn erase_person(&self, _: Request<ErasePersonRequest>) -> Result<Response<ErasePersonResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn read_changes(&self, _: Request<ReadChangesRequest>) -> Result<Response<ReadChangesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_reviews(
        &self,
        _: Request<pb::ListReviewsRequest>,
    ) -> Result<Response<pb::ListReviewsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn decide_review(
        &self,
        _: Request<pb::DecideReviewRequest>,
    ) -> Result<Response<pb::DecideReviewResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_audit_entries(
        &self,
        _: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn create_relation(
        &self,
        _: Request<pb::CreateRelationRequest>,
    ) -> Result<Response<pb::CreateRelationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn delete_relation(
        &self,
        _: Request<pb::DeleteRelationRequest>,
    ) -> Result<Response<pb::DeleteRelationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_relations(
        &self,
        _: Request<pb::ListRelationsRequest>,
    ) -> Result<Response<pb::ListRelationsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_records(
        &self,
        _: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn publish_model(
        &self,
        _: Request<pb::PublishModelRequest>,
    ) -> Result<Response<pb::PublishModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_model(&self, _: Request<pb::GetModelRequest>) -> Result<Response<pb::GetModelResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_models(&self, _: Request<pb::ListModelsRequest>) -> Result<Response<pb::ListModelsResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_drift(&self, _: Request<pb::GetDriftRequest>) -> Result<Response<pb::GetDriftResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn reconcile(&self, _: Request<pb::ReconcileRequest>) -> Result<Response<pb::ReconcileResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}
