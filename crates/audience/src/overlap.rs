//! How many rows each pair of many sets has in common.

use rayon::prelude::*;

use crate::bits::{Bits, WORDS};
use crate::set::Set;

/// The sizes of the intersections of every pair of sets, and on the diagonal of the sets themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    sets: usize,
    counts: Vec<u64>,
}

impl Overlap {
    /// Counts exactly. Works through the sets page by page, so that the pages of all sets are in the cache while their
    /// pairs are counted.
    #[must_use]
    pub fn of(sets: &[&Set]) -> Self {
        let pages = sets.iter().map(|set| set.pages()).max().unwrap_or_default();
        let counts = (0..pages)
            .into_par_iter()
            .fold(
                || vec![0_u64; sets.len() * sets.len()],
                |mut counts, page| {
                    count_page(sets, page, &mut counts);
                    counts
                },
            )
            .reduce(
                || vec![0_u64; sets.len() * sets.len()],
                |mut left, right| {
                    left.iter_mut().zip(right).for_each(|(left, right)| *left += right);
                    left
                },
            );
        let mut overlap = Self { sets: sets.len(), counts };
        for one in 0..sets.len() {
            for other in 0..one {
                overlap.counts[one * sets.len() + other] = overlap.counts[other * sets.len() + one];
            }
        }
        overlap
    }

    /// How many sets were counted.
    #[must_use]
    pub fn sets(&self) -> usize {
        self.sets
    }

    /// How many rows two sets have in common, by their places in the list; 0 for a place that is not there.
    #[must_use]
    pub fn common(&self, one: usize, other: usize) -> u64 {
        if one >= self.sets || other >= self.sets {
            return 0;
        }
        self.counts.get(one * self.sets + other).copied().unwrap_or_default()
    }

    /// Rows in common by the rows of either, from 0 to 1 (Jaccard); 0 for two empty sets.
    #[must_use]
    pub fn similarity(&self, one: usize, other: usize) -> f64 {
        let common = self.common(one, other);
        let either = self.common(one, one) + self.common(other, other) - common;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        if either == 0 { 0.0 } else { common as f64 / either as f64 }
    }
}

fn count_page(sets: &[&Set], page: usize, counts: &mut [u64]) {
    let present: Vec<(usize, &Bits)> =
        sets.iter().enumerate().filter_map(|(number, set)| Some((number, set.page(page)?))).collect();
    for (place, (one, left)) in present.iter().enumerate() {
        for (other, right) in &present[place..] {
            counts[one * sets.len() + other] += common(left, right);
        }
    }
}

/// Adds three bits of every place: their sum and what is carried.
#[inline(always)]
fn add(one: u64, two: u64, three: u64) -> (u64, u64) {
    let half = one ^ two;
    (half ^ three, one & two | half & three)
}

/// Bits in common. Counts with carry-save adders (Harley and Seal, in Warren, Hacker's Delight, 5-1), which the compiler
/// turns into vectors where a count of every word by itself would be scalar on machines without an instruction for it.
fn common(left: &Bits, right: &Bits) -> u64 {
    const LANES: usize = 8;
    let (mut ones, mut twos, mut fours) = ([0_u64; LANES], [0_u64; LANES], [0_u64; LANES]);
    let mut eights = 0_u64;
    let word = |step: usize, lane: usize| left[step * LANES + lane] & right[step * LANES + lane];
    for lane in 0..LANES {
        let (sum, carry_a) = add(word(0, lane), word(1, lane), word(2, lane));
        let (sum, carry_b) = add(sum, word(3, lane), word(4, lane));
        let (sum, carry_c) = add(sum, word(5, lane), word(6, lane));
        let (sum, carry_d) = (sum ^ word(7, lane), sum & word(7, lane));
        let (two, four_a) = add(carry_a, carry_b, carry_c);
        let (two, four_b) = (two ^ carry_d, two & carry_d);
        ones[lane] = sum;
        twos[lane] = two;
        fours[lane] = four_a ^ four_b;
        eights += u64::from((four_a & four_b).count_ones());
    }
    const { assert!(WORDS == 8 * LANES) };
    let total = |bits: &[u64; LANES]| bits.iter().map(|word| u64::from(word.count_ones())).sum::<u64>();
    total(&ones) + 2 * total(&twos) + 4 * total(&fours) + 8 * eights
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn counts_are_those_of_every_pair(sets in prop::collection::vec(prop::collection::vec(0_u32..20_000, 0..200), 0..8), all in 0_u32..9000) {
            let mut sets: Vec<Set> = sets.into_iter().map(|rows| rows.into_iter().collect()).collect();
            sets.push((0..all).collect());
            let overlap = Overlap::of(&sets.iter().collect::<Vec<_>>());
            for (one, left) in sets.iter().enumerate() {
                for (other, right) in sets.iter().enumerate() {
                    let naive = left.iter().filter(|row| right.contains(*row)).count();
                    prop_assert_eq!(overlap.common(one, other), naive as u64);
                    prop_assert_eq!(left.overlap(right), naive);
                    prop_assert_eq!(left.and(right).len(), naive);
                    prop_assert_eq!(left.and_not(right).len(), left.len() - naive);
                    prop_assert_eq!(left.or(right).len(), left.len() + right.len() - naive);
                    prop_assert_eq!(left.and_not(right).or(&left.and(right)), left.clone());
                }
            }
        }
    }
}
