//! Each kind of rule by its definition, over the whole sorted log at once.

use std::time::Duration;

use attune_kernel::Timestamp;

use super::{Detector, MAX_EVIDENCE, Restart, Rule};
use crate::domain::event::Event;
use crate::domain::pattern::reference::{ModelEvent, matches_all};
use crate::domain::value::{Facts, Scalar};

/// When and by which events.
pub(super) type Firing = (Timestamp, Vec<String>);

/// A pattern in two parts: what must happen, and an event that must not follow.
pub(super) struct Parts<'a> {
    pub(super) happens: &'a str,
    pub(super) absent: Option<&'a str>,
}

/// What a rule fires over events sorted by time, until a time.
pub(super) fn firings(rule: &Rule, parts: &Parts<'_>, events: &[Event], until: Timestamp) -> Vec<Firing> {
    let mut all = match &rule.detector {
        Detector::Abandoned { start, completion, within, restart } => {
            let starts: Vec<bool> = events.iter().map(|event| start.holds(event)).collect();
            let ends: Vec<bool> = events.iter().map(|event| completion.holds(event)).collect();
            abandoned(events, &starts, &ends, *within, *restart, until)
        }
        Detector::Sequence { within, .. } => sequence(events, parts, *within, until),
        Detector::Threshold { condition, property, limit, window } => {
            let values = events.iter().map(|event| match (condition.holds(event), property) {
                (false, _) => None,
                (true, None) => Some(1.0),
                (true, Some(property)) => match event.property(property) {
                    Some(Scalar::Number(value)) => Some(value),
                    _ => None,
                },
            });
            threshold(events, &values.collect::<Vec<_>>(), *limit, *window)
        }
        Detector::Event(condition) => events
            .iter()
            .filter(|event| condition.holds(event))
            .map(|event| (event.time, vec![event.id.clone()]))
            .collect(),
        Detector::Inactive { after } => (0..events.len())
            .filter(|at| follow(events, *at, *after, |_| true).is_none())
            .map(|at| (events[at].time.plus(*after), vec![events[at].id.clone()]))
            .filter(|(time, _)| *time < until)
            .collect(),
    };
    all.sort_by_key(|(time, _)| *time);
    let mut last: Option<Timestamp> = None;
    all.retain(|(time, _)| {
        let speaks = last.is_none_or(|last| *time >= last.plus(rule.cool_down));
        if speaks {
            last = Some(*time);
        }
        speaks
    });
    all
}

/// The first event after `at`, no later than `within` after it, for which `wanted` holds.
fn follow(events: &[Event], at: usize, within: Duration, wanted: impl Fn(usize) -> bool) -> Option<usize> {
    (at + 1..events.len()).find(|later| events[*later].time <= events[at].time.plus(within) && wanted(*later))
}

fn abandoned(
    events: &[Event],
    starts: &[bool],
    ends: &[bool],
    within: Duration,
    restart: Restart,
    until: Timestamp,
) -> Vec<Firing> {
    let mut found = Vec::new();
    // With `First`, the start whose wait runs and the index at which it ends.
    let mut busy_until = None;
    for at in (0..events.len()).filter(|at| starts[*at]) {
        let end = follow(events, at, within, |later| ends[later]);
        let fires = match restart {
            Restart::Latest => follow(events, at, within, |later| starts[later] || ends[later]).is_none(),
            Restart::First => {
                if busy_until.is_some_and(|busy| at < busy) {
                    continue;
                }
                let silent = (at..events.len()).find(|later| events[*later].time > events[at].time.plus(within));
                busy_until = Some(end.or(silent).unwrap_or(events.len()));
                end.is_none()
            }
        };
        let deadline = events[at].time.plus(within);
        if fires && deadline < until {
            found.push((deadline, vec![events[at].id.clone()]));
        }
    }
    found
}

fn sequence(events: &[Event], parts: &Parts<'_>, within: Duration, until: Timestamp) -> Vec<Firing> {
    let model: Vec<ModelEvent> =
        events.iter().map(|event| (event.time.as_millis(), event.name.clone(), event.properties.clone())).collect();
    let mut completions = Vec::new();
    let mut free = 0;
    for end in 0..events.len() {
        let start = (free..=end).rev().find(|start| {
            events[end].time <= events[*start].time.plus(within) && matches_all(parts.happens, &model[*start..=end])
        });
        if let Some(start) = start {
            completions.push((start, end));
            free = end + 1;
        }
    }
    let evidence = |start: usize, end: usize| -> Vec<String> {
        let ids: Vec<String> = events[start..=end].iter().map(|event| event.id.clone()).collect();
        match ids.len().checked_sub(MAX_EVIDENCE) {
            None | Some(0) => ids,
            Some(more) => [&ids[..1], &ids[more + 1..]].concat(),
        }
    };
    let Some(absent) = parts.absent else {
        return completions.iter().map(|(start, end)| (events[*end].time, evidence(*start, *end))).collect();
    };
    let completes = |at: usize| completions.iter().any(|(_, end)| *end == at);
    completions
        .iter()
        .filter(|(_, end)| {
            follow(events, *end, within, |later| completes(later) || events[later].name == absent).is_none()
        })
        .map(|(start, end)| (events[*end].time.plus(within), evidence(*start, *end)))
        .filter(|(time, _)| *time < until)
        .collect()
}

fn threshold(events: &[Event], values: &[Option<f64>], limit: f64, window: Duration) -> Vec<Firing> {
    let mut found = Vec::new();
    for at in 0..events.len() {
        let Some(value) = values[at] else { continue };
        let begin = events[at].time.minus(window);
        let inside: Vec<usize> = (0..at).filter(|past| values[*past].is_some() && events[*past].time > begin).collect();
        let before: f64 = inside.iter().filter_map(|past| values[*past]).sum();
        if before < limit && before + value >= limit {
            let newest = inside.len().saturating_sub(MAX_EVIDENCE - 1);
            let ids = inside[newest..].iter().chain([&at]).map(|at| events[*at].id.clone()).collect();
            found.push((events[at].time, ids));
        }
    }
    found
}
