//! Every method of the contract.

use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::profile_service_server::ProfileService;
use attune_service_kit::crud::{PageToken, page_size};
use attune_service_kit::request::valid;
use attune_service_kit::status::to_status;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::{Profiles, convert};
use crate::error::Error;

type Answer<T> = Result<Response<T>, Status>;

fn answer<T, U>(result: Result<T, attune_kernel::Problem>, make: impl FnOnce(T) -> U) -> Answer<U> {
    result.map(|value| Response::new(make(value))).map_err(to_status)
}

impl Profiles {
    /// A segment with its member count, which is not stored with it.
    async fn counted(&self, mut segment: proto::Segment) -> Result<proto::Segment, attune_kernel::Problem> {
        let count = self.store.member_count(&segment.segment_id).await?;
        segment.member_count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(segment)
    }
}

#[tonic::async_trait]
impl ProfileService for Profiles {
    async fn append_events(&self, request: Request<proto::AppendEventsRequest>) -> Answer<proto::AppendEventsResponse> {
        answer(self.append(request.into_inner()).await, |appended| appended)
    }

    async fn get_profile(&self, request: Request<proto::GetProfileRequest>) -> Answer<proto::GetProfileResponse> {
        let request = valid(request)?;
        answer(self.snapshot(&request.person_id).await, |profile| proto::GetProfileResponse { profile: Some(profile) })
    }

    async fn batch_get_profiles(
        &self,
        request: Request<proto::BatchGetProfilesRequest>,
    ) -> Answer<proto::BatchGetProfilesResponse> {
        let request = valid(request)?;
        answer(self.snapshots(&request.person_ids).await, |profiles| proto::BatchGetProfilesResponse { profiles })
    }

    async fn update_profile(
        &self,
        request: Request<proto::UpdateProfileRequest>,
    ) -> Answer<proto::UpdateProfileResponse> {
        let request = valid(request)?;
        answer(self.update(request).await, |written| written)
    }

    async fn list_timeline(&self, request: Request<proto::ListTimelineRequest>) -> Answer<proto::ListTimelineResponse> {
        let request = valid(request)?;
        answer(self.timeline(request).await, |page| page)
    }

    async fn add_tag(&self, request: Request<proto::AddTagRequest>) -> Answer<proto::AddTagResponse> {
        let request = valid(request)?;
        answer(self.tag(&request.person_id, request.tag, Some(request.source)).await, |tags| proto::AddTagResponse {
            tags,
        })
    }

    async fn remove_tag(&self, request: Request<proto::RemoveTagRequest>) -> Answer<proto::RemoveTagResponse> {
        let request = valid(request)?;
        answer(self.tag(&request.person_id, request.tag, None).await, |tags| proto::RemoveTagResponse { tags })
    }

    async fn list_segment_members(
        &self,
        request: Request<proto::ListSegmentMembersRequest>,
    ) -> Answer<proto::ListSegmentMembersResponse> {
        let request = valid(request)?;
        let result = async {
            let known = self.rules.get().await?.segments().iter().any(|segment| segment.id() == request.segment_id);
            if !known {
                return Err(Error::NoSegment(request.segment_id).into());
            }
            let size = page_size(request.page_size)?;
            let after = PageToken::decode("member", &request.page_token)?;
            let after = after.as_ref().map(|token| token.after.as_str());
            let mut person_ids = self.store.members(&request.segment_id, after, size + 1).await?;
            let more = person_ids.len() > size;
            person_ids.truncate(size);
            let next_page_token = match person_ids.last() {
                Some(last) if more => PageToken::encode("member", last),
                _ => String::new(),
            };
            Ok(proto::ListSegmentMembersResponse { person_ids, next_page_token })
        };
        answer(result.await, |page| page)
    }

    async fn read_segment_changes(
        &self,
        request: Request<proto::ReadSegmentChangesRequest>,
    ) -> Answer<proto::ReadSegmentChangesResponse> {
        let request = valid(request)?;
        answer(self.moves(&request).await, |part| part)
    }

    async fn set_consent(&self, request: Request<proto::SetConsentRequest>) -> Answer<proto::SetConsentResponse> {
        let request = valid(request)?;
        answer(self.consent(request).await, |said| said)
    }

    async fn list_consents(&self, request: Request<proto::ListConsentsRequest>) -> Answer<proto::ListConsentsResponse> {
        let request = valid(request)?;
        answer(self.document(&request.person_id).await, |document| proto::ListConsentsResponse {
            consents: convert::consents(&document),
        })
    }

