//! Every contact inside the limits of business and customer.
//!
//! * [`Config`]: times and sizes; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`domain`]: the rules, as pure functions; [`optimize`] and [`scope`] are the parts that the command line uses too.
//! * `store`: contacts, ledgers and counters, durably, over the embedded engine or Postgres.
//! * `grpc`: the contract `attune.contact.v1`.
//!
//! Deliberately absent: calls to other services, and counters in Redis: a counter that can be lost admits too many.

pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;

mod grpc;
mod service;
mod store;

pub use config::{Config, DEFAULT_CONFIG};
pub use domain::{optimize, scope};
pub use service::{Deps, NAME, build};
pub use store::{MIGRATIONS, SCHEMA};
