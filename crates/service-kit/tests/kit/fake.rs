//! A service that answers as its method's name says, and a client for it.

use std::convert::Infallible;
use std::task::{Context, Poll};

use attune_kernel::Deadline;
use attune_service_kit::config::{AuthConfig, ServerConfig};
use attune_service_kit::server::{Running, Server, Service};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};

pub(crate) const SERVICE: &str = "attune.decision.v1.DecisionService";

/// What the handlers of [`Fake`] tell the test, and wait for.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// A call is being served.
    pub(crate) called: std::sync::Arc<tokio::sync::Notify>,
    /// The call may answer.
    pub(crate) answer: std::sync::Arc<tokio::sync::Notify>,
}

#[derive(Clone, Default)]
pub(crate) struct Fake(pub(crate) Signals);

impl tonic::server::NamedService for Fake {
    const NAME: &'static str = SERVICE;
}

impl tower::Service<Request<Body>> for Fake {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let signals = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            Ok(match parts.uri.path().rsplit('/').next().unwrap_or_default() {
                "Decide" => {
                    if let Err(status) = body.collect().await {
                        return Ok(status.into_http());
                    }
                    unary(None)
                }
                "GetOffer" => {
                    signals.called.notify_one();
                    signals.answer.notified().await;
                    unary(None)
                }
                "BatchDecide" => panic!("a handler that panics"),
                "Explain" => {
                    std::future::pending::<()>().await;
                    unary(None)
                }
                "Simulate" => unary(Some(Status::not_found("in the trailers"))),
                // Answers with what is left of its deadline, in the trailers.
                "RecordResponse" => {
                    let deadline = opentelemetry::Context::map_current(|cx| cx.get::<Deadline>().copied());
                    let left = deadline.map(|deadline| deadline.remaining(std::time::Instant::now()).as_millis());
                    unary(Some(Status::aborted(format!("{left:?}"))))
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

/// An empty message, then the status in trailers.
fn unary(status: Option<Status>) -> Response<Body> {
    let mut trailers = HeaderMap::new();
    match status {
        Some(status) => status.add_header(&mut trailers).unwrap(),
        None => {
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
        }
    }
    let frames: [Result<_, Status>; 2] = [Ok(Frame::data(Bytes::from_static(&[0; 5]))), Ok(Frame::trailers(trailers))];
    let body = Body::new(StreamBody::new(futures::stream::iter(frames)));
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    response
}

/// A configuration that listens on any free port of loopback.
pub(crate) fn config() -> ServerConfig {
    ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..ServerConfig::default() }
}

/// The fake, listening.
pub(crate) async fn start(config: ServerConfig, auth: AuthConfig) -> (Running, Signals) {
    let signals = Signals::default();
    let service = Service::new("decision").grpc(Fake(signals.clone()));
    (Server::new(config, auth).service(service).start().await.unwrap(), signals)
}

pub(crate) fn channel(running: &Running) -> Channel {
    Endpoint::from_shared(format!("http://{}", running.address())).unwrap().connect_lazy()
}

/// Calls a method of the fake with a message of `bytes` bytes.
pub(crate) async fn call(channel: Channel, method: &str, message: Vec<u8>) -> Result<(), Status> {
    call_with(channel, method, message, &[]).await
}

pub(crate) async fn call_with(
    channel: Channel,
    method: &str,
    message: Vec<u8>,
    headers: &[(&'static str, &str)],
) -> Result<(), Status> {
    let path = if method.starts_with('/') { method.to_owned() } else { format!("/{SERVICE}/{method}") };
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    // `bytes` is field 1 of a message whose only field it is.
    let mut request = tonic::Request::new(message);
    for (name, value) in headers {
        request.metadata_mut().insert(*name, value.parse().unwrap());
    }
    let codec = tonic_prost::ProstCodec::<Vec<u8>, ()>::default();
    grpc.unary(request, path.parse().unwrap(), codec).await.map(|_| ())
}

/// The reason in a status, and that there is exactly one.
pub(crate) fn reason(status: &Status) -> String {
    use tonic_types::{ErrorDetail, StatusExt as _};
    let details = status.get_error_details_vec();
    let reasons: Vec<String> = details
        .into_iter()
        .filter_map(|detail| match detail {
            ErrorDetail::ErrorInfo(info) => Some(info.reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons.len(), 1, "{status:?}");
    reasons.concat()
}
