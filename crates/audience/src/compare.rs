//! In which traits two segments differ.

use std::sync::Arc;

use attune_expression::AsValue;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::set::Set;
use crate::stats::{Ranks, Welch, benjamini_hochberg, chi_square, cliff, fisher, welch};
use crate::traits::{TraitKind, level, number};
use crate::view::{Column, View};

/// Levels beyond the most frequent so many are one.
const LEVELS: usize = 50;
/// A level that is expected less often in a group is put together with others.
const EXPECTED: f64 = 5.0;

/// Two segments compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// How many persons of each were compared: who is in both is in neither sample.
    pub sizes: [usize; 2],
    /// How many are in both.
    pub shared: usize,
    /// One a trait, the largest effect first; equal effects by name.
    pub differences: Vec<Difference>,
}

/// One trait in two segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The column; for a tag, the column, a colon and the tag.
    pub name: String,
    /// The size of the effect, from 0 to 1, by which the traits are ranked: the amount of Cliff's delta for numbers,
    /// Cramer's V for everything else.
    pub effect: f64,
    /// The chance of such a difference when there is none.
    pub p: f64,
    /// The same, adjusted for the number of traits compared (Benjamini and Hochberg).
    pub adjusted: f64,
    /// What was found.
    pub finding: Finding,
}

/// What a trait looks like in the two segments.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// Numbers of those who have one. The chance is that of the ranks.
    Number {
        /// How many have one.
        present: [usize; 2],
        /// The means; absent with less than two values on a side.
        means: Option<Welch>,
        /// The ranks.
        ranks: Ranks,
    },
    /// Levels of those who have one, the most frequent first; rare ones are together under no name. The chance is that of
    /// chi-square, for two levels with small counts Fisher's.
    Levels(Vec<Level>),
    /// A tag, or whether there is a value at all: shares of all persons.
    Share([f64; 2]),
}

/// One level in the two segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Its text; absent for all rare levels together.
    pub name: Option<String>,
    /// The shares of those who have a level.
    pub shares: [f64; 2],
}

/// A segment has nobody who is not in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a segment has nobody outside of the other")]
pub struct NothingToCompare;

/// [`compare_in`] over all columns.
///
/// # Errors
/// See [`compare_in`].
pub fn compare(view: &View, one: &Set, other: &Set) -> Result<Comparison, NothingToCompare> {
    compare_in(view, one, other, |_| true)
}

/// Compares two segments trait by trait, in the columns that are wanted. Whoever is in both is left out, so that the samples are independent.
///
/// Columns of numbers, levels and tags are compared among those who have a value (tags: among all); that a value is there
/// at all is a trait of its own, named `has(column)`, where it is not so for everybody.
///
/// # Errors
/// [`NothingToCompare`] when one side is empty without the persons in both: to compare a part with the whole, give the
/// rest of the whole.
pub fn compare_in(
    view: &View,
    one: &Set,
    other: &Set,
    wanted: impl Fn(&str) -> bool,
) -> Result<Comparison, NothingToCompare> {
    let shared = one.overlap(other);
    let sides = [one.and_not(other), other.and_not(one)];
    let sizes = [sides[0].len(), sides[1].len()];
    if sizes.contains(&0) {
        return Err(NothingToCompare);
    }
    let columns: Vec<(&str, &Column)> =
        view.column_names().filter(|name| wanted(name)).filter_map(|name| Some((name, view.column(name)?))).collect();
    let mut differences: Vec<Difference> =
        columns.par_iter().flat_map_iter(|(name, column)| trait_of(name, column, &sides, sizes)).collect();
    let adjusted = benjamini_hochberg(&differences.iter().map(|one| one.p).collect::<Vec<_>>());
    differences.iter_mut().zip(adjusted).for_each(|(one, adjusted)| one.adjusted = adjusted);
    differences.sort_by(|one, other| other.effect.total_cmp(&one.effect).then_with(|| one.name.cmp(&other.name)));
    Ok(Comparison { sizes, shared, differences })
}

