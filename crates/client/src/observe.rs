//! What is told of a call: its span, its duration, and the trace it belongs to in its headers.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Instant;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::metrics::Histogram;
use opentelemetry::propagation::Injector;
use opentelemetry::{Context, KeyValue};
use tonic::Code;
use tracing::{Span, field};

use crate::status::code_name;

/// One RPC as a client sees it.
pub(crate) struct Method {
    /// `attune.decision.v1.DecisionService/Decide`.
    pub(crate) full_name: &'static str,
    /// Whether either side sends more than one message.
    pub(crate) streams: bool,
}

static OTHER: Method = Method { full_name: "_OTHER", streams: true };

static TABLE: LazyLock<HashMap<&'static str, Method>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for service in attune_proto::descriptor_pool().services() {
        for method in service.methods() {
            // Leaked once each: the table lives as long as the process.
            let path: &'static str = Box::leak(format!("/{}/{}", service.full_name(), method.name()).into_boxed_str());
            let streams = method.is_server_streaming() || method.is_client_streaming();
            table.insert(path, Method { full_name: &path[1..], streams });
        }
    }
    table
});

/// The method a request path names; names come from the contracts, never from a path, so that metrics stay bounded.
pub(crate) fn method(path: &str) -> &'static Method {
    TABLE.get(path).unwrap_or(&OTHER)
}

/// Writes the current context into headers.
pub(crate) fn inject(headers: &mut HeaderMap) {
    opentelemetry::global::get_text_map_propagator(|propagator| {
        Context::map_current(|context| propagator.inject_context(context, &mut Headers(headers)));
    });
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        if let (Ok(name), Ok(value)) = (key.parse::<HeaderName>(), HeaderValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

/// The instrument of calls that are made.
pub(crate) fn duration() -> Histogram<f64> {
    const BOUNDS: [f64; 17] = [
        0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    opentelemetry::global::meter("attune.rpc")
        .f64_histogram("rpc.client.call.duration")
        .with_unit("s")
        .with_description("duration of calls that are made")
        .with_boundaries(BOUNDS.to_vec())
        .build()
}

/// The span around a call; not built unless traces are exported.
pub(crate) fn span(method: &'static Method) -> Span {
    tracing::info_span!(
        target: "attune::rpc",
        "rpc",
        otel.name = method.full_name,
        otel.kind = "client",
        rpc.system.name = "grpc",
        rpc.method = method.full_name,
        rpc.response.status_code = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// Records once how a call ended. Dropped before that, the call was abandoned: CANCELLED.
pub(crate) struct Finish {
    pub(crate) started: Instant,
    method: &'static Method,
    duration: Histogram<f64>,
    span: Span,
    done: bool,
}

impl Finish {
    pub(crate) const fn new(started: Instant, method: &'static Method, duration: Histogram<f64>, span: Span) -> Self {
        Self { started, method, duration, span, done: false }
    }

    pub(crate) fn end(mut self, code: Code) {
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
        if !self.span.is_disabled() {
            self.span.record("rpc.response.status_code", name);
            if code != Code::Ok {
                self.span.record("error.type", name);
                self.span.record("otel.status_code", "ERROR");
            }
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
