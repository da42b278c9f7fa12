//! Logistic regression over bins, with neighbours held together.
//!
//! Every bin has a weight. Weights of ordered bins are penalised by the squares of their differences (a random walk, the
//! first-order case of Eilers and Marx 1996, "Flexible smoothing with B-splines and penalties"), so that a curve is bent
//! only where the data bend it; weights of names and of "missing" by their squares, which shrinks rare names to the mean.
//! The penalised likelihood is maximised by Newton's method with halved steps; the inverse of its second derivatives is
//! the covariance of the weights.

use crate::Error;
use crate::boost::{Bins, Kind};
use crate::matrix::Factor;
use crate::special::logistic;

/// Holds the weights of bins that no row is in.
const LEAST: f64 = 1e-3;
/// Newton's steps after which the fit is as good as it gets.
const STEPS: usize = 25;

/// A fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    /// The log-odds of a row whose columns say nothing.
    pub intercept: f64,
    /// The weight of each bin of each column, with mean 0 over the rows.
    pub weights: Vec<Vec<f64>>,
    /// The covariance of the weights before they were centred, with the intercept at place 0; row by row.
    covariance: Option<Vec<f64>>,
    /// The place of each column's first bin in the covariance.
    offsets: Vec<usize>,
    /// The share of rows in each bin.
    shares: Vec<Vec<f64>>,
}

impl Logistic {
    /// The log-odds of a row.
    #[must_use]
    pub fn score(&self, bin: impl Fn(usize) -> u16) -> f64 {
        let weights = self.weights.iter().enumerate();
        weights.fold(self.intercept, |sum, (column, weights)| {
            sum + weights.get(usize::from(bin(column))).copied().unwrap_or_default()
        })
    }

    /// The mean weight of a run of bins of a column by their rows, and its standard error, both against all rows; nothing
    /// without a row in them.
    #[must_use]
    pub fn effect(&self, column: usize, bins: std::ops::RangeInclusive<u16>) -> Option<(f64, Option<f64>)> {
        let (weights, shares) = (self.weights.get(column)?, self.shares.get(column)?);
        let places = usize::from(*bins.start())..=usize::from(*bins.end());
        let inside: f64 = shares.get(places.clone())?.iter().sum();
        if inside <= 0.0 {
            return None;
        }
        let contrast: Vec<f64> = shares
            .iter()
            .enumerate()
            .map(|(bin, share)| if places.contains(&bin) { share / inside - share } else { -share })
            .collect();
        let mean: f64 = places.map(|bin| weights[bin] * shares[bin] / inside).sum();
        let error = self.covariance.as_ref().map(|covariance| {
            let (size, first) = (self.size(), self.offsets[column]);
            let rows = contrast.iter().enumerate().map(|(row, left)| {
                let from = (first + row) * size + first;
                left * covariance[from..from + contrast.len()].iter().zip(&contrast).map(|(a, b)| a * b).sum::<f64>()
            });
            rows.sum::<f64>().max(0.0).sqrt()
        });
        Some((mean, error))
    }

    fn size(&self) -> usize {
        1 + self.weights.iter().map(Vec::len).sum::<usize>()
    }
}

/// Fits a regression; `start` is one over the same bins that is near.
///
/// # Errors
/// [`Error::Unfit`] when the labels are all alike or the penalty is not positive.
pub fn fit(
    columns: &[Bins],
    labels: &[bool],
    penalty: f64,
    start: Option<&[f64]>,
    with_errors: bool,
) -> Result<(Logistic, Vec<f64>), Error> {
    let yes = labels.iter().filter(|label| **label).count();
    if yes == 0 || yes == labels.len() {
        return Err(Error::Unfit("the labels are all alike"));
    }
    if !(penalty > 0.0 && penalty.is_finite()) {
        return Err(Error::BadNumber { what: "the penalty", value: penalty });
    }
    let mut offsets = Vec::with_capacity(columns.len());
    let mut size = 1;
    for column in columns {
        offsets.push(size);
        size += usize::from(column.count);
    }
    let places: Vec<u32> = (0..labels.len())
        .flat_map(|row| {
            let of_row = columns.iter().zip(&offsets);
            of_row.map(move |(column, offset)| *offset as u32 + u32::from(column.values[row]))
        })
        .collect();
    let held = penalties(columns, &offsets, size, penalty);
    let problem = Problem { places: &places, width: columns.len(), labels, held: &held, size };
    let base = yes as f64 / labels.len() as f64;
    let mut weights = start.filter(|start| start.len() == size).map_or_else(|| vec![0.0; size], <[f64]>::to_vec);
    if start.is_none() {
        weights[0] = (base / (1.0 - base)).ln();
    }
    let mut loss = problem.loss(&weights);
    let mut factor = None;
    for _ in 0..STEPS {
        let (slope, curvature) = problem.derivatives(&weights);
        let Some(found) = Factor::new(&curvature, size) else { break };
        let step = found.solve(&slope);
        factor = Some(found);
        let mut length = 1.0;
        let before = loss;
        while length > 1e-4 {
            let next: Vec<f64> = weights.iter().zip(&step).map(|(weight, step)| weight - length * step).collect();
            let next_loss = problem.loss(&next);
            if next_loss < loss {
                (weights, loss) = (next, next_loss);
                break;
            }
            length /= 2.0;
        }
        if before - loss <= 1e-7 * (1.0 + loss.abs()) {
            break;
        }
    }
    let covariance = factor.filter(|_| with_errors).map(|factor| factor.inverse());
    Ok((centred(&weights, columns, &offsets, covariance), weights))
}

