//! Learning from answers, an event at a time.
//!
//! | module | what it is |
//! |---|---|
//! | [`encode`] | rows of values to vectors: standardised numbers, categories, quantile bins, learned as rows pass |
//! | [`bayes`] | logistic regression with a full covariance, exact or forgetting |
//! | [`first_order`] | logistic regression over bins with a step size of its own for each |
//! | [`kernel`] | random features of a smooth kernel, which make linear models curved |
//! | [`ridge`] | linear regression with a full covariance |
//! | [`propensity`] | the probability of a yes: several of these heads, stacked by what they said lately |
//! | [`predictors`] | named values to bins, where predictors are not known beforehand |
//! | [`hierarchy`] | propensities of many offers, each starting from what levels above it know, in tables that are added |
//! | [`select`] | one of many by their scores, with exact probabilities and a reach that grows with proof |
//! | [`choose`] | which of several actions: the best by estimate and what is not known yet, and with which probability |
//!
//! Everything is a function of what was learned in which order; randomness is a seed. Nothing reads a clock. Nobody looks
//! ahead: a row is encoded by what rows before it (and itself) were like, never by the label.

pub mod bayes;
pub mod choose;
pub mod encode;
pub mod first_order;
pub mod hierarchy;
pub mod kernel;
pub mod predictors;
pub mod propensity;
pub mod ridge;
pub mod select;

/// The probability of log-odds.
#[must_use]
pub fn sigmoid(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// The log-odds of a probability, which is first taken away from 0 and 1 by a millionth.
#[must_use]
pub fn logit(probability: f64) -> f64 {
    let inside = probability.clamp(1e-6, 1.0 - 1e-6);
    (inside / (1.0 - inside)).ln()
}

/// Sums of products in lanes that a processor adds at once.
const LANES: usize = 8;

fn dot(one: &[f64], two: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (heads, others) = (one.chunks_exact(LANES), two.chunks_exact(LANES));
    let rest = heads.remainder().iter().zip(two.get(one.len() - heads.remainder().len()..).unwrap_or_default());
    let rest: f64 = rest.map(|(one, two)| one * two).sum();
    for (one, two) in heads.zip(others) {
        for ((sum, one), two) in sums.iter_mut().zip(one).zip(two) {
            *sum += one * two;
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Adds `scale` times a vector to another.
fn add(to: &mut [f64], scale: f64, vector: &[f64]) {
    for (sum, entry) in to.iter_mut().zip(vector) {
        *sum += scale * entry;
    }
}
