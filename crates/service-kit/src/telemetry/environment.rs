//! The standard `OTEL_*` variables that the SDK does not follow itself.

use std::collections::HashMap;

/// What the variables ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Where traces go.
    pub traces: Exporter,
    /// Where metrics go.
    pub metrics: Exporter,
    /// Where logs go.
    pub logs: Exporter,
    /// How the context of a call travels, in order.
    pub propagators: Vec<Propagator>,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<String>,
    /// Settings that are not followed, for one log line each.
    pub warnings: Vec<String>,
}

/// Where a signal goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exporter {
    /// Nowhere.
    None,
    /// To a collector, over OTLP/gRPC.
    Otlp {
        /// Its address.
        endpoint: String,
    },
    /// To standard error.
    Console,
}

/// How the context of a call travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// W3C Trace Context.
    TraceContext,
    /// W3C Baggage.
    Baggage,
}

impl Environment {
    /// Reads the variables. Without an endpoint nothing is exported, unless an exporter is asked for by name.
    pub fn read(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        // An empty variable counts as unset, as the specification says.
        let variables: HashMap<String, String> = variables
            .into_iter()
            .filter(|(name, value)| name.starts_with("OTEL_") && !value.trim().is_empty())
            .map(|(name, value)| (name, value.trim().to_owned()))
            .collect();
        let mut warnings = Vec::new();
        let disabled = variables.get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mut exporter = |signal: &str| {
            if disabled { Exporter::None } else { exporter(&variables, signal, &mut warnings) }
        };
        let (traces, metrics, logs) = (exporter("TRACES"), exporter("METRICS"), exporter("LOGS"));
        let propagators = propagators(variables.get("OTEL_PROPAGATORS"), &mut warnings);
        let service_name = variables.get("OTEL_SERVICE_NAME").cloned();
        Self { traces, metrics, logs, propagators, service_name, warnings }
    }
}

fn exporter(variables: &HashMap<String, String>, signal: &str, warnings: &mut Vec<String>) -> Exporter {
    let of_signal = |what: &str| {
        variables
            .get(&format!("OTEL_EXPORTER_OTLP_{signal}_{what}"))
            .or_else(|| variables.get(&format!("OTEL_EXPORTER_OTLP_{what}")))
    };
    let endpoint = of_signal("ENDPOINT");
    let named = variables.get(&format!("OTEL_{signal}_EXPORTER")).map(|name| name.to_ascii_lowercase());
    match (named.as_deref(), endpoint) {
        (Some("none"), _) | (None, None) => Exporter::None,
        (Some("console"), _) => Exporter::Console,
        (Some("otlp") | None, endpoint) => {
            if let Some(protocol) = of_signal("PROTOCOL").filter(|protocol| *protocol != "grpc") {
                let named = protocol.chars().take(32).collect::<String>();
                warnings.push(format!(
                    "OTEL_EXPORTER_OTLP_PROTOCOL={named}: only grpc is spoken, no {signal} are exported"
                ));
                return Exporter::None;
            }
            Exporter::Otlp { endpoint: endpoint.map_or_else(|| "http://localhost:4317".to_owned(), Clone::clone) }
        }
        (Some(other), _) => {
            let named = other.chars().take(32).collect::<String>();
            warnings.push(format!("OTEL_{signal}_EXPORTER={named}: use otlp, console or none"));
            Exporter::None
        }
    }
}

fn propagators(value: Option<&String>, warnings: &mut Vec<String>) -> Vec<Propagator> {
    let Some(value) = value else { return vec![Propagator::TraceContext, Propagator::Baggage] };
    let mut propagators = Vec::new();
    for name in value.split(',').map(str::trim) {
        match name.to_ascii_lowercase().as_str() {
            "tracecontext" => propagators.push(Propagator::TraceContext),
            "baggage" => propagators.push(Propagator::Baggage),
            "none" | "" => {}
            _ => {
                let named = name.chars().take(32).collect::<String>();
                warnings.push(format!("OTEL_PROPAGATORS={named}: use tracecontext, baggage or none"));
            }
        }
    }
    propagators.dedup();
    propagators
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn otlp(endpoint: &str) -> Exporter {
        Exporter::Otlp { endpoint: endpoint.to_owned() }
    }

    #[test]
    fn nothing_is_exported_without_an_endpoint() {
        let environment = read(&[("PATH", "/bin"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]);
        assert_eq!([&environment.traces, &environment.metrics, &environment.logs], [&Exporter::None; 3]);
        assert_eq!(environment.propagators, [Propagator::TraceContext, Propagator::Baggage]);
        assert_eq!(environment.warnings, Vec::<String>::new());
    }

    #[test]
    fn a_signal_has_its_own_endpoint_and_exporter() {
        let environment = read(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:4317"),
            ("OTEL_LOGS_EXPORTER", "none"),
        ]);
        assert_eq!(environment.traces, otlp("http://all:4317"));
        assert_eq!(environment.metrics, otlp("http://metrics:4317"));
        assert_eq!(environment.logs, Exporter::None);
        assert_eq!(read(&[("OTEL_TRACES_EXPORTER", "otlp")]).traces, otlp("http://localhost:4317"));
        assert_eq!(read(&[("OTEL_TRACES_EXPORTER", "console")]).traces, Exporter::Console);
    }

    #[test]
    fn disabled_wins_and_what_is_not_followed_is_said() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317");
        assert_eq!(read(&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]).traces, Exporter::None);
        let odd = read(&[endpoint, ("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_PROPAGATORS", "b3,tracecontext")]);
        assert_eq!((odd.traces, odd.warnings.len()), (Exporter::None, 2));
        assert_eq!(odd.propagators, [Propagator::TraceContext]);
        assert_eq!(read(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).warnings.len(), 3);
        assert_eq!(read(&[("OTEL_PROPAGATORS", "none")]).propagators, []);
    }
}
