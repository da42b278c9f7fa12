//! What a generated client calls through.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::{Duration, Instant};

use attune_kernel::Deadline;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use opentelemetry::metrics::Histogram;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};
use tracing::Instrument as _;

use crate::body::{Answer, code_in};
use crate::deadline;
use crate::observe::{self, Finish};
use crate::remote::{self, InvalidAddress, Options};
use crate::status::{too_late, unreachable};

/// A service in the same process or behind addresses; callers see one type. Clones share the connections.
///
/// Every call carries the trace it belongs to and what is left of its deadline, which is enforced here as well; is
/// measured; and has a span when traces are exported.
#[derive(Clone)]
pub struct Channel {
    transport: Transport,
    budget: Duration,
    authorization: Option<HeaderValue>,
    duration: Histogram<f64>,
}

type Handler = dyn Fn(Request<Body>) -> BoxFuture<'static, Result<Response<Body>, Infallible>> + Send + Sync;

#[derive(Clone)]
enum Transport {
    InProcess(Arc<Handler>),
    Remote(tonic::transport::Channel),
}

impl Channel {
    /// Calls a service of this process: messages are encoded and decoded, no socket is used, the handler runs on the
    /// caller's task and is dropped with it. `service` is what the service kit's `Service::in_process` answers, or bare
    /// [`tonic::service::Routes`].
    pub fn in_process<S>(service: S, options: &Options) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        // Routes and the layers around them are ready at any time.
        let handler = move |request| -> BoxFuture<'static, _> { Box::pin(service.clone().call(request)) };
        Self::new(Transport::InProcess(Arc::new(handler)), None, options)
    }

    /// Calls a service behind addresses (`http://host:port`, `https://host:port`); several are balanced. Connects with
    /// the first call and again when a connection is lost. To be called within the runtime.
    ///
    /// # Errors
    /// When there is no address, or one is not an address, or `https` without a CA.
    pub fn remote<A: AsRef<str>>(
        addresses: impl IntoIterator<Item = A>,
        options: &Options,
    ) -> Result<Self, InvalidAddress> {
        let authorization = remote::authorization(options)?;
        Ok(Self::new(Transport::Remote(remote::connect(addresses, options)?), authorization, options))
    }

    fn new(transport: Transport, authorization: Option<HeaderValue>, options: &Options) -> Self {
        Self { transport, budget: options.deadline, authorization, duration: observe::duration() }
    }

    /// Whether the service is in the same process.
    #[must_use]
    pub const fn is_in_process(&self) -> bool {
        matches!(self.transport, Transport::InProcess(_))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_in_process() { "Channel(in process)" } else { "Channel(remote)" })
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, _: &mut Poller<'_>) -> Poll<Result<(), Status>> {
        // A remote's readiness is waited for within the call's deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let started = Instant::now();
        let method = observe::method(request.uri().path());
        let asked = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok());
        let asked = asked.and_then(Deadline::parse_timeout);
        // A stream without a deadline of its own may last.
        let otherwise = (!method.streams).then_some(self.budget);
        let deadline = deadline::of_call(started, asked, otherwise);

        let span = observe::span(method);
        let finish = Finish::new(started, method, self.duration.clone(), span.clone());
        {
            let _entered = span.enter();
            observe::inject(request.headers_mut());
        }
        if let Some(authorization) = &self.authorization {
            request.headers_mut().entry(http::header::AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        if let Some(deadline) = deadline {
            let left = deadline.remaining(started);
            if left.is_zero() {
                finish.end(Code::DeadlineExceeded);
                return Box::pin(std::future::ready(Err(too_late())));
            }
            if let Ok(value) = HeaderValue::try_from(Deadline::format_timeout(left)) {
                request.headers_mut().insert("grpc-timeout", value);
            }
        }
        match &self.transport {
            Transport::InProcess(handler) => {
                let called = {
                    let _entered = span.enter();
                    handler(request)
                };
                let answered = async move { called.await.map_err(|never| match never {}) };
                Box::pin(bounded(answered, finish, deadline).instrument(span))
            }
            Transport::Remote(remote) => {
                let mut remote = remote.clone();
                let answered = async move {
                    let ready = remote.ready().await.map_err(|error| unreachable(&error))?;
                    ready.call(request).await.map_err(from_transport)
                };
                Box::pin(bounded(answered, finish, deadline).instrument(span))
            }
        }
    }
}

/// What the transport reports: a status that the peer's HTTP/2 layer meant, or that there was nobody.
fn from_transport(error: tonic::transport::Error) -> Status {
    let text = unreachable(&error);
    let status = Status::from_error(Box::new(error));
    if matches!(status.code(), Code::Unknown | Code::Unavailable) { text } else { status }
}

/// Waits for an answer no longer than the deadline.
async fn bounded(
    answered: impl Future<Output = Result<Response<Body>, Status>>,
    finish: Finish,
    deadline: Option<Deadline>,
) -> Result<Response<Body>, Status> {
    let result = match deadline {
        Some(deadline) => match tokio::time::timeout_at(deadline.instant().into(), answered).await {
            Ok(result) => result,
            Err(_) => Err(too_late()),
        },
        None => answered.await,
    };
    let result = match result {
        // tonic's own timers, here and at the server, call a deadline that has passed a cancellation.
        Err(status) if status.code() == Code::Cancelled && has_passed(deadline) => Err(too_late()),
        Ok(response) if code_in(response.headers()) == Some(Code::Cancelled) && has_passed(deadline) => Err(too_late()),
        result => result,
    };
    match result {
        Ok(response) => {
            let (parts, body) = response.into_parts();
            let body = match code_in(&parts.headers) {
                Some(code) => {
                    finish.end(code);
                    body
                }
                None => Body::new(Answer::new(body, finish, deadline)),
            };
            Ok(Response::from_parts(parts, body))
        }
        Err(status) => {
            finish.end(status.code());
            Err(status)
        }
    }
}

fn has_passed(deadline: Option<Deadline>) -> bool {
    // A timer that counts in milliseconds may ring a little early.
    deadline.is_some_and(|deadline| deadline.remaining(Instant::now()) <= Duration::from_millis(1))
}
