//! Examines every record again now and then, in the background.

use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_service_kit::server::Stop;

use crate::grpc::Identity;

/// Real time between looks at the clock, and between steps: what arrives goes first.
const PAUSE: Duration = Duration::from_millis(100);
/// How many looks pass before the store is asked for a newer model.
const REFRESH: u32 = 50;

/// The background task.
#[derive(Clone)]
pub(super) struct Reconciliation {
    pub(super) identity: Identity,
    /// Time from the end of one pass to the beginning of the next.
    pub(super) interval: Duration,
    /// Records of one step.
    pub(super) batch: usize,
}

impl Reconciliation {
    /// Runs until it is told to stop. A pass begins at the start, when a model was put into use, and at every interval.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut begin = true;
        let mut finished = self.identity.clock.now();
        let mut looks: u32 = 0;
        let mut model = self.identity.matching.active().number;
        loop {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(()),
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(REFRESH) {
                self.identity.matching.refresh().await?;
                self.identity.report_queue().await?;
            }
            let active = self.identity.matching.active().number;
            begin |= active != model || self.is_due(finished);
            if begin {
                (begin, model) = (false, active);
                if !self.pass(&stop).await? {
                    return Ok(());
                }
                finished = self.identity.clock.now();
            }
        }
    }

    fn is_due(&self, finished: Timestamp) -> bool {
        let interval = i64::try_from(self.interval.as_micros()).unwrap_or(i64::MAX);
        self.identity.clock.now().as_micros().saturating_sub(finished.as_micros()) >= interval
    }

    /// Examines every record; false when it was told to stop.
    async fn pass(&self, stop: &Stop) -> Result<bool, Problem> {
        let mut after = None;
        loop {
            let done = self.identity.reconcile_after(after, self.batch).await?;
            if done.links + done.unlinks > 0 {
                tracing::info!(links = done.links, unlinks = done.unlinks, "records were reconciled");
            }
            after = done.last;
            if after.is_none() {
                return Ok(true);
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(false),
            }
        }
    }
}
