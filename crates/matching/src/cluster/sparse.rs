//! Average linkage over the links of a component that is too large for scoring every pair.
//!
//! Candidates for a merge are clusters with an edge between them, the best known mean first. What is known at first is
//! the weights of edges, which flatter: before a merge all pairs between the two clusters are looked at, or an evenly
//! spaced sample of them, and the merge waits for its new turn. When the budget of scores is used up, pairs that nobody
//! scored count as the lowest weight, so that nothing merges without evidence.

use super::grain::{FORBIDDEN_SUM, Scale, mean};
use super::groups::Groups;
use super::part::Part;
use super::{BUDGET, SAMPLE};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is known between two clusters.
#[derive(Debug, Clone, Copy)]
struct Link {
    /// Summed grains of the pairs looked at.
    sum: i64,
    /// Number of pairs looked at.
    pairs: u64,
    /// Whether these are all pairs, or the sample that stands for them.
    checked: bool,
}

impl Link {
    fn mean(&self) -> i64 {
        mean(self.sum, self.pairs)
    }
}

struct Sparse<'a, S> {
    part: &'a Part,
    scale: &'a Scale,
    score: &'a S,
    known: FxHashMap<(u32, u32), i32>,
    members: Vec<Vec<u32>>,
    links: Vec<FxHashMap<u32, Link>>,
    /// Best mean first, then the lowest numbers; an entry that is not what the link says now is void.
    heap: BinaryHeap<(i64, Reverse<u32>, Reverse<u32>)>,
    budget: usize,
}

/// Clusters a component; `labels` gets the cluster of every record, numbered in the order of their first records.
pub(crate) fn solve(
    part: &Part,
    groups: &Groups,
    scale: &Scale,
    score: &impl Fn(u32, u32) -> f32,
    labels: &mut Vec<u32>,
) {
    let mut sparse = Sparse {
        part,
        scale,
        score,
        known: FxHashMap::default(),
        members: vec![Vec::new(); groups.count],
        links: vec![FxHashMap::default(); groups.count],
        heap: BinaryHeap::new(),
        budget: BUDGET * part.members.len(),
    };
    sparse.start(groups);
    sparse.run();
    labels.clear();
    labels.resize(part.members.len(), 0);
    for (group, members) in sparse.members.iter().enumerate() {
        for record in members {
            labels[*record as usize] = group as u32;
        }
    }
    super::dense::number(labels);
}