    async fn may_contact(&self, request: Request<proto::MayContactRequest>) -> Answer<proto::MayContactResponse> {
        let request = valid(request)?;
        answer(Self::may_contact(self, &request).await, |said| said)
    }

    type ExportPersonStream = BoxStream<'static, Result<proto::ExportPersonResponse, Status>>;

    async fn export_person(&self, request: Request<proto::ExportPersonRequest>) -> Answer<Self::ExportPersonStream> {
        let request = valid(request)?;
        answer(self.export(&request.person_id).await, |sections| sections)
    }

    async fn erase_person(&self, request: Request<proto::ErasePersonRequest>) -> Answer<proto::ErasePersonResponse> {
        let request = valid(request)?;
        answer(self.erase(&request).await, |done| proto::ErasePersonResponse {
            events_removed: i64::try_from(done.events).unwrap_or(i64::MAX),
            values_removed: i64::try_from(done.values).unwrap_or(i64::MAX),
        })
    }

    async fn apply_person_change(
        &self,
        request: Request<proto::ApplyPersonChangeRequest>,
    ) -> Answer<proto::ApplyPersonChangeResponse> {
        let request = valid(request)?;
        answer(self.apply(request).await, |applied| proto::ApplyPersonChangeResponse { applied })
    }

    async fn create_segment(
        &self,
        request: Request<proto::CreateSegmentRequest>,
    ) -> Answer<proto::CreateSegmentResponse> {
        let request = valid(request)?;
        let crud = self.checked_segments(None).await.map_err(to_status)?;
        let created = crud.create(request.segment, &request.request_id, self.clock.now()).await;
        answer(created, |segment| proto::CreateSegmentResponse { segment: Some(segment) })
    }

    async fn get_segment(&self, request: Request<proto::GetSegmentRequest>) -> Answer<proto::GetSegmentResponse> {
        let request = valid(request)?;
        let segment = self.crud.get(&request.segment_id).await.map_err(to_status)?;
        answer(self.counted(segment).await, |segment| proto::GetSegmentResponse { segment: Some(segment) })
    }

    async fn list_segments(&self, request: Request<proto::ListSegmentsRequest>) -> Answer<proto::ListSegmentsResponse> {
        let request = valid(request)?;
        let page = self.crud.list(request.page_size, &request.page_token).await.map_err(to_status)?;
        let mut segments = Vec::with_capacity(page.items.len());
        for segment in page.items {
            segments.push(self.counted(segment).await.map_err(to_status)?);
        }
        Ok(Response::new(proto::ListSegmentsResponse { segments, next_page_token: page.next_page_token }))
    }

    async fn update_segment(
        &self,
        request: Request<proto::UpdateSegmentRequest>,
    ) -> Answer<proto::UpdateSegmentResponse> {
        // A partial resource is checked whole, after the mask.
        let request = request.into_inner();
        let known = request.segment.as_ref().map(|one| one.segment_id.as_str());
        let crud = self.checked_segments(known).await.map_err(to_status)?;
        let updated = crud.update(request.segment, request.update_mask, self.clock.now()).await;
        answer(updated, |segment| proto::UpdateSegmentResponse { segment: Some(segment) })
    }

    async fn delete_segment(
        &self,
        request: Request<proto::DeleteSegmentRequest>,
    ) -> Answer<proto::DeleteSegmentResponse> {
        let request = valid(request)?;
        answer(self.crud.delete(&request.segment_id, &request.etag).await, |()| proto::DeleteSegmentResponse {})
    }

    async fn create_attribute_definition(
        &self,
        request: Request<proto::CreateAttributeDefinitionRequest>,
    ) -> Answer<proto::CreateAttributeDefinitionResponse> {
        let request = valid(request)?;
        let created = self.attributes.create(request, self.clock.now()).await;
        answer(created, |one| proto::CreateAttributeDefinitionResponse { attribute_definition: Some(one) })
    }

    async fn get_attribute_definition(
        &self,
        request: Request<proto::GetAttributeDefinitionRequest>,
    ) -> Answer<proto::GetAttributeDefinitionResponse> {
        let request = valid(request)?;
        let read = self.attributes.get(&request.attribute_id).await;
        answer(read, |one| proto::GetAttributeDefinitionResponse { attribute_definition: Some(one) })
    }

    async fn list_attribute_definitions(
        &self,
        request: Request<proto::ListAttributeDefinitionsRequest>,
    ) -> Answer<proto::ListAttributeDefinitionsResponse> {
        let request = valid(request)?;
        answer(self.attributes.list(&request).await, |page| page)
    }

