//! BG/NBD: how often customers buy and when they leave (Fader, Hardie, Lee 2005, "Counting your customers the easy way").
//!
//! While a customer is there they buy at random with a rate; after each purchase they leave with a probability. Rates are
//! gamma distributed among customers (shape r, rate alpha), probabilities beta distributed (a, b).

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Summary;
use crate::Error;
use crate::minimise::minimise;
use crate::special::{hypergeometric, ln_gamma};

/// The model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Purchases {
    /// The shape of the rates.
    pub r: f64,
    /// The scale of the rates, in units of time.
    pub alpha: f64,
    /// The leaving half of the beta distribution.
    pub a: f64,
    /// The staying half of the beta distribution.
    pub b: f64,
}

/// A fitted model and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fitted {
    /// The model.
    pub model: Purchases,
    /// Standard errors of r, alpha, a, b; nothing where the likelihood is flat.
    pub errors: Option<[f64; 4]>,
    /// The logarithm of the likelihood.
    pub log_likelihood: f64,
    /// Customers.
    pub customers: usize,
}

/// Customers that are alike: the likelihood asks for no more.
struct Alike {
    frequency: u32,
    recency: f64,
    age: f64,
    count: f64,
}

impl Purchases {
    /// Fits the model by maximum likelihood.
    ///
    /// # Errors
    /// [`Error::BadNumber`] for a summary that cannot be; [`Error::Unfit`] when nobody bought again or no maximum is found.
    pub fn fit(customers: &[Summary]) -> Result<Fitted, Error> {
        customers.iter().try_for_each(Summary::check)?;
        let longest = customers.iter().fold(0.0f64, |longest, one| longest.max(one.age));
        if longest <= 0.0 || customers.iter().all(|one| one.frequency == 0) {
            return Err(Error::Unfit("nobody bought again"));
        }
        // The search sees times around 1; alpha is a time and takes the unit back.
        let mut counts: FxHashMap<(u32, u64, u64), f64> = FxHashMap::default();
        for one in customers {
            *counts.entry((one.frequency, one.recency.to_bits(), one.age.to_bits())).or_default() += 1.0;
        }
        let mut alike: Vec<Alike> = counts
            .into_iter()
            .map(|((frequency, recency, age), count)| Alike {
                frequency,
                recency: f64::from_bits(recency) / longest,
                age: f64::from_bits(age) / longest,
                count,
            })
            .collect();
        // Sums depend on their order, and the order of a map is nobody's promise.
        alike.sort_unstable_by(|a, b| {
            a.frequency.cmp(&b.frequency).then(a.recency.total_cmp(&b.recency)).then(a.age.total_cmp(&b.age))
        });
        let total = customers.len() as f64;
        let cost = |logs: &[f64]| {
            if logs.iter().any(|log| log.abs() > 20.0) {
                return f64::INFINITY;
            }
            let [r, alpha, a, b] = [logs[0].exp(), logs[1].exp(), logs[2].exp(), logs[3].exp()];
            -likelihood(&Self { r, alpha, a, b }, &alike) / total
        };
        let minimum = minimise(cost, &[0.0, -1.0, 0.0, 1.0]).ok_or(Error::Unfit("the likelihood has no maximum"))?;
        let [r, alpha, a, b] = [0, 1, 2, 3].map(|at: usize| minimum.at[at].exp());
        let model = Self { r, alpha: alpha * longest, a, b };
        let scales = [r, model.alpha, a, b];
        let errors = minimum
            .covariance
            .map(|covariance| [0, 1, 2, 3].map(|at: usize| scales[at] * (covariance[at * 5].max(0.0) / total).sqrt()));
        let repeats: f64 = customers.iter().map(|one| f64::from(one.frequency)).sum();
        // A density of times: its logarithm changes with their unit.
        let log_likelihood = -minimum.value * total - repeats * longest.ln();
        Ok(Fitted { model, errors, log_likelihood, customers: customers.len() })
    }

