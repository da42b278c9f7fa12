//! How well a cluster holds together.

use super::grain::{Scale, UNKNOWN};
use super::part::Part;
use super::{Found, SAMPLE};
use rustc_hash::FxHashMap;

/// Figures of one cluster; weights are clipped, in bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coherence {
    /// Records in it.
    pub records: u32,
    /// Mean weight of its pairs.
    pub mean: f32,
    /// Lowest mean weight of one record to all others: the record that belongs least.
    pub weakest: f32,
    /// Share of its pairs at or above the threshold.
    pub agreeing: f32,
}

impl Coherence {
    /// The figures of two records that are linked.
    pub(crate) fn of_pair(weight: f32) -> Self {
        Self { records: 2, mean: weight, weakest: weight, agreeing: 1.0 }
    }

    /// The figures of some records, by the grains of their pairs.
    pub(crate) fn measure(rows: &[u32], scale: &Scale, mut grain: impl FnMut(u32, u32) -> i32) -> Self {
        let others = (rows.len() - 1) as f64;
        let (mut total, mut agreeing, mut weakest) = (0_i64, 0_u32, i64::MAX);
        for one in rows {
            let mut sum = 0;
            for other in rows {
                if one != other {
                    let found = grain(*one, *other);
                    sum += i64::from(found.max(scale.floor()));
                    agreeing += u32::from(found >= 0);
                }
            }
            total += sum;
            weakest = weakest.min(sum);
        }
        let pairs = rows.len() as f64 * others;
        Self {
            records: rows.len() as u32,
            mean: scale.bits(total as f64 / pairs),
            weakest: scale.bits(weakest as f64 / others),
            agreeing: (f64::from(agreeing) / pairs) as f32,
        }
    }
}

/// Writes down the clusters of a component whose pairs are not all scored. The figures of a cluster with more than
/// `SAMPLE / 2` records are those of that many, evenly spaced among its records.
pub(crate) fn report(part: &Part, labels: &[u32], scale: &Scale, score: &impl Fn(u32, u32) -> f32, found: &mut Found) {
    let clusters = labels.iter().max().map_or(0, |last| *last as usize + 1);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); clusters];
    for (record, label) in labels.iter().enumerate() {
        members[*label as usize].push(record as u32);
    }
    let mut known: FxHashMap<(u32, u32), i32> = FxHashMap::default();
    for (left, right, weight) in &part.edges {
        if labels[*left as usize] == labels[*right as usize] {
            let grain = known.entry((*left, *right)).or_insert(UNKNOWN);
            *grain = (*grain).max(scale.grain(*weight));
        }
    }
    for rows in members.iter().filter(|rows| rows.len() >= 2) {
        let first = part.members[rows[0] as usize];
        found.representatives.extend(rows[1..].iter().map(|record| (part.members[*record as usize], first)));
        let most = (SAMPLE / 2).min(rows.len());
        let looked_at: Vec<u32> = (0..most).map(|at| rows[at * rows.len() / most]).collect();
        let mut coherence = Coherence::measure(&looked_at, scale, |left, right| {
            let pair = (left.min(right), left.max(right));
            *known.entry(pair).or_insert_with(|| scale.grain(part.ask(pair.0 as usize, pair.1 as usize, score)))
        });
        coherence.records = rows.len() as u32;
        found.coherence.push((first, coherence));
    }
}
