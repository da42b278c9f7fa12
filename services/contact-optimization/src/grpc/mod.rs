//! The contract `attune.contact.v1`: validate, convert, call, convert.

mod admission;
mod campaigns;
mod convert;
mod optimize;
mod policies;

use std::sync::Arc;

use attune_kernel::{Problem, Timestamp};
use attune_proto::contact::v1::contact_service_server::ContactService;
use attune_proto::contact::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::{Compiled, Crud, Resource as _, Writes};
use attune_service_kit::request::valid;
use attune_service_kit::status::to_status;
use attune_storage::Resources;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::config::Config;
use crate::domain::policy::PolicySet;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::Store;
use campaigns::Campaigns;
use policies::ContactPolicies;

/// The service behind the contract.
pub(crate) struct Contacts {
    config: Config,
    store: Arc<dyn Store>,
    policies: Compiled<PolicySet>,
    contact_policies: Crud<ContactPolicies>,
    campaigns: Crud<Campaigns>,
    runs: Arc<Semaphore>,
    clock: Clock,
    ids: IdSource,
    metrics: Metrics,
}

impl Contacts {
    pub(crate) fn new(
        config: Config,
        store: Arc<dyn Store>,
        resources: Arc<dyn Resources>,
        clock: Clock,
        ids: IdSource,
    ) -> Self {
        let writes = Writes::default();
        let kinds = [ContactPolicies::KIND];
        Self {
            policies: Compiled::new(Arc::clone(&resources), writes.clone(), &kinds, policies::compile),
            contact_policies: Crud::new(Arc::clone(&resources), writes.clone()),
            campaigns: Crud::new(resources, writes),
            runs: Arc::new(Semaphore::new(config.max_concurrent_runs)),
            metrics: Metrics::new(),
            config,
            store,
            clock,
            ids,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn answer<T>(result: Result<T, Error>) -> Result<Response<T>, Status> {
    Ok(Response::new(result?))
}

fn resource<M, T>(result: Result<M, Problem>, wrap: impl FnOnce(M) -> T) -> Result<Response<T>, Status> {
    result.map(|message| Response::new(wrap(message))).map_err(to_status)
}

#[tonic::async_trait]
impl ContactService for Contacts {
    async fn admit(&self, request: Request<AdmitRequest>) -> Result<Response<AdmitResponse>, Status> {
        answer(self.admit(valid(request)?).await)
    }

    async fn release_reservations(
        &self,
        request: Request<ReleaseReservationsRequest>,
    ) -> Result<Response<ReleaseReservationsResponse>, Status> {
        answer(self.release(valid(request)?).await)
    }

    async fn record_contact(
        &self,
        request: Request<RecordContactRequest>,
    ) -> Result<Response<RecordContactResponse>, Status> {
        answer(self.record(valid(request)?).await)
    }

    async fn list_contacts(
        &self,
        request: Request<ListContactsRequest>,
    ) -> Result<Response<ListContactsResponse>, Status> {
        answer(self.list(valid(request)?).await)
    }

    async fn apply_person_change(
        &self,
        request: Request<ApplyPersonChangeRequest>,
    ) -> Result<Response<ApplyPersonChangeResponse>, Status> {
        answer(self.apply(valid(request)?).await)
    }

    type OptimizeStream = ReceiverStream<Result<OptimizeResponse, Status>>;

    async fn optimize(
        &self,
        request: Request<Streaming<OptimizeRequest>>,
    ) -> Result<Response<Self::OptimizeStream>, Status> {
        Ok(Response::new(self.start_run(request.into_inner())?))
    }

    async fn create_contact_policy(
        &self,
        request: Request<CreateContactPolicyRequest>,
    ) -> Result<Response<CreateContactPolicyResponse>, Status> {
        let request = valid(request)?;
        let made = self.contact_policies.create(request.contact_policy, &request.request_id, self.now()).await;
        resource(made, |policy| CreateContactPolicyResponse { contact_policy: Some(policy) })
    }

    async fn get_contact_policy(
        &self,
        request: Request<GetContactPolicyRequest>,
    ) -> Result<Response<GetContactPolicyResponse>, Status> {
        let found = self.contact_policies.get(&valid(request)?.contact_policy_id).await;
        resource(found, |policy| GetContactPolicyResponse { contact_policy: Some(policy) })
    }

    async fn list_contact_policies(
        &self,
        request: Request<ListContactPoliciesRequest>,
    ) -> Result<Response<ListContactPoliciesResponse>, Status> {
        let request = valid(request)?;
        let page = self.contact_policies.list(request.page_size, &request.page_token).await;
        resource(page, |page| ListContactPoliciesResponse {
            contact_policies: page.items,
            next_page_token: page.next_page_token,
        })
    }

    async fn update_contact_policy(
        &self,
        request: Request<UpdateContactPolicyRequest>,
    ) -> Result<Response<UpdateContactPolicyResponse>, Status> {
        let request = request.into_inner();
        let changed = self.contact_policies.update(request.contact_policy, request.update_mask, self.now()).await;
        resource(changed, |policy| UpdateContactPolicyResponse { contact_policy: Some(policy) })
    }

    async fn delete_contact_policy(
        &self,
        request: Request<DeleteContactPolicyRequest>,
    ) -> Result<Response<DeleteContactPolicyResponse>, Status> {
        let request = valid(request)?;
        let gone = self.contact_policies.delete(&request.contact_policy_id, &request.etag).await;
        resource(gone, |()| DeleteContactPolicyResponse {})
    }

    async fn create_campaign(
        &self,
        request: Request<CreateCampaignRequest>,
    ) -> Result<Response<CreateCampaignResponse>, Status> {
        let request = valid(request)?;
        let made = self.new_campaign(request).await;
        answer(made.map(|campaign| CreateCampaignResponse { campaign: Some(campaign) }))
    }

    async fn get_campaign(
        &self,
        request: Request<GetCampaignRequest>,
    ) -> Result<Response<GetCampaignResponse>, Status> {
        let found = self.campaigns.get(&valid(request)?.campaign_id).await;
        resource(found, |campaign| GetCampaignResponse { campaign: Some(campaign) })
    }

    async fn list_campaigns(
        &self,
        request: Request<ListCampaignsRequest>,
    ) -> Result<Response<ListCampaignsResponse>, Status> {
        let request = valid(request)?;
        let page = self.campaigns.list(request.page_size, &request.page_token).await;
        resource(page, |page| ListCampaignsResponse { campaigns: page.items, next_page_token: page.next_page_token })
    }

    async fn update_campaign(
        &self,
        request: Request<UpdateCampaignRequest>,
    ) -> Result<Response<UpdateCampaignResponse>, Status> {
        let changed = self.change_campaign(request.into_inner()).await;
        answer(changed.map(|campaign| UpdateCampaignResponse { campaign: Some(campaign) }))
    }

    async fn delete_campaign(
        &self,
        request: Request<DeleteCampaignRequest>,
    ) -> Result<Response<DeleteCampaignResponse>, Status> {
        let request = valid(request)?;
        resource(self.campaigns.delete(&request.campaign_id, &request.etag).await, |()| DeleteCampaignResponse {})
    }
}
