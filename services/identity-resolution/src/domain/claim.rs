//! What people decide and what matching finds about identifiers.
//!
//! Claims are elements of the set that persons are computed from. Asserting one adds it, retracting one takes it away as
//! if it had never been there.

use attune_kernel::Timestamp;

use super::person::IdentifierKey;

/// What is claimed of identifiers.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// A person decided: the first of the left and of the right are one person's.
    Same,
    /// A person decided: those on the left are other persons' than those on the right.
    Different,
    /// An operator took the left away from the right: the left are together, and other persons' than the right.
    Parted,
    /// Records were found alike. Ranks below strong evidence and above weak evidence.
    Matched {
        /// The logarithm to base 2 of the odds.
        weight: f64,
        /// The probability of a match.
        probability: f64,
        /// The version of the model.
        model: String,
    },
}

/// One claim. Of people's claims about the same identifiers the latest stands; so of matches.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// One side, ascending; never empty.
    pub left: Vec<IdentifierKey>,
    /// The other side, ascending; never empty.
    pub right: Vec<IdentifierKey>,
    /// What is claimed.
    pub says: Says,
    /// Who claims it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Timestamp,
    /// Whether it decides a review.
    pub reviewed: bool,
}

/// What a claim is about: by this it is replaced or retracted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Whether matching claims it.
    pub matched: bool,
    /// One side.
    pub left: Vec<IdentifierKey>,
    /// The other side.
    pub right: Vec<IdentifierKey>,
}

impl Slot {
    /// The slot of a claim about two identifiers.
    #[must_use]
    pub fn pair(one: IdentifierKey, other: IdentifierKey, matched: bool) -> Self {
        let (left, right) = if one <= other { (one, other) } else { (other, one) };
        Self { matched, left: vec![left], right: vec![right] }
    }
}

impl Claim {
    /// A claim about two identifiers, in any order.
    #[must_use]
    pub fn pair(one: IdentifierKey, other: IdentifierKey, says: Says, actor: &str, time: Timestamp) -> Self {
        let Slot { left, right, .. } = Slot::pair(one, other, false);
        Self { left, right, says, actor: actor.to_owned(), reason: String::new(), time, reviewed: false }
    }

    /// What it is about.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot { matched: self.is_match(), left: self.left.clone(), right: self.right.clone() }
    }

    /// Whether matching claims it.
    #[must_use]
    pub const fn is_match(&self) -> bool {
        matches!(self.says, Says::Matched { .. })
    }

    /// Whether it joins, and does not only separate.
    #[must_use]
    pub const fn joins(&self) -> bool {
        matches!(self.says, Says::Matched { .. } | Says::Same)
    }

    /// The match weight, 0 when it is no match.
    #[must_use]
    pub const fn weight(&self) -> f64 {
        if let Says::Matched { weight, .. } = self.says { weight } else { 0.0 }
    }

    /// Forgets identifiers; false when a side has none left.
    pub(crate) fn retain(&mut self, keep: impl Fn(IdentifierKey) -> bool) -> bool {
        self.left.retain(|key| keep(*key));
        self.right.retain(|key| keep(*key));
        !self.left.is_empty() && !self.right.is_empty()
    }
}
