//! Estimators of a policy's value over single decisions.
//!
//! With `w` the importance weight, `r` the reward, `q` the predicted reward of the chosen action and `d` the expected
//! reward of the policy by the model, over `n` samples:
//!
//! | estimator | formula | source |
//! |---|---|---|
//! | IPS | `mean(w r)` | Horvitz and Thompson 1952; Precup et al. 2000 |
//! | SNIPS | `sum(w r) / sum(w)` | Swaminathan and Joachims 2015 |
//! | DM | `mean(d)` | Beygelzimer and Langford 2009 |
//! | DR | `mean(d + w (r - q))` | Dudik, Langford and Li 2011 |
//! | SNDR | `mean(d) + sum(w (r - q)) / sum(w)` | Thomas and Brunskill 2016 |
//! | Switch-DR | `mean(d + w [w <= t] (r - q))` | Wang, Agarwal and Dudik 2017 |
//! | DRos | `mean(d + l w / (w^2 + l) (r - q))` | Su et al. 2020, optimistic shrinkage |

use serde::Serialize;

use crate::Sample;
use crate::likelihood::{self, Interval};
use crate::support::{self, Support, Verdict};

/// How a value is told from samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "name")]
pub enum Estimator {
    /// Inverse propensity scores: without bias, with the variance of the weights.
    Ips,
    /// The same, divided by the sum of the weights: within the range of the rewards.
    Snips,
    /// The model alone: without variance of the weights, with the bias of the model.
    Dm,
    /// The model, corrected where decisions were seen: without bias when propensities or model are right.
    Dr,
    /// The same, with weights that sum to one.
    Sndr,
    /// DR that believes the model where a weight is above `threshold`.
    SwitchDr {
        /// The greatest weight that is used.
        threshold: f64,
    },
    /// DR with weights that are shrunk towards the model the more the larger they are.
    DrShrunk {
        /// How much is left of large weights: 0 is DM, infinity DR.
        strength: f64,
    },
}

/// What an estimator says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The estimator.
    #[serde(flatten)]
    pub estimator: Estimator,
    /// The value; none where the log cannot say it.
    pub value: Option<f64>,
    /// Where the value lies with the confidence asked for; none where the log cannot say it.
    pub interval: Option<Interval>,
}

/// What a log says about a policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// How many decisions.
    pub samples: usize,
    /// What the logging policy got itself.
    pub logged: Estimate,
    /// What the policy would have got, by estimator.
    pub estimates: Vec<Estimate>,
    /// How much the log can say.
    pub support: Support,
    /// Whether that is enough, and for what reasons not.
    pub verdict: Verdict,
}

impl Estimator {
    /// The weight that the estimator gives to a sample's correction.
    fn weight(self, sample: &Sample) -> f64 {
        let weight = sample.weight();
        match self {
            Self::Dm => 0.0,
            Self::Ips | Self::Snips | Self::Dr | Self::Sndr => weight,
            Self::SwitchDr { threshold } => {
                if weight <= threshold {
                    weight
                } else {
                    0.0
                }
            }
            Self::DrShrunk { strength } if strength.is_infinite() => weight,
            Self::DrShrunk { strength } if strength + weight > 0.0 => strength * weight / (weight * weight + strength),
            Self::DrShrunk { .. } => 0.0,
        }
    }

    /// Whether the model is part of it.
    #[must_use]
    pub const fn reads_model(self) -> bool {
        !matches!(self, Self::Ips | Self::Snips)
    }

    /// The term of a sample before normalisation: model, weight and correction.
    fn parts(self, sample: &Sample) -> (f64, f64, f64) {
        let weight = self.weight(sample);
        if self.reads_model() {
            (sample.expected, weight, weight * (sample.reward - sample.predicted))
        } else {
            (0.0, weight, weight * sample.reward)
        }
    }

    /// The value of the policy; none without samples, or, where weights are normalised, without any weight.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "logs have fewer than 2^53 decisions")]
    pub fn value(self, samples: &[Sample]) -> Option<f64> {
        if samples.is_empty() {
            return None;
        }
        let (mut model, mut weights, mut corrections) = (0.0, 0.0, 0.0);
        for sample in samples {
            let (one, weight, correction) = self.parts(sample);
            model += one;
            weights += weight;
            corrections += correction;
        }
        let count = samples.len() as f64;
        match self {
            Self::Snips => (weights > 0.0).then(|| corrections / weights),
            Self::Sndr => (weights > 0.0).then(|| model / count + corrections / weights),
            _ => Some((model + corrections) / count),
        }
    }

    /// Where the value lies with `confidence` (for example 0.95); none where [`value`](Self::value) is none or fewer than
    /// two samples differ.
    ///
    /// An interval of DM tells how contexts vary, not how wrong the model is.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "logs have fewer than 2^53 decisions")]
    pub fn interval(self, samples: &[Sample], confidence: f64) -> Option<Interval> {
        let value = self.value(samples)?;
        let count = samples.len() as f64;
        match self {
            // The value solves sum(w (r - v)) = 0.
            Self::Snips => {
                let terms: Vec<(f64, f64)> =
                    samples.iter().map(|one| (one.weight() * one.reward, one.weight())).collect();
                likelihood::ratio(&terms, confidence)
            }
            // The influence of a sample on mean(d) + sum(w (r - q)) / sum(w), linear in the sample (delta method).
            Self::Sndr => {
                let weights: f64 = samples.iter().map(Sample::weight).sum::<f64>() / count;
                let model: f64 = samples.iter().map(|one| one.expected).sum::<f64>() / count;
                let shift = value - model;
                let terms: Vec<f64> = samples
                    .iter()
                    .map(|one| {
                        let weight = one.weight() / weights;
                        one.expected + shift + weight * (one.reward - one.predicted - shift)
                    })
                    .collect();
                likelihood::mean(&terms, confidence)
            }
            _ => {
                let terms: Vec<f64> = samples
                    .iter()
                    .map(|one| {
                        let (model, _, correction) = self.parts(one);
                        model + correction
                    })
                    .collect();
                likelihood::mean(&terms, confidence)
            }
        }
    }

    /// Value and interval.
    #[must_use]
    pub fn estimate(self, samples: &[Sample], confidence: f64) -> Estimate {
        Estimate { estimator: self, value: self.value(samples), interval: self.interval(samples, confidence) }
    }
}

/// The usual estimators with their usual constants: IPS, SNIPS, DM, DR, SNDR, Switch-DR at 10, DRos at 1,000.
pub const USUAL: [Estimator; 7] = [
    Estimator::Ips,
    Estimator::Snips,
    Estimator::Dm,
    Estimator::Dr,
    Estimator::Sndr,
    Estimator::SwitchDr { threshold: 10.0 },
    Estimator::DrShrunk { strength: 1000.0 },
];

/// What a log says about a policy, by these estimators.
#[must_use]
pub fn evaluate(samples: &[Sample], estimators: &[Estimator], confidence: f64) -> Evaluation {
    // The logging policy is the one whose weights are all one.
    let own: Vec<Sample> = samples.iter().map(|one| Sample { target: one.propensity, ..*one }).collect();
    let support = support::of(samples);
    let verdict = support.verdict();
    Evaluation {
        samples: samples.len(),
        logged: Estimator::Ips.estimate(&own, confidence),
        estimates: estimators.iter().map(|one| one.estimate(samples, confidence)).collect(),
        support,
        verdict,
    }
}
