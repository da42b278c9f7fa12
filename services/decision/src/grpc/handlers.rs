//! Every RPC in one line or two.

use attune_kernel::Problem;
use attune_proto::decision::v1 as pb;
use attune_proto::decision::v1::decision_service_server::DecisionService;
use attune_service_kit::request::valid;
use attune_service_kit::status::to_status;
use tonic::{Request, Response, Status};

use super::Server;

/// Answers with what came out.
fn answer<T, E: Into<Problem>>(result: Result<T, E>) -> Result<Response<T>, Status> {
    result.map(Response::new).map_err(|error| to_status(error.into()))
}

#[tonic::async_trait]
impl DecisionService for Server {
    async fn decide(&self, request: Request<pb::DecideRequest>) -> Result<Response<pb::DecideResponse>, Status> {
        answer(self.0.decide_one(valid(request)?).await)
    }

    // Items of the batches are checked one by one, so that a broken one fails alone.
    async fn batch_decide(
        &self,
        request: Request<pb::BatchDecideRequest>,
    ) -> Result<Response<pb::BatchDecideResponse>, Status> {
        answer(self.0.decide_many(request.into_inner()).await)
    }

    async fn record_response(
        &self,
        request: Request<pb::RecordResponseRequest>,
    ) -> Result<Response<pb::RecordResponseResponse>, Status> {
        answer(self.0.record_one(valid(request)?).await)
    }

    async fn batch_record_responses(
        &self,
        request: Request<pb::BatchRecordResponsesRequest>,
    ) -> Result<Response<pb::BatchRecordResponsesResponse>, Status> {
        answer(self.0.record_many(request.into_inner()).await)
    }

    async fn import_decisions(
        &self,
        request: Request<pb::ImportDecisionsRequest>,
    ) -> Result<Response<pb::ImportDecisionsResponse>, Status> {
        answer(self.0.import(request.into_inner()).await)
    }

    async fn explain(&self, request: Request<pb::ExplainRequest>) -> Result<Response<pb::ExplainResponse>, Status> {
        answer(self.0.explain_one(valid(request)?).await)
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        answer(self.0.decisions_of(valid(request)?).await)
    }

    async fn simulate(&self, request: Request<pb::SimulateRequest>) -> Result<Response<pb::SimulateResponse>, Status> {
        answer(self.0.simulate_policy(valid(request)?).await)
    }

    async fn report_offers(
        &self,
        request: Request<pb::ReportOffersRequest>,
    ) -> Result<Response<pb::ReportOffersResponse>, Status> {
        answer(self.0.report(valid(request)?).await)
    }

    async fn apply_person_change(
        &self,
        request: Request<pb::ApplyPersonChangeRequest>,
    ) -> Result<Response<pb::ApplyPersonChangeResponse>, Status> {
        let change = valid(request)?.change.unwrap_or_default();
        answer(self.0.apply(change).await.map(|applied| pb::ApplyPersonChangeResponse { applied }))
    }

    async fn create_offer(
        &self,
        request: Request<pb::CreateOfferRequest>,
    ) -> Result<Response<pb::CreateOfferResponse>, Status> {
        let pb::CreateOfferRequest { offer, request_id } = request.into_inner();
        let offer = self.0.shelf.offers.create(offer, &request_id, self.0.clock.now()).await;
        answer(offer.map(|offer| pb::CreateOfferResponse { offer: Some(offer) }))
    }

    async fn get_offer(&self, request: Request<pb::GetOfferRequest>) -> Result<Response<pb::GetOfferResponse>, Status> {
        let offer = self.0.shelf.offers.get(&valid(request)?.offer_id).await;
        answer(offer.map(|offer| pb::GetOfferResponse { offer: Some(offer) }))
    }

