//! The life of a training.

use std::time::Duration;

use attune_kernel::{Code, Problem, Timestamp, Violation};
use attune_proto::profile::v1 as proto;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::learning::{self, Learned};
use super::sample::{Moments, Sample};
use super::{Body, Models, program};
use crate::domain::features::Columns;
use crate::grpc::check;
use crate::grpc::convert::stamp;

/// How often a training says how far it is.
const SAYS: Duration = Duration::from_secs(2);
/// Persons that are learned from unless the model says how many.
const PERSONS: usize = 50_000;
/// Folds of the validation unless the model says how many.
const FOLDS: usize = 5;

/// Why a training ends before its end.
enum Ended {
    /// Somebody cancelled or deleted it.
    Elsewhere,
    /// It cannot go on.
    Failed(Problem),
}

impl<E: Into<Problem>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Models {
    /// Begins a training.
    pub(super) async fn train(&self, request: proto::TrainModelRequest) -> Result<proto::Model, Problem> {
        let mut model = request.model.unwrap_or_default();
        let now = self.given.clock.now();
        moments(&model, now)?;
        let full = || {
            let text = "as many trainings as there may be wait already";
            Problem::new(Code::ResourceExhausted, "TRAINING_QUEUE_FULL", text).retry_after(Duration::from_secs(30))
        };
        let room = self.room.clone().try_acquire_owned().map_err(|_| full())?;
        (model.failure, model.version, model.report) = (String::new(), String::new(), None);
        model.set_state(proto::ModelState::Training);
        model.progress = Some(proto::TrainingProgress {
            phase: proto::TrainingPhase::Waiting.into(),
            time: Some(stamp(now)),
            ..proto::TrainingProgress::default()
        });
        let begun = match self.crud.get(&model.model_id).await {
            Ok(known) if known.state() == proto::ModelState::Training => return Err(busy(&model.model_id)),
            Ok(known) => {
                // What was learned before goes on scoring.
                (model.version, model.report, model.etag) = (known.version, known.report, known.etag);
                self.keep(model.clone()).await?.ok_or_else(|| busy(&model.model_id))?
            }
            Err(problem) if problem.code == Code::NotFound => {
                model.etag = String::new();
                self.crud.create(Some(model), "", now).await?
            }
            Err(problem) => return Err(problem),
        };
        let (models, answer) = (self.clone(), begun.clone());
        tokio::spawn(async move { models.run(begun, room).await });
        Ok(answer)
    }

    /// Ends a training under way.
    pub(super) async fn cancel(&self, id: &str) -> Result<proto::Model, Problem> {
        for _ in 0..16 {
            let mut model = self.crud.get(id).await?;
            if model.state() != proto::ModelState::Training {
                let text = "no training of the model is under way";
                return Err(Problem::new(Code::FailedPrecondition, "MODEL_NOT_IN_TRAINING", text).with("modelId", id));
            }
            model.set_state(proto::ModelState::Cancelled);
            model.progress = None;
            if let Some(ended) = self.keep(model).await? {
                return Ok(ended);
            }
            // It said how far it is meanwhile.
        }
        Err(busy(id))
    }

    /// Trains to the end, whatever that is.
    async fn run(self, model: proto::Model, room: OwnedSemaphorePermit) {
        let id = model.model_id.clone();
        let mut job = Job { models: self, model, said: Instant::now() };
        let ended = job.work().await;
        drop(room);
        let Err(Ended::Failed(problem)) = ended else { return };
        tracing::warn!(model = %id, error = %problem, "a training failed");
        // A store that does not answer leaves it as dead, which is told later.
        let text = match problem.violations.first() {
            Some(violation) => violation.description.clone(),
            None => problem.message.clone(),
        };
        let _ = job.models.end(job.model, proto::ModelState::Failed, &text).await;
    }
}

/// A training under way.
struct Job {
    models: Models,
    /// As it was last written.
    model: proto::Model,
    said: Instant,
}

