//! Evaluates everyone for segments that are new, changed or deleted, or that time moves people in and out of.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::Compiled;
use attune_service_kit::server::Stop;

use crate::domain::batch::{self, Batch};
use crate::domain::document::Document;
use crate::domain::rules::Rules;
use crate::domain::tag;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::{Snapshots, Store, Work};

/// The mark under which is kept what everyone was evaluated for.
const EVALUATED: &str = "segments";
/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// For how many looks the segments must stand still: longer than other processes go on with the segments they know, so that
/// none of them undoes what is done here.
const SETTLED: usize = 4;

/// The background task.
#[derive(Clone)]
pub(super) struct Evaluator {
    pub(super) store: Arc<dyn Store>,
    pub(super) snapshots: Snapshots,
    pub(super) rules: Arc<Compiled<Arc<Rules>>>,
    pub(super) clock: Clock,
    pub(super) batch: usize,
    pub(super) every: Duration,
    pub(super) metrics: Metrics,
}

impl Evaluator {
    /// Works until told to stop.
    ///
    /// # Errors
    /// When the store does not answer; a later run goes on.
    pub(super) async fn run(self, stop: Stop) -> Result<(), Problem> {
        let (mut seen, mut looks) = (String::new(), 0);
        // Nothing is asked of the store while what was found done stands.
        let mut done = String::new();
        while !stop.is_cancelled() {
            let rules = Arc::clone(&*self.rules.get().await?);
            let print = rules.fingerprint();
            looks = if print == seen { looks + 1 } else { 0 };
            seen = print;
            let wanted = self.wanted(&rules, &seen);
            if looks >= SETTLED && wanted != done {
                if self.store.mark(EVALUATED).await?.unwrap_or_default() != wanted && self.pass(&rules, &stop).await? {
                    self.store.set_mark(EVALUATED, &wanted).await?;
                }
                done = wanted;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// The rules, and for rules that read the time the interval that the clock is in.
    fn wanted(&self, rules: &Rules, print: &str) -> String {
        if !rules.may_read_time() {
            return print.to_owned();
        }
        let every = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1);
        format!("{print}@{}", self.clock.now().as_micros().div_euclid(every))
    }

    /// Evaluates everyone, a batch at a time; false when told to stop meanwhile.
    async fn pass(&self, rules: &Arc<Rules>, stop: &Stop) -> Result<bool, Problem> {
        let mut after: Option<String> = None;
        loop {
            let persons = self.store.persons(after.as_deref(), self.batch).await?;
            let Some(last) = persons.last().cloned() else { return Ok(true) };
            self.metrics.evaluated.add(persons.len() as u64, &[]);
            let now = self.clock.now();
            // Most people are where they belong; only the others are locked and looked at again.
            let moving = moving(self.store.documents(&persons).await?, rules, now);
            if !moving.is_empty() {
                let work = Work {
                    events: Arc::default(),
                    persons: moving,
                    decide: Arc::new(|batch: &mut Batch, _| {
                        batch.sweep();
                        Ok::<(), Error>(())
                    }),
                    rules: Arc::clone(rules),
                    now,
                    request_id: String::new(),
                };
                let done = self.store.work(work).await?;
                self.snapshots.renew(&done.written).await;
            }
            if stop.is_cancelled() {
                return Ok(false);
            }
            // Room for requests between two batches.
            tokio::task::yield_now().await;
            after = Some(last);
        }
    }
}

/// Who is to enter or leave a segment, or has values that are declared meanwhile or have served their time.
fn moving(documents: Vec<Document>, rules: &Rules, now: Timestamp) -> Vec<String> {
    let moves = |document: &Document| {
        document.is_pending(&rules.registry)
            || (rules.registry.expires() && document.clone().expire(&rules.registry, now))
            || !tag::changes(document, &rules.tags, now, true).is_empty()
            || !batch::changes(document, rules, now, true).is_empty()
    };
    documents.into_iter().filter(moves).map(|document| document.person_id).collect()
}
