//! Who is like a segment.
//!
//! A regularised logistic regression tells the members of the segment from everybody else by all their traits: numbers in
//! bands of equal size, levels and tags as they are, a missing value as a band of its own. Members and others weigh the
//! same in total, so a score above one half means more like the segment than like the rest. A fifth of both is held out of
//! the fit, and the quality is measured on it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::bits::{PAGE_ROWS, and, rows};
use crate::set::Set;
use crate::stats::cliff;
use crate::view::View;

mod encode;
mod logistic;

use encode::Encoder;

/// What to look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Columns that are not traits, by name: ids, and what the segment itself is made of.
    pub ignore: Vec<String>,
    /// The largest number of members, and of others, that the model is fitted to.
    pub sample: usize,
    /// The weight of the squares of the coefficients, relative to one observation.
    pub penalty: f64,
    /// Decides who is in the sample and who is held out.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { ignore: Vec::new(), sample: 20_000, penalty: 1.0, seed: 0 }
    }
}

/// Persons who are like a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lookalike {
    /// Rows and scores from 0 to 1, the most alike first; equal scores by row.
    pub found: Vec<(u32, f64)>,
    /// How well the model tells members from others whom it has not seen.
    pub quality: Quality,
    /// What makes the difference: columns and the mean amount by which they move the log-odds, the largest first.
    pub drivers: Vec<(String, f64)>,
}

/// Quality on persons who were held out of the fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// How many members were held out.
    pub members: usize,
    /// How many others were held out.
    pub others: usize,
    /// The chance that a member scores higher than another person (area under the curve); 0.5 is guessing.
    pub auc: f64,
    /// How many times more members are among the tenth of everybody with the highest scores than in a tenth drawn at
    /// random, with members and others in the shares they have outside of the sample; 1 is guessing, 10 the most.
    pub lift: f64,
}

/// There is nothing to learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotEnough {
    /// Fewer members than the least.
    #[error("the segment has {0} members, at least {LEAST} are needed")]
    Members(usize),
    /// Fewer candidates outside of the segment than the least.
    #[error("there are {0} candidates outside of the segment, at least {LEAST} are needed")]
    Others(usize),
}

const LEAST: usize = 20;

/// The `count` candidates who are most like the members of `seed` and are none. The same for the same options on any
/// number of threads.
///
/// # Errors
/// [`NotEnough`] with fewer than 20 members, or as many candidates who are no members.
pub fn lookalike(
    view: &View,
    seed: &Set,
    candidates: &Set,
    count: usize,
    options: &Options,
) -> Result<Lookalike, NotEnough> {
    let everybody = view.everybody();
    let (members, others) = (seed.and(&everybody), candidates.and(&everybody).and_not(seed));
    if members.len() < LEAST {
        return Err(NotEnough::Members(members.len()));
    }
    if others.len() < LEAST {
        return Err(NotEnough::Others(others.len()));
    }
    let (member_sample, other_sample) = (sample(&members, options), sample(&others, options));
    let (fit, held): (Vec<_>, Vec<_>) = member_sample
        .iter()
        .map(|row| (*row, true))
        .chain(other_sample.iter().map(|row| (*row, false)))
        .enumerate()
        .partition(|(place, _)| place % 5 != 4);
    let fit: Vec<(u32, bool)> = fit.into_iter().map(|(_, one)| one).collect();
    let known: Set = fit.iter().map(|(row, _)| *row).collect();
    let encoder = Encoder::new(view, &known, &options.ignore);
    let features: Vec<Vec<u32>> = fit.par_iter().map(|(row, _)| encoder.row(*row)).collect();
    let labels: Vec<bool> = fit.iter().map(|(_, member)| *member).collect();
    let model = logistic::fit(&features, &labels, encoder.len(), options.penalty);
    let score = |row: u32| model.score(&encoder.row(row));
    let scored: Vec<(f64, bool)> = held.into_par_iter().map(|(_, (row, member))| (score(row), member)).collect();
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let weight = others.len() as f64 / other_sample.len() as f64 / (members.len() as f64 / member_sample.len() as f64);
    let mut found: Vec<(u32, f64)> = (0..others.pages())
        .into_par_iter()
        .flat_map_iter(|page| {
            let live = others.page(page).map(|bits| and(bits, view.live(page)));
            let slots: Vec<usize> = live.iter().flat_map(rows).collect();
            slots.into_iter().map(move |slot| u32::try_from(page * PAGE_ROWS + slot).unwrap_or(u32::MAX))
        })
        .map(|row| (row, score(row)))
        .collect();
    let order = |one: &(u32, f64), other: &(u32, f64)| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0));
    if count < found.len() {
        found.select_nth_unstable_by(count, order);
        found.truncate(count);
    }
    found.sort_unstable_by(order);
    Ok(Lookalike { found, quality: quality(scored, weight), drivers: encoder.drivers(&features, &model.weights) })
}

/// Up to the wanted number of rows of a set, by a hash of the row, in the order of the hash.
fn sample(set: &Set, options: &Options) -> Vec<u32> {
    let mut hashed: Vec<(u64, u32)> =
        set.iter().map(|row| (mixed(u64::from(row) ^ options.seed.rotate_left(32)), row)).collect();
    if options.sample < hashed.len() {
        hashed.select_nth_unstable(options.sample);
        hashed.truncate(options.sample);
    }
    hashed.sort_unstable();
    hashed.into_iter().map(|(_, row)| row).collect()
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The quality of scores; `weight` is how many persons one other of the sample stands for, where a member stands for one.
fn quality(mut scored: Vec<(f64, bool)>, weight: f64) -> Quality {
    let side = |wanted: bool| -> Vec<f64> {
        scored.iter().filter(|(_, member)| *member == wanted).map(|(score, _)| *score).collect()
    };
    let (mut members, mut others) = (side(true), side(false));
    let auc = cliff(&mut members, &mut others).map_or(0.5, |ranks| f64::midpoint(ranks.delta, 1.0));
    scored.sort_by(|one, other| other.0.total_cmp(&one.0));
    #[expect(clippy::cast_precision_loss, reason = "counts")]
    let (all, everybody) = (members.len() as f64, members.len() as f64 + others.len() as f64 * weight);
    let (mut seen, mut caught) = (0.0, 0.0);
    for (_, member) in &scored {
        let size = if *member { 1.0 } else { weight };
        // The person on the border counts for the part that is inside.
        let inside = ((everybody / 10.0 - seen) / size).clamp(0.0, 1.0);
        if *member {
            caught += inside;
        }
        seen += size;
    }
    let lift = if all > 0.0 { caught / all * 10.0 } else { 1.0 };
    Quality { members: members.len(), others: others.len(), auc, lift }
}
