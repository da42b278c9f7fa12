//! Persons become one, and persons are forgotten; every service follows.

use attune_integration_tests::values::{seconds, time};
use attune_integration_tests::{Happening, Suite, events, eventually};
use attune_proto::channel::v1::{DeliveryState, GetDeliveryRequest, SendRequest};
use attune_proto::identity::v1::ErasePersonRequest;
use attune_proto::journey::v1::{RunSessionsRequest, Selection};
use serde_json::json;

use crate::bank::{self, FUND, HOME};
use crate::the_loop::send;

pub(crate) async fn two_persons_become_one_with_both_histories(suite: Suite) {
    bank::opens(&suite).await;
    let (mail, mobile) = (("email", "ada@bank.example"), ("phone", "+82 10 1234 5678"));
    let record = Happening::of("customer_record").by(mail).id("record").with(json!({"attributes": {"income": 72_000}}));
    suite.collect([record, Happening::of("call").by(mobile).on("call_centre").id("call")]).await;
    suite.worked_through().await;
    let (first, second) = (suite.person(mail).await, suite.person(mobile).await);
    assert_ne!(first, second);
    suite.consents(&first, true).await;
    let before = suite.decide(mail, HOME).await;
    for (who, id) in [(mail, "mail-contact"), (mobile, "call-contact")] {
        suite.collect([Happening::of("attune.contact").by(who).id(id).with(json!({"offer_id": FUND}))]).await;
    }
    suite.worked_through().await;

    suite.collect([Happening::of("login").by(mail).by(mobile).id("login")]).await;
    suite.worked_through().await;
    suite.changes_relayed().await;

    let person = suite.person(mail).await;
    assert_eq!(suite.person(mobile).await, person);
    assert!(person == first || person == second, "an id that was issued survives");
    for id in [&first, &second] {
        let timeline = suite.timeline(id).await;
        let mut seen: Vec<&str> = timeline.iter().map(|event| event.event_id.as_str()).collect();
        seen.sort_unstable();
        assert_eq!(seen, ["call", "call-contact", "login", "mail-contact", "record"]);
        assert!(suite.profile(id).await.attributes.contains_key("income"), "attributes follow");
        let mut contacts: Vec<String> = suite.contacts(id).await.into_iter().map(|one| one.contact_id).collect();
        contacts.sort_unstable();
        assert_eq!(contacts, ["call-contact", "mail-contact"]);
        assert_eq!(visits(&suite, id).await, 5, "journeys follow");
    }
    assert_eq!(suite.explain(&before.decision_id).await.decision.unwrap().person_id, person, "decisions follow");
    let after = suite.decide(mobile, HOME).await;
    assert_eq!((after.person_id, after.offers[0].offer_id.as_str()), (person, FUND));
}

pub(crate) async fn an_erased_person_is_gone_from_every_service(suite: Suite) {
    bank::opens(&suite).await;
    let (ada, bo) = (("customer_id", "ada"), ("customer_id", "bo"));
    let person = bank::knows(&suite, ada, 72_000).await;
    let neighbour = bank::knows(&suite, bo, 72_000).await;
    let decision = suite.decide(ada, HOME).await;
    for name in ["contact", "accept"] {
        suite.collect([Happening::answer(name, &decision.decision_id, FUND).by(ada)]).await;
    }
    suite.worked_through().await;
    assert_eq!(suite.contacts(&person).await.len(), 1);
    let tomorrow = events::now().plus(std::time::Duration::from_secs(86_400));
    let waiting = SendRequest { not_before: Some(time(tomorrow)), ..send(&person, "tomorrow") };
    let waiting = suite.clients.channel.clone().send(waiting).await.unwrap().into_inner().delivery_id;

    let request =
        ErasePersonRequest { person_id: person.clone(), actor: "ada herself".to_owned(), ..Default::default() };
    let receipt = suite.clients.identity.clone().erase_person(request).await.unwrap().into_inner();
    assert_eq!((receipt.person_id, receipt.identifiers_removed), (person.clone(), 1));
    suite.changes_relayed().await;

    assert_eq!(suite.find(ada).await, None, "identity forgot the customer number");
    assert_eq!(suite.timeline(&person).await, [], "profile forgot the events");
    let profile = suite.profile(&person).await;
    assert!(profile.attributes.is_empty() && profile.consents.is_empty() && profile.tags.is_empty(), "{profile:?}");
    assert_eq!(visits(&suite, &person).await, 0, "journey forgot the visits");
    assert_eq!(suite.contacts(&person).await, [], "contact-optimization forgot the contacts");
    let logged = suite.explain(&decision.decision_id).await;
    assert_eq!(logged.decision.unwrap().person_id, "", "decision keeps the counts and cuts the link");
    let delivery = eventually("the waiting message is taken back", || async {
        let request = GetDeliveryRequest { delivery_id: waiting.clone() };
        let delivery = suite.clients.channel.clone().get_delivery(request).await.unwrap().into_inner().delivery?;
        (delivery.state() == DeliveryState::Suppressed).then_some(delivery)
    });
    assert_eq!(delivery.await.suppressed_by, "erased");
    assert_eq!(suite.timeline(&neighbour).await.len(), 1, "nobody else is touched");

    suite.collect([Happening::of("login").by(ada).id("back")]).await;
    suite.worked_through().await;
    let again = suite.person(ada).await;
    assert_ne!(again, person, "who comes back is a new person");
    let seen: Vec<String> = suite.timeline(&again).await.into_iter().map(|event| event.event_id).collect();
    assert_eq!(seen, ["back"]);
}

/// How many events of a person journey-pathing knows.
async fn visits(suite: &Suite, person_id: &str) -> i64 {
    let selection = Selection { person_ids: vec![person_id.to_owned()], ..Selection::default() };
    let request = RunSessionsRequest { selection: Some(selection), gap: Some(seconds(1800)) };
    suite.clients.journey.clone().run_sessions(request).await.unwrap().into_inner().events
}
