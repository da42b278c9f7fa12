//! How much a log can say about a policy.

use serde::Serialize;

use crate::Sample;

/// The least effective sample size with which a value is told.
pub const LEAST_EFFECTIVE: f64 = 100.0;
/// The least rewarded decisions that the policy would have made too, in effective number.
pub const LEAST_REWARDED: f64 = 10.0;
/// By how many standard errors the mean weight may differ from one: beyond, propensities are wrong or actions are missing.
pub const GREATEST_DRIFT: f64 = 4.0;
/// The greatest share of all weight that one decision may have.
pub const GREATEST_SHARE: f64 = 0.05;

/// Figures about weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Support {
    /// `(sum w)^2 / sum w^2`: as many equal weights would say as much (Kong 1992).
    pub effective_samples: f64,
    /// The same over decisions with a reward.
    pub effective_rewarded: f64,
    /// How many decisions had a reward.
    pub rewarded: usize,
    /// The share of decisions that the policy might have made too.
    pub matched: f64,
    /// The mean weight; 1 where every action of the policy had a chance in the log and propensities are right.
    pub mean_weight: f64,
    /// The standard error of the mean weight.
    pub mean_weight_error: f64,
    /// The greatest weight.
    pub greatest_weight: f64,
    /// Its share of all weight.
    pub greatest_share: f64,
}

/// Whether a log can say what a policy is worth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether it can.
    pub sufficient: bool,
    /// Why not, or what to keep in mind.
    pub reasons: Vec<String>,
}

/// The figures of a log.
#[must_use]
#[allow(clippy::cast_precision_loss, reason = "logs have fewer than 2^53 decisions")]
pub fn of(samples: &[Sample]) -> Support {
    let (mut sum, mut squares, mut with, mut with_squares) = (0.0, 0.0, 0.0, 0.0);
    let (mut rewarded, mut matched, mut greatest) = (0, 0_usize, 0.0_f64);
    for sample in samples {
        let weight = sample.weight();
        sum += weight;
        squares += weight * weight;
        greatest = greatest.max(weight);
        matched += usize::from(weight > 0.0);
        if sample.reward != 0.0 {
            rewarded += 1;
            with += weight;
            with_squares += weight * weight;
        }
    }
    let count = samples.len() as f64;
    let over = |above: f64, below: f64| if below > 0.0 { above / below } else { 0.0 };
    let mean = over(sum, count);
    let variance = (over(squares, count) - mean * mean).max(0.0);
    Support {
        effective_samples: over(sum * sum, squares),
        effective_rewarded: over(with * with, with_squares),
        rewarded,
        matched: over(matched as f64, count),
        mean_weight: mean,
        mean_weight_error: over(variance, count).sqrt(),
        greatest_weight: greatest,
        greatest_share: over(greatest, sum),
    }
}

impl Support {
    /// Whether that is enough.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut reasons = Vec::new();
        if self.effective_samples < LEAST_EFFECTIVE {
            let found = self.effective_samples;
            reasons.push(format!("effective sample size {found:.0} is below {LEAST_EFFECTIVE}"));
        }
        if self.effective_rewarded < LEAST_REWARDED {
            let (found, all) = (self.effective_rewarded, self.rewarded);
            reasons.push(format!("{found:.1} effective of {all} rewarded decisions are below {LEAST_REWARDED}"));
        }
        if self.greatest_share > GREATEST_SHARE {
            let share = self.greatest_share * 100.0;
            reasons.push(format!("one decision has {share:.1} % of all weight"));
        }
        let drift = (self.mean_weight - 1.0).abs();
        if drift > GREATEST_DRIFT * self.mean_weight_error && drift > 1e-6 {
            let mean = self.mean_weight;
            reasons.push(format!(
                "the mean weight is {mean:.3}, not 1: propensities are not those of the log, or the policy takes actions that it never took"
            ));
        }
        Verdict { sufficient: reasons.is_empty(), reasons }
    }
}
