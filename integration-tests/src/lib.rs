//! The suite as its users have it: real processes, real sockets, real stores. Scenarios stand in `tests/`.
//!
//! | module | what it is |
//! |---|---|
//! | [`binary`] | the built command: run to its end, or started |
//! | [`process`] | one running process: its log, its end by a signal |
//! | [`suite`] | the services as one process or as six, behind one type |
//! | [`verbs`] | what a channel or an operator does with a suite |
//! | [`events`], [`values`] | what is sent |
//! | [`patience`] | waiting for what happens soon |
//! | [`database`], [`cache`] | a Postgres database and a Redis database of a test's own |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a test's words are for the person who runs it")]
#![allow(clippy::missing_panics_doc, reason = "everything here panics when the suite does not do what it must")]

pub mod binary;
pub mod cache;
pub mod database;
pub mod events;
pub mod patience;
pub mod process;
pub mod suite;
pub mod values;
pub mod verbs;

pub use events::Happening;
pub use patience::eventually;
pub use suite::{Service, Suite};
