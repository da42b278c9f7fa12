//! Answers of people to offers, and what they teach.

use attune_kernel::{DecisionId, PersonId};

use super::moment::Moment;

/// An answer to an offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The caller's id of it; the key under which a repeat is harmless.
    pub request_id: String,
    /// The decision it answers, when the caller knows it.
    pub decision: Option<DecisionId>,
    /// The person; needed where the decision is not known.
    pub person: Option<PersonId>,
    /// The offer.
    pub offer: String,
    /// What the person did.
    pub kind: Kind,
    /// What it was worth.
    pub value: f64,
    /// When.
    pub moment: Moment,
}

/// What a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Saw the offer.
    Impression,
    /// Clicked on it.
    Click,
    /// Said yes.
    Accept,
    /// Said no.
    Dismiss,
    /// Bought or completed it.
    Conversion,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Impression, Self::Click, Self::Accept, Self::Dismiss, Self::Conversion];

    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Impression => "IMPRESSION",
            Self::Click => "CLICK",
            Self::Accept => "ACCEPT",
            Self::Dismiss => "DISMISS",
            Self::Conversion => "CONVERSION",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    const fn strength(self) -> u8 {
        match self {
            Self::Dismiss => 0,
            Self::Impression => 1,
            Self::Click => 2,
            Self::Accept => 3,
            Self::Conversion => 4,
        }
    }

    /// Whether this response counts as positive when learning from `learn_from`: it is as strong or stronger
    /// (IMPRESSION < CLICK < ACCEPT < CONVERSION). A dismissal is positive only where dismissals are what is learned.
    #[must_use]
    pub fn is_positive(self, learn_from: Self) -> bool {
        match (self, learn_from) {
            (Self::Dismiss, _) | (_, Self::Dismiss) => self == learn_from,
            _ => self.strength() >= learn_from.strength(),
        }
    }
}

/// What was already counted of one offer of one decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counted {
    /// Its trial.
    pub trial: bool,
    /// Its positive response.
    pub positive: bool,
}

/// What one response adds to the counts of its offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lesson {
    /// A trial: the first sign that the person saw the offer. Every kind is one, for to dismiss is to have seen.
    pub trial: bool,
    /// A positive.
    pub positive: bool,
}

impl Lesson {
    /// Whether nothing is learned.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        !self.trial && !self.positive
    }
}

impl Counted {
    /// Takes a response in: what it adds, each of trial and positive once for a decision and offer.
    pub fn take(&mut self, kind: Kind, learn_from: Kind) -> Lesson {
        let lesson = Lesson { trial: !self.trial, positive: !self.positive && kind.is_positive(learn_from) };
        self.trial = true;
        self.positive |= lesson.positive;
        lesson
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stronger_kinds_count_too() {
        let positive = |kind: Kind, from: Kind| kind.is_positive(from);
        assert!(positive(Kind::Conversion, Kind::Click) && positive(Kind::Accept, Kind::Click));
        assert!(!positive(Kind::Impression, Kind::Click) && !positive(Kind::Dismiss, Kind::Impression));
        assert!(positive(Kind::Dismiss, Kind::Dismiss) && !positive(Kind::Conversion, Kind::Dismiss));
        assert!(Kind::ALL.into_iter().all(|kind| Kind::parse(kind.as_str()) == Some(kind)));
        assert_eq!(Kind::parse("click"), None);
    }

    fn kinds() -> impl Strategy<Value = Kind> {
        prop::sample::select(Kind::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn whatever_the_order_and_repeats_each_decision_teaches_once(
            responses in prop::collection::vec(kinds(), 0..12), learn_from in kinds(), rotate in 0usize..12,
        ) {
            let teach = |responses: &[Kind]| {
                let mut counted = Counted::default();
                let mut sum = (0, 0);
                for kind in responses {
                    let lesson = counted.take(*kind, learn_from);
                    sum = (sum.0 + u32::from(lesson.trial), sum.1 + u32::from(lesson.positive));
                }
                sum
            };
            let sum = teach(&responses);
            prop_assert_eq!(sum.0, u32::from(!responses.is_empty()));
            prop_assert_eq!(sum.1, u32::from(responses.iter().any(|kind| kind.is_positive(learn_from))));
            let mut other = responses.clone();
            if !other.is_empty() {
                let by = rotate % other.len();
                other.rotate_left(by);
            }
            prop_assert_eq!(teach(&other), sum);
        }
    }
}
