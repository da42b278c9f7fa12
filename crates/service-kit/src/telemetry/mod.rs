//! Traces, metrics and logs: over OTLP as the standard `OTEL_*` variables say, log lines to standard error always.
//!
//! Without an endpoint nothing is exported, no span is built and nothing is said about it. A collector that is down costs
//! requests nothing; the exporters' own complaints are cut to one line a minute.

mod body;
mod console;
mod environment;
mod exporters;
mod finish;
mod headers;
mod logs;
mod rpc;

use std::any::Any;
use std::time::Duration;

use attune_kernel::{Code, Problem};
use futures::future::OptionFuture;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

pub use environment::{Environment, Exporter, Propagator};
pub use rpc::{RpcLayer, RpcMetrics, RpcService};

use crate::config::TelemetryConfig;

/// The target of the spans around calls. Log lines do not repeat them; without an exporter of traces they are not built.
pub const RPC_TARGET: &str = "attune::rpc";

/// A bound for calls that have no other: an hour.
pub(crate) const LONGEST: Duration = Duration::from_secs(3600);

/// The exporters of a process, to be flushed at its end.
#[derive(Default)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    flush_timeout: Duration,
}

impl Telemetry {
    /// Starts telemetry for the process: log lines, and what the variables ask for. To be called once, within the
    /// runtime; `service` is what `OTEL_SERVICE_NAME` overrides.
    ///
    /// # Errors
    /// `FAILED_PRECONDITION` when telemetry runs already or an exporter cannot be made from its settings.
    pub fn start(
        config: &TelemetryConfig,
        service: &'static str,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problem> {
        let environment = Environment::read(variables);
        let telemetry = Self::exporters(config, service, &environment)?;
        let subscriber = logs::subscriber(config, telemetry.traces.as_ref(), telemetry.logs.as_ref());
        tracing::subscriber::set_global_default(subscriber)
            .map_err(|error| Problem::new(Code::FailedPrecondition, "TELEMETRY_UNUSABLE", error.to_string()))?;
        if telemetry.traces.is_some() || telemetry.metrics.is_some() {
            opentelemetry::global::set_text_map_propagator(exporters::propagator(&environment));
        }
        if let Some(metrics) = &telemetry.metrics {
            opentelemetry::global::set_meter_provider(metrics.clone());
        }
        for warning in &environment.warnings {
            tracing::warn!(warning, "telemetry setting is not followed");
        }
        Ok(telemetry)
    }

    fn exporters(config: &TelemetryConfig, service: &'static str, environment: &Environment) -> Result<Self, Problem> {
        let resource = exporters::resource(service, environment);
        let unusable = |error: String| Problem::new(Code::FailedPrecondition, "TELEMETRY_UNUSABLE", error);
        Ok(Self {
            traces: exporters::traces(&environment.traces, &resource).map_err(unusable)?,
            metrics: exporters::metrics(&environment.metrics, &resource).map_err(unusable)?,
            logs: exporters::logs(&environment.logs, &resource).map_err(unusable)?,
            flush_timeout: config.flush_timeout,
        })
    }

    /// Sends what is left and stops. Takes at most the flush timeout.
    pub async fn shutdown(self) {
        let bound = self.flush_timeout;
        let Self { traces, metrics, logs, .. } = self;
        // The exporters block the thread that flushes them while the runtime moves the bytes: on a worker of a runtime
        // with one they would wait for themselves.
        let traces = traces.map(|traces| blocking("traces", move || traces.shutdown_with_timeout(bound)));
        let logs = logs.map(|logs| blocking("logs", move || logs.shutdown_with_timeout(bound)));
        let metrics = metrics.map(|metrics| blocking("metrics", move || metrics.shutdown_with_timeout(bound)));
        let all =
            async { tokio::join!(OptionFuture::from(traces), OptionFuture::from(logs), OptionFuture::from(metrics)) };
        if tokio::time::timeout(bound, all).await.is_err() {
            tracing::warn!(timeout = ?bound, "the last telemetry did not leave in time");
        }
    }
}

async fn blocking(
    what: &'static str,
    flush: impl FnOnce() -> opentelemetry_sdk::error::OTelSdkResult + Send + 'static,
) {
    match tokio::task::spawn_blocking(flush).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(what, %error, "the last telemetry did not leave"),
        Err(error) => tracing::error!(what, %error, "the exporter panicked"),
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned())
}
