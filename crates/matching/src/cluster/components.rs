//! Records that links join, directly or over others: the union of sets by Tarjan 1975, and their members and edges laid
//! side by side.

use super::grain::Scale;
use super::part::Part;
use super::{Edge, Task};
use std::ops::Range;

/// Disjoint sets of records; the first record of a set stands for it.
#[derive(Debug, Clone, Default)]
pub struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// So many records, each a set of its own.
    pub fn new(records: usize) -> Self {
        Self { parent: (0..records as u32).collect() }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// Adds a record as a set of its own.
    pub fn push(&mut self) {
        self.parent.push(self.parent.len() as u32);
    }

    /// The first record of a record's set.
    pub fn find(&mut self, record: u32) -> u32 {
        let mut at = record;
        while self.parent[at as usize] != at {
            let above = self.parent[self.parent[at as usize] as usize];
            self.parent[at as usize] = above;
            at = above;
        }
        at
    }

    /// Joins two sets; says whether they were two.
    pub fn union(&mut self, left: u32, right: u32) -> bool {
        let (left, right) = (self.find(left), self.find(right));
        // The lower root wins: the sets are the same in any order, and a path is halved with every look.
        let (low, high) = (left.min(right), left.max(right));
        self.parent[high as usize] = low;
        low != high
    }
}

/// No component.
const NONE: u32 = u32::MAX;

/// The components of two or more records, with their members and what is known about pairs inside them.
#[derive(Debug)]
pub(crate) struct Components {
    /// For every record: where it stands among its component's members.
    position: Vec<u32>,
    members: Grouped,
    edges: Grouped,
    must: Grouped,
    cannot: Grouped,
}

/// Numbers sorted into groups.
#[derive(Debug, Default)]
struct Grouped {
    start: Vec<u32>,
    items: Vec<u32>,
}

impl Grouped {
    /// Sorts the numbers from 0 to `items` into groups, each ascending; those in group [`NONE`] are left out.
    fn new(groups: usize, items: usize, group: impl Fn(usize) -> u32) -> Self {
        if items == 0 {
            return Self::default();
        }
        let mut start = vec![0_u32; groups + 1];
        for item in 0..items {
            if let Some(count) = start.get_mut(group(item) as usize) {
                *count += 1;
            }
        }
        let mut total = 0;
        for count in &mut start {
            total += *count;
            *count = total;
        }
        let mut sorted = vec![0_u32; total as usize];
        for item in (0..items).rev() {
            if let Some(end) = start.get_mut(group(item) as usize) {
                *end -= 1;
                sorted[*end as usize] = item as u32;
            }
        }
        Self { start, items: sorted }
    }

    fn get(&self, group: usize) -> &[u32] {
        if self.start.is_empty() {
            return &[];
        }
        &self.items[self.start[group] as usize..self.start[group + 1] as usize]
    }
}

impl Components {
    /// Finds the components, or an even share of them with about `most` records in all.
    pub(crate) fn find(task: &Task<'_>, scale: &Scale, most: usize) -> Self {
        let same_source = |left: u32, right: u32| {
            task.sources.is_some_and(|sources| sources[left as usize] == sources[right as usize])
        };
        let mut sets = UnionFind::new(task.records);
        for Edge { left, right, weight } in task.edges {
            if scale.links(*weight) && left != right && !same_source(*left, *right) {
                sets.union(*left, *right);
            }
        }
        for (left, right) in task.must_link {
            sets.union(*left, *right);
        }
        // The sizes, then for every record the number of its component.
        let mut component = vec![0_u32; task.records];
        for record in 0..task.records as u32 {
            component[sets.find(record) as usize] += 1;
        }
        let together: usize = component.iter().filter(|size| **size >= 2).map(|size| *size as usize).sum();
        let step = together.div_ceil(most.max(1)).max(1);
        let (mut seen, mut count) = (0, 0);
        for record in 0..task.records {
            let first = sets.find(record as u32) as usize;
            component[record] = if first < record {
                component[first]
            } else if component[record] >= 2 {
                seen += 1;
                if seen % step == 0 {
                    count += 1;
                    count - 1
                } else {
                    NONE
                }
            } else {
                NONE
            };
        }
        let count = count as usize;
        let pair = |left: u32, right: u32| {
            let group = component[left as usize];
            if left != right && component[right as usize] == group { group } else { NONE }
        };
        let members = Grouped::new(count, task.records, |record| component[record]);
        let edges = Grouped::new(count, task.edges.len(), |at| {
            let Edge { left, right, .. } = task.edges[at];
            if same_source(left, right) { NONE } else { pair(left, right) }
        });
        let pairs = |pairs: &[(u32, u32)]| {
            Grouped::new(count, pairs.len(), |at| {
                let (left, right) = pairs[at];
                pair(left, right)
            })
        };
        let (must, cannot) = (pairs(task.must_link), pairs(task.cannot_link));
        // The buffer of the sets serves again.
        let mut position = sets.parent;
        for group in 0..count {
            for (at, record) in members.get(group).iter().enumerate() {
                position[*record as usize] = at as u32;
            }
        }
        Self { position, members, edges, must, cannot }
    }

    /// Number of components.
    pub(crate) fn count(&self) -> usize {
        self.members.start.len().saturating_sub(1)
    }

    /// Records in components.
    pub(crate) fn records(&self) -> usize {
        self.members.items.len()
    }

    /// Ranges of components of about equal work, at least so many when there are enough.
    pub(crate) fn ranges(&self, pieces: usize) -> Vec<Range<usize>> {
        let count = self.count();
        let mut ranges = Vec::new();
        let (mut from, mut work, total) = (0, 0, self.records());
        for at in 0..count {
            work += self.members.get(at).len();
            if work * pieces >= total || at + 1 == count {
                ranges.push(from..at + 1);
                (from, work) = (at + 1, 0);
            }
        }
        ranges
    }

    /// Loads a component, its records numbered from 0 in ascending order.
    pub(crate) fn load(&self, at: usize, task: &Task<'_>, part: &mut Part) {
        let local = |record: u32| self.position[record as usize];
        let pair = |(left, right): (u32, u32)| {
            let (left, right) = (local(left), local(right));
            (left.min(right), left.max(right))
        };
        part.clear();
        part.members.extend_from_slice(self.members.get(at));
        part.edges.extend(self.edges.get(at).iter().map(|edge| {
            let Edge { left, right, weight } = task.edges[*edge as usize];
            let (left, right) = pair((left, right));
            (left, right, weight)
        }));
        part.must.extend(self.must.get(at).iter().map(|item| pair(task.must_link[*item as usize])));
        part.cannot.extend(self.cannot.get(at).iter().map(|item| pair(task.cannot_link[*item as usize])));
        if let Some(sources) = task.sources {
            part.sources.extend(part.members.iter().map(|record| sources[*record as usize]));
        }
    }

    /// The memory of the positions, made the numbers from 0.
    pub(crate) fn into_buffer(self, records: usize) -> Vec<u32> {
        let mut buffer = self.position;
        buffer.clear();
        buffer.extend(0..records as u32);
        buffer
    }
}
