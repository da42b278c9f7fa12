//! Ranked lists: what a policy's lists would have been worth.
//!
//! A list's reward is the sum of what its places got. With `t` and `p` the probabilities of what stood at a place under the
//! evaluated and the logging policy (McInerney et al. 2020, section 3; Li et al. 2018 for independent places):
//!
//! | estimator | weight of the reward at place k | right when |
//! |---|---|---|
//! | SIPS | product over all places of t / p | always |
//! | IIPS | t / p of place k | a place's reward depends on its own entry only |
//! | RIPS | product over the places up to k | it depends on those above as well |

use crate::likelihood::{self, Interval};

/// What stood at a place of a list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// What came of it.
    pub reward: f64,
    /// Its probability under the logging policy, given what stood above it.
    pub propensity: f64,
    /// Its probability under the evaluated policy, given what stood above it.
    pub target: f64,
    /// Its probability at this place under the logging policy, whatever stood above.
    pub marginal_propensity: f64,
    /// Its probability at this place under the evaluated policy, whatever stood above.
    pub marginal_target: f64,
}

/// How the value of lists is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Estimator {
    /// Whole lists.
    Sips,
    /// Independent places.
    Iips,
    /// Places under those above.
    Rips,
}

impl Estimator {
    /// What one list says.
    #[must_use]
    pub fn term(self, list: &[Place]) -> f64 {
        let whole: f64 = list.iter().map(|place| place.target / place.propensity).product();
        let mut above = 1.0;
        list.iter()
            .map(|place| {
                above *= place.target / place.propensity;
                let weight = match self {
                    Self::Sips => whole,
                    Self::Iips => place.marginal_target / place.marginal_propensity,
                    Self::Rips => above,
                };
                weight * place.reward
            })
            .sum()
    }

    /// The mean reward of a list under the policy; none without lists.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "logs have fewer than 2^53 decisions")]
    pub fn value<'a>(self, lists: impl IntoIterator<Item = &'a [Place]>) -> Option<f64> {
        let terms: Vec<f64> = lists.into_iter().map(|list| self.term(list)).collect();
        (!terms.is_empty()).then(|| terms.iter().sum::<f64>() / terms.len() as f64)
    }

    /// Where it lies with `confidence`; none where nothing can be said.
    #[must_use]
    pub fn interval<'a>(self, lists: impl IntoIterator<Item = &'a [Place]>, confidence: f64) -> Option<Interval> {
        let terms: Vec<f64> = lists.into_iter().map(|list| self.term(list)).collect();
        likelihood::mean(&terms, confidence)
    }
}
