//! An event of a name for which a predicate holds.

use super::event::Event;
use super::predicate::Predicate;

/// What an event must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Its name.
    pub event: String,
    /// What must hold of its properties; nothing when absent.
    pub predicate: Option<Predicate>,
}

impl Condition {
    /// Any event of a name.
    pub fn named(event: impl Into<String>) -> Self {
        Self { event: event.into(), predicate: None }
    }

    /// Whether an event meets it.
    #[must_use]
    pub fn holds(&self, event: &Event) -> bool {
        self.event == event.name && self.predicate.as_ref().is_none_or(|predicate| predicate.holds(event))
    }
}
