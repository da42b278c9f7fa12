//! The feed as a stream that stays open.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Code, Problem};
use attune_proto::journey::v1 as pb;
use futures::StreamExt as _;
use futures::stream::{BoxStream, try_unfold};
use tonic::Status;

use super::convert::{journey_change, signed};
use super::{Journey, status};

/// Entries of one message.
const BATCH: usize = 500;
/// How long one look waits for an entry; then it is looked again.
const WAIT: Duration = Duration::from_secs(30);

/// Messages of entries, in order.
pub(crate) type Entries = BoxStream<'static, Result<pb::StreamTriggersResponse, Status>>;

impl Journey {
    /// Opens the feed after an offset, or after what the consumer has acknowledged.
    pub(super) async fn open_feed(&self, request: pb::StreamTriggersRequest) -> Result<Entries, Problem> {
        let after = match request.after_offset {
            Some(after) => u64::try_from(after).unwrap_or_default(),
            None => self.store.acknowledged(&request.consumer).await?,
        };
        let from = (Arc::clone(&self.store), after);
        let entries = try_unfold(from, |(store, after)| async move {
            loop {
                let changes = store.changes(after, BATCH, WAIT).await.map_err(status)?;
                if let Some(last) = changes.last().map(|last| last.offset) {
                    let changes = changes.into_iter().map(journey_change).collect();
                    return Ok(Some((pb::StreamTriggersResponse { changes }, (store, last))));
                }
            }
        });
        Ok(entries.boxed())
    }

    pub(super) async fn ack(&self, request: pb::AckTriggersRequest) -> Result<pb::AckTriggersResponse, Problem> {
        let offset = u64::try_from(request.offset)
            .map_err(|_| Problem::new(Code::InvalidArgument, "INVALID_FIELD", "offset: must be at least 0"))?;
        let acknowledged = self.store.acknowledge(&request.consumer, offset).await?;
        Ok(pb::AckTriggersResponse { acknowledged_offset: signed(acknowledged) })
    }
}
