//! A count or sum over a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule::Limits;
use super::{Finding, MAX_EVIDENCE};
use crate::domain::event::Event;
use crate::domain::value::{Facts, Scalar};

/// The events of the window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Threshold {
    /// By time.
    items: VecDeque<Item>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Item {
    time: Timestamp,
    value: f64,
    /// The event's id; kept only for the newest, which may become evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<String>,
}

impl Threshold {
    /// Takes an event that meets the condition.
    pub(super) fn take(
        &mut self,
        property: Option<&str>,
        limit: f64,
        window: Duration,
        event: &Event,
        newest: Option<Timestamp>,
        limits: &Limits,
        findings: &mut Vec<Finding>,
    ) {
        let value = match property.map(|name| event.property(name)) {
            None => 1.0,
            Some(Some(Scalar::Number(value))) if value.is_finite() => value,
            Some(_) => return,
        };
        // A late event looks back from its own time, so its window's events are kept for as long as one may come.
        let newest = newest.map_or(event.time, |newest| newest.max(event.time));
        let forgotten = newest.minus(limits.lateness).minus(window);
        while self.items.front().is_some_and(|item| item.time <= forgotten) {
            self.items.pop_front();
        }
        let at = self.items.partition_point(|item| item.time <= event.time);
        let begin = event.time.minus(window);
        let inside: Vec<&Item> = self.items.iter().take(at).skip_while(|item| item.time <= begin).collect();
        let before: f64 = inside.iter().map(|item| item.value).sum();
        if before < limit && before + value >= limit {
            let newest = inside.len().saturating_sub(MAX_EVIDENCE - 1);
            let mut evidence: Vec<String> = inside[newest..].iter().filter_map(|item| item.event.clone()).collect();
            evidence.push(event.id.clone());
            findings.push(Finding { time: event.time, cause: event.id.clone(), evidence });
        }
        self.items.insert(at, Item { time: event.time, value, event: Some(event.id.clone()) });
        self.bound(property.is_none(), newest.minus(window), limits);
    }

    /// Keeps the number of items at the limit: what only late events could need goes first.
    fn bound(&mut self, counts: bool, begin: Timestamp, limits: &Limits) {
        if self.items.len() > limits.window_events
            && let Some(oldest) = self.items.pop_front()
            && let Some(next) = self.items.front_mut()
            && !counts
            && oldest.time > begin
        {
            next.value += oldest.value;
        }
        let old = self.items.len().saturating_sub(MAX_EVIDENCE);
        for item in self.items.iter_mut().take(old).rev() {
            if item.event.take().is_none() {
                break;
            }
        }
    }
}
