//! The answer of a call on its way to the caller: its deadline holds to the last byte, and its end is recorded.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use attune_kernel::Deadline;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::observe::Finish;
use crate::status::too_late;

/// The status in headers or trailers; `None` when there is none.
pub(crate) fn code_in(headers: &HeaderMap) -> Option<Code> {
    headers.get("grpc-status").map(|value| Code::from_bytes(value.as_bytes()))
}

pub(crate) struct Answer {
    inner: Body,
    finish: Option<Finish>,
    deadline: Option<Deadline>,
    // Made when the body is first found waiting: an answer that is complete needs no timer.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    pub(crate) const fn new(inner: Body, finish: Finish, deadline: Option<Deadline>) -> Self {
        Self { inner, finish: Some(finish), deadline, timer: None }
    }

    fn ended(&mut self, code: Code) {
        if let Some(finish) = self.finish.take() {
            finish.end(code);
        }
    }

    /// Whether the deadline has passed; otherwise its timer wakes the reader.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline else { return false };
        if deadline.remaining(Instant::now()).is_zero() {
            return true;
        }
        let until = deadline.instant();
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
        timer.as_mut().poll(cx).is_ready()
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.finish.is_none() {
            // The call has ended; what may follow is the end of the body.
            return Pin::new(&mut this.inner).poll_frame(cx);
        }
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if polled.is_pending() && this.is_late(cx) {
            this.ended(Code::DeadlineExceeded);
            this.inner = Body::empty();
            return Poll::Ready(Some(Err(too_late())));
        }
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let code = code_in(trailers).unwrap_or(Code::Unknown);
                    this.ended(code);
                }
            }
            Some(Err(status)) => this.ended(status.code()),
            None => this.ended(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
