//! A collector that is not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program stops at what it does not expect"
)]

#[allow(dead_code, reason = "shared with the other test program")]
#[path = "kit/fake.rs"]
mod fake;

use std::time::Duration;

use attune_service_kit::config::{AuthConfig, TelemetryConfig};
use attune_service_kit::server::{Server, Service};
use attune_service_kit::telemetry::Telemetry;

#[tokio::test(flavor = "current_thread")]
async fn calls_are_answered_and_the_process_stops() {
    // A port that was free a moment ago: nobody listens there.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = TelemetryConfig { flush_timeout: Duration::from_millis(200), ..TelemetryConfig::default() };
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), format!("http://{closed}"))];
    let telemetry = Telemetry::start(&config, "attune", variables).unwrap();
    let service = Service::new("decision").grpc(fake::Fake::default());
    let server = Server::new(fake::config(), AuthConfig::default()).service(service).telemetry(telemetry);
    let running = server.start().await.unwrap();
    let channel = fake::channel(&running);
    for _ in 0..1000 {
        fake::call(channel.clone(), "Decide", vec![]).await.unwrap();
    }
    tokio::time::timeout(Duration::from_secs(60), running.stop()).await.expect("the flush has a bound");
}
