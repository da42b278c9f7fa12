//! Gamma-Gamma: how much customers spend each time (Fader and Hardie 2013, "The Gamma-Gamma model of monetary value").
//!
//! The values of a customer's purchases are gamma distributed (shape p) around a mean of their own, whose scale is gamma
//! distributed among customers (shape q, rate v), independently of how often they buy.

use serde::{Deserialize, Serialize};

use super::Summary;
use crate::Error;
use crate::minimise::minimise;
use crate::special::ln_gamma;

/// The model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    /// The shape of a customer's values.
    pub p: f64,
    /// The shape of the scales among customers.
    pub q: f64,
    /// Their rate, in the unit of the values.
    pub v: f64,
}

/// A fitted model and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fitted {
    /// The model.
    pub model: Spend,
    /// Standard errors of p, q, v; nothing where the likelihood is flat.
    pub errors: Option<[f64; 3]>,
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Customers with a repeat purchase of a positive value; the others say nothing.
    pub customers: usize,
    /// Pearson's correlation of frequency and value among them. The model assumes none.
    pub correlation: f64,
}

impl Spend {
    /// Fits the model by maximum likelihood to customers who bought again.
    ///
    /// # Errors
    /// [`Error::BadNumber`] for a summary that cannot be; [`Error::Unfit`] with fewer than two such customers or when no
    /// maximum is found.
    pub fn fit(customers: &[Summary]) -> Result<Fitted, Error> {
        customers.iter().try_for_each(Summary::check)?;
        let mut spent: Vec<(u32, f64)> = customers
            .iter()
            .filter(|one| one.frequency > 0 && one.value > 0.0)
            .map(|one| (one.frequency, one.value))
            .collect();
        spent.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        if spent.len() < 2 {
            return Err(Error::Unfit("fewer than two customers spent something again"));
        }
        let total = spent.len() as f64;
        // The search sees values around 1; v is a value and takes the unit back.
        let mean = spent.iter().map(|one| one.1).sum::<f64>() / total;
        for one in &mut spent {
            one.1 /= mean;
        }
        let cost = |logs: &[f64]| {
            if logs.iter().any(|log| log.abs() > 20.0) {
                return f64::INFINITY;
            }
            -likelihood(&Self { p: logs[0].exp(), q: logs[1].exp(), v: logs[2].exp() }, &spent) / total
        };
        let minimum = minimise(cost, &[1.0, 1.0, 0.0]).ok_or(Error::Unfit("the likelihood has no maximum"))?;
        let [p, q, v] = [0, 1, 2].map(|at: usize| minimum.at[at].exp());
        let model = Self { p, q, v: v * mean };
        let scales = [p, q, model.v];
        let errors = minimum
            .covariance
            .map(|covariance| [0, 1, 2].map(|at: usize| scales[at] * (covariance[at * 4].max(0.0) / total).sqrt()));
        let log_likelihood = -minimum.value * total - total * mean.ln();
        Ok(Fitted { model, errors, log_likelihood, customers: spent.len(), correlation: correlation(&spent) })
    }

    /// The expected value of a customer's next purchase: between their own mean and everybody's, the nearer to their
    /// own the more they bought. Infinite where the model has no mean (p x + q <= 1).
    #[must_use]
    pub fn expected(&self, customer: &Summary) -> f64 {
        let x = if customer.value > 0.0 { f64::from(customer.frequency) } else { 0.0 };
        let below = self.p * x + self.q - 1.0;
        if below <= 0.0 { f64::INFINITY } else { self.p * (self.v + x * customer.value) / below }
    }
}

/// Of customers in order of their frequency, whose part of the likelihood is computed once each.
fn likelihood(model: &Spend, spent: &[(u32, f64)]) -> f64 {
    let Spend { p, q, v } = *model;
    let base = q * v.ln() - ln_gamma(q);
    let mut of = u32::MAX;
    let mut shared = 0.0;
    let mut sum = 0.0;
    for (frequency, value) in spent {
        let x = f64::from(*frequency);
        if *frequency != of {
            of = *frequency;
            shared = ln_gamma(p * x + q) - ln_gamma(p * x) + base + p * x * x.ln();
        }
        sum += shared + (p * x - 1.0) * value.ln() - (p * x + q) * (x * value + v).ln();
    }
    sum
}

fn correlation(spent: &[(u32, f64)]) -> f64 {
    let total = spent.len() as f64;
    let mean_x = spent.iter().map(|one| f64::from(one.0)).sum::<f64>() / total;
    let mean_y = spent.iter().map(|one| one.1).sum::<f64>() / total;
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for one in spent {
        let (x, y) = (f64::from(one.0) - mean_x, one.1 - mean_y);
        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    if xx * yy > 0.0 { xy / (xx * yy).sqrt() } else { 0.0 }
}
