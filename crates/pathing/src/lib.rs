//! What people do, computed over columns: sessions, funnels, patterns, paths and graphs of events.
//!
//! * [`load`]: event logs from files.
//! * [`log`]: the columnar event log that every question is asked of.
//! * [`sessions`]: cuts a person's events by inactivity; a sequence is the unit of all analyses.
//! * [`funnel`], [`paths`], [`graph`], [`flow`], [`cohort`]: counts over sequences.
//! * [`conformance`], [`rework`]: how sequences go beside a drawn model, what is done again and waited for.
//! * [`pattern`]: the pattern language and the search for its matches.
//! * [`query`]: questions as values, and as SQL for ClickHouse; from figures to whom they count.
//! * [`value`], [`predicate`], [`probe`], [`stat`], [`text`], [`parallel`]: what the others share.
//!
//! Deliberately absent: clocks, randomness, and any I/O but reading what is handed in.

pub mod cohort;
pub mod conformance;
pub mod flow;
pub mod funnel;
pub mod graph;
pub mod load;
pub mod log;
pub mod parallel;
pub mod paths;
pub mod pattern;
pub mod predicate;
pub mod probe;
pub mod query;
pub mod rework;
pub mod sessions;
pub mod stat;
pub mod text;
pub mod value;
