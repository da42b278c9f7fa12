//! What people do, where they leave, and the right moment: sessions, funnels, patterns, paths, journeys and triggers.
//!
//! * [`Config`]: limits and intervals; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`domain`]: everything that is computed, as pure functions; the commands use it without a service.
//! * `store`: the event log, detector states, timers and the feed, over the embedded engine or Postgres.
//! * `grpc`: the contract `attune.journey.v1`.
//! * `clients`: profile, for history.
//!
//! Deliberately absent: acting on a trigger, which the gateway does; and a clock in any decision, which is made in the
//! time of the events.

pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;

mod clients;
mod grpc;
mod service;
mod store;

pub use config::{Config, DEFAULT_CONFIG};
pub use service::{Deps, NAME, build};
pub use store::{MIGRATIONS, SCHEMA};
