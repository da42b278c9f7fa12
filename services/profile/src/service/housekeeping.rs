//! Forgets what has served its time, and tells the cache what it could not hear.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::Compiled;
use attune_service_kit::server::Stop;
use attune_storage::{FeedReader, Resources};

use crate::metrics::Metrics;
use crate::store::{FEED, Snapshots, Store, TAG_FEED};

/// How often the cache is told again.
const POLL: Duration = Duration::from_millis(250);
/// How many looks at the cache come to one at the store.
const LOOKS: u32 = 240;
/// How much is forgotten in one transaction.
const STEP: usize = 1000;

/// The mark under which is kept for which interval events were looked through.
const EXPIRED: &str = "events expired";

/// When an entry of a feed was made.
#[derive(serde::Deserialize)]
struct Dated {
    time: Timestamp,
}

/// The background task.
#[derive(Clone)]
pub(super) struct Housekeeping {
    pub(super) store: Arc<dyn Store>,
    pub(super) snapshots: Snapshots,
    pub(super) feed: FeedReader,
    pub(super) resources: Arc<dyn Resources>,
    pub(super) clock: Clock,
    pub(super) requests: Duration,
    pub(super) entries: Duration,
    /// For how long events of each kind are kept.
    pub(super) kinds: Arc<Compiled<BTreeMap<String, Duration>>>,
    /// How often events are looked through.
    pub(super) events: Duration,
    pub(super) metrics: Metrics,
}

impl Housekeeping {
    /// Works until told to stop.
    ///
    /// # Errors
    /// When the store does not answer; a later run goes on.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut looks = 0;
        while !stop.is_cancelled() {
            self.snapshots.retry().await;
            if looks == 0 {
                self.forget(&stop).await?;
            }
            looks = (looks + 1) % LOOKS;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    async fn forget(&self, stop: &Stop) -> Result<(), Problem> {
        let now = self.clock.now();
        self.resources.forget_requests(now.minus(self.requests)).await?;
        while self.store.forget_requests(now.minus(self.requests), STEP).await? == STEP && !stop.is_cancelled() {}
        for feed in [FEED, TAG_FEED] {
            while self.trim(feed).await? && !stop.is_cancelled() {}
        }
        self.expire(stop).await
    }

    /// Removes events that have served their time, once in each interval over all processes.
    async fn expire(&self, stop: &Stop) -> Result<(), Problem> {
        let kinds = self.kinds.get().await?;
        let now = self.clock.now();
        let every = i64::try_from(self.events.as_micros()).unwrap_or(i64::MAX).max(1);
        let wanted = format!("{}@{kinds:?}", now.as_micros().div_euclid(every));
        if kinds.is_empty() || self.store.mark(EXPIRED).await?.as_deref() == Some(wanted.as_str()) {
            return Ok(());
        }
        let before: BTreeMap<String, Timestamp> =
            kinds.iter().map(|(kind, kept)| (kind.clone(), now.minus(*kept))).collect();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let step = self.store.forget_events(&before, after.as_deref(), STEP).await?;
            self.metrics.expired.add(step.removed, &[]);
            after = step.next;
            if after.is_none() {
                return Ok(self.store.set_mark(EXPIRED, &wanted).await?);
            }
            if stop.is_cancelled() {
                return Ok(());
            }
            // Room for requests between two steps.
            tokio::task::yield_now().await;
        }
    }

    /// Trims old entries off a feed, a step at a time; whether there may be more of them.
    async fn trim(&self, feed: &str) -> Result<bool, Problem> {
        let before = self.clock.now().minus(self.entries);
        let entries = self.feed.read(feed, self.feed.trimmed(feed).await?, STEP).await?;
        let mut last = None;
        for entry in &entries {
            let one: Dated = serde_json::from_slice(&entry.body).map_err(Problem::internal)?;
            if one.time >= before {
                break;
            }
            last = Some(entry.offset);
        }
        let Some(last) = last else { return Ok(false) };
        self.feed.trim(feed, last).await?;
        Ok(entries.last().is_some_and(|entry| entry.offset == last) && entries.len() == STEP)
    }
}
