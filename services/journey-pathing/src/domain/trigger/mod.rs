//! Live detectors: a state machine for each rule and person that takes events as they arrive and tells when the rule
//! fires.
//!
//! [`on_event`] takes an event, [`on_time`] says how late it is, [`next_deadline`] asks when to be told next. The
//! caller keeps the [`State`], which is small, bounded by [`Limits`] and serializable. Nothing else is remembered: the
//! same events in the same order fire the same triggers with the same ids, so a replay repeats nothing.
//!
//! When each kind fires:
//! * [`Detector::Abandoned`]: a start that no completion follows within the time. A completion exactly at the deadline
//!   still counts. Another start while one waits restarts the wait ([`Restart::Latest`]) or is ignored ([`Restart::First`]).
//!   Fires at the deadline.
//! * [`Detector::Sequence`]: at the first event at which the pattern is complete; the match is the shortest that ends
//!   there. Matches do not overlap. What must not follow (`!x` at the end of the pattern) is awaited for `within` after the last event; another completion in
//!   the meantime restarts that wait; it fires at the deadline. The anchors `^` and `$` have no meaning here.
//! * [`Detector::Threshold`]: an event that lifts the count or sum over the window that ends with it from below the limit
//!   to the limit or above. The window excludes its beginning: an event exactly `window` old no longer counts.
//! * [`Detector::Event`]: each event that meets the condition.
//! * [`Detector::Inactive`]: once after each event that nothing follows within the time. An event exactly at the deadline is activity.
//!
//! After a firing the rule is silent for the cool-down: it fires again at the earliest exactly that long after. What a
//! detector has seen is used up all the same.
//!
//! Order and lateness. Events of a person are expected in the order of time; ties are in the order of arrival. One that
//! is more than [`Limits::lateness`] older than the newest seen is ignored. One that is late by less is taken at its own
//! time: it starts or cancels an abandonment, counts in the windows it belongs to, and postpones no inactivity; a
//! sequence only lets it cancel what it waits for. What has fired is not taken back. Timers wait for
//! [`Limits::grace`] beyond their deadline for late events, and what they fire bears the time of the deadline.

mod abandoned;
mod id;
mod inactive;
mod rule;
mod sequence;
mod state;
mod threshold;

use attune_kernel::Timestamp;

pub use self::id::TriggerId;
pub use self::rule::{Detector, InvalidRule, Limits, Restart, Rule};
pub use self::state::State;
use self::state::{Anchor, Memory};
use super::event::Event;

/// The event ids that a firing names as its evidence, at most.
pub const MAX_EVIDENCE: usize = 16;

/// A rule has fired for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// The same for the same rule, version, person and cause, whenever it is computed.
    pub id: TriggerId,
    /// When, in the time of the events: that of the event that completed it, or the deadline.
    pub time: Timestamp,
    /// The ids of the events that made it fire, oldest first. Of more than [`MAX_EVIDENCE`] the first and the last ones.
    pub evidence: Vec<String>,
}

/// What a detector has found: when, because of which event, and which events show it.
struct Finding {
    time: Timestamp,
    /// The id of the event that the firing is about; it decides the trigger's id.
    cause: String,
    evidence: Vec<String>,
}

/// Takes an event of the state's person. What was due before it fires first.
pub fn on_event(rule: &Rule, state: &mut State, event: &Event) -> Vec<Fired> {
    state.renew(rule);
    if state.newest.is_some_and(|newest| event.time < newest.minus(rule.limits.lateness)) {
        return Vec::new();
    }
    let mut fired = on_time(rule, state, event.time);
    let mut findings = Vec::new();
    match (&rule.detector, &mut state.memory) {
        (Detector::Abandoned { start, completion, within, restart }, Memory::Abandoned(memory)) => {
            let newest = state.newest.map_or(event.time, |newest| newest.max(event.time));
            if completion.holds(event) {
                memory.complete(event.time, *within, newest, &rule.limits);
            }
            if start.holds(event) {
                memory.start(event, *within, *restart, &rule.limits, &mut findings);
            }
        }
        (Detector::Sequence { pattern, within }, Memory::Sequence(memory)) => {
            let late = state.newest.is_some_and(|newest| event.time < newest);
            memory.take(pattern, *within, event, late, &rule.limits, &mut findings);
        }
        (Detector::Threshold { condition, property, limit, window }, Memory::Threshold(memory))
            if condition.holds(event) =>
        {
            memory.take(property.as_deref(), *limit, *window, event, state.newest, &rule.limits, &mut findings);
        }
        (Detector::Event(condition), Memory::Event) if condition.holds(event) => {
            findings.push(Finding { time: event.time, cause: event.id.clone(), evidence: vec![event.id.clone()] });
        }
        (Detector::Inactive { .. }, Memory::Inactive(last)) => inactive::take(last, event),
        // Nothing that the rule counts; `renew` has just made the memory fit the rule.
        _ => {}
    }
    state.newest = state.newest.max(Some(event.time));
    fired.extend(findings.into_iter().filter_map(|finding| state.fire(rule, finding)));
    fired
}

/// Fires what is due at `now`, in the order of the deadlines.
pub fn on_time(rule: &Rule, state: &mut State, now: Timestamp) -> Vec<Fired> {
    state.renew(rule);
    let mut findings = Vec::new();
    let is_due = |deadline: Timestamp| due(rule, deadline) <= now;
    match (&rule.detector, &mut state.memory) {
        (Detector::Abandoned { within, .. }, Memory::Abandoned(memory)) => {
            memory.expire(*within, is_due, &mut findings)
        }
        (Detector::Sequence { within, .. }, Memory::Sequence(memory)) => memory.expire(*within, is_due, &mut findings),
        (Detector::Inactive { after }, Memory::Inactive(last)) => {
            inactive::expire(last, *after, is_due, &mut findings);
        }
        _ => {}
    }
    findings.into_iter().filter_map(|finding| state.fire(rule, finding)).collect()
}

/// The earliest time at which [`on_time`] has something to do; absent when only an event can change anything.
#[must_use]
pub fn next_deadline(rule: &Rule, state: &State) -> Option<Timestamp> {
    let deadline = match (&rule.detector, &state.memory) {
        _ if state.version != rule.version => None,
        (Detector::Abandoned { within, .. }, Memory::Abandoned(memory)) => memory.deadline(*within),
        (Detector::Sequence { within, .. }, Memory::Sequence(memory)) => memory.deadline(*within),
        (Detector::Inactive { after }, Memory::Inactive(last)) => last.as_ref().map(|last| last.time.plus(*after)),
        _ => None,
    };
    deadline.map(|deadline| due(rule, deadline))
}

/// When a deadline has passed for certain: an event at the deadline itself still counts.
fn due(rule: &Rule, deadline: Timestamp) -> Timestamp {
    Timestamp::from_micros(deadline.plus(rule.limits.grace).as_micros().saturating_add(1))
}

#[cfg(test)]
mod live_is_batch;
#[cfg(test)]
mod naive;
#[cfg(test)]
mod tests;
