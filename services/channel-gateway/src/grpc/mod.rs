//! The contract `attune.channel.v1`: validate, convert, call the domain, convert.

mod collecting;
mod convert;
mod deliveries;
mod handlers;
mod leads;

use std::sync::Arc;

use attune_kernel::Problem;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::crud::Crud;
use attune_service_kit::status::to_status;
use tokio::sync::Notify;
use tonic::Status;

pub(crate) use crate::clients::item_problem;
pub(crate) use crate::clients::wire::{object, stamp};
use crate::metrics::Metrics;
use crate::providers::{Channels, Directory, Templates};
use crate::store::Store;

/// The server of the contract.
#[derive(Clone)]
pub(crate) struct Gateway {
    /// What is kept.
    pub(crate) store: Store,
    /// Channels and templates as they are used.
    pub(crate) directory: Directory,
    /// Channels as they are written.
    pub(crate) channels: Crud<Channels>,
    /// Templates as they are written.
    pub(crate) templates: Crud<Templates>,
    /// Business time.
    pub(crate) clock: Clock,
    /// Ids of deliveries.
    pub(crate) ids: IdSource,
    /// The purpose of a message that names none.
    pub(crate) default_purpose: String,
    /// Wakes the inbox's relay.
    pub(crate) inbox_bell: Arc<Notify>,
    /// Wakes the outbox's worker.
    pub(crate) outbox_bell: Arc<Notify>,
    /// Instruments.
    pub(crate) metrics: Metrics,
}

/// Any error as a status.
fn status(error: impl Into<Problem>) -> Status {
    to_status(error.into())
}
