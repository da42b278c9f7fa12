//! Every source in, every channel out, each contact once; and the conductor between the services.
//!
//! * [`Config`]: batches, leases, backoff, HTTP, webhooks; [`DEFAULT_CONFIG`] documents every key.
//! * [`build`]: the service from its [`Config`] and [`Deps`].
//! * [`Callees`]: the five services that it calls.
//! * [`domain`]: where an event goes, what happens next to a delivery; pure functions.
//! * `conductor`: the relays that run in the background, each safe to kill anywhere.
//! * `providers`: who carries messages: files, webhooks, people.
//! * `store`: events, deliveries, leads, cursors, durably, over the embedded engine or Postgres.
//! * `grpc`: the contract `attune.channel.v1`; `http`: collecting as JSON.
//!
//! An event is answered after it is durable, and a message is sent after the intent to send it is durable. What may have
//! happened before a crash is looked up or done again under the same key, and every receiver knows repeats.
//!
//! Deliberately absent: any decision about persons or offers, and a broker.

pub mod config;
pub mod domain;
pub mod error;
pub mod metrics;

mod clients;
mod conductor;
mod grpc;
mod http;
mod providers;
mod service;
mod store;

pub use clients::Callees;
pub use config::{Config, DEFAULT_CONFIG};
pub use service::{Deps, NAME, build};
pub use store::{MIGRATIONS, SCHEMA};
