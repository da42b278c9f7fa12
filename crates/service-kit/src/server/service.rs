//! What a service hands to the process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use attune_kernel::Problem;
use futures::future::BoxFuture;
use http::Request;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tower::Layer as _;

use crate::telemetry::{RpcLayer, RpcService};

/// Told to a background task when it must end.
pub type Stop = tokio_util::sync::CancellationToken;

type Run = Arc<dyn Fn(Stop) -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;
pub(super) type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

/// What callers in the same process call; the client crate's channel takes it.
pub type InProcess = RpcService<Routes>;

/// One service, built and not yet listening. What a service's `build` returns.
pub struct Service {
    pub(super) name: &'static str,
    pub(super) grpc_names: Vec<&'static str>,
    pub(super) routes: Routes,
    pub(super) tasks: Vec<Task>,
    pub(super) checks: Vec<(&'static str, Check)>,
    pub(super) http: Vec<Http>,
}

/// Routes on a listener of their own, without TLS and gRPC auth.
pub struct Http {
    /// Where to listen; port 0 takes any free port.
    pub listen: SocketAddr,
    /// What to serve.
    pub router: axum::Router,
}

impl Service {
    /// A service without routes; `name` is its directory's, such as `decision`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            grpc_names: Vec::new(),
            routes: Routes::default(),
            tasks: Vec::new(),
            checks: Vec::new(),
            http: Vec::new(),
        }
    }

    /// Adds a generated gRPC server. Give it `max_decoding_message_size(MAX_MESSAGE)`: the listener's own limit
    /// (`server.max_message_bytes`) answers a longer message with a reason.
    #[must_use]
    pub fn grpc<S>(mut self, server: S) -> Self
    where
        S: tower::Service<Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.grpc_names.push(S::NAME);
        self.routes = self.routes.add_service(server);
        self
    }

    /// Adds a background task.
    #[must_use]
    pub fn task(mut self, task: Task) -> Self {
        self.tasks.push(task);
        self
    }

    /// Adds a check that is made every few seconds; while it fails, health says NOT_SERVING.
    #[must_use]
    pub fn check<F, Fut>(mut self, name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        self.checks.push((name, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Adds HTTP routes on a listener of their own.
    #[must_use]
    pub fn http(mut self, listen: SocketAddr, router: axum::Router) -> Self {
        self.http.push(Http { listen, router });
        self
    }

    /// The service's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The routes for callers in the same process: with telemetry, deadlines and panics caught, without auth.
    #[must_use]
    pub fn in_process(&self) -> InProcess {
        RpcLayer::new(crate::telemetry::LONGEST).layer(self.routes.clone().prepare())
    }
}

/// A loop that runs beside the calls: a drain, a relay, a sweep.
pub struct Task {
    pub(super) name: &'static str,
    pub(super) run: Run,
}

impl Task {
    /// A task that `run` starts, again and again when it fails or panics, with a growing pause. It ends with `Ok` when
    /// `stop` is cancelled; ending earlier with `Ok` is taken as having nothing more to do.
    pub fn new<F, Fut>(name: &'static str, run: F) -> Self
    where
        F: Fn(Stop) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), Problem>> + Send + 'static,
    {
        Self { name, run: Arc::new(move |stop| Box::pin(run(stop))) }
    }
}
