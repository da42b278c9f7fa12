//! The kit from outside: real listeners on loopback, a fake service behind them.

mod auth;
mod calls;
mod config;
mod crud;
mod drain;
mod fake;
mod tasks;
