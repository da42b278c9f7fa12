//! Which matches of a component of records hold.
//!
//! A component is what can be reached over pairs that are alike enough to link. A grouping (the clustering of the matching
//! crate) says which of its records are one person's; the plan asserts matches that join each group and retracts those
//! that cross groups. What holds already and stays is left alone, so the same component plans nothing twice.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::record::RecordKey;

/// Most records of a group in which every pair that is alike enough becomes a match. In a small group that keeps the rest
/// joined when one record goes; in a larger one a spanning tree does.
const FULL: usize = 6;

/// Two records that are alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// The smaller key.
    pub left: RecordKey,
    /// The greater key.
    pub right: RecordKey,
    /// The match weight: the logarithm to base 2 of the odds.
    pub weight: f64,
    /// The probability of a match.
    pub probability: f64,
    /// Whether the graph has it as a match.
    pub linked: bool,
}

impl Pair {
    /// A pair of two different records, in any order.
    #[must_use]
    pub fn new(one: RecordKey, other: RecordKey, weight: f64, probability: f64) -> Self {
        let (left, right) = ordered(one, other);
        Self { left, right, weight, probability, linked: false }
    }

    /// The other record of the pair.
    #[must_use]
    pub fn other(&self, key: RecordKey) -> RecordKey {
        if self.left == key { self.right } else { self.left }
    }
}

/// The smaller key first.
#[must_use]
pub fn ordered(one: RecordKey, other: RecordKey) -> (RecordKey, RecordKey) {
    if one <= other { (one, other) } else { (other, one) }
}

/// Records with what is known about their pairs.
#[derive(Debug, Clone, Default)]
pub struct Component {
    /// The records, ascending.
    pub records: Vec<RecordKey>,
    /// Pairs of these records that are alike, each once.
    pub pairs: Vec<Pair>,
    /// Pairs that a person decided to be one.
    pub together: BTreeSet<(RecordKey, RecordKey)>,
    /// Pairs that a person decided to be two.
    pub apart: BTreeSet<(RecordKey, RecordKey)>,
}

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// Matches to assert.
    pub assert: Vec<Pair>,
    /// Matches to retract.
    pub retract: Vec<Pair>,
}

impl Component {
    /// Positions of the records by key.
    #[must_use]
    pub fn places(&self) -> FxHashMap<RecordKey, u32> {
        self.records.iter().zip(0..).map(|(key, place)| (*key, place)).collect()
    }
}

/// What is to be done so that the matches join exactly the groups: `group` has the number of the group of each record.
/// A match needs at least `link` as its probability. The order of pairs does not matter.
#[must_use]
pub fn plan(component: &Component, group: &[u32], link: f64) -> Plan {
    let places = component.places();
    let at = |key: RecordKey| places.get(&key).copied().unwrap_or(0) as usize;
    let mut sizes: FxHashMap<u32, usize> = FxHashMap::default();
    for number in group {
        *sizes.entry(*number).or_default() += 1;
    }
    let mut plan = Plan::default();
    let mut joined = Sets::new(component.records.len());
    let mut open = Vec::new();
    for pair in &component.pairs {
        let same = group.get(at(pair.left)) == group.get(at(pair.right));
        let barred = component.apart.contains(&(pair.left, pair.right));
        match (pair.linked, same && !barred && pair.probability >= link) {
            (true, true) => joined.join(at(pair.left), at(pair.right)),
            (true, false) => plan.retract.push(*pair),
            (false, true) => open.push(*pair),
            (false, false) => {}
        }
    }
    let by_weight = |one: &Pair, other: &Pair| {
        let keys = (one.left, one.right).cmp(&(other.left, other.right));
        other.weight.total_cmp(&one.weight).then(keys)
    };
    open.sort_by(by_weight);
    for pair in open {
        let (left, right) = (at(pair.left), at(pair.right));
        let small = group.get(left).and_then(|number| sizes.get(number)).is_none_or(|size| *size <= FULL);
        if small || !joined.are_joined(left, right) {
            joined.join(left, right);
            plan.assert.push(pair);
        }
    }
    plan.retract.sort_by(by_weight);
    plan
}

/// Disjoint sets with path halving.
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn are_joined(&mut self, left: usize, right: usize) -> bool {
        self.root(left) == self.root(right)
    }

    fn join(&mut self, left: usize, right: usize) {
        let (left, right) = (self.root(left), self.root(right));
        self.0[left.max(right)] = left.min(right);
    }
}
