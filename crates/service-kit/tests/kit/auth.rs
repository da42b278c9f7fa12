//! Who may call what.

use std::convert::Infallible;
use std::path::PathBuf;

use attune_service_kit::auth::{AuthLayer, Keys, Principal};
use attune_service_kit::config::{ApiKey, AuthConfig, TlsConfig};
use attune_service_kit::methods;
use attune_service_kit::server::Server;
use http::{Request, Response};
use sha2::{Digest as _, Sha256};
use tonic::body::Body;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};
use tower::{Layer as _, ServiceExt as _, service_fn};

use crate::fake::{call, call_with, channel, config, reason, start};

fn key(id: &str, key: &str, scopes: &[&str]) -> ApiKey {
    let sha256 = Sha256::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    ApiKey { id: id.to_owned(), sha256, scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() }
}

fn auth(keys: Vec<ApiKey>) -> AuthConfig {
    AuthConfig { api_keys: keys, certificate_scopes: vec!["*".to_owned()] }
}

#[tokio::test]
async fn every_method_is_refused_without_a_key_and_without_its_scope() {
    let all: Vec<&str> = methods::all().filter_map(|(_, method)| method.scope).collect();
    let mut refused = 0;
    for (path, method) in methods::all().filter(|(_, method)| method.service.starts_with("attune.")) {
        let scope = method.scope.expect("every method of ours needs a scope");
        let others: Vec<&str> =
            all.iter().copied().filter(|other| *other != scope && !other.starts_with("refl")).collect();
        let keys =
            auth(vec![key("right", "right", &[scope]), key("wrong", "wrong", &others), key("admin", "admin", &["*"])]);
        let layer = AuthLayer::new(Keys::new(&keys).unwrap());
        let call = async |header: Option<&str>| {
            let inner = service_fn(async |request: Request<Body>| {
                assert!(request.extensions().get::<Principal>().is_some(), "the handler knows who calls");
                Ok::<_, Infallible>(Response::new(Body::empty()))
            });
            let mut request = Request::builder().uri(path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = layer.layer(inner).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            Status::from_header_map(answer.headers()).map(|status| (status.code(), reason(&status)))
        };
        let answer = |code, reason: &str| Some((code, reason.to_owned()));
        assert_eq!(call(None).await, answer(Code::Unauthenticated, "AUTH_REQUIRED"), "{path}");
        for bad in ["Bearer nobody", "Bearer ", "right", "Basic right"] {
            assert_eq!(call(Some(bad)).await, answer(Code::Unauthenticated, "AUTH_INVALID"), "{path}");
        }
        assert_eq!(call(Some("Bearer wrong")).await, answer(Code::PermissionDenied, "SCOPE_MISSING"), "{path}");
        assert_eq!(call(Some("Bearer right")).await, None, "{path}");
        assert_eq!(call(Some("Bearer admin")).await, None, "{path}");
        refused += 1;
    }
    let declared: usize = attune_proto::descriptor_pool()
        .services()
        .filter(|service| service.full_name().starts_with("attune."))
        .map(|service| service.methods().count())
        .sum();
    assert_eq!(refused, declared);
}

#[tokio::test]
async fn a_listener_with_keys_asks_for_them_and_answers_probes_without() {
    let (running, _) = start(config(), auth(vec![key("web", "abc", &["decision.write"])])).await;
    let channel = channel(&running);
    let refused = call(channel.clone(), "Decide", vec![]).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, "AUTH_REQUIRED"));
    call_with(channel.clone(), "Decide", vec![], &[("authorization", "Bearer abc")]).await.unwrap();
    call(channel.clone(), "/grpc.health.v1.Health/Check", vec![]).await.unwrap();
    let unknown = call(channel.clone(), "/attune.nowhere.v1.Nobody/Nothing", vec![]).await.unwrap_err();
    assert_eq!(reason(&unknown), "AUTH_REQUIRED", "what exists is not told to strangers");
    running.stop().await;
}

#[tokio::test]
async fn a_reachable_listener_without_auth_does_not_start() {
    let mut config = config();
    config.listen = "0.0.0.0:0".parse().unwrap();
    let problem = Server::new(config, AuthConfig::default()).start().await.err().unwrap();
    assert_eq!(problem.reason, "AUTH_NOT_CONFIGURED");
}

#[tokio::test]
async fn with_a_client_ca_only_certificates_get_in() {
    let certs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kit/certs");
    let read = |name: &str| std::fs::read(certs.join(name)).unwrap();
    let mut config = config();
    config.tls = TlsConfig {
        cert_file: certs.join("server.pem"),
        key_file: certs.join("server.key"),
        client_ca_file: certs.join("ca.pem"),
    };
    let (running, _) = start(config, AuthConfig::default()).await;
    let base = ClientTlsConfig::new().domain_name("localhost").ca_certificate(Certificate::from_pem(read("ca.pem")));
    let connect = |tls: ClientTlsConfig| {
        let endpoint = Endpoint::from_shared(format!("https://{}", running.address())).unwrap();
        endpoint.tls_config(tls).unwrap().connect_lazy()
    };
    let with = base.clone().identity(Identity::from_pem(read("client.pem"), read("client.key")));
    call(connect(with), "Decide", vec![]).await.unwrap();
    assert!(call(connect(base), "Decide", vec![]).await.is_err(), "no certificate");
    let plain = Endpoint::from_shared(format!("http://{}", running.address())).unwrap().connect_lazy();
    assert!(call(plain, "Decide", vec![]).await.is_err(), "no TLS");
    running.stop().await;
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_a_clear_error() {
    let mut config = config();
    config.tls.cert_file = "/nonexistent/server.pem".into();
    config.tls.key_file = "/nonexistent/server.key".into();
    let problem = Server::new(config, AuthConfig::default()).start().await.err().unwrap();
    assert_eq!(problem.reason, "TLS_UNUSABLE");
    assert!(problem.message.starts_with("server.tls.cert_file cannot be read"), "{problem}");
}
