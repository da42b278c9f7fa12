//! Expectation maximisation over three classes of pairs: matches, two persons of one household, strangers.
//!
//! What strangers show is known beforehand (random pairs, frequencies of values) and stays; what matches and households show,
//! and how many there are, is learned from the candidates. Blocking proposes nearly all matches, so that counting over the
//! candidates is counting over the matches; Winkler (1988) for two classes.

use crate::comparison::{EXACT, KEY, LEVELS, SWAPPED};
use crate::dedupe::{Observation, level_of};
use crate::model::{Model, Table, context_of};
use crate::text::Role;
use rustc_hash::FxHashMap;

/// How an estimation went.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Course {
    pub(crate) pairs: u64,
    pub(crate) iterations: u32,
    pub(crate) last_change: f64,
    pub(crate) converged: bool,
}

/// What the learned parameters are drawn to when there is little to learn from.
#[derive(Debug, Clone)]
pub(crate) struct Priors {
    pub(crate) m: Vec<Table>,
    pub(crate) h: Vec<Table>,
}

/// Pairs' worth of the priors.
const STRENGTH_M: f64 = 8.0;
const STRENGTH_H: f64 = 40.0;
/// Iterations at most, and the change of a parameter that counts as none.
const MOST: u32 = 40;
const REST: f64 = 2e-4;

/// Observations that show the same, with the chance rounded to half bits.
fn groups(observations: &[Observation]) -> Vec<(u64, f64, f64)> {
    let mut counts: FxHashMap<(u64, i32), u32> = FxHashMap::default();
    for observation in observations {
        *counts.entry((observation.pattern, (observation.chance * 2.0).round() as i32)).or_insert(0) += 1;
    }
    let mut groups: Vec<(u64, i32, u32)> =
        counts.into_iter().map(|((pattern, chance), count)| (pattern, chance, count)).collect();
    groups.sort_unstable();
    groups.into_iter().map(|(pattern, chance, count)| (pattern, f64::from(chance) / 2.0, f64::from(count))).collect()
}

/// Learns `m`, `h` and the shares of both classes from candidates; `pairs` is the number of all pairs of records.
/// Households are left as they are unless the candidates include those that are no match.
pub(crate) fn learn(
    model: &mut Model,
    priors: &Priors,
    observations: &[Observation],
    pairs: f64,
    households_too: bool,
) -> Course {
    let groups = groups(observations);
    let households_too = households_too && model.household_share > 0.0;
    let fields = model.columns.len();
    let parents: Vec<Vec<usize>> = model.columns.iter().map(|column| column.parents.clone()).collect();
    let mut kinship = vec![START_KINSHIP; fields];
    let mut course = Course { pairs: observations.len() as u64, ..Course::default() };
    while course.iterations < MOST && !course.converged {
        course.iterations += 1;
        let logs = |table: &Table| table.map(|levels| levels.map(|value| value.max(1e-12).log2()));
        let m: Vec<Table> = model.columns.iter().map(|column| logs(&column.m)).collect();
        let h: Vec<Table> = model.columns.iter().map(|column| logs(&column.h)).collect();
        let (prior, prior_household) = model.priors();
        let mut m_counts = vec![[[0.0; LEVELS]; 3]; fields];
        let mut h_counts = m_counts.clone();
        let (mut matches, mut households) = (0.0, 0.0);
        let mut last = (u64::MAX, 0.0, 0.0);
        for (pattern, chance, count) in &groups {
            if last.0 != *pattern {
                let (mut matched, mut household) = (0.0, 0.0);
                for at in 0..fields {
                    let level = usize::from(level_of(*pattern, at));
                    if level != 0 {
                        let context = context_of(&parents[at], |parent| level_of(*pattern, parent));
                        matched += m[at][context][level];
                        household += h[at][context][level];
                    }
                }
                last = (*pattern, matched, household);
            }
            let matched = (prior + last.1 - chance).min(500.0).exp2();
            let household = (prior_household + last.2 - chance).min(500.0).exp2();
            let total = matched + household + 1.0;
            let (matched, household) = (count * matched / total, count * household / total);
            matches += matched;
            households += household;
            for at in 0..fields {
                let level = usize::from(level_of(*pattern, at));
                if level != 0 {
                    let context = context_of(&parents[at], |parent| level_of(*pattern, parent));
                    m_counts[at][context][level] += matched;
                    h_counts[at][context][level] += household;
                }
            }
        }
        let mut change: f64 = 0.0;
        for (at, column) in model.columns.iter_mut().enumerate() {
            let dependent = !column.parents.is_empty();
            change = change.max(update(&mut column.m, &m_counts[at], &priors.m[at], STRENGTH_M, dependent));
            match most_kinship(column.role) {
                _ if !households_too => {}
                None => {
                    change = change.max(update(&mut column.h, &h_counts[at], &priors.h[at], STRENGTH_H, dependent));
                }
                Some(most) => {
                    kinship[at] = kin(kinship[at], most, &column.m[0], &column.u[0], &h_counts[at]);
                    for context in 0..3 {
                        column.h[context] = blend(kinship[at], &column.m[context], &column.u[context]);
                    }
                }
            }
        }
        model.match_share = (matches.max(0.5) / pairs).min(0.5);
        if households_too {
            model.household_share = (households.max(0.01) / pairs).min(0.4);
        }
        course.last_change = change;
        course.converged = change < REST;
    }
    for column in &mut model.columns {
        for context in 0..3 {
            column.m[context] = agreeing(column.m[context], &column.u[context]);
        }
    }
    course
}

