//! Learning a model from a table.
//!
//! The regression's penalty, the size and number of trees, and the weights of both are chosen by cross-validation inside
//! the rows that are learned from. What a model is worth is told by rows that none of these choices has seen
//! ([`cross_validate`]).

use rayon::prelude::*;

use crate::boost::{self, Bins, Forest, Parameters};
use crate::data::{Binning, Column, Kind, LeftOut, Table, kinds};
use crate::logistic::{self, Logistic};
use crate::model::{Blend, FORMAT, Model, ModelColumn, Reference, Training, VERSION};
use crate::{Error, MAX_COLUMNS, folds};

/// How to learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What the draws depend on.
    pub seed: u64,
    /// Folds of the cross-validation inside.
    pub folds: usize,
    /// The most trees.
    pub trees: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { seed: 0, folds: 5, trees: 400 }
    }
}

/// Rows below which nothing is learned: fewer cannot be dealt into folds that each hold both labels.
pub const MIN_ROWS_OF_A_LABEL: usize = 10;
/// Penalties that are tried, the strongest first, each fit beginning at the one before.
const PENALTIES: [f64; 7] = [100.0, 30.0, 10.0, 4.0, 1.5, 0.5, 0.15];
/// Leaves of a tree that are tried.
const LEAVES: [usize; 2] = [4, 10];
/// Trees without a gain after which growing ends.
const PATIENCE: usize = 40;

/// What a table is learned from.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Columns that are asked, with what they hold.
    pub columns: Vec<(&'a Column, Kind)>,
    /// Columns that are not.
    pub left_out: Vec<LeftOut>,
    /// The label of each row.
    pub labels: &'a [bool],
    /// The column of the label.
    pub label: &'a str,
    /// Which of its values.
    pub positive: &'a str,
}

impl<'a> Subject<'a> {
    /// Tells what the columns of a table hold.
    ///
    /// # Errors
    /// [`Error::Unfit`] without a column or with too few rows of a label; [`Error::TooManyColumns`].
    pub fn new(table: &'a Table, labels: &'a [bool], label: &'a str, positive: &'a str) -> Result<Self, Error> {
        if table.columns().len() > MAX_COLUMNS {
            return Err(Error::TooManyColumns(table.columns().len()));
        }
        let yes = labels.iter().filter(|label| **label).count();
        if yes.min(labels.len() - yes) < MIN_ROWS_OF_A_LABEL {
            return Err(Error::Unfit("fewer than 10 rows have the label, or fewer than 10 do not"));
        }
        let (mut columns, mut left_out) = (Vec::new(), Vec::new());
        for column in table.columns() {
            match kinds::kind_of(column) {
                Ok(kind) => columns.push((column, kind)),
                Err(reason) => left_out.push(reason),
            }
        }
        if columns.is_empty() {
            return Err(Error::Unfit("there is no column to learn from"));
        }
        Ok(Self { columns, left_out, labels, label, positive })
    }
}

/// A model with what is needed to tell its causes.
#[derive(Debug, Clone)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// The regression with its errors.
    pub regression: Logistic,
    /// The bins of the rows it was learned from.
    pub bins: Vec<Bins>,
    /// Their labels.
    pub labels: Vec<bool>,
}

/// Learns a model from these rows.
///
/// # Errors
/// [`Error::Unfit`] when there are too few rows of a label among them.
pub fn train(subject: &Subject<'_>, rows: &[u32], options: &Options, with_errors: bool) -> Result<Trained, Error> {
    let labels: Vec<bool> = rows.iter().map(|row| subject.labels[*row as usize]).collect();
    let binnings: Vec<Binning> =
        subject.columns.par_iter().map(|(column, kind)| Binning::fit(column, *kind, rows)).collect();
    let bins: Vec<Bins> =
        subject.columns.par_iter().zip(&binnings).map(|((column, _), binning)| binning.apply(column, rows)).collect();
    let dealt = folds::deal(&labels, options.folds, options.seed);
    let parts: Vec<Part> = (0..options.folds as u16).map(|fold| Part::new(&bins, &labels, &dealt, fold)).collect();
    let (by_regression, by_trees) =
        rayon::join(|| choose_penalty(&parts, labels.len()), || choose_trees(&parts, labels.len(), options));
    let ((penalty, regression_odds, regression_loss), (parameters, tree_odds, tree_loss)) = (by_regression?, by_trees?);
    let blend = Blend::fit(&regression_odds, &tree_odds, &labels)?;
    let odds: Vec<f64> = regression_odds.iter().zip(&tree_odds).map(|(one, other)| blend.odds(*one, *other)).collect();
    let blended_loss = log_loss(&odds, &labels);
    let (regression, forest) = rayon::join(
        || logistic::fit(&bins, &labels, penalty, None, with_errors),
        || match blend.trees > 0.0 {
            true => boost::train(&bins, &labels, None, &parameters, |_, _| true).map_err(Error::from),
            false => Ok(Forest::default()),
        },
    );
    let (regression, _) = regression?;
    let columns = subject.columns.iter().zip(binnings).zip(regression.weights.iter().zip(&bins));
    let model = Model {
        format: FORMAT.to_owned(),
        version: VERSION,
        label: subject.label.to_owned(),
        positive: subject.positive.to_owned(),
        columns: columns
            .map(|(((column, _), binning), (weights, bins))| ModelColumn {
                name: column.name.clone(),
                binning,
                weights: weights.clone(),
                rows: counted(bins),
            })
            .collect(),
        left_out: subject.left_out.clone(),
        intercept: regression.intercept,
        forest: forest?,
        blend,
        training: Training {
            rows: labels.len() as u64,
            positives: labels.iter().filter(|label| **label).count() as u64,
            seed: options.seed,
            penalty,
            leaves: parameters.leaves,
            trees: parameters.trees,
            losses: [regression_loss, tree_loss, blended_loss],
        },
        reference: Reference::new(&odds),
    };
    Ok(Trained { model, regression, bins, labels })
}

