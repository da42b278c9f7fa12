//! What every service is built with: configuration, server, auth, telemetry, health, drain. Knows tonic, knows no
//! service.
//!
//! | module | what it is |
//! |---|---|
//! | [`clock`] | [`Clock`](clock::Clock) and [`IdSource`](clock::IdSource): time and randomness as values that tests steer |
//! | [`status`] | [`Problem`](attune_kernel::Problem) to [`tonic::Status`] with exactly one `ErrorInfo`, and back |
//! | [`request`] | the first line of every handler: check the field rules |
//! | [`methods`] | every RPC of the contracts by its path |
//! | [`config`] | one layered tree for the process: unknown keys refused, every problem at once |
//! | [`server`] | [`Service`](server::Service), [`Task`](server::Task), [`Server`](server::Server): listen, health, drain |
//! | [`telemetry`] | traces, metrics and logs over OTLP; the layer around every call |
//! | [`auth`] | API keys with scopes, client certificates |
//! | [`crud`] | standard methods over the resource store for any message; cached compiled views |
//! | [`metrics`] | instruments declared once |
//!
//! The context of a call (the trace it belongs to and its [`Deadline`](attune_kernel::Deadline)) travels in the current
//! [`opentelemetry::Context`]: the server side attaches it, the client side of any call made meanwhile reads it. Neither
//! crate knows the other. A task that is spawned does not inherit it.
//!
//! Deliberately absent: retries and balancing (the client crate), and anything that names a service.

pub mod auth;
pub mod clock;
pub mod config;
pub mod crud;
pub mod methods;
pub mod metrics;
pub mod request;
pub mod server;
pub mod status;
pub mod telemetry;