/// The shares of levels among matches, where agreement is never evidence against a match: a level that hardly occurs among
/// the records at hand (another script, columns swapped) is estimated from next to nothing, and says nothing then.
fn agreeing(mut m: [f64; LEVELS], u: &[f64; LEVELS]) -> [f64; LEVELS] {
    for level in [KEY, SWAPPED].map(usize::from) {
        m[level] = m[level].max(u[level]);
    }
    normal(m)
}

/// The share of two persons of one household that agree on what is a person's own for another reason than chance, to begin with.
pub(crate) const START_KINSHIP: f64 = 0.03;

/// The most that this share can be: twins, children called after a parent, one mail address for two. None for what belongs to
/// the household. Without a bound, a household would become another word for a match with slips.
fn most_kinship(role: Role) -> Option<f64> {
    match role {
        Role::NationalId => Some(0.005),
        Role::GivenName | Role::DateOfBirth | Role::FullName => Some(0.08),
        Role::Email => Some(0.15),
        Role::Phone => Some(0.7),
        _ => None,
    }
}

/// The share of the kinship among counts, by one step of expectation maximisation.
fn kin(share: f64, most: f64, m: &[f64; LEVELS], u: &[f64; LEVELS], counts: &Table) -> f64 {
    let (mut kin, mut total) = (2.0 * START_KINSHIP.min(most), 2.0);
    for levels in counts {
        for level in 1..LEVELS {
            let (with, without) = (share * m[level], (1.0 - share) * u[level]);
            kin += levels[level] * with / (with + without).max(1e-12);
            total += levels[level];
        }
    }
    (kin / total).clamp(0.001, most)
}

/// What two persons of one household show who are like one person with this probability, and else like strangers.
pub(crate) fn blend(share: f64, m: &[f64; LEVELS], u: &[f64; LEVELS]) -> [f64; LEVELS] {
    let mut blend = [0.0; LEVELS];
    for level in 1..LEVELS {
        blend[level] = share * m[level] + (1.0 - share) * u[level];
    }
    blend
}

/// Sets a table to the shares counted, drawn to a prior; the change of the largest. In a context that is seldom seen the
/// shares over all contexts are the prior.
fn update(table: &mut Table, counts: &Table, prior: &Table, strength: f64, dependent: bool) -> f64 {
    let mut all = [0.0; LEVELS];
    for levels in counts {
        for (sum, count) in all.iter_mut().zip(levels) {
            *sum += count;
        }
    }
    let total: f64 = all.iter().sum();
    let mut change: f64 = 0.0;
    for context in 0..3 {
        let mut new = [0.0; LEVELS];
        let seen: f64 = counts[context].iter().sum();
        for level in 1..LEVELS {
            let general = (all[level] + strength * prior[context][level]) / (total + strength);
            new[level] = if dependent {
                (counts[context][level] + strength * (0.5 * general + 0.5 * prior[context][level])) / (seen + strength)
            } else {
                general
            };
        }
        if context == 0 || dependent {
            for level in 1..LEVELS {
                change = change.max((new[level] - table[context][level]).abs());
            }
        }
        table[context] = new;
    }
    change
}

/// The shares of a table over levels, so that they add up to one and none is nil.
pub(crate) fn normal(mut levels: [f64; LEVELS]) -> [f64; LEVELS] {
    levels[0] = 0.0;
    let total: f64 = levels[1..].iter().sum();
    for level in &mut levels[1..=usize::from(EXACT)] {
        *level = (*level / total.max(1e-12)).max(1e-9);
    }
    levels
}
