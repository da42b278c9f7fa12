//! What people do, computed over columns: sessions, funnels, patterns, paths and graphs of events.
//!
//! * [`load`]: event logs from files.
//! * [`log`]: the columnar event log that every question is asked of.
//! * [`sessions`]: cuts a person's events by inactivity; a sequence is the unit of all analyses.
//! * [`funnel`], [`paths`], [`graph`], [`flow`], [`cohort`]: counts over sequences.
//! * [`pattern`]: the pattern language and the search for its matches.
//! * [`value`], [`predicate`], [`stat`], [`text`]: what the others share.
//!
//! Deliberately absent: clocks, randomness, and any I/O but reading what is handed in.

pub mod cohort;
pub mod flow;
pub mod funnel;
pub mod graph;
pub mod load;
pub mod log;
mod parallel;
pub mod paths;
pub mod pattern;
pub mod predicate;
pub mod sessions;
pub mod stat;
pub mod text;
pub mod value;