impl Job {
    async fn work(&mut self) -> Result<(), Ended> {
        let turn = self.wait().await?;
        let begun = Instant::now();
        let given = self.models.given.clone();
        let asked = self.model.clone();
        let moments = moments(&asked, given.clock.now())?;
        let mut sample = Sample::new(
            &given,
            program(&asked.label)?,
            (!asked.population.is_empty()).then(|| program(&asked.population)).transpose()?,
            Columns::new(&asked.columns, &asked.ignored_columns),
            moments,
        )
        .await?;
        self.say(proto::TrainingPhase::Choosing, 0, 0, true).await?;
        let most = usize::try_from(asked.max_persons).ok().filter(|most| *most > 0).unwrap_or(PERSONS);
        let persons = sample.choose(asked.seed.unsigned_abs(), most).await?;
        let (mut read, count) = (0, persons.len());
        for part in persons.chunks(sample.step()) {
            self.say(proto::TrainingPhase::Reading, read, count, read == 0).await?;
            sample = sample.read(part).await?;
            read += part.len();
        }
        self.say(proto::TrainingPhase::Learning, read, count, true).await?;
        let folds = usize::try_from(asked.folds).ok().filter(|folds| *folds > 1).unwrap_or(FOLDS);
        let (threads, seed) = (given.threads, asked.seed.unsigned_abs());
        // The turn goes with the thread, which nothing can end before its end.
        let mut thread = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            learning::learn(&sample.into_rows(), folds, seed, threads)
        });
        let learned = loop {
            tokio::select! {
                learned = &mut thread => break learned.map_err(Problem::internal)??,
                () = tokio::time::sleep(SAYS) => self.say(proto::TrainingPhase::Learning, read, count, true).await?,
            }
        };
        self.finish(learned, moments, begun).await
    }

    /// Waits for its turn.
    async fn wait(&mut self) -> Result<OwnedSemaphorePermit, Ended> {
        let turn = self.models.turn.clone();
        let mut asked = Box::pin(turn.acquire_owned());
        loop {
            tokio::select! {
                turn = &mut asked => return Ok(turn.map_err(Problem::internal)?),
                () = tokio::time::sleep(SAYS) => self.say(proto::TrainingPhase::Waiting, 0, 0, true).await?,
            }
        }
    }

    /// Says how far it is, if it is time to or `now`.
    async fn say(&mut self, phase: proto::TrainingPhase, read: usize, count: usize, now: bool) -> Result<(), Ended> {
        if !now && self.said.elapsed() < SAYS {
            return Ok(());
        }
        self.said = Instant::now();
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.model.progress = Some(proto::TrainingProgress {
            phase: phase.into(),
            persons_read: number(read),
            person_count: number(count),
            time: Some(stamp(self.models.given.clock.now())),
        });
        self.model = self.models.keep(self.model.clone()).await?.ok_or(Ended::Elsewhere)?;
        Ok(())
    }

    /// Keeps what was learned. The description comes last: a process that dies between leaves the version before described, and
    /// the next training writes both anew.
    async fn finish(&mut self, learned: Learned, moments: Moments, begun: Instant) -> Result<(), Ended> {
        let version = (self.model.version.parse::<u64>().unwrap_or(0) + 1).to_string();
        // Cancelled meanwhile, it must not take the place of what scores.
        self.say(proto::TrainingPhase::Learning, learned.rows, learned.rows, true).await?;
        self.models
            .keep_learned(&self.model.model_id, &Body { version: version.clone(), model: learned.model })
            .await?;
        self.model.version = version;
        self.model.report = Some(proto::ModelReport {
            cutoff_time: Some(stamp(moments.features())),
            outcome_time: Some(stamp(moments.outcome())),
            seconds: begun.elapsed().as_secs_f64(),
            ..learned.report
        });
        self.models.end(self.model.clone(), proto::ModelState::Ready, "").await?;
        Ok(())
    }
}

/// The moments of a model.
fn moments(model: &proto::Model, now: Timestamp) -> Result<Moments, Problem> {
    let mut broken = Vec::new();
    let mut time = |field: &str, time: Option<&prost_types::Timestamp>| {
        let found = check::past(field, time, now).unwrap_or_else(|violation| {
            broken.push(violation);
            None
        });
        found.map(|time| time.min(now))
    };
    let cutoff = time("model.cutoff_time", model.cutoff_time.as_ref());
    let outcome = time("model.outcome_time", model.outcome_time.as_ref());
    if cutoff.is_some_and(|cutoff| cutoff > outcome.unwrap_or(now)) {
        broken.push(Violation::new("model.cutoff_time", "must not be after outcome_time"));
    }
    if broken.is_empty() { Ok(Moments { cutoff, outcome, now }) } else { Err(Problem::invalid(broken)) }
}

fn busy(id: &str) -> Problem {
    let text = "a training of the model is under way";
    Problem::new(Code::FailedPrecondition, "MODEL_IN_TRAINING", text).with("modelId", id)
}
