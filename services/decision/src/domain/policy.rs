//! How offers are arbitrated.

use super::response::Kind;

/// How a policy explores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exploration {
    /// The propensity is drawn from its posterior (Thompson sampling).
    Thompson,
    /// The propensity is its posterior mean.
    Greedy,
    /// Every eligible offer is equally likely.
    Uniform,
}

/// An arbitration policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Its id.
    pub id: String,
    /// How it explores.
    pub exploration: Exploration,
    /// The share of persons, in 0..=1, in the control group.
    pub control_share: f64,
    /// The probability, in 0..=0.5, with which the first offer is drawn uniformly instead.
    pub exploration_floor: f64,
    /// The value is no factor of the score.
    pub ignore_value: bool,
    /// The lever is no factor of the score.
    pub ignore_lever: bool,
    /// The weakest response that counts as positive.
    pub learn_from: Kind,
}

/// The arm that chose an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Treatment {
    /// The policy.
    Arbitrated,
    /// The control group: uniform among the eligible.
    Control,
    /// Nothing was eligible.
    Fallback,
}

impl Treatment {
    /// The word used on the wire and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arbitrated => "arbitrated",
            Self::Control => "control",
            Self::Fallback => "fallback",
        }
    }
}
