//! Mixtures of normal distributions in one dimension.

use serde::{Deserialize, Serialize};

/// One normal distribution of a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// Its share.
    pub weight: f64,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
}

/// A mixture fitted by expectation and maximisation (Dempster, Laird and Rubin 1977), with as many components as the
/// Bayesian information criterion (Schwarz 1978) finds best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// The components, ascending by mean.
    pub components: Vec<Component>,
    /// The criterion for one, two, ... components: the least was chosen.
    pub criterion: Vec<f64>,
}

const STEPS: usize = 500;
/// Values are gathered into so many cells, which bounds the work by their number instead of that of the persons.
const CELLS: usize = 2048;

impl Mixture {
    /// Fits mixtures of one to `most` components to ascending values; absent with less than 8 or without any spread.
    #[must_use]
    pub fn fit(sorted: &[f64], most: usize) -> Option<Self> {
        let (first, last) = (*sorted.first()?, *sorted.last()?);
        if sorted.len() < 8 || last <= first {
            return None;
        }
        let cells = gather(sorted);
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let count = sorted.len() as f64;
        // No component may become narrower than a cell and a hundredth of the spread: a spike of equal values is no group.
        let least = ((last - first) / 100.0).max(1e-9);
        let mut best: Option<(f64, Vec<Component>)> = None;
        let mut criterion = Vec::new();
        for number in 1..=most.max(1) {
            let (components, likelihood) = maximise(&cells, count, start(sorted, number, least), least);
            #[expect(clippy::cast_precision_loss, reason = "a count")]
            let value = (3 * number - 1) as f64 * count.ln() - 2.0 * likelihood;
            criterion.push(value);
            if best.as_ref().is_none_or(|(known, _)| value < *known) {
                best = Some((value, components));
            }
        }
        let (_, mut components) = best?;
        components.sort_by(|one, other| one.mean.total_cmp(&other.mean));
        Some(Self { components, criterion })
    }

    /// Where a value becomes more likely of the next component than of the one before: one between each two.
    #[must_use]
    pub fn bounds(&self) -> Vec<f64> {
        self.components.windows(2).map(|pair| crossing(&pair[0], &pair[1])).collect()
    }
}

/// Means of cells and how many values they have.
fn gather(sorted: &[f64]) -> Vec<(f64, f64)> {
    let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
    let mut cells = vec![(0.0, 0.0); CELLS];
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    for value in sorted {
        let place = ((value - first) / (last - first) * (CELLS - 1) as f64) as usize;
        cells[place].0 += value;
        cells[place].1 += 1.0;
    }
    cells.into_iter().filter(|(_, count)| *count > 0.0).map(|(sum, count)| (sum / count, count)).collect()
}

/// Components at equal shares of the values.
fn start(sorted: &[f64], number: usize, least: f64) -> Vec<Component> {
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    (0..number)
        .map(|index| {
            let part = &sorted[index * sorted.len() / number..(index + 1) * sorted.len() / number];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let variance = part.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / part.len() as f64;
            Component { weight: 1.0 / number as f64, mean, deviation: variance.sqrt().max(least) }
        })
        .collect()
}

fn density(component: &Component, value: f64) -> f64 {
    let z = (value - component.mean) / component.deviation;
    component.weight * (-0.5 * z * z).exp() / (component.deviation * (2.0 * std::f64::consts::PI).sqrt())
}

fn maximise(cells: &[(f64, f64)], count: f64, mut components: Vec<Component>, least: f64) -> (Vec<Component>, f64) {
    let mut last = f64::NEG_INFINITY;
    for _ in 0..STEPS {
        let mut sums = vec![[0.0; 3]; components.len()];
        let mut likelihood = 0.0;
        for (value, weight) in cells {
            let densities: Vec<f64> = components.iter().map(|component| density(component, *value)).collect();
            let total = densities.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            likelihood += weight * total.ln();
            for (sum, density) in sums.iter_mut().zip(densities) {
                let share = weight * density / total;
                sum[0] += share;
                sum[1] += share * value;
                sum[2] += share * value * value;
            }
        }
        if likelihood - last < 1e-9 * likelihood.abs().max(1.0) {
            return (components, likelihood);
        }
        last = likelihood;
        for (component, [weight, sum, square]) in components.iter_mut().zip(sums) {
            let weight = weight.max(1e-12);
            let mean = sum / weight;
            let deviation = (square / weight - mean * mean).max(0.0).sqrt().max(least);
            *component = Component { weight: weight / count, mean, deviation };
        }
    }
    (components, last)
}

/// Where two weighted densities are equal, between the means.
fn crossing(one: &Component, other: &Component) -> f64 {
    let (mut low, mut high) = (one.mean, other.mean);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if density(one, middle) > density(other, middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}
