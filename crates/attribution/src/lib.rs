//! Attribution: which touches on the way to a goal earned it, and how much of its value.
//!
//! | module | what it is |
//! |---|---|
//! | [`paths`] | paths of touches with conversions, value and the paths that came to nothing, kept as codes side by side |
//! | [`heuristic`] | first, last, linear, position based, time decay |
//! | [`markov`] | removal effects of a Markov chain of any order, in closed form: no simulation, the same bits every run |
//! | [`shapley`] | Shapley values: exact for sums of any size and for rates of up to 15 channels, sampled with an error above |
//!
//! Every model hands out exactly the conversions and the value that the paths have, up to rounding; what the paths do not
//! say (a conversion without a touch) cannot enter, because a path has at least one touch.
//!
//! ```
//! use attune_attribution::{Paths, markov};
//!
//! let mut paths = Paths::default();
//! paths.add(["search", "mail"], 3.0, 120.0, 1.0)?;
//! paths.add(["mail"], 1.0, 30.0, 4.0)?;
//! let credit = markov::attribute(&paths, 1)?;
//! assert_eq!(credit.iter().map(|one| one.conversions).sum::<f64>(), 4.0);
//! # Ok::<(), attune_attribution::Error>(())
//! ```

pub mod heuristic;
pub mod markov;
pub mod paths;
pub mod shapley;

mod solve;

#[cfg(test)]
mod tests;

pub use paths::Paths;

/// What one channel earned.
#[derive(Debug, Clone, PartialEq)]
pub struct Credit {
    /// The channel.
    pub channel: String,
    /// Conversions.
    pub conversions: f64,
    /// Their value, in the unit of the paths.
    pub value: f64,
    /// The standard error of `conversions`, where they were sampled; 0 where they are exact.
    pub error: f64,
}

/// Why there is no attribution.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A path without a touch.
    #[error("a path needs at least one touch")]
    EmptyPath,
    /// A count or a value that is not a number, or a count below zero.
    #[error("{field} must be a finite number and not negative: {value}")]
    BadNumber {
        /// Which one.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// More channels than a model can take.
    #[error("at most {limit} channels, found {found}")]
    TooManyChannels {
        /// The limit.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// An order of the Markov chain outside its bounds.
    #[error("the order must be from 1 to {limit}: {found}")]
    BadOrder {
        /// The limit.
        limit: usize,
        /// What was asked for.
        found: usize,
    },
    /// The equations did not settle.
    #[error("the chain of {states} states did not settle")]
    Unsettled {
        /// How many states there are.
        states: usize,
    },
}