    /// The odds that a customer with a repeat has left, against being there.
    fn odds_gone(&self, customer: &Summary) -> f64 {
        if customer.frequency == 0 {
            // One leaves after a repeat purchase only.
            return 0.0;
        }
        let x = f64::from(customer.frequency);
        let quiet = ((self.alpha + customer.age) / (self.alpha + customer.recency)).ln() * (self.r + x);
        self.a / (self.b + x - 1.0) * quiet.exp()
    }

    /// The probability that a customer is still there at the end of the observed time (Fader and Hardie 2008).
    #[must_use]
    pub fn alive(&self, customer: &Summary) -> f64 {
        1.0 / (1.0 + self.odds_gone(customer))
    }

    /// How many purchases are expected of a customer within `horizon` after the observed time (Fader, Hardie, Lee 2005,
    /// equation 10, after Euler's transformation, in which the series settles however long the horizon).
    ///
    /// # Errors
    /// [`Error::BadNumber`] for a summary that cannot be or a horizon that is negative or not finite;
    /// [`Error::Unfit`] when the series does not settle.
    pub fn expected(&self, customer: &Summary, horizon: f64) -> Result<f64, Error> {
        customer.check()?;
        if !(horizon >= 0.0 && horizon.is_finite()) {
            return Err(Error::BadNumber { what: "horizon", value: horizon });
        }
        // At a = 1 the formula is 0 / 0; beside it the value is the same to 7 digits.
        let a = if (self.a - 1.0).abs() < 1e-7 { 1.0 + 1e-7 } else { self.a };
        let x = f64::from(customer.frequency);
        let whole = self.alpha + customer.age + horizon;
        let z = horizon / whole;
        let settled = hypergeometric(a + self.b - 1.0 - self.r, a - 1.0, a + self.b + x - 1.0, z)
            .ok_or(Error::Unfit("the expected purchases do not settle"))?;
        let left = ((self.alpha + customer.age) / whole).ln() * (a - 1.0);
        let expected = (a + self.b + x - 1.0) / (a - 1.0) * (1.0 - left.exp() * settled);
        Ok((expected / (1.0 + self.odds_gone(customer))).max(0.0))
    }

    /// How many repeat purchases are expected of a new customer within `horizon`.
    ///
    /// # Errors
    /// As [`Purchases::expected`].
    pub fn expected_of_new(&self, horizon: f64) -> Result<f64, Error> {
        self.expected(&Summary { frequency: 0, recency: 0.0, age: 0.0, value: 0.0 }, horizon)
    }

    /// The logarithm of the likelihood of customers, with times in the unit of `alpha`.
    #[must_use]
    pub fn log_likelihood(&self, customers: &[Summary]) -> f64 {
        let alike: Vec<Alike> = customers
            .iter()
            .map(|one| Alike { frequency: one.frequency, recency: one.recency, age: one.age, count: 1.0 })
            .collect();
        likelihood(self, &alike)
    }
}

/// Of customers in order of their frequency, whose part of the likelihood is computed once each.
fn likelihood(model: &Purchases, alike: &[Alike]) -> f64 {
    let Purchases { r, alpha, a, b } = *model;
    let (gamma_r, beta) = (ln_gamma(r), ln_gamma(a + b) - ln_gamma(b));
    let mut of = u32::MAX;
    let (mut shared, mut gone) = (0.0, 0.0);
    let mut sum = 0.0;
    for one in alike {
        let x = f64::from(one.frequency);
        if one.frequency != of {
            of = one.frequency;
            shared = ln_gamma(r + x) - gamma_r + r * alpha.ln() + beta + ln_gamma(b + x) - ln_gamma(a + b + x);
            gone = if of == 0 { 0.0 } else { a.ln() - (b + x - 1.0).ln() };
        }
        let there = -(r + x) * (alpha + one.age).ln();
        let either = if of == 0 {
            there
        } else {
            let left = gone - (r + x) * (alpha + one.recency).ln();
            let most = there.max(left);
            most + ((there - most).exp() + (left - most).exp()).ln()
        };
        sum += one.count * (shared + either);
    }
    sum
}
