//! Learning from what is known of customers: what they will be worth, and what they will probably do.
//!
//! | module | what it is |
//! |---|---|
//! | [`boost`] | gradient-boosted trees over histograms, with exact Shapley values |
//! | [`ltv`] | BG/NBD and Gamma-Gamma: who is still there, how often they will buy, what they will be worth |
//! | [`random`], [`special`], [`matrix`] | the mathematics below |
//!
//! Everything is a pure function of its arguments: no file, no clock, and randomness only from a seed.

pub mod boost;
pub mod ltv;
pub mod matrix;
pub mod random;
pub mod special;

mod minimise;

/// Why something cannot be learned or told.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A number that makes no sense where it stands.
    #[error("{what} cannot be {value}")]
    BadNumber {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: f64,
    },
    /// The data do not determine a model.
    #[error("{0}")]
    Unfit(&'static str),
}
