//! Growing.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rayon::prelude::*;

use super::histogram::{self, Limits, Question, Sums};
use super::tree::{Forest, Node, Tree};
use super::{Bins, Error};

/// How trees are grown.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Parameters {
    /// How many trees.
    pub trees: usize,
    /// The share of each tree's answer that is taken, in (0, 1].
    pub rate: f64,
    /// The most leaves of a tree, at least 2.
    pub leaves: usize,
    /// The most questions on the way to a leaf.
    pub depth: usize,
    /// The least rows of a leaf.
    pub rows: u32,
    /// Added to the sum of second derivatives of a leaf.
    pub ridge: f64,
    /// Added to that of a category when categories are put in order: what keeps rare ones from the ends.
    pub smoothing: f64,
    /// The least gain of a question.
    pub gain: f64,
    /// The share of columns that each tree looks at, in (0, 1].
    pub columns: f64,
    /// The share of rows that each tree learns from, in (0, 1].
    pub sample: f64,
    /// What the draws depend on.
    pub seed: u64,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            trees: 200,
            rate: 0.05,
            leaves: 8,
            depth: 6,
            rows: 20,
            ridge: 1.0,
            smoothing: 10.0,
            gain: 1e-3,
            columns: 0.7,
            sample: 0.8,
            seed: 0,
        }
    }
}

/// A leaf that may still be cut.
struct Leaf {
    /// Its place in the tree.
    at: usize,
    depth: usize,
    /// Where its rows lie in the order of rows.
    rows: std::ops::Range<usize>,
    sums: Sums,
    /// By column of the draw.
    histograms: Vec<Vec<Sums>>,
    /// The best question: which of the drawn columns, and what.
    question: Option<(usize, Question)>,
}

/// The probability of log-odds.
pub(crate) fn sigmoid(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}

/// Grows trees over rows with labels; `weights` gives the weight of each row, one without. `round` is told after each tree
/// how many there are and the log-odds of every row so far, and ends the growing by answering false.
///
/// # Errors
/// When lengths differ, a bin is out of range, or all labels are alike.
pub fn train(
    columns: &[Bins],
    labels: &[bool],
    weights: Option<&[f64]>,
    parameters: &Parameters,
    mut round: impl FnMut(usize, &Tree) -> bool,
) -> Result<Forest, Error> {
    check(columns, labels, weights)?;
    let weight = |row: usize| weights.and_then(|all| all.get(row)).copied().unwrap_or(1.0);
    let (mut yes, mut all) = (0.0, 0.0);
    for (row, label) in labels.iter().enumerate() {
        yes += weight(row) * f64::from(u8::from(*label));
        all += weight(row);
    }
    let share: f64 = yes / all;
    if !(share > 0.0 && share < 1.0) {
        return Err(Error::OneLabel(share > 0.5));
    }
    let mut forest = Forest { base: (share / (1.0 - share)).ln(), trees: Vec::with_capacity(parameters.trees) };
    let mut odds = vec![forest.base; labels.len()];
    let mut random = StdRng::seed_from_u64(parameters.seed);
    let mut names: Vec<usize> = (0..columns.len()).collect();
    for number in 0..parameters.trees {
        let derivatives: Vec<(f64, f64)> = odds
            .par_iter()
            .zip(labels)
            .enumerate()
            .map(|(row, (odds, label))| {
                let chance = sigmoid(*odds);
                let weight = weight(row);
                (weight * (chance - f64::from(u8::from(*label))), weight * chance * (1.0 - chance))
            })
            .collect();
        let rows: Vec<u32> = (0_u32..)
            .take(labels.len())
            .filter(|_| parameters.sample >= 1.0 || random.random_bool(parameters.sample))
            .collect();
        names.sort_unstable();
        names.shuffle(&mut random);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share of a count"
        )]
        let drawn = ((parameters.columns * names.len() as f64).ceil() as usize).clamp(1, names.len().max(1));
        let mut draw: Vec<usize> = names.iter().take(drawn).copied().collect();
        draw.sort_unstable();
        let tree = grow(columns, &draw, rows, &derivatives, parameters);
        odds.par_iter_mut().enumerate().for_each(|(row, odds)| {
            *odds += tree.score(|column| columns.get(column).and_then(|one| one.values.get(row)).copied().unwrap_or(0));
        });
        let more = round(number + 1, &tree);
        forest.trees.push(tree);
        if !more {
            break;
        }
    }
    Ok(forest)
}

fn check(columns: &[Bins], labels: &[bool], weights: Option<&[f64]>) -> Result<(), Error> {
    let expected = labels.len();
    for (column, bins) in columns.iter().enumerate() {
        if bins.values.len() != expected {
            return Err(Error::Length { column, found: bins.values.len(), expected });
        }
        if let Some(bin) = bins.values.iter().find(|bin| **bin >= bins.count) {
            return Err(Error::Bin { column, bin: *bin, count: bins.count });
        }
    }
    match weights {
        Some(weights) if weights.len() != expected => {
            Err(Error::Length { column: columns.len(), found: weights.len(), expected })
        }
        _ => Ok(()),
    }
}