fn trait_of(name: &str, column: &Column, sides: &[Set; 2], sizes: [usize; 2]) -> Vec<Difference> {
    let mut found = Vec::new();
    match column.kind() {
        Some(TraitKind::Number) => found.extend(numbers(name, column, sides)),
        Some(TraitKind::Level) => found.extend(levels(name, column, sides)),
        Some(TraitKind::Tags) => {
            let counts = sides.each_ref().map(|side| column.tag_counts(side));
            let mut names: Vec<&Arc<str>> = counts.iter().flat_map(|counts| counts.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for tag in names {
                let held = counts.each_ref().map(|counts| counts.get(tag).copied().unwrap_or_default());
                found.extend(share(format!("{name}:{tag}"), held, sizes));
            }
        }
        None => {}
    }
    let present = column.present();
    let held = sides.each_ref().map(|side| side.overlap(&present) as u64);
    found.extend(share(format!("has({name})"), held, sizes));
    found
}

fn numbers(name: &str, column: &Column, sides: &[Set; 2]) -> Option<Difference> {
    let [mut one, mut other] = sides.each_ref().map(|side| {
        let mut values = Vec::new();
        column.each(side, |_, cell| values.extend(number(cell.as_value())));
        values
    });
    let present = [one.len(), other.len()];
    let means = welch(&one, &other);
    let ranks = cliff(&mut one, &mut other)?;
    let finding = Finding::Number { present, means, ranks };
    Some(Difference { name: name.to_owned(), effect: ranks.delta.abs(), p: ranks.p, adjusted: 1.0, finding })
}

/// How many of each side have something; absent when all or nobody has.
fn share(name: String, held: [u64; 2], sizes: [usize; 2]) -> Option<Difference> {
    let table = [held, [sizes[0] as u64 - held[0], sizes[1] as u64 - held[1]]];
    let (effect, p) = spread(&table)?;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let shares = [held[0] as f64 / sizes[0] as f64, held[1] as f64 / sizes[1] as f64];
    Some(Difference { name, effect, p, adjusted: 1.0, finding: Finding::Share(shares) })
}

fn levels(name: &str, column: &Column, sides: &[Set; 2]) -> Option<Difference> {
    let mut counts: FxHashMap<String, [u64; 2]> = FxHashMap::default();
    for (side, set) in sides.iter().enumerate() {
        column.each(set, |_, cell| {
            if let Some(text) = level(&cell) {
                match counts.get_mut(text) {
                    Some(pair) => pair[side] += 1,
                    None => counts.entry(text.to_owned()).or_default()[side] = 1,
                }
            }
        });
    }
    let mut counts: Vec<(String, [u64; 2])> = counts.into_iter().collect();
    counts.sort_unstable_by(|one, other| {
        (other.1[0] + other.1[1]).cmp(&(one.1[0] + one.1[1])).then_with(|| one.0.cmp(&other.0))
    });
    let total = |side: usize| counts.iter().map(|(_, pair)| pair[side]).sum::<u64>();
    let totals = [total(0), total(1)];
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let least = totals[0].min(totals[1]) as f64 / (totals[0] + totals[1]).max(1) as f64;
    #[expect(clippy::cast_precision_loss, reason = "an expected count")]
    let common = |pair: &[u64; 2]| (pair[0] + pair[1]) as f64 * least >= EXPECTED;
    let kept = counts.iter().take(LEVELS).take_while(|(_, pair)| common(pair)).count().max(counts.len().min(2));
    let rare = counts.split_off(kept).into_iter().fold([0, 0], |sum, (_, pair)| [sum[0] + pair[0], sum[1] + pair[1]]);
    let mut levels: Vec<(Option<String>, [u64; 2])> =
        counts.into_iter().map(|(name, pair)| (Some(name), pair)).collect();
    if rare != [0, 0] {
        levels.push((None, rare));
    }
    let (effect, p) = spread(&levels.iter().map(|(_, pair)| *pair).collect::<Vec<_>>())?;
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    let shares = |pair: [u64; 2]| [pair[0] as f64 / totals[0] as f64, pair[1] as f64 / totals[1] as f64];
    let found = levels.into_iter().map(|(name, pair)| Level { name, shares: shares(pair) }).collect();
    Some(Difference { name: name.to_owned(), effect, p, adjusted: 1.0, finding: Finding::Levels(found) })
}

/// Cramer's V and the chance: Fisher's for a table of four with a small expected count, otherwise that of chi-square.
fn spread(counts: &[[u64; 2]]) -> Option<(f64, f64)> {
    let (effect, mut p) = chi_square(counts)?;
    if let [one, other] = counts {
        let totals = [one[0] + other[0], one[1] + other[1]];
        let least = totals[0].min(totals[1]) * (one[0] + one[1]).min(other[0] + other[1]);
        #[expect(clippy::cast_precision_loss, reason = "an expected count")]
        if (least as f64) < EXPECTED * (totals[0] + totals[1]) as f64 {
            p = fisher([*one, *other]);
        }
    }
    Some((effect, p))
}
