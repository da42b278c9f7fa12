//! The contract's models: learned from profiles in the background, kept as resources, asked for scores.
//!
//! | module | what it does |
//! |---|---|
//! | `training` | the life of a training: what is checked, how far it is, how it ends |
//! | `sample` | which persons are learned from, and what is read of them |
//! | `learning` | from rows to a model with its report |
//! | `scoring` | writes persons' scores |

mod handlers;
mod learning;
mod sample;
mod scoring;
mod training;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use attune_expression::{Program, Type, check_boolean, compile};
use attune_kernel::{Code, Problem, Violation};
use attune_proto::profile::v1 as proto;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::{Compiled, Crud, Writes};
use attune_service_kit::server::Stop;
use attune_storage::Resources;
use prost_types::FieldMask;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::audience::Audiences;
use crate::domain::rules::Rules;
use crate::domain::segment::SCHEMA;
use crate::store::{Snapshots, Store};

attune_service_kit::resource! {
    /// Models.
    pub(crate) LearnedModels(proto::Model) { kind: "model", id: model_id }
}

/// The kind under which what was learned is kept, beside the resource that describes it.
const BODY: &str = "model_body";
/// Trainings that may be under way or wait in one process.
const MOST_TRAININGS: usize = 16;
/// How long a training may say nothing before it counts as dead.
const SILENCE: Duration = Duration::from_secs(60);
/// How often trainings are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What the service is given.
#[derive(Clone)]
pub(crate) struct Given {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) snapshots: Snapshots,
    pub(crate) audiences: Arc<Audiences>,
    pub(crate) rules: Arc<Compiled<Arc<Rules>>>,
    pub(crate) resources: Arc<dyn Resources>,
    pub(crate) writes: Writes,
    pub(crate) clock: Clock,
    /// Threads that learn.
    pub(crate) threads: usize,
}

/// The service behind the contract.
#[derive(Clone)]
pub(crate) struct Models {
    given: Given,
    crud: Crud<LearnedModels>,
    /// Trainings that are under way or wait.
    room: Arc<Semaphore>,
    /// The one that reads and learns.
    turn: Arc<Semaphore>,
}

/// What was learned, as it is kept.
#[derive(Serialize, Deserialize)]
struct Body {
    version: String,
    model: attune_learning::model::Model,
}

impl Models {
    pub(crate) fn new(given: Given) -> Self {
        let crud = Crud::new(Arc::clone(&given.resources), given.writes.clone());
        let (room, turn) = (Arc::new(Semaphore::new(MOST_TRAININGS)), Arc::new(Semaphore::new(1)));
        Self { given, crud: crud.checked_by(check), room, turn }
    }

    /// Ends a training that another process or an earlier run left behind, until told to stop.
    ///
    /// # Errors
    /// When the store does not answer; a later run goes on.
    pub(crate) async fn look_after(self, stop: Stop) -> Result<(), Problem> {
        let mut heard: BTreeMap<String, (String, Instant)> = BTreeMap::new();
        while !stop.is_cancelled() {
            let (mut token, mut training) = (String::new(), BTreeMap::new());
            loop {
                let page = self.crud.list(1000, &token).await?;
                for one in page.items.into_iter().filter(|one| one.state() == proto::ModelState::Training) {
                    let since = match heard.get(&one.model_id) {
                        Some((etag, since)) if *etag == one.etag => *since,
                        _ => Instant::now(),
                    };
                    if since.elapsed() >= SILENCE {
                        self.end(one, proto::ModelState::Failed, "the process that trained it has ended").await?;
                    } else {
                        training.insert(one.model_id, (one.etag, since));
                    }
                }
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            heard = training;
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }

    /// Writes how a training ended; false when somebody else did meanwhile.
    async fn end(&self, mut model: proto::Model, state: proto::ModelState, failure: &str) -> Result<bool, Problem> {
        model.set_state(state);
        failure.clone_into(&mut model.failure);
        model.progress = None;
        Ok(self.keep(model).await?.is_some())
    }

    /// Writes a model whole; nothing when it is another one than was read, or gone.
    async fn keep(&self, model: proto::Model) -> Result<Option<proto::Model>, Problem> {
        let mask = FieldMask { paths: vec!["*".to_owned()] };
        match self.crud.update(Some(model), Some(mask), self.given.clock.now()).await {
            Err(problem) if matches!(problem.code, Code::Aborted | Code::NotFound) => Ok(None),
            written => written.map(Some),
        }
    }

    /// What was learned under an id.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` `MODEL_NOT_READY` before the first version.
    async fn learned(&self, id: &str) -> Result<Body, Problem> {
        let model = self.crud.get(id).await?;
        let stored = self.given.resources.get(BODY, id).await?.filter(|_| !model.version.is_empty());
        let stored = stored.ok_or_else(|| {
            let text = "the model has no version that is ready";
            Problem::new(Code::FailedPrecondition, "MODEL_NOT_READY", text).with("modelId", id)
        })?;
        let body: Body = serde_json::from_slice(&stored.body).map_err(Problem::internal)?;
        body.model.check().map_err(Problem::internal)?;
        Ok(body)
    }

    /// Keeps what was learned.
    async fn keep_learned(&self, id: &str, body: &Body) -> Result<(), Problem> {
        let (resources, now) = (&self.given.resources, self.given.clock.now());
        let bytes = serde_json::to_vec(body).map_err(Problem::internal)?;
        match resources.get(BODY, id).await? {
            Some(_) => resources.update(BODY, id, None, bytes, now).await?,
            None => resources.create(attune_storage::Record::new(BODY, id, bytes, now), None).await?,
        };
        Ok(())
    }

    /// Deletes a model with what was learned.
    async fn drop_model(&self, request: proto::DeleteModelRequest) -> Result<proto::DeleteModelResponse, Problem> {
        self.crud.delete(&request.model_id, &request.etag).await?;
        match self.given.resources.delete(BODY, &request.model_id, None).await {
            Ok(()) | Err(attune_storage::StorageError::NotFound { .. }) => Ok(proto::DeleteModelResponse {}),
            Err(error) => Err(error.into()),
        }
    }
}

/// What the field rules cannot say.
fn check(model: &proto::Model) -> Vec<Violation> {
    let Some(schema) = SCHEMA.as_ref() else { return Vec::new() };
    let mut broken = check_boolean("label", &model.label, schema);
    if !model.population.is_empty() {
        broken.extend(check_boolean("population", &model.population, schema));
    }
    for (field, names) in [("columns", &model.columns), ("ignored_columns", &model.ignored_columns)] {
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !(1..=256).contains(&name.len())) {
            broken.push(Violation::new(
                format!("{field}[{at}]"),
                format!("must have 1 to 256 bytes, not {}", name.len()),
            ));
        }
    }
    if model.folds == 1 {
        broken.push(Violation::new("folds", "must be 0 or at least 2"));
    }
    broken
}

/// A rule that was checked.
fn program(expression: &str) -> Result<Program, Problem> {
    let schema = SCHEMA.as_ref().ok_or_else(|| Problem::internal("the schema of rules does not compile"))?;
    compile(expression, schema, Type::Bool).map_err(|_| Problem::internal("a rule that was checked does not compile"))
}
