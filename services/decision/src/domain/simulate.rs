//! What another policy would have been worth, estimated from the decisions of the policies that were.
//!
//! The estimator is self-normalised inverse propensity scoring (A. Swaminathan and T. Joachims, "The self-normalized
//! estimator for counterfactual learning", NIPS 2015): with `w = new probability / logged probability` of the first
//! offer and reward `r`, the value is `sum(w r) / sum(w)`. Its variance follows by the delta method:
//! `sum(w^2 (r - value)^2) / sum(w)^2`. The effective sample size is Kish's, `sum(w)^2 / sum(w^2)`.

use std::collections::BTreeMap;

use super::arbitration::{Contender, selection_probabilities};
use super::draw::Draws;
use super::policy::{Policy, Treatment};

/// A logged decision, as far as it can be replayed.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The offers that were eligible, with the model's beliefs of that moment.
    pub contenders: Vec<Contender>,
    /// The policy that decided.
    pub policy: Policy,
    /// The arm that decided.
    pub arm: Treatment,
    /// Which contender came first.
    pub first: usize,
    /// The probability of that, as logged.
    pub probability: f64,
    /// Whether the first offer was rewarded.
    pub rewarded: bool,
    /// The seed of this decision's draw within the simulation.
    pub seed: u64,
}

/// When an estimate may be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Support {
    /// The least effective sample size.
    pub min_effective_sample: f64,
    /// The most that the new policy may, on average, put on offers that the log cannot speak about, in 0..=1.
    pub max_unsupported: f64,
}

/// The sums of a simulation.
#[derive(Debug, Clone, Default)]
pub struct Simulation {
    decisions: u64,
    same: u64,
    rewards: f64,
    weights: f64,
    weights_squared: f64,
    weighted_rewards: f64,
    squared_rewards: f64,
    unsupported: f64,
    choices: BTreeMap<String, u64>,
}

/// What a simulation comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Decisions replayed.
    pub decisions: u64,
    /// Decisions in which the draw of the new policy met the logged first offer.
    pub same_choice: u64,
    /// Mean reward under the logging policy.
    pub logged_value: f64,
    /// Estimated mean reward under the new policy.
    pub estimated_value: f64,
    /// Half the width of the 95 % interval.
    pub half_width: f64,
    /// Kish's effective sample size.
    pub effective_sample_size: f64,
    /// Whether the log supports the estimate.
    pub sufficient_support: bool,
    /// How often each offer was drawn first.
    pub choices: BTreeMap<String, u64>,
}

/// Below this an offer counts as one that the logging policy never chose.
const IMPOSSIBLE: f64 = 1e-9;

impl Simulation {
    /// Replays one decision under `policy`. The policy's control group is a share of its probability here, because a
    /// replay is about the policy as a whole.
    pub fn add(&mut self, logged: &Logged, policy: &Policy) {
        if logged.probability <= 0.0 || logged.first >= logged.contenders.len() {
            return;
        }
        let arbitrated = selection_probabilities(&logged.contenders, policy, Treatment::Arbitrated);
        let even = 1.0 / arbitrated.len() as f64;
        let share = policy.control_share;
        let new: Vec<f64> = arbitrated.into_iter().map(|p| share * even + (1.0 - share) * p).collect();
        let old = selection_probabilities(&logged.contenders, &logged.policy, logged.arm);
        let weight = new[logged.first] / logged.probability;
        let reward = f64::from(u8::from(logged.rewarded));
        self.decisions += 1;
        self.rewards += reward;
        self.weights += weight;
        self.weights_squared += weight * weight;
        self.weighted_rewards += weight * reward;
        self.squared_rewards += weight * weight * reward;
        let unseen = new.iter().zip(&old).filter(|(_, old)| **old < IMPOSSIBLE);
        self.unsupported += unseen.map(|(new, _)| new).sum::<f64>();
        let drawn = choose(&new, Draws::new(logged.seed).unit());
        self.same += u64::from(drawn == logged.first);
        *self.choices.entry(logged.contenders[drawn].offer.to_string()).or_default() += 1;
    }

    /// The estimate over all that was added.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "numbers of decisions stay far below 2^53")]
    pub fn estimate(self, support: Support) -> Estimate {
        let count = self.decisions as f64;
        let over = |sum: f64, by: f64| if by > 0.0 { sum / by } else { 0.0 };
        let value = over(self.weighted_rewards, self.weights);
        // Rewards are 0 or 1, so r^2 = r opens the square: sum w^2 (r - v)^2 = sum w^2 r (1 - 2v) + v^2 sum w^2.
        let spread = self.squared_rewards * (1.0 - 2.0 * value) + value * value * self.weights_squared;
        let variance = over(spread.max(0.0), self.weights * self.weights);
        let effective = over(self.weights * self.weights, self.weights_squared);
        Estimate {
            decisions: self.decisions,
            same_choice: self.same,
            logged_value: over(self.rewards, count),
            estimated_value: value,
            half_width: 1.96 * variance.sqrt(),
            effective_sample_size: effective,
            sufficient_support: effective >= support.min_effective_sample
                && over(self.unsupported, count) <= support.max_unsupported,
            choices: self.choices,
        }
    }
}

