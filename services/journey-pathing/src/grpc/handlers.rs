//! One line a method: check the field rules, call, answer.

use attune_proto::journey::v1 as pb;
use attune_proto::journey::v1::journey_service_server::JourneyService;
use attune_service_kit::request::valid;
use tonic::{Request, Response, Status};

use super::convert::{person_change, stamp};
use super::stream::Entries;
use super::trying::templates;
use super::{Journey, status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl JourneyService for Journey {
    type StreamTriggersStream = Entries;

    async fn observe(&self, request: Request<pb::ObserveRequest>) -> Answer<pb::ObserveResponse> {
        // Items are checked one by one: a bad one does not concern the others.
        Ok(Response::new(self.observe_all(request.into_inner()).await.map_err(status)?))
    }

    async fn run_funnel(&self, request: Request<pb::RunFunnelRequest>) -> Answer<pb::RunFunnelResponse> {
        Ok(Response::new(self.funnel(valid(request)?).await.map_err(status)?))
    }

    async fn run_sessions(&self, request: Request<pb::RunSessionsRequest>) -> Answer<pb::RunSessionsResponse> {
        Ok(Response::new(self.sessions(valid(request)?).await.map_err(status)?))
    }

    async fn run_paths(&self, request: Request<pb::RunPathsRequest>) -> Answer<pb::RunPathsResponse> {
        Ok(Response::new(self.paths(valid(request)?).await.map_err(status)?))
    }

    async fn match_pattern(&self, request: Request<pb::MatchPatternRequest>) -> Answer<pb::MatchPatternResponse> {
        Ok(Response::new(self.matches(valid(request)?).await.map_err(status)?))
    }

    async fn get_graph(&self, request: Request<pb::GetGraphRequest>) -> Answer<pb::GetGraphResponse> {
        Ok(Response::new(self.graph(valid(request)?).await.map_err(status)?))
    }

    async fn stream_triggers(&self, request: Request<pb::StreamTriggersRequest>) -> Answer<Self::StreamTriggersStream> {
        Ok(Response::new(self.open_feed(valid(request)?).await.map_err(status)?))
    }

    async fn ack_triggers(&self, request: Request<pb::AckTriggersRequest>) -> Answer<pb::AckTriggersResponse> {
        Ok(Response::new(self.ack(valid(request)?).await.map_err(status)?))
    }

    async fn get_journey_state(
        &self,
        request: Request<pb::GetJourneyStateRequest>,
    ) -> Answer<pb::GetJourneyStateResponse> {
        let stages = self.store.stages(valid(request)?.person_id).await.map_err(status)?;
        let book = self.book.get().await.map_err(status)?;
        // What a person did in a journey that is gone is forgotten with the next event, and not told meanwhile.
        let known = |id: &str| book.journeys.iter().any(|journey| journey.id == id);
        let states = stages.into_iter().filter(|(journey, _)| known(journey));
        let states = states.filter_map(|(journey_id, state)| {
            let standing = state.stage?;
            Some(pb::JourneyState { journey_id, stage: standing.stage, enter_time: Some(stamp(standing.since)) })
        });
        Ok(Response::new(pb::GetJourneyStateResponse { states: states.collect() }))
    }

    async fn apply_person_change(
        &self,
        request: Request<pb::ApplyPersonChangeRequest>,
    ) -> Answer<pb::ApplyPersonChangeResponse> {
        let (offset, change) = person_change(valid(request)?.change).map_err(status)?;
        let book = self.book.get().await.map_err(status)?;
        let applied = self.store.apply(&book, offset, change, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::ApplyPersonChangeResponse { applied }))
    }

    async fn create_journey(&self, request: Request<pb::CreateJourneyRequest>) -> Answer<pb::CreateJourneyResponse> {
        let pb::CreateJourneyRequest { journey, request_id } = valid(request)?;
        let journey = self.journeys.create(journey, &request_id, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::CreateJourneyResponse { journey: Some(journey) }))
    }

    async fn get_journey(&self, request: Request<pb::GetJourneyRequest>) -> Answer<pb::GetJourneyResponse> {
        let journey = self.journeys.get(&valid(request)?.journey_id).await.map_err(status)?;
        Ok(Response::new(pb::GetJourneyResponse { journey: Some(journey) }))
    }

    async fn list_journeys(&self, request: Request<pb::ListJourneysRequest>) -> Answer<pb::ListJourneysResponse> {
        let request = valid(request)?;
        let page = self.journeys.list(request.page_size, &request.page_token).await.map_err(status)?;
        Ok(Response::new(pb::ListJourneysResponse { journeys: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_journey(&self, request: Request<pb::UpdateJourneyRequest>) -> Answer<pb::UpdateJourneyResponse> {
        // The fields that the mask leaves out need not be there, so the whole is checked after the change.
        let pb::UpdateJourneyRequest { journey, update_mask } = request.into_inner();
        let journey = self.journeys.update(journey, update_mask, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::UpdateJourneyResponse { journey: Some(journey) }))
    }

    async fn delete_journey(&self, request: Request<pb::DeleteJourneyRequest>) -> Answer<pb::DeleteJourneyResponse> {
        let request = valid(request)?;
        self.journeys.delete(&request.journey_id, &request.etag).await.map_err(status)?;
        Ok(Response::new(pb::DeleteJourneyResponse {}))
    }

    async fn create_trigger_rule_set(
        &self,
        request: Request<pb::CreateTriggerRuleSetRequest>,
    ) -> Answer<pb::CreateTriggerRuleSetResponse> {
        let pb::CreateTriggerRuleSetRequest { trigger_rule_set, request_id } = valid(request)?;
        let set = self.rule_sets.create(trigger_rule_set, &request_id, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::CreateTriggerRuleSetResponse { trigger_rule_set: Some(set) }))
    }

    async fn get_trigger_rule_set(
        &self,
        request: Request<pb::GetTriggerRuleSetRequest>,
    ) -> Answer<pb::GetTriggerRuleSetResponse> {
        let set = self.rule_sets.get(&valid(request)?.trigger_rule_set_id).await.map_err(status)?;
        Ok(Response::new(pb::GetTriggerRuleSetResponse { trigger_rule_set: Some(set) }))
    }

    async fn list_trigger_rule_sets(
        &self,
        request: Request<pb::ListTriggerRuleSetsRequest>,
    ) -> Answer<pb::ListTriggerRuleSetsResponse> {
        let request = valid(request)?;
        let page = self.rule_sets.list(request.page_size, &request.page_token).await.map_err(status)?;
        let next_page_token = page.next_page_token;
        Ok(Response::new(pb::ListTriggerRuleSetsResponse { trigger_rule_sets: page.items, next_page_token }))
    }

    async fn update_trigger_rule_set(
        &self,
        request: Request<pb::UpdateTriggerRuleSetRequest>,
    ) -> Answer<pb::UpdateTriggerRuleSetResponse> {
        let pb::UpdateTriggerRuleSetRequest { trigger_rule_set, update_mask } = request.into_inner();
        let set = self.rule_sets.update(trigger_rule_set, update_mask, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::UpdateTriggerRuleSetResponse { trigger_rule_set: Some(set) }))
    }

    async fn delete_trigger_rule_set(
        &self,
        request: Request<pb::DeleteTriggerRuleSetRequest>,
    ) -> Answer<pb::DeleteTriggerRuleSetResponse> {
        let request = valid(request)?;
        self.rule_sets.delete(&request.trigger_rule_set_id, &request.etag).await.map_err(status)?;
        Ok(Response::new(pb::DeleteTriggerRuleSetResponse {}))
    }

    async fn validate_trigger_rule_set(
        &self,
        request: Request<pb::ValidateTriggerRuleSetRequest>,
    ) -> Answer<pb::ValidateTriggerRuleSetResponse> {
        Ok(Response::new(self.validate(valid(request)?).await.map_err(status)?))
    }

    async fn backtest_trigger_rule_set(
        &self,
        request: Request<pb::BacktestTriggerRuleSetRequest>,
    ) -> Answer<pb::BacktestTriggerRuleSetResponse> {
        Ok(Response::new(self.backtest(valid(request)?).await.map_err(status)?))
    }

    async fn list_trigger_rule_templates(
        &self,
        request: Request<pb::ListTriggerRuleTemplatesRequest>,
    ) -> Answer<pb::ListTriggerRuleTemplatesResponse> {
        valid(request)?;
        Ok(Response::new(templates().map_err(status)?))
    }
}
