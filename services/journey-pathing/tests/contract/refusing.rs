//! Bad input: a status with one `ErrorInfo` and the path of the field; nothing half-written.

use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_proto::journey::v1::*;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn bad_events_do_not_hold_up_good_ones() {
    over_both(|world| async move {
        let mut year_1 = event("ada", "1", 0, "view");
        year_1.time = Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 });
        let mut year_9999 = event("ada", "2", 0, "view");
        year_9999.time = Some(prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 });
        let mut timeless = event("ada", "3", 0, "view");
        timeless.time = None;
        let mut nanos = event("ada", "4", 0, "view");
        nanos.time = Some(prost_types::Timestamp { seconds: START, nanos: -5 });
        let events = vec![
            event("ada", "good", 0, "view"),
            year_1,
            year_9999,
            timeless,
            nanos,
            event("ada", "", 0, "view"),
            event("", "5", 0, "view"),
            event("ada", "6", 0, ""),
            event("ada", "a\0b", 0, "view"),
            event("ada", &"x".repeat(200), 0, "view"),
        ];
        let answer = world.observe(events).await;
        assert_eq!(answer.observed, 1);
        let rejected: Vec<(i32, String)> = answer
            .rejected
            .into_iter()
            .map(|item| {
                let status = item.status.unwrap();
                assert_eq!(status.code, i32::from(Code::InvalidArgument));
                let bad = tonic_types::StatusExt::get_details_bad_request(&Status::with_details(
                    Code::InvalidArgument,
                    status.message.clone(),
                    prost::Message::encode_to_vec(&status).into(),
                ));
                (item.index, bad.unwrap().field_violations[0].field.clone())
            })
            .collect();
        let expected = ["time", "time", "time", "time", "event_id", "person_id", "event", "event_id", "event_id"];
        let expected: Vec<_> =
            (1..).zip(expected).map(|(index, field)| (index, format!("events[{index}].{field}"))).collect();
        assert_eq!(rejected, expected);
        assert_eq!(refused(world.client.clone().observe(ObserveRequest::default()).await), invalid(&["events"]));
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_questions_name_the_field() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        let funnel = RunFunnelRequest { steps: vec!["view".to_owned()], within: seconds(60), ..Default::default() };
        let no_steps = RunFunnelRequest { steps: vec![], ..funnel.clone() };
        assert_eq!(refused(client.run_funnel(no_steps).await), invalid(&["steps"]));
        let empty_step = RunFunnelRequest { steps: vec![String::new()], ..funnel.clone() };
        assert_eq!(refused(client.run_funnel(empty_step).await), invalid(&["steps[0]"]));
        let no_window = RunFunnelRequest { within: None, ..funnel.clone() };
        assert_eq!(refused(client.run_funnel(no_window).await), invalid(&["within"]));
        let negative = RunFunnelRequest { within: seconds(-1), ..funnel.clone() };
        assert_eq!(refused(client.run_funnel(negative).await), invalid(&["within"]));
        let backwards = Selection { start_time: at(9), end_time: at(3), ..Default::default() };
        let backwards = RunFunnelRequest { selection: Some(backwards), ..funnel.clone() };
        assert_eq!(refused(client.run_funnel(backwards).await), invalid(&["selection.end_time"]));
        let nowhen = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
        let of = |selection| RunFunnelRequest { selection: Some(selection), ..funnel.clone() };
        let nowhen = of(Selection { start_time: nowhen, ..Default::default() });
        assert_eq!(refused(client.run_funnel(nowhen).await), invalid(&["selection.start_time"]));
        let nobody =
            of(Selection { person_ids: vec![String::new()], events: vec![String::new()], ..Default::default() });
        let fields = ["selection.person_ids[0]", "selection.events[0]"];
        assert_eq!(refused(client.run_funnel(nobody).await), invalid(&fields));
        assert_eq!(refused(client.run_paths(RunPathsRequest::default()).await), invalid(&["length"]));
        let pattern = MatchPatternRequest { pattern: "view (cart".to_owned(), ..Default::default() };
        let status = client.match_pattern(pattern.clone()).await.unwrap_err();
        assert!(status.message().contains("at character 11"), "{}", status.message());
        assert_eq!(refused(client.match_pattern(pattern).await), invalid(&["pattern"]));
        let no_consumer = StreamTriggersRequest::default();
        assert_eq!(refused(client.stream_triggers(no_consumer).await.map(|_| ())), invalid(&["consumer"]));
        assert_eq!(refused(client.ack_triggers_request("", -1).await), invalid(&["consumer", "offset"]));
        let unknown = client_get(&world, "nothing").await;
        assert_eq!(refused(unknown), (Code::NotFound, "RESOURCE_NOT_FOUND".to_owned(), vec![]));
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rules_are_refused_with_the_field() {
    over_both(|world| async move {
        for (rules, line) in [
            ("- {id: r, events: cart, wait: {for: soon}}", "line 2: rules[0].wait.for"),
            ("- {id: r, events: cart, wait: {for: 0s}}", "line 2: rules[0].wait.for"),
            ("- {id: r, events: cart, wait: {for: 5000d}}", "line 2: rules[0].wait.for"),
            ("- id: r\n  events: cart\n  where: properties.amount >", "line 4: rules[0].where"),
            ("- id: r\n  where: colour == 'red'", "line 3: rules[0].where"),
            ("- id: r\n  where: \"'text'\"", "line 3: rules[0].where"),
            ("- {id: r, sequence: {pattern: 'a (b', within: 1m}}", "line 2: rules[0].sequence.pattern"),
            ("- {id: r, sequence: {pattern: '^ a', within: 1m}}", "line 2: rules[0].sequence.pattern"),
            ("- {id: r, events: cart}\n- {id: r, events: cart}", "line 3: rules[1].id"),
            ("- {ids: r}", "line 2"),
        ] {
            let status = create(&world, set("r", rules)).await.unwrap_err();
            let details = status.get_error_details();
            let broken = &details.bad_request().unwrap().field_violations[0];
            assert_eq!(broken.field, "trigger_rule_set.source", "{rules}");
            assert!(broken.description.starts_with(line), "{rules}: {}", broken.description);
            assert_eq!(refused::<()>(Err(status)).1, "INVALID_FIELD");
        }
        let nothing = TriggerRuleSet { rules: None, ..set("r", LEFT) };
        assert_eq!(refused(create(&world, nothing).await), invalid(&["trigger_rule_set.rules"]));
        let unheard = TriggerRuleSet { rules: Some(Rules::Template("zoo".to_owned())), ..set("r", LEFT) };
        assert_eq!(refused(create(&world, unheard.clone()).await), invalid(&["trigger_rule_set.template"]));
        let unknown = TriggerRuleSet { rule_ids: vec!["left".to_owned(), "right".to_owned()], ..set("r", LEFT) };
        assert_eq!(refused(create(&world, unknown).await), invalid(&["trigger_rule_set.rule_ids[1]"]));
        let asked = BacktestTriggerRuleSetRequest { trigger_rule_set: Some(unheard), ..Default::default() };
        let answer = world.client.clone().backtest_trigger_rule_set(asked).await;
        assert_eq!(refused(answer), invalid(&["trigger_rule_set.template"]));
        let stage = |name: &str| Stage { stage: name.to_owned(), entry: when("view", "") };
        let twice = attune_proto::journey::v1::Journey {
            journey_id: "j".to_owned(),
            stages: vec![stage("a"), stage("a")],
            ..Default::default()
        };
        let twice = CreateJourneyRequest { journey: Some(twice), ..Default::default() };
        assert_eq!(refused(world.client.clone().create_journey(twice).await), invalid(&["journey.stages[1].stage"]));
        world
    })
    .await;
}
