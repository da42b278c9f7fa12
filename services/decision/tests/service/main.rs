//! The service as its callers see it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests and what only they use")]

mod deciding;
mod learning;
mod log;
mod refusing;
mod support;
