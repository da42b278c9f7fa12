//! The choice among the offers that may be made, and the exact probability of that choice.
//!
//! Exploration is Thompson sampling (W. R. Thompson, "On the likelihood that one unknown probability exceeds another in
//! view of the evidence of two samples", Biometrika 25, 1933; D. Russo et al., "A tutorial on Thompson sampling",
//! Foundations and Trends in Machine Learning 11, 2018) over a discretised posterior: each offer's beta distribution is
//! represented by its quantiles at the midpoints of [`PARTS`](super::beta::PARTS) equiprobable parts, and one of them is
//! drawn uniformly for each offer. The discretisation cuts the tails beyond the outermost midpoints; a policy's
//! exploration floor keeps every eligible offer possible all the same.
//!
//! What it buys is that the probability of every first choice is a finite sum. An *atom* is one quantile of one offer. Atoms
//! are totally ordered by score, then propensity, then index, then by the offers' order, ascending at even indices and
//! descending at odd ones, so that equal offers share their chances nearly evenly. Offer `k` comes first when one of its
//! atoms is drawn and every other offer draws an atom below it:
//!
//! `P(k) = sum over atoms a of k: 1/Q * product over j != k of (atoms of j below a) / Q`
//!
//! Going down the atoms from the highest, the product over all offers is kept up to date by one multiplication an atom,
//! and what is left to distribute is the product itself: the walk ends when it is negligible.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::beta::PARTS;
use super::draw::Draws;
use super::model::Posterior;
use super::policy::{Exploration, Policy, Treatment};

/// What of the total probability may be left undistributed before it is shared by normalisation.
const NEGLIGIBLE: f64 = 1e-18;

/// An offer that may be made, with all that its score is made of.
#[derive(Debug, Clone)]
pub struct Contender {
    /// The offer. Contenders are ordered by it.
    pub offer: Arc<str>,
    /// What is believed of its propensity on this channel.
    pub posterior: Arc<Posterior>,
    /// The value of a positive response.
    pub value: f64,
    /// The weight of its context rule.
    pub context_weight: f64,
    /// The marketer's lever.
    pub lever: f64,
}

impl Contender {
    /// The factor of the propensity in the score.
    #[must_use]
    pub fn weight(&self, policy: &Policy) -> f64 {
        let value = if policy.ignore_value { 1.0 } else { self.value };
        let lever = if policy.ignore_lever { 1.0 } else { self.lever };
        value * self.context_weight * lever
    }
}

/// A contender with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// Which contender.
    pub contender: usize,
    /// The propensity used: drawn when the policy explores, the posterior mean otherwise.
    pub propensity: f64,
    /// The propensity times the weight.
    pub score: f64,
    /// The probability with which this arm puts the contender first.
    pub selection_probability: f64,
}

/// Ranks all contenders.
///
/// The first one is chosen with exactly the probability that it carries; the others follow by score. Equal arguments
/// give equal results to the last bit, whatever ran before.
#[must_use]
pub fn arbitrate(contenders: &[Contender], policy: &Policy, arm: Treatment, seed: u64) -> Vec<Ranked> {
    let mut draws = Draws::new(seed);
    let explores = arm == Treatment::Arbitrated && policy.exploration == Exploration::Thompson;
    let mut ranked: Vec<Drawn> = contenders
        .iter()
        .enumerate()
        .map(|(contender, offer)| {
            let index = draws.below(PARTS);
            let propensity = if explores { offer.posterior.atoms()[index] } else { offer.posterior.mean() };
            let atom = Atom { score: propensity * offer.weight(policy), propensity, index, contender };
            Drawn { atom, probability: 0.0 }
        })
        .collect();
    for (drawn, probability) in ranked.iter_mut().zip(selection_probabilities(contenders, policy, arm)) {
        drawn.probability = probability;
    }
    let uniformly = arm == Treatment::Control || policy.exploration == Exploration::Uniform;
    if uniformly {
        draws.shuffle(&mut ranked);
    } else {
        let explored = draws.unit() < policy.exploration_floor;
        let first = draws.below(contenders.len());
        ranked.sort_unstable_by_key(|drawn| Reverse(drawn.atom));
        if explored && let Some(at) = ranked.iter().position(|drawn| drawn.atom.contender == first) {
            ranked[..=at].rotate_right(1);
        }
    }
    let place = |drawn: Drawn| Ranked {
        contender: drawn.atom.contender,
        propensity: drawn.atom.propensity,
        score: drawn.atom.score,
        selection_probability: drawn.probability,
    };
    ranked.into_iter().map(place).collect()
}

