//! Merges, splits and erasures from identity to everyone who keeps something of persons.

use std::sync::Arc;

use attune_kernel::Problem;
use attune_proto::identity::v1::{PersonChange, person_change::Change};
use attune_service_kit::clock::Clock;
use attune_service_kit::server::Stop;

use super::{EMPTY, repeat};
use crate::clients::Callees;
use crate::metrics::Metrics;
use crate::store::{Inbox, Outbox};

/// The name of the cursor.
pub(crate) const CURSOR: &str = "identity";

/// What the relay needs.
#[derive(Clone)]
pub(crate) struct PersonRelay {
    /// The cursor's store.
    pub inbox: Arc<dyn Inbox>,
    /// Deliveries of erased persons end here.
    pub outbox: Arc<dyn Outbox>,
    /// Whom it calls.
    pub callees: Callees,
    /// Business time.
    pub clock: Clock,
    /// Instruments.
    pub metrics: Metrics,
}

impl PersonRelay {
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
        let changes = self.callees.person_changes(after, 1000).await?;
        for change in &changes {
            self.callees.apply(change).await?;
            self.apply_here(change).await?;
        }
        if let Some(last) = changes.last() {
            // Only after everyone has them; a crash before this repeats them, which everyone takes.
            self.inbox.advance(CURSOR, u64::try_from(last.offset).unwrap_or_default()).await?;
            self.metrics.relayed(CURSOR, changes.len());
        } else {
            tokio::time::sleep(EMPTY).await;
        }
        Ok(())
    }

    async fn apply_here(&self, change: &PersonChange) -> Result<(), Problem> {
        if let Some(Change::Erasure(erasure)) = &change.change {
            let mut persons = erasure.alias_person_ids.clone();
            persons.push(erasure.person_id.clone());
            self.outbox.erase(&persons, self.clock.now()).await?;
        }
        Ok(())
    }
}
