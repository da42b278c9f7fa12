//! Average linkage with every pair scored.

use super::grain::{FORBIDDEN, FORBIDDEN_SUM, Scale, UNKNOWN, add, mean, widen};
use super::groups::Groups;
use super::part::Part;
use super::{Coherence, Found, Merge};

/// The memory of the exact method.
#[derive(Debug, Default)]
pub(crate) struct Dense {
    /// Grains of every pair of records, symmetric.
    grains: Vec<i32>,
    /// Summed grains of every pair of groups, symmetric.
    sums: Vec<i64>,
    /// Records in every group; 0 when it has gone into another.
    sizes: Vec<u32>,
    /// For every group: the best later group and the mean to it.
    best: Vec<(i64, u32)>,
    /// For every group: the one it has gone into.
    into: Vec<u32>,
}

impl Dense {
    /// Clusters a component and notes its merges, if asked to; `labels` gets the cluster of every record, numbered in the order of their first records.
    pub(crate) fn solve(
        &mut self,
        part: &Part,
        groups: &Groups,
        scale: &Scale,
        score: &impl Fn(u32, u32) -> f32,
        labels: &mut Vec<u32>,
        mut merges: Option<&mut Vec<Merge>>,
    ) {
        let records = part.members.len();
        labels.clear();
        let lowest = self.fill(part, groups, scale, score);
        if lowest >= 0 && merges.is_none() {
            labels.resize(records, 0);
            return;
        }
        self.gather(records, groups);
        let count = groups.count;
        for group in 0..count {
            self.look(group, count);
        }
        loop {
            let mut top = (-1, 0, 0);
            for group in 0..count {
                let (found, other) = self.best[group];
                if self.sizes[group] > 0 && found > top.0 {
                    top = (found, group, other as usize);
                }
            }
            let (found, keep, drop) = top;
            if found < 0 {
                break;
            }
            if let Some(merges) = &mut merges {
                let pairs = self.sizes[keep] * self.sizes[drop];
                let grains = self.sums[keep * count + drop] as f64 / f64::from(pairs);
                merges.push(Merge { weight: scale.bits(grains), pairs });
            }
            self.merge(keep, drop, count);
        }
        // Groups are numbered in the order of their first records and merge into the lower number.
        labels.extend(groups.of.iter().map(|group| self.end(*group)));
        number(labels);
    }

    /// Fills in the grains of every pair; returns the lowest.
    fn fill(&mut self, part: &Part, groups: &Groups, scale: &Scale, score: &impl Fn(u32, u32) -> f32) -> i32 {
        let records = part.members.len();
        self.grains.clear();
        self.grains.resize(records * records, UNKNOWN);
        for (left, right, weight) in &part.edges {
            let at = *left as usize * records + *right as usize;
            self.grains[at] = self.grains[at].max(scale.grain(*weight));
        }
        let mut lowest = i32::MAX;
        for left in 0..records {
            for right in left + 1..records {
                let at = left * records + right;
                if part.same_source(left, right) || groups.are_apart(groups.of[left], groups.of[right]) {
                    self.grains[at] = FORBIDDEN;
                } else if self.grains[at] == UNKNOWN {
                    self.grains[at] = scale.grain(part.ask(left, right, score));
                }
                self.grains[right * records + left] = self.grains[at];
                lowest = lowest.min(self.grains[at]);
            }
        }
        lowest
    }

    /// Sums the grains between groups.
    fn gather(&mut self, records: usize, groups: &Groups) {
        let count = groups.count;
        self.sums.clear();
        self.sums.resize(count * count, 0);
        self.sizes.clear();
        self.sizes.resize(count, 0);
        self.best.clear();
        self.best.resize(count, (i64::MIN, 0));
        self.into.clear();
        self.into.extend(0..count as u32);
        for left in 0..records {
            let row = groups.of[left] as usize;
            self.sizes[row] += 1;
            for right in 0..records {
                let column = groups.of[right] as usize;
                if row != column {
                    let sum = &mut self.sums[row * count + column];
                    *sum = add(*sum, widen(self.grains[left * records + right]));
                }
            }
        }
    }

    /// Finds the best later partner of a group.
    fn look(&mut self, group: usize, count: usize) {
        let mut best = (i64::MIN, 0);
        for other in group + 1..count {
            let sum = self.sums[group * count + other];
            if self.sizes[other] > 0 && sum >= 0 {
                let found = mean(sum, u64::from(self.sizes[group]) * u64::from(self.sizes[other]));
                if found > best.0 {
                    best = (found, other as u32);
                }
            }
        }
        self.best[group] = best;
    }

    fn merge(&mut self, keep: usize, drop: usize, count: usize) {
        for other in 0..count {
            if self.sizes[other] > 0 && other != keep && other != drop {
                let sum = add(self.sums[keep * count + other], self.sums[drop * count + other]);
                self.sums[keep * count + other] = sum;
                self.sums[other * count + keep] = sum;
            }
        }
        self.sizes[keep] += self.sizes[drop];
        self.sizes[drop] = 0;
        self.into[drop] = keep as u32;
        for group in 0..count {
            if self.sizes[group] == 0 || group > drop {
                continue;
            }
            let partner = self.best[group].1 as usize;
            if group == keep || partner == keep || partner == drop {
                self.look(group, count);
            } else if group < keep && self.sums[group * count + keep] >= 0 {
                // The merged group may have become the best partner of an earlier one.
                let pairs = u64::from(self.sizes[group]) * u64::from(self.sizes[keep]);
                let found = mean(self.sums[group * count + keep], pairs);
                let (best, other) = self.best[group];
                if found > best || (found == best && (keep as u32) < other) {
                    self.best[group] = (found, keep as u32);
                }
            }
        }
    }

    fn end(&self, group: u32) -> u32 {
        let mut at = group;
        while self.into[at as usize] != at {
            at = self.into[at as usize];
        }
        at
    }

    /// Writes down the clusters and their figures.
    pub(crate) fn report(&self, part: &Part, labels: &[u32], scale: &Scale, found: &mut Found) {
        let records = part.members.len();
        let mut rows: Vec<u32> = Vec::with_capacity(records);
        for cluster in 0..=labels.iter().copied().max().unwrap_or_default() {
            rows.clear();
            rows.extend((0..records as u32).filter(|record| labels[*record as usize] == cluster));
            let [first, rest @ ..] = rows.as_slice() else { continue };
            if rest.is_empty() {
                continue;
            }
            let first = part.members[*first as usize];
            found.representatives.extend(rest.iter().map(|record| (part.members[*record as usize], first)));
            let grain = |left: u32, right: u32| self.grains[left as usize * records + right as usize];
            found.coherence.push((first, Coherence::measure(&rows, scale, grain)));
        }
    }
}

/// Renumbers labels in the order in which they first occur.
pub(crate) fn number(labels: &mut [u32]) {
    // A label is the number of a group, hence below the number of records.
    let mut names = vec![u32::MAX; labels.len()];
    let mut next = 0;
    for label in labels {
        let name = &mut names[*label as usize];
        if *name == u32::MAX {
            *name = next;
            next += 1;
        }
        *label = *name;
    }
}

const _: () = assert!(FORBIDDEN_SUM < 0, "a forbidden sum never passes for a merge");
