//! A process that listens, and how it stops.

use std::net::SocketAddr;
use std::time::Duration;

use attune_kernel::{Code, Problem};
use tokio::task::JoinSet;

use super::Health;
use super::service::Stop;
use crate::telemetry::Telemetry;

/// The tasks that accept connections.
#[derive(Default)]
pub(super) struct Listeners {
    served: JoinSet<Result<(), (&'static str, String)>>,
    probe: JoinSet<()>,
}

impl Listeners {
    pub(super) fn spawn(
        &mut self,
        what: &'static str,
        served: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        self.served.spawn(async move { served.await.map_err(|error| (what, error)) });
    }

    pub(super) fn spawn_probe(&mut self, served: impl Future<Output = Result<(), String>> + Send + 'static) {
        self.probe.spawn(async move {
            if let Err(error) = served.await {
                tracing::error!(error, "the health listener ended");
            }
        });
    }
}

/// A server that listens. Dropping it cuts everything at once; [`stop`](Self::stop) drains.
pub struct Running {
    pub(super) address: SocketAddr,
    pub(super) health_address: Option<SocketAddr>,
    pub(super) http_addresses: Vec<(&'static str, SocketAddr)>,
    pub(super) health: Health,
    pub(super) listening: Stop,
    pub(super) listeners: Listeners,
    pub(super) stop_tasks: Stop,
    pub(super) tasks: JoinSet<()>,
    pub(super) drain_timeout: Duration,
    pub(super) task_timeout: Duration,
    pub(super) telemetry: Option<Telemetry>,
}

impl Running {
    /// Address of the gRPC listener, with the port that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of the health listener.
    #[must_use]
    pub const fn health_address(&self) -> Option<SocketAddr> {
        self.health_address
    }

    /// Addresses of the HTTP listeners with the service each belongs to.
    #[must_use]
    pub fn http_addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.http_addresses
    }

    /// What health says.
    #[must_use]
    pub const fn health(&self) -> &Health {
        &self.health
    }

    /// Serves until SIGTERM or SIGINT, then [`stop`](Self::stop)s.
    ///
    /// # Errors
    /// When a signal cannot be waited for, or a listener ended by itself.
    pub async fn until_signal(mut self) -> Result<(), Problem> {
        let signal = signal()?;
        let ended = tokio::select! {
            name = signal => {
                tracing::info!(signal = name, "stopping");
                None
            }
            Some(ended) = self.listeners.served.join_next() => Some(ended),
        };
        let failure = ended.map(|ended| match ended {
            Ok(Ok(())) => "a listener ended".to_owned(),
            Ok(Err((what, error))) => format!("the {what} listener failed: {error}"),
            Err(error) => format!("a listener panicked: {error}"),
        });
        self.stop().await;
        failure.map_or(Ok(()), |failure| Err(Problem::new(Code::Unavailable, "LISTENER_ENDED", failure)))
    }

    /// Stops: health NOT_SERVING, no new connections, the open calls get the drain timeout, the tasks theirs, then the
    /// telemetry leaves.
    pub async fn stop(mut self) {
        self.health.drain().await;
        self.listening.cancel();
        // hyper waits forever for a client that holds a silent connection, so the drain races a deadline of its own.
        let drained = async { while self.listeners.served.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain_timeout, drained).await.is_err() {
            tracing::warn!(timeout = ?self.drain_timeout, "connections are still open at the end of the drain and are cut");
            self.listeners.served.abort_all();
        }
        self.stop_tasks.cancel();
        let joined = async {
            while let Some(joined) = self.tasks.join_next().await {
                if let Err(error) = joined {
                    tracing::error!(%error, "a task's supervisor panicked");
                }
            }
        };
        if tokio::time::timeout(self.task_timeout, joined).await.is_err() {
            tracing::warn!(timeout = ?self.task_timeout, left = self.tasks.len(), "tasks did not stop and are aborted");
            self.tasks.abort_all();
        }
        self.listeners.probe.abort_all();
        tracing::info!("stopped");
        if let Some(telemetry) = self.telemetry.take() {
            telemetry.shutdown().await;
        }
    }
}

/// Waits for the first of SIGTERM and SIGINT. The handlers are installed before this returns.
fn signal() -> Result<impl Future<Output = &'static str>, Problem> {
    use tokio::signal::unix::{SignalKind, signal};
    let install =
        |kind| signal(kind).map_err(|error| Problem::internal(format!("signals cannot be waited for: {error}")));
    let (mut term, mut int) = (install(SignalKind::terminate())?, install(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = term.recv() => "SIGTERM",
            _ = int.recv() => "SIGINT",
        }
    })
}
