//! The conductor: what was accepted goes to every service it concerns, and nobody else relays.
//!
//! | module | what it moves | its place |
//! |---|---|---|
//! | [`inbox`] | accepted events to identity, profile, journey, contact, decision | the waiting events themselves |
//! | [`persons`] | merges, splits, erasures to everyone | cursor `identity` |
//! | [`segments`] | entries and exits to journey | cursor `segments` |
//! | [`triggers`] | triggers to decision and the outbox, stages to profile | acknowledged at journey |
//! | [`outbox`] | deliveries to their providers | the deliveries themselves |
//!
//! Every step is idempotent at its receiver, so that a step which may have happened is done again.

pub(crate) mod event;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod persons;
pub(crate) mod segments;
pub(crate) mod triggers;
mod work;

use std::time::Duration;

use attune_kernel::{Problem, Timestamp};
use attune_service_kit::clock::Clock;
use attune_service_kit::server::Stop;

use crate::domain::record::Lease;
use crate::metrics::Metrics;

/// The pause after a feed had nothing. A feed waits for entries itself; this is for one that answers at once.
const EMPTY: Duration = Duration::from_millis(10);

/// Real time for leases: in an accelerated run the business clock jumps, processes do not.
fn lease(owner: &str, holds: Duration) -> Lease {
    let now: Timestamp = Clock::system().now();
    Lease { owner: owner.to_owned(), now, deadline: now.plus(holds) }
}

/// Waits, or answers false when it is time to stop.
async fn pause(stop: &Stop, wait: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(wait) => true,
    }
}

/// Repeats the step of a feed's relay until told to stop; a step that fails is tried again after a pause.
async fn repeat<F, Fut>(relay: &'static str, metrics: &Metrics, stop: &Stop, step: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), Problem>>,
{
    while !stop.is_cancelled() {
        let outcome = tokio::select! {
            () = stop.cancelled() => break,
            outcome = step() => outcome,
        };
        if let Err(problem) = outcome {
            complain(relay, &problem);
            metrics.relay_failed(relay);
            if !pause(stop, Duration::from_millis(500)).await {
                break;
            }
        }
    }
}

/// Logs why a relay pauses. Never the request: it holds personal data.
fn complain(relay: &'static str, problem: &Problem) {
    tracing::warn!(relay, reason = problem.reason, message = %problem.message, "relay pauses");
}