fn grow(
    columns: &[Bins],
    draw: &[usize],
    mut rows: Vec<u32>,
    derivatives: &[(f64, f64)],
    parameters: &Parameters,
) -> Tree {
    let limits = Limits {
        ridge: parameters.ridge,
        smoothing: parameters.smoothing,
        rows: parameters.rows,
        gain: parameters.gain,
    };
    let value = |sums: Sums| -parameters.rate * sums.gradient / (sums.hessian + parameters.ridge);
    let look = |leaf: &mut Leaf| {
        if leaf.depth >= parameters.depth {
            return;
        }
        let found: Vec<Option<Question>> = draw
            .par_iter()
            .zip(&leaf.histograms)
            .map(|(column, histogram)| histogram::best(columns.get(*column)?.kind, histogram, limits))
            .collect();
        let best = found.into_iter().enumerate().filter_map(|(at, one)| Some((at, one?)));
        leaf.question = best.reduce(|best, one| if one.1.gain > best.1.gain { one } else { best });
    };
    let sums = rows
        .iter()
        .filter_map(|row| derivatives.get(*row as usize))
        .fold(Sums::default(), |sum, one| sum.plus(Sums { gradient: one.0, hessian: one.1, rows: 1 }));
    let mut root = Leaf {
        at: 0,
        depth: 0,
        rows: 0..rows.len(),
        sums,
        histograms: histograms(columns, draw, &rows, derivatives),
        question: None,
    };
    look(&mut root);
    let mut tree = Tree { nodes: vec![Node::Leaf { value: value(sums), cover: sums.hessian }] };
    let mut leaves = vec![root];
    while leaves.len() < parameters.leaves.max(2) {
        let gain = |leaf: &Leaf| leaf.question.as_ref().map(|one| one.1.gain);
        let best = leaves.iter().enumerate().filter_map(|(at, leaf)| Some((at, gain(leaf)?)));
        let Some((at, _)) = best.reduce(|best, one| if one.1 > best.1 { one } else { best }) else { break };
        let leaf = leaves.swap_remove(at);
        let Some((drawn, question)) = leaf.question else { break };
        let Some(column) = draw.get(drawn).copied() else { break };
        let Some(bins) = columns.get(column) else { break };
        let Some(part) = rows.get_mut(leaf.rows.clone()) else { break };
        let middle = leaf.rows.start
            + partition(part, |row| bins.values.get(row as usize).is_some_and(|bin| question.rule.left(*bin)));
        let (left, right) = (leaf.rows.start..middle, middle..leaf.rows.end);
        // The smaller side is counted, the other is what is left of the whole.
        let small = if left.len() <= right.len() { left.clone() } else { right.clone() };
        let counted = histograms(columns, draw, rows.get(small).unwrap_or_default(), derivatives);
        let rest: Vec<Vec<Sums>> = leaf
            .histograms
            .iter()
            .zip(&counted)
            .map(|(all, part)| all.iter().zip(part).map(|(all, part)| all.minus(*part)).collect())
            .collect();
        let (of_left, of_right) = if left.len() <= right.len() { (counted, rest) } else { (rest, counted) };
        let places = (tree.nodes.len(), tree.nodes.len() + 1);
        let sums = (question.left, leaf.sums.minus(question.left));
        for sums in [sums.0, sums.1] {
            tree.nodes.push(Node::Leaf { value: value(sums), cover: sums.hessian });
        }
        if let Some(node) = tree.nodes.get_mut(leaf.at) {
            #[allow(clippy::cast_possible_truncation, reason = "a tree has no four thousand million nodes")]
            let place = |at: usize| at as u32;
            *node = Node::Split {
                column: place(column),
                rule: question.rule,
                left: place(places.0),
                right: place(places.1),
                cover: leaf.sums.hessian,
                gain: question.gain,
            };
        }
        for (at, rows, sums, histograms) in [(places.0, left, sums.0, of_left), (places.1, right, sums.1, of_right)] {
            let mut child = Leaf { at, depth: leaf.depth + 1, rows, sums, histograms, question: None };
            look(&mut child);
            leaves.push(child);
        }
    }
    tree
}

fn histograms(columns: &[Bins], draw: &[usize], rows: &[u32], derivatives: &[(f64, f64)]) -> Vec<Vec<Sums>> {
    draw.par_iter()
        .map(|at| columns.get(*at).map(|column| histogram::sums(column, rows, derivatives)).unwrap_or_default())
        .collect()
}

/// Puts the rows that go left first, either side in its order; answers how many there are.
fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let (mut first, mut second) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows.iter() {
        if left(*row) { first.push(*row) } else { second.push(*row) }
    }
    let middle = first.len();
    for (slot, row) in rows.iter_mut().zip(first.into_iter().chain(second)) {
        *slot = row;
    }
    middle
}