    async fn update_attribute_definition(
        &self,
        request: Request<proto::UpdateAttributeDefinitionRequest>,
    ) -> Answer<proto::UpdateAttributeDefinitionResponse> {
        // A partial resource is checked whole, after the mask.
        let updated = self.attributes.update(request.into_inner(), self.clock.now()).await;
        answer(updated, |one| proto::UpdateAttributeDefinitionResponse { attribute_definition: Some(one) })
    }

    async fn list_aside_values(
        &self,
        request: Request<proto::ListAsideValuesRequest>,
    ) -> Answer<proto::ListAsideValuesResponse> {
        let request = valid(request)?;
        answer(self.aside_values(&request.person_id).await, |values| proto::ListAsideValuesResponse { values })
    }

    async fn confirm_consent(
        &self,
        request: Request<proto::ConfirmConsentRequest>,
    ) -> Answer<proto::ConfirmConsentResponse> {
        let request = valid(request)?;
        answer(self.confirm(request).await, |consents| proto::ConfirmConsentResponse { consents })
    }

    async fn set_quiet_preference(
        &self,
        request: Request<proto::SetQuietPreferenceRequest>,
    ) -> Answer<proto::SetQuietPreferenceResponse> {
        let request = valid(request)?;
        answer(self.set_quiet(request).await, |quiet_preference| proto::SetQuietPreferenceResponse { quiet_preference })
    }

    async fn import_suppressions(
        &self,
        request: Request<proto::ImportSuppressionsRequest>,
    ) -> Answer<proto::ImportSuppressionsResponse> {
        answer(self.suppress(request.into_inner()).await, |done| done)
    }

    async fn write_scores(&self, request: Request<proto::WriteScoresRequest>) -> Answer<proto::WriteScoresResponse> {
        answer(Self::write_scores(self, request.into_inner()).await, |done| done)
    }

    async fn replay_session(
        &self,
        request: Request<proto::ReplaySessionRequest>,
    ) -> Answer<proto::ReplaySessionResponse> {
        let request = valid(request)?;
        answer(self.replay(request).await, |session| session)
    }

    async fn create_event_kind(
        &self,
        request: Request<proto::CreateEventKindRequest>,
    ) -> Answer<proto::CreateEventKindResponse> {
        let request = valid(request)?;
        let created = self.kinds.create(request.event_kind, &request.request_id, self.clock.now()).await;
        answer(created, |one| proto::CreateEventKindResponse { event_kind: Some(one) })
    }

    async fn get_event_kind(
        &self,
        request: Request<proto::GetEventKindRequest>,
    ) -> Answer<proto::GetEventKindResponse> {
        let request = valid(request)?;
        let read = self.kinds.get(&request.event_kind_id).await;
        answer(read, |one| proto::GetEventKindResponse { event_kind: Some(one) })
    }

    async fn list_event_kinds(
        &self,
        request: Request<proto::ListEventKindsRequest>,
    ) -> Answer<proto::ListEventKindsResponse> {
        let request = valid(request)?;
        let page = self.kinds.list(request.page_size, &request.page_token).await;
        answer(page, |page| proto::ListEventKindsResponse {
            event_kinds: page.items,
            next_page_token: page.next_page_token,
        })
    }

    async fn update_event_kind(
        &self,
        request: Request<proto::UpdateEventKindRequest>,
    ) -> Answer<proto::UpdateEventKindResponse> {
        // A partial resource is checked whole, after the mask.
        let request = request.into_inner();
        let updated = self.kinds.update(request.event_kind, request.update_mask, self.clock.now()).await;
        answer(updated, |one| proto::UpdateEventKindResponse { event_kind: Some(one) })
    }

    async fn delete_event_kind(
        &self,
        request: Request<proto::DeleteEventKindRequest>,
    ) -> Answer<proto::DeleteEventKindResponse> {
        let request = valid(request)?;
        let deleted = self.kinds.delete(&request.event_kind_id, &request.etag).await;
        answer(deleted, |()| proto::DeleteEventKindResponse {})
    }

    async fn create_tag_definition(
        &self,
        request: Request<proto::CreateTagDefinitionRequest>,
    ) -> Answer<proto::CreateTagDefinitionResponse> {
        let request = valid(request)?;
        let created = self.create_tag(request).await;
        answer(created, |one| proto::CreateTagDefinitionResponse { tag_definition: Some(one) })
    }

