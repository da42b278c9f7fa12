//! Snapshots: who was taken at one moment.

use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use attune_service_kit::crud::{Crud, PageToken, page_size};

use super::{Audiences, count};

attune_service_kit::resource! {
    /// Snapshots.
    pub(crate) SegmentSnapshots(proto::SegmentSnapshot) { kind: "segment_snapshot", id: snapshot_id }
}

/// Persons added in one transaction.
const STEP: usize = 1000;

/// The list of a snapshot's members.
pub(super) fn list(snapshot_id: &str) -> String {
    format!("snapshot/{snapshot_id}")
}

impl Audiences {
    /// Takes a snapshot. Its members are written to the end also when the caller does not wait.
    pub(super) async fn take(
        &self,
        request: proto::CreateSegmentSnapshotRequest,
    ) -> Result<proto::SegmentSnapshot, Problem> {
        let mut snapshot = request.segment_snapshot.unwrap_or_default();
        let persons = snapshot.persons.clone().map(|set| ("segment_snapshot.persons", set));
        let (field, set) = persons.unwrap_or_default();
        let members = self.persons(field, set).await?;
        snapshot.set_state(proto::SnapshotState::Creating);
        (snapshot.taken_count, snapshot.member_count) = (0, 0);
        let snapshot = self.snapshots.create(Some(snapshot), "", self.clock.now()).await?;
        let (lists, clock) = (self.lists.clone(), self.clock.clone());
        let crud = Crud::<SegmentSnapshots>::new(self.resources.clone(), self.writes.clone());
        let written = tokio::spawn(async move {
            let list = list(&snapshot.snapshot_id);
            // What one that was given up may have left under the id.
            lists.remove(&list).await?;
            for part in members.chunks(STEP) {
                lists.add(&list, part).await?;
            }
            let mut ready = proto::SegmentSnapshot { taken_count: count(members.len()), ..snapshot };
            ready.set_state(proto::SnapshotState::Ready);
            let paths = vec!["state".to_owned(), "taken_count".to_owned()];
            crud.update(Some(ready), Some(prost_types::FieldMask { paths }), clock.now()).await
        });
        self.counted(written.await.map_err(Problem::internal)??).await
    }

    /// A snapshot with how many are left, which is not stored with it.
    pub(super) async fn counted(
        &self,
        mut snapshot: proto::SegmentSnapshot,
    ) -> Result<proto::SegmentSnapshot, Problem> {
        let left = self.lists.count(&list(&snapshot.snapshot_id)).await?;
        snapshot.member_count = i64::try_from(left).unwrap_or(i64::MAX);
        Ok(snapshot)
    }

    /// Reads a snapshot.
    pub(super) async fn snapshot(&self, id: &str) -> Result<proto::SegmentSnapshot, Problem> {
        self.counted(self.snapshots.get(id).await?).await
    }

    /// A page of snapshots.
    pub(super) async fn all_snapshots(
        &self,
        request: proto::ListSegmentSnapshotsRequest,
    ) -> Result<proto::ListSegmentSnapshotsResponse, Problem> {
        let page = self.snapshots.list(request.page_size, &request.page_token).await?;
        let mut segment_snapshots = Vec::with_capacity(page.items.len());
        for one in page.items {
            segment_snapshots.push(self.counted(one).await?);
        }
        Ok(proto::ListSegmentSnapshotsResponse { segment_snapshots, next_page_token: page.next_page_token })
    }

    /// Deletes a snapshot: first its members, so that none is left without it.
    pub(super) async fn drop_snapshot(
        &self,
        request: proto::DeleteSegmentSnapshotRequest,
    ) -> Result<proto::DeleteSegmentSnapshotResponse, Problem> {
        let known = self.snapshots.get(&request.snapshot_id).await?;
        if !request.etag.is_empty() && request.etag != known.etag {
            return self
                .snapshots
                .delete(&request.snapshot_id, &request.etag)
                .await
                .map(|()| proto::DeleteSegmentSnapshotResponse {});
        }
        self.lists.remove(&list(&request.snapshot_id)).await?;
        self.snapshots.delete(&request.snapshot_id, &known.etag).await?;
        Ok(proto::DeleteSegmentSnapshotResponse {})
    }

    /// Everybody who is left of a snapshot, by the ids of today.
    pub(super) async fn left(&self, id: &str) -> Result<Vec<String>, Problem> {
        self.snapshots.get(id).await?;
        let (list, mut all) = (list(id), Vec::new());
        loop {
            let page = self.lists.members(&list, all.last().map(String::as_str), 10 * STEP).await?;
            if page.is_empty() {
                break;
            }
            all.extend(page);
        }
        // Who was merged away meanwhile is the survivor now.
        let strangers = self.index.strangers(&all);
        for part in strangers.chunks(STEP) {
            all.extend(self.store.documents(part).await?.into_iter().map(|document| document.person_id));
        }
        Ok(all)
    }

    /// A page of a snapshot's members.
    pub(super) async fn taken(
        &self,
        request: proto::ListSegmentSnapshotMembersRequest,
    ) -> Result<proto::ListSegmentSnapshotMembersResponse, Problem> {
        self.snapshots.get(&request.snapshot_id).await?;
        let size = page_size(request.page_size)?;
        let after = PageToken::decode("snapshot_member", &request.page_token)?;
        let after = after.as_ref().map(|token| token.after.as_str());
        let mut person_ids = self.lists.members(&list(&request.snapshot_id), after, size + 1).await?;
        let more = person_ids.len() > size;
        person_ids.truncate(size);
        let next_page_token = match person_ids.last() {
            Some(last) if more => PageToken::encode("snapshot_member", last),
            _ => String::new(),
        };
        Ok(proto::ListSegmentSnapshotMembersResponse { person_ids, next_page_token })
    }
}
