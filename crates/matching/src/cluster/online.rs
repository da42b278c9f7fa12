//! Clusters that grow record by record, and are made right afterwards.
//!
//! [`place`] decides at once, on what is there: it may err, because a later record can show that two clusters are one or
//! that a cluster hung on one false link. [`Online::reconcile`] clusters the components anew that changed since, and only
//! them; afterwards the clusters are those that [`cluster`](super::cluster) finds in all records at once.

use super::components::UnionFind;
use super::grain::{Scale, mean};
use super::{Clustering, Edge, Rule, Task, cluster};
use std::collections::BTreeSet;

/// Where a new record belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement<C> {
    /// To this cluster.
    Join(C),
    /// Nearly to this cluster: a person should look.
    Review(C),
    /// To none.
    Own,
}

/// Decides where a new record belongs. A candidate is a cluster with the new record's weight to *every* member in bits,
/// the prior in it; minus infinity for a pair that must stay apart. The record joins the cluster with the highest mean
/// clipped weight, if that reaches the threshold; it is one for review if that is less than `review` bits short. Of
/// equals the lowest wins.
pub fn place<'w, C: Ord>(
    rule: &Rule,
    review: f32,
    candidates: impl IntoIterator<Item = (C, &'w [f32])>,
) -> Placement<C> {
    let scale = Scale::new(rule);
    let mut best: Option<(i64, C)> = None;
    for (cluster, weights) in candidates {
        if weights.is_empty() || weights.contains(&f32::NEG_INFINITY) {
            continue;
        }
        let sum: i64 = weights.iter().map(|weight| i64::from(scale.grain(*weight))).sum();
        let found = mean(sum, weights.len() as u64);
        let better = match &best {
            Some((most, name)) => found > *most || (found == *most && cluster < *name),
            None => true,
        };
        if better {
            best = Some((found, cluster));
        }
    }
    match best {
        Some((found, cluster)) if found >= 0 => Placement::Join(cluster),
        Some((found, cluster)) if found >= mean(scale.grains(-review.max(0.0)), 1) => Placement::Review(cluster),
        _ => Placement::Own,
    }
}

/// A record whose cluster [`Online::reconcile`] changed. A cluster is named by its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The record.
    pub record: u32,
    /// The cluster it was in.
    pub from: u32,
    /// The cluster it is in.
    pub to: u32,
}

/// Clusters of records that arrive one by one.
#[derive(Debug, Clone)]
pub struct Online {
    rule: Rule,
    sets: UnionFind,
    /// For every record: its compared pairs.
    neighbours: Vec<Vec<(u32, f32)>>,
    must_link: Vec<(u32, u32)>,
    cannot_link: Vec<(u32, u32)>,
    /// For every record: the first record of its cluster.
    cluster: Vec<u32>,
    /// The records of every cluster, at its first record.
    members: Vec<Vec<u32>>,
    touched: BTreeSet<u32>,
}

