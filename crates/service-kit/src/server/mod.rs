//! Listening, health and the drain.
//!
//! A service is a [`Service`]: its routes, background [`Task`]s, health checks and, for the gateway, HTTP. A process is a
//! [`Server`] over one or all of them:
//!
//! SIGTERM, health NOT_SERVING, stop accepting, drain until our own deadline, stop the tasks, flush telemetry.

mod health;
mod limit;
mod running;
mod service;
mod start;
mod supervise;
mod tls;

pub use health::Health;
pub use limit::LimitLayer;
pub use running::Running;
pub use service::{Http, InProcess, Service, Stop, Task};
pub use start::{MAX_MESSAGE, Server};
