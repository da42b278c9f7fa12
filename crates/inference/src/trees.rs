//! Ensembles of trees (`TreeEnsembleClassifier` and `TreeEnsembleRegressor` of ai.onnx.ml).

use rustc_hash::FxHashMap;

use crate::Error;
use crate::attributes::Attributes;
use crate::tensor::Tensor;
use crate::transform::PostTransform;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Test {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    NotEqual,
    /// Where votes lie, from and to.
    Leaf(u32, u32),
}

/// A node; 20 bytes, so that three lie in a cache line.
#[derive(Debug, Clone, Copy)]
struct Node {
    feature: u32,
    threshold: f32,
    test: Test,
    /// The node for yes; the one for no.
    next: [u32; 2],
    missing_is_yes: bool,
}

/// How votes of trees become one.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Aggregate {
    Sum,
    Average,
    Least,
    Greatest,
}

/// Trees that vote for targets.
#[derive(Debug, Clone)]
pub(crate) struct Trees {
    nodes: Vec<Node>,
    roots: Vec<u32>,
    votes: Vec<(u32, f32)>,
    base: Vec<f32>,
    targets: usize,
    features: usize,
    aggregate: Aggregate,
    transform: PostTransform,
    /// Of two classes only the second is voted for.
    one_sided: bool,
    /// No vote is negative: what is summed up is a probability.
    positive: bool,
}

impl Trees {
    /// Reads a classifier.
    pub(crate) fn classifier(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let classes = attributes.texts("classlabels_strings").len().max(attributes.ints("classlabels_int64s").len());
        Self::read(attributes, "class", classes, Aggregate::Sum)
    }

    /// Reads a regressor.
    pub(crate) fn regressor(attributes: &Attributes<'_>) -> Result<Self, Error> {
        let aggregate = match attributes.text("aggregate_function", "SUM").as_str() {
            "SUM" => Aggregate::Sum,
            "AVERAGE" => Aggregate::Average,
            "MIN" => Aggregate::Least,
            "MAX" => Aggregate::Greatest,
            other => return Err(attributes.wrong(format!("aggregates by {other}, which is not known"))),
        };
        let targets = usize::try_from(attributes.int("n_targets", 1)).unwrap_or(0);
        Self::read(attributes, "target", targets, aggregate)
    }

