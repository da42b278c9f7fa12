//! Questions over the log.

use attune_proto::journey::v1::*;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_over_the_log() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        world.observe(walk("ada", 0, "view search cart")).await;
        world.observe(walk("bob", 0, "view cart buy")).await;
        world.observe(walk("cyd", 0, "view")).await;
        world.observe(walk("cyd", 10_000, "view cart")).await;

        let funnel = RunFunnelRequest {
            steps: ["view", "cart", "buy"].map(str::to_owned).to_vec(),
            within: seconds(600),
            ..RunFunnelRequest::default()
        };
        let show = |response: RunFunnelResponse| -> Vec<(i64, Option<f64>)> {
            response.steps.into_iter().map(|step| (step.reached, step.median_seconds)).collect()
        };
        let steps = show(client.run_funnel(funnel.clone()).await.unwrap().into_inner());
        assert_eq!(steps, [(3, None), (3, Some(60.0)), (1, Some(60.0))]);
        let by_session = RunFunnelRequest { by: SequenceUnit::Session.into(), ..funnel.clone() };
        assert_eq!(show(client.run_funnel(by_session).await.unwrap().into_inner())[0].0, 4);
        let early = Selection {
            end_time: at(5000),
            person_ids: vec!["cyd".to_owned(), "bob".to_owned()],
            ..Default::default()
        };
        let early = RunFunnelRequest { selection: Some(early), ..funnel };
        assert_eq!(show(client.run_funnel(early).await.unwrap().into_inner())[1].0, 1);

        let sessions = client.run_sessions(RunSessionsRequest::default()).await.unwrap().into_inner();
        let expected = RunSessionsResponse { persons: 3, sessions: 4, events: 9, median_seconds: 90.0 };
        assert_eq!(sessions, expected);

        let paths = RunPathsRequest { length: 2, top: 1, ..RunPathsRequest::default() };
        let paths = client.run_paths(paths).await.unwrap().into_inner().paths;
        assert_eq!(paths, [Path { events: vec!["view".to_owned(), "cart".to_owned()], count: 2 }]);

        let graph = client.get_graph(GetGraphRequest::default()).await.unwrap().into_inner().edges;
        let edges: Vec<_> = graph.iter().map(|edge| (edge.from.as_str(), edge.to.as_str(), edge.count)).collect();
        assert_eq!(edges[0], ("view", "cart", 2));
        assert_eq!(edges.len(), 5);
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn matches_come_in_pages_and_counts_are_complete() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        for person in ["ada", "bob", "cyd"] {
            world.observe(walk(person, 0, "view search cart home view cart")).await;
        }
        world.observe(walk("cyd", 5000, "buy")).await;
        let mut question =
            MatchPatternRequest { pattern: "view (search)* cart".to_owned(), page_size: 4, ..Default::default() };
        let first = client.match_pattern(question.clone()).await.unwrap().into_inner();
        assert_eq!((first.matched_sequences, first.total_matches, first.matches.len()), (3, 6, 4));
        question.page_token = first.next_page_token.clone();
        let second = client.match_pattern(question.clone()).await.unwrap().into_inner();
        assert_eq!((second.matches.len(), second.next_page_token.as_str()), (2, ""));
        assert_eq!((second.matches[0].person_id.as_str(), second.matches[0].length), ("cyd", 3));
        let all: Vec<_> = first
            .matches
            .iter()
            .chain(&second.matches)
            .map(|one| (one.person_id.clone(), one.start_time.unwrap().seconds))
            .collect();
        assert!(all.is_sorted());

        let elsewhere = MatchPatternRequest { pattern: "view".to_owned(), ..question };
        assert_eq!(refused(client.match_pattern(elsewhere).await), invalid(&["page_token"]));
        let abandoned = MatchPatternRequest { pattern: "view (search)* cart !buy".to_owned(), ..Default::default() };
        let by_person = client.match_pattern(abandoned.clone()).await.unwrap().into_inner();
        assert_eq!((by_person.matched_sequences, by_person.total_matches), (2, 4));
        let by_session = MatchPatternRequest { by: SequenceUnit::Session.into(), ..abandoned };
        assert_eq!(client.match_pattern(by_session).await.unwrap().into_inner().matched_sequences, 3);
        world
    })
    .await;
}
