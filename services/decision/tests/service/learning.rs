//! Responses, and what they teach.

use std::collections::BTreeSet;

use attune_proto::decision::v1 as pb;
use attune_proto::identity::v1 as identity;

use crate::support::{World, ask, at, config, home, offer, person, response};

async fn propensity(world: &World, id: &str) -> (f64, i64) {
    let request = pb::DecideRequest { dry_run: true, explain: true, ..ask(&person(77)) };
    let explanation = world.decide(request).await.unwrap().explanation.unwrap();
    let found = explanation.candidates.iter().find(|candidate| candidate.offer_id == id).unwrap();
    (found.score_parts.unwrap().propensity_mean, explanation.model_version)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_decision_knows_the_answer_to_the_last_one() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        world.offer(pb::Offer { starting_propensity: 0.1, starting_evidence: 10.0, ..offer("a") }).await;
        assert!((propensity(&world, "a").await.0 - 0.1).abs() < 1e-12);
        let decision = world.decide(ask(&person(1))).await.unwrap().decision_id;
        let click = response("r1", &decision, "a", "CLICK");
        assert_eq!(
            world.respond(click.clone()).await,
            pb::RecordResponseResponse { decision_id: decision.clone(), duplicate: false }
        );
        let learned = propensity(&world, "a").await;
        assert!((learned.0 - 2.0 / 11.0).abs() < 1e-12 && learned.1 == 1, "{learned:?}");
        assert!(world.respond(click).await.duplicate);
        world.respond(response("r2", &decision, "a", "IMPRESSION")).await;
        world.respond(response("r3", &decision, "a", "CONVERSION")).await;
        assert_eq!(propensity(&world, "a").await, learned, "a decision teaches once");
        let explained = world.explain(&decision).await.unwrap();
        let kinds: BTreeSet<String> = explained.responses.into_iter().map(|joined| joined.kind).collect();
        assert_eq!(kinds, ["CLICK", "CONVERSION", "IMPRESSION"].map(str::to_owned).into());
        let world = world.restart().await;
        assert_eq!(propensity(&world, "a").await, learned, "also after a restart");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_better_offer_wins_in_the_end() {
    let mut config = config();
    config.model.prior_evidence = 2.0;
    for world in World::all(config).await {
        world.placement(home()).await;
        for id in ["bad", "good", "poor"] {
            world.offer(offer(id)).await;
        }
        let mut late = 0;
        for round in 0..20u128 {
            let requests = (0..20).map(|number| ask(&person(round * 20 + number))).collect();
            let answer =
                world.client.clone().batch_decide(pb::BatchDecideRequest { requests }).await.unwrap().into_inner();
            let mut responses = Vec::new();
            for result in answer.results {
                let Some(pb::batch_decide_result::Result::Response(decided)) = result.result else { panic!("refused") };
                let id = &decided.offers[0].offer_id;
                late += u32::from(round >= 10 && id == "good");
                let kind = if id == "good" { "CLICK" } else { "IMPRESSION" };
                responses.push(response(&decided.decision_id, &decided.decision_id, id, kind));
            }
            let recorded =
                world.client.clone().batch_record_responses(pb::BatchRecordResponsesRequest { responses }).await;
            assert_eq!(recorded.unwrap().into_inner().results.len(), 20);
        }
        assert!(late > 170, "{late} of 200");
        if let Some(mut replica) = world.replica().await {
            let request = pb::DecideRequest { dry_run: true, explain: true, ..ask(&person(1)) };
            let explanation = replica.decide(request).await.unwrap().into_inner().explanation.unwrap();
            assert_eq!(explanation.model_version, propensity(&world, "good").await.1);
        }
        world.end().await;
    }
}

fn imported(external_id: &str, who: &str, offer_id: &str, hour: i64, sequence: i64) -> pb::ImportedDecision {
    pb::ImportedDecision {
        external_id: external_id.into(),
        person_id: who.into(),
        offer_id: offer_id.into(),
        channel: "email".into(),
        time: at(hour),
        sequence,
        selection_probability: 0.5,
    }
}

fn answered(request_id: &str, who: &str, kind: &str, hour: i64, sequence: i64) -> pb::RecordResponseRequest {
    pb::RecordResponseRequest {
        person_id: who.into(),
        time: at(hour),
        sequence,
        ..response(request_id, "", "bogo", kind)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_others_are_joined_and_reported() {
    for world in World::all(config()).await {
        world.placement(home()).await;
        let day = prost_types::Duration { seconds: 86_400, nanos: 0 };
        world.offer(pb::Offer { response_window: Some(day), ..offer("bogo") }).await;
        let (ada, bob) = (person(1), person(2));
        let decisions = vec![
            imported("1", &ada, "bogo", 0, 1),
            imported("2", &ada, "bogo", 100, 5),
            imported("3", &bob, "bogo", 0, 2),
            imported("1", &ada, "bogo", 0, 1),
            imported("4", "nobody", "bogo", 0, 0),
        ];
        let request = pb::ImportDecisionsRequest { decisions };
        let answer = world.client.clone().import_decisions(request.clone()).await.unwrap().into_inner();
        assert_eq!((answer.duplicates, answer.rejected.len(), answer.rejected[0].index), (1, 1, 4));
        assert_eq!(answer.decision_ids[0], answer.decision_ids[3]);
        assert_eq!(answer.decision_ids[4], "");
        assert_eq!(world.client.clone().import_decisions(request).await.unwrap().into_inner().duplicates, 4);

        let responses = vec![
            answered("a", &ada, "IMPRESSION", 6, 0),
            answered("b", &ada, "CONVERSION", 24, 0),
            // After the second receipt without a view of its own.
            answered("c", &ada, "CONVERSION", 101, 0),
            // Past the window.
            answered("d", &bob, "IMPRESSION", 2, 0),
            answered("e", &bob, "CONVERSION", 25, 0),
            // Before the receipt at the same time.
            answered("f", &bob, "CONVERSION", 0, 1),
        ];
        let request = pb::BatchRecordResponsesRequest { responses };
        let results = world.client.clone().batch_record_responses(request.clone()).await.unwrap().into_inner().results;
        let joined: Vec<String> = results
            .into_iter()
            .map(|result| match result.result.unwrap() {
                pb::batch_record_responses_result::Result::Response(receipt) => receipt.decision_id,
                pb::batch_record_responses_result::Result::Error(status) => panic!("{status:?}"),
            })
            .collect();
        let ids = &answer.decision_ids;
        assert_eq!(joined, [&ids[0], &ids[0], &ids[1], &ids[2], &ids[2], ""]);
        world.client.clone().batch_record_responses(request).await.unwrap();
        let report = world.report().await["bogo"].clone();
        assert_eq!((report.received, report.viewed, report.completed), (3, 2, 4));
        assert_eq!((report.influenced, report.unmatched), (1, 1));
        assert_eq!((report.median_view_hours, report.median_complete_hours), (Some(4.0), Some(24.0)));
        let span = pb::ReportOffersRequest { start_time: at(50), end_time: at(101) };
        let within = world.client.clone().report_offers(span).await.unwrap().into_inner().offers;
        assert_eq!((within[0].received, within[0].completed), (1, 0), "the end does not belong to the span");

        let merge = identity::Merge { surviving_person_id: ada.clone(), merged_person_id: bob.clone() };
        let change = identity::PersonChange {
            offset: 1,
            change: Some(identity::person_change::Change::Merge(merge)),
            ..Default::default()
        };
        let request = pb::ApplyPersonChangeRequest { change: Some(change) };
        assert!(world.client.clone().apply_person_change(request.clone()).await.unwrap().into_inner().applied);
        assert!(!world.client.clone().apply_person_change(request).await.unwrap().into_inner().applied);
        let late = world.respond(answered("g", &bob, "CLICK", 500, 0)).await;
        assert_eq!(late.decision_id, ids[1], "the survivor's latest receipt");

        let erasure = identity::Erasure { person_id: ada.clone(), alias_person_ids: vec![bob.clone()] };
        let change = identity::PersonChange {
            offset: 2,
            change: Some(identity::person_change::Change::Erasure(erasure)),
            ..Default::default()
        };
        let before = world.report().await;
        world.client.clone().apply_person_change(pb::ApplyPersonChangeRequest { change: Some(change) }).await.unwrap();
        assert_eq!(world.report().await, before, "the counts stay");
        assert_eq!(world.explain(&ids[1]).await.unwrap().decision.unwrap().person_id, "");
        assert_eq!(world.respond(answered("h", &ada, "CLICK", 600, 0)).await.decision_id, "");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_policy_is_tried_on_the_log() {
    let mut uniform = config();
    uniform.policy.control_share = 1.0;
    for world in World::all(uniform).await {
        world.placement(home()).await;
        world.offer(pb::Offer { starting_propensity: 0.5, ..offer("good") }).await;
        world.offer(pb::Offer { starting_propensity: 0.1, ..offer("bad") }).await;
        let requests = (0..400).map(|number| ask(&person(number))).collect();
        let answer = world.client.clone().batch_decide(pb::BatchDecideRequest { requests }).await.unwrap().into_inner();
        let mut responses = Vec::new();
        for result in answer.results {
            let Some(pb::batch_decide_result::Result::Response(decided)) = result.result else { panic!("refused") };
            if decided.offers[0].offer_id == "good" {
                responses.push(response(&decided.decision_id, &decided.decision_id, "good", "CLICK"));
            }
        }
        let clicked = responses.len() as f64;
        world.client.clone().batch_record_responses(pb::BatchRecordResponsesRequest { responses }).await.unwrap();
        let greedy =
            pb::Policy { policy_id: "try".into(), exploration: pb::Exploration::Greedy.into(), ..Default::default() };
        let request = pb::SimulateRequest { policy: Some(greedy), seed: 5, ..Default::default() };
        let simulated = world.client.clone().simulate(request.clone()).await.unwrap().into_inner();
        assert_eq!(simulated.decisions, 400);
        assert!((simulated.logged_value - clicked / 400.0).abs() < 1e-12);
        assert!((simulated.estimated_value - 1.0).abs() < 1e-12, "the greedy policy only makes the good offer");
        assert!(simulated.sufficient_support && (simulated.effective_sample_size - clicked).abs() < 1e-9);
        assert_eq!(simulated.choices.get("good"), Some(&400));
        assert_eq!(simulated.same_choice as f64, clicked);
        let few = pb::SimulateRequest { max_decisions: 20, ..request.clone() };
        let few = world.client.clone().simulate(few).await.unwrap().into_inner();
        assert!(few.decisions == 20 && !few.sufficient_support);
        let later = pb::SimulateRequest { start_time: at(1), ..request };
        assert_eq!(world.client.clone().simulate(later).await.unwrap().into_inner().decisions, 0);
        world.end().await;
    }
}
