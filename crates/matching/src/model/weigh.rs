//! The weight of a pattern of levels: Fellegi and Sunter (1969), with three classes of pairs instead of two and with the
//! columns of an address depending on one another.

use super::{Column, Model, Prepared};
use crate::comparison::{CLOSE, COLUMNS, EXACT, MISSING, SWAPPED, Value, WEAK, crossed, level};

/// How sure it is that two records are one person's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The match weight: the logarithm to base 2 of the odds of a match.
    pub weight: f64,
    /// The probability of a match.
    pub probability: f64,
    /// The probability that they are two persons of one household.
    pub household: f64,
}

/// What a pair shows: a level a column, and how frequent the value is where the two are equal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence {
    pub(crate) levels: [u8; COLUMNS],
    pub(crate) frequency: [f32; COLUMNS],
}

/// Which table of a column applies. With one parent: 0 when it is missing, 1 when it disagrees, 2 when it agrees. With more:
/// 2 when all agree, 1 when some do, else 0.
pub(crate) fn context(column: &Column, levels: &[u8; COLUMNS]) -> usize {
    context_of(&column.parents, |parent| levels[parent])
}

/// The same from the levels of the parents.
pub(crate) fn context_of(parents: &[usize], level: impl Fn(usize) -> u8) -> usize {
    let agrees = |parent: &usize| level(*parent) > WEAK;
    match parents {
        [] => 0,
        [one] if level(*one) == MISSING => 0,
        [one] => 1 + usize::from(agrees(one)),
        _ => match parents.iter().filter(|parent| agrees(parent)).count() {
            0 => 0,
            agreeing if agreeing == parents.len() => 2,
            _ => 1,
        },
    }
}

/// One column's part in the weight.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    /// log2 of m over u.
    pub(crate) matched: f64,
    /// log2 of h over u.
    pub(crate) household: f64,
    /// What of `matched` is due to the value being rare or common.
    pub(crate) frequency: f64,
}

impl Column {
    /// The part of one column, given its level.
    pub(crate) fn part(&self, context: usize, level: u8, frequency: f32) -> Part {
        if level == MISSING {
            return Part::default();
        }
        let at = usize::from(level);
        let (m, u, h) = (self.m[context][at], self.u[context][at], self.h[context][at]);
        if frequency <= 0.0 || level == EXACT && context == 2 {
            return Part { matched: (m / u).log2(), household: (h / u).log2(), frequency: 0.0 };
        }
        let value = f64::from(frequency).clamp(1e-18, 1.0);
        let matched = (m / value).log2();
        Part { matched, household: (h / value).log2(), frequency: matched - (m / u).log2() }
    }
}

impl Model {
    /// Compares two records.
    pub(crate) fn evidence(&self, a: &Prepared, b: &Prepared) -> Evidence {
        let mut evidence = Evidence { levels: [MISSING; COLUMNS], frequency: [0.0; COLUMNS] };
        let value = |record: &'_ Prepared, at: usize| record.forms.get(at).and_then(Option::as_ref).cloned();
        for (at, column) in self.columns.iter().enumerate() {
            let (Some(left), Some(right)) = (value(a, at), value(b, at)) else { continue };
            let left_value = Value { plain: &left.plain, key: &left.key };
            let right_value = Value { plain: &right.plain, key: &right.key };
            let reached = level(column.kind, left_value, right_value);
            evidence.levels[at] = reached;
            if reached == EXACT {
                evidence.frequency[at] = column.frequency(&left.plain) as f32;
            }
        }
        for (at, column) in self.columns.iter().enumerate() {
            let Some(other) = column.swap.filter(|other| at < *other) else { continue };
            if evidence.levels[at] >= CLOSE || evidence.levels[other] >= CLOSE {
                continue;
            }
            let there = |a: &Prepared, b: &Prepared| match (value(a, at), value(b, other)) {
                (Some(one), Some(two)) => {
                    let reached = level(
                        column.kind,
                        Value { plain: &one.plain, key: &one.key },
                        Value { plain: &two.plain, key: &two.key },
                    );
                    (reached, if reached == EXACT { column.frequency(&one.plain) } else { 1.0 })
                }
                _ => (MISSING, 1.0),
            };
            let (one, two) = (there(a, b), there(b, a));
            if crossed(one.0, two.0) {
                evidence.levels[at] = SWAPPED;
                evidence.levels[other] = MISSING;
                evidence.frequency[at] = (one.1 * two.1) as f32;
            }
        }
        evidence
    }

    /// The weight of evidence before any of it: log2 of the odds of a match against strangers, and of a household.
    pub(crate) fn priors(&self) -> (f64, f64) {
        let strangers = (1.0 - self.match_share - self.household_share).max(1e-12);
        ((self.match_share.max(1e-15) / strangers).log2(), (self.household_share.max(1e-15) / strangers).log2())
    }

    /// The score of evidence.
    pub(crate) fn weigh(&self, evidence: &Evidence) -> Score {
        let (mut matched, mut household) = self.priors();
        for (at, column) in self.columns.iter().enumerate() {
            let part = column.part(context(column, &evidence.levels), evidence.levels[at], evidence.frequency[at]);
            matched += part.matched;
            household += part.household;
        }
        finish(matched, household)
    }

    /// How sure it is that two records are one person's.
    pub fn score(&self, a: &Prepared, b: &Prepared) -> Score {
        self.weigh(&self.evidence(a, b))
    }
}

/// The score from the log odds of a match and of a household, each against strangers.
pub(crate) fn finish(matched: f64, household: f64) -> Score {
    let weight = matched - softplus(household);
    let probability = sigmoid(weight);
    Score { weight, probability, household: (1.0 - probability) * sigmoid(household) }
}

/// log2(1 + 2^x) without overflow.
pub(crate) fn softplus(x: f64) -> f64 {
    if x > 60.0 { x } else { x.exp2().ln_1p() / std::f64::consts::LN_2 }
}

/// The probability of log2 odds.
pub(crate) fn sigmoid(weight: f64) -> f64 {
    1.0 / (1.0 + (-weight).exp2())
}
