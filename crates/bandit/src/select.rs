//! One of many by their scores, with exact probabilities.
//!
//! An offer's chance falls with how far its score is below the best one (inverse-gap weighting, Abe and Long 1999; Foster
//! and Rakhlin 2020). Gaps are shares of the best score, so that the unit of scores does not matter. A share is then spread
//! evenly, and last no offer gets more than its reach, which grows with its positives. Every step is a formula: the
//! probabilities are those of the draw.

use serde::{Deserialize, Serialize};

/// How chances are made of scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// How fast chances fall with the gap, in units of the root of answers times offers.
    pub greed: f64,
    /// The share that is spread evenly over all offers, in [0, 1].
    pub floor: f64,
    /// The greatest chance of an offer without positives, in (0, 1]; 1 for no ramp.
    pub first_reach: f64,
    /// The positives at which an offer has its full reach.
    pub full_reach_at: u64,
}

impl Default for Selection {
    fn default() -> Self {
        Self { greed: 1.0, floor: 0.01, first_reach: 0.02, full_reach_at: 200 }
    }
}

impl Selection {
    /// The greatest chance of an offer with so many positives: it grows evenly from the first reach to 1.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a count of positives")]
    pub fn reach(&self, positives: u64) -> f64 {
        if positives >= self.full_reach_at {
            return 1.0;
        }
        let first = self.first_reach.clamp(f64::MIN_POSITIVE, 1.0);
        first + (1.0 - first) * positives as f64 / self.full_reach_at as f64
    }

    /// The chance of each offer, given its score (0 or more) and its reach (see [`Selection::reach`]), after so many
    /// answers to all. They add up to 1. What an offer may not get for its reach goes to the others in proportion to their
    /// chances; if all reaches together are less than 1, chances are in proportion to them.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "offers and answers are counted")]
    pub fn chances(&self, scores: &[f64], reaches: &[f64], answers: u64) -> Vec<f64> {
        let Some(best) = best(scores) else { return Vec::new() };
        let (count, top) = (scores.len() as f64, scores.get(best).copied().unwrap_or(0.0));
        let steepness = self.greed * (count * answers as f64).sqrt();
        let gap = |score: f64| if top > 0.0 { ((top - score) / top).clamp(0.0, 1.0) } else { 0.0 };
        let mut chances: Vec<f64> = scores.iter().map(|score| 1.0 / (count + steepness * gap(*score))).collect();
        let others: f64 = chances.iter().enumerate().filter(|(at, _)| *at != best).map(|(_, chance)| chance).sum();
        if let Some(chance) = chances.get_mut(best) {
            *chance = 1.0 - others;
        }
        let floor = self.floor.clamp(0.0, 1.0);
        for chance in &mut chances {
            *chance = (1.0 - floor) * *chance + floor / count;
        }
        cap(&mut chances, reaches);
        chances
    }
}

/// The first of the highest scores.
fn best(scores: &[f64]) -> Option<usize> {
    let by_score = |one: &(usize, &f64), two: &(usize, &f64)| one.1.total_cmp(two.1).then(two.0.cmp(&one.0));
    scores.iter().enumerate().max_by(by_score).map(|(at, _)| at)
}

/// Takes chances down to their reaches and gives what they lose to those that are below theirs.
fn cap(chances: &mut [f64], reaches: &[f64]) {
    let reach = |at: usize| reaches.get(at).copied().unwrap_or(1.0);
    let all: f64 = (0..chances.len()).map(reach).sum();
    if all <= 1.0 {
        for (at, chance) in chances.iter_mut().enumerate() {
            *chance = reach(at) / all;
        }
        return;
    }
    // Each round caps another offer at least, or ends.
    let mut capped = vec![false; chances.len()];
    loop {
        let mut left = 1.0;
        let mut free = 0.0;
        for (at, chance) in chances.iter().enumerate() {
            if capped.get(at) == Some(&true) {
                left -= reach(at);
            } else {
                free += chance;
            }
        }
        let scale = if free > 0.0 { left / free } else { 0.0 };
        let mut over = false;
        for (at, capped) in capped.iter_mut().enumerate() {
            if !*capped && chances.get(at).is_some_and(|chance| chance * scale > reach(at)) {
                *capped = true;
                over = true;
            }
        }
        if !over {
            for (at, chance) in chances.iter_mut().enumerate() {
                *chance = if capped.get(at) == Some(&true) { reach(at) } else { *chance * scale };
            }
            return;
        }
    }
}

/// The offer that a draw in [0, 1) falls on, given chances that add up to 1; none among none.
#[must_use]
pub fn pick(chances: &[f64], draw: f64) -> Option<usize> {
    let mut left = draw;
    for (at, chance) in chances.iter().enumerate() {
        left -= chance;
        if left < 0.0 {
            return Some(at);
        }
    }
    // What rounding leaves over goes to the last one that has a chance.
    chances.iter().rposition(|chance| *chance > 0.0)
}