impl Online {
    /// No records yet.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            sets: UnionFind::default(),
            neighbours: Vec::new(),
            must_link: Vec::new(),
            cannot_link: Vec::new(),
            cluster: Vec::new(),
            members: Vec::new(),
            touched: BTreeSet::new(),
        }
    }

    /// Adds a record with the earlier records it was compared with, and places it at once. Returns its number and where
    /// it belongs; a record for review is on its own until more is known. Costs one score for each member of a
    /// candidate cluster that was not compared.
    ///
    /// # Panics
    /// When a candidate does not exist.
    pub fn add(
        &mut self,
        candidates: &[(u32, f32)],
        review: f32,
        score: &impl Fn(u32, u32) -> f32,
    ) -> (u32, Placement<u32>) {
        let record = self.cluster.len() as u32;
        self.sets.push();
        self.cluster.push(record);
        self.members.push(vec![record]);
        self.neighbours.push(candidates.to_vec());
        let mut linked = false;
        let mut clusters = BTreeSet::new();
        for (other, weight) in candidates {
            self.neighbours[*other as usize].push((record, *weight));
            clusters.insert(self.cluster[*other as usize]);
            if *weight >= self.rule.threshold {
                linked = true;
                self.sets.union(record, *other);
            }
        }
        if linked {
            self.touched.insert(record);
        }
        let weights: Vec<(u32, Vec<f32>)> = clusters
            .into_iter()
            .map(|cluster| {
                let weight = |member: &u32| {
                    let known = candidates.iter().filter(|(other, _)| other == member).map(|(_, weight)| *weight);
                    known.reduce(f32::max).unwrap_or_else(|| score(*member, record))
                };
                (cluster, self.members[cluster as usize].iter().map(weight).collect())
            })
            .collect();
        let placement =
            place(&self.rule, review, weights.iter().map(|(cluster, weights)| (*cluster, weights.as_slice())));
        if let Placement::Join(cluster) = placement {
            // The mean may come from pairs that only this look compared; such a cluster does not outlive reconciling.
            self.touched.insert(record);
            self.cluster[record as usize] = cluster;
            self.members[record as usize].clear();
            self.members[cluster as usize].push(record);
        }
        (record, placement)
    }

    /// Notes that a person decided two records to be one. [`Self::reconcile`] puts it into effect.
    pub fn must_link(&mut self, left: u32, right: u32) {
        self.must_link.push((left, right));
        self.sets.union(left, right);
        self.touched.extend([left, right]);
    }

    /// Notes that a person decided two records to be two. [`Self::reconcile`] puts it into effect.
    pub fn cannot_link(&mut self, left: u32, right: u32) {
        self.cannot_link.push((left, right));
        self.touched.extend([left, right]);
    }

    /// The cluster of a record, named by its first record.
    pub fn cluster(&self, record: u32) -> Option<u32> {
        self.cluster.get(record as usize).copied()
    }

    /// The clusters of all records, named by their first records.
    pub fn clusters(&self) -> &[u32] {
        &self.cluster
    }

    /// Clusters the components anew that changed since the last time, and returns the records that moved, ascending.
    pub fn reconcile(&mut self, score: &(impl Fn(u32, u32) -> f32 + Sync)) -> Vec<Change> {
        let touched = std::mem::take(&mut self.touched);
        let roots: BTreeSet<u32> = touched.iter().map(|record| self.sets.find(*record)).collect();
        let affected = self.component(&roots);
        // Local numbers follow the order of the records, on which ties depend.
        let local = |record: u32| affected.binary_search(&record).ok().map(|at| at as u32);
        let inside = |pairs: &[(u32, u32)]| -> Vec<(u32, u32)> {
            pairs.iter().filter_map(|(left, right)| Some((local(*left)?, local(*right)?))).collect()
        };
        let mut edges = Vec::new();
        for record in &affected {
            for (other, weight) in &self.neighbours[*record as usize] {
                if let (true, Some(left), Some(right)) = (other > record, local(*record), local(*other)) {
                    edges.push(Edge { left, right, weight: *weight });
                }
            }
        }
        let task = Task {
            records: affected.len(),
            edges: &edges,
            sources: None,
            must_link: &inside(&self.must_link),
            cannot_link: &inside(&self.cannot_link),
        };
        let ask = |left: u32, right: u32| score(affected[left as usize], affected[right as usize]);
        let found = cluster(&task, &self.rule, &ask, 1);
        self.accept(&affected, &found)
    }

    /// The records of the components with these roots, ascending; a cluster that reaches out of its component, placed
    /// there over a pair that was not compared, comes along.
    fn component(&mut self, roots: &BTreeSet<u32>) -> Vec<u32> {
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        let mut open: Vec<u32> = roots.iter().copied().collect();
        let mut decided: rustc_hash::FxHashMap<u32, Vec<u32>> = rustc_hash::FxHashMap::default();
        for (left, right) in &self.must_link {
            decided.entry(*left).or_default().push(*right);
            decided.entry(*right).or_default().push(*left);
        }
        while let Some(record) = open.pop() {
            if !seen.insert(record) {
                continue;
            }
            let linked = self.neighbours[record as usize].iter().filter(|(_, weight)| *weight >= self.rule.threshold);
            open.extend(linked.map(|(other, _)| *other));
            open.extend(decided.get(&record).into_iter().flatten());
            open.extend(&self.members[self.cluster[record as usize] as usize]);
        }
        seen.into_iter().collect()
    }

    fn accept(&mut self, affected: &[u32], found: &Clustering) -> Vec<Change> {
        let mut changes = Vec::new();
        for record in affected {
            self.members[*record as usize].clear();
        }
        let mut first: Vec<Option<u32>> = vec![None; found.clusters];
        for (record, cluster) in affected.iter().zip(&found.cluster_of) {
            let to = *first[*cluster as usize].get_or_insert(*record);
            let from = std::mem::replace(&mut self.cluster[*record as usize], to);
            self.members[to as usize].push(*record);
            if from != to {
                changes.push(Change { record: *record, from, to });
            }
        }
        changes
    }
}
