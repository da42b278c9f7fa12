//! The contract's answers about many persons at once.
//!
//! | module | what it answers |
//! |---|---|
//! | `persons` | which persons are meant |
//! | `preview` | how many satisfy a rule |
//! | `compare` | in what two sets differ, how segments overlap, who is like a set |
//! | `split` | heavy and light, quadrants of value, and the tags of them |
//! | `export` | persons with columns |
//! | `snapshots` | who was taken at one moment |
//! | `past` | who was in a segment at a past time, who had a tag day by day |

mod compare;
mod export;
mod handlers;
mod past;
mod persons;
mod preview;
mod snapshots;
mod split;

use std::sync::Arc;

use attune_audience::View;
use attune_kernel::Problem;
use attune_proto::profile::v1 as proto;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::{Compiled, Crud, Writes};
use attune_storage::{FeedReader, Resources};

use self::snapshots::SegmentSnapshots;
use super::tags::TagDefinitions;
use crate::domain::moves::Moves;
use crate::domain::rules::Rules;
use crate::store::{Index, Lists, Store};

/// What the service is given.
pub(crate) struct Given {
    pub(crate) index: Index,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) lists: Lists,
    pub(crate) feed: FeedReader,
    pub(crate) rules: Arc<Compiled<Arc<Rules>>>,
    pub(crate) resources: Arc<dyn Resources>,
    pub(crate) writes: Writes,
    pub(crate) clock: Clock,
    /// The most entries and exits that are remembered.
    pub(crate) max_moves: usize,
}

/// The service behind the contract.
pub(crate) struct Audiences {
    index: Index,
    store: Arc<dyn Store>,
    lists: Lists,
    feed: FeedReader,
    rules: Arc<Compiled<Arc<Rules>>>,
    resources: Arc<dyn Resources>,
    writes: Writes,
    tags: Crud<TagDefinitions>,
    snapshots: Crud<SegmentSnapshots>,
    moves: Arc<tokio::sync::Mutex<Moves>>,
    max_moves: usize,
    clock: Clock,
}

impl Audiences {
    pub(crate) fn new(given: Given) -> Self {
        let Given { index, store, lists, feed, rules, resources, writes, clock, max_moves } = given;
        let (tags, snapshots) =
            (Crud::new(Arc::clone(&resources), writes.clone()), Crud::new(Arc::clone(&resources), writes.clone()));
        let moves = past::remembered(max_moves);
        Self { index, store, lists, feed, rules, resources, writes, tags, snapshots, moves, max_moves, clock }
    }

    /// Everybody as of now, and who is meant among them.
    async fn asked(&self, persons: Vec<(&'static str, proto::PersonSet)>) -> Result<persons::Asked, Problem> {
        let rules = Arc::clone(&*self.rules.get().await?);
        // Lists are read before everybody is: a row of then may be another's now.
        let mut lists = Vec::new();
        for (_, set) in &persons {
            if let Some(proto::person_set::Set::SnapshotId(id)) = &set.set {
                lists.push(self.left(id).await?);
            }
        }
        let (view, lists) = self.index.view_with(&lists)?;
        persons::Asked::new(view, lists, &rules, persons, self.clock.now())
    }

    /// The ids of the persons that are meant, ascending.
    ///
    /// # Errors
    /// As the other questions about many persons; `field` names the set.
    pub(crate) async fn persons(&self, field: &'static str, set: proto::PersonSet) -> Result<Vec<String>, Problem> {
        let asked = self.asked(vec![(field, set)]).await?;
        aside(move || {
            let set = asked.set(0);
            let mut ids: Vec<String> = set.iter().filter_map(|row| asked.view.person(row)).map(str::to_owned).collect();
            ids.sort_unstable();
            Ok(ids)
        })
        .await
    }

    /// How the index is.
    async fn standing(&self) -> Result<proto::GetAudienceResponse, Problem> {
        let index = self.index.clone();
        aside(move || {
            let standing = index.standing();
            let view = index.view().ok();
            let kind = |name: &str| match view.as_ref().and_then(|view| view.trait_kind(name)) {
                Some(attune_audience::TraitKind::Number) => "number",
                Some(attune_audience::TraitKind::Level) => "level",
                Some(attune_audience::TraitKind::Tags) => "tags",
                None => "",
            };
            let column = |(name, bytes): (&String, &usize)| proto::AudienceColumn {
                name: name.clone(),
                kind: kind(name).to_owned(),
                memory_bytes: count(*bytes),
            };
            Ok(proto::GetAudienceResponse {
                ready: standing.not_ready.is_none(),
                reason: standing.not_ready.map(|why| why.reason().to_owned()).unwrap_or_default(),
                person_count: count(standing.persons),
                column_count: i32::try_from(standing.columns).unwrap_or(i32::MAX),
                memory_bytes: count(standing.memory),
                build_duration: prost_types::Duration::try_from(standing.built).ok(),
                columns: view.iter().flat_map(|_| standing.by_column.iter().map(column)).collect(),
            })
        })
        .await
    }
}

/// Runs what takes the processor for long away from the threads that answer calls.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problem> + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
}

/// A number of persons or bytes as messages have it.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The part that some are of all; 0 of nobody.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(some: usize, all: usize) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// Whether a view has a column; otherwise the field is named.
fn column(view: &View, field: &str, name: &str) -> Result<(), Problem> {
    if view.trait_kind(name).is_some() {
        return Ok(());
    }
    Err(Problem::invalid_field(field, "is no column of the index that anybody has a value in"))
}
