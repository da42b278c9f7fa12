//! Persons as a function of evidence: constrained Kruskal over one canonical order of edges.
//!
//! Edges are taken in this order, and each joins the groups of its ends unless that breaks a constraint:
//!
//! 1. strong evidence, by the priority of its weaker and then of its stronger end, the earlier seen first;
//! 2. what people decided to be one, the latest first, whatever the limits and earlier decisions to separate say;
//! 3. matches, the heaviest first;
//! 4. weak evidence, the latest seen first; it never joins two groups that a strong identifier names.
//!
//! Strong evidence comes before decisions so that a decision joins whole groups and takes nothing out of them. Ties fall
//! to the place of the nodes, so the caller numbers them by key. Nothing else enters: the result is the same whatever the
//! order in which edges are given.

use attune_kernel::Timestamp;

/// An identifier.
#[derive(Debug, Clone, Copy)]
pub struct Node {
    /// Its namespace, a place in the capacities.
    pub namespace: usize,
    /// Whether it names a person.
    pub strong: bool,
    /// Priority of its namespace.
    pub priority: u32,
}

/// Two nodes seen together.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// The smaller place.
    pub a: usize,
    /// The greater place.
    pub b: usize,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

/// Nodes that a person decided to be one's.
#[derive(Debug, Clone, Copy)]
pub struct Same {
    /// One.
    pub a: usize,
    /// Another.
    pub b: usize,
    /// When it was decided.
    pub time: Timestamp,
}

/// Nodes that a person decided to be different persons'.
#[derive(Debug, Clone)]
pub struct Different {
    /// One side.
    pub left: Vec<usize>,
    /// The other side.
    pub right: Vec<usize>,
    /// When it was decided.
    pub time: Timestamp,
}

/// Nodes found alike.
#[derive(Debug, Clone, Copy)]
pub struct Match {
    /// One.
    pub a: usize,
    /// Another.
    pub b: usize,
    /// How alike.
    pub weight: f64,
}

/// A set of evidence.
#[derive(Debug, Clone, Default)]
pub struct Input {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// How many nodes of each namespace a person may hold.
    pub capacities: Vec<usize>,
    /// What was seen together.
    pub sights: Vec<Sight>,
    /// Decisions that join.
    pub same: Vec<Same>,
    /// Decisions that separate.
    pub different: Vec<Different>,
    /// Matches.
    pub matches: Vec<Match>,
}

/// The group of each node, named by its smallest node. With `decided` false, what people joined and what was matched does
/// not count, what people separated does.
#[must_use]
pub fn partition(input: &Input, decided: bool) -> Vec<usize> {
    let mut forest = Forest::new(input);
    let is_strong = |sight: &&Sight| input.nodes[sight.a].strong && input.nodes[sight.b].strong;
    let mut strong: Vec<&Sight> = input.sights.iter().filter(is_strong).collect();
    strong.sort_unstable_by_key(|sight| {
        let (one, other) = (input.nodes[sight.a].priority, input.nodes[sight.b].priority);
        (one.max(other), one.min(other), sight.first, sight.a, sight.b)
    });
    for sight in strong {
        forest.join(sight.a, sight.b, Rank::Strong);
    }
    if decided {
        let mut same = input.same.clone();
        same.sort_unstable_by_key(|one| (std::cmp::Reverse(one.time), one.a, one.b));
        for one in same {
            forest.join(one.a, one.b, Rank::Decided(one.time));
        }
        let mut matches = input.matches.clone();
        matches.sort_unstable_by(|x, y| y.weight.total_cmp(&x.weight).then((x.a, x.b).cmp(&(y.a, y.b))));
        for one in matches {
            forest.join(one.a, one.b, Rank::Strong);
        }
    }
    let mut weak: Vec<&Sight> = input.sights.iter().filter(|sight| !is_strong(sight)).collect();
    weak.sort_unstable_by_key(|sight| (std::cmp::Reverse(sight.last), sight.a, sight.b));
    for sight in weak {
        forest.join(sight.a, sight.b, Rank::Weak);
    }
    (0..input.nodes.len()).map(|node| forest.root(node)).collect()
}

