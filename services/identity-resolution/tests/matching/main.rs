//! Matching by attributes as callers see it: in-process gRPC over the embedded store, and over Postgres when
//! `ATTUNE_TEST_POSTGRES` names one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test says what went wrong by failing")]

mod models;
mod streaming;
mod world;

use attune_proto::identity::v1 as pb;
use tonic::Code;
use world::{World, attributes, over_both, problem};

const ADA: &[(&str, &str)] = &[
    ("given_name", "Ada"),
    ("family_name", "Lovelace"),
    ("date_of_birth", "1985-12-10"),
    ("phone", "+44 20 7946 0018"),
    ("email", "ada.lovelace@example.org"),
    ("street", "St James's Square"),
    ("house_number", "12"),
    ("postcode", "SW1Y 4JH"),
    ("city", "London"),
];

/// The same record with some values changed; an empty one is left out.
fn but<'a>(of: &[(&'a str, &'a str)], with: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let value = |name: &str| with.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let changed = of.iter().map(|(name, old)| (*name, value(name).unwrap_or(old)));
    changed.filter(|(_, value)| !value.is_empty()).collect()
}

#[tokio::test]
async fn what_is_said_of_one_person_is_linked() {
    over_both(|world| async move {
        let first = world.say("crm:1", ADA).await;
        assert!(first.created && first.matches.is_empty() && first.review_id.is_empty());
        let slip = but(ADA, &[("given_name", "Adda"), ("email", "")]);
        let second = world.say("web:1", &slip).await;
        assert_eq!((second.person_id.as_str(), second.created), (first.person_id.as_str(), false), "{second:?}");
        assert!(second.matches[0].linked && second.matches[0].probability > 0.95, "{second:?}");
        assert_eq!(second.matches[0].person_id, first.person_id);
        let again = world.say("web:1", &slip).await;
        assert_eq!(again.matches, second.matches, "a replay is no news");
        let stranger =
            [("given_name", "Zoltan"), ("family_name", "Kovacs"), ("date_of_birth", "1951-03-04"), ("city", "Pecs")];
        let other = world.say("crm:2", &stranger).await;
        assert!(other.created && other.matches.is_empty());

        let person = world.person(&first.person_id).await;
        assert!(person.identifiers.is_empty(), "the record's own identifier is not a caller's: {person:?}");
        let explained = world.explain(&first.person_id, &other.person_id).await;
        assert!(!explained.same_person);
        let waterfall = &explained.waterfalls[0];
        let sum: f64 = waterfall.steps.iter().map(|step| step.weight).sum::<f64>() + waterfall.prior_weight;
        assert!((sum - waterfall.match_weight).abs() < 1e-9 && waterfall.match_weight < 0.0);
        let model = world.client().get_model(pb::GetModelRequest::default()).await.unwrap().into_inner().model.unwrap();
        assert_eq!(waterfall.model_version, model.version);
        let own = world.explain(&first.person_id, "").await;
        let weighed =
            own.waterfalls.iter().map(|one| one.steps.iter().map(|step| step.weight).sum::<f64>() + one.prior_weight);
        let weighed: Vec<f64> = weighed.collect();
        assert_eq!(weighed.len(), 1, "two records are one pair");
        assert!((weighed[0] - second.matches[0].match_weight).abs() < 1e-9, "the reasons add up to what was decided");
        let evidence = own.evidence;
        let matched = evidence.iter().find(|one| one.kind() == pb::EvidenceKind::Matched);
        assert!(matched.is_some_and(|one| one.match_weight > 3.0), "{evidence:?}");
    })
    .await;
}

