//! Which columns push a label, over all rows; and columns that know it already.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::boost::Bins;
use crate::evaluate::auc;
use crate::folds;
use crate::train::{Subject, Trained};

/// Rows that are explained to tell the causes: enough for two digits.
const EXPLAINED: usize = 2000;
/// Groups of a column of numbers.
const GROUPS: u64 = 5;
/// The area from which a single column nearly decides a label.
const LEAK: f64 = 0.95;

/// A column that pushes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The column.
    pub column: String,
    /// Its share in how far the log-odds of rows are pushed; all columns make 1.
    pub share: f64,
    /// How its values push.
    pub groups: Vec<Group>,
}

/// Rows with like values of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The values.
    pub values: String,
    /// Rows.
    pub rows: u64,
    /// The share of the label among them.
    pub actual: f64,
    /// What these values add to the log-odds on average in the whole model; nothing when no row was explained.
    pub push: Option<f64>,
    /// What they add in the regression, the other columns being equal.
    pub effect: f64,
    /// The interval of `effect` that holds the true value 95 times in 100.
    pub interval: Option<(f64, f64)>,
}

/// A column that nearly decides a label alone: it may have been written after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// The column.
    pub column: String,
    /// The area of its values alone.
    pub auc: f64,
}

/// The columns of a model by how much they push, the most first.
#[must_use]
pub fn causes(trained: &Trained) -> Vec<Cause> {
    let (model, bins) = (&trained.model, &trained.bins);
    let step = trained.labels.len().div_ceil(EXPLAINED).max(1);
    let explained: Vec<(usize, Vec<f64>)> = (0..trained.labels.len())
        .into_par_iter()
        .filter(|row| row % step == 0)
        .map(|row| {
            let of_row: Vec<u16> = bins.iter().map(|column| column.values[row]).collect();
            (row, model.explain(&of_row).columns)
        })
        .collect();
    let mut pushed = vec![0.0; bins.len()];
    for (_, columns) in &explained {
        for (sum, one) in pushed.iter_mut().zip(columns) {
            *sum += one.abs();
        }
    }
    let total: f64 = pushed.iter().sum();
    let mut causes: Vec<Cause> = model
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| Cause {
            column: column.name.clone(),
            share: if total > 0.0 { pushed[at] / total } else { 0.0 },
            groups: groups(&column.rows, column.binning.ordered())
                .into_iter()
                .filter_map(|(first, last)| group(trained, at, first, last, &explained))
                .collect(),
        })
        .collect();
    causes.sort_by(|a, b| b.share.total_cmp(&a.share));
    causes
}

fn group(trained: &Trained, column: usize, first: u16, last: u16, explained: &[(usize, Vec<f64>)]) -> Option<Group> {
    let bins = &trained.bins[column].values;
    let inside = |row: usize| (first..=last).contains(&bins[row]);
    let (effect, error) = trained.regression.effect(column, first..=last)?;
    let (mut rows, mut positives) = (0, 0);
    for (_, label) in trained.labels.iter().enumerate().filter(|one| inside(one.0)) {
        rows += 1;
        positives += u64::from(*label);
    }
    let pushes: Vec<f64> = explained.iter().filter(|one| inside(one.0)).map(|one| one.1[column]).collect();
    Some(Group {
        values: trained.model.columns[column].binning.label(first, last),
        rows,
        actual: positives as f64 / rows as f64,
        push: (!pushes.is_empty()).then(|| pushes.iter().sum::<f64>() / pushes.len() as f64),
        effect,
        interval: error.map(|error| (effect - 1.96 * error, effect + 1.96 * error)),
    })
}

/// Runs of bins: "missing" and each name alone, numbers in about equal parts.
fn groups(rows: &[u64], ordered: bool) -> Vec<(u16, u16)> {
    let count = rows.len() as u16;
    if !ordered {
        return (0..count).map(|bin| (bin, bin)).collect();
    }
    let total: u64 = rows.iter().skip(1).sum();
    let mut out = vec![(0, 0)];
    let (mut first, mut before) = (1, 0);
    for bin in 1..count {
        before += rows[usize::from(bin)];
        if before * GROUPS >= total * out.len() as u64 || bin + 1 == count {
            out.push((first, bin));
            first = bin + 1;
        }
    }
    out
}

/// Columns that nearly decide the label alone: rates of their bins in one half of the rows, asked of the other half.
#[must_use]
pub fn leaks(subject: &Subject<'_>, trained: &Trained, seed: u64) -> Vec<Leak> {
    let halves = folds::deal(&trained.labels, 2, seed);
    let found = trained.bins.iter().zip(&subject.columns).filter_map(|(bins, (column, _))| {
        let scores = rates_of_others(bins, &trained.labels, &halves);
        let area = auc(&scores, &trained.labels)?.value;
        (area >= LEAK).then(|| Leak { column: column.name.clone(), auc: area })
    });
    found.collect()
}

fn rates_of_others(bins: &Bins, labels: &[bool], halves: &[u16]) -> Vec<f64> {
    let mean = labels.iter().filter(|label| **label).count() as f64 / labels.len() as f64;
    let mut sums = vec![[(mean, 1.0); 2]; usize::from(bins.count)];
    for ((bin, label), half) in bins.values.iter().zip(labels).zip(halves) {
        let sum = &mut sums[usize::from(*bin)][usize::from(*half)];
        sum.0 += f64::from(u8::from(*label));
        sum.1 += 1.0;
    }
    let each = bins.values.iter().zip(halves).map(|(bin, half)| {
        let (yes, all) = sums[usize::from(*bin)][usize::from(1 - half)];
        yes / all
    });
    each.collect()
}