/// The probability of every row by a model that was learned from the other folds.
///
/// # Errors
/// As [`train`].
pub fn cross_validate(
    subject: &Subject<'_>,
    dealt: &[u16],
    count: usize,
    options: &Options,
) -> Result<Vec<f64>, Error> {
    let of_folds: Result<Vec<Vec<(u32, f64)>>, Error> = (0..count as u16)
        .into_par_iter()
        .map(|fold| {
            let rows = |wanted: bool| -> Vec<u32> {
                (0..dealt.len() as u32).filter(|row| (dealt[*row as usize] == fold) == wanted).collect()
            };
            let trained = train(subject, &rows(false), options, false)?;
            Ok(predict(subject, &trained.model, &rows(true)))
        })
        .collect();
    let mut out = vec![0.0; dealt.len()];
    for (row, probability) in of_folds?.into_iter().flatten() {
        out[row as usize] = probability;
    }
    Ok(out)
}

/// The probability of these rows by a model that was learned from the same columns.
#[must_use]
pub fn predict(subject: &Subject<'_>, model: &Model, rows: &[u32]) -> Vec<(u32, f64)> {
    let bins: Vec<Bins> = subject
        .columns
        .par_iter()
        .zip(&model.columns)
        .map(|((column, _), asked)| asked.binning.apply(column, rows))
        .collect();
    let mut row = vec![0; bins.len()];
    let each = rows.iter().enumerate().map(|(at, id)| {
        for (bin, column) in row.iter_mut().zip(&bins) {
            *bin = column.values[at];
        }
        (*id, model.probability(&row))
    });
    each.collect()
}

/// A fold: what is learned from, and what is kept aside.
struct Part {
    bins: Vec<Bins>,
    labels: Vec<bool>,
    aside: Vec<usize>,
    aside_bins: Vec<Bins>,
    aside_labels: Vec<bool>,
}

impl Part {
    fn new(bins: &[Bins], labels: &[bool], dealt: &[u16], fold: u16) -> Self {
        let rows =
            |wanted: bool| -> Vec<usize> { (0..dealt.len()).filter(|row| (dealt[*row] == fold) == wanted).collect() };
        let take = |rows: &[usize]| -> (Vec<Bins>, Vec<bool>) {
            let bins = bins
                .iter()
                .map(|column| Bins { values: rows.iter().map(|row| column.values[*row]).collect(), ..*column });
            (bins.collect(), rows.iter().map(|row| labels[*row]).collect())
        };
        let aside = rows(true);
        let ((bins, labels), (aside_bins, aside_labels)) = (take(&rows(false)), take(&aside));
        Self { bins, labels, aside, aside_bins, aside_labels }
    }
}

/// Puts what was said of the rows aside in the order of all rows.
fn gather<'a>(parts: &[Part], of_parts: impl Iterator<Item = &'a Vec<f64>>, rows: usize) -> Vec<f64> {
    let mut out = vec![0.0; rows];
    for (part, odds) in parts.iter().zip(of_parts) {
        for (row, odds) in part.aside.iter().zip(odds) {
            out[*row] = *odds;
        }
    }
    out
}