    async fn get_tag_definition(
        &self,
        request: Request<proto::GetTagDefinitionRequest>,
    ) -> Answer<proto::GetTagDefinitionResponse> {
        let request = valid(request)?;
        let read = self.tags.crud.get(&request.tag_id).await;
        answer(read, |one| proto::GetTagDefinitionResponse { tag_definition: Some(one) })
    }

    async fn list_tag_definitions(
        &self,
        request: Request<proto::ListTagDefinitionsRequest>,
    ) -> Answer<proto::ListTagDefinitionsResponse> {
        let request = valid(request)?;
        let page = self.tags.crud.list(request.page_size, &request.page_token).await;
        answer(page, |page| proto::ListTagDefinitionsResponse {
            tag_definitions: page.items,
            next_page_token: page.next_page_token,
        })
    }

    async fn update_tag_definition(
        &self,
        request: Request<proto::UpdateTagDefinitionRequest>,
    ) -> Answer<proto::UpdateTagDefinitionResponse> {
        // A partial resource is checked whole, after the mask.
        let updated = self.update_tag(request.into_inner()).await;
        answer(updated, |one| proto::UpdateTagDefinitionResponse { tag_definition: Some(one) })
    }

    async fn list_tag_categories(
        &self,
        request: Request<proto::ListTagCategoriesRequest>,
    ) -> Answer<proto::ListTagCategoriesResponse> {
        let _ = valid(request)?;
        answer(self.tags.categories().await, |categories| proto::ListTagCategoriesResponse { categories })
    }

    async fn install_tag_library(
        &self,
        request: Request<proto::InstallTagLibraryRequest>,
    ) -> Answer<proto::InstallTagLibraryResponse> {
        let request = valid(request)?;
        answer(self.tags.install(&request, self.clock.now()).await, |done| done)
    }

    async fn list_tag_history(
        &self,
        request: Request<proto::ListTagHistoryRequest>,
    ) -> Answer<proto::ListTagHistoryResponse> {
        let request = valid(request)?;
        answer(self.document(&request.person_id).await, |document| proto::ListTagHistoryResponse {
            stays: super::tags::stays(&document),
        })
    }

    async fn read_tag_changes(
        &self,
        request: Request<proto::ReadTagChangesRequest>,
    ) -> Answer<proto::ReadTagChangesResponse> {
        let request = valid(request)?;
        answer(self.tag_moves(&request).await, |part| part)
    }

    async fn create_trait_definition(
        &self,
        request: Request<proto::CreateTraitDefinitionRequest>,
    ) -> Answer<proto::CreateTraitDefinitionResponse> {
        let created = self.traits.create(valid(request)?, self.clock.now()).await;
        answer(created, |one| proto::CreateTraitDefinitionResponse { trait_definition: Some(one) })
    }

    async fn get_trait_definition(
        &self,
        request: Request<proto::GetTraitDefinitionRequest>,
    ) -> Answer<proto::GetTraitDefinitionResponse> {
        let request = valid(request)?;
        let read = self.traits.get(&request.trait_id).await;
        answer(read, |one| proto::GetTraitDefinitionResponse { trait_definition: Some(one) })
    }

    async fn list_trait_definitions(
        &self,
        request: Request<proto::ListTraitDefinitionsRequest>,
    ) -> Answer<proto::ListTraitDefinitionsResponse> {
        let request = valid(request)?;
        answer(self.list_traits(&request).await, |page| page)
    }

    async fn update_trait_definition(
        &self,
        request: Request<proto::UpdateTraitDefinitionRequest>,
    ) -> Answer<proto::UpdateTraitDefinitionResponse> {
        // A partial resource is checked whole, after the mask.
        let updated = self.traits.update(request.into_inner(), self.clock.now()).await;
        answer(updated, |one| proto::UpdateTraitDefinitionResponse { trait_definition: Some(one) })
    }

    async fn delete_trait_definition(
        &self,
        request: Request<proto::DeleteTraitDefinitionRequest>,
    ) -> Answer<proto::DeleteTraitDefinitionResponse> {
        let request = valid(request)?;
        answer(self.traits.delete(&request).await, |()| proto::DeleteTraitDefinitionResponse {})
    }

    async fn install_trait_library(
        &self,
        request: Request<proto::InstallTraitLibraryRequest>,
    ) -> Answer<proto::InstallTraitLibraryResponse> {
        let request = valid(request)?;
        answer(self.traits.install(&request.library, self.clock.now()).await, |done| done)
    }
}
