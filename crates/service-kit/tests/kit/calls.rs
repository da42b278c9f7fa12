//! What the layers around every call promise.

use attune_service_kit::config::AuthConfig;
use tonic::Code;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServiceResponse};

use crate::fake::{call, call_with, channel, config, reason, start};

#[tokio::test]
async fn every_failure_has_a_code_and_one_reason() {
    let (running, _) = start(config(), AuthConfig::default()).await;
    let channel = channel(&running);
    call(channel.clone(), "Decide", vec![]).await.unwrap();

    let panicked = call(channel.clone(), "BatchDecide", vec![]).await.unwrap_err();
    assert_eq!((panicked.code(), panicked.message()), (Code::Internal, "internal error"));
    assert_eq!(reason(&panicked), "INTERNAL");

    let unknown = call(channel.clone(), "/attune.nowhere.v1.Nobody/Nothing", vec![]).await.unwrap_err();
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::Unimplemented, "METHOD_UNKNOWN"));

    // The name of a service is a text, and these bytes are none.
    let garbage = call(channel.clone(), "/grpc.health.v1.Health/Check", vec![0xff; 16]).await.unwrap_err();
    assert_eq!((garbage.code(), reason(&garbage).as_str()), (Code::InvalidArgument, "MALFORMED_MESSAGE"));

    let trailers = call(channel.clone(), "Simulate", vec![]).await.unwrap_err();
    assert_eq!((trailers.code(), trailers.message()), (Code::NotFound, "in the trailers"));
    assert_eq!(reason(&trailers), "TRANSPORT");
    running.stop().await;
}

#[tokio::test]
async fn a_message_too_long_is_refused_with_a_reason() {
    let mut config = config();
    config.max_message_bytes = 1 << 20;
    let (running, _) = start(config, AuthConfig::default()).await;
    call(channel(&running), "Decide", vec![1; 1 << 19]).await.unwrap();
    let refused = call(channel(&running), "Decide", vec![1; 10 << 20]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    running.stop().await;
}

#[tokio::test]
async fn the_callers_deadline_holds_and_reaches_the_handler() {
    let (running, _) = start(config(), AuthConfig::default()).await;
    let late = call_with(channel(&running), "Explain", vec![], &[("grpc-timeout", "50m")]).await.unwrap_err();
    // Whichever side notices first.
    assert!(matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled), "{late:?}");
    let told = call_with(channel(&running), "RecordResponse", vec![], &[("grpc-timeout", "20S")]).await.unwrap_err();
    let left: u128 = told.message().trim_start_matches("Some(").trim_end_matches(')').parse().unwrap();
    assert!((1..=20_000).contains(&left), "{told:?}");
    running.stop().await;
}

#[tokio::test]
async fn the_servers_own_limit_holds() {
    let mut config = config();
    config.request_timeout = std::time::Duration::from_millis(50);
    let (running, _) = start(config, AuthConfig::default()).await;
    let late = call(channel(&running), "Explain", vec![]).await.unwrap_err();
    assert_eq!((late.code(), reason(&late).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    running.stop().await;
}

#[tokio::test]
async fn health_and_reflection_name_what_is_served() {
    let mut config = config();
    config.health_listen = Some("127.0.0.1:0".parse().unwrap());
    let (running, _) = start(config, AuthConfig::default()).await;
    let probe = format!("http://{}", running.health_address().unwrap());
    let probe = tonic::transport::Endpoint::from_shared(probe).unwrap().connect_lazy();
    for channel in [channel(&running), probe] {
        for service in ["", crate::fake::SERVICE] {
            let request = tonic_health::pb::HealthCheckRequest { service: service.to_owned() };
            let answer = HealthClient::new(channel.clone()).check(request).await.unwrap().into_inner();
            assert_eq!(answer.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
        }
    }
    let list = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let requests = futures::stream::iter([list]);
    let mut answers = ServerReflectionClient::new(channel(&running)).server_reflection_info(requests).await.unwrap();
    let answer = answers.get_mut().message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else { panic!("{answer:?}") };
    let mut names: Vec<String> = list.service.into_iter().map(|ServiceResponse { name }| name).collect();
    names.sort();
    assert_eq!(names, [crate::fake::SERVICE, "grpc.health.v1.Health"]);
    running.stop().await;
}
