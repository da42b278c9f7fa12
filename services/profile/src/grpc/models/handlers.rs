//! Every method of the contract.

use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::model_service_server::ModelService;
use attune_service_kit::request::valid;
use attune_service_kit::status::to_status;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Models;

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(result: Result<T, attune_kernel::Problem>) -> Answer<T> {
    result.map(Response::new).map_err(to_status)
}

#[tonic::async_trait]
impl ModelService for Models {
    async fn train_model(&self, request: Request<proto::TrainModelRequest>) -> Answer<proto::TrainModelResponse> {
        let begun = self.train(valid(request)?).await;
        answer(begun.map(|model| proto::TrainModelResponse { model: Some(model) }))
    }

    async fn cancel_training(
        &self,
        request: Request<proto::CancelTrainingRequest>,
    ) -> Answer<proto::CancelTrainingResponse> {
        let ended = self.cancel(&valid(request)?.model_id).await;
        answer(ended.map(|model| proto::CancelTrainingResponse { model: Some(model) }))
    }

    async fn get_model(&self, request: Request<proto::GetModelRequest>) -> Answer<proto::GetModelResponse> {
        let found = self.crud.get(&valid(request)?.model_id).await;
        answer(found.map(|model| proto::GetModelResponse { model: Some(model) }))
    }

    async fn list_models(&self, request: Request<proto::ListModelsRequest>) -> Answer<proto::ListModelsResponse> {
        let request = valid(request)?;
        let page = self.crud.list(request.page_size, &request.page_token).await;
        answer(page.map(|page| proto::ListModelsResponse { models: page.items, next_page_token: page.next_page_token }))
    }

    async fn delete_model(&self, request: Request<proto::DeleteModelRequest>) -> Answer<proto::DeleteModelResponse> {
        answer(self.drop_model(valid(request)?).await)
    }

    type ScorePersonsStream = BoxStream<'static, Result<proto::ScorePersonsResponse, Status>>;

    async fn score_persons(&self, request: Request<proto::ScorePersonsRequest>) -> Answer<Self::ScorePersonsStream> {
        answer(self.score(valid(request)?).await)
    }
}
