//! Again, when that is safe and may help.

use std::time::{Duration, Instant};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::deadline;

/// How often and how soon a call is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often, after the first time.
    pub retries: usize,
    /// The first pause; each further one is twice as long, with jitter.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 2, first_pause: Duration::from_millis(20), longest_pause: Duration::from_secs(2) }
    }
}

/// Makes a call that may be repeated without harm, again while its service is UNAVAILABLE (AIP-194: no other code), as
/// long as the deadline of the surrounding call leaves time. A `RetryInfo` in the answer lengthens the pause.
///
/// # Errors
/// The last status.
pub async fn idempotent<T, F, Fut>(policy: &RetryPolicy, mut call: F) -> Result<T, Status>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Status>>,
{
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(policy.first_pause)
        .with_max_delay(policy.longest_pause)
        .with_max_times(policy.retries)
        .with_jitter()
        .build();
    loop {
        let status = match call().await {
            Err(status) if status.code() == Code::Unavailable => status,
            done => return done,
        };
        let Some(pause) = pauses.next() else { return Err(status) };
        let asked = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
        let pause = asked.map_or(pause, |asked| asked.max(pause));
        // A pause that outlasts the caller's patience only delays the bad news.
        if deadline::current().is_some_and(|deadline| deadline.remaining(Instant::now()) <= pause) {
            return Err(status);
        }
        tracing::debug!(?pause, "the service is unavailable, calling again");
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tonic_types::ErrorDetails;

    use super::*;

    fn quick() -> RetryPolicy {
        RetryPolicy { retries: 3, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(2) }
    }

    async fn calls(statuses: impl Fn(usize) -> Result<(), Status>) -> (usize, Result<(), Status>) {
        let made = Cell::new(0);
        let result = idempotent(&quick(), || {
            made.set(made.get() + 1);
            std::future::ready(statuses(made.get()))
        })
        .await;
        (made.get(), result)
    }

    #[tokio::test]
    async fn only_unavailable_is_called_again() {
        for code in (1..17).map(Code::from) {
            let (made, result) = calls(|_| Err(Status::new(code, "no"))).await;
            assert_eq!(made, if code == Code::Unavailable { 4 } else { 1 }, "{code:?}");
            assert_eq!(result.unwrap_err().code(), code);
        }
    }

    #[tokio::test]
    async fn the_first_good_answer_ends_it() {
        let (made, result) = calls(|call| if call < 3 { Err(Status::unavailable("soon")) } else { Ok(()) }).await;
        assert_eq!((made, result.is_ok()), (3, true));
    }

    #[tokio::test]
    async fn no_pause_outlasts_the_deadline() {
        let long = || {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(3600)));
            Status::with_error_details(Code::Unavailable, "much later", details)
        };
        let (made, result) = deadline::within(Duration::from_secs(60), calls(|_| Err(long()))).await;
        assert_eq!((made, result.unwrap_err().code()), (1, Code::Unavailable));
    }
}