    fn read(attributes: &Attributes<'_>, votes: &str, targets: usize, aggregate: Aggregate) -> Result<Self, Error> {
        if targets == 0 {
            return Err(attributes.wrong("has no classes or targets"));
        }
        let trees = attributes.ints("nodes_treeids");
        let count = trees.len();
        let ids = attributes.exactly("nodes_nodeids", attributes.ints("nodes_nodeids"), count)?;
        let features = attributes.exactly("nodes_featureids", attributes.ints("nodes_featureids"), count)?;
        let values = attributes.floats("nodes_values")?;
        let values = attributes.exactly("nodes_values", &values, count)?;
        let modes = attributes.texts("nodes_modes");
        let modes = attributes.exactly("nodes_modes", &modes, count)?;
        let yes = attributes.exactly("nodes_truenodeids", attributes.ints("nodes_truenodeids"), count)?;
        let no = attributes.exactly("nodes_falsenodeids", attributes.ints("nodes_falsenodeids"), count)?;
        let missing = attributes.ints("nodes_missing_value_tracks_true");
        let mut places: FxHashMap<(i64, i64), u32> = FxHashMap::default();
        for (at, key) in trees.iter().copied().zip(ids.iter().copied()).enumerate() {
            let at = u32::try_from(at).map_err(|_| attributes.wrong("has too many nodes"))?;
            if places.insert(key, at).is_some() {
                return Err(attributes.wrong(format!("has node {} of tree {} twice", key.1, key.0)));
            }
        }

        let (leaves, votes) = read_votes(attributes, votes, targets)?;
        let mut nodes = Vec::with_capacity(count);
        let mut width = 0;
        for at in 0..count {
            let test = match modes[at].as_str() {
                "BRANCH_LEQ" => Test::AtMost,
                "BRANCH_LT" => Test::Below,
                "BRANCH_GTE" => Test::AtLeast,
                "BRANCH_GT" => Test::Above,
                "BRANCH_EQ" => Test::Equal,
                "BRANCH_NEQ" => Test::NotEqual,
                "LEAF" => {
                    let (from, to) = leaves.get(&(trees[at], ids[at])).copied().unwrap_or((0, 0));
                    Test::Leaf(from, to)
                }
                other => return Err(attributes.wrong(format!("tests by {other}, which is not known"))),
            };
            let mut node = Node {
                feature: 0,
                threshold: values[at],
                test,
                next: [0, 0],
                missing_is_yes: missing.get(at).is_some_and(|flag| *flag != 0),
            };
            if !matches!(test, Test::Leaf(..)) {
                node.feature = u32::try_from(features[at]).map_err(|_| attributes.wrong("reads a negative feature"))?;
                width = width.max(node.feature as usize + 1);
                for (side, id) in [yes[at], no[at]].into_iter().enumerate() {
                    let found = places.get(&(trees[at], id));
                    node.next[side] = *found.ok_or_else(|| {
                        attributes
                            .wrong(format!("node {} of tree {} leads to {id}, which is not there", ids[at], trees[at]))
                    })?;
                }
            }
            nodes.push(node);
        }
        let roots = roots(&nodes, trees, attributes)?;
        let base = attributes.floats("base_values")?;
        let mut voted: Vec<u32> = votes.iter().map(|(target, _)| *target).collect();
        voted.sort_unstable();
        voted.dedup();
        Ok(Self {
            one_sided: targets == 2
                && voted.len() == 1
                && aggregate == Aggregate::Sum
                && attributes.ints("target_ids").is_empty(),
            positive: votes.iter().all(|(_, weight)| *weight >= 0.0),
            nodes,
            roots,
            votes,
            base,
            targets,
            features: width,
            aggregate,
            transform: PostTransform::read(attributes)?,
        })
    }

    /// Scores rows.
    pub(crate) fn score(&self, input: &Tensor, step: &str) -> Result<Tensor, Error> {
        let (width, values) = input.numbers(step)?;
        if width < self.features {
            let what = format!("reads {} features, and is given {width}", self.features);
            return Err(Error::Computation { step: step.to_owned(), what });
        }
        let mut out = Vec::with_capacity(input.rows() * self.targets);
        let mut scores = vec![0.0_f32; self.targets];
        for row in values.chunks_exact(width.max(1)) {
            self.one(row, &mut scores);
            out.extend_from_slice(&scores);
        }
        Ok(Tensor::Numbers { width: self.targets, values: out })
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "scores have 32 bits; trees are few"
    )]
    fn one(&self, row: &[f32], scores: &mut [f32]) {
        let start = match self.aggregate {
            Aggregate::Sum | Aggregate::Average => 0.0,
            Aggregate::Least => f64::INFINITY,
            Aggregate::Greatest => f64::NEG_INFINITY,
        };
        let mut sums = vec![start; self.targets];
        for root in &self.roots {
            let mut at = *root as usize;
            let (from, to) = loop {
                let node = &self.nodes[at];
                let value = row.get(node.feature as usize).copied().unwrap_or(f32::NAN);
                let yes = match node.test {
                    Test::Leaf(from, to) => break (from, to),
                    _ if value.is_nan() => node.missing_is_yes || node.test == Test::NotEqual,
                    Test::AtMost => value <= node.threshold,
                    Test::Below => value < node.threshold,
                    Test::AtLeast => value >= node.threshold,
                    Test::Above => value > node.threshold,
                    #[allow(clippy::float_cmp, reason = "the format asks for equality")]
                    Test::Equal => value == node.threshold,
                    #[allow(clippy::float_cmp, reason = "the format asks for it")]
                    Test::NotEqual => value != node.threshold,
                };
                at = node.next[usize::from(!yes)] as usize;
            };
            for (target, weight) in &self.votes[from as usize..to as usize] {
                let sum = &mut sums[*target as usize];
                let weight = f64::from(*weight);
                *sum = match self.aggregate {
                    Aggregate::Sum | Aggregate::Average => *sum + weight,
                    Aggregate::Least => sum.min(weight),
                    Aggregate::Greatest => sum.max(weight),
                };
            }
        }
        for (at, score) in scores.iter_mut().enumerate() {
            let mut sum = sums[at];
            if self.aggregate == Aggregate::Average {
                sum /= self.roots.len().max(1) as f64;
            }
            let base = self.base.get(at).or(if self.one_sided { self.base.first() } else { None });
            *score = (sum + f64::from(base.copied().unwrap_or(0.0))) as f32;
        }
        if self.one_sided
            && let [zero, one] = scores
        {
            // The votes of one class tell the other's as well.
            let vote = if self.votes.first().is_some_and(|(target, _)| *target == 0) { *zero } else { *one };
            (*zero, *one) = self.transform.two(vote, self.positive);
        } else {
            self.transform.apply(scores);
        }
    }
}