impl<S: Fn(u32, u32) -> f32> Sparse<'_, S> {
    fn start(&mut self, groups: &Groups) {
        for (left, right, weight) in &self.part.edges {
            let grain = self.scale.grain(*weight);
            let known = self.known.entry((*left, *right)).or_insert(grain);
            *known = (*known).max(grain);
        }
        for (record, group) in groups.of.iter().enumerate() {
            self.members[*group as usize].push(record as u32);
        }
        // The order of a hash map is no order to depend on, but sums do not depend on it.
        for ((left, right), grain) in &self.known {
            let (left, right) = (groups.of[*left as usize], groups.of[*right as usize]);
            if left != right {
                for (from, to) in [(left, right), (right, left)] {
                    let link = self.links[from as usize].entry(to).or_insert(Link { sum: 0, pairs: 0, checked: false });
                    link.sum += i64::from(*grain);
                    link.pairs += 1;
                }
            }
        }
        let mut forbid = |left: u32, right: u32| {
            for (from, to) in [(left, right), (right, left)] {
                self.links[from as usize].insert(to, Link { sum: FORBIDDEN_SUM, pairs: 1, checked: true });
            }
        };
        for (left, right) in &groups.apart {
            forbid(*left, *right);
        }
        for left in 0..groups.count as u32 {
            self.settle(left, |other| other > left);
        }
    }

    /// Puts a cluster's links on the heap.
    fn settle(&mut self, cluster: u32, wanted: impl Fn(u32) -> bool) {
        let Self { links, heap, .. } = self;
        for (other, link) in &links[cluster as usize] {
            // A mean of edges below the threshold may rise by a merge, never by itself.
            if wanted(*other) && link.mean() >= 0 {
                heap.push((link.mean(), Reverse(cluster.min(*other)), Reverse(cluster.max(*other))));
            }
        }
    }

    fn run(&mut self) {
        while let Some((found, Reverse(keep), Reverse(drop))) = self.heap.pop() {
            let Some(link) = self.links[keep as usize].get(&drop).copied() else { continue };
            if link.mean() != found {
                continue;
            }
            if link.checked {
                self.merge(keep, drop);
                continue;
            }
            let link = self.check(keep, drop, link);
            self.links[keep as usize].insert(drop, link);
            self.links[drop as usize].insert(keep, link);
            if link.mean() >= 0 {
                self.heap.push((link.mean(), Reverse(keep), Reverse(drop)));
            }
        }
    }

    /// Looks at all pairs between two clusters, or at a sample.
    fn check(&mut self, keep: u32, drop: u32, link: Link) -> Link {
        let (left, right) = (&self.members[keep as usize], &self.members[drop as usize]);
        let all = left.len() as u64 * right.len() as u64;
        if link.pairs == all {
            return Link { checked: true, ..link };
        }
        // A small side is looked at in full, and the other the more.
        let small = left.len().min(right.len()).min(8);
        let (rows, columns) = if left.len() <= right.len() { (small, SAMPLE / small) } else { (SAMPLE / small, small) };
        let (rows, columns) = (rows.min(left.len()), columns.min(right.len()));
        let (mut sum, mut pairs) = (0, 0);
        for row in 0..rows {
            let one = left[row * left.len() / rows];
            for column in 0..columns {
                let other = right[column * right.len() / columns];
                if self.part.same_source(one as usize, other as usize) {
                    return Link { sum: FORBIDDEN_SUM, pairs: 1, checked: true };
                }
                let pair = (one.min(other), one.max(other));
                let grain = match self.known.get(&pair) {
                    Some(grain) => *grain,
                    None if self.budget == 0 => self.scale.floor(),
                    None => {
                        self.budget -= 1;
                        self.scale.grain(self.part.ask(one as usize, other as usize, self.score))
                    }
                };
                sum += i64::from(grain);
                pairs += 1;
            }
        }
        Link { sum, pairs, checked: true }
    }

    fn merge(&mut self, keep: u32, drop: u32) {
        let gone = std::mem::take(&mut self.links[drop as usize]);
        self.links[keep as usize].remove(&drop);
        // What was checked on one side only is checked anew when its turn comes.
        for link in self.links[keep as usize].values_mut() {
            link.checked &= link.sum == FORBIDDEN_SUM;
        }
        for (other, link) in gone {
            if other == keep {
                continue;
            }
            self.links[other as usize].remove(&drop);
            let joined = match self.links[keep as usize].get(&other) {
                Some(mine) if mine.sum == FORBIDDEN_SUM || link.sum == FORBIDDEN_SUM => {
                    Link { sum: FORBIDDEN_SUM, pairs: 1, checked: true }
                }
                Some(mine) => Link { sum: mine.sum + link.sum, pairs: mine.pairs + link.pairs, checked: false },
                None => Link { checked: link.sum == FORBIDDEN_SUM, ..link },
            };
            self.links[keep as usize].insert(other, joined);
        }
        let mut updates: Vec<(u32, Link)> =
            self.links[keep as usize].iter().map(|(other, link)| (*other, *link)).collect();
        updates.sort_unstable_by_key(|(other, _)| *other);
        for (other, link) in updates {
            self.links[other as usize].insert(keep, link);
        }
        let mut members = std::mem::take(&mut self.members[drop as usize]);
        self.members[keep as usize].append(&mut members);
        self.members[keep as usize].sort_unstable();
        self.settle(keep, |_| true);
    }
}
