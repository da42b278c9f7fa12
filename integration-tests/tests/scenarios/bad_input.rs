//! What breaks a rule is refused with a reason and the field's path, and leaves nothing behind.

use attune_integration_tests::events::identifier;
use attune_integration_tests::values::unique;
use attune_integration_tests::{Happening, Suite};
use attune_proto::channel::v1 as channel;
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1 as decision;
use attune_proto::identity::v1 as identity;
use attune_proto::journey::v1 as journey;
use attune_proto::profile::v1 as profile;
use serde_json::json;
use tonic::Code;

use crate::bank::{self, HOME};
use crate::refusal::{Refusal, item, refused};
use crate::the_loop::send;

/// 0001-01-01 and 9999-12-31 in seconds.
const YEAR_1: i64 = -62_135_596_800;
const YEAR_9999: i64 = 253_402_214_400;
/// A rule that does not compile.
const BROKEN: &str = "attributes.age >= ";

pub(crate) async fn bad_events_are_named_and_good_ones_are_taken(suite: Suite) {
    let ada = ("customer_id", "ada");
    let events = vec![
        Happening::of("login").by(ada).id("good").into(),
        Happening::of("login").by(ada).id("").into(),
        Happening::of("login").by(ada).at(YEAR_1).into(),
        Happening::of("login").by(ada).at(YEAR_9999).into(),
        Happening::of("login").by(("cookie", "")).into(),
        Happening::of("login").into(),
        Happening::of("attune.accept").by(ada).into(),
    ];
    let request = channel::CollectRequest { events };
    let answer = suite.clients.channel.clone().collect(request).await.expect("the call is fine").into_inner();
    assert_eq!(answer.accepted, 1);
    let rejected: Vec<(i32, Refusal)> =
        answer.rejected.iter().map(|one| (one.index, item(one.status.as_ref()))).collect();
    let expected = [
        (1, "events[1].event_id"),
        (2, "events[2].time"),
        (3, "events[3].time"),
        (4, "events[4].identifiers[0].value"),
        (5, "events[5].identifiers"),
        (6, "events[6].properties.offer_id"),
    ];
    assert_eq!(rejected, expected.map(|(index, field)| (index, Refusal::invalid(&[field]))));
    suite.worked_through().await;
    let timeline = suite.timeline(&suite.person(ada).await).await;
    let seen: Vec<&str> = timeline.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(seen, ["good"], "nothing of the others was kept");
}

pub(crate) async fn an_unknown_namespace_is_refused_and_an_event_with_it_is_set_aside(suite: Suite) {
    let ada = ("customer_id", "ada");
    let request = identity::ResolveRequest { identifiers: vec![identifier(("shoe_size", "44"))], ..Default::default() };
    let refusal = refused(suite.clients.identity.clone().resolve(request).await);
    assert_eq!(refusal, Refusal::of(Code::InvalidArgument, "UNKNOWN_NAMESPACE", &["identifiers[0].namespace"]));

    // The gateway does not know the namespaces: it takes the event, and the event waits for people.
    suite
        .collect([Happening::of("login").by(ada).by(("shoe_size", "44")), Happening::of("login").by(ada).id("good")])
        .await;
    let pipeline = suite.worked_through().await;
    assert_eq!((pipeline.inbox_done, pipeline.inbox_quarantined), (1, 1));
    let timeline = suite.timeline(&suite.person(ada).await).await;
    assert_eq!(timeline.len(), 1, "the others are not held up: {timeline:?}");
}

pub(crate) async fn times_beyond_history_are_refused_everywhere(suite: Suite) {
    let person_id = known_person(&suite).await;
    for seconds in [YEAR_1, YEAR_9999] {
        let time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let resolve = identity::ResolveRequest {
            identifiers: vec![identifier(("customer_id", "timeless"))],
            event_time: time,
            ..Default::default()
        };
        assert_eq!(refused(suite.clients.identity.clone().resolve(resolve).await), Refusal::invalid(&["event_time"]));
        let admit = contact::AdmitRequest {
            person_id: person_id.clone(),
            candidates: vec![contact::Candidate { channel: "web".to_owned(), ..Default::default() }],
            time,
            ..Default::default()
        };
        assert_eq!(refused(suite.clients.contact.clone().admit(admit).await), Refusal::invalid(&["time"]));
        let made = contact::Contact {
            contact_id: unique("contact"),
            person_id: person_id.clone(),
            channel: "web".to_owned(),
            time,
            ..Default::default()
        };
        let record = contact::RecordContactRequest { contacts: vec![made] };
        assert_eq!(
            refused(suite.clients.contact.clone().record_contact(record).await),
            Refusal::invalid(&["contacts[0].time"])
        );
        let event = profile::Event {
            event_id: unique("event"),
            person_id: person_id.clone(),
            event: "login".to_owned(),
            time,
            ..Default::default()
        };
        let append = profile::AppendEventsRequest { events: vec![event.clone()] };
        let appended = suite.clients.profile.clone().append_events(append).await.unwrap().into_inner();
        assert_eq!(item(appended.rejected[0].status.as_ref()), Refusal::invalid(&["events[0].time"]));
        let observe = journey::ObserveRequest { events: vec![event] };
        let observed = suite.clients.journey.clone().observe(observe).await.unwrap().into_inner();
        assert_eq!(item(observed.rejected[0].status.as_ref()), Refusal::invalid(&["events[0].time"]));
    }
    assert_eq!(suite.find(("customer_id", "timeless")).await, None);
    assert_eq!(suite.contacts(&person_id).await, []);
    assert_eq!(suite.timeline(&person_id).await.len(), 1);
}

