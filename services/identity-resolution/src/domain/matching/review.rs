//! Pairs for a person to decide.
//!
//! A pair that waits is not linked, so what a missing decision costs grows with its probability: the most probable pair is
//! the most valuable one to decide.

use attune_kernel::Timestamp;
use sha2::{Digest as _, Sha256};

use super::plan::{Pair, ordered};
use super::record::{RecordKey, from_hex, hex};

/// The id of a review: a hash of its two records, so that a pair is asked about once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReviewId(pub [u8; 16]);

impl ReviewId {
    /// The review of two records.
    #[must_use]
    pub fn of(one: RecordKey, other: RecordKey) -> Self {
        let (left, right) = ordered(one, other);
        let hash = Sha256::new_with_prefix(b"review").chain_update(left.0).chain_update(right.0).finalize();
        Self(RecordKey::cut(&hash).0)
    }

    /// The id of its text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// The id as text.
    #[must_use]
    pub fn text(self) -> String {
        hex(&self.0)
    }
}

/// What a person says of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// One person.
    Same,
    /// Two persons.
    Different,
}

/// A verdict with who gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What was said.
    pub verdict: Verdict,
    /// Who said it.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Timestamp,
}

/// A pair that waits for a decision, or that was decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Its id.
    pub id: ReviewId,
    /// The record with the smaller key.
    pub left: RecordKey,
    /// The record with the greater key.
    pub right: RecordKey,
    /// The match weight when the pair was found.
    pub weight: f64,
    /// When the pair was found.
    pub created: Timestamp,
    /// The decision.
    pub decided: Option<Decided>,
}

/// What a verdict makes: no evidence, and no later merge, overrides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constraint {
    /// The two records are one person's.
    MustLink(RecordKey, RecordKey),
    /// The two records are two persons'.
    CannotLink(RecordKey, RecordKey),
}

impl Review {
    /// A review of a pair that was found now.
    #[must_use]
    pub fn open(pair: &Pair, now: Timestamp) -> Self {
        let id = ReviewId::of(pair.left, pair.right);
        Self { id, left: pair.left, right: pair.right, weight: pair.weight, created: now, decided: None }
    }

    /// The constraint in force.
    #[must_use]
    pub fn constraint(&self) -> Option<Constraint> {
        self.decided.as_ref().map(|decided| self.constrained(decided.verdict))
    }

    /// Decides the pair, whatever was decided before. Answers the constraint that comes into force in place of an earlier
    /// one; none when the verdict stands already.
    pub fn decide(&mut self, decided: Decided) -> Option<Constraint> {
        let (before, after) = (self.constraint(), self.constrained(decided.verdict));
        self.decided = Some(decided);
        (before != Some(after)).then_some(after)
    }

    fn constrained(&self, verdict: Verdict) -> Constraint {
        match verdict {
            Verdict::Same => Constraint::MustLink(self.left, self.right),
            Verdict::Different => Constraint::CannotLink(self.left, self.right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_verdict_replaces_the_first() {
        let (one, other) = (RecordKey::of("record", "1"), RecordKey::of("record", "2"));
        let pair = Pair::new(one, other, 3.0, 0.8);
        let mut review = Review::open(&pair, Timestamp::from_micros(1));
        assert_eq!(review.id, ReviewId::of(other, one));
        assert_eq!(ReviewId::parse(&review.id.text()), Some(review.id));
        let decided = |verdict| Decided {
            verdict,
            actor: "ann".to_owned(),
            reason: String::new(),
            time: Timestamp::from_micros(2),
        };
        let (same, different) =
            (Constraint::MustLink(pair.left, pair.right), Constraint::CannotLink(pair.left, pair.right));
        assert_eq!(review.decide(decided(Verdict::Same)), Some(same));
        assert_eq!(review.decide(decided(Verdict::Same)), None);
        assert_eq!(review.decide(decided(Verdict::Different)), Some(different));
        assert_eq!(review.constraint(), Some(different));
    }
}
