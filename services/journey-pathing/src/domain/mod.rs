//! What the service knows how to compute, as pure functions over values: no I/O, no clock, no randomness.
//!
//! * [`log`]: the columnar event log that every question is asked of.
//! * [`sessions`]: cuts a person's events by inactivity; [`Sequence`](sessions::Sequence) is the unit of all analyses.
//! * [`funnel`], [`paths`], [`graph`]: counts over sequences.
//! * [`pattern`]: the pattern language, in batch (here) and live (in triggers).
//! * [`trigger`]: incremental detectors, one small state per rule and person.
//! * [`journey`]: stages that a person moves through.
//! * [`live`]: all rules and journeys over one person's events as they arrive.
//! * [`person`]: what a merge, a split or an erasure means.
//! * [`event`], [`value`], [`predicate`], [`condition`], [`stat`]: what the others share.

pub mod condition;
pub mod event;
pub mod funnel;
pub mod graph;
pub mod journey;
pub mod live;
pub mod log;
pub mod origin;
pub mod paths;
pub mod pattern;
pub mod person;
pub mod predicate;
pub mod sessions;
pub mod stat;
pub mod text;
pub mod trigger;
pub mod value;
