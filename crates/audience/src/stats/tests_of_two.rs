//! Tests of two samples, with the size of the effect beside the chance.

#![expect(clippy::cast_precision_loss, reason = "counts of persons are far below 2^53")]

use super::{chi_square_tail, ln_gamma, normal_tails, t_tails};

/// Welch's test of two means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// The means.
    pub means: [f64; 2],
    /// The difference of the means in pooled standard deviations (Cohen's d); 0 when there is no deviation.
    pub d: f64,
    /// Student's t with unequal variances.
    pub t: f64,
    /// The chance of a t as far from 0 when the means are equal.
    pub p: f64,
}

fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (mean, square / (n - 1.0))
}

/// Compares two means; absent with less than two values on a side.
#[must_use]
pub fn welch(one: &[f64], other: &[f64]) -> Option<Welch> {
    if one.len() < 2 || other.len() < 2 {
        return None;
    }
    let (n, m) = (one.len() as f64, other.len() as f64);
    let ((mean, variance), (other_mean, other_variance)) = (moments(one), moments(other));
    let pooled = (((n - 1.0) * variance + (m - 1.0) * other_variance) / (n + m - 2.0)).sqrt();
    let (left, right) = (variance / n, other_variance / m);
    let difference = mean - other_mean;
    let means = [mean, other_mean];
    if left + right <= 0.0 {
        let p = if difference == 0.0 { 1.0 } else { 0.0 };
        return Some(Welch { means, d: 0.0, t: 0.0, p });
    }
    let t = difference / (left + right).sqrt();
    let degrees = (left + right).powi(2) / (left * left / (n - 1.0) + right * right / (m - 1.0));
    Some(Welch { means, d: difference / pooled, t, p: t_tails(t, degrees) })
}

/// The test of Mann and Whitney.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// Pairs in which the first sample's value is larger, ties counted half.
    pub u: f64,
    /// Cliff's delta: how much more often the first is larger than smaller, from -1 to 1.
    pub delta: f64,
    /// The chance of a `u` as far from its middle when neither tends to be larger: normal approximation with the
    /// correction for ties, none for continuity.
    pub p: f64,
}

/// Compares two samples by rank; absent when one is empty. Sorts both.
#[must_use]
pub fn cliff(one: &mut [f64], other: &mut [f64]) -> Option<Ranks> {
    if one.is_empty() || other.is_empty() {
        return None;
    }
    one.sort_unstable_by(f64::total_cmp);
    other.sort_unstable_by(f64::total_cmp);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let (mut at, mut below, mut u, mut ties) = (0, 0, 0.0, 0.0);
    while at < one.len() || below < other.len() {
        let value = match (one.get(at), other.get(below)) {
            (Some(left), Some(right)) => left.min(*right),
            (Some(value), None) | (None, Some(value)) => *value,
            (None, None) => break,
        };
        let same = |values: &[f64]| values.iter().take_while(|other| **other <= value).count();
        let (left, right) = (same(&one[at..]), same(&other[below..]));
        u += left as f64 * (below as f64 + right as f64 / 2.0);
        let tied = (left + right) as f64;
        ties += tied * tied * tied - tied;
        (at, below) = (at + left, below + right);
    }
    let all = n + m;
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0).max(1.0)));
    let p = if variance > 0.0 { normal_tails((u - n * m / 2.0) / variance.sqrt()) } else { 1.0 };
    Some(Ranks { u, delta: 2.0 * u / (n * m) - 1.0, p })
}

