//! Triggers, stages and the feed; who is who.

use attune_proto::identity::v1::person_change::Change as PersonChangeKind;
use attune_proto::identity::v1::{Erasure, Merge, PersonChange};
use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::*;
use attune_proto::profile::v1::Event;
use tonic::Code;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn triggers_and_stages_come_by_the_feed() {
    over_both(|world| async move {
        create(&world, set("carts", LEFT)).await.unwrap();
        let big = "- {id: big, events: pay, where: \"properties.amount >= 1000.0 && channel == 'web'\"}\n";
        create(&world, set("payments", big)).await.unwrap();
        let stage = |name: &str, event: &str| Stage { stage: name.to_owned(), entry: when(event, "") };
        let stages = vec![stage("looks", "view"), stage("wants", "cart")];
        let plan = attune_proto::journey::v1::Journey { journey_id: "shop".to_owned(), stages, ..Default::default() };
        world
            .client
            .clone()
            .create_journey(CreateJourneyRequest { journey: Some(plan), ..Default::default() })
            .await
            .unwrap();

        let mut events = walk("ada", 0, "view cart");
        let properties =
            [("amount".to_owned(), prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(1500.0)) })];
        let properties = Some(prost_types::Struct { fields: properties.into() });
        events.push(Event { channel: "web".to_owned(), properties, ..event("ada", "pay", 90, "pay") });
        let answer = world.observe(events.clone()).await;
        assert_eq!((answer.observed, answer.duplicates, answer.fired, answer.rejected.len()), (3, 0, 3, 0));
        let again = world.observe(events).await;
        assert_eq!((again.observed, again.duplicates, again.fired), (0, 3, 0));

        world.to(1859);
        world.observe(walk("bob", 1800, "view cart buy")).await;
        world.to(9999);
        let all = read(&world, "test", Some(0), 6).await;
        let texts: Vec<String> = all.iter().map(text).collect();
        let expected = [
            "ada 0 shop: >looks",
            "ada 60 shop: looks>wants",
            "ada 90 big mail pay",
            "bob 1800 shop: >looks",
            "bob 1860 shop: looks>wants",
            "ada 1860 left mail 0-1",
        ];
        assert_eq!(texts, expected);
        assert!(all.iter().zip(1..).all(|(entry, offset)| entry.offset == offset));

        let ack = |offset| world.client.clone().ack_triggers_request("test", offset);
        assert_eq!(ack(4).await.unwrap(), 4);
        assert_eq!(ack(2).await.unwrap(), 4);
        assert_eq!(refused(ack(7).await), (Code::OutOfRange, "OFFSET_OUT_OF_RANGE".to_owned(), vec![]));
        assert_eq!(read(&world, "test", None, 2).await.iter().map(text).collect::<Vec<_>>(), expected[4..]);
        assert_eq!(read(&world, "test", Some(5), 1).await[0].offset, 6);
        assert_eq!(read(&world, "another", None, 6).await.len(), 6);

        let state = world
            .client
            .clone()
            .get_journey_state(GetJourneyStateRequest { person_id: "ada".to_owned() })
            .await
            .unwrap();
        let expected = JourneyState { journey_id: "shop".to_owned(), stage: "wants".to_owned(), enter_time: at(60) };
        assert_eq!(state.into_inner().states, [expected]);
        let nobody = world
            .client
            .clone()
            .get_journey_state(GetJourneyStateRequest { person_id: "nobody".to_owned() })
            .await
            .unwrap();
        assert_eq!(nobody.into_inner().states, []);
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_rule_fires() {
    over_both(|world| async move {
        let rules = "\
- {id: guess, sequence: {pattern: 'fail{2} login', within: 10m}}
- {id: often, events: pay, let: {paid: {operation: count, events: pay, window: 10m}}, when: paid == 3.0}
- {id: quiet, wait: {for: 2h, unless: '*'}, placement: push}
- {id: due, events: pay, date: {property: until, before: 1d, at: '09:00'}}
";
        create(&world, set("all", rules)).await.unwrap();
        create(&world, TriggerRuleSet { enabled: false, ..set("off", LEFT) }).await.unwrap();
        let mut events = walk("ada", 0, "fail fail login pay pay cart pay");
        let until = prost_types::Value { kind: Some(prost_types::value::Kind::StringValue("2026-01-07".to_owned())) };
        events[6].properties = Some(prost_types::Struct { fields: [("until".to_owned(), until)].into() });
        world.observe(events).await;
        world.to(200_000);
        let all = read(&world, "test", Some(0), 4).await;
        let texts: Vec<String> = all.iter().map(text).collect();
        assert_eq!(
            texts,
            [
                "ada 120 guess mail 0-0,0-1,0-2",
                "ada 360 often mail 0-6",
                "ada 7560 quiet push 0-6",
                "ada 118800 due mail 0-6"
            ]
        );
        let Some(Change::Trigger(often)) = &all[1].change else { panic!("a trigger") };
        assert_eq!((often.trigger_rule_set_id.as_str(), often.figures.get("paid")), ("all", Some(&3.0)));
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_can_be_renamed_while_timers_run_and_a_deleted_one_fires_no_more() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        create(&world, set("left", LEFT)).await.unwrap();
        create(&world, set("gone", LEFT)).await.unwrap();
        world.observe(walk("ada", 0, "cart")).await;
        // A title and another rule beside it leave the timer alone.
        let rules = format!(
            "{}- {{id: other, events: view, where: 'false'}}\n",
            LEFT.replace("id: left", "id: left, title: Left")
        );
        let renamed = TriggerRuleSet { placement: "push".to_owned(), ..set("left", &rules) };
        let update = UpdateTriggerRuleSetRequest { trigger_rule_set: Some(renamed), update_mask: None };
        client.update_trigger_rule_set(update).await.unwrap();
        let delete = DeleteTriggerRuleSetRequest { trigger_rule_set_id: "gone".to_owned(), etag: String::new() };
        client.delete_trigger_rule_set(delete).await.unwrap();
        world.to(9999);
        let first = read(&world, "test", Some(0), 1).await;
        world.observe(walk("ada", 9999, "view")).await;
        assert_eq!(first.iter().map(text).collect::<Vec<_>>(), ["ada 1800 left push 0-0"]);
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_who_is_who_are_applied_once() {
    over_both(|world| async move {
        let mut client = world.client.clone();
        world.observe(walk("ada", 0, "view")).await;
        world.observe(walk("eva", 0, "cart")).await;
        let change = |offset, change| ApplyPersonChangeRequest {
            change: Some(PersonChange { offset, time: at(10), change: Some(change) }),
        };
        let merge = Merge { surviving_person_id: "ada".to_owned(), merged_person_id: "eva".to_owned() };
        let merge = change(1, PersonChangeKind::Merge(merge));
        assert!(client.apply_person_change(merge.clone()).await.unwrap().into_inner().applied);
        assert!(!client.apply_person_change(merge).await.unwrap().into_inner().applied);
        let sessions = client.run_sessions(RunSessionsRequest::default()).await.unwrap().into_inner();
        assert_eq!((sessions.persons, sessions.events), (1, 1), "the two events bear the same id");
        let erasure = Erasure { person_id: "ada".to_owned(), alias_person_ids: vec!["eva".to_owned()] };
        client.apply_person_change(change(2, PersonChangeKind::Erasure(erasure))).await.unwrap();
        let late = world.observe(walk("eva", 50, "view")).await;
        assert_eq!((late.observed, late.rejected.len()), (0, 1));
        let state = client.get_journey_state(GetJourneyStateRequest { person_id: "eva".to_owned() }).await;
        assert_eq!(refused(state), (Code::FailedPrecondition, "PERSON_ERASED".to_owned(), vec![]));
        let broken = ApplyPersonChangeRequest { change: Some(PersonChange::default()) };
        assert_eq!(refused(client.apply_person_change(broken).await), invalid(&["change.offset"]));
        world
    })
    .await;
}
