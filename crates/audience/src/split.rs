//! Persons split by their numbers: activity, bands of equal size, quadrants of value.

use serde::{Deserialize, Serialize};

mod mixture;

pub use mixture::{Component, Mixture};

/// How much somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Nothing: at or below the floor, or no number.
    Dormant,
    /// The least.
    Light,
    /// Between.
    Medium,
    /// The most.
    Heavy,
}

/// How the bounds of a split were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// At quantiles of the active.
    Quantiles,
    /// Between the components of a mixture.
    Mixture(Mixture),
}

/// Persons by activity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActivitySplit {
    /// How the bounds were found. Asked for a mixture whose best number of components is one, it is the quantiles.
    pub method: Method,
    /// Who has no more is dormant.
    pub floor: f64,
    /// Who has at least so much is medium, and heavy; without a medium both are the same.
    pub bounds: [f64; 2],
}

/// What to split by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum By {
    /// Shares of the active below medium and below heavy, for example 0.5 and 0.8.
    Quantiles([f64; 2]),
    /// A mixture of up to three normal distributions of the logarithm, as many as the Bayesian criterion wants.
    Mixture,
}

impl ActivitySplit {
    /// Splits by numbers such as the orders of a period. Who is at or below `floor` is dormant and has no part in the
    /// bounds; numbers that are not finite have none either.
    #[must_use]
    pub fn new(values: &[f64], floor: f64, by: By) -> Self {
        let mut active: Vec<f64> = values.iter().copied().filter(|value| value.is_finite() && *value > floor).collect();
        active.sort_unstable_by(f64::total_cmp);
        let quantiles = |shares: [f64; 2]| Self {
            method: Method::Quantiles,
            floor,
            bounds: shares.map(|share| quantile(&active, share).unwrap_or(floor)),
        };
        match by {
            By::Quantiles(shares) => quantiles(shares),
            By::Mixture => {
                let logarithms: Vec<f64> = active.iter().map(|value| (value - floor).ln_1p()).collect();
                let Some(mixture) = Mixture::fit(&logarithms, 3) else { return quantiles([0.5, 0.8]) };
                let at: Vec<f64> = mixture.bounds().iter().map(|bound| bound.exp_m1() + floor).collect();
                let bounds = match at.as_slice() {
                    [] => return quantiles([0.5, 0.8]),
                    [one] => [*one; 2],
                    [one, other, ..] => [*one, *other],
                };
                Self { method: Method::Mixture(mixture), floor, bounds }
            }
        }
    }

    /// The activity of a number.
    #[must_use]
    pub fn of(&self, value: f64) -> Activity {
        match value {
            value if !value.is_finite() || value <= self.floor => Activity::Dormant,
            value if value >= self.bounds[1] => Activity::Heavy,
            value if value >= self.bounds[0] => Activity::Medium,
            _ => Activity::Light,
        }
    }
}

/// The value below which a share of ascending values lies, by the nearest rank above; absent without values.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place")]
    let place = (share.clamp(0.0, 1.0) * sorted.len() as f64).floor() as usize;
    sorted.get(place.min(sorted.len().checked_sub(1)?)).copied()
}

/// Bands of about equal size, from 1 for the smallest to `bands`, one a value. Equal values share a band: that of the
/// middle of their ranks. Numbers that are not finite are in band 1 and have no part in the ranks.
#[must_use]
pub fn quantile_bands(values: &[f64], bands: u8) -> Vec<u8> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let band = |value: &f64| {
        if !value.is_finite() || sorted.is_empty() {
            return 1;
        }
        let below = sorted.partition_point(|other| other < value);
        let until = sorted.partition_point(|other| other <= value);
        // Twice the middle of the ranks, so that it is a whole number.
        let band = (below + until) * usize::from(bands) / (2 * sorted.len());
        u8::try_from(band + 1).unwrap_or(bands).min(bands).max(1)
    };
    values.iter().map(band).collect()
}

/// Scores of recency, frequency and money, each from 1 to 5 with 5 the best, by [`quantile_bands`]. Recency is how long
/// ago the last purchase was: less is better. The three have one length.
#[must_use]
pub fn rfm(recency: &[f64], frequency: &[f64], money: &[f64]) -> Vec<[u8; 3]> {
    let turned: Vec<f64> = recency.iter().map(|value| -value).collect();
    let scores = [&turned, frequency, money].map(|values| quantile_bands(values, 5));
    let [recency, frequency, money] = &scores;
    recency.iter().zip(frequency).zip(money).map(|((r, f), m)| [*r, *f, *m]).collect()
}

/// Where somebody stands by current and potential value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quadrant {
    /// High now and to come.
    Keep,
    /// Low now, high to come.
    Grow,
    /// High now, low to come.
    Harvest,
    /// Low now and to come.
    Maintain,
}

/// Splits by current and potential value. A value at or above its cut is high; a cut that is not given is the median of
/// the finite values, the mean of the middle two where there is no middle. A number that is not finite is low. Gives the
/// cuts and one quadrant a pair.
#[must_use]
pub fn quadrants(current: &[f64], potential: &[f64], cuts: [Option<f64>; 2]) -> ([f64; 2], Vec<Quadrant>) {
    let cuts = [cuts[0].unwrap_or_else(|| median(current)), cuts[1].unwrap_or_else(|| median(potential))];
    let quadrant = |(current, potential): (&f64, &f64)| {
        let high = |value: f64, cut: f64| value.is_finite() && value >= cut;
        match (high(*current, cuts[0]), high(*potential, cuts[1])) {
            (true, true) => Quadrant::Keep,
            (false, true) => Quadrant::Grow,
            (true, false) => Quadrant::Harvest,
            (false, false) => Quadrant::Maintain,
        }
    };
    (cuts, current.iter().zip(potential).map(quadrant).collect())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len() % 2, sorted.get(middle.wrapping_sub(1)), sorted.get(middle)) {
        (1, _, Some(value)) => *value,
        (_, Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests;
