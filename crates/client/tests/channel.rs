//! The same generated client, in the same process and over the network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test program stops at what it does not expect"
)]

mod support;

use std::time::Duration;

use attune_client::{Channel, IdentityClient, Options, RetryPolicy, deadline, identity, retry};
use attune_kernel::Secret;
use attune_proto::identity::v1::identity_service_server::IdentityServiceServer;
use attune_proto::identity::v1::{BatchResolveRequest, ResolveRequest};
use attune_service_kit::config::{AuthConfig, ServerConfig};
use attune_service_kit::server::{Running, Server, Service};
use opentelemetry::trace::{
    FutureExt as _, SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use support::{Echo, request};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetail, StatusExt as _};

/// Far more than anything here takes: a test that reaches it hangs.
const HANGS: Duration = Duration::from_secs(60);

fn service(echo: Echo) -> Service {
    Service::new("identity-resolution").grpc(IdentityServiceServer::new(echo))
}

async fn listen(echo: Echo) -> Running {
    let listen = "127.0.0.1:0".parse().unwrap();
    let config = ServerConfig { listen, request_timeout: 10 * HANGS, ..ServerConfig::default() };
    Server::new(config, AuthConfig::default()).service(service(echo)).start().await.unwrap()
}

fn remote(running: &Running, options: &Options) -> Channel {
    Channel::remote([format!("http://{}", running.address())], options).unwrap()
}

/// Two services, the first relaying to the second: both in this process, and both behind addresses.
async fn pairs(options: Options) -> Vec<(IdentityClient, Vec<Running>)> {
    let next = identity(Channel::in_process(service(Echo::default()).in_process(), &options));
    let here = identity(Channel::in_process(service(Echo { next: Some(next) }).in_process(), &options));
    let last = listen(Echo::default()).await;
    let next = identity(remote(&last, &options));
    let first = listen(Echo { next: Some(next) }).await;
    let there = identity(remote(&first, &options));
    vec![(here, vec![]), (there, vec![first, last])]
}

async fn resolve(client: &IdentityClient, request: ResolveRequest) -> Result<String, Status> {
    let mut client = client.clone();
    let answer = tokio::time::timeout(HANGS, client.resolve(request)).await.expect("the call hangs");
    answer.map(|answer| answer.into_inner().person_id)
}

fn reasons(status: &Status) -> Vec<String> {
    let details = status.get_error_details_vec().into_iter();
    let reason = |detail| match detail {
        ErrorDetail::ErrorInfo(info) => Some(info.reason),
        _ => None,
    };
    details.filter_map(reason).collect()
}

#[tokio::test]
async fn one_client_type_calls_both_and_gets_the_same() {
    for (client, _running) in pairs(Options::default()).await {
        assert_eq!(resolve(&client, request("echo", "ada")).await.unwrap(), "ada");
        assert_eq!(resolve(&client, request("relay", "echo ada")).await.unwrap(), "ada");
        let unknown = client.clone().get_person(attune_proto::identity::v1::GetPersonRequest::default()).await;
        let unknown = unknown.unwrap_err();
        assert_eq!((unknown.code(), reasons(&unknown)), (Code::Unimplemented, vec!["METHOD_UNKNOWN".to_owned()]));
    }
}

#[tokio::test]
async fn a_callee_gets_what_is_left_of_the_callers_budget() {
    for (client, _running) in pairs(Options { deadline: Duration::from_secs(50), ..Options::default() }).await {
        for source in [("left", ""), ("relay", "left")] {
            let left = async |client: &IdentityClient| -> u128 {
                resolve(client, request(source.0, source.1)).await.unwrap().parse().unwrap()
            };
            // The channel's own budget, when nobody else has set one.
            let own = left(&client).await;
            assert!((1..=50_000).contains(&own), "{source:?} {own}");
            // A surrounding call's, even when it is longer than the channel's.
            let outer = deadline::within(Duration::from_secs(500), left(&client)).await;
            assert!((50_001..=500_000).contains(&outer), "{source:?} {outer}");
            let mut asking = Request::new(request(source.0, source.1));
            asking.set_timeout(Duration::from_secs(5));
            let asked = client.clone().resolve(asking).await.unwrap().into_inner().person_id;
            assert!((1..=5_000).contains(&asked.parse::<u128>().unwrap()), "{source:?} {asked}");
        }
    }
}

