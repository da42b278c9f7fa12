//! What is learned: a model that is kept, read again and asked.

use serde::{Deserialize, Serialize};

use crate::boost::{Forest, Node};
use crate::data::{Binning, LeftOut};
use crate::special::logistic;
use crate::{Error, MAX_COLUMNS};

/// What the files say of themselves.
pub const FORMAT: &str = "attune.learning.model";
/// The version of their form. A change that an older program would misread raises it.
pub const VERSION: u32 = 1;

/// A model of a label.
///
/// Its log-odds are a sum of two, weighed by [`Blend`]: a regression over bins and trees over the same bins. So what a
/// column adds to a person's log-odds is exact: its weight, and its Shapley value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The column that is predicted.
    pub label: String,
    /// Which of its values.
    pub positive: String,
    /// The columns that are asked.
    pub columns: Vec<ModelColumn>,
    /// The columns that are not.
    pub left_out: Vec<LeftOut>,
    /// The regression's log-odds of a row whose columns say nothing.
    pub intercept: f64,
    /// The trees; a column is its place in `columns`.
    pub forest: Forest,
    /// How the two are weighed.
    pub blend: Blend,
    /// How it was learned.
    pub training: Training,
    /// The scores of rows that were not learned from.
    pub reference: Reference,
}

/// A column that is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelColumn {
    /// Its name.
    pub name: String,
    /// How it is cut.
    pub binning: Binning,
    /// The regression's weight of each bin.
    pub weights: Vec<f64>,
    /// Rows of each bin in training, to tell a drift.
    pub rows: Vec<u64>,
}

/// Weights of the two log-odds, fitted to rows that neither had seen: a logistic regression on them, which is Platt's
/// calibration of both at once. No weight is negative.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blend {
    /// Added to both.
    pub intercept: f64,
    /// Of the regression.
    pub regression: f64,
    /// Of the trees.
    pub trees: f64,
}

/// How a model was learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Rows.
    pub rows: u64,
    /// Rows of the label.
    pub positives: u64,
    /// What the draws depended on.
    pub seed: u64,
    /// The regression's penalty, chosen by cross-validation.
    pub penalty: f64,
    /// Leaves of a tree, chosen by cross-validation.
    pub leaves: usize,
    /// Trees, chosen by cross-validation.
    pub trees: usize,
    /// The cross-validated log-loss of the regression, of the trees, and of both.
    pub losses: [f64; 3],
}

/// Scores by tenths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Log-odds between the tenths, in ascending order.
    pub edges: Vec<f64>,
    /// Rows below the first edge, and so on.
    pub rows: Vec<u64>,
}

impl Reference {
    /// The tenths of log-odds.
    #[must_use]
    pub fn new(odds: &[f64]) -> Self {
        let mut sorted = odds.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> = (1..10).filter_map(|tenth| sorted.get(tenth * sorted.len() / 10).copied()).collect();
        edges.dedup();
        let mut reference = Self { edges, rows: Vec::new() };
        reference.rows = reference.counted(odds);
        reference
    }

    /// How many of these log-odds lie in each tenth.
    #[must_use]
    pub fn counted(&self, odds: &[f64]) -> Vec<u64> {
        let mut rows = vec![0; self.edges.len() + 1];
        for one in odds {
            rows[self.edges.partition_point(|edge| edge <= one)] += 1;
        }
        rows
    }
}

/// Why a row has its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The log-odds without any column.
    pub baseline: f64,
    /// What each column adds. With the baseline they add up to the row's log-odds.
    pub columns: Vec<f64>,
}

