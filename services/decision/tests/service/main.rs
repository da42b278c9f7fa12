//! The service as its callers see it.

mod deciding;
mod learning;
mod log;
mod refusing;
mod support;
