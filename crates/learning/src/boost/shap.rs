//! How much each column moved a row's log-odds: exact Shapley values of trees.

use super::tree::{Forest, Node, Tree};

/// A column on the way down, with the share of subsets that take the way with and without it.
#[derive(Debug, Clone, Copy)]
struct Step {
    column: usize,
    /// The share of rows that goes this way when the column is unknown.
    zero: f64,
    /// Whether the row goes this way when it is known: 1 or 0.
    one: f64,
    /// The sum of the permutation weights of subsets of each size.
    weight: f64,
}

impl Forest {
    /// What each of `columns` columns adds to the row's log-odds, and what is left without any: the values and the second
    /// add up to [`score`](Self::score). `bin` gives the row's bin of a column.
    #[must_use]
    pub fn explain(&self, columns: usize, bin: impl Fn(usize) -> u16) -> (Vec<f64>, f64) {
        let mut out = vec![0.0; columns];
        let mut expected = self.base;
        for tree in &self.trees {
            expected += mean(tree, 0);
            walk(tree, 0, &bin, &[], Step { column: usize::MAX, zero: 1.0, one: 1.0, weight: 0.0 }, &mut out);
        }
        (out, expected)
    }
}

/// The answer of a tree when no column is known.
fn mean(tree: &Tree, at: usize) -> f64 {
    match tree.nodes.get(at) {
        Some(Node::Leaf { value, .. }) => *value,
        Some(Node::Split { left, right, cover, .. }) if (*left as usize) > at && (*right as usize) > at => {
            [*left, *right].iter().map(|child| share(tree, *child, *cover) * mean(tree, *child as usize)).sum()
        }
        _ => 0.0,
    }
}

fn share(tree: &Tree, child: u32, cover: f64) -> f64 {
    let of_child = tree.nodes.get(child as usize).map_or(0.0, Node::cover);
    if cover > 0.0 { of_child / cover } else { 0.5 }
}

#[allow(clippy::cast_precision_loss, reason = "depths are small")]
fn extend(path: &mut Vec<Step>, mut step: Step) {
    let length = path.len();
    step.weight = if length == 0 { 1.0 } else { 0.0 };
    path.push(step);
    for at in (0..length).rev() {
        let Some(weight) = path.get(at).map(|step| step.weight) else { continue };
        if let Some(next) = path.get_mut(at + 1) {
            next.weight += step.one * weight * (at + 1) as f64 / (length + 1) as f64;
        }
        if let Some(this) = path.get_mut(at) {
            this.weight = step.zero * weight * (length - at) as f64 / (length + 1) as f64;
        }
    }
}

/// The path as it is without its step `at`: the inverse of [`extend`].
#[allow(clippy::cast_precision_loss, reason = "depths are small")]
fn unwound(path: &[Step], at: usize) -> Vec<Step> {
    let mut out = path.to_vec();
    let (Some(last), Some(step)) = (path.len().checked_sub(1), path.get(at).copied()) else { return out };
    let mut next = path.last().map_or(0.0, |step| step.weight);
    for place in (0..last).rev() {
        let Some(this) = out.get_mut(place) else { continue };
        if step.one == 0.0 {
            this.weight = this.weight * (last + 1) as f64 / (step.zero * (last - place) as f64);
        } else {
            let before = this.weight;
            this.weight = next * (last + 1) as f64 / ((place + 1) as f64 * step.one);
            next = before - this.weight * step.zero * (last - place) as f64 / (last + 1) as f64;
        }
    }
    // Weights stay where they are; only the columns move up.
    for place in at..last {
        let Some(above) = path.get(place + 1).copied() else { continue };
        if let Some(this) = out.get_mut(place) {
            *this = Step { weight: this.weight, ..above };
        }
    }
    out.pop();
    out
}

fn walk(tree: &Tree, at: usize, bin: &impl Fn(usize) -> u16, path: &[Step], step: Step, out: &mut [f64]) {
    let mut path = path.to_vec();
    extend(&mut path, step);
    match tree.nodes.get(at) {
        Some(Node::Leaf { value, .. }) => {
            for (place, step) in path.iter().enumerate().skip(1) {
                let weight: f64 = unwound(&path, place).iter().map(|step| step.weight).sum();
                if let Some(sum) = out.get_mut(step.column) {
                    *sum += weight * (step.one - step.zero) * value;
                }
            }
        }
        Some(Node::Split { column, rule, left, right, cover, .. }) => {
            let column = *column as usize;
            if (*left as usize) <= at || (*right as usize) <= at {
                return;
            }
            let (mut zero, mut one) = (1.0, 1.0);
            // A column that was asked before is asked once: the new answer narrows the old one.
            if let Some(place) = path.iter().position(|step| step.column == column)
                && let Some(known) = path.get(place).copied()
            {
                (zero, one) = (known.zero, known.one);
                path = unwound(&path, place);
            }
            let goes_left = rule.left(bin(column));
            for (child, taken) in [(*left, goes_left), (*right, !goes_left)] {
                let zero = zero * share(tree, child, *cover);
                // A side that nobody took in training has no share to give.
                if zero > 0.0 || (taken && one > 0.0) {
                    let step = Step { column, zero, one: if taken { one } else { 0.0 }, weight: 0.0 };
                    walk(tree, child as usize, bin, &path, step, out);
                }
            }
        }
        None => {}
    }
}
