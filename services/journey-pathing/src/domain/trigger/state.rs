//! What a rule remembers of a person.

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::abandoned::Abandoned;
use super::id::TriggerId;
use super::rule::Rule;
use super::sequence::Sequence;
use super::threshold::Threshold;
use super::{Finding, Fired};
use crate::domain::event::Event;

/// One rule's memory of one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    customer: String,
    pub(super) version: u64,
    /// The time of the newest event seen.
    pub(super) newest: Option<Timestamp>,
    last_fired: Option<Timestamp>,
    pub(super) memory: Memory,
}

/// The part that depends on the kind of rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Memory {
    Abandoned(Abandoned),
    Sequence(Sequence),
    Threshold(Threshold),
    Event,
    /// The last event, until its silence has fired.
    Inactive(Option<Anchor>),
}

/// An event that something waits on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Anchor {
    pub(super) time: Timestamp,
    pub(super) event: String,
}

impl Memory {
    fn is_empty(&self) -> bool {
        match self {
            Self::Abandoned(memory) => *memory == Abandoned::default(),
            Self::Sequence(memory) => memory.is_empty(),
            Self::Threshold(memory) => *memory == Threshold::default(),
            Self::Event => true,
            Self::Inactive(last) => last.is_none(),
        }
    }

    fn fits(&self, rule: &Rule) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(&rule.memory())
    }
}

impl Anchor {
    pub(super) fn of(event: &Event) -> Self {
        Self { time: event.time, event: event.id.clone() }
    }
}

impl State {
    /// A person of whom the rule has seen nothing.
    pub fn new(rule: &Rule, customer: impl Into<String>) -> Self {
        Self { customer: customer.into(), version: rule.version, newest: None, last_fired: None, memory: rule.memory() }
    }

    /// A person whom the rule has not seen do anything that it counts, although there were events up to `newest`.
    pub fn since(rule: &Rule, customer: impl Into<String>, newest: Option<Timestamp>) -> Self {
        Self { newest, ..Self::new(rule, customer) }
    }

    /// Whether it remembers nothing that could matter: a state that need not be stored.
    #[must_use]
    pub fn is_idle(&self, rule: &Rule) -> bool {
        (rule.cool_down.is_zero() || self.last_fired.is_none()) && self.memory.is_empty()
    }

    /// Begins anew when the rule has changed. The cool-down goes on.
    pub(super) fn renew(&mut self, rule: &Rule) {
        if self.version != rule.version || !self.memory.fits(rule) {
            self.version = rule.version;
            self.memory = rule.memory();
        }
    }

    /// Turns a finding into a firing, unless the rule is silent.
    pub(super) fn fire(&mut self, rule: &Rule, finding: Finding) -> Option<Fired> {
        if self.last_fired.is_some_and(|last| finding.time < last.plus(rule.cool_down)) {
            return None;
        }
        self.last_fired = self.last_fired.max(Some(finding.time));
        let id = TriggerId::new(&rule.id, rule.version, &self.customer, &finding.cause, finding.time);
        Some(Fired { id, time: finding.time, evidence: finding.evidence })
    }
}