#[tokio::test]
async fn nobody_waits_past_the_deadline() {
    let short = Duration::from_millis(30);
    for (client, _running) in pairs(Options::default()).await {
        for one in [request("pending", ""), request("relay", "pending")] {
            let late = deadline::within(short, resolve(&client, one)).await.unwrap_err();
            assert_eq!((late.code(), reasons(&late)), (Code::DeadlineExceeded, vec!["DEADLINE_EXCEEDED".to_owned()]));
        }
        let over = deadline::within(Duration::ZERO, resolve(&client, request("echo", "ada"))).await.unwrap_err();
        assert_eq!(over.code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn streams_flow_item_by_item_and_have_no_deadline_of_the_channels() {
    let options = Options { deadline: Duration::from_millis(1), ..Options::default() };
    for (mut client, _running) in pairs(options).await {
        let (send, receive) = mpsc::channel::<BatchResolveRequest>(1);
        let mut answers = client.batch_resolve(ReceiverStream::new(receive)).await.unwrap().into_inner();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            send.send(BatchResolveRequest::default()).await.unwrap();
            // The next request is sent only after this answer: nothing is held back.
            let answer = tokio::time::timeout(HANGS, answers.message()).await.expect("the answer is held back");
            assert!(answer.unwrap().is_some());
        }
        drop(send);
        assert!(answers.message().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_streams_deadline_holds_to_its_end() {
    for (mut client, _running) in pairs(Options::default()).await {
        let (_send, receive) = mpsc::channel::<BatchResolveRequest>(1);
        let mut asking = Request::new(ReceiverStream::new(receive));
        asking.set_timeout(Duration::from_millis(100));
        let mut answers = client.batch_resolve(asking).await.unwrap().into_inner();
        let late = tokio::time::timeout(HANGS, answers.message()).await.expect("the stream hangs").unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn the_trace_travels_through_both_hops() {
    let propagator = opentelemetry_sdk::propagation::TraceContextPropagator::new();
    opentelemetry::global::set_text_map_propagator(propagator);
    let trace = TraceId::from_hex("0af7651916cd43dd8448eb211c80319c").unwrap();
    let span = SpanId::from_hex("b7ad6b7169203331").unwrap();
    let parent = SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::default());
    let context = opentelemetry::Context::new().with_remote_span_context(parent);
    for (client, _running) in pairs(Options::default()).await {
        for one in [request("header", "traceparent"), request("relay", "header traceparent")] {
            let header = resolve(&client, one).with_context(context.clone()).await.unwrap();
            assert!(header.starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{header}");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable_and_another_one_answers() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = listen(Echo::default()).await;
    let dead = identity(Channel::remote([format!("http://{closed}")], &Options::default()).unwrap());
    let status = resolve(&dead, request("echo", "ada")).await.unwrap_err();
    assert_eq!((status.code(), reasons(&status)), (Code::Unavailable, vec!["DEPENDENCY_UNAVAILABLE".to_owned()]));

    let both = [format!("http://{closed}"), format!("http://{}", running.address())];
    let both = identity(Channel::remote(both, &Options::default()).unwrap());
    let policy =
        RetryPolicy { retries: 10, first_pause: Duration::from_millis(1), longest_pause: Duration::from_millis(2) };
    for _ in 0..20 {
        let answer = retry::idempotent(&policy, || resolve(&both, request("echo", "ada"))).await;
        assert_eq!(answer.unwrap(), "ada");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_connection_that_is_lost_is_made_again() {
    let running = listen(Echo::default()).await;
    let address = running.address();
    let client = identity(remote(&running, &Options::default()));
    assert_eq!(resolve(&client, request("echo", "ada")).await.unwrap(), "ada");
    running.stop().await;
    assert_eq!(resolve(&client, request("echo", "ada")).await.unwrap_err().code(), Code::Unavailable);
    let config = ServerConfig { listen: address, ..ServerConfig::default() };
    let again = Server::new(config, AuthConfig::default()).service(service(Echo::default())).start().await.unwrap();
    let policy = RetryPolicy { retries: 10, ..RetryPolicy::default() };
    let answer = retry::idempotent(&policy, || resolve(&client, request("echo", "ada"))).await;
    assert_eq!(answer.unwrap(), "ada");
    again.stop().await;
}

#[tokio::test]
async fn calls_over_the_network_carry_the_api_key() {
    let running = listen(Echo::default()).await;
    let options = Options { api_key: Secret::new("abc".to_owned()), ..Options::default() };
    let header = resolve(&identity(remote(&running, &options)), request("header", "authorization")).await.unwrap();
    assert_eq!(header, "Bearer abc");
    let here = identity(Channel::in_process(service(Echo::default()).in_process(), &options));
    assert_eq!(resolve(&here, request("header", "authorization")).await.unwrap(), "", "a key has no business here");
    running.stop().await;
}
