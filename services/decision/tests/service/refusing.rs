//! What is wrong with a request is said, and nothing of it is written.

use attune_proto::decision::v1 as pb;
use attune_proto::identity::v1::Identifier;
use tonic::{Code, Response};

use crate::support::{World, ask, at, config, home, offer, person, refusal, response};

/// 0001-01-01 and 9999-12-31.
const FAR: [i64; 2] = [-62_135_596_800, 253_402_214_400];

fn far(seconds: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds, nanos: 0 })
}

#[tokio::test(flavor = "multi_thread")]
async fn decide_names_the_field() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let fields = async |request: pb::DecideRequest| {
            let status = world.decide(request).await.unwrap_err();
            let (code, reason, fields) = refusal(&status);
            assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "INVALID_FIELD"));
            fields
        };
        let subject = |person_id: &str, identifiers: Vec<Identifier>| {
            Some(pb::Subject { person_id: person_id.into(), identifiers })
        };
        let identifier = |namespace: &str| Identifier { namespace: namespace.into(), value: "1".into() };
        assert_eq!(fields(pb::DecideRequest { subject: None, ..ask("") }).await, ["subject"]);
        assert_eq!(fields(ask("")).await, ["subject"]);
        assert_eq!(fields(ask("somebody")).await, ["subject.person_id"]);
        let both = subject(&person(1), vec![identifier("email")]);
        assert_eq!(fields(pb::DecideRequest { subject: both, ..ask("") }).await, ["subject"]);
        let many = subject("", vec![identifier("email"); 65]);
        assert_eq!(fields(pb::DecideRequest { subject: many, ..ask("") }).await, ["subject.identifiers"]);
        assert_eq!(fields(pb::DecideRequest { placement: String::new(), ..ask(&person(1)) }).await, ["placement"]);
        for seconds in FAR {
            let event = pb::RecentEvent { event: "x".into(), time: far(seconds), properties: None };
            let request = pb::DecideRequest { recent_events: vec![event], ..ask(&person(1)) };
            assert_eq!(fields(request).await, ["recent_events[0].time"]);
        }
        let strange = pb::DecideRequest { subject: subject("", vec![identifier("nonsense")]), ..ask("") };
        let status = world.decide(strange).await.unwrap_err();
        assert_eq!(refusal(&status).2, ["subject.identifiers[0].namespace"]);
        let nowhere =
            world.decide(pb::DecideRequest { placement: "nowhere".into(), ..ask(&person(1)) }).await.unwrap_err();
        assert_eq!((nowhere.code(), refusal(&nowhere).1.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        assert!(world.report().await.is_empty(), "nothing was decided");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_does_not_compile_is_not_stored() {
    for world in World::all(config()).await {
        let create = async |offer: pb::Offer| {
            let request = pb::CreateOfferRequest { offer: Some(offer), request_id: String::new() };
            let status = world.client.clone().create_offer(request).await.unwrap_err();
            let (code, _, fields) = refusal(&status);
            assert_eq!(code, Code::InvalidArgument);
            fields
        };
        for (rule, field) in [
            ("attributes.age >", "offer.eligibility"),
            ("person_id == 'x'", "offer.eligibility"),
            ("1 + 1", "offer.eligibility"),
        ] {
            assert_eq!(create(pb::Offer { eligibility: rule.into(), ..offer("a") }).await, [field], "{rule}");
        }
        assert_eq!(create(pb::Offer { context_rule: "recent".into(), ..offer("a") }).await, ["offer.context_rule"]);
        assert_eq!(create(pb::Offer { offer_id: String::new(), ..offer("a") }).await[0], "offer.offer_id");
        assert_eq!(create(pb::Offer { start_time: at(5), end_time: at(5), ..offer("a") }).await, ["offer.end_time"]);
        assert_eq!(
            create(pb::Offer { starting_propensity: f64::NAN, ..offer("a") }).await,
            ["offer.starting_propensity"]
        );
        let none = world.client.clone().list_offers(pb::ListOffersRequest::default()).await.unwrap().into_inner();
        assert!(none.offers.is_empty());
        world.offer(offer("a")).await;
        let broken = pb::Offer { offer_id: "a".into(), eligibility: "]".into(), ..Default::default() };
        let update = pb::UpdateOfferRequest { offer: Some(broken), update_mask: None };
        let status = world.client.clone().update_offer(update).await.unwrap_err();
        assert_eq!(refusal(&status).2, ["offer.eligibility"]);
        let kept =
            world.client.clone().get_offer(pb::GetOfferRequest { offer_id: "a".into() }).await.unwrap().into_inner();
        assert_eq!(kept.offer.unwrap().etag, "1");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_name_the_field_and_broken_items_fail_alone() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(offer("a")).await;
        let fields = async |request: pb::RecordResponseRequest| {
            refusal(&world.client.clone().record_response(request).await.unwrap_err()).2
        };
        assert_eq!(fields(response("", "", "a", "CLICK")).await, ["request_id"]);
        assert_eq!(fields(response("r", "", "a", "CLICK")).await, ["person_id"]);
        assert_eq!(fields(response("r", "x", "a", "CLICK")).await, ["decision_id"]);
        assert_eq!(fields(response("r", "", "a", "click")).await, ["kind"]);
        let who = |request: pb::RecordResponseRequest| pb::RecordResponseRequest { person_id: person(1), ..request };
        for seconds in FAR {
            let request = pb::RecordResponseRequest { time: far(seconds), ..who(response("r", "", "a", "CLICK")) };
            assert_eq!(fields(request).await, ["time"]);
        }
        let infinite = pb::RecordResponseRequest { value: f64::INFINITY, ..who(response("r", "", "a", "CLICK")) };
        assert_eq!(fields(infinite).await, ["value"]);

        let responses =
            vec![response("x", "", "a", "NOD"), who(response("y", "", "a", "CLICK")), response("z", "", "a", "CLICK")];
        let request = pb::BatchRecordResponsesRequest { responses };
        let results =
            world.client.clone().batch_record_responses(request).await.map(Response::into_inner).unwrap().results;
        use pb::batch_record_responses_result::Result as Item;
        let good: Vec<bool> = results.iter().map(|result| matches!(result.result, Some(Item::Response(_)))).collect();
        assert_eq!(good, [false, true, false]);
        let report = world.report().await;
        assert_eq!((report["a"].clicked, report["a"].unmatched), (1, 1), "the good one is kept");

        let status =
            world.client.clone().batch_record_responses(pb::BatchRecordResponsesRequest::default()).await.unwrap_err();
        assert_eq!(refusal(&status).2, ["responses"]);
        let status = world.explain("nonsense").await.unwrap_err();
        assert_eq!(refusal(&status).2, ["decision_id"]);
        let status = world.explain(&person(5)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        let span = pb::ReportOffersRequest { start_time: at(2), end_time: at(1) };
        let status = world.client.clone().report_offers(span).await.unwrap_err();
        assert_eq!(refusal(&status).2, ["end_time"]);
        let nothing = pb::ApplyPersonChangeRequest { change: Some(Default::default()) };
        let status = world.client.clone().apply_person_change(nothing).await.unwrap_err();
        assert_eq!(refusal(&status).2, ["change"]);
        world.end().await;
    }
}
