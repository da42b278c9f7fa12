//! What to watch for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::Memory;
use crate::domain::condition::Condition;
use crate::domain::pattern::{FIRST_ABSENCE, Inst, Pattern};

/// A rule that watches each person's events.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// Grows with every change; a state of another version is begun anew.
    pub version: u64,
    /// How long it stays silent for a person after it fired; zero for never.
    pub cool_down: Duration,
    /// What it watches for.
    pub detector: Detector,
    /// How much it remembers.
    pub limits: Limits,
}

/// What a rule watches for.
#[derive(Debug, Clone, PartialEq)]
pub enum Detector {
    /// A start not followed by a completion.
    Abandoned {
        /// The event that starts the wait.
        start: Condition,
        /// The event that ends it.
        completion: Condition,
        /// How long to wait.
        within: Duration,
        /// What another start does while one waits.
        restart: Restart,
    },
    /// A pattern completes.
    Sequence {
        /// The pattern.
        pattern: Pattern,
        /// The longest time from the first to the last event of a match.
        within: Duration,
    },
    /// A count or sum over a sliding window reaches a limit.
    Threshold {
        /// The events counted.
        condition: Condition,
        /// The number summed up; absent: events are counted. Events without it, or with another type of value, do not
        /// count.
        property: Option<String>,
        /// The limit.
        limit: f64,
        /// The length of the window.
        window: Duration,
    },
    /// A single event.
    Event(Condition),
    /// No event of any name.
    Inactive {
        /// For how long.
        after: Duration,
    },
}

/// What another start does while one waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// The wait begins again: a person who is still busy is not disturbed.
    #[default]
    Latest,
    /// Nothing: the wait that runs goes on.
    First,
}

/// How much a rule remembers of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// How much older than the newest event one may be and still be taken.
    pub lateness: Duration,
    /// How long timers wait beyond their deadline for late events.
    pub grace: Duration,
    /// Waits at once, and completions remembered for late starts. At the limit the oldest wait, whose deadline has passed
    /// already, fires without its grace, and the oldest completion is forgotten.
    pub waits: usize,
    /// Events of a window. At the limit the two oldest of a sum become one that bears the time of the younger; a count
    /// keeps no more than its limit needs.
    pub window_events: usize,
    /// States of a pattern: a rule whose pattern has more is refused.
    pub pattern_states: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            lateness: Duration::from_secs(3600),
            grace: Duration::ZERO,
            waits: 16,
            window_events: 1024,
            pattern_states: 1024,
        }
    }
}

/// A rule that cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct InvalidRule {
    /// The field of the rule, such as `threshold.limit`.
    pub field: &'static str,
    /// What is wrong with it, lower case, without a full stop.
    pub message: String,
}

impl Rule {
    /// Checks that the rule can run inside its limits.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn check(&self) -> Result<(), InvalidRule> {
        let wrong = |field, message: String| Err(InvalidRule { field, message });
        let positive = |field, duration: Duration| match duration.is_zero() {
            true => wrong(field, "must be longer than zero".to_owned()),
            false => Ok(()),
        };
        if self.limits.waits == 0 || self.limits.window_events == 0 {
            return wrong("limits", "must leave room for one".to_owned());
        }
        match &self.detector {
            Detector::Abandoned { within, .. } => positive("abandoned.within", *within),
            Detector::Inactive { after } => positive("inactive.after", *after),
            Detector::Event(_) => Ok(()),
            Detector::Threshold { limit, .. } if !limit.is_finite() => {
                wrong("threshold.limit", "must be a finite number".to_owned())
            }
            Detector::Threshold { property: None, limit, .. } if *limit <= 0.0 => {
                wrong("threshold.limit", "a count must have a limit above 0".to_owned())
            }
            Detector::Threshold { property: None, limit, .. } if *limit > as_count(self.limits.window_events) => {
                wrong("threshold.limit", format!("a count must be at most {}", self.limits.window_events))
            }
            Detector::Threshold { window, .. } => positive("threshold.window", *window),
            Detector::Sequence { pattern, within } => {
                positive("sequence.within", *within)?;
                let program = pattern.program();
                let anchored = |inst: &Inst| matches!(inst, Inst::Require(edge) if *edge < FIRST_ABSENCE);
                if program.insts.iter().any(anchored) {
                    return wrong("sequence.pattern", "'^' and '$' have no meaning in a live sequence".to_owned());
                }
                if program.insts.len() > self.limits.pattern_states {
                    let most = self.limits.pattern_states;
                    return wrong("sequence.pattern", format!("the pattern has more than {most} states"));
                }
                Ok(())
            }
        }
    }

    pub(super) fn memory(&self) -> Memory {
        match &self.detector {
            Detector::Abandoned { .. } => Memory::Abandoned(Default::default()),
            Detector::Sequence { .. } => Memory::Sequence(Default::default()),
            Detector::Threshold { .. } => Memory::Threshold(Default::default()),
            Detector::Event(_) => Memory::Event,
            Detector::Inactive { .. } => Memory::Inactive(None),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits of memory lie far below 2^53")]
fn as_count(events: usize) -> f64 {
    events as f64
}
