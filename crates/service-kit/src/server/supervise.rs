//! Keeping background tasks running.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use attune_kernel::Problem;
use futures::FutureExt as _;

use super::Health;
use super::service::{Check, Stop, Task};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A task that ran this long before it failed starts again with the first pause.
const STABLE: Duration = Duration::from_secs(60);
const CHECK_EVERY: Duration = Duration::from_secs(5);
const CHECK_BOUND: Duration = Duration::from_secs(3);

/// Runs a task until it ends or `stop` is cancelled; health says so while it is down.
pub(super) async fn supervise(service: &'static str, task: Task, health: Health, stop: Stop) {
    let mut pause = FIRST_PAUSE;
    loop {
        let started = tokio::time::Instant::now();
        let run = AssertUnwindSafe(async { (task.run)(stop.child_token()).await }).catch_unwind();
        // A task that runs is up: it is down only between a failure and its next start.
        health.set(service, task.name, true).await;
        let failure = match run.await {
            Ok(Ok(())) => return,
            Ok(Err(problem)) => problem.to_string(),
            Err(panic) => format!("panicked: {}", crate::telemetry::panic_text(&*panic)),
        };
        if stop.is_cancelled() {
            tracing::warn!(service, task = task.name, failure, "task failed while it was told to stop");
            return;
        }
        if started.elapsed() >= STABLE {
            pause = FIRST_PAUSE;
        }
        tracing::error!(service, task = task.name, failure, restart_in = ?pause, "task failed");
        health.set(service, task.name, false).await;
        tokio::select! {
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            () = stop.cancelled() => return,
        }
    }
}

/// Makes a check now and then; health says NOT_SERVING while it fails.
pub(super) async fn watch(service: &'static str, name: &'static str, check: Check, health: Health, stop: Stop) {
    let mut was_up = true;
    loop {
        let bounded = tokio::time::timeout(CHECK_BOUND, AssertUnwindSafe(async { check().await }).catch_unwind());
        let result = match bounded.await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Problem::internal(crate::telemetry::panic_text(&*panic))),
            Err(_) => Err(Problem::dependency(name, "the check took too long")),
        };
        let up = result.is_ok();
        match result {
            Err(problem) if was_up => tracing::warn!(service, check = name, %problem, "check failed"),
            Ok(()) if !was_up => tracing::info!(service, check = name, "check passed again"),
            _ => {}
        }
        was_up = up;
        health.set(service, name, up).await;
        tokio::select! {
            () = tokio::time::sleep(CHECK_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
