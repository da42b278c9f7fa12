//! Who is this: identifiers resolve to one stable person id.
//!
//! * [`Config`]: namespaces and their policies; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`domain`]: the rules, as pure functions.
//! * `store`: who is who, durably, over the embedded engine or Postgres.
//! * `grpc`: the contract `attune.identity.v1`.
//!
//! Deliberately absent: calls to other services, and any history of persons; others follow the change feed.

pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;

mod grpc;
mod service;
mod store;

pub use config::{Config, DEFAULT_CONFIG, MatchingConfig};
pub use service::{Deps, NAME, build};
pub use store::{MIGRATIONS, SCHEMA};
