//! The contract, called as everybody calls it: through the generated client, over both stores.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

mod live;
mod questions;
mod refusing;
mod resources;
mod support;
mod trying;
