//! How long a call may take.
//!
//! A call made while another one is served gets what is left of that one's budget; a call made outside of any gets the
//! channel's own. Either is sent as `grpc-timeout` and enforced here as well.

use std::time::{Duration, Instant};

use attune_kernel::Deadline;
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;

/// The deadline of the call that is being served, if any.
#[must_use]
pub fn current() -> Option<Deadline> {
    Context::map_current(|context| context.get::<Deadline>().copied())
}

/// Gives everything that `future` calls at most `budget` from now, or what is left already if that is less.
pub async fn within<T>(budget: Duration, future: impl Future<Output = T>) -> T {
    let new = Deadline::after(Instant::now(), budget);
    let deadline = current().map_or(new, |outer| outer.min(new));
    future.with_context(Context::current_with_value(deadline)).await
}

/// The deadline of a call: the shorter of what its own request asks for and what is left of the surrounding call's, or
/// the channel's own budget when there is neither.
pub(crate) fn of_call(now: Instant, asked: Option<Duration>, otherwise: Option<Duration>) -> Option<Deadline> {
    let asked = asked.map(|budget| Deadline::after(now, budget));
    match (asked, current()) {
        (Some(asked), Some(outer)) => Some(asked.min(outer)),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => otherwise.map(|budget| Deadline::after(now, budget)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_shortest_budget_wins_and_ends_with_its_future() {
        let hour = Duration::from_secs(3600);
        assert_eq!(current(), None);
        within(hour, async {
            let outer = current().unwrap();
            within(2 * hour, async { assert_eq!(current(), Some(outer)) }).await;
            within(Duration::from_secs(1), async { assert!(current().unwrap() < outer) }).await;
            assert_eq!(current(), Some(outer));
            let now = Instant::now();
            assert_eq!(of_call(now, None, Some(Duration::ZERO)), Some(outer));
            assert!(of_call(now, Some(Duration::from_secs(1)), None).unwrap() < outer);
        })
        .await;
        assert_eq!(current(), None);
        assert_eq!(of_call(Instant::now(), None, None), None);
    }
}
