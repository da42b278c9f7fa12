//! Stopping.

use std::time::Duration;

use attune_service_kit::config::AuthConfig;
use attune_service_kit::server::{Server, Service};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::fake::{call, channel, config, start};

/// Far more than any drain here takes: a test that reaches it hangs.
const HANGS: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_silent_connection_does_not_hold_the_process() {
    let mut config = config();
    config.drain_timeout = Duration::from_millis(200);
    let (running, _) = start(config, AuthConfig::default()).await;
    let mut silent = TcpStream::connect(running.address()).await.unwrap();
    // One that says it speaks HTTP/2 and falls silent, too.
    let mut polite = TcpStream::connect(running.address()).await.unwrap();
    polite.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut settings = [0; 9];
    polite.read_exact(&mut settings).await.unwrap();
    silent.writable().await.unwrap();
    tokio::time::timeout(HANGS, running.stop()).await.expect("stopped at its own deadline");
    drop(silent.shutdown().await);
}

#[tokio::test]
async fn an_open_call_is_answered_and_health_says_not_serving_meanwhile() {
    let mut config = config();
    config.health_listen = Some("127.0.0.1:0".parse().unwrap());
    let (running, signals) = start(config, AuthConfig::default()).await;
    let address = running.address();
    let probe = format!("http://{}", running.health_address().unwrap());
    let probe = tonic::transport::Endpoint::from_shared(probe).unwrap().connect_lazy();
    let open = tokio::spawn(call(channel(&running), "GetOffer", vec![]));
    signals.called.notified().await;
    let mut health = HealthClient::new(probe);
    let mut watch = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let stopping = tokio::spawn(running.stop());
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    // No new connection is taken while the open call is served. The listener closes soon after health has changed.
    while TcpStream::connect(address).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!open.is_finished() && !stopping.is_finished());
    // A restart would cut the open call: liveness stays as it was.
    let alive = health.check(HealthCheckRequest { service: "liveness".to_owned() }).await.unwrap().into_inner();
    assert_eq!(alive.status(), ServingStatus::Serving);
    signals.answer.notify_one();
    open.await.unwrap().unwrap();
    tokio::time::timeout(HANGS, stopping).await.expect("the drain ends with the last call").unwrap();
}

#[tokio::test]
async fn sigterm_stops_the_process_in_order() {
    let (running, _) = start(config(), AuthConfig::default()).await;
    call(channel(&running), "Decide", vec![]).await.unwrap();
    let mut stopped = Box::pin(running.until_signal());
    // The first poll installs the handlers; before it the signal would end the test program.
    assert!(futures::poll!(&mut stopped).is_pending());
    let own = std::process::id().to_string();
    assert!(tokio::process::Command::new("kill").args(["-TERM", &own]).status().await.unwrap().success());
    tokio::time::timeout(HANGS, stopped).await.expect("the signal was not seen").unwrap();
}

#[tokio::test]
async fn http_routes_have_their_own_listener() {
    let router = axum::Router::new().route("/hello", axum::routing::get(|| async { "hello" }));
    let service = Service::new("channel-gateway").http("127.0.0.1:0".parse().unwrap(), router);
    let running = Server::new(config(), AuthConfig::default()).service(service).start().await.unwrap();
    let (name, address) = running.http_addresses()[0];
    assert_eq!(name, "channel-gateway");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /hello HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    running.stop().await;
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config();
    config.listen = taken.local_addr().unwrap();
    let problem = Server::new(config, AuthConfig::default()).start().await.err().unwrap();
    assert_eq!(problem.reason, "LISTEN_FAILED");
    assert!(problem.message.starts_with("server.listen: cannot listen on 127.0.0.1:"), "{problem}");
}
