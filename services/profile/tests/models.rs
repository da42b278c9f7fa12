//! The contract from outside: models are learned from profiles, told what they are worth, and score persons.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

mod support;

use std::time::Duration;

use attune_proto::profile::v1::*;
use support::*;
use tonic::Code;

const DAY: i64 = 86_400;

fn model(id: &str, label: &str) -> Model {
    Model { model_id: id.to_owned(), label: label.to_owned(), ..Model::default() }
}

fn days_ago(days: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: NOW / 1000 - days * DAY, nanos: 0 }
}

/// Four hundred persons of two cities. Who lives in Busan and viewed often before buys in the last days, most of the time;
/// others seldom. Answers how many bought.
#[expect(clippy::cast_precision_loss, reason = "small")]
async fn market(suite: &mut Suite) -> i64 {
    let (mut events, mut buyers) = (Vec::new(), 0);
    for number in 0..400_i64 {
        let person = format!("p{number:03}");
        let (busan, often) = (number % 2 == 0, number % 4 < 2);
        let mut said = saying(
            event(&format!("{person}-in"), &person, NOW / 1000 - 50 * DAY),
            &[
                ("city", string(if busan { "Busan" } else { "Seoul" })),
                ("age", support::number((20 + number * 13 % 37) as f64)),
            ],
        );
        said.event = "sign_up".to_owned();
        events.push(said);
        for view in 0..if often { 6 } else { 1 } {
            events.push(event(&format!("{person}-v{view}"), &person, NOW / 1000 - (40 - view) * DAY));
        }
        // Nine of ten of the one kind, one of ten of the others.
        let draw = number * 7919 % 101 % 10;
        if if busan && often { draw != 0 } else { draw == 3 } {
            buyers += 1;
            let mut bought = event(&format!("{person}-b"), &person, NOW / 1000 - 5 * DAY);
            bought.event = "purchase".to_owned();
            events.push(bought);
        }
    }
    for part in events.chunks(500) {
        suite.append(part.to_vec()).await;
    }
    buyers
}

async fn get(suite: &mut Suite, id: &str) -> Model {
    let request = GetModelRequest { model_id: id.to_owned() };
    suite.model.get_model(request).await.unwrap().into_inner().model.unwrap()
}