/// The penalty with the least loss, and the log-odds it gives to rows aside.
fn choose_penalty(parts: &[Part], rows: usize) -> Result<(f64, Vec<f64>, f64), Error> {
    let of_parts: Result<Vec<Vec<Vec<f64>>>, Error> = parts
        .par_iter()
        .map(|part| {
            let mut start: Option<Vec<f64>> = None;
            let each = PENALTIES.iter().map(|penalty| {
                let (fitted, raw) = logistic::fit(&part.bins, &part.labels, *penalty, start.as_deref(), false)?;
                start = Some(raw);
                let aside = 0..part.aside.len();
                Ok(aside.map(|row| fitted.score(|column| part.aside_bins[column].values[row])).collect())
            });
            each.collect()
        })
        .collect();
    let of_parts = of_parts?;
    let labels = labels_of(parts, rows);
    let mut best: Option<(f64, Vec<f64>, f64)> = None;
    for (at, penalty) in PENALTIES.iter().enumerate() {
        let odds = gather(parts, of_parts.iter().map(|part| &part[at]), rows);
        let loss = log_loss(&odds, &labels);
        if best.as_ref().is_none_or(|best| loss < best.2) {
            best = Some((*penalty, odds, loss));
        }
    }
    best.ok_or(Error::Unfit("no penalty was tried"))
}

/// The trees with the least loss, and the log-odds they give to rows aside.
fn choose_trees(parts: &[Part], rows: usize, options: &Options) -> Result<(Parameters, Vec<f64>, f64), Error> {
    let tried: Vec<(usize, usize)> =
        LEAVES.iter().flat_map(|leaves| (0..parts.len()).map(|part| (*leaves, part))).collect();
    let grown: Result<Vec<Vec<Vec<f64>>>, Error> =
        tried.par_iter().map(|(leaves, part)| grow(&parts[*part], &parameters(*leaves, options))).collect();
    let grown = grown?;
    let labels = labels_of(parts, rows);
    let mut best: Option<(Parameters, Vec<f64>, f64)> = None;
    for (leaves, of_parts) in LEAVES.iter().zip(grown.chunks(parts.len())) {
        let longest = of_parts.iter().map(Vec::len).max().unwrap_or_default();
        for trees in 0..longest {
            // A fold that ended early is where it ended.
            let odds = gather(parts, of_parts.iter().filter_map(|part| part.get(trees).or(part.last())), rows);
            let loss = log_loss(&odds, &labels);
            if best.as_ref().is_none_or(|best| loss < best.2) {
                let parameters = Parameters { trees: (trees + 1) * STEP, ..parameters(*leaves, options) };
                best = Some((parameters, odds, loss));
            }
        }
    }
    best.ok_or(Error::Unfit("no tree was tried"))
}

/// Trees between which the number of trees is chosen.
const STEP: usize = 5;

fn parameters(leaves: usize, options: &Options) -> Parameters {
    Parameters { trees: options.trees, leaves, seed: options.seed, ..Parameters::default() }
}

/// The log-odds of the rows aside after every few trees.
fn grow(part: &Part, parameters: &Parameters) -> Result<Vec<Vec<f64>>, Error> {
    let yes = part.labels.iter().filter(|label| **label).count() as f64 / part.labels.len() as f64;
    let mut odds = vec![(yes / (1.0 - yes)).ln(); part.aside.len()];
    let mut steps: Vec<Vec<f64>> = Vec::new();
    let (mut least, mut least_at) = (f64::INFINITY, 0);
    boost::train(&part.bins, &part.labels, None, parameters, |count, tree| {
        for (row, odds) in odds.iter_mut().enumerate() {
            *odds += tree.score(|column| part.aside_bins[column].values[row]);
        }
        if count % STEP == 0 {
            steps.push(odds.clone());
            let loss = log_loss(&odds, &part.aside_labels);
            if loss < least {
                (least, least_at) = (loss, count);
            }
        }
        count < least_at + PATIENCE
    })?;
    Ok(steps)
}

fn labels_of(parts: &[Part], rows: usize) -> Vec<bool> {
    let mut out = vec![false; rows];
    for part in parts {
        for (row, label) in part.aside.iter().zip(&part.aside_labels) {
            out[*row] = *label;
        }
    }
    out
}

fn log_loss(odds: &[f64], labels: &[bool]) -> f64 {
    let each = odds.iter().zip(labels).map(|(odds, label)| {
        let odds = if *label { -odds } else { *odds };
        odds.max(0.0) + (-odds.abs()).exp().ln_1p()
    });
    each.sum::<f64>() / labels.len() as f64
}

fn counted(bins: &Bins) -> Vec<u64> {
    let mut rows = vec![0; usize::from(bins.count)];
    for bin in &bins.values {
        rows[usize::from(*bin)] += 1;
    }
    rows
}