/// The index at which the running sum of probabilities passes `unit`.
fn choose(probabilities: &[f64], unit: f64) -> usize {
    let mut sum = 0.0;
    for (index, probability) in probabilities.iter().enumerate() {
        sum += probability;
        if unit < sum {
            return index;
        }
    }
    probabilities.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::arbitration::arbitrate;
    use super::super::model::Posterior;
    use super::super::policy::Exploration;
    use super::super::response::Kind;
    use super::*;

    const TRUTH: [f64; 3] = [0.1, 0.3, 0.6];
    const SUPPORT: Support = Support { min_effective_sample: 100.0, max_unsupported: 0.01 };

    fn policy(exploration: Exploration, floor: f64) -> Policy {
        Policy {
            id: "p".into(),
            exploration,
            control_share: 0.0,
            exploration_floor: floor,
            ignore_value: false,
            ignore_lever: false,
            learn_from: Kind::Click,
        }
    }

    fn contenders() -> Vec<Contender> {
        let one = |(number, mean): (usize, &f64)| Contender {
            offer: format!("o{number}").into(),
            posterior: Arc::new(Posterior::new(mean * 20.0, (1.0 - mean) * 20.0)),
            value: 1.0,
            context_weight: 1.0,
            lever: 1.0,
        };
        TRUTH.iter().enumerate().map(one).collect()
    }

    fn log(logging: &Policy, count: u64) -> Vec<Logged> {
        let contenders = contenders();
        let one = |number: u64| {
            let seed = Draws::new(number).next();
            let first = arbitrate(&contenders, logging, Treatment::Arbitrated, seed)[0];
            Logged {
                contenders: contenders.clone(),
                policy: logging.clone(),
                arm: Treatment::Arbitrated,
                first: first.contender,
                probability: first.selection_probability,
                rewarded: Draws::new(seed ^ 99).unit() < TRUTH[first.contender],
                seed,
            }
        };
        (0..count).map(one).collect()
    }

    fn run(logging: &Policy, new: &Policy, count: u64) -> Estimate {
        let mut simulation = Simulation::default();
        log(logging, count).iter().for_each(|logged| simulation.add(logged, new));
        simulation.estimate(SUPPORT)
    }

    #[test]
    fn the_truth_lies_in_the_interval() {
        let greedy = policy(Exploration::Greedy, 0.0);
        let estimate = run(&policy(Exploration::Uniform, 0.0), &greedy, 20_000);
        assert!((estimate.estimated_value - 0.6).abs() <= 2.0 * estimate.half_width, "{estimate:?}");
        assert!((estimate.logged_value - 1.0 / 3.0).abs() < 0.02 && estimate.sufficient_support);
        assert!((estimate.effective_sample_size / 20_000.0 - 1.0 / 3.0).abs() < 0.02);
        assert_eq!(estimate.choices.get("o2"), Some(&20_000));
        assert!(estimate.same_choice > 6000 && estimate.same_choice < 7400);
    }

    #[test]
    fn the_logging_policy_itself_is_estimated_exactly() {
        let thompson = policy(Exploration::Thompson, 0.1);
        let estimate = run(&thompson, &thompson, 3000);
        assert!((estimate.estimated_value - estimate.logged_value).abs() < 1e-9);
        assert!((estimate.effective_sample_size - 3000.0).abs() < 1e-6);
    }

    #[test]
    fn a_log_without_overlap_or_of_few_decisions_supports_nothing() {
        let greedy = policy(Exploration::Greedy, 0.0);
        assert!(!run(&greedy, &policy(Exploration::Uniform, 0.0), 5000).sufficient_support);
        assert!(!run(&policy(Exploration::Uniform, 0.0), &greedy, 60).sufficient_support);
        let nothing = Simulation::default().estimate(SUPPORT);
        assert!(!nothing.sufficient_support && nothing.estimated_value == 0.0);
    }

    #[test]
    fn the_variance_equals_the_formula_written_out() {
        let (logging, new) = (policy(Exploration::Uniform, 0.0), policy(Exploration::Thompson, 0.3));
        let logs = log(&logging, 500);
        let p = selection_probabilities(&contenders(), &new, Treatment::Arbitrated);
        let w: Vec<f64> = logs.iter().map(|logged| p[logged.first] / logged.probability).collect();
        let r: Vec<f64> = logs.iter().map(|logged| f64::from(u8::from(logged.rewarded))).collect();
        let total: f64 = w.iter().sum();
        let value = w.iter().zip(&r).map(|(w, r)| w * r).sum::<f64>() / total;
        let variance = w.iter().zip(&r).map(|(w, r)| (w * (r - value)).powi(2)).sum::<f64>() / (total * total);
        let estimate = run(&logging, &new, 500);
        assert!((estimate.estimated_value - value).abs() < 1e-12);
        assert!((estimate.half_width - 1.96 * variance.sqrt()).abs() < 1e-12);
    }
}
