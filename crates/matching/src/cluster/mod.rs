//! Which records belong together, given pairs with match weights.
//!
//! The transitive closure of the links is wrong where one false link joins two households, or where a chain of half-alike
//! records runs through many persons. Links above the threshold only say which records are looked at together (a
//! *component*); inside it, clusters are merged while the mean weight of *all* pairs between them, compared or not,
//! reaches the threshold.
//!
//! * Every weight is clipped ([`Rule::clip`]), so that neither one sure pair nor one impossible pair
//!   outvotes all others.
//! * Weights are whole numbers of 1/256 bit inside, so that sums do not depend on the order of addition: the result is the
//!   same for any order of edges and any number of threads.
//! * Components of up to [`EXACT`] records are clustered exactly: all pairs are scored. Larger ones are clustered over
//!   their links, and a merge is checked on at most [`SAMPLE`] pairs between the two clusters, at most [`BUDGET`] scores
//!   a record in all. Memory is linear in records and edges.
//! * People's decisions are constraints: must-link pairs are together from the start, cannot-link pairs stay apart
//!   whatever the weights say.
//!
//! Source: group-average agglomeration is Sokal & Michener 1958; that the sign of a cluster's summed log odds decides is
//! correlation clustering, Bansal, Blum & Chawla 2004.

mod assign;
mod coherence;
mod components;
mod dense;
mod grain;
mod groups;
mod online;
mod part;
#[cfg(test)]
pub(crate) mod simulate;
mod sparse;
#[cfg(test)]
mod tests;

pub use coherence::Coherence;
pub use components::UnionFind;
pub use online::{Change, Online, Placement, place};

use crate::parallel;
use components::Components;
use grain::Scale;
use part::Scratch;
use std::ops::Range;

/// Records of a component up to which all its pairs are scored.
pub const EXACT: usize = 64;
/// Pairs between two clusters on which a merge in a larger component is checked.
pub const SAMPLE: usize = 64;
/// Scores asked for in a larger component, for each of its records.
pub const BUDGET: usize = 128;

/// A pair that was compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Edge {
    /// One record.
    pub left: u32,
    /// The other record.
    pub right: u32,
    /// The match weight in bits with the prior in it: log2 of the odds of a match.
    pub weight: f32,
}

/// What makes records one cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rule {
    /// Least weight of a link, in bits, and least mean weight between two clusters that merge.
    pub threshold: f32,
    /// How far from even odds a weight counts, in bits; around the threshold up to 4 bits count in any case.
    pub clip: f32,
}

impl Rule {
    /// How far a weight counts unless said otherwise, in bits: measured to be flat from 8 to 20.
    pub const CLIP: f32 = 12.0;

    /// A rule with the usual clip.
    pub fn new(threshold: f32) -> Self {
        Self { threshold, clip: Self::CLIP }
    }
}

/// What is to be clustered.
#[derive(Debug, Clone, Copy, Default)]
pub struct Task<'a> {
    /// Number of records; they are numbered from 0.
    pub records: usize,
    /// The pairs that were compared, in any order. Those below the threshold are not needed: a weight that is missing
    /// is asked for. Of equal pairs the highest weight counts.
    pub edges: &'a [Edge],
    /// The input of every record, for linking one to one: no cluster holds two records of one input. With two inputs
    /// the links are those with the greatest sum of weights above the threshold.
    pub sources: Option<&'a [u16]>,
    /// Pairs that a person decided to be one.
    pub must_link: &'a [(u32, u32)],
    /// Pairs that a person decided to be two.
    pub cannot_link: &'a [(u32, u32)],
}

/// The clusters found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Clustering {
    /// The cluster of every record, numbered from 0 in the order of their first records.
    pub cluster_of: Vec<u32>,
    /// Number of clusters.
    pub clusters: usize,
    /// Must-link pairs that contradict cannot-link pairs (or an input's records being different ones) and were refused,
    /// in ascending order.
    pub conflicts: Vec<(u32, u32)>,
    /// Clusters of two or more records with their figures, ascending.
    pub coherence: Vec<(u32, Coherence)>,
}