async fn train(suite: &mut Suite, model: Model) -> Model {
    let begun = suite.model.train_model(TrainModelRequest { model: Some(model) }).await.unwrap().into_inner();
    let begun = begun.model.unwrap();
    assert_eq!(begun.state(), ModelState::Training);
    for _ in 0..1200 {
        let found = get(suite, &begun.model_id).await;
        if found.state() != ModelState::Training {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the training does not end");
}

async fn score(suite: &mut Suite, request: ScorePersonsRequest) -> ScorePersonsResponse {
    let mut said = suite.model.score_persons(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(one) = said.message().await.unwrap() {
        last = Some(one);
    }
    last.expect("the last message has all")
}

fn everybody(id: &str) -> ScorePersonsRequest {
    let persons = PersonSet { set: Some(person_set::Set::Everybody(Everybody {})) };
    ScorePersonsRequest { model_id: id.to_owned(), persons: Some(persons), ..Default::default() }
}

#[expect(clippy::cast_precision_loss, reason = "small")]
#[tokio::test(flavor = "multi_thread")]
async fn a_model_foretells_from_what_was_known_before_and_writes_scores_with_reasons() {
    for mut suite in suites().await {
        let buyers = market(&mut suite).await;
        let asked = Model {
            cutoff_time: Some(days_ago(10)),
            display_name: "buys soon".to_owned(),
            ..model("buys", "traits['count.purchase'] > 0")
        };
        let ready = train(&mut suite, asked.clone()).await;
        assert_eq!((ready.state(), ready.version.as_str()), (ModelState::Ready, "1"), "{}", ready.failure);
        let report = ready.report.clone().unwrap();
        assert_eq!((report.person_count, report.cutoff_time), (400, Some(days_ago(10))));
        assert_eq!(report.positive_count, buyers);
        assert!(report.auc > 0.8 && report.auc_low < report.auc && report.auc < report.auc_high, "{}", report.auc);
        assert!(report.leaks.is_empty(), "{:?}", report.leaks);
        assert_eq!(report.deciles.len(), 10);
        assert!(report.deciles[0].lift > 2.0 && report.deciles[9].captured > 0.999);
        let strongest: Vec<&str> = report.causes.iter().take(4).map(|cause| cause.column.as_str()).collect();
        assert!(strongest.contains(&"attributes.city"), "{strongest:?}");
        assert!(report.causes.iter().all(|cause| !cause.column.contains("purchase")), "nobody had bought by then");

        let done = score(&mut suite, everybody("buys")).await;
        assert_eq!((done.scored_count, done.refused_count, done.version.as_str()), (400, 0, "1"));
        assert!((done.mean_score - buyers as f64 / 400.0).abs() < 0.05, "{}", done.mean_score);
        let likely = suite.profile("p004").await.scores.into_iter().next().unwrap();
        let unlikely = suite.profile("p006").await.scores.into_iter().next().unwrap();
        assert!(likely.value > 0.6 && unlikely.value < 0.4, "{} {}", likely.value, unlikely.value);
        assert_eq!((likely.model_id.as_str(), likely.model_version.as_str()), ("buys", "1"));
        assert_eq!(likely.reasons.len(), 3);
        assert!(likely.reasons.iter().any(|reason| reason.name == "attributes.city" && reason.contribution > 0.0));
        // Rules read scores.
        suite.create_segment("likely", "scores.buys > 0.6").await.unwrap();
        for _ in 0..200 {
            let get = GetSegmentRequest { segment_id: "likely".to_owned() };
            let found = suite.client.get_segment(get).await.unwrap().into_inner().segment.unwrap();
            if found.member_count >= 80 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let members =
            ListSegmentMembersRequest { segment_id: "likely".to_owned(), page_size: 1000, ..Default::default() };
        let members = suite.client.list_segment_members(members).await.unwrap().into_inner().person_ids;
        assert!(members.len() >= 80 && members.contains(&"p004".to_owned()), "{}", members.len());

        // The same persons, settings and seed give the same model; it is the next version.
        let again = train(&mut suite, asked).await;
        assert_eq!(again.version, "2");
        let mut other = again.report.unwrap();
        other.seconds = report.seconds;
        // Scores are no column, so writing them has not changed what is learned from.
        assert_eq!(other, report);
        let only = PersonSet { set: Some(person_set::Set::SegmentId("likely".to_owned())) };
        let mut asked = everybody("buys");
        (asked.persons, asked.reasons) = (Some(only), 1);
        suite.clock.advance(Duration::from_secs(1));
        let done = score(&mut suite, asked).await;
        assert_eq!(usize::try_from(done.scored_count).unwrap(), members.len());
        let scored = suite.profile("p004").await.scores.remove(0);
        assert_eq!((scored.model_version.as_str(), scored.reasons.len()), ("2", 1));
        suite.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cutoff_a_column_that_came_with_the_outcome_is_named() {
    for mut suite in suites().await {
        market(&mut suite).await;
        let ready = train(&mut suite, model("naive", "traits['count.purchase'] > 0")).await;
        let report = ready.report.expect(&ready.failure);
        // What the label reads is no column; what else a purchase leaves behind is told.
        assert!(report.causes.iter().all(|cause| cause.column != "traits.count.purchase"));
        assert!(!report.leaks.is_empty(), "{:?}", report.causes.first());
        suite.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_learned_says_why_and_the_version_before_goes_on() {
    for mut suite in suites().await {
        market(&mut suite).await;
        let unfit = train(&mut suite, model("all", "true")).await;
        assert_eq!((unfit.state(), unfit.version.as_str()), (ModelState::Failed, ""));
        assert!(unfit.failure.contains("fewer than 10"), "{}", unfit.failure);
        let refused = suite.model.score_persons(everybody("all")).await.unwrap_err();
        assert_eq!(reason(&refused), "MODEL_NOT_READY");

        let ready = train(&mut suite, Model { max_persons: 200, ..model("some", "attributes.age > 40") }).await;
        assert_eq!(ready.state(), ModelState::Ready, "{}", ready.failure);
        assert_eq!(ready.report.unwrap().person_count, 200);
        let failed = train(&mut suite, model("some", "false")).await;
        assert_eq!((failed.state(), failed.version.as_str()), (ModelState::Failed, "1"));
        assert_eq!(score(&mut suite, everybody("some")).await.scored_count, 400);

        let listed = suite.model.list_models(ListModelsRequest::default()).await.unwrap().into_inner().models;
        assert_eq!(listed.iter().map(|one| one.model_id.as_str()).collect::<Vec<_>>(), ["all", "some"]);
        let delete = |etag: &str| DeleteModelRequest { model_id: "some".to_owned(), etag: etag.to_owned() };
        assert_eq!(suite.model.delete_model(delete("1")).await.unwrap_err().code(), Code::Aborted);
        suite.model.delete_model(delete(&failed.etag)).await.unwrap();
        let gone = suite.model.get_model(GetModelRequest { model_id: "some".to_owned() }).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotFound);
        suite.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_training_is_ended_by_whoever_asks_and_never_twice() {
    for mut suite in suites().await {
        market(&mut suite).await;
        let asked = Model { folds: 20, ..model("slow", "attributes.age > 40") };
        suite.model.train_model(TrainModelRequest { model: Some(asked.clone()) }).await.unwrap();
        let twice = suite.model.train_model(TrainModelRequest { model: Some(asked) }).await.unwrap_err();
        assert_eq!(reason(&twice), "MODEL_IN_TRAINING");
        let cancel = CancelTrainingRequest { model_id: "slow".to_owned() };
        let ended = suite.model.cancel_training(cancel.clone()).await.unwrap().into_inner().model.unwrap();
        assert_eq!(ended.state(), ModelState::Cancelled);
        let twice = suite.model.cancel_training(cancel).await.unwrap_err();
        assert_eq!(reason(&twice), "MODEL_NOT_IN_TRAINING");
        // What it learns all the same is nobody's.
        let next = train(&mut suite, model("next", "attributes.age > 40")).await;
        assert_eq!(next.state(), ModelState::Ready, "{}", next.failure);
        let left = get(&mut suite, "slow").await;
        assert_eq!((left.state(), left.version.as_str()), (ModelState::Cancelled, ""));
        suite.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_by_its_field() {
    for mut suite in suites().await {
        let refuse = |model: Model| TrainModelRequest { model: Some(model) };
        let wrong = Model {
            population: "1 + 1".to_owned(),
            folds: 1,
            columns: vec![String::new()],
            ..model("m", "attributes.age >")
        };
        let status = suite.model.train_model(refuse(wrong)).await.unwrap_err();
        let mut found = fields(&status);
        found.sort();
        assert_eq!(found, ["model.columns[0]", "model.folds", "model.label", "model.population"]);
        let early = Model { cutoff_time: Some(days_ago(1)), outcome_time: Some(days_ago(2)), ..model("m", "true") };
        assert_eq!(fields(&suite.model.train_model(refuse(early)).await.unwrap_err()), ["model.cutoff_time"]);
        let status = suite.model.train_model(refuse(model("m-1", "true"))).await.unwrap_err();
        assert_eq!(fields(&status), ["model.model_id"]);
        assert_eq!(suite.model.score_persons(everybody("nothing")).await.unwrap_err().code(), Code::NotFound);
        let mut past = everybody("nothing");
        past.expire_time = Some(days_ago(1));
        assert_eq!(fields(&suite.model.score_persons(past).await.unwrap_err()), ["expire_time"]);
        suite.stop().await;
    }
}
