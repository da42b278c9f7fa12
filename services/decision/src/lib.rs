//! What now for this person here: rules, self-learning arbitration, explanation.
//!
//! * [`Config`]: the default policy, priors, what to do without whom; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`domain`]: the rules, as pure functions: [`domain::decide`] is the pipeline, [`domain::arbitration`] the choice and
//!   its exact probability, [`domain::report`] and [`domain::simulate`] read the log.
//! * `store`: the decision log, responses and what they taught, over the embedded engine or Postgres.
//! * `clients`: identity-resolution, profile and contact-optimization.
//! * `grpc`: the contract `attune.decision.v1`.
//!
//! Deliberately absent: sending anything (channel-gateway does), reserving contacts (admission here only asks), and any
//! copy of profiles.

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
