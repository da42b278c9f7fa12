//! The layer that refuses who may not.

use std::task::{Context, Poll};

use attune_kernel::{Code, Problem};
use futures::future::{Either, Ready, ready};
use http::{Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};

use super::{Keys, Principal};
use crate::methods::{self, Method};
use crate::status::to_status;

/// Wraps a service so that it answers only who may call.
#[derive(Clone)]
pub struct AuthLayer(Keys);

impl AuthLayer {
    /// A layer that knows these keys.
    #[must_use]
    pub const fn new(keys: Keys) -> Self {
        Self(keys)
    }
}

impl std::fmt::Debug for AuthLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AuthLayer")
    }
}

impl<S> Layer<S> for AuthLayer {
    type Service = AuthService<S>;

    fn layer(&self, inner: S) -> AuthService<S> {
        AuthService { inner, keys: self.0.clone() }
    }
}

/// See [`AuthLayer`].
#[derive(Clone)]
pub struct AuthService<S> {
    inner: S,
    keys: Keys,
}

impl<S> AuthService<S> {
    fn admit<B>(&self, request: &Request<B>, method: &Method) -> Result<Option<Principal>, Problem> {
        let Some(scope) = method.scope else { return Ok(None) };
        let principal = match request.headers().get(http::header::AUTHORIZATION) {
            Some(header) => header
                .to_str()
                .ok()
                .and_then(|value| value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("bearer ")))
                .and_then(|key| self.keys.find(key.trim()))
                .ok_or_else(|| {
                    Problem::new(Code::Unauthenticated, "AUTH_INVALID", "the authorization header holds no known key")
                })?,
            None if has_certificate(request) => self.keys.certificate(),
            None => {
                let message = "this call needs an API key: authorization: Bearer <key>";
                return Err(Problem::new(Code::Unauthenticated, "AUTH_REQUIRED", message));
            }
        };
        if principal.may(scope) {
            return Ok(Some(principal.clone()));
        }
        let message = "the caller lacks the scope that this call needs";
        Err(Problem::new(Code::PermissionDenied, "SCOPE_MISSING", message)
            .with("scope", scope)
            .with("method", method.full_name))
    }
}

/// Whether the connection came with a client certificate, which the TLS acceptor has verified.
fn has_certificate<B>(request: &Request<B>) -> bool {
    use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};
    request.extensions().get::<TlsConnectInfo<TcpConnectInfo>>().is_some_and(|info| info.peer_certs().is_some())
}

impl<S, B> Service<Request<B>> for AuthService<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.admit(&request, methods::by_path(request.uri().path())) {
            Ok(principal) => {
                if let Some(principal) = principal {
                    request.extensions_mut().insert(principal);
                }
                Either::Left(self.inner.call(request))
            }
            Err(problem) => Either::Right(ready(Ok(to_status(problem).into_http()))),
        }
    }
}
