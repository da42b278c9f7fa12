//! Predictions against a period that was kept aside.

use serde::Serialize;

use super::summary::Observed;
use super::{Purchases, Spend};
use crate::Error;

/// How far predictions were from what happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Holdout {
    /// Customers.
    pub customers: usize,
    /// The length of the period, in the unit of the summaries' times.
    pub horizon: f64,
    /// Purchases that happened.
    pub actual: f64,
    /// Purchases that were expected.
    pub expected: f64,
    /// The mean absolute error of a customer's purchases.
    pub mean_absolute_error: f64,
    /// The root of the mean squared error of a customer's purchases.
    pub root_mean_squared_error: f64,
    /// The value that was spent.
    pub actual_value: f64,
    /// The value that was expected.
    pub expected_value: f64,
    /// The same by the number of repeat purchases before; the last row is that many or more.
    pub by_frequency: Vec<ByFrequency>,
}

/// Customers with as many repeat purchases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByFrequency {
    /// Repeat purchases before.
    pub frequency: u32,
    /// Customers.
    pub customers: usize,
    /// Mean purchases that happened.
    pub actual: f64,
    /// Mean purchases that were expected.
    pub expected: f64,
}

/// Repeat purchases from which customers share a row.
const MANY: u32 = 7;

/// Compares predictions with the purchases in the `horizon` after the observed time.
///
/// # Errors
/// As [`Purchases::expected`].
pub fn compare(
    purchases: &Purchases,
    spend: Option<&Spend>,
    observed: &[Observed],
    horizon: f64,
) -> Result<Holdout, Error> {
    let mut out = Holdout {
        customers: observed.len(),
        horizon,
        actual: 0.0,
        expected: 0.0,
        mean_absolute_error: 0.0,
        root_mean_squared_error: 0.0,
        actual_value: 0.0,
        expected_value: 0.0,
        by_frequency: (0..=MANY)
            .map(|frequency| ByFrequency { frequency, customers: 0, actual: 0.0, expected: 0.0 })
            .collect(),
    };
    let total = observed.len().max(1) as f64;
    for one in observed {
        let expected = purchases.expected(&one.summary, horizon)?;
        let actual = f64::from(one.later);
        out.actual += actual;
        out.expected += expected;
        out.mean_absolute_error += (actual - expected).abs() / total;
        out.root_mean_squared_error += (actual - expected).powi(2) / total;
        out.actual_value += one.later_value;
        out.expected_value += spend.map_or(0.0, |spend| expected * spend.expected(&one.summary));
        let row = &mut out.by_frequency[one.summary.frequency.min(MANY) as usize];
        row.customers += 1;
        row.actual += actual;
        row.expected += expected;
    }
    out.root_mean_squared_error = out.root_mean_squared_error.sqrt();
    out.by_frequency.retain(|row| row.customers > 0);
    for row in &mut out.by_frequency {
        row.actual /= row.customers as f64;
        row.expected /= row.customers as f64;
    }
    Ok(out)
}
