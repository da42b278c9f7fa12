//! Events come in, a person is known, a decision is made and explained, a message goes out once, the answer is learned.

use attune_integration_tests::patience::a_while;
use attune_integration_tests::values::{object, unique};
use attune_integration_tests::{Happening, Suite, eventually};
use attune_proto::channel::v1::{DeliveryState, GetDeliveryRequest, SendRequest};
use attune_proto::decision::v1::CandidateStage;
use serde_json::json;

use crate::bank::{self, EMAIL, EMAIL_FILE, FUND, HOME, SAVINGS};

pub(crate) async fn devices_of_a_customer_become_one_person(suite: Suite) {
    let laptop = ("cookie", "laptop-1");
    let phone = ("device", "phone-1");
    let ada = ("customer_id", "ada");
    suite.collect([Happening::of("page_view").by(laptop).id("one")]).await;
    suite.worked_through().await;
    let visitor = suite.person(laptop).await;

    suite.collect([Happening::of("login").by(laptop).by(ada).id("two")]).await;
    suite.collect([Happening::of("login").by(phone).by(ada).on("app").id("three")]).await;
    suite.collect([Happening::of("app_open").by(phone).on("app").id("four")]).await;
    suite.worked_through().await;
    suite.changes_relayed().await;

    let person = suite.person(ada).await;
    assert_eq!(suite.person(laptop).await, person);
    assert_eq!(suite.person(phone).await, person);
    let timeline = suite.timeline(&person).await;
    let seen: Vec<&str> = timeline.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(seen, ["one", "two", "three", "four"], "the anonymous visit belongs to the customer");
    let old = suite.timeline(&visitor).await;
    assert_eq!(old, timeline, "the id of the visitor still leads there");
    let profile = suite.profile(&person).await;
    assert_eq!(profile.person_id, person);
    assert_eq!(profile.traits["event_count"].kind, Some(prost_types::value::Kind::NumberValue(4.0)));

    let again = suite.collect([Happening::of("app_open").by(phone).on("app").id("four")]).await;
    assert_eq!((again.accepted, again.duplicates), (0, 1), "a repeat is known");
    let pipeline = suite.worked_through().await;
    assert_eq!((pipeline.inbox_done, pipeline.inbox_quarantined), (4, 0));
    assert_eq!(suite.timeline(&person).await.len(), 4);
}

pub(crate) async fn a_decision_is_explained_and_learns_from_its_answers(suite: Suite) {
    bank::opens(&suite).await;
    let ada = ("customer_id", "ada");
    let record = Happening::of("customer_record").by(ada).with(json!({"attributes": {"income": 72_000}}));
    suite.collect([record]).await;
    suite.worked_through().await;
    let person = suite.person(ada).await;

    let silent = suite.decide(ada, HOME).await;
    assert_eq!(silent.offers, [], "nobody advertises without consent");
    suite.consents(&person, true).await;
    let decision = suite.decide(ada, HOME).await;
    assert_eq!(decision.person_id, person);
    assert_eq!(decision.degradations, [] as [&str; 0]);
    let [offered] = decision.offers.as_slice() else { panic!("one offer is due: {decision:?}") };
    assert_eq!((offered.offer_id.as_str(), offered.rank), (FUND, 1));
    assert_eq!(offered.message_id, "fund-plan-any");
    assert!(offered.propensity > 0.0 && offered.propensity < 1.0, "{offered:?}");
    assert!((offered.selection_probability - 1.0).abs() < 1e-9, "the only eligible offer was certain: {offered:?}");
    let why = decision.explanation.expect("the reasons");
    let fate = |offer_id: &str| {
        let found = why.candidates.iter().find(|candidate| candidate.offer_id == offer_id);
        found.unwrap_or_else(|| panic!("{offer_id} is not explained"))
    };
    assert_eq!(fate(FUND).stage(), CandidateStage::Offered);
    assert_eq!(fate(SAVINGS).stage(), CandidateStage::Ineligible);
    assert_eq!(fate(SAVINGS).attribute, "attributes.income");

    let saw = Happening::answer("impression", &decision.decision_id, FUND).by(ada);
    let accepted = Happening::answer("accept", &decision.decision_id, FUND).by(ada);
    suite.collect([saw.id("saw"), accepted.id("accepted")]).await;
    suite.collect([Happening::answer("accept", &decision.decision_id, FUND).by(ada).id("accepted")]).await;
    suite.worked_through().await;
    let explained = suite.explain(&decision.decision_id).await;
    let kinds: Vec<&str> = explained.responses.iter().map(|response| response.kind.as_str()).collect();
    assert_eq!(kinds, ["IMPRESSION", "ACCEPT"], "each answer is joined once");
    assert_eq!(explained.placement, HOME);
    let logged = explained.decision.expect("the decision");
    assert_eq!(logged.offers[0].selection_probability, decision.offers[0].selection_probability);

    let learned = eventually("the model learned from the acceptance", || async {
        let next = suite.decide(ada, HOME).await;
        (next.offers[0].propensity > decision.offers[0].propensity).then_some(next)
    });
    assert_ne!(learned.await.decision_id, decision.decision_id);
}

