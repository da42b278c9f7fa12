//! The single interaction view of each person: timeline, attributes, traits, tags, segments, consents.
//!
//! * [`Config`]: settings; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`domain`]: what a profile is, as pure functions.
//! * `store`: profiles, durably, over the embedded engine or Postgres.
//! * `grpc`: the contract `attune.profile.v1`.
//!
//! Deliberately absent: calls to other services. Merges, splits and erasures are brought by the channel-gateway.

pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;

mod grpc;
mod service;
mod store;

pub use config::{Config, DEFAULT_CONFIG};
pub use service::{Deps, NAME, build};
pub use store::{MIGRATIONS, SCHEMA};
