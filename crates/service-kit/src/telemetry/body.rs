//! The end of a call, read from the trailers of its answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Span;

use super::finish::Finish;
use crate::status::completed;

/// Passes a body on and tells how it ended: the status in the trailers, or CANCELLED when nobody read on.
pub(super) struct Observed {
    inner: Body,
    end: Option<Finish>,
    span: Span,
    context: opentelemetry::Context,
}

impl Observed {
    pub(super) const fn new(inner: Body, end: Finish, span: Span, context: opentelemetry::Context) -> Self {
        Self { inner, end: Some(end), span, context }
    }

    fn ended(&mut self, code: Code) {
        if let Some(end) = self.end.take() {
            end.end(code);
        }
    }
}

/// The status in headers or trailers; `None` when there is none.
pub(super) fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

/// Gives a status without details its `ErrorInfo`.
pub(super) fn complete(headers: &mut HeaderMap) {
    if headers.contains_key("grpc-status-details-bin") {
        return;
    }
    if let Some(status) = Status::from_header_map(headers).filter(|status| status.code() != Code::Ok) {
        // The names that `add_header` writes; everything else in the map stays.
        headers.remove("grpc-message");
        let _ = completed(status).add_header(headers);
    }
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        let polled = {
            let _attached = this.context.clone().attach();
            let _entered = this.span.enter();
            Pin::new(&mut this.inner).poll_frame(cx)
        };
        let frame = match ready!(polled) {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    complete(trailers);
                    let code = code_in(trailers).unwrap_or(Code::Unknown);
                    this.ended(code);
                }
                Some(Ok(frame))
            }
            Some(Err(status)) => {
                this.ended(status.code());
                Some(Err(status))
            }
            None => {
                this.ended(Code::Unknown);
                None
            }
        };
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
