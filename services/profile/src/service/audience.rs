//! Builds the index of everybody and keeps it up to date.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::Problem;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::Compiled;
use attune_service_kit::server::Stop;
use attune_storage::Storage;
use tokio::time::Instant;

use crate::domain::audience::TAGS;
use crate::domain::coverage::{Day, MOST};
use crate::domain::rules::Rules;
use crate::metrics::Metrics;
use crate::store::{Changes, Index, Store};

/// How often other processes' writes are asked for.
const POLL: Duration = Duration::from_millis(50);
/// Persons read at once.
const STEP: usize = 250;
/// How often tags are counted, and what everybody has had the time to read is removed.
const TRIM: Duration = Duration::from_secs(60);
/// Between two passes over everybody there is at least so much real time, also where the service's clock runs fast.
const PAUSE: Duration = Duration::from_secs(10);

/// The background task.
#[derive(Clone)]
pub(super) struct Indexer {
    pub(super) store: Arc<dyn Store>,
    pub(super) storage: Storage,
    pub(super) index: Index,
    pub(super) rules: Arc<Compiled<Arc<Rules>>>,
    pub(super) clock: Clock,
    /// How old rows may be that nobody writes.
    pub(super) refresh: Duration,
    pub(super) metrics: Metrics,
}

impl Indexer {
    /// Works until told to stop.
    ///
    /// # Errors
    /// When the store does not answer; a later run begins anew.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let mut changes = Changes::new(&self.storage);
        if !self.index.is_on() {
            return self.only_trim(&changes, &stop).await;
        }
        // Followed from before the first person is read: what changes meanwhile is read once more.
        changes.look().await?;
        self.index.clear();
        self.pass(&mut changes, &stop).await?;
        self.index.complete();
        let (mut refreshed, mut passed) = (self.clock.now(), Instant::now());
        let mut trimmed: Option<Instant> = None;
        while !stop.is_cancelled() && !self.index.is_too_large() {
            if self.catch_up(&mut changes).await? {
                // Too long away to know who changed.
                return Err(Problem::internal("the changes of documents were not followed for minutes"));
            }
            self.metrics.audience_persons.record(persons(self.index.len()), &[]);
            if trimmed.is_none_or(|trimmed| trimmed.elapsed() >= TRIM) {
                changes.trim().await?;
                self.count_tags().await?;
                trimmed = Some(Instant::now());
            }
            if self.clock.now() >= refreshed.plus(self.refresh) && passed.elapsed() >= PAUSE {
                refreshed = self.clock.now();
                self.pass(&mut changes, &stop).await?;
                passed = Instant::now();
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.index.news() => {}
                () = tokio::time::sleep(if changes.is_shared() { POLL } else { TRIM.min(PAUSE) }) => {}
            }
        }
        if self.index.is_too_large() {
            return self.only_trim(&changes, &stop).await;
        }
        Ok(())
    }

    /// Without an index, what other processes have read is still removed.
    async fn only_trim(&self, changes: &Changes, stop: &Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            changes.trim().await?;
            // Nobody reads what is heard.
            while !self.index.take(usize::MAX).is_empty() {}
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(TRIM) => {}
            }
        }
        Ok(())
    }

    /// Reads everybody, a step at a time, and between steps who changed.
    async fn pass(&self, changes: &mut Changes, stop: &Stop) -> Result<(), Problem> {
        let mut after: Option<String> = None;
        while !stop.is_cancelled() && !self.index.is_too_large() {
            let persons = self.store.persons(after.as_deref(), STEP).await?;
            let Some(last) = persons.last().cloned() else { return Ok(()) };
            self.take_in(persons).await?;
            self.catch_up(changes).await?;
            after = Some(last);
            // Room for requests between two steps.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Keeps how many have each tag on the day of today.
    async fn count_tags(&self) -> Result<(), Problem> {
        let Ok(view) = self.index.view() else { return Ok(()) };
        let day = Day::of(self.clock.now());
        let counted = tokio::task::spawn_blocking(move || {
            let everybody = view.everybody();
            let tags = view.tag_counts(TAGS, &everybody);
            let tags = tags.into_iter().take(MOST).map(|(tag, count)| (tag.to_string(), count)).collect();
            Day { day, persons: everybody.len() as u64, tags }
        });
        let counted = counted.await.map_err(Problem::internal)?;
        let text = serde_json::to_string(&counted).map_err(Problem::internal)?;
        Ok(self.store.set_mark(&Day::mark(day), &text).await?)
    }

    /// Reads who was heard of; whether changes were missed.
    async fn catch_up(&self, changes: &mut Changes) -> Result<bool, Problem> {
        let look = changes.look().await?;
        self.index.heard(&look.persons);
        if !look.erased.is_empty() {
            let index = self.index.clone();
            tokio::task::spawn_blocking(move || index.erase(&look.erased)).await.map_err(Problem::internal)?;
        }
        loop {
            let persons = self.index.take(STEP);
            if persons.is_empty() {
                return Ok(look.missed);
            }
            self.take_in(persons).await?;
        }
    }

    async fn take_in(&self, persons: Vec<String>) -> Result<(), Problem> {
        let documents = match self.store.documents(&persons).await {
            Ok(documents) => documents,
            Err(error) => {
                // Heard of again by the next run.
                self.index.heard(&persons);
                return Err(error.into());
            }
        };
        let (index, now) = (self.index.clone(), self.clock.now());
        let rules = Arc::clone(&*self.rules.get().await?);
        let apply = move || index.apply(&persons, &documents, rules.catalogue(), now);
        tokio::task::spawn_blocking(apply).await.map_err(Problem::internal)
    }
}

#[expect(clippy::cast_precision_loss, reason = "gauges are doubles")]
fn persons(count: usize) -> f64 {
    count as f64
}
