//! Optimization runs as callers see them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod support;

use attune_contact_optimization::Config;
use attune_proto::contact::v1::*;
use support::{World, embedded, problem, refused_for, seconds};
use tonic::{Code, Status};

fn rule(id: &str, channel: &str, rule: optimize_rule::Rule) -> OptimizeRule {
    let channels = if channel.is_empty() { Vec::new() } else { vec![channel.to_owned()] };
    OptimizeRule { rule_id: id.to_owned(), scope: Some(Scope { channels, ..Scope::default() }), rule: Some(rule) }
}

fn opening(rules: Vec<OptimizeRule>) -> OptimizeRequest {
    let problem = OptimizeProblem { rules, gap: 1e-3, seed: 1, time_limit: seconds(60) };
    OptimizeRequest { part: Some(optimize_request::Part::Problem(problem)) }
}

fn usual() -> OptimizeRequest {
    opening(vec![
        rule("fatigue", "", optimize_rule::Rule::MaxPerCustomer(MaxPerCustomer { limit: 2 })),
        rule("sms", "sms", optimize_rule::Rule::Capacity(MaxTotal { max: 300 })),
        rule("budget", "", optimize_rule::Rule::Budget(MaxCost { max: 200.0 })),
    ])
}

fn proposal(customer: usize, number: usize) -> Proposal {
    let channel = ["sms", "email"][number % 2];
    Proposal {
        proposal_id: format!("{customer}-{number}"),
        customer_id: format!("k{customer}"),
        offer_id: format!("o{}", number % 3),
        channel: channel.to_owned(),
        value: ((customer * 31 + number * 17) % 97) as f64 / 10.0,
        cost: 0.1 + number as f64 * 0.05,
        ..Proposal::default()
    }
}

fn proposals(proposals: Vec<Proposal>) -> OptimizeRequest {
    OptimizeRequest { part: Some(optimize_request::Part::Proposals(Proposals { proposals })) }
}

/// The chosen ids and the report.
async fn run(world: &World, requests: Vec<OptimizeRequest>) -> Result<(Vec<String>, OptimizeReport), Status> {
    let mut answers = world.client.clone().optimize(futures::stream::iter(requests)).await?.into_inner();
    let (mut chosen, mut report) = (Vec::new(), None);
    while let Some(answer) = answers.message().await? {
        assert!(report.is_none(), "the report is the last message");
        match answer.part.unwrap() {
            optimize_response::Part::Progress(progress) => assert!(progress.upper_bound >= progress.objective),
            optimize_response::Part::Chosen(part) => chosen.extend(part.proposal_ids),
            optimize_response::Part::Report(last) => report = Some(last),
        }
    }
    Ok((chosen, report.expect("a run ends with a report")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_answers_a_plan_that_holds_every_rule_with_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let world = embedded(directory.path(), Config::default()).await;
    let all: Vec<Proposal> =
        (0..500).flat_map(|customer| (0..6).map(move |number| proposal(customer, number))).collect();
    let mut requests = vec![usual()];
    requests.extend(all.chunks(700).map(|chunk| proposals(chunk.to_vec())));
    let (chosen, report) = run(&world, requests.clone()).await.unwrap();
    assert_eq!((report.proposals, report.chosen), (3000, chosen.len() as i64));

    let taken: Vec<&Proposal> = all.iter().filter(|one| chosen.contains(&one.proposal_id)).collect();
    assert_eq!(taken.len(), chosen.len(), "each id once, all of them known");
    let value: f64 = taken.iter().map(|one| one.value).sum();
    assert!((value - report.objective).abs() < 1e-6);
    assert!(report.upper_bound >= report.objective && report.gap < 0.02, "{report:?}");
    assert!(taken.iter().filter(|one| one.channel == "sms").count() <= 300);
    let cost: f64 = taken.iter().map(|one| one.cost).sum();
    assert!(cost <= 200.0 + 1e-9);
    for customer in 0..500 {
        let id = format!("k{customer}");
        assert!(taken.iter().filter(|one| one.customer_id == id).count() <= 2);
    }
    let ids: Vec<&str> = report.rules.iter().map(|uses| uses.rule_id.as_str()).collect();
    assert_eq!(ids, ["fatigue", "sms", "budget"]);
    assert!((report.rules[2].used - cost).abs() < 1e-6 && report.rules[2].shadow_price > 0.0);
    let (again, _) = run(&world, requests).await.unwrap();
    assert_eq!(again, chosen, "the same problem has the same plan");

    let (none, report) = run(&world, vec![usual()]).await.unwrap();
    assert_eq!((none.len(), report.objective, report.gap, report.stop_reason.as_str()), (0, 0.0, 0.0, "GAP"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_problem_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { max_proposals: 3, max_concurrent_runs: 1, ..Config::default() };
    let world = embedded(directory.path(), config).await;
    let some = |count: usize| proposals((0..count).map(|number| proposal(0, number)).collect());
    refused_for(run(&world, vec![]).await, "problem");
    refused_for(run(&world, vec![some(1)]).await, "problem");
    refused_for(run(&world, vec![usual(), usual()]).await, "problem");
    refused_for(run(&world, vec![usual(), some(1), some(1)]).await, "proposals.proposals[0].proposal_id");
    let endless = Proposal { value: f64::INFINITY, ..proposal(0, 0) };
    refused_for(run(&world, vec![usual(), proposals(vec![endless])]).await, "proposals.proposals[0].value");
    let capacity = |id: &str| rule(id, "", optimize_rule::Rule::Capacity(MaxTotal { max: 1 }));
    refused_for(run(&world, vec![opening(vec![capacity("a"), capacity("a")])]).await, "problem.rules[1].rule_id");
    let nothing = OptimizeRule { rule: None, ..capacity("a") };
    refused_for(run(&world, vec![opening(vec![nothing])]).await, "problem.rules[0].rule");
    let long = OptimizeProblem { time_limit: seconds(86_400), ..OptimizeProblem::default() };
    let long = OptimizeRequest { part: Some(optimize_request::Part::Problem(long)) };
    refused_for(run(&world, vec![long]).await, "problem.time_limit");
    let (code, reason, _) = problem(&run(&world, vec![usual(), some(4)]).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "TOO_MANY_PROPOSALS"));

    // A run that waits for its proposals keeps the only place.
    let (_open, requests) = tokio::sync::mpsc::channel::<OptimizeRequest>(1);
    let waiting = tokio_stream::wrappers::ReceiverStream::new(requests);
    let held = world.client.clone().optimize(waiting).await.unwrap();
    let (code, reason, _) = problem(&run(&world, vec![usual(), some(1)]).await.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "TOO_MANY_RUNS"));
    drop(held);
    // Who goes away gives the place back.
    let mut tries = 0;
    while run(&world, vec![usual(), some(1)]).await.is_err() {
        tries += 1;
        assert!(tries < 500, "the place is given back");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