impl Model {
    /// Refuses a model that this version cannot ask: read ones may be damaged.
    ///
    /// # Errors
    /// [`Error::BadModel`], naming what is wrong.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |what: String| Err(Error::BadModel(what));
        if self.format != FORMAT || self.version != VERSION {
            return wrong(format!(
                "it is {:?} version {}, not {FORMAT:?} version {VERSION}",
                self.format, self.version
            ));
        }
        if self.columns.is_empty() || self.columns.len() > MAX_COLUMNS {
            return wrong(format!("it has {} columns", self.columns.len()));
        }
        let numbers = [self.intercept, self.forest.base, self.blend.intercept, self.blend.regression, self.blend.trees];
        if numbers.iter().any(|number| !number.is_finite()) {
            return wrong("a weight is not finite".to_owned());
        }
        for column in &self.columns {
            let bins = usize::from(column.binning.count());
            let finite = column.weights.iter().all(|weight| weight.is_finite());
            if column.weights.len() != bins || column.rows.len() != bins || !finite || !column.binning.in_order() {
                return wrong(format!("the bins of column {:?} do not fit together", column.name));
            }
        }
        for (at, tree) in self.forest.trees.iter().enumerate() {
            let sound = tree.nodes.iter().enumerate().all(|(place, node)| match node {
                Node::Leaf { value, cover } => value.is_finite() && *cover > 0.0,
                Node::Split { column, left, right, cover, .. } => {
                    let children = [*left, *right]
                        .iter()
                        .all(|child| (*child as usize) > place && (*child as usize) < tree.nodes.len());
                    (*column as usize) < self.columns.len() && children && *cover > 0.0
                }
            });
            if !sound || tree.nodes.is_empty() {
                return wrong(format!("tree {} does not fit together", at + 1));
            }
        }
        Ok(())
    }

    /// The log-odds of a row by the bins of its columns. Allocates nothing.
    #[must_use]
    pub fn odds(&self, bins: &[u16]) -> f64 {
        let bin = |column: usize| bins.get(column).copied().unwrap_or_default();
        let regression = self.columns.iter().enumerate().fold(self.intercept, |sum, (at, column)| {
            sum + column.weights.get(usize::from(bin(at))).copied().unwrap_or_default()
        });
        self.blend.odds(regression, self.forest.score(bin))
    }

    /// The probability of a row by the bins of its columns. Allocates nothing.
    #[must_use]
    pub fn probability(&self, bins: &[u16]) -> f64 {
        logistic(self.odds(bins))
    }

    /// Cuts a row: `text` gives the text of a column by its place in `columns`, or nothing. Allocates nothing.
    pub fn cut<'a>(&self, text: impl Fn(usize) -> Option<&'a str>, bins: &mut [u16]) {
        for ((at, column), bin) in self.columns.iter().enumerate().zip(bins) {
            *bin = text(at).map_or(0, |text| column.binning.of_text(text));
        }
    }

    /// Why a row has its score.
    #[must_use]
    pub fn explain(&self, bins: &[u16]) -> Explanation {
        let bin = |column: usize| bins.get(column).copied().unwrap_or_default();
        let (mut columns, rest) = self.forest.explain(self.columns.len(), bin);
        for ((at, column), added) in self.columns.iter().enumerate().zip(&mut columns) {
            let weight = column.weights.get(usize::from(bin(at))).copied().unwrap_or_default();
            *added = *added * self.blend.trees + weight * self.blend.regression;
        }
        Explanation { baseline: self.blend.odds(self.intercept, rest), columns }
    }
}

impl Blend {
    /// Both log-odds together.
    #[must_use]
    pub fn odds(&self, regression: f64, trees: f64) -> f64 {
        self.intercept + self.regression * regression + self.trees * trees
    }

    /// Fits the weights to the log-odds of rows that neither model had seen, by Newton's method, held slightly to halves.
    ///
    /// # Errors
    /// [`Error::Unfit`] when the labels are all alike.
    pub fn fit(regression: &[f64], trees: &[f64], labels: &[bool]) -> Result<Self, Error> {
        let whole = Self::fit_some(regression, trees, labels, [true, true])?;
        let negative = [whole.regression < 0.0, whole.trees < 0.0];
        match negative {
            [false, false] => Ok(whole),
            [true, _] => Self::fit_some(regression, trees, labels, [false, true]),
            [false, true] => Self::fit_some(regression, trees, labels, [true, false]),
        }
    }

    fn fit_some(regression: &[f64], trees: &[f64], labels: &[bool], used: [bool; 2]) -> Result<Self, Error> {
        let each = used.iter().filter(|used| **used).count() as f64;
        let middle = used.map(|used| if used { 1.0 / each } else { 0.0 });
        let mut weights = [0.0, middle[0], middle[1]];
        for _ in 0..50 {
            let mut slope = [0.0, weights[1] - middle[0], weights[2] - middle[1]];
            let mut curvature = [1e-9, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
            for ((one, other), label) in regression.iter().zip(trees).zip(labels) {
                let x = [1.0, if used[0] { *one } else { 0.0 }, if used[1] { *other } else { 0.0 }];
                let chance = logistic(weights.iter().zip(x).map(|(weight, x)| weight * x).sum());
                let (first, second) = (chance - f64::from(u8::from(*label)), chance * (1.0 - chance));
                for row in 0..3 {
                    slope[row] += first * x[row];
                    for column in 0..=row {
                        curvature[row * 3 + column] += second * x[row] * x[column];
                    }
                }
            }
            let factor = crate::matrix::Factor::new(&curvature, 3).ok_or(Error::Unfit("the labels are all alike"))?;
            let step = factor.solve(&slope);
            for (weight, step) in weights.iter_mut().zip(&step) {
                // Far from the answer a whole step can go too far.
                *weight -= step.clamp(-2.0, 2.0);
            }
            if step.iter().all(|step| step.abs() < 1e-10) {
                break;
            }
        }
        Ok(Self { intercept: weights[0], regression: weights[1], trees: weights[2] })
    }
}
