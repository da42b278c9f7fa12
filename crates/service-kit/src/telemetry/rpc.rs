//! The layer around every call that is served: deadline, trace context, span, duration, panics.

use std::panic::AssertUnwindSafe;
use std::task::{Context as Poller, Poll};
use std::time::{Duration, Instant};

use attune_kernel::{Code as ProblemCode, Deadline, Problem};
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument as _, Span, field};

use super::RPC_TARGET;
use super::body::{Observed, code_in, complete};
use super::finish::Finish;
use super::headers::Headers;
use crate::methods::{self, Method};
use crate::metrics::Histogram;
use crate::status::to_status;

crate::instruments! {
    /// The instruments of served calls.
    pub struct RpcMetrics("attune.rpc") {
        /// How long calls take, from the request's headers to the answer's last byte.
        duration: Histogram("rpc.server.call.duration", "s", "duration of served calls", ["rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"]),
    }
}

/// Wraps a service so that each call has a deadline, belongs to the caller's trace, is measured, and answers INTERNAL
/// when its handler panics. To be made after telemetry has started.
#[derive(Clone)]
pub struct RpcLayer {
    limit: Duration,
    metrics: RpcMetrics,
}

impl RpcLayer {
    /// A layer that gives a call at most `limit` to begin its answer; a shorter deadline of the caller wins.
    #[must_use]
    pub fn new(limit: Duration) -> Self {
        Self { limit, metrics: RpcMetrics::new() }
    }
}

impl<S> Layer<S> for RpcLayer {
    type Service = RpcService<S>;

    fn layer(&self, inner: S) -> RpcService<S> {
        RpcService { inner, limit: self.limit, duration: self.metrics.duration.clone() }
    }
}

/// See [`RpcLayer`].
#[derive(Clone)]
pub struct RpcService<S> {
    inner: S,
    limit: Duration,
    duration: Histogram,
}

impl<S, B, R> Service<Request<B>> for RpcService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<tonic::codegen::StdError>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Poller<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let started = Instant::now();
        let method = methods::by_path(request.uri().path());
        // In one process the caller's context is current; over a connection it is in the headers.
        let caller = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract_with_context(&Context::current(), &Headers(request.headers()))
        });
        let asked = asked_for(request.headers()).map(|budget| Deadline::after(started, budget));
        // The answer's stream may outlast the limit, but not the caller's patience.
        let stream_context = asked.map_or_else(|| caller.clone(), |deadline| caller.with_value(deadline));
        let limit = Deadline::after(started, self.limit);
        let deadline = [asked, caller.get::<Deadline>().copied()].into_iter().flatten().fold(limit, Deadline::min);
        let context = caller.with_value(deadline);

        let attached = context.clone().attach();
        let span = span(method);
        let called = {
            let _entered = span.enter();
            self.inner.call(request)
        };
        drop(attached);
        let end = Finish::new(started, method, self.duration.clone(), span.clone());
        let answered = {
            let span = span.clone();
            async move {
                let until = tokio::time::Instant::from_std(deadline.instant() - margin(deadline.remaining(started)));
                match tokio::time::timeout_at(until, AssertUnwindSafe(called).catch_unwind()).await {
                    Ok(Ok(Ok(response))) => Ok(observed(response, end, span, stream_context)),
                    Ok(Ok(Err(error))) => {
                        end.end(Code::Unknown);
                        Err(error)
                    }
                    Ok(Err(panic)) => Ok(answer(end, panicked(method, &*panic))),
                    Err(_) => Ok(answer(end, too_late())),
                }
            }
        };
        Box::pin(answered.instrument(span).with_context(context))
    }
}

fn span(method: &'static Method) -> Span {
    tracing::info_span!(
        target: RPC_TARGET,
        "rpc",
        otel.name = method.full_name,
        otel.kind = "server",
        rpc.system.name = "grpc",
        rpc.method = method.full_name,
        rpc.response.status_code = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

fn asked_for(headers: &HeaderMap) -> Option<Duration> {
    headers.get("grpc-timeout")?.to_str().ok().and_then(Deadline::parse_timeout)
}

/// A status in the headers ends the call now; otherwise its trailers will.
fn observed<R>(response: Response<R>, end: Finish, span: Span, context: Context) -> Response<Body>
where
    R: http_body::Body<Data = Bytes> + Send + 'static,
    R::Error: Into<tonic::codegen::StdError>,
{
    let (mut parts, body) = response.into_parts();
    if let Some(code) = code_in(&parts.headers) {
        complete(&mut parts.headers);
        end.end(code_in(&parts.headers).unwrap_or(code));
        return Response::from_parts(parts, Body::new(body));
    }
    Response::from_parts(parts, Body::new(Observed::new(Body::new(body), end, span, context)))
}

fn answer(end: Finish, status: Status) -> Response<Body> {
    end.end(status.code());
    status.into_http()
}

fn panicked(method: &Method, panic: &(dyn std::any::Any + Send)) -> Status {
    to_status(Problem::internal(format!("{} panicked: {}", method.full_name, super::panic_text(panic))))
}

/// How long before the deadline a call is given up, so that the caller still reads why. tonic's own timer, which answers
/// CANCELLED without a reason, runs to the deadline itself; timers count in milliseconds.
fn margin(budget: Duration) -> Duration {
    (budget / 10).min(Duration::from_millis(3))
}

fn too_late() -> Status {
    let message = "the time allowed for the call ran out";
    to_status(Problem::new(ProblemCode::DeadlineExceeded, "DEADLINE_EXCEEDED", message))
}
