//! Silence.

use std::time::Duration;

use attune_kernel::Timestamp;

use super::{Anchor, Finding};
use crate::domain::event::Event;

/// Remembers the newest event.
pub(super) fn take(last: &mut Option<Anchor>, event: &Event) {
    if last.as_ref().is_none_or(|last| last.time <= event.time) {
        *last = Some(Anchor::of(event));
    }
}

/// Finds a silence that has lasted long enough, once.
pub(super) fn expire(
    last: &mut Option<Anchor>,
    after: Duration,
    is_due: impl Fn(Timestamp) -> bool,
    findings: &mut Vec<Finding>,
) {
    if let Some(anchor) = last.take_if(|last| is_due(last.time.plus(after))) {
        let evidence = vec![anchor.event.clone()];
        findings.push(Finding { time: anchor.time.plus(after), cause: anchor.event, evidence });
    }
}