pub(crate) async fn a_payload_of_ten_megabytes_is_refused_whole(suite: Suite) {
    let ada = ("customer_id", "ada");
    let huge = Happening::of("login").by(ada).with(json!({"text": "x".repeat(10 << 20)}));
    let request = channel::CollectRequest { events: vec![Happening::of("login").by(ada).into(), huge.into()] };
    let refusal = refused(suite.clients.channel.clone().collect(request).await);
    assert_eq!(refusal.reason, "MESSAGE_TOO_LARGE");
    assert!(matches!(refusal.code, Code::OutOfRange | Code::ResourceExhausted), "{refusal:?}");
    let pipeline = suite.worked_through().await;
    assert_eq!(pipeline.inbox_done, 0);
    assert_eq!(suite.find(ada).await, None);
}

pub(crate) async fn rules_that_do_not_compile_are_not_stored(suite: Suite) {
    let offer = decision::Offer { offer_id: "bad".to_owned(), eligibility: BROKEN.to_owned(), ..Default::default() };
    let create = decision::CreateOfferRequest { offer: Some(offer), ..Default::default() };
    let mut client = suite.clients.decision.clone();
    assert_eq!(refused(client.create_offer(create).await), Refusal::invalid(&["offer.eligibility"]));
    let get = decision::GetOfferRequest { offer_id: "bad".to_owned() };
    assert_eq!(refused(client.get_offer(get).await), Refusal::missing());

    let segment =
        profile::Segment { segment_id: "bad".to_owned(), expression: BROKEN.to_owned(), ..Default::default() };
    let create = profile::CreateSegmentRequest { segment: Some(segment), ..Default::default() };
    let mut client = suite.clients.profile.clone();
    assert_eq!(refused(client.create_segment(create).await), Refusal::invalid(&["segment.expression"]));
    let get = profile::GetSegmentRequest { segment_id: "bad".to_owned() };
    assert_eq!(refused(client.get_segment(get).await), Refusal::missing());

    let source = "rules:\n- {id: bad, events: login, where: 'properties.x =='}\n".to_owned();
    let set = journey::TriggerRuleSet {
        trigger_rule_set_id: "bad".to_owned(),
        rules: Some(journey::trigger_rule_set::Rules::Source(source)),
        ..Default::default()
    };
    let create = journey::CreateTriggerRuleSetRequest { trigger_rule_set: Some(set), ..Default::default() };
    let mut client = suite.clients.journey.clone();
    let answer = client.create_trigger_rule_set(create).await;
    assert_eq!(refused(answer), Refusal::invalid(&["trigger_rule_set.source"]));
    let get = journey::GetTriggerRuleSetRequest { trigger_rule_set_id: "bad".to_owned() };
    assert_eq!(refused(client.get_trigger_rule_set(get).await), Refusal::missing());

    let campaign =
        contact::Campaign { campaign_id: "bad".to_owned(), audience: BROKEN.to_owned(), ..Default::default() };
    let create = contact::CreateCampaignRequest { campaign: Some(campaign), ..Default::default() };
    let mut client = suite.clients.contact.clone();
    assert_eq!(refused(client.create_campaign(create).await), Refusal::invalid(&["campaign.audience"]));
    let get = contact::GetCampaignRequest { campaign_id: "bad".to_owned() };
    assert_eq!(refused(client.get_campaign(get).await), Refusal::missing());

    let template =
        channel::Template { template_id: "bad".to_owned(), body: "{{ open".to_owned(), ..Default::default() };
    let create = channel::CreateTemplateRequest { template: Some(template), ..Default::default() };
    let mut client = suite.clients.channel.clone();
    assert_eq!(refused(client.create_template(create).await), Refusal::invalid(&["template.body"]));
    let get = channel::GetTemplateRequest { template_id: "bad".to_owned() };
    assert_eq!(refused(client.get_template(get).await), Refusal::missing());
}

