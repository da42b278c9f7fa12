//! What is recorded when a call ends.

use std::time::Instant;

use tonic::Code;
use tracing::Span;

use crate::methods::Method;
use crate::metrics::{Histogram, KeyValue};
use crate::status::code_name;

/// Records once how a call ended. Dropped before that, the call was abandoned: CANCELLED.
pub(super) struct Finish {
    started: Instant,
    method: &'static Method,
    duration: Histogram,
    span: Span,
    done: bool,
}

impl Finish {
    pub(super) const fn new(started: Instant, method: &'static Method, duration: Histogram, span: Span) -> Self {
        Self { started, method, duration, span, done: false }
    }

    /// The call ended with this code.
    pub(super) fn end(mut self, code: Code) {
        self.record(code);
    }

    fn record(&mut self, code: Code) {
        self.done = true;
        let name = code_name(code);
        let attributes = [
            KeyValue::new("rpc.system.name", "grpc"),
            KeyValue::new("rpc.method", self.method.full_name),
            KeyValue::new("rpc.response.status_code", name),
            KeyValue::new("error.type", name),
        ];
        let attributes = if code == Code::Ok { &attributes[..3] } else { &attributes[..] };
        self.duration.record(self.started.elapsed().as_secs_f64(), attributes);
        if self.span.is_disabled() {
            return;
        }
        self.span.record("rpc.response.status_code", name);
        if code != Code::Ok {
            self.span.record("error.type", name);
        }
        // The caller's own mistakes are no errors of the server.
        let ours = matches!(
            code,
            Code::Unknown
                | Code::DeadlineExceeded
                | Code::Unimplemented
                | Code::Internal
                | Code::Unavailable
                | Code::DataLoss
        );
        if ours {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Finish {
    fn drop(&mut self) {
        if !self.done {
            self.record(Code::Cancelled);
        }
    }
}
