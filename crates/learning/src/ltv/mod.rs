//! What a customer will be worth, where nobody says when a customer leaves.
//!
//! | module | what it is |
//! |---|---|
//! | [`summary`] | what is needed of a customer: frequency, recency, age, mean value |
//! | [`purchases`] | BG/NBD: whether they are still there and how often they will buy |
//! | [`spend`] | Gamma-Gamma: how much they will spend each time |
//! | [`holdout`] | predictions against a period that was kept aside |

pub mod holdout;
pub mod purchases;
pub mod spend;
pub mod summary;

pub use purchases::Purchases;
pub use spend::Spend;
pub use summary::Summary;

use crate::Error;

/// How far the future is worth something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Discounting {
    /// Periods that are looked ahead, at least 1.
    pub periods: u32,
    /// The length of one, in the unit of the summaries' times.
    pub length: f64,
    /// What a value loses by waiting one period, such as 0.01.
    pub rate: f64,
}

/// A customer's expected value over the coming periods, each discounted at its end (Fader, Hardie, Lee 2005, "RFM and
/// CLV", with the discrete sum of their note of 2013).
///
/// # Errors
/// [`Error::BadNumber`] for a summary or a discounting that makes no sense.
pub fn lifetime_value(
    purchases: &Purchases,
    spend: &Spend,
    customer: &Summary,
    discounting: &Discounting,
) -> Result<f64, Error> {
    let sound = discounting.length > 0.0 && discounting.length.is_finite() && discounting.rate > -1.0;
    if !sound || discounting.periods == 0 {
        return Err(Error::BadNumber { what: "discounting", value: discounting.length });
    }
    let each = spend.expected(customer);
    let mut before = 0.0;
    let mut value = 0.0;
    for period in 1..=discounting.periods {
        let until = purchases.expected(customer, f64::from(period) * discounting.length)?;
        value += each * (until - before) / (1.0 + discounting.rate).powf(f64::from(period));
        before = until;
    }
    Ok(value)
}
