//! Gradient-boosted trees for a yes-or-no label, grown leaf by leaf over histograms.
//!
//! Source: Friedman, "Greedy function approximation" (2001), with the second-order gain and leaf values of Chen and Guestrin,
//! "XGBoost" (2016, equations 5 to 7) and the leaf-wise growth, histogram subtraction and ordering of categories by their
//! gradient of Ke et al., "LightGBM" (2017). Explanations are exact path-dependent Shapley values (Lundberg et al.,
//! "Consistent individualized feature attribution for tree ensembles", 2018, algorithm 2).
//!
//! Rows are given as [`Bins`]: every column cut into at most 65,535 bins, bin 0 being "missing". The result is a function of
//! the bins, the labels, the weights and the parameters, whatever the number of threads: columns are searched apart, and of
//! equal gains the first column, then the first cut, wins.

mod grow;
mod histogram;
mod shap;
#[cfg(test)]
mod tests;
mod tree;

pub use grow::{Parameters, train};
pub use tree::{Forest, Node, Rule, Tree};

/// What the order of a column's bins says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bins from 1 on are in the order of the values.
    Ordered,
    /// Bins are names.
    Nominal,
}

/// A column cut into bins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    /// What the order of the bins says.
    pub kind: Kind,
    /// How many bins there are, "missing" included; each number in `values` is below it.
    pub count: u16,
    /// The bin of each row; 0 where the value is missing.
    pub values: Vec<u16>,
}

/// Why nothing can be trained.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Columns, labels or weights of different lengths.
    #[error("column {column} has {found} rows where the labels have {expected}")]
    Length {
        /// Which column, from 0 on.
        column: usize,
        /// How many rows it has.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// A bin that is not below the count of its column.
    #[error("column {column} has bin {bin}, and only {count} bins")]
    Bin {
        /// Which column, from 0 on.
        column: usize,
        /// The bin.
        bin: u16,
        /// How many there are.
        count: u16,
    },
    /// Labels of one kind only.
    #[error("the labels are all {0}")]
    OneLabel(bool),
}