#[tokio::test]
async fn attributes_and_identifiers_work_together() {
    over_both(|world| async move {
        let known = world.resolve(&[("customer_id", "A")], "crm:1", ADA).await;
        let seen = world.resolve(&[("cookie", "c1")], "", &but(ADA, &[("given_name", "Adah")])).await;
        assert_eq!(seen.person_id, known.person_id, "a form filled in tells whose cookie it is");
        assert_eq!(world.resolve(&[("cookie", "c1")], "", &[]).await.person_id, known.person_id);
        // Two customer numbers are two persons, whatever is said of them: a person is asked.
        let twice = world.resolve(&[("customer_id", "B")], "crm:2", ADA).await;
        assert_ne!(twice.person_id, known.person_id);
        assert!(!twice.matches[0].linked && twice.matches[0].probability > 0.95);
        assert!(!twice.review_id.is_empty());
        let open = world.reviews(&pb::ListReviewsRequest::default()).await;
        assert_eq!(open.iter().map(|one| &one.review_id).collect::<Vec<_>>(), [&twice.review_id]);

        let looked = world.look(&[], &but(ADA, &[("phone", "")])).await.unwrap();
        assert!([&known.person_id, &twice.person_id].contains(&&looked.person_id));
        let nobody = [("given_name", "Zoltan"), ("family_name", "Kovacs"), ("date_of_birth", "1951-03-04")];
        assert_eq!(problem(&world.look(&[], &nobody).await.unwrap_err()).0, Code::NotFound);
        let created = world.say("crm:9", &nobody).await;
        assert!(created.created, "looking up had written nothing");
    })
    .await;
}

#[tokio::test]
async fn names_in_other_scripts_and_spellings_link() {
    over_both(|world| async move {
        let hangul = [
            ("family_name", "김"),
            ("given_name", "민수"),
            ("date_of_birth", "1990-01-02"),
            ("phone", "010-1234-5678"),
            ("city", "서울"),
        ];
        let first = world.say("crm:1", &hangul).await;
        let roman = [
            ("family_name", "KIM"),
            ("given_name", "Min-soo"),
            ("date_of_birth", "1990. 1. 2."),
            ("phone", "+82 10 1234 5678"),
        ];
        assert_eq!(world.say("web:1", &roman).await.person_id, first.person_id);
        let han =
            [("family_name", "王"), ("given_name", "小明"), ("date_of_birth", "1988-08-08"), ("phone", "13800138000")];
        let second = world.say("crm:2", &han).await;
        assert_ne!(second.person_id, first.person_id);
        let pinyin = [
            ("family_name", "Wang"),
            ("given_name", "Xiaoming"),
            ("date_of_birth", "1988-08-08"),
            ("phone", "+86 138 0013 8000"),
        ];
        assert_eq!(world.say("web:2", &pinyin).await.person_id, second.person_id);
    })
    .await;
}

/// A pair in the grey zone: somebody of the same name and town, with nothing that decides.
async fn grey(world: &World) -> (pb::ResolveResponse, pb::ResolveResponse) {
    let thin = [("given_name", "Ada"), ("family_name", "Lovelace"), ("date_of_birth", "1985-12-10")];
    let first = world.say("crm:1", &but(ADA, &[("phone", ""), ("email", "")])).await;
    let moved = but(&thin, &[("date_of_birth", "1985-12-11")]);
    (first, world.say("web:1", &moved).await)
}