pub(crate) async fn an_abandoned_form_leads_to_one_message(suite: Suite) {
    bank::opens(&suite).await;
    bank::watches_the_form(&suite).await;
    let (ada, bo) = (("customer_id", "ada"), ("customer_id", "bo"));
    let left = bank::knows(&suite, ada, 30_000).await;
    let finished = bank::knows(&suite, bo, 30_000).await;

    suite
        .collect([
            Happening::of("form_start").by(ada),
            Happening::of("form_start").by(bo),
            Happening::of("form_submit").by(bo),
        ])
        .await;
    let message =
        eventually("the message is delivered", || async { suite.messages(EMAIL_FILE, &left).into_iter().next() });
    let message = message.await;
    a_while().await;

    assert_eq!(suite.messages(EMAIL_FILE, &left).len(), 1, "once");
    assert_eq!(suite.messages(EMAIL_FILE, &finished).len(), 0, "who finished hears nothing");
    assert_eq!(message["subject"], "About savings");
    let decision = suite.explain(message["decision_id"].as_str().unwrap()).await;
    assert_eq!(decision.decision.unwrap().person_id, left);
    let contacts = suite.contacts(&left).await;
    assert_eq!(contacts.len(), 1, "the contact is on record: {contacts:?}");
    assert_eq!((contacts[0].channel.as_str(), contacts[0].offer_id.as_str()), (EMAIL, SAVINGS));
    let pipeline = suite.worked_through().await;
    assert_eq!(pipeline.deliveries.get("DELIVERED"), Some(&1));
    assert_eq!(pipeline.attempts, 1);
}

pub(crate) async fn a_cap_of_one_holds_the_second_message_back(suite: Suite) {
    bank::opens(&suite).await;
    bank::caps_mails_at_one(&suite).await;
    let ada = ("customer_id", "ada");
    let person = bank::knows(&suite, ada, 30_000).await;

    let mut states = Vec::new();
    for request_id in [unique("send"), unique("send")] {
        states.push(end_of(&suite, send(&person, &request_id)).await);
    }
    assert_eq!(states[0].0, DeliveryState::Delivered);
    assert_eq!((states[1].0, states[1].1.as_str()), (DeliveryState::Suppressed, "one-mail-a-week"));

    assert_eq!(suite.messages(EMAIL_FILE, &person).len(), 1);
    let pipeline = suite.pipeline().await;
    assert_eq!(pipeline.deliveries.values().sum::<i64>(), 2, "{pipeline:?}");
    assert_eq!(pipeline.suppressed.get("one-mail-a-week"), Some(&1));
}

/// A message to a person by e-mail.
pub(crate) fn send(person_id: &str, request_id: &str) -> SendRequest {
    SendRequest {
        request_id: request_id.to_owned(),
        person_id: person_id.to_owned(),
        channel: EMAIL.to_owned(),
        message_id: "offer-mail".to_owned(),
        variables: Some(object(&json!({"title": "Good news"}))),
        ..SendRequest::default()
    }
}

/// Sends and waits for the end: its state and the rule that held it back.
async fn end_of(suite: &Suite, request: SendRequest) -> (DeliveryState, String) {
    let mut client = suite.clients.channel.clone();
    let first = client.send(request.clone()).await.expect("the message is accepted").into_inner();
    let second = client.send(request).await.expect("a repeat is accepted").into_inner();
    assert_eq!(
        (second.delivery_id, second.duplicate),
        (first.delivery_id.clone(), true),
        "and means the same delivery"
    );
    eventually("the delivery ends", || async {
        let request = GetDeliveryRequest { delivery_id: first.delivery_id.clone() };
        let answer = suite.clients.channel.clone().get_delivery(request).await.expect("the delivery").into_inner();
        let delivery = answer.delivery.expect("a delivery");
        let open = matches!(delivery.state(), DeliveryState::Queued | DeliveryState::Attempting);
        (!open).then(|| (delivery.state(), delivery.suppressed_by))
    })
    .await
}