/// Weights with mean 0 over the rows of each column.
fn centred(raw: &[f64], columns: &[Bins], offsets: &[usize], covariance: Option<Vec<f64>>) -> Logistic {
    let mut intercept = raw[0];
    let (mut weights, mut shares) = (Vec::new(), Vec::new());
    for (column, offset) in columns.iter().zip(offsets) {
        let mut share = vec![0.0; usize::from(column.count)];
        for bin in &column.values {
            share[usize::from(*bin)] += 1.0 / column.values.len() as f64;
        }
        let of_column = &raw[*offset..offset + share.len()];
        let mean: f64 = of_column.iter().zip(&share).map(|(weight, share)| weight * share).sum();
        intercept += mean;
        // A bin that nobody was in is known only by its neighbours; a name that nobody had says nothing.
        let of_bin = |(weight, share): (&f64, &f64)| match (column.kind, *share > 0.0) {
            (Kind::Nominal, false) => 0.0,
            _ => weight - mean,
        };
        let mut of_bins: Vec<f64> = of_column.iter().zip(&share).map(of_bin).collect();
        if share[0] == 0.0 {
            of_bins[0] = 0.0;
        }
        weights.push(of_bins);
        shares.push(share);
    }
    Logistic { intercept, weights, covariance, offsets: offsets.to_vec(), shares }
}

/// What holds the weights: pairs of places with their factors; a pair with itself is held to 0.
fn penalties(columns: &[Bins], offsets: &[usize], size: usize, penalty: f64) -> Vec<(usize, usize, f64)> {
    let mut held: Vec<(usize, usize, f64)> = (1..size).map(|place| (place, place, LEAST)).collect();
    for (column, offset) in columns.iter().zip(offsets) {
        let count = usize::from(column.count);
        match column.kind {
            Kind::Nominal => held.extend((*offset..offset + count).map(|place| (place, place, penalty))),
            Kind::Ordered => {
                held.push((*offset, *offset, penalty));
                // A rise over the whole column costs the same however many bins it is cut into.
                let factor = penalty * count.saturating_sub(1) as f64;
                held.extend((offset + 1..(offset + count).saturating_sub(1)).map(|place| (place, place + 1, factor)));
            }
        }
    }
    held
}

struct Problem<'a> {
    /// The places of each row's bins, row by row.
    places: &'a [u32],
    width: usize,
    labels: &'a [bool],
    held: &'a [(usize, usize, f64)],
    size: usize,
}

impl Problem<'_> {
    fn rows(&self) -> impl Iterator<Item = (&[u32], bool)> {
        self.places.chunks_exact(self.width.max(1)).zip(self.labels.iter().copied())
    }

    fn odds(weights: &[f64], places: &[u32]) -> f64 {
        places.iter().fold(weights[0], |sum, place| sum + weights[*place as usize])
    }

    fn loss(&self, weights: &[f64]) -> f64 {
        let of_rows: f64 = self
            .rows()
            .map(|(places, label)| {
                let odds = Self::odds(weights, places);
                let odds = if label { -odds } else { odds };
                odds.max(0.0) + (-odds.abs()).exp().ln_1p()
            })
            .sum();
        let held = self.held.iter().map(|(one, other, factor)| {
            let apart = if one == other { weights[*one] } else { weights[*one] - weights[*other] };
            0.5 * factor * apart * apart
        });
        of_rows + held.sum::<f64>()
    }

    /// The first derivatives, and the second ones in the lower triangle.
    fn derivatives(&self, weights: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let size = self.size;
        let mut slope = vec![0.0; size];
        let mut curvature = vec![0.0; size * size];
        for (places, label) in self.rows() {
            let chance = logistic(Self::odds(weights, places));
            let (first, second) = (chance - f64::from(u8::from(label)), chance * (1.0 - chance));
            slope[0] += first;
            curvature[0] += second;
            for (at, place) in places.iter().enumerate() {
                let place = *place as usize;
                slope[place] += first;
                let line = &mut curvature[place * size..place * size + place + 1];
                line[0] += second;
                // Places of a row ascend, because the columns do.
                for other in &places[..=at] {
                    line[*other as usize] += second;
                }
            }
        }
        for (one, other, factor) in self.held.iter().copied() {
            if one == other {
                slope[one] += factor * weights[one];
            } else {
                let apart = weights[one] - weights[other];
                slope[one] += factor * apart;
                slope[other] -= factor * apart;
                curvature[other * size + other] += factor;
                curvature[other * size + one] -= factor;
            }
            curvature[one * size + one] += factor;
        }
        (slope, curvature)
    }
}

#[cfg(test)]
#[path = "logistic_tests.rs"]
mod tests;