pub(crate) async fn page_tokens_of_nobody_are_refused(suite: Suite) {
    let person_id = known_person(&suite).await;
    let page_token = "beef".to_owned();
    let bad = Refusal::invalid(&["page_token"]);
    let offers = decision::ListOffersRequest { page_token: page_token.clone(), ..Default::default() };
    assert_eq!(refused(suite.clients.decision.clone().list_offers(offers).await), bad);
    let timeline = profile::ListTimelineRequest {
        person_id: person_id.clone(),
        page_token: page_token.clone(),
        ..Default::default()
    };
    assert_eq!(refused(suite.clients.profile.clone().list_timeline(timeline).await), bad);
    let contacts = contact::ListContactsRequest { person_id, page_token: page_token.clone(), ..Default::default() };
    assert_eq!(refused(suite.clients.contact.clone().list_contacts(contacts).await), bad);
    let journeys = journey::ListJourneysRequest { page_token: page_token.clone(), ..Default::default() };
    assert_eq!(refused(suite.clients.journey.clone().list_journeys(journeys).await), bad);
    let deliveries = channel::ListDeliveriesRequest { page_token, ..Default::default() };
    assert_eq!(refused(suite.clients.channel.clone().list_deliveries(deliveries).await), bad);
}

pub(crate) async fn what_is_not_there_is_said_to_be_missing(suite: Suite) {
    bank::opens(&suite).await;
    let person_id = known_person(&suite).await;
    let nobody = "0".repeat(26);
    let person = identity::GetPersonRequest { person_id: nobody.clone() };
    assert_eq!(refused(suite.clients.identity.clone().get_person(person).await), Refusal::missing());
    let explain = decision::ExplainRequest { decision_id: nobody.clone() };
    assert_eq!(refused(suite.clients.decision.clone().explain(explain).await), Refusal::missing());
    let delivery = channel::GetDeliveryRequest { delivery_id: nobody };
    assert_eq!(refused(suite.clients.channel.clone().get_delivery(delivery).await), Refusal::missing());
    let subject = Some(decision::Subject { person_id: person_id.clone(), ..Default::default() });
    let decide = decision::DecideRequest { subject, placement: "nowhere".to_owned(), ..Default::default() };
    assert_eq!(refused(suite.clients.decision.clone().decide(decide).await), Refusal::missing());
    let message = channel::SendRequest { channel: "pigeon".to_owned(), ..send(&person_id, "by-pigeon") };
    assert_eq!(refused(suite.clients.channel.clone().send(message).await), Refusal::missing());
    assert_eq!(suite.pipeline().await.deliveries.values().sum::<i64>(), 0, "nothing was queued");
}

pub(crate) async fn empty_ids_are_named(suite: Suite) {
    bank::opens(&suite).await;
    let empty = profile::GetProfileRequest::default();
    assert_eq!(refused(suite.clients.profile.clone().get_profile(empty).await), Refusal::invalid(&["person_id"]));
    let subject = Some(decision::Subject::default());
    let decide = decision::DecideRequest { subject, placement: HOME.to_owned(), ..Default::default() };
    let refusal = refused(suite.clients.decision.clone().decide(decide).await);
    assert_eq!(refusal, Refusal::invalid(&["subject"]));
    let refusal = refused(suite.clients.decision.clone().decide(decision::DecideRequest::default()).await);
    assert_eq!(refusal, Refusal::invalid(&["subject", "placement"]));
    let refusal = refused(suite.clients.channel.clone().send(channel::SendRequest::default()).await);
    assert_eq!(refusal, Refusal::invalid(&["request_id", "person_id", "channel", "message_id"]));
    let refusal = refused(suite.clients.identity.clone().resolve(identity::ResolveRequest::default()).await);
    assert_eq!(refusal, Refusal::invalid(&["identifiers"]));
    let refusal = refused(suite.clients.channel.clone().collect(channel::CollectRequest::default()).await);
    assert_eq!(refusal, Refusal::invalid(&["events"]));
}

/// Somebody of whom one event is known.
async fn known_person(suite: &Suite) -> String {
    let somebody = ("customer_id", "somebody");
    suite.collect([Happening::of("login").by(somebody)]).await;
    suite.worked_through().await;
    suite.person(somebody).await
}
