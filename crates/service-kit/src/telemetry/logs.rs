//! Log lines, and the subscriber that everything is written to.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer, Registry};

use super::RPC_TARGET;
use crate::config::{LogFormat, TelemetryConfig};

type BoxLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The subscriber: log lines to standard error, spans and log records to the exporters there are.
pub(super) fn subscriber(
    config: &TelemetryConfig,
    traces: Option<&SdkTracerProvider>,
    logs: Option<&SdkLoggerProvider>,
) -> impl Subscriber + Send + Sync + 'static {
    let targets: Targets = config.log_filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let human = match config.log_format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let mut layers: Vec<BoxLayer> = vec![lines(human, targets.clone())];
    if let Some(traces) = traces {
        let tracer = traces.tracer("attune");
        // A call's spans are wanted whatever the lines' filter says; the exporters' own must not feed themselves.
        let layer = tracing_opentelemetry::layer().with_tracer(tracer).with_location(false).with_threads(false);
        layers.push(layer.with_filter(LevelFilter::INFO).with_filter(filter_fn(ours)).boxed());
    }
    if let Some(logs) = logs {
        layers.push(OpenTelemetryTracingBridge::new(logs).with_filter(targets).with_filter(filter_fn(ours)).boxed());
    }
    Registry::default().with(layers)
}

fn lines(human: bool, targets: Targets) -> BoxLayer {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let filter = targets.and(filter_fn(|metadata| metadata.target() != RPC_TARGET)).and(dynamic_filter_fn({
        let last = AtomicU64::new(0);
        let started = std::time::Instant::now();
        move |metadata, _| {
            let complaint = *metadata.level() <= Level::WARN;
            ours(metadata) || complaint && once_a_minute(&last, started.elapsed().as_secs())
        }
    }));
    if human {
        layer.with_ansi(std::io::stderr().is_terminal()).with_filter(filter).boxed()
    } else {
        layer.json().flatten_event(true).with_current_span(false).with_span_list(false).with_filter(filter).boxed()
    }
}

/// Whether what happens is not the exporters' own doing.
fn ours(metadata: &Metadata<'_>) -> bool {
    const EXPORTERS: [&str; 5] = ["opentelemetry", "tonic", "h2", "hyper", "tower"];
    !EXPORTERS.iter().any(|prefix| metadata.target().starts_with(prefix))
}

/// Lets one line through each minute, the first at once.
fn once_a_minute(last: &AtomicU64, elapsed_seconds: u64) -> bool {
    let now = elapsed_seconds + 60;
    last.try_update(Ordering::Relaxed, Ordering::Relaxed, |last| (now >= last + 60).then_some(now)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_come_once_a_minute() {
        let last = AtomicU64::new(0);
        let said: Vec<u64> = (0..200).filter(|second| once_a_minute(&last, *second)).collect();
        assert_eq!(said, [0, 60, 120, 180]);
    }
}
