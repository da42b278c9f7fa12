//! How messages leave: law, attempts, look-ups, guarantees, leads, receipts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod support;

use std::time::Duration;

use attune_proto::channel::v1 as pb;
use attune_proto::channel::v1::channel::Provider;
use attune_proto::channel::v1::{DeliveryGuarantee, DeliveryState};
use axum::http::StatusCode;
use support::fake::Fake;
use support::sink::Sink;
use support::*;

fn hook(sink: std::net::SocketAddr, honours_key: bool, lookup: bool) -> Provider {
    Provider::Webhook(pb::WebhookProvider {
        url: format!("http://{sink}/hook"),
        honours_key,
        lookup_url: if lookup { format!("http://{sink}/has/{{key}}") } else { String::new() },
        timeout_millis: 200,
        ..Default::default()
    })
}

/// Lets business time pass until the delivery is in a state, so that backoffs end.
async fn hurry(gateway: &Gateway, id: &str, state: DeliveryState) -> pb::Delivery {
    until(state.as_str_name(), || async {
        gateway.clock.advance(Duration::from_secs(5));
        delivery(gateway, id).await.state() == state
    })
    .await;
    delivery(gateway, id).await
}

fn outcomes(of: &pb::Delivery) -> Vec<&str> {
    of.attempts.iter().map(|attempt| attempt.outcome.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_and_policies_are_asked_and_contacts_are_recorded() {
    let (fake, address) = Fake::start().await;
    fake.0.lock().silent.push("p-no".to_owned());
    fake.0.lock().denied.push("lead".to_owned());
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(
        &gateway,
        "mail",
        Provider::File(pb::FileProvider { file_name: "mail".to_owned() }),
        DeliveryGuarantee::AtMostOnce,
    )
    .await;
    let sent = send(&gateway, message("m1", "p-a", "mail")).await;
    let held = send(&gateway, message("m2", "p-no", "mail")).await;
    let capped = send(&gateway, pb::SendRequest { offer_id: "lead".to_owned(), ..message("m3", "p-a", "mail") }).await;
    let late = Some(prost_types::Timestamp { seconds: NOW - 5, nanos: 0 });
    let late = send(&gateway, pb::SendRequest { expires: late, ..message("m4", "p-a", "mail") }).await;
    let repeat = gateway.client.clone().send(message("m1", "p-a", "mail")).await.unwrap().into_inner();
    assert_eq!((repeat.delivery_id.as_str(), repeat.duplicate), (sent.as_str(), true));
    let sent = until_state(&gateway, &sent, DeliveryState::Delivered).await;
    assert_eq!(outcomes(&sent), ["DELIVERED"]);
    assert_eq!(sent.attempts[0].provider_key, sent.delivery_id);
    assert_eq!(
        until_state(&gateway, &held, DeliveryState::Suppressed).await.suppressed_by,
        "consent:consent_withdrawn"
    );
    assert_eq!(until_state(&gateway, &capped, DeliveryState::Suppressed).await.suppressed_by, "weekly-cap");
    until_state(&gateway, &late, DeliveryState::Expired).await;
    assert_eq!(fake.ids("contact/RecordContact"), [format!("{}:r1", sent.delivery_id)]);
    let counts = pipeline(&gateway).await;
    assert_eq!((counts.attempts, counts.suppressed["weekly-cap"]), (1, 1));
    assert_eq!(
        counts.deliveries,
        [("DELIVERED", 1), ("SUPPRESSED", 2), ("EXPIRED", 1)].map(|(k, v)| (k.to_owned(), v)).into()
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn callees_that_are_away_delay_but_lose_nothing() {
    for step in ["profile/MayContact", "contact/Admit", "contact/RecordContact"] {
        let (fake, address) = Fake::start().await;
        fake.fail(step, 2);
        let (sink, at) = Sink::start(false).await;
        let directory = tempfile::tempdir().unwrap();
        let gateway = gateway(directory.path(), address, config()).await;
        make_channel(&gateway, "hook", hook(at, false, false), DeliveryGuarantee::AtMostOnce).await;
        let id = send(&gateway, message("m1", "p-a", "hook")).await;
        hurry(&gateway, &id, DeliveryState::Delivered).await;
        let posts = sink.seen.lock().posts;
        assert_eq!(posts, 1, "{step}");
        assert_eq!(fake.distinct("contact/RecordContact"), [format!("{id}:r1")], "{step}");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definite_failures_are_tried_again_until_the_attempts_are_used_up() {
    let (fake, address) = Fake::start().await;
    let (sink, at) = Sink::start(false).await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(&gateway, "hook", hook(at, false, false), DeliveryGuarantee::AtMostOnce).await;
    sink.seen.lock().answers = vec![StatusCode::SERVICE_UNAVAILABLE; 2];
    let id = send(&gateway, message("m1", "p-a", "hook")).await;
    let sent = hurry(&gateway, &id, DeliveryState::Delivered).await;
    assert_eq!(outcomes(&sent), ["RETRY", "RETRY", "DELIVERED"]);
    assert_eq!(fake.ids("contact/ReleaseReservations"), ["r1", "r1"]);

    sink.seen.lock().answers = vec![StatusCode::SERVICE_UNAVAILABLE; 9];
    let id = send(&gateway, message("m2", "p-a", "hook")).await;
    let dead = hurry(&gateway, &id, DeliveryState::Dead).await;
    assert_eq!(outcomes(&dead), ["RETRY"; 5]);
    sink.seen.lock().answers = vec![StatusCode::BAD_REQUEST];
    let id = send(&gateway, message("m3", "p-a", "hook")).await;
    assert_eq!(outcomes(&until_state(&gateway, &id, DeliveryState::Dead).await), ["FAILED"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_known_is_looked_up_or_left_to_people() {
    let (_fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    // (honours keys, offers look-up, guarantee) -> state in the end, posts, copies at the endpoint.
    let cases = [
        (false, true, DeliveryGuarantee::AtMostOnce, DeliveryState::Delivered, 1, 1),
        (true, false, DeliveryGuarantee::AtMostOnce, DeliveryState::Delivered, 2, 1),
        (false, false, DeliveryGuarantee::AtMostOnce, DeliveryState::Unknown, 1, 1),
        (false, false, DeliveryGuarantee::AtLeastOnce, DeliveryState::Delivered, 2, 2),
    ];
    for (index, (honours, lookup, guarantee, state, posts, copies)) in cases.into_iter().enumerate() {
        let (sink, at) = Sink::start(honours).await;
        sink.seen.lock().breaks = 1;
        let channel = format!("hook{index}");
        make_channel(&gateway, &channel, hook(at, honours, lookup), guarantee).await;
        let id = send(&gateway, message(&format!("m{index}"), "p-a", &channel)).await;
        let ended = hurry(&gateway, &id, state).await;
        let seen = sink.seen.lock();
        assert_eq!((seen.posts, seen.taken[&id]), (posts, copies), "case {index}: {:?}", outcomes(&ended));
        assert!(ended.attempts.iter().all(|attempt| attempt.outcome_time.is_some()), "case {index}");
        assert_eq!(seen.headers["idempotency-key"].to_str().unwrap(), id);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leads_live_and_answer_their_decision() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(&gateway, "branch", Provider::Lead(pb::LeadProvider {}), DeliveryGuarantee::AtMostOnce).await;
    let template =
        pb::Template { template_id: "hello".to_owned(), body: "call {{ name }}".to_owned(), ..Default::default() };
    let request = pb::CreateTemplateRequest { template: Some(template), request_id: String::new() };
    gateway.client.clone().create_template(request).await.unwrap();
    let id = send(&gateway, message("m1", "p-a", "branch")).await;
    until_state(&gateway, &id, DeliveryState::Delivered).await;
    let mut client = gateway.client.clone();
    let open = client.list_leads(pb::ListLeadsRequest::default()).await.unwrap().into_inner().leads;
    assert_eq!((open.len(), open[0].content.as_str(), open[0].state()), (1, "call ada", pb::LeadState::Open));
    let claim = |agent: &str| pb::ClaimLeadRequest { lead_id: id.clone(), agent: agent.to_owned(), lease_seconds: 60 };
    let close = |agent: &str| pb::CloseLeadRequest {
        lead_id: id.clone(),
        agent: agent.to_owned(),
        outcome: "accepted".to_owned(),
        value: 12.0,
    };
    assert_eq!(problem(&client.close_lead(close("kim")).await.unwrap_err()).0, "LEAD_NOT_HELD");
    let claimed = client.claim_lead(claim("kim")).await.unwrap().into_inner().lead.unwrap();
    assert_eq!((claimed.state(), claimed.etag.as_str()), (pb::LeadState::Claimed, "2"));
    assert_eq!(problem(&client.claim_lead(claim("lee")).await.unwrap_err()).0, "LEAD_CLAIMED");
    gateway.clock.advance(Duration::from_secs(61));
    assert_eq!(client.list_leads(pb::ListLeadsRequest::default()).await.unwrap().into_inner().leads.len(), 1);
    assert_eq!(problem(&client.close_lead(close("kim")).await.unwrap_err()).0, "LEAD_NOT_HELD");
    client.claim_lead(claim("lee")).await.unwrap();
    for _ in 0..2 {
        let closed = client.close_lead(close("lee")).await.unwrap().into_inner().lead.unwrap();
        assert_eq!((closed.state(), closed.agent.as_str()), (pb::LeadState::Closed, "lee"));
    }
    assert_eq!(problem(&client.claim_lead(claim("kim")).await.unwrap_err()).0, "LEAD_CLOSED");
    until_drained(&gateway).await;
    assert_eq!(fake.ids("decision/BatchRecordResponses"), [format!("lead-{id}:ACCEPT")]);
    assert_eq!(fake.ids("identity/BatchResolve"), Vec::<String>::new(), "the person is known");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_kept_once_and_become_responses() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(
        &gateway,
        "mail",
        Provider::File(pb::FileProvider { file_name: "mail".to_owned() }),
        DeliveryGuarantee::AtMostOnce,
    )
    .await;
    let id = send(&gateway, message("m1", "p-a", "mail")).await;
    until_state(&gateway, &id, DeliveryState::Delivered).await;
    let receipt = |id: &str, receipt_id: &str, kind: &str| pb::RecordReceiptRequest {
        delivery_id: id.to_owned(),
        receipt: Some(pb::Receipt { receipt_id: receipt_id.to_owned(), kind: kind.to_owned(), time: None }),
    };
    let mut client = gateway.client.clone();
    for (receipt_id, kind, duplicate) in
        [("r1", "opened", false), ("r1", "opened", true), ("r2", "clicked", false), ("r3", "delivered", false)]
    {
        let answer = client.record_receipt(receipt(&id, receipt_id, kind)).await.unwrap().into_inner();
        assert_eq!(answer.duplicate, duplicate, "{receipt_id}");
    }
    let unknown = client.record_receipt(receipt("nobody", "r1", "opened")).await.unwrap_err();
    assert_eq!(problem(&unknown).0, "RESOURCE_NOT_FOUND");
    until_drained(&gateway).await;
    let kinds: Vec<String> =
        fake.ids("decision/BatchRecordResponses").iter().map(|id| id.rsplit(':').next().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["IMPRESSION", "CLICK"]);
    assert_eq!(delivery(&gateway, &id).await.receipts.len(), 3);
    gateway.stop().await;
}
