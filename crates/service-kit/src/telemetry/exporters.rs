//! Making the exporters.

use opentelemetry::KeyValue;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry_otlp::{ExporterBuildError, LogExporter, MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::console::{ConsoleMetrics, ConsoleSpans};
use super::environment::{Environment, Exporter, Propagator};

/// What the process says it is.
pub(super) fn resource(service: &'static str, environment: &Environment) -> Resource {
    let name = environment.service_name.clone().unwrap_or_else(|| service.to_owned());
    Resource::builder()
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.namespace", "attune"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

/// How the context of a call travels.
pub(super) fn propagator(environment: &Environment) -> TextMapCompositePropagator {
    let propagators = environment.propagators.iter().map(|propagator| match propagator {
        Propagator::TraceContext => Box::new(TraceContextPropagator::new()) as Box<dyn TextMapPropagator + Send + Sync>,
        Propagator::Baggage => Box::new(BaggagePropagator::new()),
    });
    TextMapCompositePropagator::new(propagators.collect())
}

pub(super) fn traces(exporter: &Exporter, resource: &Resource) -> Result<Option<SdkTracerProvider>, String> {
    let builder = SdkTracerProvider::builder().with_resource(resource.clone());
    Ok(match exporter {
        Exporter::None => None,
        Exporter::Console => Some(builder.with_simple_exporter(ConsoleSpans).build()),
        Exporter::Otlp { endpoint } => {
            let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(unusable)?;
            Some(builder.with_batch_exporter(exporter).build())
        }
    })
}

pub(super) fn metrics(exporter: &Exporter, resource: &Resource) -> Result<Option<SdkMeterProvider>, String> {
    let builder = SdkMeterProvider::builder().with_resource(resource.clone());
    Ok(match exporter {
        Exporter::None => None,
        Exporter::Console => Some(builder.with_periodic_exporter(ConsoleMetrics).build()),
        Exporter::Otlp { endpoint } => {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(unusable)?;
            Some(builder.with_periodic_exporter(exporter).build())
        }
    })
}

/// On the console log lines are anyway.
pub(super) fn logs(exporter: &Exporter, resource: &Resource) -> Result<Option<SdkLoggerProvider>, String> {
    Ok(match exporter {
        Exporter::None | Exporter::Console => None,
        Exporter::Otlp { endpoint } => {
            let exporter = LogExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(unusable)?;
            Some(SdkLoggerProvider::builder().with_resource(resource.clone()).with_batch_exporter(exporter).build())
        }
    })
}

fn unusable(error: ExporterBuildError) -> String {
    format!("the exporter cannot be made: {error}")
}
