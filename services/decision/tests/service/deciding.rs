//! Decide and what it asks of others.

use std::collections::BTreeMap;

use attune_proto::decision::v1 as pb;
use attune_proto::{identity::v1::Identifier, profile::v1::Consent};
use tonic::Code;

use crate::support::{World, ask, config, home, offer, person, refusal};

fn text(value: &str) -> prost_types::Value {
    prost_types::Value { kind: Some(prost_types::value::Kind::StringValue(value.into())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eligible_offer_is_made_with_its_message_and_reasons() {
    for world in World::all(config()).await {
        let who = person(1);
        world.set_attribute(&who, "age", 41.0);
        world.placement(pb::Placement { slots: 2, ..home() }).await;
        world.offer(pb::Offer { eligibility: "attributes.age >= 40.0".into(), value: 5.0, ..offer("gold") }).await;
        world.offer(pb::Offer { eligibility: "attributes.age < 40.0".into(), ..offer("young") }).await;
        world
            .offer(pb::Offer { context_rule: "'search' in recent".into(), context_weight: 3.0, ..offer("fund") })
            .await;
        let content = prost_types::Struct { fields: BTreeMap::from([("title".into(), text("금"))]) };
        let message = pb::Message {
            message_id: "gold-ko".into(),
            offer_id: "gold".into(),
            language: "ko".into(),
            content: Some(content.clone()),
            ..Default::default()
        };
        world
            .client
            .clone()
            .create_message(pb::CreateMessageRequest { message: Some(message), request_id: String::new() })
            .await
            .unwrap();

        let event = |event: &str| pb::RecentEvent { event: event.into(), ..Default::default() };
        let request = pb::DecideRequest {
            context: [("language".to_owned(), text("ko-KR"))].into(),
            recent_events: vec![event("home"), event("search")],
            explain: true,
            ..ask(&who)
        };
        let answer = world.decide(request).await.unwrap();
        assert_eq!(answer.person_id, who);
        assert!(answer.degradations.is_empty());
        let offered: Vec<&str> = answer.offers.iter().map(|offer| offer.offer_id.as_str()).collect();
        assert!(offered == ["gold", "fund"] || offered == ["fund", "gold"], "{offered:?}");
        let gold = answer.offers.iter().find(|offer| offer.offer_id == "gold").unwrap();
        assert_eq!(
            (gold.message_id.as_str(), &gold.content, gold.treatment.as_str()),
            ("gold-ko", &Some(content), "arbitrated")
        );
        let sum: f64 = answer.offers.iter().map(|offer| offer.selection_probability).sum();
        assert!((sum - 1.0).abs() < 1e-12, "two contenders share all of the probability");

        let explanation = answer.explanation.unwrap();
        let young = explanation.candidates.iter().find(|candidate| candidate.offer_id == "young").unwrap();
        assert_eq!(young.stage(), pb::CandidateStage::Ineligible);
        assert_eq!(
            (young.attribute.as_str(), young.value_read.as_str(), young.threshold.as_str()),
            ("attributes.age", "41", "40")
        );
        let fund = explanation.candidates.iter().find(|candidate| candidate.offer_id == "fund").unwrap();
        let parts = fund.score_parts.unwrap();
        assert_eq!(parts.context_weight, 3.0);
        let product = parts.propensity * parts.value * parts.context_weight * parts.lever;
        assert!((parts.score - product).abs() < 1e-12);
        let stages: Vec<(pb::CandidateStage, i32)> = explanation
            .stages
            .iter()
            .filter(|count| count.rule.is_empty())
            .map(|count| (count.stage(), count.count))
            .collect();
        assert_eq!(stages, [(pb::CandidateStage::Ineligible, 1), (pb::CandidateStage::Offered, 2)]);

        let logged = world.explain(&answer.decision_id).await.unwrap();
        let decision = logged.decision.unwrap();
        assert_eq!((decision.offers, decision.explanation), (answer.offers, Some(explanation)));
        assert_eq!(logged.placement, "home");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_gets_the_same_decision() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        for number in 0..20 {
            world.offer(offer(&format!("o{number}"))).await;
        }
        let request = pb::DecideRequest { request_id: "r".into(), ..ask(&person(1)) };
        let first = world.decide(request.clone()).await.unwrap();
        assert_eq!(world.decide(request.clone()).await.unwrap(), first);
        let other = pb::DecideRequest { subject: ask(&person(2)).subject, ..request.clone() };
        assert_eq!(refusal(&world.decide(other).await.unwrap_err()).1, "REQUEST_ID_REUSED");
        let racing = pb::DecideRequest { request_id: "race".into(), ..ask(&person(1)) };
        let racers = futures::future::join_all((0..8).map(|_| world.decide(racing.clone()))).await;
        let ids: std::collections::BTreeSet<String> =
            racers.into_iter().map(|answer| answer.unwrap().decision_id).collect();
        assert_eq!(ids.len(), 1, "{ids:?}");
        let dry = world.decide(pb::DecideRequest { dry_run: true, ..request }).await.unwrap();
        assert_eq!((dry.decision_id.as_str(), dry.offers.len()), ("", 1));
        let reported: i64 = world.report().await.values().map(|offer| offer.received).sum();
        assert_eq!(reported, 2, "a dry run leaves no trace");
        let world = world.restart().await;
        let request = pb::DecideRequest { request_id: "r".into(), ..ask(&person(1)) };
        assert_eq!(world.decide(request).await.unwrap(), first, "also after a restart");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_policy_and_consent_hold_back_and_the_fallback_stands_in() {
    for world in World::all(config()).await {
        let who = person(3);
        world.placement(pb::Placement { fallback_offer_id: "info".into(), ..home() }).await;
        world.offer(offer("tired")).await;
        world.offer(pb::Offer { purpose: "marketing".into(), ..offer("sale") }).await;
        world.offer(pb::Offer { eligibility: "false".into(), ..offer("info") }).await;
        world.others.lock().held.insert("tired".into());
        let consent = |granted: bool, seconds: i64| Consent {
            purpose: "marketing".into(),
            granted,
            time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..Default::default()
        };
        world.others.lock().consents.insert(who.clone(), vec![consent(true, 1)]);
        let allowed = world.decide(ask(&who)).await.unwrap();
        assert_eq!(allowed.offers[0].offer_id, "sale");
        let asked = world.others.lock().admitted.last().cloned().unwrap();
        assert!(!asked.reserve && asked.candidates.len() == 2, "asked once about all that is left");
        world.others.lock().consents.insert(who.clone(), vec![consent(true, 1), consent(false, 2)]);
        let answer = world.decide(pb::DecideRequest { explain: true, ..ask(&who) }).await.unwrap();
        assert_eq!((answer.offers[0].offer_id.as_str(), answer.offers[0].treatment.as_str()), ("info", "fallback"));
        assert_eq!(answer.offers[0].selection_probability, 0.0);
        let stage = |id: &str| {
            let candidates = &answer.explanation.as_ref().unwrap().candidates;
            let found = candidates.iter().find(|candidate| candidate.offer_id == id).unwrap();
            (found.stage(), found.rule.clone(), found.value_read.clone())
        };
        assert_eq!(stage("tired"), (pb::CandidateStage::ContactPolicy, "fatigue".into(), "2".into()));
        assert_eq!(stage("sale").0, pb::CandidateStage::Consent);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_is_away_degrades_the_decision() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(pb::Offer { eligibility: "!('vip' in tags)".into(), ..offer("strangers") }).await;
        world.offer(offer("everyone")).await;
        let by_identifier = || {
            let identifier = Identifier { namespace: "customer_id".into(), value: "9".into() };
            let subject = pb::Subject { person_id: String::new(), identifiers: vec![identifier] };
            pb::DecideRequest { subject: Some(subject), ..ask("") }
        };
        assert_eq!(world.decide(by_identifier()).await.unwrap().person_id, person(9));

        world.others.lock().away.extend(["profile", "contact"]);
        let answer = world.decide(ask(&person(9))).await.unwrap();
        assert_eq!(answer.offers[0].offer_id, "everyone", "who is not known is not known to be no vip");
        let expected = [
            "profile: unavailable, decided without attributes",
            "contact-optimization: unavailable, admitted every offer",
        ];
        assert_eq!(answer.degradations, expected);
        assert_eq!(world.explain(&answer.decision_id).await.unwrap().decision.unwrap().degradations, expected);

        world.others.lock().away.insert("identity");
        let status = world.decide(by_identifier()).await.unwrap_err();
        assert_eq!((status.code(), refusal(&status).1.as_str()), (Code::Unavailable, "DEPENDENCY_UNAVAILABLE"));
        assert!(world.decide(ask(&person(9))).await.is_ok(), "a person id needs no resolving");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_says_what_to_do_without_whom() {
    use attune_decision::config::{WithoutContact, WithoutProfile};
    let mut strict = config();
    strict.dependencies.profile_unavailable = WithoutProfile::Fail;
    strict.dependencies.contact_unavailable = WithoutContact::Hold;
    for world in World::all(strict).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        world.others.lock().away.insert("contact");
        let answer = world.decide(ask(&person(1))).await.unwrap();
        assert!(answer.offers.is_empty() && answer.degradations.len() == 1);
        world.others.lock().away.insert("profile");
        assert_eq!(world.decide(ask(&person(1))).await.unwrap_err().code(), Code::Unavailable);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_catalogue_is_live_at_once() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let offered = async |world: &World| {
            let answer = world.decide(ask(&person(1))).await.unwrap();
            answer.offers.first().map(|offer| offer.offer_id.clone())
        };
        assert_eq!(offered(&world).await.as_deref(), Some("a"));
        let mut client = world.client.clone();
        let off = pb::Offer { offer_id: "a".into(), enabled: false, etag: "1".into(), ..Default::default() };
        let mask = prost_types::FieldMask { paths: vec!["enabled".into()] };
        let update = pb::UpdateOfferRequest { offer: Some(off), update_mask: Some(mask) };
        client.update_offer(update.clone()).await.unwrap();
        assert_eq!(offered(&world).await, None);
        assert_eq!(client.update_offer(update).await.unwrap_err().code(), Code::Aborted);
        let policy = pb::Policy { policy_id: "default".into(), control_share: 1.0, ..Default::default() };
        client
            .create_policy(pb::CreatePolicyRequest { policy: Some(policy), request_id: String::new() })
            .await
            .unwrap();
        world.offer(offer("b")).await;
        let answer = world.decide(ask(&person(1))).await.unwrap();
        assert_eq!(answer.offers[0].treatment, "control", "the stored policy replaces the configured one");
        if let Some(mut replica) = world.replica().await {
            assert_eq!(replica.decide(ask(&person(1))).await.unwrap().into_inner().offers[0].offer_id, "b");
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_decides_each_by_itself() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let broken = pb::DecideRequest { limit: -1, ..ask(&person(1)) };
        let unknown = pb::DecideRequest { placement: "nowhere".into(), ..ask(&person(1)) };
        let mut requests: Vec<pb::DecideRequest> = (0..100).map(|number| ask(&person(number))).collect();
        requests.extend([broken, unknown]);
        let answer = world.client.clone().batch_decide(pb::BatchDecideRequest { requests }).await.unwrap().into_inner();
        use pb::batch_decide_result::Result as Item;
        let codes: Vec<i32> = answer
            .results
            .iter()
            .map(|result| match result.result.as_ref().unwrap() {
                Item::Response(_) => 0,
                Item::Error(status) => status.code,
            })
            .collect();
        assert_eq!(codes[..100], [0; 100]);
        assert_eq!(codes[100..], [i32::from(Code::InvalidArgument), i32::from(Code::NotFound)]);
        let Some(Item::Response(last)) = &answer.results[99].result else { panic!("not a response") };
        assert_eq!(last.person_id, person(99), "in order");
        world.end().await;
    }
}
