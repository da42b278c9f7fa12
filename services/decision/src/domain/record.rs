//! A decision as it is remembered, and its explanation out of that memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use attune_kernel::{DecisionId, PersonId, Timestamp};

use super::arbitration::{Contender, Ranked, arbitrate};
use super::policy::{Policy, Treatment};

/// Where a candidate's way ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Disabled, outside its validity window or not for this channel.
    Inactive,
    /// The placement does not take it.
    Placement,
    /// Its eligibility rule does not hold.
    Ineligible,
    /// The person's consent does not allow it.
    Consent,
    /// The contact policy holds it back.
    ContactPolicy,
    /// Others came before it.
    Outranked,
    /// It was offered.
    Offered,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 7] = [
        Self::Inactive,
        Self::Placement,
        Self::Ineligible,
        Self::Consent,
        Self::ContactPolicy,
        Self::Outranked,
        Self::Offered,
    ];

    /// The word used in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Placement => "placement",
            Self::Ineligible => "ineligible",
            Self::Consent => "consent",
            Self::ContactPolicy => "contact_policy",
            Self::Outranked => "outranked",
            Self::Offered => "offered",
        }
    }
}

/// Why a candidate was removed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Why {
    /// The rule, policy or limit.
    pub rule: Cow<'static, str>,
    /// The attribute read.
    pub attribute: String,
    /// The value read, as text. May be personal: it leaves with the person.
    pub value_read: String,
    /// The constant it was compared with, as text.
    pub threshold: String,
}

impl Why {
    pub(super) const fn of(rule: &'static str) -> Self {
        Self {
            rule: Cow::Borrowed(rule),
            attribute: String::new(),
            value_read: String::new(),
            threshold: String::new(),
        }
    }
}

/// A candidate that did not come to arbitration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The offer.
    pub offer: Arc<str>,
    /// The stage that ended it.
    pub stage: Stage,
    /// Why.
    pub why: Why,
}

/// An offer that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    /// The offer.
    pub offer: Arc<str>,
    /// Its message, when it has one for the channel and language.
    pub message: Option<Arc<str>>,
    /// The score it was ranked by.
    pub score: f64,
    /// The model's propensity: the posterior mean.
    pub propensity: f64,
    /// Its value.
    pub value: f64,
    /// The probability with which the arm puts it first.
    pub selection_probability: f64,
}

/// A decision with all that is needed to answer it again, explain it, learn from it and replay it.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Its id.
    pub id: DecisionId,
    /// The person; `None` once the person was erased.
    pub person: Option<PersonId>,
    /// When it was made.
    pub time: Timestamp,
    /// Order among decisions and responses of the same time.
    pub sequence: i64,
    /// The request it answers, when the caller named one.
    pub request_id: Option<String>,
    /// The placement; empty for an imported decision.
    pub placement: String,
    /// The channel.
    pub channel: String,
    /// The version of catalogue and policy.
    pub catalogue_version: String,
    /// The version of the model.
    pub model_version: u64,
    /// The seed of the draws.
    pub seed: u64,
    /// The policy as it was.
    pub policy: Policy,
    /// The arm that chose; `None` when another system did.
    pub arm: Option<Treatment>,
    /// Every offer that came to arbitration, ordered by id.
    pub contenders: Vec<Contender>,
    /// What was offered, best first.
    pub offered: Vec<Chosen>,
    /// What was removed before.
    pub removed: Vec<Removal>,
    /// What had to be done without.
    pub degradations: Vec<String>,
}

impl Decision {
    /// Arbitrates again from what is remembered: the same ranks, scores and probabilities to the last bit.
    #[must_use]
    pub fn replay(&self) -> Vec<Ranked> {
        self.arm.map(|arm| arbitrate(&self.contenders, &self.policy, arm, self.seed)).unwrap_or_default()
    }

    /// Forgets whom it was made for, and the values that were read about them.
    pub fn forget_person(&mut self) {
        self.person = None;
        self.request_id = None;
        for removal in &mut self.removed {
            removal.why.value_read.clear();
        }
    }

    /// Every candidate's fate: those that came to arbitration by rank, then the removed ones by stage.
    #[must_use]
    pub fn fates(&self) -> Vec<Fate<'_>> {
        let mut fates = Vec::with_capacity(self.contenders.len() + self.removed.len());
        for ranked in self.replay() {
            let contender = &self.contenders[ranked.contender];
            let offered = self.offered.iter().any(|chosen| chosen.offer == contender.offer);
            let stage = if offered { Stage::Offered } else { Stage::Outranked };
            fates.push(Fate { offer: &contender.offer, stage, why: None, score: Some((contender, ranked)) });
        }
        if self.contenders.is_empty() {
            let offered = self.offered.iter();
            fates.extend(offered.map(|chosen| Fate {
                offer: &chosen.offer,
                stage: Stage::Offered,
                why: None,
                score: None,
            }));
        }
        let arbitrated = fates.len();
        fates.extend(self.removed.iter().map(|removal| Fate {
            offer: &removal.offer,
            stage: removal.stage,
            why: Some(&removal.why),
            score: None,
        }));
        fates[arbitrated..].sort_by_key(|fate| fate.stage);
        fates
    }

    /// How many candidates each stage ended, in the order of stages: for each stage its total, with an empty rule, and
    /// then one entry for each of its rules.
    #[must_use]
    pub fn stage_counts(&self) -> Vec<(Stage, String, usize)> {
        let mut counts: BTreeMap<(Stage, &str), usize> = BTreeMap::new();
        for removal in &self.removed {
            *counts.entry((removal.stage, "")).or_default() += 1;
            *counts.entry((removal.stage, &removal.why.rule)).or_default() += 1;
        }
        let outranked = self.contenders.len().saturating_sub(self.offered.len());
        for (stage, count) in [(Stage::Outranked, outranked), (Stage::Offered, self.offered.len())] {
            if count > 0 {
                counts.insert((stage, ""), count);
            }
        }
        counts.into_iter().map(|((stage, rule), count)| (stage, rule.to_owned(), count)).collect()
    }
}

/// What became of one candidate.
#[derive(Debug, Clone, Copy)]
pub struct Fate<'a> {
    /// The offer.
    pub offer: &'a str,
    /// The stage that ended it, or that it was offered.
    pub stage: Stage,
    /// Why it was removed.
    pub why: Option<&'a Why>,
    /// Its score, where it came to arbitration.
    pub score: Option<(&'a Contender, Ranked)>,
}
