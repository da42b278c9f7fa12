//! Record linkage: which records are one person's, by the model of Fellegi and Sunter.
//!
//! * [`text`]: values of every role made comparable, in every script.
//! * [`similarity`]: how alike two strings are.

pub mod similarity;
pub mod text;