/// The probability with which an arm puts each contender first; sums to one.
#[must_use]
pub fn selection_probabilities(contenders: &[Contender], policy: &Policy, arm: Treatment) -> Vec<f64> {
    if contenders.is_empty() {
        return Vec::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of offers")]
    let even = 1.0 / contenders.len() as f64;
    if arm == Treatment::Control || policy.exploration == Exploration::Uniform {
        return vec![even; contenders.len()];
    }
    let mut probabilities = match policy.exploration {
        Exploration::Thompson => first_of_atoms(contenders, policy),
        Exploration::Greedy | Exploration::Uniform => first_of_means(contenders, policy),
    };
    for probability in &mut probabilities {
        *probability = (1.0 - policy.exploration_floor) * *probability + policy.exploration_floor * even;
    }
    probabilities
}

fn first_of_means(contenders: &[Contender], policy: &Policy) -> Vec<f64> {
    let mut probabilities = vec![0.0; contenders.len()];
    let atom = |(contender, offer): (usize, &Contender)| {
        let propensity = offer.posterior.mean();
        Atom { score: propensity * offer.weight(policy), propensity, index: 0, contender }
    };
    // The index is drawn at random and decides between equal means; every index is as likely for each of them.
    let best = contenders.iter().enumerate().map(atom).max();
    if let Some(best) = best {
        let equal: Vec<usize> = contenders
            .iter()
            .enumerate()
            .map(atom)
            .filter(|atom| atom.score == best.score && atom.propensity == best.propensity)
            .map(|atom| atom.contender)
            .collect();
        let shares = first_among_equals(equal.len());
        for (contender, share) in equal.into_iter().zip(shares) {
            probabilities[contender] = share;
        }
    }
    probabilities
}

/// The chances of `count` contenders that only their drawn indices distinguish.
fn first_among_equals(count: usize) -> Vec<f64> {
    walk(count, |contender, index| Atom { score: 0.0, propensity: 0.0, index, contender })
}

fn first_of_atoms(contenders: &[Contender], policy: &Policy) -> Vec<f64> {
    let prepared: Vec<(&[f64; PARTS], f64)> =
        contenders.iter().map(|offer| (offer.posterior.atoms(), offer.weight(policy))).collect();
    walk(contenders.len(), |contender, index| {
        let (atoms, weight) = prepared[contender];
        Atom { score: atoms[index] * weight, propensity: atoms[index], index, contender }
    })
}

/// The chances of each of `count` contenders to draw the highest atom. `atom(k, i)` ascends in `i`.
fn walk(count: usize, atom: impl Fn(usize, usize) -> Atom) -> Vec<f64> {
    let mut probabilities = vec![0.0; count];
    let mut left = 1.0;
    let mut highest: BinaryHeap<Atom> = (0..count).map(|contender| atom(contender, PARTS - 1)).collect();
    while let Some(Atom { contender, index, .. }) = highest.pop() {
        #[expect(clippy::cast_precision_loss, reason = "at most 32")]
        let at_or_below = (index + 1) as f64;
        // The product of the others' shares, times 1/Q, is the whole product divided by this contender's atoms.
        let won = left / at_or_below;
        probabilities[contender] += won;
        left *= index as f64 / at_or_below;
        if index == 0 || left < NEGLIGIBLE {
            break;
        }
        highest.push(atom(contender, index - 1));
    }
    let sum: f64 = probabilities.iter().sum();
    if sum > 0.0 {
        probabilities.iter_mut().for_each(|probability| *probability /= sum);
    }
    probabilities
}

#[derive(Debug, Clone, Copy)]
struct Drawn {
    atom: Atom,
    probability: f64,
}

/// One quantile of one contender, in the total order that the module describes.
#[derive(Debug, Clone, Copy)]
struct Atom {
    score: f64,
    propensity: f64,
    index: usize,
    contender: usize,
}

impl Ord for Atom {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_place = || {
            let order = other.contender.cmp(&self.contender);
            if self.index.is_multiple_of(2) { order } else { order.reverse() }
        };
        self.score
            .total_cmp(&other.score)
            .then_with(|| self.propensity.total_cmp(&other.propensity))
            .then_with(|| self.index.cmp(&other.index))
            .then_with(by_place)
    }
}

impl PartialOrd for Atom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Atom {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Atom {}

#[cfg(test)]
#[path = "arbitration_tests.rs"]
mod tests;
