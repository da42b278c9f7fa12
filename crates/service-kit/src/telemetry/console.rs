//! Exporters to standard error, for a look without a collector.

use std::io::Write as _;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::Temporality;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// One line a span.
#[derive(Debug)]
pub(super) struct ConsoleSpans;

impl SpanExporter for ConsoleSpans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut out = std::io::stderr().lock();
        for span in batch {
            let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
            let context = &span.span_context;
            // A closed standard error is no reason to fail a request.
            let _ = writeln!(
                out,
                "span {} trace={} id={} took={took:?} status={:?}",
                span.name,
                context.trace_id(),
                context.span_id(),
                span.status
            );
        }
        Ok(())
    }
}

/// One line a metric.
#[derive(Debug)]
pub(super) struct ConsoleMetrics;

impl PushMetricExporter for ConsoleMetrics {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut out = std::io::stderr().lock();
        for metric in metrics.scope_metrics().flat_map(|scope| scope.metrics()) {
            let _ = writeln!(out, "metric {} {:?}", metric.name(), metric.data());
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
