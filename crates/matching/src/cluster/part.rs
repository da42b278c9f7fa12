//! One component, and the choice of how it is clustered.

use super::grain::Scale;
use super::groups::Groups;
use super::{Coherence, EXACT, Found, Merge, assign, coherence, dense, sparse};

/// A component; its records are numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// The records' numbers in the whole, ascending.
    pub(crate) members: Vec<u32>,
    /// Pairs with their weights in bits, lower number first.
    pub(crate) edges: Vec<(u32, u32, f32)>,
    /// Pairs decided to be one, lower number first.
    pub(crate) must: Vec<(u32, u32)>,
    /// Pairs decided to be two, lower number first.
    pub(crate) cannot: Vec<(u32, u32)>,
    /// The input of every record; empty unless linking is one to one.
    pub(crate) sources: Vec<u16>,
}

impl Part {
    pub(crate) fn clear(&mut self) {
        self.members.clear();
        self.edges.clear();
        self.must.clear();
        self.cannot.clear();
        self.sources.clear();
    }

    /// Asks for the weight of a pair.
    pub(crate) fn ask(&self, left: usize, right: usize, score: &impl Fn(u32, u32) -> f32) -> f32 {
        score(self.members[left.min(right)], self.members[left.max(right)])
    }

    /// Whether two records come from one input and may therefore not be one.
    pub(crate) fn same_source(&self, left: usize, right: usize) -> bool {
        !self.sources.is_empty() && self.sources[left] == self.sources[right]
    }
}

/// A component and the memory that serves one after another.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) part: Part,
    dense: dense::Dense,
    groups: Groups,
    labels: Vec<u32>,
}

impl Scratch {
    /// Adds the merges of the component that was loaded; none when it is too large to look at all pairs.
    pub(crate) fn merges(&mut self, scale: &Scale, score: &impl Fn(u32, u32) -> f32, merges: &mut Vec<Merge>) {
        let Self { part, dense, groups, labels } = self;
        if part.members.len() <= EXACT {
            groups.build(part);
            dense.solve(part, groups, scale, score, labels, Some(merges));
        }
    }

    /// Clusters the component that was loaded.
    pub(crate) fn solve(
        &mut self,
        scale: &Scale,
        score: &impl Fn(u32, u32) -> f32,
        one_to_one: bool,
        found: &mut Found,
    ) {
        let Self { part, dense, groups, labels } = self;
        let records = part.members.len();
        // Two records and nothing decided about them: the link is all there is.
        if records == 2 && part.must.is_empty() && part.cannot.is_empty() && !one_to_one {
            let weight = part.edges.iter().fold(f32::NEG_INFINITY, |best, (_, _, weight)| best.max(*weight));
            let grain = f64::from(scale.grain(weight));
            found.representatives.push((part.members[1], part.members[0]));
            found.coherence.push((part.members[0], Coherence::of_pair(scale.bits(grain))));
            return;
        }
        groups.build(part);
        found.conflicts.extend(
            groups.refused.iter().map(|(left, right)| (part.members[*left as usize], part.members[*right as usize])),
        );
        if one_to_one && assign::applies(part) {
            assign::solve(part, groups, scale, labels);
        } else if records <= EXACT {
            dense.solve(part, groups, scale, score, labels, None);
            return dense.report(part, labels, scale, found);
        } else {
            sparse::solve(part, groups, scale, score, labels);
        }
        coherence::report(part, labels, scale, score, found);
    }
}