enum Rank {
    Strong,
    Decided(Timestamp),
    Weak,
}

/// What constraints need to know of a group.
#[derive(Clone, Default)]
struct Group {
    known: bool,
    /// How many nodes of each namespace, by namespace.
    counts: Vec<(usize, usize)>,
    /// On which sides of which decisions its nodes are: decision and whether it is the right side.
    sides: Vec<(usize, bool)>,
    /// Decisions to separate that a later decision to join has overruled here.
    overruled: Vec<usize>,
}

struct Forest<'a> {
    input: &'a Input,
    parent: Vec<usize>,
    groups: Vec<Group>,
}

impl<'a> Forest<'a> {
    fn new(input: &'a Input) -> Self {
        let of = |node: &Node| Group { known: node.strong, counts: vec![(node.namespace, 1)], ..Group::default() };
        let mut groups: Vec<Group> = input.nodes.iter().map(of).collect();
        for (at, different) in input.different.iter().enumerate() {
            for (nodes, right) in [(&different.left, false), (&different.right, true)] {
                for node in nodes {
                    groups[*node].sides.push((at, right));
                }
            }
        }
        Self { input, parent: (0..input.nodes.len()).collect(), groups }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parent[node] != node {
            self.parent[node] = self.parent[self.parent[node]];
            node = self.parent[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize, rank: Rank) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (one, other) = (&self.groups[a], &self.groups[b]);
        let forbidden = match rank {
            Rank::Decided(time) => self.is_apart(one, other, |decided| decided > time),
            Rank::Strong => self.is_apart(one, other, |_| true) || self.is_full(one, other),
            Rank::Weak => (one.known && other.known) || self.is_apart(one, other, |_| true) || self.is_full(one, other),
        };
        if forbidden {
            return;
        }
        let (root, gone) = (a.min(b), a.max(b));
        self.parent[gone] = root;
        let gone = std::mem::take(&mut self.groups[gone]);
        let group = &mut self.groups[root];
        group.known |= gone.known;
        for (namespace, count) in gone.counts {
            match group.counts.iter_mut().find(|(other, _)| *other == namespace) {
                Some((_, sum)) => *sum += count,
                None => group.counts.push((namespace, count)),
            }
        }
        for (at, right) in &gone.sides {
            if group.sides.contains(&(*at, !right)) && !group.overruled.contains(at) {
                group.overruled.push(*at);
            }
        }
        group.sides.extend(gone.sides);
        group.overruled.extend(gone.overruled);
    }

    fn is_apart(&self, one: &Group, other: &Group, counts: impl Fn(Timestamp) -> bool) -> bool {
        one.sides.iter().any(|(at, right)| {
            let overruled = one.overruled.contains(at) || other.overruled.contains(at);
            !overruled
                && counts(self.input.different[*at].time)
                && other.sides.iter().any(|side| *side == (*at, !right))
        })
    }

    /// Whether joined they would exceed what neither has in excess already.
    fn is_full(&self, one: &Group, other: &Group) -> bool {
        one.counts.iter().any(|(namespace, count)| {
            let others = other.counts.iter().find(|(other, _)| other == namespace);
            others.is_some_and(|(_, others)| count + others > self.input.capacities[*namespace])
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same rules without shortcuts: groups are sets, and every constraint is looked at node by node.
    fn naive(input: &Input, decided: bool) -> Vec<usize> {
        // Class, three ranks within it, the two ends, and the time of a decision.
        type Step = (u8, i128, i128, i128, usize, usize, Option<Timestamp>);
        let mut steps: Vec<Step> = Vec::new();
        for one in &input.sights {
            let (a, b) = (input.nodes[one.a], input.nodes[one.b]);
            steps.push(if a.strong && b.strong {
                let (most, least) = (a.priority.max(b.priority), a.priority.min(b.priority));
                (0, most.into(), least.into(), one.first.as_micros().into(), one.a, one.b, None)
            } else {
                (3, -i128::from(one.last.as_micros()), 0, 0, one.a, one.b, None)
            });
        }
        if decided {
            for one in &input.same {
                steps.push((1, -i128::from(one.time.as_micros()), 0, 0, one.a, one.b, Some(one.time)));
            }
            for one in &input.matches {
                steps.push((2, -(one.weight * 1000.0) as i128, 0, 0, one.a, one.b, None));
            }
        }
        steps.sort();
        let mut group: Vec<usize> = (0..input.nodes.len()).collect();
        for (class, .., a, b, time) in steps {
            let members = |of: usize| (0..group.len()).filter(|n| group[*n] == of).collect::<Vec<_>>();
            let (x, y) = (members(group[a]), members(group[b]));
            if group[a] == group[b] {
                continue;
            }
            let apart = input.different.iter().any(|one| {
                let has = |side: &[usize], of: &[usize]| side.iter().any(|node| of.contains(node));
                let across = (has(&one.left, &x) && has(&one.right, &y)) || (has(&one.left, &y) && has(&one.right, &x));
                let overruled = |of: &[usize]| has(&one.left, of) && has(&one.right, of);
                across && !overruled(&x) && !overruled(&y) && time.is_none_or(|time| one.time > time)
            });
            let full = class != 1
                && (0..input.capacities.len()).any(|namespace| {
                    let count = |of: &[usize]| of.iter().filter(|n| input.nodes[**n].namespace == namespace).count();
                    count(&x) > 0 && count(&y) > 0 && count(&x) + count(&y) > input.capacities[namespace]
                });
            let known = |of: &[usize]| of.iter().any(|n| input.nodes[*n].strong);
            if apart || full || (class == 3 && known(&x) && known(&y)) {
                continue;
            }
            let to = group[a].min(group[b]);
            for node in x.into_iter().chain(y) {
                group[node] = to;
            }
        }
        group
    }

    fn input() -> impl Strategy<Value = Input> {
        let capacities = [1, 3, 2, usize::MAX, 3];
        let place = 0..14usize;
        let pair = move || (place.clone(), 0..14usize).prop_filter("two", |(a, b)| a != b);
        let time = || (0..9i64).prop_map(Timestamp::from_millis);
        let sight = (pair(), time(), time()).prop_map(|((a, b), one, other)| Sight {
            a: a.min(b),
            b: a.max(b),
            first: one.min(other),
            last: one.max(other),
        });
        let same = (pair(), time()).prop_map(|((a, b), time)| Same { a: a.min(b), b: a.max(b), time });
        let side = || prop::collection::vec(0..14usize, 1..3);
        let different = (side(), side(), time()).prop_map(|(left, mut right, time)| {
            right.retain(|node| !left.contains(node));
            Different { left, right, time }
        });
        let matched =
            (pair(), 0..5u8).prop_map(|((a, b), weight)| Match { a: a.min(b), b: a.max(b), weight: weight.into() });
        (
            prop::collection::vec(0..5usize, 14),
            prop::collection::vec(sight, 0..30),
            prop::collection::vec(same, 0..3),
            prop::collection::vec(different, 0..3),
            prop::collection::vec(matched, 0..3),
        )
            .prop_map(move |(namespaces, sights, same, different, matches)| Input {
                nodes: namespaces
                    .into_iter()
                    .map(|namespace| Node {
                        namespace,
                        strong: namespace < 3,
                        priority: u32::try_from(namespace).unwrap(),
                    })
                    .collect(),
                capacities: capacities.to_vec(),
                sights,
                same,
                different,
                matches,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

        #[test]
        fn it_is_the_naive_rule_whatever_the_order(
            input in input(),
            seed in any::<u64>(),
            decided in any::<bool>(),
        ) {
            let expected = naive(&input, decided);
            let mut shuffled = input;
            let turn = |len: usize| if len == 0 { 0 } else { usize::try_from(seed % len as u64).unwrap() };
            let places = (turn(shuffled.sights.len()), turn(shuffled.same.len()), turn(shuffled.matches.len()));
            shuffled.sights.rotate_left(places.0);
            shuffled.same.rotate_left(places.1);
            shuffled.matches.rotate_left(places.2);
            shuffled.different.reverse();
            let mut found = partition(&shuffled, decided);
            prop_assert_eq!(&found, &expected);
            shuffled.sights.reverse();
            found = partition(&shuffled, decided);
            prop_assert_eq!(&found, &expected);
        }
    }
}