    async fn list_offers(
        &self,
        request: Request<pb::ListOffersRequest>,
    ) -> Result<Response<pb::ListOffersResponse>, Status> {
        let request = valid(request)?;
        let page = self.0.shelf.offers.list(request.page_size, &request.page_token).await;
        answer(page.map(|page| pb::ListOffersResponse { offers: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_offer(
        &self,
        request: Request<pb::UpdateOfferRequest>,
    ) -> Result<Response<pb::UpdateOfferResponse>, Status> {
        let pb::UpdateOfferRequest { offer, update_mask } = request.into_inner();
        let offer = self.0.shelf.offers.update(offer, update_mask, self.0.clock.now()).await;
        answer(offer.map(|offer| pb::UpdateOfferResponse { offer: Some(offer) }))
    }

    async fn delete_offer(
        &self,
        request: Request<pb::DeleteOfferRequest>,
    ) -> Result<Response<pb::DeleteOfferResponse>, Status> {
        let request = valid(request)?;
        let deleted = self.0.shelf.offers.delete(&request.offer_id, &request.etag).await;
        answer(deleted.map(|()| pb::DeleteOfferResponse {}))
    }

    async fn create_message(
        &self,
        request: Request<pb::CreateMessageRequest>,
    ) -> Result<Response<pb::CreateMessageResponse>, Status> {
        let pb::CreateMessageRequest { message, request_id } = request.into_inner();
        let message = self.0.shelf.messages.create(message, &request_id, self.0.clock.now()).await;
        answer(message.map(|message| pb::CreateMessageResponse { message: Some(message) }))
    }

    async fn get_message(
        &self,
        request: Request<pb::GetMessageRequest>,
    ) -> Result<Response<pb::GetMessageResponse>, Status> {
        let message = self.0.shelf.messages.get(&valid(request)?.message_id).await;
        answer(message.map(|message| pb::GetMessageResponse { message: Some(message) }))
    }

    async fn list_messages(
        &self,
        request: Request<pb::ListMessagesRequest>,
    ) -> Result<Response<pb::ListMessagesResponse>, Status> {
        let request = valid(request)?;
        let page = self.0.shelf.messages.list(request.page_size, &request.page_token).await;
        answer(
            page.map(|page| pb::ListMessagesResponse { messages: page.items, next_page_token: page.next_page_token }),
        )
    }

    async fn update_message(
        &self,
        request: Request<pb::UpdateMessageRequest>,
    ) -> Result<Response<pb::UpdateMessageResponse>, Status> {
        let pb::UpdateMessageRequest { message, update_mask } = request.into_inner();
        let message = self.0.shelf.messages.update(message, update_mask, self.0.clock.now()).await;
        answer(message.map(|message| pb::UpdateMessageResponse { message: Some(message) }))
    }

    async fn delete_message(
        &self,
        request: Request<pb::DeleteMessageRequest>,
    ) -> Result<Response<pb::DeleteMessageResponse>, Status> {
        let request = valid(request)?;
        let deleted = self.0.shelf.messages.delete(&request.message_id, &request.etag).await;
        answer(deleted.map(|()| pb::DeleteMessageResponse {}))
    }

    async fn create_placement(
        &self,
        request: Request<pb::CreatePlacementRequest>,
    ) -> Result<Response<pb::CreatePlacementResponse>, Status> {
        let pb::CreatePlacementRequest { placement, request_id } = request.into_inner();
        let placement = self.0.shelf.placements.create(placement, &request_id, self.0.clock.now()).await;
        answer(placement.map(|placement| pb::CreatePlacementResponse { placement: Some(placement) }))
    }

    async fn get_placement(
        &self,
        request: Request<pb::GetPlacementRequest>,
    ) -> Result<Response<pb::GetPlacementResponse>, Status> {
        let placement = self.0.shelf.placements.get(&valid(request)?.placement_id).await;
        answer(placement.map(|placement| pb::GetPlacementResponse { placement: Some(placement) }))
    }

    async fn list_placements(
        &self,
        request: Request<pb::ListPlacementsRequest>,
    ) -> Result<Response<pb::ListPlacementsResponse>, Status> {
        let request = valid(request)?;
        let page = self.0.shelf.placements.list(request.page_size, &request.page_token).await;
        answer(
            page.map(|page| pb::ListPlacementsResponse {
                placements: page.items,
                next_page_token: page.next_page_token,
            }),
        )
    }

    async fn update_placement(
        &self,
        request: Request<pb::UpdatePlacementRequest>,
    ) -> Result<Response<pb::UpdatePlacementResponse>, Status> {
        let pb::UpdatePlacementRequest { placement, update_mask } = request.into_inner();
        let placement = self.0.shelf.placements.update(placement, update_mask, self.0.clock.now()).await;
        answer(placement.map(|placement| pb::UpdatePlacementResponse { placement: Some(placement) }))
    }

    async fn delete_placement(
        &self,
        request: Request<pb::DeletePlacementRequest>,
    ) -> Result<Response<pb::DeletePlacementResponse>, Status> {
        let request = valid(request)?;
        let deleted = self.0.shelf.placements.delete(&request.placement_id, &request.etag).await;
        answer(deleted.map(|()| pb::DeletePlacementResponse {}))
    }

    async fn create_policy(
        &self,
        request: Request<pb::CreatePolicyRequest>,
    ) -> Result<Response<pb::CreatePolicyResponse>, Status> {
        let pb::CreatePolicyRequest { policy, request_id } = request.into_inner();
        let policy = self.0.shelf.policies.create(policy, &request_id, self.0.clock.now()).await;
        answer(policy.map(|policy| pb::CreatePolicyResponse { policy: Some(policy) }))
    }

    async fn get_policy(
        &self,
        request: Request<pb::GetPolicyRequest>,
    ) -> Result<Response<pb::GetPolicyResponse>, Status> {
        let policy = self.0.shelf.policies.get(&valid(request)?.policy_id).await;
        answer(policy.map(|policy| pb::GetPolicyResponse { policy: Some(policy) }))
    }

    async fn list_policies(
        &self,
        request: Request<pb::ListPoliciesRequest>,
    ) -> Result<Response<pb::ListPoliciesResponse>, Status> {
        let request = valid(request)?;
        let page = self.0.shelf.policies.list(request.page_size, &request.page_token).await;
        answer(
            page.map(|page| pb::ListPoliciesResponse { policies: page.items, next_page_token: page.next_page_token }),
        )
    }

    async fn update_policy(
        &self,
        request: Request<pb::UpdatePolicyRequest>,
    ) -> Result<Response<pb::UpdatePolicyResponse>, Status> {
        let pb::UpdatePolicyRequest { policy, update_mask } = request.into_inner();
        let policy = self.0.shelf.policies.update(policy, update_mask, self.0.clock.now()).await;
        answer(policy.map(|policy| pb::UpdatePolicyResponse { policy: Some(policy) }))
    }

    async fn delete_policy(
        &self,
        request: Request<pb::DeletePolicyRequest>,
    ) -> Result<Response<pb::DeletePolicyResponse>, Status> {
        let request = valid(request)?;
        let deleted = self.0.shelf.policies.delete(&request.policy_id, &request.etag).await;
        answer(deleted.map(|()| pb::DeletePolicyResponse {}))
    }
}
