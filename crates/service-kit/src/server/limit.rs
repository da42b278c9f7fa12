//! The longest message a caller may send.
//!
//! tonic has such a limit in each generated server, but its answer carries no reason; this one reads the length that
//! stands before each gRPC message, so that a message too long is refused before its bytes arrive.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use attune_kernel::{Code, Problem};
use bytes::{Buf, Bytes};
use http::Request;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::status::to_status;

/// Refuses messages longer than a number of bytes with `RESOURCE_EXHAUSTED` `MESSAGE_TOO_LARGE`.
#[derive(Debug, Clone, Copy)]
pub struct LimitLayer(usize);

impl LimitLayer {
    /// A layer with this limit.
    #[must_use]
    pub const fn new(max_message_bytes: usize) -> Self {
        Self(max_message_bytes)
    }
}

impl<S> Layer<S> for LimitLayer {
    type Service = LimitService<S>;

    fn layer(&self, inner: S) -> LimitService<S> {
        LimitService { inner, limit: self.0 }
    }
}

/// See [`LimitLayer`].
#[derive(Debug, Clone)]
pub struct LimitService<S> {
    inner: S,
    limit: usize,
}

impl<S, B> Service<Request<B>> for LimitService<S>
where
    S: Service<Request<Body>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tonic::codegen::StdError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let limit = self.limit;
        self.inner
            .call(request.map(|body| Body::new(Limited { inner: Body::new(body), prefix: Prefix::default(), limit })))
    }
}

struct Limited {
    inner: Body,
    prefix: Prefix,
    limit: usize,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
            && let Some(length) = self.prefix.longest(data)
            && length > self.limit
        {
            let problem = Problem::new(Code::ResourceExhausted, "MESSAGE_TOO_LARGE", "the message is too long")
                .with("limitBytes", self.limit.to_string())
                .with("messageBytes", length.to_string());
            return Poll::Ready(Some(Err(to_status(problem))));
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

/// Follows the framing of gRPC through a body: a flag byte, four bytes of length, that many bytes.
#[derive(Default)]
struct Prefix {
    head: [u8; 5],
    have: usize,
    skip: usize,
}

impl Prefix {
    /// The longest length among the messages that begin in this chunk.
    fn longest(&mut self, chunk: &Bytes) -> Option<usize> {
        let mut rest = chunk.as_ref();
        let mut longest = None;
        while rest.has_remaining() {
            let skipped = self.skip.min(rest.len());
            rest.advance(skipped);
            self.skip -= skipped;
            if self.skip > 0 || rest.is_empty() {
                break;
            }
            let taken = (5 - self.have).min(rest.len());
            self.head[self.have..self.have + taken].copy_from_slice(&rest[..taken]);
            rest.advance(taken);
            self.have += taken;
            if self.have == 5 {
                let length = u32::from_be_bytes([self.head[1], self.head[2], self.head[3], self.head[4]]) as usize;
                longest = longest.max(Some(length));
                self.skip = length;
                self.have = 0;
            }
        }
        longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_found_however_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        for length in [0_u8, 7, 3] {
            bytes.extend([0, 0, 0, 0, length]);
            bytes.extend(vec![0xff; usize::from(length)]);
        }
        for size in 1..=bytes.len() {
            let mut prefix = Prefix::default();
            let longest = bytes.chunks(size).filter_map(|cut| prefix.longest(&Bytes::copy_from_slice(cut))).max();
            assert_eq!(longest, Some(7), "cut into {size}");
        }
    }
}
