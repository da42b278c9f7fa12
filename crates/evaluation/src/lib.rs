//! Off-policy evaluation: what another policy would have been worth, told from decisions that were logged with their
//! propensities.
//!
//! | module | what it is |
//! |---|---|
//! | [`estimate`] | IPS, SNIPS, DM, DR, SNDR, Switch-DR and DR with optimistic shrinkage over single decisions |
//! | [`slate`] | SIPS, IIPS and RIPS over ranked lists |
//! | [`likelihood`] | intervals by empirical likelihood: skewed rewards and heavy weights keep their coverage |
//! | [`support`] | how much the log can say of the policy at all: effective sample size, weights, rewarded decisions |
//!
//! A [`Sample`] is one logged decision as the estimators see it. Everything is a function of the samples; nothing is drawn.
//!
//! ```
//! use attune_evaluation::{Sample, estimate::Estimator};
//!
//! // The log chose one of two offers with a half each; the policy would always have chosen the first.
//! let seen = |first: bool, reward| Sample {
//!     reward,
//!     propensity: 0.5,
//!     target: if first { 1.0 } else { 0.0 },
//!     predicted: 0.0,
//!     expected: 0.0,
//! };
//! let samples = [seen(true, 1.0), seen(true, 0.0), seen(false, 0.0), seen(false, 1.0)];
//! let value = Estimator::Snips.value(&samples).ok_or("no weight")?;
//! assert_eq!(value, 0.5);
//! # Ok::<(), &str>(())
//! ```

pub mod estimate;
pub mod likelihood;
pub mod slate;
pub mod support;

/// One logged decision, as an estimator sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// What came of the chosen action.
    pub reward: f64,
    /// The probability with which the logging policy chose it, in (0, 1].
    pub propensity: f64,
    /// The probability with which the evaluated policy would have, in [0, 1].
    pub target: f64,
    /// The reward that a model predicts for the chosen action here; 0 without a model.
    pub predicted: f64,
    /// The reward that the model expects of the evaluated policy here: the sum over actions of its probability times the
    /// predicted reward; 0 without a model.
    pub expected: f64,
}

impl Sample {
    /// The importance weight: how much more often the evaluated policy would have chosen what was chosen.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.target / self.propensity
    }
}

/// Why a sample cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A probability outside its range, or a number that is not finite.
    #[error("{field} must be {expected}: {value}")]
    BadNumber {
        /// Which one.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
}

/// Checks a sample.
///
/// # Errors
/// When the propensity is not in (0, 1], the target is not in [0, 1], or a number is not finite.
pub fn check(sample: &Sample) -> Result<(), Error> {
    let wrong = |field, expected, value| Err(Error::BadNumber { field, expected, value });
    if !(sample.propensity > 0.0 && sample.propensity <= 1.0) {
        return wrong("propensity", "above 0 and at most 1", sample.propensity);
    }
    // A distribution that was summed up may pass one by a rounding.
    if !(0.0..=1.0 + 1e-9).contains(&sample.target) {
        return wrong("target", "between 0 and 1", sample.target);
    }
    for (field, value) in [("reward", sample.reward), ("predicted", sample.predicted), ("expected", sample.expected)] {
        if !value.is_finite() {
            return wrong(field, "finite", value);
        }
    }
    Ok(())
}
