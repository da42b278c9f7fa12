//! What the conductor hands to whom, in which order, and what happens when a callee fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod support;

use attune_proto::channel::v1 as pb;
use attune_proto::identity::v1::{Erasure, PersonChange, Split, person_change};
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::{JourneyChange, StageChange, Trigger};
use attune_proto::profile::v1::SegmentChange;
use support::fake::Fake;
use support::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_reaches_whom_it_concerns_in_order() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    let offer = [("offer_id", "gold")];
    let known = [("offer_id", "gold"), ("decision_id", "d7")];
    let events = vec![
        event("e1", "a", "page_view", &[]),
        event("e2", "a", "attune.contact", &offer),
        event("e3", "a", "attune.click", &offer),
        event("e4", "b", "attune.contact", &known),
        event("e5", "b", "attune.conversion", &known),
    ];
    let answer = collect(&gateway, events.clone()).await;
    assert_eq!((answer.accepted, answer.duplicates, answer.rejected.len()), (5, 0, 0));
    until_drained(&gateway).await;
    let all = ["e1", "e2", "e3", "e4", "e5"];
    assert_eq!(fake.ids("identity/BatchResolve"), all);
    assert_eq!(fake.ids("profile/AppendEvents"), all);
    assert_eq!(fake.ids("journey/Observe"), all);
    assert_eq!(fake.ids("contact/RecordContact"), ["e2", "e4"]);
    assert_eq!(fake.ids("decision/ImportDecisions"), ["e2"], "a contact of our own decision is not imported");
    assert_eq!(fake.ids("decision/BatchRecordResponses"), ["e3:CLICK", "e5:CONVERSION"]);
    let calls: Vec<String> = fake.0.lock().calls.iter().map(|(name, _)| name.clone()).collect();
    let at = |name: &str| calls.iter().position(|call| call == name).unwrap();
    assert!(at("decision/ImportDecisions") < at("decision/BatchRecordResponses"));

    let again = collect(&gateway, events).await;
    assert_eq!((again.accepted, again.duplicates), (0, 5));
    let done = pipeline(&gateway).await;
    assert_eq!((done.inbox_done, done.inbox_quarantined, done.inbox_oldest_seconds), (5, 0, 0.0));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_at_any_step_loses_and_reorders_nothing() {
    let steps = [
        "identity/BatchResolve",
        "profile/AppendEvents",
        "journey/Observe",
        "contact/RecordContact",
        "decision/ImportDecisions",
        "decision/BatchRecordResponses",
    ];
    for step in steps {
        let (fake, address) = Fake::start().await;
        fake.fail(step, 2);
        let directory = tempfile::tempdir().unwrap();
        let gateway = gateway(directory.path(), address, config()).await;
        let offer = [("offer_id", "gold")];
        let events = vec![event("e1", "a", "attune.contact", &offer), event("e2", "a", "attune.accept", &offer)];
        collect(&gateway, events).await;
        until_drained(&gateway).await;
        assert_eq!(fake.distinct("profile/AppendEvents"), ["e1", "e2"], "{step}");
        assert_eq!(fake.distinct("journey/Observe"), ["e1", "e2"], "{step}");
        assert_eq!(fake.distinct("contact/RecordContact"), ["e1"], "{step}");
        assert_eq!(fake.distinct("decision/ImportDecisions"), ["e1"], "{step}");
        assert_eq!(fake.distinct("decision/BatchRecordResponses"), ["e2:ACCEPT"], "{step}");
        let done = pipeline(&gateway).await;
        assert_eq!((done.inbox_done, done.inbox_quarantined), (2, 0), "{step}");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_and_holds_nobody_up() {
    let (fake, address) = Fake::start().await;
    fake.0.lock().poison.push("bad".to_owned());
    fake.0.lock().venom.push("worse".to_owned());
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    let mut events: Vec<pb::CollectEvent> = (0..50).map(|i| event(&format!("e{i:02}"), "a", "view", &[])).collect();
    events.insert(10, event("bad", "a", "bad", &[]));
    events.insert(20, event("worse", "a", "worse", &[]));
    collect(&gateway, events).await;
    until_drained(&gateway).await;
    let done = pipeline(&gateway).await;
    assert_eq!((done.inbox_done, done.inbox_quarantined), (50, 2));
    let appended = fake.distinct("profile/AppendEvents");
    let good: Vec<String> = appended.into_iter().filter(|id| id != "bad").collect();
    assert_eq!(good, (0..50).map(|i| format!("e{i:02}")).collect::<Vec<_>>(), "order is kept around the poison");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_events_survive_a_restart() {
    let (fake, address) = Fake::start().await;
    fake.fail("identity/BatchResolve", u32::MAX);
    let directory = tempfile::tempdir().unwrap();
    let before = gateway(directory.path(), address, config()).await;
    let events: Vec<pb::CollectEvent> = (0..1200).map(|i| event(&format!("e{i:04}"), "a", "view", &[])).collect();
    collect(&before, events.clone()).await;
    before.stop().await;
    fake.fail("identity/BatchResolve", 0);
    let after = gateway(directory.path(), address, config()).await;
    until_drained(&after).await;
    let expected: Vec<String> = events.iter().map(|event| event.event_id.clone()).collect();
    assert_eq!(fake.ids("profile/AppendEvents"), expected);
    assert_eq!(collect(&after, events).await.duplicates, 1200);
    after.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_who_is_who_reach_everybody_who_keeps_something() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    // Its channel is disabled after it was queued for later, so only the erasure can end it.
    make_channel(&gateway, "mail", file("mail.jsonl"), pb::DeliveryGuarantee::AtMostOnce).await;
    let later = Some(prost_types::Timestamp { seconds: NOW + 3600, nanos: 0 });
    let waiting = send(&gateway, pb::SendRequest { not_before: later, ..message("m1", "p-old", "mail") }).await;
    let erasure = Erasure { person_id: "p-a".to_owned(), alias_person_ids: vec!["p-old".to_owned()] };
    let change =
        PersonChange { offset: 7, change: Some(person_change::Change::Erasure(erasure)), ..Default::default() };
    let split = Split {
        person_id: "p-b".to_owned(),
        split_person_id: "p-c".to_owned(),
        split_alias_person_ids: vec!["p-c".to_owned(), "p-d".to_owned()],
        ..Default::default()
    };
    let split = PersonChange { offset: 6, change: Some(person_change::Change::Split(split)), ..Default::default() };
    fake.fail("decision/ApplyPersonChange", 1);
    fake.0.lock().persons.extend([split, change]);
    until("the cursor moves", || async { pipeline(&gateway).await.cursors["identity"] == 7 }).await;
    for service in ["profile", "journey", "decision", "contact"] {
        let seen = fake.distinct(&format!("{service}/ApplyPersonChange"));
        assert_eq!(seen, ["6 p-c p-d", "7"], "{service}");
    }
    let ended = delivery(&gateway, &waiting).await;
    assert_eq!((ended.state(), ended.suppressed_by.as_str()), (pb::DeliveryState::Suppressed, "erased"));
    assert_eq!(pipeline(&gateway).await.suppressed["erased"], 1);
    // What a provider says of them afterwards is neither kept nor passed on.
    let receipt = pb::Receipt { receipt_id: "p-old opened it".to_owned(), kind: "opened".to_owned(), time: None };
    let receipt = pb::RecordReceiptRequest { delivery_id: waiting.clone(), receipt: Some(receipt) };
    gateway.client.clone().record_receipt(receipt).await.unwrap();
    assert!(delivery(&gateway, &waiting).await.receipts.is_empty());
    assert_eq!(pipeline(&gateway).await.inbox_pending, 0);
    gateway.stop().await;
}

fn file(name: &str) -> pb::channel::Provider {
    pb::channel::Provider::File(pb::FileProvider { file_name: name.to_owned() })
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_go_to_journey_and_triggers_to_the_outbox() {
    let (fake, address) = Fake::start().await;
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(directory.path(), address, config()).await;
    make_channel(&gateway, "mail", file("mail.jsonl"), pb::DeliveryGuarantee::AtMostOnce).await;
    let template =
        pb::Template { template_id: "hello".to_owned(), body: "dear {{ name }}".to_owned(), ..Default::default() };
    let request = pb::CreateTemplateRequest { template: Some(template), request_id: String::new() };
    gateway.client.clone().create_template(request).await.unwrap();
    {
        let mut world = fake.0.lock();
        world.segments.push(SegmentChange {
            offset: 3,
            segment_id: "vip".to_owned(),
            person_id: "p-a".to_owned(),
            entered: true,
            ..Default::default()
        });
        let change = |offset, change| JourneyChange {
            offset,
            person_id: "p-a".to_owned(),
            change: Some(change),
            ..Default::default()
        };
        let stage = StageChange { journey_id: "loan".to_owned(), to_stage: "form".to_owned(), ..Default::default() };
        let trigger = |placement: &str| Trigger {
            trigger_id: "t1".to_owned(),
            placement: placement.to_owned(),
            ..Default::default()
        };
        world.triggers.push(change(1, Change::StageChange(stage)));
        world.triggers.push(change(2, Change::Trigger(trigger("follow-up"))));
        world.triggers.push(change(3, Change::Trigger(trigger(""))));
    }
    fake.fail("decision/Decide", 1);
    fake.fail("journey/AckTriggers", 1);
    until("the message is out", || async { pipeline(&gateway).await.deliveries.get("DELIVERED") == Some(&1) }).await;
    until("the feeds are relayed", || async {
        let cursors = pipeline(&gateway).await.cursors;
        cursors["segments"] == 3 && cursors["triggers"] == 3
    })
    .await;
    assert_eq!(fake.distinct("journey/Observe"), ["segment_entered:segment-3"]);
    assert_eq!(fake.distinct("profile/UpdateProfile"), ["stage-1", "journey.loan"]);
    assert_eq!(fake.distinct("decision/Decide"), ["trigger:t1"]);
    let written = std::fs::read_to_string(directory.path().join("outbox/mail.jsonl")).unwrap();
    assert_eq!(written.lines().count(), 1, "a trigger that is read twice sends once");
    let line: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!((line["body"].as_str(), line["offer_id"].as_str()), (Some("dear ada"), Some("gold")));
    gateway.stop().await;
}
