//! Entries into and exits from segments to journey, as the events `segment_entered` and `segment_left`.

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::profile::v1::{Event, SegmentChange};
use attune_service_kit::server::Stop;

use super::{EMPTY, repeat};
use crate::clients::wire::text;
use crate::clients::{Callees, is_passing_item};
use crate::metrics::Metrics;
use crate::store::Inbox;

/// The name of the cursor.
pub(crate) const CURSOR: &str = "segments";

/// What the relay needs.
#[derive(Clone)]
pub(crate) struct SegmentRelay {
    /// The cursor's store.
    pub inbox: Arc<dyn Inbox>,
    /// Whom it calls.
    pub callees: Callees,
    /// Instruments.
    pub metrics: Metrics,
}

impl SegmentRelay {
    /// Works until told to stop.
    ///
    /// # Errors
    /// Never: what fails is tried again after a pause.
    pub(crate) async fn run(self, stop: Stop) -> Result<(), Problem> {
        repeat(CURSOR, &self.metrics, &stop, || self.step()).await;
        Ok(())
    }

    async fn step(&self) -> Result<(), Problem> {
        let after = self.inbox.cursor(CURSOR).await?;
        let changes = self.callees.segment_changes(after, 1000).await?;
        let Some(last) = changes.last().map(|change| change.offset) else {
            tokio::time::sleep(EMPTY).await;
            return Ok(());
        };
        let count = changes.len();
        let refused = self.callees.observe(changes.into_iter().map(event).collect()).await?;
        if let Some((_, problem)) = refused.into_iter().find(|(_, problem)| is_passing_item(problem)) {
            return Err(problem);
        }
        self.inbox.advance(CURSOR, u64::try_from(last).unwrap_or_default()).await?;
        self.metrics.relayed(CURSOR, count);
        Ok(())
    }
}

fn event(change: SegmentChange) -> Event {
    let segment = text(change.segment_id);
    Event {
        // The offset names the change, so a repeat is known.
        event_id: format!("segment-{}", change.offset),
        person_id: change.person_id,
        event: if change.entered { "segment_entered" } else { "segment_left" }.to_owned(),
        time: change.time,
        properties: Some(prost_types::Struct { fields: std::iter::once(("segment_id".to_owned(), segment)).collect() }),
        source: "profile".to_owned(),
        ..Event::default()
    }
}
