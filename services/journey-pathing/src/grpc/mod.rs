//! The contract `attune.journey.v1`: validate, convert, call the domain, convert.

mod convert;
mod handlers;
mod observing;
mod questions;
mod resources;
mod rules;
mod stream;
mod trying;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_service_kit::clock::Clock;
use attune_service_kit::crud::{Compiled, Crud};
use attune_service_kit::status::to_status;
use tonic::Status;

pub(crate) use self::convert::recorded;
pub(crate) use self::resources::{Journeys, TriggerRuleSets};
pub(crate) use self::rules::{check_journey, check_set, rulebook};
use crate::config::Config;
use crate::domain::live::Rulebook;
use crate::metrics::Metrics;
use crate::store::Store;

/// The server of the contract.
#[derive(Clone)]
pub(crate) struct Journey {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) book: Arc<Compiled<Rulebook>>,
    pub(crate) journeys: Crud<Journeys>,
    pub(crate) rule_sets: Crud<TriggerRuleSets>,
    pub(crate) config: Arc<Config>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
}

/// Any error as a status.
fn status(error: impl Into<Problem>) -> Status {
    to_status(error.into())
}
