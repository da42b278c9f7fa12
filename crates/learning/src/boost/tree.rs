//! What is learned: trees, and how a row goes through them.

use serde::{Deserialize, Serialize};

/// Which rows go to the left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Those whose bin is not above this one and not "missing", which goes left only where `missing` says so.
    AtMost {
        /// The last bin that goes left.
        bin: u16,
        /// Whether a missing value goes left.
        missing: bool,
    },
    /// Those whose bin is among these, in ascending order; "missing" is bin 0.
    Among {
        /// The bins that go left.
        bins: Vec<u16>,
    },
}

impl Rule {
    /// Whether a row with this bin goes left.
    #[must_use]
    pub fn left(&self, bin: u16) -> bool {
        match self {
            Self::AtMost { bin: last, missing } => {
                if bin == 0 {
                    *missing
                } else {
                    bin <= *last
                }
            }
            Self::Among { bins } => bins.binary_search(&bin).is_ok(),
        }
    }
}

/// A place in a tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Node {
    /// A question.
    Split {
        /// The column it looks at.
        column: u32,
        /// What goes left.
        rule: Rule,
        /// The place of the left child in the tree.
        left: u32,
        /// The place of the right child.
        right: u32,
        /// The weight of the rows that came here in training.
        cover: f64,
        /// What the question was worth: the fall of the loss by its second-order approximation.
        gain: f64,
    },
    /// An answer.
    Leaf {
        /// What is added to the log-odds.
        value: f64,
        /// The weight of the rows that came here in training.
        cover: f64,
    },
}

impl Node {
    /// The weight of the rows that came here in training.
    #[must_use]
    pub const fn cover(&self) -> f64 {
        match self {
            Self::Split { cover, .. } | Self::Leaf { cover, .. } => *cover,
        }
    }
}

/// One tree; its root is at place 0, and children come after their parents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The nodes.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// What the tree says of a row, in log-odds; `bin` gives the row's bin of a column.
    #[must_use]
    pub fn score(&self, bin: impl Fn(usize) -> u16) -> f64 {
        let mut at = 0_usize;
        loop {
            match self.nodes.get(at) {
                Some(Node::Split { column, rule, left, right, .. }) => {
                    let next = if rule.left(bin(*column as usize)) { *left } else { *right } as usize;
                    // Children come after their parents: a damaged tree ends, it does not turn in a circle.
                    if next <= at {
                        return 0.0;
                    }
                    at = next;
                }
                Some(Node::Leaf { value, .. }) => return *value,
                None => return 0.0,
            }
        }
    }
}

/// Trees whose answers add up to log-odds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Forest {
    /// The log-odds before any tree.
    pub base: f64,
    /// The trees, in the order in which they were grown.
    pub trees: Vec<Tree>,
}

impl Forest {
    /// The log-odds of a row; `bin` gives its bin of a column.
    #[must_use]
    pub fn score(&self, bin: impl Fn(usize) -> u16) -> f64 {
        self.trees.iter().fold(self.base, |sum, tree| sum + tree.score(&bin))
    }

    /// How much each of `columns` columns lowered the loss in training, as shares of one; all zero without any split.
    #[must_use]
    pub fn gains(&self, columns: usize) -> Vec<f64> {
        let mut out = vec![0.0; columns];
        for node in self.trees.iter().flat_map(|tree| &tree.nodes) {
            if let Node::Split { column, gain, .. } = node
                && let Some(sum) = out.get_mut(*column as usize)
            {
                *sum += gain;
            }
        }
        let total: f64 = out.iter().sum();
        if total > 0.0 {
            out.iter_mut().for_each(|gain| *gain /= total);
        }
        out
    }
}
