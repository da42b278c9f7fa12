//! Messages as HTTP posts, signed in the manner of Standard Webhooks.
//!
//! The host is resolved here, the address is checked, and the connection goes to the address that was checked: a name
//! that resolves to something else a moment later changes nothing.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use attune_kernel::{Secret, Violation};
use attune_proto::channel::v1::WebhookProvider as Settings;
use attune_service_kit::clock::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::Sha256;

use super::{Answer, Message};
use crate::domain::delivery::{Outcome, ProviderMemory};
use crate::domain::record::Delivery;

/// How long an endpoint that names no time may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An HTTP endpoint.
#[derive(Clone)]
pub(crate) struct WebhookProvider {
    settings: Settings,
    secret: Option<Secret>,
    allow_private: bool,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What is wrong with an endpoint beyond its field rules.
pub(super) fn check(settings: &Settings) -> Vec<Violation> {
    let mut out = Vec::new();
    if let Err(why) = target(&settings.url) {
        out.push(Violation::new("webhook.url", why));
    }
    if !settings.lookup_url.is_empty() {
        if !settings.lookup_url.contains("{key}") {
            out.push(Violation::new("webhook.lookup_url", "must contain {key}"));
        } else if let Err(why) = target(&settings.lookup_url.replace("{key}", "key")) {
            out.push(Violation::new("webhook.lookup_url", why));
        }
    }
    if http::HeaderName::try_from(header(settings)).is_err() {
        out.push(Violation::new("webhook.idempotency_header", "is not a header name"));
    }
    out
}

fn header(settings: &Settings) -> &str {
    if settings.idempotency_header.is_empty() { "idempotency-key" } else { &settings.idempotency_header }
}

/// Host and port of a URL this provider can post to.
fn target(url: &str) -> Result<(Uri, String, u16), &'static str> {
    let uri: Uri = url.parse().map_err(|_| "is not a URL")?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => return Err("https is not supported by this build: put a TLS proxy before the endpoint"),
        _ => return Err("must begin with http://"),
    }
    let authority = uri.authority().ok_or("has no host")?;
    if authority.as_str().contains('@') {
        return Err("must not contain a user or password");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = authority.port_u16().unwrap_or(80);
    Ok((uri, host, port))
}

/// Whether an address is of this machine or a private network.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 198 && (b == 18 || b == 19))
                || (a == 192 && b == 0 && v4.octets()[2] == 0)
        }
        IpAddr::V6(v6) => {
            let embedded = v6.to_ipv4_mapped().or_else(|| match v6.segments() {
                // 6to4 and NAT64 carry an address that a router would reach.
                [0x2002, high, low, ..] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                    let [a, b] = high.to_be_bytes();
                    let [c, d] = low.to_be_bytes();
                    Some(std::net::Ipv4Addr::new(a, b, c, d))
                }
                _ => None,
            });
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
                || embedded.is_some_and(|v4| is_private(IpAddr::V4(v4)))
        }
    }
}