impl Clustering {
    /// How well a cluster holds together; none for a single record.
    pub fn coherence(&self, cluster: u32) -> Option<&Coherence> {
        let at = self.coherence.binary_search_by_key(&cluster, |(cluster, _)| *cluster).ok()?;
        self.coherence.get(at).map(|(_, coherence)| coherence)
    }

    /// The records of every cluster, ascending.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.clusters];
        for (record, cluster) in self.cluster_of.iter().enumerate() {
            members[*cluster as usize].push(record as u32);
        }
        members
    }
}

/// Finds the clusters. `score` gives the weight of any pair (lower number first), in bits with the prior in it; it is asked
/// only for pairs of one component that are not among the edges. The result does not depend on `threads`.
///
/// # Panics
/// When an edge or a constraint names a record that does not exist, or `sources` is shorter than the records.
pub fn cluster(task: &Task<'_>, rule: &Rule, score: &(impl Fn(u32, u32) -> f32 + Sync), threads: usize) -> Clustering {
    let scale = Scale::new(rule);
    let components = Components::find(task, &scale, usize::MAX);
    let parts = parallel::map(threads.max(1), components.ranges(threads.max(1) * 16), |range: Range<usize>| {
        let mut scratch = Scratch::default();
        let mut found = Found::default();
        for at in range {
            components.load(at, task, &mut scratch.part);
            scratch.solve(&scale, score, task.sources.is_some(), &mut found);
        }
        found
    });

    // Every record is its own representative unless a component says otherwise.
    let mut representative: Vec<u32> = components.into_buffer(task.records);
    let mut conflicts = Vec::new();
    let mut coherence = Vec::new();
    for part in parts {
        for (record, first) in part.representatives {
            representative[record as usize] = first;
        }
        conflicts.extend(part.conflicts);
        coherence.extend(part.coherence);
    }
    conflicts.sort_unstable();
    // The first record of a cluster comes before the others, so one pass numbers them all in place.
    let mut clusters = 0;
    for record in 0..representative.len() {
        let first = representative[record] as usize;
        if first == record {
            representative[record] = clusters;
            clusters += 1;
        } else {
            representative[record] = representative[first];
        }
    }
    for (cluster, _) in &mut coherence {
        *cluster = representative[*cluster as usize];
    }
    coherence.sort_unstable_by_key(|(cluster, _)| *cluster);
    Clustering { cluster_of: representative, clusters: clusters as usize, conflicts, coherence }
}

/// A merge of two clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Merge {
    /// The mean clipped weight between them, in bits.
    pub weight: f32,
    /// Pairs between them.
    pub pairs: u32,
}

/// The merges on the way to the clusters: what [`crate::threshold`] looks at, with a rule whose threshold is low. Looks at
/// an even share of the components of at most [`EXACT`] records, about `most` records in all.
///
/// # Panics
/// As [`cluster`] does.
pub fn merges(task: &Task<'_>, rule: &Rule, score: &impl Fn(u32, u32) -> f32, most: usize) -> Vec<Merge> {
    let scale = Scale::new(rule);
    let components = Components::find(task, &scale, most);
    let mut scratch = Scratch::default();
    let mut merges = Vec::new();
    for at in 0..components.count() {
        components.load(at, task, &mut scratch.part);
        scratch.merges(&scale, score, &mut merges);
    }
    merges
}

/// What a range of components came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// A record, and the first record of its cluster where that is another.
    pub(crate) representatives: Vec<(u32, u32)>,
    /// The first record of a cluster, and its figures.
    pub(crate) coherence: Vec<(u32, Coherence)>,
    /// Refused must-link pairs.
    pub(crate) conflicts: Vec<(u32, u32)>,
}
