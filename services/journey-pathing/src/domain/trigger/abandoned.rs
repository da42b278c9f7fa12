//! A start that no completion follows.

use std::collections::VecDeque;
use std::time::Duration;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule::{Limits, Restart};
use super::{Anchor, Finding};
use crate::domain::event::Event;

/// The starts that wait, and the completions that a late start may need.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Abandoned {
    /// By time. Each but the last is past its deadline and waits only for late events.
    waits: VecDeque<Anchor>,
    /// Times of completions, ascending.
    completions: VecDeque<Timestamp>,
}

impl Abandoned {
    /// Ends the waits that a completion at `time` still reaches.
    pub(super) fn complete(&mut self, time: Timestamp, within: Duration, newest: Timestamp, limits: &Limits) {
        self.waits.retain(|wait| !(wait.time <= time && time <= wait.time.plus(within)));
        let at = self.completions.partition_point(|known| *known <= time);
        self.completions.insert(at, time);
        // A start too late to be taken needs no completion; nor does one that has come in order.
        let needed = newest.minus(limits.lateness);
        while self.completions.len() > limits.waits || self.completions.front().is_some_and(|first| *first <= needed) {
            self.completions.pop_front();
        }
    }

    /// Begins to wait, unless the completion is known already.
    pub(super) fn start(
        &mut self,
        event: &Event,
        within: Duration,
        restart: Restart,
        limits: &Limits,
        findings: &mut Vec<Finding>,
    ) {
        let time = event.time;
        if self.completions.iter().any(|done| time < *done && *done <= time.plus(within)) {
            return;
        }
        match restart {
            Restart::Latest => {
                if self.waits.iter().any(|wait| time < wait.time && wait.time <= time.plus(within)) {
                    return;
                }
                self.waits.retain(|wait| wait.time > time || wait.time.plus(within) < time);
            }
            Restart::First => {
                if self.waits.iter().any(|wait| wait.time <= time && time <= wait.time.plus(within)) {
                    return;
                }
                self.waits.retain(|wait| wait.time < time || time.plus(within) < wait.time);
            }
        }
        let at = self.waits.partition_point(|wait| wait.time <= time);
        self.waits.insert(at, Anchor::of(event));
        if self.waits.len() > limits.waits
            && let Some(oldest) = self.waits.pop_front()
        {
            findings.push(finding(oldest, within));
        }
    }

    pub(super) fn expire(&mut self, within: Duration, is_due: impl Fn(Timestamp) -> bool, findings: &mut Vec<Finding>) {
        while self.waits.front().is_some_and(|wait| is_due(wait.time.plus(within)))
            && let Some(wait) = self.waits.pop_front()
        {
            findings.push(finding(wait, within));
        }
    }

    pub(super) fn deadline(&self, within: Duration) -> Option<Timestamp> {
        self.waits.front().map(|wait| wait.time.plus(within))
    }
}

fn finding(wait: Anchor, within: Duration) -> Finding {
    Finding { time: wait.time.plus(within), evidence: vec![wait.event.clone()], cause: wait.event }
}
