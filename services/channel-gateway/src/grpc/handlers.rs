//! One handler an RPC.

use attune_kernel::Problem;
use attune_proto::channel::v1 as pb;
use attune_proto::channel::v1::channel_service_server::ChannelService;
use attune_service_kit::request::valid;
use tonic::{Request, Response, Status};

use super::{Gateway, convert, status};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ChannelService for Gateway {
    async fn collect(&self, request: Request<pb::CollectRequest>) -> Answer<pb::CollectResponse> {
        // Each event is judged for itself, so the request as a whole is not.
        let events = request.into_inner().events.into_iter().map(Ok).collect();
        Ok(Response::new(self.accept(events).await.map_err(status)?))
    }

    async fn send(&self, request: Request<pb::SendRequest>) -> Answer<pb::SendResponse> {
        Ok(Response::new(self.send_one(valid(request)?).await.map_err(status)?))
    }

    async fn get_delivery(&self, request: Request<pb::GetDeliveryRequest>) -> Answer<pb::GetDeliveryResponse> {
        let found = self.delivery(&valid(request)?.delivery_id).await.map_err(status)?;
        Ok(Response::new(pb::GetDeliveryResponse { delivery: Some(convert::delivery(found)) }))
    }

    async fn list_deliveries(&self, request: Request<pb::ListDeliveriesRequest>) -> Answer<pb::ListDeliveriesResponse> {
        Ok(Response::new(self.deliveries(valid(request)?).await.map_err(status)?))
    }

    async fn record_receipt(&self, request: Request<pb::RecordReceiptRequest>) -> Answer<pb::RecordReceiptResponse> {
        let message = valid(request)?;
        let missing = || status(Problem::invalid_field("receipt", "must be set"));
        let new = self.receive(&message.delivery_id, message.receipt.ok_or_else(missing)?).await.map_err(status)?;
        Ok(Response::new(pb::RecordReceiptResponse { duplicate: !new }))
    }

    async fn list_leads(&self, request: Request<pb::ListLeadsRequest>) -> Answer<pb::ListLeadsResponse> {
        Ok(Response::new(self.leads(valid(request)?).await.map_err(status)?))
    }

    async fn claim_lead(&self, request: Request<pb::ClaimLeadRequest>) -> Answer<pb::ClaimLeadResponse> {
        let lead = self.claim(valid(request)?).await.map_err(status)?;
        Ok(Response::new(pb::ClaimLeadResponse { lead: Some(lead) }))
    }

    async fn close_lead(&self, request: Request<pb::CloseLeadRequest>) -> Answer<pb::CloseLeadResponse> {
        let lead = self.close(valid(request)?).await.map_err(status)?;
        Ok(Response::new(pb::CloseLeadResponse { lead: Some(lead) }))
    }

    async fn get_pipeline(&self, request: Request<pb::GetPipelineRequest>) -> Answer<pb::GetPipelineResponse> {
        valid(request)?;
        Ok(Response::new(self.pipeline().await.map_err(status)?))
    }

    async fn create_channel(&self, request: Request<pb::CreateChannelRequest>) -> Answer<pb::CreateChannelResponse> {
        let message = request.into_inner();
        let made =
            self.channels.create(message.channel, &message.request_id, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::CreateChannelResponse { channel: Some(made) }))
    }

    async fn get_channel(&self, request: Request<pb::GetChannelRequest>) -> Answer<pb::GetChannelResponse> {
        let found = self.channels.get(&valid(request)?.channel_id).await.map_err(status)?;
        Ok(Response::new(pb::GetChannelResponse { channel: Some(found) }))
    }

    async fn list_channels(&self, request: Request<pb::ListChannelsRequest>) -> Answer<pb::ListChannelsResponse> {
        let message = valid(request)?;
        let page = self.channels.list(message.page_size, &message.page_token).await.map_err(status)?;
        Ok(Response::new(pb::ListChannelsResponse { channels: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_channel(&self, request: Request<pb::UpdateChannelRequest>) -> Answer<pb::UpdateChannelResponse> {
        let message = request.into_inner();
        let made =
            self.channels.update(message.channel, message.update_mask, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::UpdateChannelResponse { channel: Some(made) }))
    }

    async fn delete_channel(&self, request: Request<pb::DeleteChannelRequest>) -> Answer<pb::DeleteChannelResponse> {
        let message = valid(request)?;
        self.channels.delete(&message.channel_id, &message.etag).await.map_err(status)?;
        Ok(Response::new(pb::DeleteChannelResponse {}))
    }

    async fn create_template(&self, request: Request<pb::CreateTemplateRequest>) -> Answer<pb::CreateTemplateResponse> {
        let message = request.into_inner();
        let made =
            self.templates.create(message.template, &message.request_id, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::CreateTemplateResponse { template: Some(made) }))
    }

    async fn get_template(&self, request: Request<pb::GetTemplateRequest>) -> Answer<pb::GetTemplateResponse> {
        let found = self.templates.get(&valid(request)?.template_id).await.map_err(status)?;
        Ok(Response::new(pb::GetTemplateResponse { template: Some(found) }))
    }

    async fn list_templates(&self, request: Request<pb::ListTemplatesRequest>) -> Answer<pb::ListTemplatesResponse> {
        let message = valid(request)?;
        let page = self.templates.list(message.page_size, &message.page_token).await.map_err(status)?;
        Ok(Response::new(pb::ListTemplatesResponse { templates: page.items, next_page_token: page.next_page_token }))
    }

    async fn update_template(&self, request: Request<pb::UpdateTemplateRequest>) -> Answer<pb::UpdateTemplateResponse> {
        let message = request.into_inner();
        let made =
            self.templates.update(message.template, message.update_mask, self.clock.now()).await.map_err(status)?;
        Ok(Response::new(pb::UpdateTemplateResponse { template: Some(made) }))
    }

    async fn delete_template(&self, request: Request<pb::DeleteTemplateRequest>) -> Answer<pb::DeleteTemplateResponse> {
        let message = valid(request)?;
        self.templates.delete(&message.template_id, &message.etag).await.map_err(status)?;
        Ok(Response::new(pb::DeleteTemplateResponse {}))
    }
}
