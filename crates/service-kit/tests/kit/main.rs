//! The kit from outside: real listeners on loopback, a fake service behind them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program stops at what it does not expect"
)]

mod auth;
mod calls;
mod config;
mod crud;
mod drain;
mod fake;
mod tasks;
