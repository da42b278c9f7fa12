//! Bad input over gRPC and HTTP: named, and nothing half-written.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod support;

use std::net::SocketAddr;

use attune_proto::channel::v1 as pb;
use attune_proto::channel::v1::channel::Provider;
use attune_proto::identity::v1::Identifier;
use support::fake::Fake;
use support::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic_types::StatusExt as _;

fn reason(status: &tonic_types::pb::Status) -> (String, Vec<String>) {
    let bytes = prost::Message::encode_to_vec(status);
    problem(&tonic::Status::with_details(tonic::Code::from(status.code), "", bytes.into()))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_events_are_named_and_good_ones_are_taken() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let good = || event("good", "a", "view", &[]);
    let person = Identifier { namespace: "attune.person".to_owned(), value: "p".to_owned() };
    let bad: Vec<(pb::CollectEvent, &str)> = vec![
        (pb::CollectEvent { time: time(-62_135_596_800), ..good() }, "events[0].time"),
        (pb::CollectEvent { time: time(253_402_300_799), ..good() }, "events[1].time"),
        (pb::CollectEvent { time: None, ..good() }, "events[2].time"),
        (pb::CollectEvent { event_id: String::new(), ..good() }, "events[3].event_id"),
        (pb::CollectEvent { event_id: "x".repeat(129), ..good() }, "events[4].event_id"),
        (pb::CollectEvent { identifiers: Vec::new(), ..good() }, "events[5].identifiers"),
        (pb::CollectEvent { identifiers: vec![person], ..good() }, "events[6].identifiers[0].namespace"),
        (event("r", "a", "attune.dance", &[]), "events[7].event"),
        (event("r", "a", "attune.click", &[]), "events[8].properties.offer_id"),
    ];
    let mut events: Vec<pb::CollectEvent> = bad.iter().map(|(event, _)| event.clone()).collect();
    events.push(good());
    let answer = collect(&gateway, events).await;
    assert_eq!((answer.accepted, answer.duplicates), (1, 0));
    assert_eq!(answer.rejected.len(), bad.len());
    for (index, (rejected, (_, field))) in answer.rejected.iter().zip(&bad).enumerate() {
        let (reason, fields) = reason(rejected.status.as_ref().unwrap());
        assert_eq!((rejected.index as usize, reason.as_str()), (index, "INVALID_FIELD"));
        assert!(fields.contains(&(*field).to_owned()), "{field}: {fields:?}");
    }
    for events in [Vec::new(), vec![good(); 5001]] {
        let status = gateway.client.clone().collect(pb::CollectRequest { events }).await.unwrap_err();
        assert_eq!((status.code(), problem(&status).1), (Code::InvalidArgument, vec!["events".to_owned()]));
    }
    until_drained(&gateway).await;
    assert_eq!(fake.ids("profile/AppendEvents"), ["good"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_channels_and_templates_are_checked() {
    let (_fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    let mut client = gateway.client.clone();
    make_channel(&gateway, "mail", Provider::File(pb::FileProvider::default()), pb::DeliveryGuarantee::AtMostOnce)
        .await;
    let template = |body: &str| pb::CreateTemplateRequest {
        template: Some(pb::Template {
            template_id: "hello".to_owned(),
            body: body.to_owned(),
            required_variables: vec!["name".to_owned()],
            ..Default::default()
        }),
        request_id: String::new(),
    };
    let status = client.create_template(template("{{ name")).await.unwrap_err();
    assert_eq!(problem(&status), ("INVALID_FIELD".to_owned(), vec!["template.body".to_owned()]));
    client.create_template(template("{{ name }} {{ typo }}")).await.unwrap();

    let year = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let fine = || message("m", "p", "mail");
    let cases = [
        (pb::SendRequest { request_id: String::new(), ..fine() }, "INVALID_FIELD", "request_id"),
        (pb::SendRequest { not_before: year(253_402_300_799), ..fine() }, "INVALID_FIELD", "not_before"),
        (pb::SendRequest { expires: year(-62_135_596_800), ..fine() }, "INVALID_FIELD", "expires"),
        (pb::SendRequest { not_before: year(NOW), expires: year(NOW), ..fine() }, "INVALID_FIELD", "expires"),
        (pb::SendRequest { variables: None, ..fine() }, "INVALID_FIELD", "variables.name"),
        (fine(), "TEMPLATE_FAILED", ""),
        (pb::SendRequest { channel: "none".to_owned(), ..fine() }, "RESOURCE_NOT_FOUND", ""),
    ];
    for (request, reason, field) in cases {
        let (found, fields) = problem(&client.send(request).await.unwrap_err());
        assert_eq!((found.as_str(), fields.first().map_or("", String::as_str)), (reason, field));
    }
    let channel = |provider| pb::CreateChannelRequest {
        channel: Some(pb::Channel { channel_id: "c".to_owned(), provider: Some(provider), ..Default::default() }),
        request_id: String::new(),
    };
    let hook = |url: &str, secret: &str| {
        let secret_name = secret.to_owned();
        Provider::Webhook(pb::WebhookProvider { url: url.to_owned(), secret_name, ..Default::default() })
    };
    let cases = [
        (hook("https://example.com/x", ""), "channel.webhook.url"),
        (hook("http://example.com/x", "mail"), "channel.webhook.secret_name"),
        (Provider::File(pb::FileProvider { file_name: "../x".to_owned() }), "channel.file.file_name"),
    ];
    for (provider, field) in cases {
        let (found, fields) = problem(&client.create_channel(channel(provider)).await.unwrap_err());
        assert_eq!((found.as_str(), fields.as_slice()), ("INVALID_FIELD", [field.to_owned()].as_slice()));
    }
    client.create_channel(channel(Provider::Lead(pb::LeadProvider {}))).await.unwrap();
    let (found, _) = problem(&client.send(message("m", "p", "c")).await.unwrap_err());
    assert_eq!(found, "CHANNEL_DISABLED");
    let unknown = pb::GetDeliveryRequest { delivery_id: "none".to_owned() };
    assert_eq!(problem(&client.get_delivery(unknown).await.unwrap_err()).0, "RESOURCE_NOT_FOUND");
    let token = pb::ListDeliveriesRequest { page_token: "zz".to_owned(), ..Default::default() };
    assert_eq!(problem(&client.list_deliveries(token).await.unwrap_err()).1, ["page_token"]);
    let all = client.list_deliveries(pb::ListDeliveriesRequest::default()).await.unwrap().into_inner();
    assert!(all.deliveries.is_empty(), "nothing that was refused was stored");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_pages() {
    let (_fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(&gateway, "lead", Provider::Lead(pb::LeadProvider {}), pb::DeliveryGuarantee::AtMostOnce).await;
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(send(&gateway, message(&format!("m{index}"), "p", "lead")).await);
        gateway.clock.advance(std::time::Duration::from_secs(1));
    }
    until("all are delivered", || async { pipeline(&gateway).await.deliveries.get("DELIVERED") == Some(&5) }).await;
    let mut client = gateway.client.clone();
    let (mut deliveries, mut leads, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let state = pb::DeliveryState::Delivered.into();
        let request = pb::ListDeliveriesRequest { page_size: 2, page_token: token, state, ..Default::default() };
        let page = client.list_deliveries(request).await.unwrap().into_inner();
        deliveries.extend(page.deliveries.into_iter().map(|one| one.delivery_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    loop {
        let request = pb::ListLeadsRequest { page_size: 2, page_token: token, ..Default::default() };
        let page = client.list_leads(request).await.unwrap().into_inner();
        leads.extend(page.leads.into_iter().map(|one| one.lead_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((&deliveries, &leads), (&ids, &ids), "oldest first, each once");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_of_the_persons_that_are_named() {
    let (_fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(&gateway, "lead", Provider::Lead(pb::LeadProvider {}), pb::DeliveryGuarantee::AtMostOnce).await;
    let mut ids = Vec::new();
    for (index, person) in ["p", "other", "alias", "p", "p"].into_iter().enumerate() {
        ids.push(send(&gateway, message(&format!("m{index}"), person, "lead")).await);
        gateway.clock.advance(std::time::Duration::from_secs(1));
    }
    until("all are delivered", || async { pipeline(&gateway).await.deliveries.get("DELIVERED") == Some(&5) }).await;
    let mut client = gateway.client.clone();
    let taken = pb::ClaimLeadRequest { lead_id: ids[0].clone(), agent: "a".to_owned(), lease_seconds: 0 };
    client.claim_lead(taken).await.unwrap();
    let person_ids = vec!["p".to_owned(), "alias".to_owned()];
    let theirs = [&ids[0], &ids[2], &ids[3], &ids[4]];
    let (mut deliveries, mut leads, mut token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let person_ids = person_ids.clone();
        let request = pb::ListDeliveriesRequest { page_size: 2, page_token: token, person_ids, ..Default::default() };
        let page = client.list_deliveries(request).await.unwrap().into_inner();
        assert!(page.deliveries.len() <= 2);
        deliveries.extend(page.deliveries.into_iter().map(|one| one.delivery_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    loop {
        let person_ids = person_ids.clone();
        let request = pb::ListLeadsRequest { page_size: 3, page_token: token, person_ids, ..Default::default() };
        let page = client.list_leads(request).await.unwrap().into_inner();
        leads.extend(page.leads.into_iter().map(|one| one.lead_id));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(deliveries.iter().collect::<Vec<_>>(), theirs);
    assert_eq!(leads.iter().collect::<Vec<_>>(), theirs, "whatever state they are in");
    let state = pb::LeadState::Open.into();
    let request = pb::ListLeadsRequest { state, person_ids: person_ids.clone(), ..Default::default() };
    assert_eq!(client.list_leads(request).await.unwrap().into_inner().leads.len(), 3);
    let state = pb::DeliveryState::Queued.into();
    let request = pb::ListDeliveriesRequest { state, person_ids, ..Default::default() };
    assert!(client.list_deliveries(request).await.unwrap().into_inner().deliveries.is_empty());
    gateway.stop().await;
}

/// Asks as a browser would; answers status, head and body.
async fn ask(address: SocketAddr, what: &str, headers: &[&str], body: &str) -> (u16, String, String) {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head =
        format!("{what} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}content-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // A body that is too long is refused before it is read to its end.
    let _ = stream.write_all(body.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

/// Posts a body; answers status and body.
async fn post(address: SocketAddr, body: &str) -> (u16, serde_json::Value) {
    let (status, _, body) = ask(address, "POST /v1/collect", &[], body).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_says_what_its_site_lets_it_say() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.http.listen = "127.0.0.1:0".to_owned();
    let site = serde_json::json!({
        "origins": ["https://shop.example"], "namespaces": ["login"], "values": ["search"],
        "rules": [{"path": "/account/*", "level": "pages"}],
    });
    config.http.sites.insert("shop".to_owned(), serde_json::from_value(site).unwrap());
    assert_eq!(config.validate(), Vec::new());
    let gateway = gateway(directory.path(), address, config).await;
    let http = gateway.http.unwrap();

    let (status, head, tag) = ask(http, "GET /a.js", &[], "").await;
    assert!(status == 200 && head.contains("text/javascript") && tag.contains("data-site"), "{head}");
    let (status, head, settings) = ask(http, "GET /v1/sites/shop", &[], "").await;
    assert!(status == 200 && head.contains("access-control-allow-origin: *"), "{head}");
    let settings: serde_json::Value = serde_json::from_str(&settings).unwrap();
    assert_eq!((settings["level"].as_str(), settings["consent"].as_str()), (Some("forms"), Some("required")));
    assert_eq!(settings["rules"][0]["path"].as_str(), Some("/account/*"));
    assert!(settings.get("namespaces").is_none() && settings.get("origins").is_none(), "{settings}");
    assert_eq!(ask(http, "GET /v1/sites/other", &[], "").await.0, 404);

    let event = |id: &str, event: &str, namespace: &str| {
        serde_json::json!({
            "event_id": id, "event": event, "time": 1_700_000_000_000_i64, "channel": "web",
            "identifiers": [{"namespace": "cookie", "value": "a"}, {"namespace": namespace, "value": "b"}],
        })
    };
    let events = [
        event("e1", "page_view", "login"),
        event("e2", "page_view", "email"),
        event("e3", "attune.conversion", "login"),
        event("e4", "attune.impression", "login"),
    ];
    let body = serde_json::json!({ "events": events }).to_string();
    let to = |site: &str| format!("POST /v1/collect?site={site}");
    let (status, _, said) = ask(http, &to("shop"), &["origin: https://evil.example"], &body).await;
    assert!(status == 403 && said.contains("ORIGIN_NOT_ALLOWED"), "{said}");
    assert_eq!(ask(http, &to("shop"), &[], &body).await.0, 403, "what is no browser names no site");
    assert_eq!(ask(http, &to("other"), &["origin: https://shop.example"], &body).await.0, 404);
    let (status, head, said) = ask(http, &to("shop"), &["origin: https://shop.example"], &body).await;
    assert!(status == 202 && head.contains("access-control-allow-origin: https://shop.example"), "{head} {said}");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    // An impression names an offer, which this one does not.
    assert_eq!(said["accepted"].as_i64(), Some(1), "{said}");
    let rejected: Vec<(&str, &str)> = said["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["event_id"].as_str().unwrap(), one["fields"][0]["field"].as_str().unwrap()))
        .collect();
    assert_eq!(rejected[..2], [("e2", "events[1].identifiers[1].namespace"), ("e3", "events[2].event")]);
    assert_eq!(rejected[2].0, "e4");
    until_drained(&gateway).await;
    assert_eq!(fake.ids("profile/AppendEvents"), ["e1"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_over_http_as_well() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut config = config();
    config.http.listen = "127.0.0.1:0".to_owned();
    config.http.max_body_bytes = 20_000;
    let gateway = gateway(directory.path(), address, config).await;
    let http = gateway.http.unwrap();
    let event = |id: &str, time: serde_json::Value| {
        serde_json::json!({
            "event_id": id, "event": "view", "time": time, "channel": "web", "session_id": "s",
            "identifiers": [{"namespace": "cookie", "value": "a"}], "properties": {"n": 3, "deep": {"list": [true, null]}},
        })
    };
    let mut odd = event("e3", "yesterday".into());
    odd["extra"] = 1.into();
    let events = [event("e1", "2023-11-14T22:13:20Z".into()), event("e2", 1_700_000_000_000_i64.into()), odd, 7.into()];
    let (status, answer) = post(http, &serde_json::json!({ "events": events }).to_string()).await;
    assert_eq!((status, answer["accepted"].as_i64()), (202, Some(2)), "{answer}");
    let rejected = answer["rejected"].as_array().unwrap();
    assert_eq!((rejected[0]["index"].as_i64(), rejected[0]["event_id"].as_str()), (Some(2), Some("e3")));
    let fields: Vec<&str> =
        rejected[0]["fields"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["events[2].time", "events[2].extra"]);
    assert_eq!((rejected[1]["index"].as_i64(), rejected[1]["reason"].as_str()), (Some(3), Some("INVALID_FIELD")));
    let (status, answer) = post(http, "{\"events\": [\n{]}").await;
    assert_eq!((status, answer["reason"].as_str()), (400, Some("MALFORMED_JSON")));
    assert!(answer["message"].as_str().unwrap().contains("line 2 column 2"), "{answer}");
    assert_eq!(post(http, "{\"events\": 3}").await.0, 400);
    assert_eq!(post(http, "{\"events\": []}").await.0, 400);
    assert_eq!(post(http, &"x".repeat(30_000)).await.0, 413);
    until_drained(&gateway).await;
    assert_eq!(fake.ids("profile/AppendEvents"), ["e1", "e2"]);
    gateway.stop().await;
}

#[test]
fn a_status_has_one_error_info() {
    // Guards the helper that the other tests read statuses with.
    let status = tonic::Status::with_error_details(
        Code::NotFound,
        "",
        tonic_types::ErrorDetails::with_error_info("X", "attune.dev", std::collections::HashMap::new()),
    );
    assert_eq!(problem(&status), ("X".to_owned(), Vec::new()));
}
