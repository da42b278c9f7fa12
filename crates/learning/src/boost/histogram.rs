//! Sums of gradients by bin, and the best question over them.

use super::tree::Rule;
use super::{Bins, Kind};

/// Sums over the rows of one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sums {
    /// First derivatives of the loss.
    pub gradient: f64,
    /// Second derivatives.
    pub hessian: f64,
    /// Rows.
    pub rows: u32,
}

impl Sums {
    pub(super) const fn plus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient + other.gradient,
            hessian: self.hessian + other.hessian,
            rows: self.rows + other.rows,
        }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self {
            gradient: self.gradient - other.gradient,
            hessian: self.hessian - other.hessian,
            rows: self.rows.saturating_sub(other.rows),
        }
    }
}

/// What bounds a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Added to the sum of second derivatives of a leaf.
    pub ridge: f64,
    /// Added to that of a category when categories are put in order.
    pub smoothing: f64,
    /// The least rows on either side.
    pub rows: u32,
    /// The least gain.
    pub gain: f64,
}

/// The best question of one column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    pub gain: f64,
    pub rule: Rule,
    pub left: Sums,
}

/// The sums of a column over these rows, by bin.
pub(super) fn sums(column: &Bins, rows: &[u32], derivatives: &[(f64, f64)]) -> Vec<Sums> {
    let mut out = vec![Sums::default(); usize::from(column.count)];
    for row in rows {
        let at = *row as usize;
        let (Some(bin), Some((gradient, hessian))) = (column.values.get(at), derivatives.get(at)) else { continue };
        if let Some(sums) = out.get_mut(usize::from(*bin)) {
            sums.gradient += gradient;
            sums.hessian += hessian;
            sums.rows += 1;
        }
    }
    out
}

/// Twice the fall of the loss that a leaf with these sums brings (Chen and Guestrin, equation 6).
pub(super) fn worth(sums: Sums, ridge: f64) -> f64 {
    sums.gradient * sums.gradient / (sums.hessian + ridge)
}

/// The best question over the sums of a column, if one is good enough.
pub(super) fn best(kind: Kind, histogram: &[Sums], limits: Limits) -> Option<Question> {
    let total = histogram.iter().fold(Sums::default(), |sum, one| sum.plus(*one));
    match kind {
        Kind::Ordered => ordered(histogram, total, limits),
        Kind::Nominal => nominal(histogram, total, limits),
    }
}

fn gain(left: Sums, total: Sums, limits: Limits) -> Option<f64> {
    let right = total.minus(left);
    if left.rows < limits.rows || right.rows < limits.rows {
        return None;
    }
    let gain = 0.5 * (worth(left, limits.ridge) + worth(right, limits.ridge) - worth(total, limits.ridge));
    (gain > limits.gain).then_some(gain)
}

fn keep(best: &mut Option<Question>, gain: f64, left: Sums, rule: impl FnOnce() -> Rule) {
    if best.as_ref().is_none_or(|known| gain > known.gain) {
        *best = Some(Question { gain, rule: rule(), left });
    }
}

fn ordered(histogram: &[Sums], total: Sums, limits: Limits) -> Option<Question> {
    let missing = histogram.first().copied().unwrap_or_default();
    let mut best = None;
    let mut left = Sums::default();
    for (bin, sums) in (0_u16..).zip(histogram).skip(1) {
        // A cut before an empty bin asks the same as the one before it.
        if sums.rows == 0 {
            continue;
        }
        left = left.plus(*sums);
        if let Some(gain) = gain(left, total, limits) {
            keep(&mut best, gain, left, || Rule::AtMost {
                bin,
                missing: missing.rows == 0 && left.rows * 2 > total.rows,
            });
        }
        if missing.rows > 0
            && let Some(gain) = gain(left.plus(missing), total, limits)
        {
            keep(&mut best, gain, left.plus(missing), || Rule::AtMost { bin, missing: true });
        }
    }
    best
}

fn nominal(histogram: &[Sums], total: Sums, limits: Limits) -> Option<Question> {
    let mut order: Vec<(u16, Sums)> = (0_u16..).zip(histogram.iter().copied()).filter(|one| one.1.rows > 0).collect();
    // The best two-way grouping is a cut in the order of the categories' own leaf values (Fisher 1958).
    let value = |sums: Sums| sums.gradient / (sums.hessian + limits.smoothing);
    order.sort_by(|one, two| value(one.1).total_cmp(&value(two.1)).then(one.0.cmp(&two.0)));
    let mut best: Option<(f64, usize, Sums)> = None;
    let mut left = Sums::default();
    for (at, (_, sums)) in order.iter().enumerate() {
        left = left.plus(*sums);
        if let Some(gain) = gain(left, total, limits)
            && best.as_ref().is_none_or(|known| gain > known.0)
        {
            best = Some((gain, at + 1, left));
        }
    }
    best.map(|(gain, taken, left)| {
        let mut bins: Vec<u16> = order.iter().take(taken).map(|one| one.0).collect();
        bins.sort_unstable();
        Question { gain, rule: Rule::Among { bins }, left }
    })
}