/// Where a node's votes lie, by tree and node.
type Leaves = FxHashMap<(i64, i64), (u32, u32)>;

/// Votes in the order of their leaves.
fn read_votes(attributes: &Attributes<'_>, prefix: &str, targets: usize) -> Result<(Leaves, Vec<(u32, f32)>), Error> {
    let trees = attributes.ints(&format!("{prefix}_treeids"));
    let count = trees.len();
    let (nodes_name, ids_name) = (format!("{prefix}_nodeids"), format!("{prefix}_ids"));
    let nodes = attributes.exactly(&nodes_name, attributes.ints(&nodes_name), count)?;
    let ids = attributes.exactly(&ids_name, attributes.ints(&ids_name), count)?;
    let weights_name = format!("{prefix}_weights");
    let weights = attributes.floats(&weights_name)?;
    let weights = attributes.exactly(&weights_name, &weights, count)?;
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|at| (trees[*at], nodes[*at]));
    let (mut leaves, mut votes) = (Leaves::default(), Vec::with_capacity(count));
    for at in order {
        let target = u32::try_from(ids[at]).ok().filter(|target| (*target as usize) < targets);
        let target = target.ok_or_else(|| attributes.wrong(format!("votes for {}, of {targets} targets", ids[at])))?;
        let place = u32::try_from(votes.len()).map_err(|_| attributes.wrong("has too many votes"))?;
        votes.push((target, weights[at]));
        leaves.entry((trees[at], nodes[at])).or_insert((place, place)).1 = place + 1;
    }
    Ok((leaves, votes))
}

/// The first node of each tree, after it is certain that no path returns to where it was.
fn roots(nodes: &[Node], trees: &[i64], attributes: &Attributes<'_>) -> Result<Vec<u32>, Error> {
    let mut parents = vec![0_u8; nodes.len()];
    for node in nodes.iter().filter(|node| !matches!(node.test, Test::Leaf(..))) {
        for next in node.next {
            parents[next as usize] = parents[next as usize].saturating_add(1);
        }
    }
    let mut first: FxHashMap<i64, u32> = FxHashMap::default();
    let mut roots = Vec::new();
    for (at, tree) in trees.iter().enumerate().filter(|(at, _)| parents[*at] == 0) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if first.insert(*tree, at).is_some() {
            return Err(attributes.wrong(format!("tree {tree} has two roots")));
        }
        roots.push(at);
    }
    // A node that two lead to, or that leads back, would make a path that does not end, or a tree that is none.
    let reached = nodes.len() - roots.len();
    if parents.iter().any(|count| *count > 1) || parents.iter().filter(|count| **count == 1).count() != reached {
        return Err(attributes.wrong("a node is reached in two ways"));
    }
    let mut seen = vec![false; nodes.len()];
    let mut stack = roots.clone();
    let mut visited = 0;
    while let Some(at) = stack.pop() {
        if std::mem::replace(&mut seen[at as usize], true) {
            return Err(attributes.wrong("a node is reached in two ways"));
        }
        visited += 1;
        let node = &nodes[at as usize];
        if !matches!(node.test, Test::Leaf(..)) {
            stack.extend(node.next);
        }
    }
    if visited != nodes.len() {
        return Err(attributes.wrong("a tree leads back to itself"));
    }
    Ok(roots)
}