/// Whether two groups are spread differently over levels: Cramer's V (for two groups the square root of chi-square by the
/// number of persons) and the chance of the chi-square. `counts` is one pair a level. Absent when a group is empty or less
/// than two levels have anybody.
#[must_use]
pub fn chi_square(counts: &[[u64; 2]]) -> Option<(f64, f64)> {
    let total = |group: usize| counts.iter().map(|pair| pair[group]).sum::<u64>() as f64;
    let (one, other) = (total(0), total(1));
    let levels = counts.iter().filter(|pair| pair[0] + pair[1] > 0).count();
    if one == 0.0 || other == 0.0 || levels < 2 {
        return None;
    }
    let all = one + other;
    let mut sum = 0.0;
    for pair in counts.iter().filter(|pair| pair[0] + pair[1] > 0) {
        let level = (pair[0] + pair[1]) as f64;
        for (count, group) in [(pair[0], one), (pair[1], other)] {
            let expected = level * group / all;
            sum += (count as f64 - expected).powi(2) / expected;
        }
    }
    Some(((sum / all).sqrt(), chi_square_tail(sum, (levels - 1) as f64)))
}

/// Fisher's exact test of a table of four, two-sided: the chance of all tables with the same margins that are at most as
/// likely.
#[must_use]
pub fn fisher(table: [[u64; 2]; 2]) -> f64 {
    let [[a, b], [c, d]] = table;
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    let choose = |n: u64, k: u64| ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0);
    let chance = |x: u64| (choose(column, x) + choose(all - column, row - x) - choose(all, row)).exp();
    let observed = chance(a) * (1.0 + 1e-7);
    let least = (row + column).saturating_sub(all);
    (least..=row.min(column)).map(chance).filter(|chance| *chance <= observed).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-10 * wanted.abs().max(1e-10), "{found} instead of {wanted}");
    }

    /// From scipy 1.17: ttest_ind(equal_var=False), mannwhitneyu(method='asymptotic', use_continuity=False),
    /// chi2_contingency(correction=False), fisher_exact.
    #[test]
    fn tests_are_those_of_the_tables() {
        let (mut one, mut other) = ([1.0, 2.0, 2.0, 3.5, 4.0, 8.0], [0.5, 2.0, 1.0, 1.5, 2.5]);
        let means = welch(&one, &other).unwrap();
        near(means.t, 1.775_545_711_744_263_5);
        near(means.p, 0.124_847_936_931_658_34);
        near(means.d, 0.990_373_941_438_956_9);
        let ranks = cliff(&mut one, &mut other).unwrap();
        near(ranks.u, 23.5);
        near(ranks.p, 0.116_456_529_841_395_2);
        let (v, p) = chi_square(&[[10, 20], [20, 15], [30, 10], [0, 0]]).unwrap();
        near(v, 0.340_206_908_719_885_85);
        near(p, 0.002_296_454_450_085_088);
        near(fisher([[3, 9], [11, 4]]), 0.021_300_907_853_606_73);
        near(fisher([[0, 5], [7, 3]]), 0.025_641_025_641_025_637);
    }

    #[test]
    fn what_cannot_be_compared_is_absent() {
        assert!(welch(&[1.0], &[1.0, 2.0]).is_none() && cliff(&mut [], &mut [1.0]).is_none());
        assert!(chi_square(&[[3, 4]]).is_none() && chi_square(&[[3, 0], [4, 0]]).is_none());
        assert_eq!(welch(&[2.0, 2.0], &[2.0, 2.0]).unwrap().p, 1.0);
    }

    proptest! {
        #[test]
        fn delta_is_that_of_all_pairs(mut one in prop::collection::vec(0_u8..9, 1..40), mut other in prop::collection::vec(0_u8..9, 1..40)) {
            let mut sum = 0.0;
            for left in &one {
                for right in &other {
                    sum += f64::from(i16::from(*left) - i16::from(*right)).signum() * f64::from(u8::from(left != right));
                }
            }
            let pairs = (one.len() * other.len()) as f64;
            let numbers = |values: &mut Vec<u8>| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
            let ranks = cliff(&mut numbers(&mut one), &mut numbers(&mut other)).unwrap();
            prop_assert!((ranks.delta - sum / pairs).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&ranks.p));
        }
    }
}
