//! What people do, where they leave, and the right moment: sessions, funnels, patterns, paths, journeys and triggers.
//!
//! * [`domain`]: everything that is computed, as pure functions.

pub mod domain;
