//! The second half of the search for prices, where the plain steps have become short: Shor's subgradient method with
//! space dilation in the direction of the difference of two successive subgradients (the r-algorithm; Shor and Zhurbenko
//! 1971, step rule after Shor 1985, Kappel and Kuntsevich 2000). It learns how the prices act on one another, which no
//! fixed metric does. It keeps a square matrix, so it is left out above [`LARGEST`] coupling rules.

use super::dual::{Metric, Search, report_progress};
use super::pass::{Passed, Walker};
use super::{Progress, Step, Stop};

/// Most coupling rules for which the matrix is kept.
pub(super) const LARGEST: usize = 600;
/// How much the space shrinks along a difference of subgradients.
const SHRINK: f64 = 0.4;
/// Growth of the step when one direction carries far, and its shrinkage when the first step was too long.
const LONGER: f64 = 1.15;
const SHORTER: f64 = 0.8;
/// The search ends once a step promises less than this share of the bound, or of the gap asked for.
const LEAST: f64 = 1e-7;
/// Most steps in one direction.
const MOST_STEPS: u32 = 30;

/// Improves the best prices; false when the watcher said stop or the gap is reached (then `found.stop` says which).
pub(super) fn dilate(
    walker: &mut Walker<'_, '_>,
    metric: &Metric,
    found: &mut Search,
    gap: f64,
    watch: &mut dyn FnMut(Progress) -> Step,
) -> bool {
    let mut space = Space::new(walker, metric, found);
    let patience = 100 + 2 * found.prices.len();
    let (mut idle, mut noted) = (0, found.bound);
    while idle < patience {
        let Some((direction, length)) = space.direction() else { return true };
        if space.step * length < LEAST.max(0.01 * gap) * found.bound {
            return true;
        }
        let before = space.gradient.clone();
        let mut steps = 0;
        loop {
            if found.gap() <= gap {
                found.stop = Stop::Gap;
                return false;
            }
            if !report_progress(found, watch) {
                found.stop = Stop::Time;
                return false;
            }
            space.walk(&direction);
            let prices = space.prices();
            let passed = walker.pass(&prices, |_, _| {});
            found.passes += 1;
            found.improve(&prices, &passed);
            space.look(walker, &passed);
            steps += 1;
            if steps > 2 {
                space.step *= LONGER;
            }
            if dot(&direction, &space.gradient) <= 0.0 || steps >= MOST_STEPS {
                break;
            }
        }
        if steps == 1 {
            space.step *= SHORTER;
        }
        space.shrink(&before);
        if noted - found.bound > 0.02 * (found.bound - found.plan.objective) {
            (idle, noted) = (0, found.bound);
        } else {
            idle += 1;
        }
    }
    true
}

/// Scaled prices, and the transformed space in which steps are taken.
struct Space {
    /// Prices over the square root of the metric; below zero they stand for zero with a penalty.
    at: Vec<f64>,
    root: Vec<f64>,
    /// Slope of the penalty below zero: at least as steep as the function can be there.
    penalty: Vec<f64>,
    gradient: Vec<f64>,
    /// The transformation, row by row.
    matrix: Vec<f64>,
    step: f64,
}

impl Space {
    fn new(walker: &Walker<'_, '_>, metric: &Metric, found: &Search) -> Self {
        let count = found.prices.len();
        let root: Vec<f64> = metric.scale.iter().map(|scale| scale.sqrt()).collect();
        let mut matrix = vec![0.0; count * count];
        (0..count).for_each(|at| matrix[at * count + at] = 1.0);
        let mut space = Self {
            at: found.prices.iter().zip(&root).map(|(price, root)| price / root).collect(),
            penalty: root.iter().zip(&metric.free_use).map(|(root, used)| root * used.max(1.0)).collect(),
            root,
            gradient: vec![0.0; count],
            matrix,
            step: 1.0,
        };
        space.look(walker, &Passed { bound: found.bound, used: found.used.clone() });
        let length = dot(&space.gradient, &space.gradient).sqrt();
        // A step with which a function as steep as here would come a tenth of the way down to the plan.
        space.step = 0.1 * (found.bound - found.plan.objective) / length;
        space
    }

    fn prices(&self) -> Vec<f64> {
        self.at.iter().zip(&self.root).map(|(at, root)| at.max(0.0) * root).collect()
    }

    /// Takes the subgradient at the point from what the pass used there.
    fn look(&mut self, walker: &Walker<'_, '_>, passed: &Passed) {
        for (at, rule) in walker.model.coupling.iter().enumerate() {
            self.gradient[at] =
                if self.at[at] < 0.0 { -self.penalty[at] } else { (rule.limit - passed.used[at]) * self.root[at] };
            // At zero with room to spare the price stays: the penalty's slope outweighs this one.
            if self.at[at] == 0.0 && self.gradient[at] > 0.0 {
                self.gradient[at] = 0.0;
            }
        }
    }

    /// Where to walk, of length one in the transformed space, and how steeply the function falls that way; none when there
    /// is nowhere to go.
    fn direction(&self) -> Option<(Vec<f64>, f64)> {
        let count = self.at.len();
        let mut inner = vec![0.0; count];
        for (row, &slope) in self.matrix.chunks_exact(count).zip(&self.gradient) {
            inner.iter_mut().zip(row).for_each(|(sum, entry)| *sum += entry * slope);
        }
        let length = dot(&inner, &inner).sqrt();
        if !(length > 0.0 && length.is_finite() && self.step.is_finite() && self.step > 0.0) {
            return None;
        }
        Some((self.matrix.chunks_exact(count).map(|row| dot(row, &inner) / length).collect(), length))
    }

    fn walk(&mut self, direction: &[f64]) {
        for (at, direction) in self.at.iter_mut().zip(direction) {
            *at -= self.step * direction;
        }
    }

    /// Shrinks the space along the difference of the last subgradient and the one before.
    fn shrink(&mut self, before: &[f64]) {
        let count = self.at.len();
        let mut inner = vec![0.0; count];
        for ((row, now), before) in self.matrix.chunks_exact(count).zip(&self.gradient).zip(before) {
            let change = now - before;
            inner.iter_mut().zip(row).for_each(|(sum, entry)| *sum += entry * change);
        }
        let length = dot(&inner, &inner).sqrt();
        if !(length > 0.0 && length.is_finite()) {
            return;
        }
        inner.iter_mut().for_each(|entry| *entry /= length);
        for row in self.matrix.chunks_exact_mut(count) {
            let along = dot(row, &inner) * (SHRINK - 1.0);
            row.iter_mut().zip(&inner).for_each(|(entry, inner)| *entry += along * inner);
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
