//! What leaves the process over OTLP, received by a collector in the test: on a runtime with one worker, where a flush
//! that blocked it would wait for itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program stops at what it does not expect"
)]

#[allow(dead_code, reason = "shared with the other test program")]
#[path = "kit/fake.rs"]
mod fake;

use std::sync::Arc;

use attune_service_kit::config::{AuthConfig, LogFormat, TelemetryConfig};
use attune_service_kit::metrics::DURATION_BOUNDS;
use attune_service_kit::server::{Server, Service};
use attune_service_kit::telemetry::{RpcMetrics, Telemetry};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use parking_lot::Mutex;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct Collector {
    traces: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
    metrics: Arc<Mutex<Vec<ExportMetricsServiceRequest>>>,
    logs: Arc<Mutex<Vec<ExportLogsServiceRequest>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.traces.lock().push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.metrics.lock().push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.logs.lock().push(request.into_inner());
        Ok(Response::new(Default::default()))
    }
}

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .add_service(MetricsServiceServer::new(collector.clone()))
            .add_service(LogsServiceServer::new(collector.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(served);
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Span> {
        let traces = self.traces.lock();
        let scopes = traces.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_last_call_is_in_the_trace_the_metrics_and_the_logs() {
    let (collector, endpoint) = Collector::start().await;
    let config = TelemetryConfig { log_format: LogFormat::Json, ..TelemetryConfig::default() };
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), endpoint),
        ("OTEL_SERVICE_NAME".to_owned(), "attune-test".to_owned()),
    ];
    let telemetry = Telemetry::start(&config, "attune", variables).unwrap();
    let service = Service::new("decision").grpc(fake::Fake::default());
    let server = Server::new(fake::config(), AuthConfig::default()).service(service).telemetry(telemetry);
    let running = server.start().await.unwrap();
    let channel = fake::channel(&running);

    let (trace, parent) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let traceparent = format!("00-{trace}-{parent}-01");
    for method in ["Simulate", "BatchDecide", "Nonsense"] {
        assert!(fake::call(channel.clone(), method, vec![]).await.is_err());
    }
    fake::call_with(channel, "Decide", vec![], &[("traceparent", &traceparent)]).await.unwrap();
    running.stop().await;

    let spans = collector.spans();
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();

    let decide = find("attune.decision.v1.DecisionService/Decide");
    assert_eq!((hex(&decide.trace_id).as_str(), hex(&decide.parent_span_id).as_str()), (trace, parent));
    assert_eq!(decide.kind, opentelemetry_proto::tonic::trace::v1::span::SpanKind::Server as i32);
    assert_eq!(text(&decide.attributes, "rpc.system.name").unwrap(), "grpc");
    assert_eq!(text(&decide.attributes, "rpc.method").unwrap(), "attune.decision.v1.DecisionService/Decide");
    assert_eq!(text(&decide.attributes, "rpc.response.status_code").unwrap(), "OK");
    assert_eq!(text(&decide.attributes, "error.type"), None);

    let simulate = find("attune.decision.v1.DecisionService/Simulate");
    assert_eq!(text(&simulate.attributes, "rpc.response.status_code").unwrap(), "NOT_FOUND", "read from the trailers");
    assert_eq!(text(&simulate.attributes, "error.type").unwrap(), "NOT_FOUND");
    assert_ne!(simulate.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    let panicked = find("attune.decision.v1.DecisionService/BatchDecide");
    assert_eq!(panicked.status.as_ref().map(|status| status.code), Some(StatusCode::Error as i32));
    assert!(spans.iter().all(|span| !span.name.contains("Nonsense")), "a caller cannot invent names");
    assert!(spans.iter().all(|span| !span.name.contains("opentelemetry")), "exporters do not trace themselves");

    let metrics = collector.metrics.lock();
    let resource = metrics[0].resource_metrics[0].resource.clone().unwrap();
    assert_eq!(text(&resource.attributes, "service.name").unwrap(), "attune-test");
    let all = metrics.iter().flat_map(|request| &request.resource_metrics).flat_map(|one| &one.scope_metrics);
    let duration = all.flat_map(|scope| &scope.metrics).find(|metric| metric.name == RpcMetrics::ALL[0].name).unwrap();
    assert_eq!(duration.unit, "s");
    let Some(Data::Histogram(histogram)) = &duration.data else { panic!("{duration:?}") };
    assert_eq!(histogram.data_points[0].explicit_bounds, DURATION_BOUNDS);
    let mut codes: Vec<(String, String)> = Vec::new();
    for point in &histogram.data_points {
        let known = RpcMetrics::ALL[0].attributes;
        assert!(point.attributes.iter().all(|attribute| known.contains(&attribute.key.as_str())), "{point:?}");
        let get = |key| text(&point.attributes, key).unwrap();
        codes.push((
            get("rpc.method").replace("attune.decision.v1.DecisionService/", ""),
            get("rpc.response.status_code"),
        ));
    }
    codes.sort();
    let expected =
        [("BatchDecide", "INTERNAL"), ("Decide", "OK"), ("Simulate", "NOT_FOUND"), ("_OTHER", "UNIMPLEMENTED")];
    assert_eq!(codes, expected.map(|(method, code)| (method.to_owned(), code.to_owned())));

    let logs = collector.logs.lock();
    let records = logs.iter().flat_map(|request| &request.resource_logs).flat_map(|one| &one.scope_logs);
    let bodies: Vec<String> = records
        .flat_map(|scope| &scope.log_records)
        .filter_map(|record| match record.body.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    assert!(bodies.iter().any(|body| body == "listening") && bodies.iter().any(|body| body == "stopped"), "{bodies:?}");
}