#[tokio::test]
async fn a_verdict_is_never_overridden() {
    world::over_both_with(
        |config| (config.matching.link_threshold, config.matching.review_threshold) = (0.999_999, 0.000_1),
        |world| async move {
            let (first, second) = grey(&world).await;
            assert_ne!(first.person_id, second.person_id, "{second:?}");
            assert!(!second.review_id.is_empty(), "{second:?}");
            let open = world.reviews(&pb::ListReviewsRequest::default()).await;
            assert_eq!(open.len(), 1);
            assert_eq!(open[0].review_id, second.review_id);
            assert_eq!(open[0].person_ids.len(), 2);
            let values = |said: &[pb::Attribute]| said.iter().map(|one| one.value.clone()).collect::<Vec<_>>();
            assert!(
                [values(&open[0].left), values(&open[0].right)].iter().any(|said| said.contains(&"London".to_owned()))
            );
            assert!(open[0].waterfall.as_ref().unwrap().steps.iter().any(|step| step.field == "family_name"));
            let of_person = pb::ListReviewsRequest { person_id: first.person_id.clone(), ..Default::default() };
            assert_eq!(world.reviews(&of_person).await, open);

            // Different: not even the very same record again and examining everything joins the two.
            let decided = world.decide(&second.review_id, pb::ReviewVerdict::Different, "1").await.unwrap();
            assert_eq!((decided.verdict(), decided.actor.as_str()), (pb::ReviewVerdict::Different, "ann"));
            assert!(world.reviews(&pb::ListReviewsRequest::default()).await.is_empty());
            let all = pb::ListReviewsRequest { include_decided: true, ..Default::default() };
            assert_eq!(world.reviews(&all).await[0].verdict(), pb::ReviewVerdict::Different);
            world.say("web:1", &but(ADA, &[("phone", ""), ("email", "")])).await;
            let shared = [("email", "ada@example.org")];
            world.resolve(&shared, "crm:1", &but(ADA, &[("phone", ""), ("email", "")])).await;
            world.resolve(&shared, "web:1", &but(ADA, &[("phone", ""), ("email", "")])).await;
            world.reconcile().await;
            let holder = |record: &'static str| {
                let world = world.clone();
                async move { world.say(record, &but(ADA, &[("phone", ""), ("email", "")])).await.person_id }
            };
            assert_ne!(holder("crm:1").await, holder("web:1").await);

            // A second verdict replaces the first, and a retry of the first does not come back.
            world.decide(&second.review_id, pb::ReviewVerdict::Same, "2").await.unwrap();
            assert_eq!(holder("crm:1").await, holder("web:1").await);
            world.decide(&second.review_id, pb::ReviewVerdict::Different, "1").await.unwrap();
            assert_eq!(holder("crm:1").await, holder("web:1").await, "a retry has no second effect");
            let reused = world.decide(&second.review_id, pb::ReviewVerdict::Same, "1").await.unwrap_err();
            assert_eq!(problem(&reused).1, "REQUEST_ID_REUSED");
            world
                .say("web:1", &[("given_name", "Zoltan"), ("family_name", "Kovacs"), ("date_of_birth", "1951-03-04")])
                .await;
            world.reconcile().await;
            let zoltan = [("given_name", "Zoltan"), ("family_name", "Kovacs"), ("date_of_birth", "1951-03-04")];
            assert_eq!(
                world.say("web:1", &zoltan).await.person_id,
                holder("crm:1").await,
                "what was joined stays joined"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn a_later_version_replaces_an_earlier_one_in_any_order() {
    over_both(|world| async move {
        let stranger = [("given_name", "Zoltan"), ("family_name", "Kovacs"), ("date_of_birth", "1951-03-04")];
        let first = world.say("crm:1", ADA).await;
        let version = |seconds, said: &[(&str, &str)]| pb::ResolveRequest {
            event_time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            ..world.request(&[], "web:1", said)
        };
        let linked = world.send(version(100, ADA)).await.unwrap();
        assert_eq!(linked.person_id, first.person_id);
        let corrected = world.send(version(200, &stranger)).await.unwrap();
        assert_ne!(corrected.person_id, first.person_id, "the record says somebody else now");
        world.send(version(150, ADA)).await.unwrap();
        assert_ne!(world.say("crm:1", ADA).await.person_id, corrected.person_id);
        let kovacs = world.say("crm:3", &stranger).await;
        assert_eq!(kovacs.person_id, corrected.person_id, "the earlier version that came late changed nothing");
    })
    .await;
}

#[tokio::test]
async fn twins_stay_two_and_share_a_household() {
    over_both(|world| async move {
        let twin = but(
            ADA,
            &[("given_name", "Boris"), ("email", "boris.lovelace@example.org"), ("phone", "+44 20 7946 0777")],
        );
        let (ada, boris) = (world.say("crm:1", ADA).await, world.say("crm:2", &twin).await);
        assert_ne!(ada.person_id, boris.person_id, "{boris:?}");
        let brother = but(
            ADA,
            &[("given_name", "Casimir"), ("email", "casimir.lovelace@example.org"), ("date_of_birth", "1979-05-06")],
        );
        let casimir = world.say("crm:3", &brother).await;
        let relations = world.relations(&casimir.person_id, "").await;
        assert!(!relations.relations.is_empty(), "{casimir:?}");
        let found = &relations.relations[0];
        assert_eq!((found.kind.as_str(), found.source.as_str()), ("family", "matching"));
        assert_eq!(found.person_id, casimir.person_id);
        assert!(found.confidence >= 0.8 && found.evidence.contains("street"), "{found:?}");
        let other = world.person(&found.other_person_id).await;
        assert!(!relations.household_id.is_empty());
        assert_eq!(other.household_id, relations.household_id);
        assert_eq!(world.person(&casimir.person_id).await.household_id, relations.household_id);
    })
    .await;
}

#[tokio::test]
async fn relations_are_declared_listed_and_taken_back() {
    over_both(|world| async move {
        let mut ids = Vec::new();
        for of in ["A", "B", "C"] {
            ids.push(world.resolve(&[("customer_id", of)], "", &[]).await.person_id);
        }
        let declare = |to: &str, kind: &str, request_id: &str| pb::CreateRelationRequest {
            request_id: request_id.to_owned(),
            person_id: ids[0].clone(),
            other_person_id: to.to_owned(),
            kind: kind.to_owned(),
            confidence: 0.75,
            source: "crm".to_owned(),
            evidence: "contract 7".to_owned(),
        };
        let create = |request: pb::CreateRelationRequest| {
            let mut client = world.client();
            async move { client.create_relation(request).await.map(|answer| answer.into_inner().relation.unwrap()) }
        };
        let employer = create(declare(&ids[1], "employer", "1")).await.unwrap();
        assert_eq!(create(declare(&ids[1], "employer", "1")).await.unwrap(), employer);
        assert_eq!(problem(&create(declare(&ids[2], "employer", "1")).await.unwrap_err()).1, "REQUEST_ID_REUSED");
        create(declare(&ids[2], "same_address", "")).await.unwrap();
        create(declare(&ids[2], "referrer", "")).await.unwrap();
        let all = world.relations(&ids[0], "").await;
        let kinds =
            |all: &pb::ListRelationsResponse| all.relations.iter().map(|one| one.kind.clone()).collect::<Vec<String>>();
        assert_eq!(kinds(&all), ["employer", "referrer", "same_address"]);
        assert_eq!(kinds(&world.relations(&ids[0], "referrer").await), ["referrer"]);
        assert_eq!(kinds(&world.relations(&ids[1], "").await), ["employer"], "seen from the other end");
        assert_eq!(world.relations(&ids[1], "").await.relations[0].person_id, ids[0]);
        assert_eq!(world.relations(&ids[2], "").await.household_id, all.household_id);
        assert!(!all.household_id.is_empty() && world.relations(&ids[1], "").await.household_id.is_empty());

        let mut paged = Vec::new();
        let mut page_token = String::new();
        loop {
            let request =
                pb::ListRelationsRequest { person_id: ids[0].clone(), page_size: 1, page_token, ..Default::default() };
            let answer = world.client().list_relations(request).await.unwrap().into_inner();
            paged.extend(answer.relations);
            page_token = answer.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(paged, all.relations);

        let delete = pb::DeleteRelationRequest { relation_id: employer.relation_id.clone() };
        world.client().delete_relation(delete.clone()).await.unwrap();
        assert_eq!(problem(&world.client().delete_relation(delete).await.unwrap_err()).1, "RESOURCE_NOT_FOUND");
        create(declare(&ids[1], "employer", "1")).await.unwrap();
        assert!(world.relations(&ids[1], "").await.relations.is_empty(), "a retry does not declare it again");
        let itself = create(declare(&ids[0], "referrer", "")).await.unwrap_err();
        assert_eq!(problem(&itself).2, ["other_person_id"]);
        let nobody = create(declare("01ARZ3NDEKTSV4RRFFQ69G5FAV", "referrer", "")).await.unwrap_err();
        assert_eq!(problem(&nobody).1, "RESOURCE_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn what_sources_said_is_listed_as_they_said_it_until_the_erasure() {
    over_both(|world| async move {
        let said = |name: &'static str| [("given_name", "Ada"), ("family_name", name), ("street", "1 High St")];
        let first = world.resolve(&[("customer_id", "A")], "r1", &said("Lovelace")).await.person_id;
        let again = world.resolve(&[("customer_id", "A")], "r2", &said("Byron")).await.person_id;
        assert_eq!(first, again);
        let list = |page_size: i32, page_token: String| {
            let mut client = world.client();
            let request = pb::ListRecordsRequest { person_id: first.clone(), page_size, page_token };
            async move { client.list_records(request).await.map(tonic::Response::into_inner) }
        };
        let all = list(0, String::new()).await.unwrap();
        let mut names: Vec<&str> = all.records.iter().map(|one| one.attributes[1].value.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["Byron", "Lovelace"]);
        assert!(all.next_page_token.is_empty() && all.records.iter().all(|one| one.attributes.len() == 3));
        let one = list(1, String::new()).await.unwrap();
        let two = list(1, one.next_page_token.clone()).await.unwrap();
        assert!(two.next_page_token.is_empty());
        assert_eq!([one.records, two.records].concat(), all.records);
        assert_eq!(problem(&list(1, "nonsense".to_owned()).await.unwrap_err()).2, ["page_token"]);
        world.erase(&first).await;
        assert!(list(0, String::new()).await.is_ok_and(|left| left.records.is_empty()));
    })
    .await;
}

#[tokio::test]
async fn bad_input_names_its_field() {
    over_both(|world| async move {
        let refused = world.send(world.request(&[], "1", &[])).await.unwrap_err();
        assert_eq!(
            problem(&refused),
            (Code::InvalidArgument, "INVALID_FIELD".to_owned(), vec!["identifiers".to_owned()])
        );
        let garbage = world.send(world.request(&[], "1", &[("given_name", "N/A"), ("shoe_size", "43")])).await;
        let expected = (Code::InvalidArgument, "NO_USABLE_ATTRIBUTE".to_owned(), vec!["attributes".to_owned()]);
        assert_eq!(problem(&garbage.unwrap_err()), expected);
        let ignored = world.send(world.request(&[("cookie", "c")], "1", &[("given_name", "N/A")])).await.unwrap();
        assert!(ignored.created);
        let long = "x".repeat(1025);
        let refused = world.send(world.request(&[], "1", &[("given_name", &long)])).await.unwrap_err();
        assert_eq!(problem(&refused).2, ["attributes[0].value"]);
        let internal = world.send(world.request(&[("record", "1")], "", &[])).await.unwrap_err();
        assert_eq!(problem(&internal).1, "UNKNOWN_NAMESPACE", "the namespace of records is not a caller's");

        let mut client = world.client();
        let decide = |review_id: &str| pb::DecideReviewRequest {
            review_id: review_id.to_owned(),
            verdict: pb::ReviewVerdict::Same.into(),
            actor: "ann".to_owned(),
            ..Default::default()
        };
        let nonsense = client.decide_review(decide("nonsense")).await.unwrap_err();
        assert_eq!(problem(&nonsense).2, ["review_id"]);
        let unknown = client.decide_review(decide(&"0".repeat(32))).await.unwrap_err();
        assert_eq!(problem(&unknown).1, "RESOURCE_NOT_FOUND");
        let unsaid = pb::DecideReviewRequest { verdict: 0, ..decide(&"0".repeat(32)) };
        assert_eq!(problem(&client.decide_review(unsaid).await.unwrap_err()).2, ["verdict"]);
        let token = pb::ListReviewsRequest { page_token: "00".to_owned(), ..Default::default() };
        assert_eq!(problem(&client.list_reviews(token).await.unwrap_err()).2, ["page_token"]);
        let token = pb::ReconcileRequest { page_token: "zz".to_owned(), max_records: 1 };
        assert_eq!(problem(&client.reconcile(token).await.unwrap_err()).2, ["page_token"]);
        let relation = pb::DeleteRelationRequest { relation_id: "x".to_owned() };
        assert_eq!(problem(&client.delete_relation(relation).await.unwrap_err()).2, ["relation_id"]);
        let publish =
            |model_json: &str| pb::PublishModelRequest { model_json: model_json.to_owned(), actor: "ann".to_owned() };
        for bad in ["{}", "no json", "[1, 2]"] {
            let refused = client.publish_model(publish(bad)).await.unwrap_err();
            let expected = (Code::InvalidArgument, "INVALID_MODEL".to_owned(), vec!["model_json".to_owned()]);
            assert_eq!(problem(&refused), expected, "{bad}");
        }
        let version = pb::GetModelRequest { version: "none".to_owned() };
        assert_eq!(problem(&client.get_model(version).await.unwrap_err()).1, "RESOURCE_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn an_erasure_takes_what_was_said_along() {
    over_both(|world| async move {
        let ada = world.resolve(&[("customer_id", "A")], "crm:1", ADA).await.person_id;
        let twice = world.resolve(&[("customer_id", "B")], "crm:2", ADA).await;
        assert!(!twice.review_id.is_empty());
        world.erase(&ada).await;
        assert!(
            world.reviews(&pb::ListReviewsRequest { include_decided: true, ..Default::default() }).await.is_empty()
        );
        let late = pb::ResolveRequest {
            event_time: Some(prost_types::Timestamp { seconds: world::NOW - 5, nanos: 0 }),
            ..world.request(&[], "crm:1", ADA)
        };
        assert_eq!(problem(&world.send(late).await.unwrap_err()).1, "PERSON_ERASED");
        world.erase(&twice.person_id).await;
        let nobody = world.look(&[], ADA).await.unwrap_err();
        assert_eq!(nobody.code(), Code::NotFound, "nothing is left to be alike");
        let drift = world.client().get_drift(pb::GetDriftRequest::default()).await.unwrap().into_inner();
        assert_eq!(drift.records, 0);
    })
    .await;
}

#[tokio::test]
async fn reviews_are_paged_by_weight() {
    world::over_both_with(
        |config| (config.matching.link_threshold, config.matching.review_threshold) = (1.0, 0.5),
        |world| async move {
            let families = ["Lovelace", "Babbage", "Somerville", "Herschel", "Wheatstone"];
            for (at, family) in families.iter().enumerate() {
                let born = format!("19{}0-0{}-1{at}", at + 4, at + 1);
                let phone = format!("+44 20 7946 00{at}{at}");
                let said =
                    [("given_name", "Ada"), ("family_name", family), ("date_of_birth", &born), ("phone", &phone)];
                world.say(&format!("crm:{at}"), &said).await;
                world.say(&format!("web:{at}"), &said[..4 - at % 2]).await;
            }
            let all = world.reviews(&pb::ListReviewsRequest::default()).await;
            assert_eq!(all.len(), families.len());
            let weights: Vec<f64> = all.iter().map(|one| one.waterfall.as_ref().unwrap().match_weight).collect();
            assert!(weights.windows(2).all(|two| two[0] >= two[1] - 1e-9), "the most valuable first: {weights:?}");
            let (mut paged, mut page_token) = (Vec::new(), String::new());
            loop {
                let request = pb::ListReviewsRequest { page_size: 2, page_token, ..Default::default() };
                let answer = world.client().list_reviews(request).await.unwrap().into_inner();
                paged.extend(answer.reviews);
                page_token = answer.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(paged, all);
        },
    )
    .await;
}

#[tokio::test]
async fn a_restart_keeps_records_reviews_and_models() {
    let directory = tempfile::tempdir().unwrap();
    let first = {
        let world = world::embedded(directory.path(), &attune_identity_resolution::Config::default()).await;
        world.resolve(&[("customer_id", "A")], "crm:1", ADA).await;
        world.resolve(&[("customer_id", "B")], "crm:2", ADA).await
    };
    let world = world::embedded(directory.path(), &attune_identity_resolution::Config::default()).await;
    let again = world.resolve(&[("customer_id", "B")], "crm:2", ADA).await;
    assert_eq!((again.person_id, again.review_id, again.created), (first.person_id, first.review_id, false));
    assert_eq!(attributes(ADA).len(), ADA.len());
}
