//! Links one to one between two inputs: the assignment with the greatest sum of weights above the threshold.
//!
//! Source: Kuhn 1955 and Munkres 1957, as shortest augmenting paths with potentials. Components with more than [`MOST`]
//! records on their smaller side are assigned greedily, the greatest weight first.

use super::grain::Scale;
use super::groups::Groups;
use super::part::Part;
use rustc_hash::FxHashMap;

/// Records on the smaller side up to which the assignment is the best one: the work grows with their square times the
/// records on the other side.
pub(crate) const MOST: usize = 200;

/// Whether a component lies between two inputs; more than two are clustered with the records of an input kept apart.
pub(crate) fn applies(part: &Part) -> bool {
    let Some(first) = part.sources.first() else { return false };
    let mut others = part.sources.iter().filter(|source| *source != first);
    others.next().is_some_and(|second| others.all(|source| source == second))
}

/// Assigns a component's records; `labels` gets the cluster of every record, numbered in the order of their first records.
pub(crate) fn solve(part: &Part, groups: &Groups, scale: &Scale, labels: &mut Vec<u32>) {
    let records = part.members.len();
    // A group of two is what a person decided; its records are no longer free.
    let mut sizes = vec![0_u32; groups.count];
    for group in &groups.of {
        sizes[*group as usize] += 1;
    }
    let free = |record: u32| sizes[groups.of[record as usize] as usize] == 1;
    let mut gains: FxHashMap<(u32, u32), i64> = FxHashMap::default();
    for (left, right, weight) in &part.edges {
        let apart = groups.are_apart(groups.of[*left as usize], groups.of[*right as usize]);
        if scale.links(*weight) && free(*left) && free(*right) && !apart {
            let pair = if part.sources[*left as usize] == part.sources[0] { (*left, *right) } else { (*right, *left) };
            // A link at the threshold is worth more than none.
            let gain = scale.unclipped(*weight).max(0) + 1;
            let best = gains.entry(pair).or_insert(gain);
            *best = (*best).max(gain);
        }
    }
    let mut pairs: Vec<(u32, u32, i64)> = gains.into_iter().map(|((left, right), gain)| (left, right, gain)).collect();
    pairs.sort_unstable();
    let (mut rows, mut columns): (Vec<u32>, Vec<u32>) = pairs.iter().map(|(left, right, _)| (*left, *right)).unzip();
    rows.dedup();
    columns.sort_unstable();
    columns.dedup();
    let chosen =
        if rows.len().min(columns.len()) > MOST { greedy(pairs, records) } else { best(&pairs, rows, columns) };
    labels.clear();
    labels.extend(0..records as u32);
    let mut first = vec![u32::MAX; groups.count];
    for (label, group) in labels.iter_mut().zip(&groups.of) {
        let first = &mut first[*group as usize];
        *first = (*first).min(*label);
        *label = *first;
    }
    for (left, right) in chosen {
        let low = left.min(right);
        labels[left as usize] = low;
        labels[right as usize] = low;
    }
    super::dense::number(labels);
}

fn greedy(mut pairs: Vec<(u32, u32, i64)>, records: usize) -> Vec<(u32, u32)> {
    pairs.sort_unstable_by_key(|(left, right, gain)| (-gain, *left, *right));
    let mut taken = vec![false; records];
    let mut chosen = Vec::new();
    for (left, right, _) in pairs {
        if !taken[left as usize] && !taken[right as usize] {
            (taken[left as usize], taken[right as usize]) = (true, true);
            chosen.push((left, right));
        }
    }
    chosen
}

/// The best assignment. The smaller side is the rows; a row may also stay alone, which costs and gains nothing.
fn best(pairs: &[(u32, u32, i64)], rows: Vec<u32>, columns: Vec<u32>) -> Vec<(u32, u32)> {
    let turned = rows.len() > columns.len();
    let (rows, columns) = if turned { (columns, rows) } else { (rows, columns) };
    // One more column for every row to stay alone in.
    let width = columns.len() + rows.len();
    let mut cost = vec![0_i64; rows.len() * width];
    for (left, right, gain) in pairs {
        let (row, column) = if turned { (right, left) } else { (left, right) };
        if let (Ok(row), Ok(column)) = (rows.binary_search(row), columns.binary_search(column)) {
            cost[row * width + column] = -gain;
        }
    }
    // Row 0 and column 0 are the imaginary ends of the paths.
    let mut row_potential = vec![0_i64; rows.len() + 1];
    let mut column_potential = vec![0_i64; width + 1];
    let mut row_of = vec![0_usize; width + 1];
    let mut way = vec![0_usize; width + 1];
    for row in 1..=rows.len() {
        row_of[0] = row;
        let mut least = vec![i64::MAX; width + 1];
        let mut used = vec![false; width + 1];
        let mut at = 0;
        while row_of[at] != 0 {
            used[at] = true;
            let from = row_of[at];
            let (mut delta, mut next) = (i64::MAX, 0);
            for column in 1..=width {
                if used[column] {
                    continue;
                }
                let reduced = cost[(from - 1) * width + column - 1] - row_potential[from] - column_potential[column];
                if reduced < least[column] {
                    least[column] = reduced;
                    way[column] = at;
                }
                if least[column] < delta {
                    delta = least[column];
                    next = column;
                }
            }
            for column in 0..=width {
                if used[column] {
                    row_potential[row_of[column]] += delta;
                    column_potential[column] -= delta;
                } else if column > 0 {
                    least[column] -= delta;
                }
            }
            at = next;
        }
        while at != 0 {
            row_of[at] = row_of[way[at]];
            at = way[at];
        }
    }
    let mut chosen = Vec::new();
    for (column, name) in columns.iter().enumerate() {
        let row = row_of[column + 1];
        if row > 0 && cost[(row - 1) * width + column] < 0 {
            chosen.push(if turned { (*name, rows[row - 1]) } else { (rows[row - 1], *name) });
        }
    }
    chosen
}