impl WebhookProvider {
    /// An endpoint.
    #[must_use]
    pub(crate) fn new(settings: Settings, secret: Option<Secret>, allow_private: bool) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        Self { settings, secret, allow_private, client }
    }

    /// What it offers against doubles.
    #[must_use]
    pub(crate) fn memory(&self) -> ProviderMemory {
        if !self.settings.lookup_url.is_empty() {
            ProviderMemory::Lookup
        } else if self.settings.honours_key {
            ProviderMemory::HonoursKey
        } else {
            ProviderMemory::None
        }
    }

    /// How long it may take to answer.
    #[must_use]
    pub(crate) fn patience(&self) -> Duration {
        let millis = u64::try_from(self.settings.timeout_millis).unwrap_or_default();
        if millis == 0 { TIMEOUT } else { Duration::from_millis(millis) }
    }

    /// Posts the message under the delivery's id as key.
    pub(crate) async fn send(&self, delivery: &Delivery, message: &Message) -> Answer {
        let request = &delivery.request;
        let body = serde_json::json!({
            "key": delivery.delivery_id,
            "person_id": request.person_id,
            "channel": request.channel,
            "message_id": request.message_id,
            "offer_id": request.offer_id,
            "decision_id": request.decision_id,
            "subject": message.subject,
            "body": message.body,
        });
        match self.exchange(Method::POST, &self.settings.url, &delivery.delivery_id, body.to_string()).await {
            Ok(status) => said(status),
            Err(Refusal::NotSent(why)) => Answer::new(Outcome::Retry, why),
            Err(Refusal::Maybe(why)) => Answer::new(Outcome::Ambiguous, why),
            Err(Refusal::Forbidden(why)) => Answer::new(Outcome::Refused, why),
        }
    }

    /// Whether the endpoint has a delivery: 2xx yes, 404 no.
    ///
    /// # Errors
    /// Why it cannot be told now.
    pub(crate) async fn look_up(&self, key: &str) -> Result<bool, String> {
        let url = self.settings.lookup_url.replace("{key}", key);
        match self.exchange(Method::GET, &url, key, String::new()).await {
            Ok(status) if status.is_success() => Ok(true),
            Ok(StatusCode::NOT_FOUND) => Ok(false),
            Ok(status) => Err(format!("look-up answered {status}")),
            Err(Refusal::NotSent(why) | Refusal::Maybe(why) | Refusal::Forbidden(why)) => Err(why),
        }
    }

    async fn exchange(&self, method: Method, url: &str, key: &str, body: String) -> Result<StatusCode, Refusal> {
        let (uri, host, port) = target(url).map_err(|why| Refusal::Forbidden(why.to_owned()))?;
        if self.secret.is_none() && !self.settings.secret_name.is_empty() {
            return Err(Refusal::NotSent("the signing secret is not configured".to_owned()));
        }
        let address = self.resolve(&host, port).await?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header(http::header::HOST, uri.authority().map_or(host.as_str(), |authority| authority.as_str()))
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(header(&self.settings), key)
            .header("webhook-id", key);
        if let Some(secret) = &self.secret {
            let seconds = Clock::system().now().to_seconds_nanos().0;
            request = request
                .header("webhook-timestamp", seconds)
                .header("webhook-signature", sign(secret, key, seconds, &body));
        }
        let request = request.body(Full::from(body)).map_err(|error| Refusal::Forbidden(error.to_string()))?;
        match tokio::time::timeout(self.patience(), self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response.status()),
            Ok(Err(error)) if error.is_connect() => Err(Refusal::NotSent("cannot connect".to_owned())),
            Ok(Err(_)) => Err(Refusal::Maybe("connection broke".to_owned())),
            Err(_) => Err(Refusal::Maybe("timed out".to_owned())),
        }
    }

    /// The address to connect to.
    async fn resolve(&self, host: &str, port: u16) -> Result<SocketAddr, Refusal> {
        let found = tokio::net::lookup_host((host, port))
            .await
            .map_err(|_| Refusal::NotSent("host does not resolve".to_owned()))?;
        let addresses: Vec<SocketAddr> = found.collect();
        if !self.allow_private && addresses.iter().any(|address| is_private(address.ip())) {
            return Err(Refusal::Forbidden("host resolves to a private address".to_owned()));
        }
        addresses.first().copied().ok_or_else(|| Refusal::NotSent("host does not resolve".to_owned()))
    }
}

/// Why there is no status.
enum Refusal {
    /// No byte of the request left.
    NotSent(String),
    /// The request may have arrived.
    Maybe(String),
    /// It must not be sent.
    Forbidden(String),
}

/// What a status means: 2xx has it, 408, 425, 429 and 5xx may take it later, the rest never will.
fn said(status: StatusCode) -> Answer {
    let outcome = match status.as_u16() {
        200..300 => Outcome::Delivered,
        // A gateway's timeout says nothing about what is behind it.
        504 => Outcome::Ambiguous,
        408 | 425 | 429 | 500..600 => Outcome::Retry,
        _ => Outcome::Refused,
    };
    Answer::new(outcome, format!("answered {}", status.as_u16()))
}

/// The `v1` signature of Standard Webhooks: HMAC-SHA256 over id, timestamp and body, joined by dots.
fn sign(secret: &Secret, id: &str, seconds: i64, body: &str) -> String {
    // A key of any length is legal for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) else { return String::new() };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_inside_are_recognised_in_every_disguise() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "ff02::1",
            "198.18.0.1",
            "192.0.0.1",
            "240.0.0.1",
        ] {
            assert!(is_private(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "172.32.0.1", "100.128.0.1"] {
            assert!(!is_private(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn urls_are_judged_before_they_are_used() {
        let with = |url: &str| check(&Settings { url: url.to_owned(), ..Settings::default() });
        assert!(with("http://example.com/hook").is_empty());
        for bad in ["ftp://example.com", "https://example.com", "http://user:pw@example.com", "nonsense", "http://"] {
            assert_eq!(with(bad).len(), 1, "{bad}");
        }
    }

    #[test]
    fn signatures_follow_the_standard() {
        let one = sign(&Secret::new("key".to_owned()), "id", 1, "{}");
        assert!(one.starts_with("v1,") && one.len() == 47);
        assert_ne!(one, sign(&Secret::new("key".to_owned()), "id", 2, "{}"));
    }

    #[test]
    fn a_status_says_whether_to_come_back() {
        let outcome = |code: u16| said(StatusCode::from_u16(code).unwrap()).outcome;
        assert_eq!(outcome(202), Outcome::Delivered);
        assert_eq!(outcome(503), Outcome::Retry);
        assert_eq!(outcome(504), Outcome::Ambiguous);
        assert_eq!(outcome(400), Outcome::Refused);
        assert_eq!(outcome(302), Outcome::Refused);
    }
}
