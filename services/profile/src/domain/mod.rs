//! What a profile is and how events, writes, consents and changes of who is who make it.
//!
//! Pure: no async, no I/O, no clock, no wire types. The current time is an argument.

pub mod audience;
pub mod batch;
pub mod catalogue;
pub mod codec;
pub mod consent;
pub mod coverage;
pub mod document;
pub mod event;
pub mod features;
pub mod heard;
pub mod history;
pub mod judge;
pub mod library;
pub mod moves;
pub mod origin;
pub mod past;
pub mod quiet;
pub mod reading;
pub mod rules;
pub mod schema;
pub mod score;
pub mod segment;
pub mod session;
pub mod settle;
pub mod tag;
pub mod tally;
pub mod traits;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
pub(crate) mod unmerge_tests;
