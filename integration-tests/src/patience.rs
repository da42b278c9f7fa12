//! Waiting for what happens soon. The limit only ends a wait that is in vain; nothing is said about speed.

use std::time::Duration;

/// When a wait is in vain: far longer than anything takes on a busy machine.
const IN_VAIN: Duration = Duration::from_secs(120);
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// When it never does; the message names `what`.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let waited = tokio::time::timeout(IN_VAIN, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// Lets time pass in which something that must not happen could.
pub async fn a_while() {
    tokio::time::sleep(Duration::from_secs(2)).await;
}
