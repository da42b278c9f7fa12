//! Lets edges end that have outlived their time, and trims the audit trail, in the background.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Problem;
use attune_service_kit::metrics::KeyValue;
use attune_service_kit::server::Stop;

use crate::domain::{Command, Outcome};
use crate::grpc::Identity;

/// Real time between looks at the clock.
const PAUSE: Duration = Duration::from_millis(100);
/// Persons, or audit entries, of one step.
const STEP: usize = 200;
/// How many looks pass between looks at the audit trail.
const TRIM: u32 = 600;

/// The background task.
#[derive(Clone)]
pub(super) struct Upkeep {
    pub(super) identity: Identity,
    /// How long the audit trail is kept; zero is for ever.
    pub(super) retention: Duration,
}

impl Upkeep {
    /// Runs until it is told to stop.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut looks: u32 = 0;
        loop {
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(()),
            }
            if self.identity.rules.expires {
                self.identity.expire(STEP).await?;
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(TRIM) && !self.retention.is_zero() {
                let before = self.identity.clock.now().minus(self.retention);
                self.identity.store.trim_audit(before, STEP).await?;
            }
        }
    }
}

impl Identity {
    /// Computes again up to `limit` persons of whom an edge has outlived its time. Answers how many there were.
    pub(crate) async fn expire(&self, limit: usize) -> Result<usize, Problem> {
        let by = self.decision("time_to_live".to_owned(), "not seen for too long".to_owned());
        let persons = self.store.expired(by.now, limit).await?;
        let count = persons.len();
        if count > 0 {
            let outcome = self.store.execute(&self.rules, Arc::new(Command::Expire { persons, by })).await?;
            if let Outcome::Decided { count, .. } = outcome {
                self.metrics.splits.add(count.into(), &[KeyValue::new("cause", "time_to_live")]);
            }
        }
        Ok(count)
    }
}
