//! Learning from what is known of customers: what they will be worth, and what they will probably do.
//!
//! | module | what it is |
//! |---|---|
//! | [`data`] | tables of texts cut into bins; columns that say nothing are left out with the reason |
//! | [`logistic`] | logistic regression over bins, with standard errors |
//! | [`boost`] | gradient-boosted trees over histograms, with exact Shapley values |
//! | [`train`], [`model`] | both together: chosen, weighed and calibrated by cross-validation; kept, asked, explained |
//! | [`causes`] | which columns push, with intervals; columns that know the label already |
//! | [`evaluate`] | how good predictions are: ranking, calibration, lift, drift |
//! | [`ltv`] | BG/NBD and Gamma-Gamma: who is still there, how often they will buy, what they will be worth |
//! | [`folds`], [`random`], [`special`], [`matrix`] | the mathematics below |
//!
//! Everything is a pure function of its arguments: no file, no clock, and randomness only from a seed.

pub mod boost;
pub mod causes;
pub mod data;
pub mod evaluate;
pub mod folds;
pub mod logistic;
pub mod ltv;
pub mod matrix;
pub mod model;
pub mod random;
pub mod special;
pub mod train;

mod minimise;

/// The most columns of a table.
pub const MAX_COLUMNS: usize = 1000;

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
    /// A column that is not there.
    #[error("there is no column {0}")]
    NoColumn(String),
    /// More columns than [`MAX_COLUMNS`].
    #[error("there are {0} columns, more than {MAX_COLUMNS}")]
    TooManyColumns(usize),
    /// Bins that trees cannot be grown over.
    #[error(transparent)]
    Boost(#[from] boost::Error),
    /// A model that cannot be asked.
    #[error("the model cannot be used: {0}")]
    BadModel(String),
    /// The data do not determine a model.
    #[error("{0}")]
    Unfit(&'static str),
}
