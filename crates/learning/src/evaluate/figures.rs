//! Accuracy, losses, calibration, capture and lift.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::auc::{Auc, auc};

/// Groups by score for calibration and lift.
const GROUPS: usize = 10;

/// How good probabilities are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Rows.
    pub rows: usize,
    /// Rows of the label.
    pub positives: usize,
    /// How well they rank; nothing when labels are all alike.
    pub auc: Option<Auc>,
    /// The share of rows on the right side of one half.
    pub accuracy: f64,
    /// The mean of -ln of the probability of what happened.
    pub log_loss: f64,
    /// The mean squared difference from what happened.
    pub brier: f64,
    /// The mean distance between probability and share over the groups, by their rows.
    pub calibration_error: f64,
    /// A tenth of the rows each, the highest first; fewer where there are fewer rows.
    pub deciles: Vec<Decile>,
}

/// Rows with about the same probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decile {
    /// Rows.
    pub rows: usize,
    /// Rows of the label.
    pub positives: usize,
    /// The mean probability.
    pub predicted: f64,
    /// The share of the label.
    pub actual: f64,
    /// The share in this decile against the share overall.
    pub lift: f64,
    /// The share of all rows of the label that are in this decile and those above.
    pub captured: f64,
}

/// Measures probabilities against labels.
#[must_use]
pub fn figures(probabilities: &[f64], labels: &[bool]) -> Figures {
    let rows = labels.len();
    let total = rows.max(1) as f64;
    let positives = labels.iter().filter(|label| **label).count();
    let (mut right, mut log_loss, mut brier) = (0.0, 0.0, 0.0);
    for (probability, label) in probabilities.iter().zip(labels) {
        right += f64::from(u8::from((*probability >= 0.5) == *label));
        let happened = if *label { *probability } else { 1.0 - probability };
        log_loss -= happened.max(1e-15).ln();
        brier += (1.0 - happened).powi(2);
    }
    let deciles = deciles(probabilities, labels, positives);
    let apart = deciles.iter().map(|one| (one.predicted - one.actual).abs() * one.rows as f64);
    Figures {
        rows,
        positives,
        auc: auc(probabilities, labels),
        accuracy: right / total,
        log_loss: log_loss / total,
        brier: brier / total,
        calibration_error: apart.sum::<f64>() / total,
        deciles,
    }
}

fn deciles(probabilities: &[f64], labels: &[bool], positives: usize) -> Vec<Decile> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let share = positives as f64 / labels.len().max(1) as f64;
    let mut captured = 0;
    let mut out = Vec::with_capacity(GROUPS);
    for group in 0..GROUPS {
        let inside = &order[group * order.len() / GROUPS..(group + 1) * order.len() / GROUPS];
        if inside.is_empty() {
            continue;
        }
        let rows = inside.len();
        let positives_inside = inside.iter().filter(|row| labels[**row]).count();
        captured += positives_inside;
        let actual = positives_inside as f64 / rows as f64;
        out.push(Decile {
            rows,
            positives: positives_inside,
            predicted: inside.iter().map(|row| probabilities[*row]).sum::<f64>() / rows as f64,
            actual,
            lift: if share > 0.0 { actual / share } else { 0.0 },
            captured: captured as f64 / positives.max(1) as f64,
        });
    }
    out
}

/// What was predicted for a month and what happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Month {
    /// The month, such as `2026-11`.
    pub month: String,
    /// Rows.
    pub rows: usize,
    /// The sum of the probabilities.
    pub predicted: f64,
    /// Rows of the label.
    pub actual: usize,
    /// Between which counts 95 of 100 months would lie if the probabilities were true.
    pub interval: (f64, f64),
}

/// Predictions against what happened, by month; rows without a month are left out.
#[must_use]
pub fn by_month(probabilities: &[f64], labels: &[bool], months: &[Option<String>]) -> Vec<Month> {
    let mut sums: BTreeMap<&str, (usize, f64, f64, usize)> = BTreeMap::new();
    for ((probability, label), month) in probabilities.iter().zip(labels).zip(months) {
        let Some(month) = month else { continue };
        let sum = sums.entry(month).or_default();
        sum.0 += 1;
        sum.1 += probability;
        sum.2 += probability * (1.0 - probability);
        sum.3 += usize::from(*label);
    }
    let each = sums.into_iter().map(|(month, (rows, predicted, variance, actual))| {
        let reach = 1.96 * variance.sqrt();
        let interval = ((predicted - reach).max(0.0), (predicted + reach).min(rows as f64));
        Month { month: month.to_owned(), rows, predicted, actual, interval }
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::{by_month, figures};
    use crate::random::Random;

    #[test]
    fn figures_are_what_they_are_called() {
        let probabilities = [0.9, 0.8, 0.7, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05];
        let labels = [true, true, false, true, false, true, false, false, false, false];
        let found = figures(&probabilities, &labels);
        assert_eq!((found.rows, found.positives, found.accuracy), (10, 4, 0.8));
        assert!((found.auc.unwrap().value - 21.0 / 24.0).abs() < 1e-12);
        let brier: f64 =
            probabilities.iter().zip(labels).map(|(p, y)| (p - f64::from(u8::from(y))).powi(2)).sum::<f64>() / 10.0;
        assert!((found.brier - brier).abs() < 1e-12);
        assert_eq!((found.deciles[0].lift, found.deciles[0].captured), (2.5, 0.25));
        assert_eq!((found.deciles[2].lift, found.deciles[9].captured), (0.0, 1.0));
    }

    #[test]
    fn true_probabilities_are_calibrated_and_their_months_inside() {
        let mut random = Random::new(3, 1);
        let probabilities: Vec<f64> = (0..50_000).map(|_| random.unit()).collect();
        let labels: Vec<bool> = probabilities.iter().map(|p| random.unit() < *p).collect();
        let found = figures(&probabilities, &labels);
        assert!(found.calibration_error < 0.01, "{}", found.calibration_error);
        assert!((found.brier - 1.0 / 6.0).abs() < 0.005 && (found.log_loss - 0.5).abs() < 0.01);
        let months: Vec<Option<String>> =
            (0..50_000).map(|row| (row % 101 > 0).then(|| format!("{}", row % 100))).collect();
        let months = by_month(&probabilities, &labels, &months);
        let inside =
            months.iter().filter(|m| m.interval.0 <= m.actual as f64 && m.actual as f64 <= m.interval.1).count();
        assert_eq!(months.len(), 100);
        assert!((88..=100).contains(&inside), "{inside}");
    }

    #[test]
    fn a_handful_of_rows_has_figures_too() {
        assert_eq!(figures(&[], &[]).deciles.len(), 0);
        let one = figures(&[0.3], &[true]);
        assert!(one.auc.is_none() && one.deciles.len() == 1 && one.accuracy == 0.0);
    }
}
