//! Every method of the contract.

use attune_proto::profile::v1 as proto;
use attune_proto::profile::v1::audience_service_server::AudienceService;
use attune_service_kit::request::valid;
use attune_service_kit::status::to_status;
use futures::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Audiences;

type Answer<T> = Result<Response<T>, Status>;

fn answer<T>(result: Result<T, attune_kernel::Problem>) -> Answer<T> {
    result.map(Response::new).map_err(to_status)
}

#[tonic::async_trait]
impl AudienceService for Audiences {
    async fn get_audience(&self, request: Request<proto::GetAudienceRequest>) -> Answer<proto::GetAudienceResponse> {
        let _ = valid(request)?;
        answer(self.standing().await)
    }

    async fn preview_segment(
        &self,
        request: Request<proto::PreviewSegmentRequest>,
    ) -> Answer<proto::PreviewSegmentResponse> {
        answer(self.preview(valid(request)?).await)
    }

    async fn compare_segments(
        &self,
        request: Request<proto::CompareSegmentsRequest>,
    ) -> Answer<proto::CompareSegmentsResponse> {
        answer(self.compare(valid(request)?).await)
    }

    async fn get_segment_overlap(
        &self,
        request: Request<proto::GetSegmentOverlapRequest>,
    ) -> Answer<proto::GetSegmentOverlapResponse> {
        answer(self.overlap(valid(request)?).await)
    }

    async fn find_lookalikes(
        &self,
        request: Request<proto::FindLookalikesRequest>,
    ) -> Answer<proto::FindLookalikesResponse> {
        answer(self.lookalikes(valid(request)?).await)
    }

    async fn split_persons(&self, request: Request<proto::SplitPersonsRequest>) -> Answer<proto::SplitPersonsResponse> {
        answer(self.split(valid(request)?).await)
    }

    type ExportAudienceStream = BoxStream<'static, Result<proto::ExportAudienceResponse, Status>>;

    async fn export_audience(
        &self,
        request: Request<proto::ExportAudienceRequest>,
    ) -> Answer<Self::ExportAudienceStream> {
        answer(self.export(valid(request)?).await)
    }

    type StreamSegmentMembersAtStream = BoxStream<'static, Result<proto::StreamSegmentMembersAtResponse, Status>>;

    async fn stream_segment_members_at(
        &self,
        request: Request<proto::StreamSegmentMembersAtRequest>,
    ) -> Answer<Self::StreamSegmentMembersAtStream> {
        answer(self.members_at(valid(request)?).await)
    }

    async fn create_segment_snapshot(
        &self,
        request: Request<proto::CreateSegmentSnapshotRequest>,
    ) -> Answer<proto::CreateSegmentSnapshotResponse> {
        let taken = self.take(valid(request)?).await;
        answer(taken.map(|one| proto::CreateSegmentSnapshotResponse { segment_snapshot: Some(one) }))
    }

    async fn get_segment_snapshot(
        &self,
        request: Request<proto::GetSegmentSnapshotRequest>,
    ) -> Answer<proto::GetSegmentSnapshotResponse> {
        let read = self.snapshot(&valid(request)?.snapshot_id).await;
        answer(read.map(|one| proto::GetSegmentSnapshotResponse { segment_snapshot: Some(one) }))
    }

    async fn list_segment_snapshots(
        &self,
        request: Request<proto::ListSegmentSnapshotsRequest>,
    ) -> Answer<proto::ListSegmentSnapshotsResponse> {
        answer(self.all_snapshots(valid(request)?).await)
    }

    async fn delete_segment_snapshot(
        &self,
        request: Request<proto::DeleteSegmentSnapshotRequest>,
    ) -> Answer<proto::DeleteSegmentSnapshotResponse> {
        answer(self.drop_snapshot(valid(request)?).await)
    }

    async fn list_segment_snapshot_members(
        &self,
        request: Request<proto::ListSegmentSnapshotMembersRequest>,
    ) -> Answer<proto::ListSegmentSnapshotMembersResponse> {
        answer(self.taken(valid(request)?).await)
    }

    async fn list_tag_statistics(
        &self,
        request: Request<proto::ListTagStatisticsRequest>,
    ) -> Answer<proto::ListTagStatisticsResponse> {
        answer(self.statistics(valid(request)?).await)
    }
}
