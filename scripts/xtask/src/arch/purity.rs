//! Domain code is a function of its arguments: no async, no I/O, no clock, no randomness of its own.

use crate::source::Source;

/// What domain code must not name, with the reason.
const BANNED: [(&str, &str); 19] = [
    ("async fn", "async"),
    (".await", "async"),
    ("tokio::", "the runtime"),
    ("tonic::", "the transport"),
    ("tracing::", "logging"),
    ("opentelemetry::", "telemetry"),
    ("attune_storage", "storage"),
    ("attune_client", "clients"),
    ("attune_service_kit", "the service kit"),
    ("attune_proto", "the wire format"),
    ("std::fs", "files"),
    ("std::net", "sockets"),
    ("std::env", "the environment"),
    ("std::process", "processes"),
    ("SystemTime", "a clock"),
    ("Instant::now", "a clock"),
    ("thread_rng", "randomness of its own"),
    ("rand::rng()", "randomness of its own"),
    ("println!", "output"),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let domain =
        sources.iter().filter(|source| source.path.contains("/src/domain/") || source.path.ends_with("/src/domain.rs"));
    let mut findings = Vec::new();
    for source in domain {
        for (number, line) in source.code.iter().enumerate() {
            for (word, what) in BANNED {
                if line.contains(word) {
                    findings.push(format!("{}:{}: {word} ({what})", source.path, number + 1));
                }
            }
        }
    }
    findings
}
