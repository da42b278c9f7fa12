//! What the service knows how to compute, as pure functions over values: no I/O, no clock, no randomness.
//!
//! * [`log`], [`sessions`], [`funnel`], [`paths`], [`graph`], [`pattern`], [`predicate`], [`value`]: the engine of journeys,
//!   a crate of its own that the commands use too.
//! * [`trigger`]: sets of trigger rules, one small state per set and person.
//! * [`journey`]: stages that a person moves through.
//! * [`live`]: all rules and journeys over one person's events as they arrive.
//! * [`person`]: what a merge, a split or an erasure means.
//! * [`event`], [`condition`]: what the others share.

pub mod condition;
pub mod event;
pub mod journey;
pub mod live;
pub mod origin;
pub mod person;
pub mod trigger;

pub use attune_pathing::{funnel, graph, log, paths, pattern, predicate, sessions, stat, value};
