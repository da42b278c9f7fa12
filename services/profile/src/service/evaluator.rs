//! Looks at everyone when rules or traits are new, changed or deleted, and at each person when time alone may move them.

use std::sync::Arc;
use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::Compiled;
use attune_service_kit::server::Stop;

use crate::domain::batch::Batch;
use crate::domain::document::Document;
use crate::domain::judge::Touched;
use crate::domain::rules::Rules;
use crate::domain::settle::{Judging, Memory, settle};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::store::{Done, Progress, Snapshots, Store, Work};

/// The mark under which is kept what everyone was evaluated for.
const EVALUATED: &str = "segments";
/// How often it looks.
const POLL: Duration = Duration::from_millis(100);
/// For how many looks the rules must stand still: longer than other processes go on with those they know, so that
/// none of them undoes what is done here.
const SETTLED: usize = 4;
/// After how many batches it is kept how far a look at everybody has come.
const KEPT: usize = 16;

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
            let print = rules.fingerprint().to_owned();
            looks = if print == seen { looks + 1 } else { 0 };
            seen = print;
            let wanted = self.wanted(&rules, &seen);
            if looks >= SETTLED && wanted != done {
                if self.store.mark(EVALUATED).await?.unwrap_or_default() != wanted
                    && self.pass(&rules, &wanted, &stop).await?
                {
                    self.store.set_mark(EVALUATED, &wanted).await?;
                }
                done = wanted;
            }
            self.due(&rules, &stop).await?;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(POLL) => {}
            }
        }
        Ok(())
    }

    /// What everyone is to be evaluated for: the rules, the times at which tags begin or end that have passed, and for rules
    /// that name the current time the interval that the clock is in.
    fn wanted(&self, rules: &Rules, print: &str) -> String {
        let now = self.clock.now();
        let every = i64::try_from(self.every.as_micros()).unwrap_or(i64::MAX).max(1);
        match (rules.reads_now(), rules.passed(now)) {
            (false, 0) => print.to_owned(),
            (false, passed) => format!("{print}#{passed}"),
            (true, passed) => format!("{print}#{passed}@{}", now.as_micros().div_euclid(every)),
        }
    }

    /// Evaluates everyone, a batch at a time, from where an earlier run was told to stop; false when told to stop again.
    async fn pass(&self, rules: &Arc<Rules>, wanted: &str, stop: &Stop) -> Result<bool, Problem> {
        let kept = Progress::read(&*self.store).await?;
        let fresh = Progress { wanted: wanted.to_owned(), ..Progress::default() };
        let mut progress = if kept.wanted == wanted && !kept.done { kept } else { fresh };
        for number in 1.. {
            let after = (!progress.after.is_empty()).then_some(progress.after.as_str());
            let persons = self.store.persons(after, self.batch).await?;
            let Some(last) = persons.last().cloned() else { break };
            self.metrics.evaluated.add(persons.len() as u64, &[]);
            let now = self.clock.now();
            progress.persons += persons.len() as u64;
            // Most people are where they belong; only the others are locked and looked at again.
            let moving = moving(self.store.documents(&persons).await?, rules, now);
            if !moving.is_empty() {
                progress.filled += self.sweep(moving, rules, now).await?.filled as u64;
            }
            progress.after = last;
            if stop.is_cancelled() {
                progress.keep(&*self.store).await?;
                return Ok(false);
            }
            if number % KEPT == 0 {
                progress.keep(&*self.store).await?;
            }
            // Room for requests between two batches.
            tokio::task::yield_now().await;
        }
        progress.done = true;
        progress.keep(&*self.store).await?;
        Ok(true)
    }

    /// Looks at those whom time alone may have moved.
    async fn due(&self, rules: &Arc<Rules>, stop: &Stop) -> Result<(), Problem> {
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let persons = self.store.due(now, self.batch).await?;
            let last = persons.len() < self.batch;
            if !persons.is_empty() {
                self.metrics.due.add(persons.len() as u64, &[]);
                self.sweep(persons, rules, now).await?;
            }
            if last {
                break;
            }
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn sweep(&self, persons: Vec<String>, rules: &Arc<Rules>, now: Timestamp) -> Result<Done, Problem> {
        let work = Work {
            events: Arc::default(),
            persons,
            fill: true,
            decide: Arc::new(|batch: &mut Batch, _| {
                batch.sweep();
                Ok::<(), Error>(())
            }),
            rules: Arc::clone(rules),
            now,
            request_id: String::new(),
        };
        let done = self.store.work(work).await?;
        self.metrics.filled.add(done.filled as u64, &[]);
        self.snapshots.renew(&done.written).await;
        Ok(done)
    }
}

/// Whose document changes when it is looked at: who is to enter or leave a segment, whose traits lack history, who has values that are
/// declared meanwhile or have served their time, or who is to be looked at again at another time.
fn moving(documents: Vec<Document>, rules: &Rules, now: Timestamp) -> Vec<String> {
    let (judging, mut memory) = (Judging { rules, now, sweep: true }, Memory::default());
    let moves = |mut document: Document| {
        let person = document.person_id.clone();
        let touched = Touched { all: true, ..Touched::default() };
        let settled = settle(&mut document, false, touched, judging, &mut memory);
        settled.write.then_some(person)
    };
    documents.into_iter().filter_map(moves).collect()
}
