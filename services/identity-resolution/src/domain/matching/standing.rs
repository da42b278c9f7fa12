//! What a score means.

/// How alike two records are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The match weight: the logarithm to base 2 of the odds.
    pub weight: f64,
    /// The probability that both are one person's, from 0 to 1.
    pub probability: f64,
    /// The probability that they are two persons of one household, from 0 to 1.
    pub household: f64,
}

/// Where one standing ends and the next begins; probabilities from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Least probability of a link.
    pub link: f64,
    /// Least probability of a review.
    pub review: f64,
    /// Least probability of a household.
    pub household: f64,
}

/// What becomes of a pair, unless a person decided it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing.
    Unrelated,
    /// Two persons of one household.
    Household,
    /// A person is asked.
    Review,
    /// One person.
    Link,
}

impl Thresholds {
    /// What becomes of a pair.
    #[must_use]
    pub fn standing(&self, likeness: &Likeness) -> Standing {
        if likeness.probability >= self.link {
            Standing::Link
        } else if likeness.probability >= self.review {
            Standing::Review
        } else if likeness.household >= self.household {
            Standing::Household
        } else {
            Standing::Unrelated
        }
    }

    /// Whether the likeness of a pair is remembered: whether it could make a link or a review.
    #[must_use]
    pub fn keeps(&self, likeness: &Likeness) -> bool {
        likeness.probability >= self.review.min(self.link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_meaning_counts() {
        let thresholds = Thresholds { link: 0.9, review: 0.5, household: 0.8 };
        let of = |probability, household| thresholds.standing(&Likeness { weight: 0.0, probability, household });
        assert_eq!(of(0.9, 0.0), Standing::Link);
        assert_eq!(of(0.89, 0.0), Standing::Review);
        assert_eq!(of(0.1, 0.85), Standing::Household);
        assert_eq!(of(0.1, 0.7), Standing::Unrelated);
    }
}
