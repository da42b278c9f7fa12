//! Sets of trigger rules before they watch: problems by line, back-tests, and the libraries.

use std::collections::BTreeMap;

use attune_proto::journey::v1::journey_change::Change;
use attune_proto::journey::v1::trigger_rule_set::Rules;
use attune_proto::journey::v1::*;

use crate::support::*;

async fn problems(world: &World, rules: &str) -> (Vec<(i32, String)>, usize) {
    let request = ValidateTriggerRuleSetRequest { trigger_rule_set: Some(set("tried", rules)) };
    let answer = world.client.clone().validate_trigger_rule_set(request).await.unwrap().into_inner();
    (answer.problems.into_iter().map(|one| (one.line, one.field)).collect(), answer.rules.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_by_line_and_nothing_is_stored() {
    over_both(|world| async move {
        assert_eq!(problems(&world, LEFT).await, (vec![], 1));
        let two = "- {id: a, events: x, wait: {for: soon}}\n- {id: b, when: 'n > 1.0'}\n";
        let expected = vec![(2, "rules[0].wait.for".to_owned()), (3, "rules[1].when".to_owned())];
        assert_eq!(problems(&world, two).await, (expected, 0));
        let cases = "- id: a\n  events: cart\n  cases:\n    fires: [0 view]\n    silent: [0 view]\n";
        assert_eq!(problems(&world, cases).await, (vec![(5, "rules[0].cases.fires".to_owned())], 1));
        assert_eq!(problems(&world, "- [").await.0.len(), 1);
        let unheard = TriggerRuleSet { rules: Some(Rules::Template("zoo".to_owned())), ..set("r", "") };
        let request = ValidateTriggerRuleSetRequest { trigger_rule_set: Some(unheard) };
        let answer = world.client.clone().validate_trigger_rule_set(request).await.unwrap().into_inner();
        assert_eq!(answer.problems[0].field, "template");
        let stored = world.client.clone().list_trigger_rule_sets(ListTriggerRuleSetsRequest::default()).await;
        assert_eq!(stored.unwrap().into_inner().trigger_rule_sets, []);
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_test_counts_what_then_fires() {
    over_both(|world| async move {
        let rules = "\
- {id: left, events: cart, wait: {for: 30m, unless: buy}, cool_down: 1d}
- {id: web, events: buy, where: channel == 'web'}
- {id: never, events: unheard}
";
        // First as history that nobody watched, then live.
        let mut events = walk("ada", 0, "view cart view");
        events.extend(walk("bob", 60, "cart buy"));
        events[4].channel = "web".to_owned();
        events.extend(walk("cyd", 90_000, "cart"));
        events.extend(walk("ada", 90_060, "cart"));
        world.observe(events.clone()).await;
        let request = BacktestTriggerRuleSetRequest {
            trigger_rule_set: Some(set("tried", rules)),
            until_time: at(100_000),
            ..Default::default()
        };
        let answer = world.client.clone().backtest_trigger_rule_set(request).await.unwrap().into_inner();
        assert_eq!((answer.events, answer.persons), (7, 3));
        let counts = |rule: &TriggerRuleLoad| (rule.trigger_rule_id.clone(), rule.firings, rule.persons);
        let expected = [("left".to_owned(), 3, 2), ("web".to_owned(), 1, 1), ("never".to_owned(), 0, 0)];
        assert_eq!(answer.rules.iter().map(counts).collect::<Vec<_>>(), expected);
        assert_eq!((answer.rules[0].first_time, answer.rules[0].last_time), (at(1860), at(91_860)));
        let days: Vec<_> = answer.days.iter().map(|day| (day.day, day.firings, day.most_per_person)).collect();
        assert_eq!(days, [(at(0), 2, 1), (at(86_400), 2, 1)]);
        let load: Vec<_> = answer.load.iter().map(|one| (one.firings, one.persons)).collect();
        assert_eq!(load, [(1, 2), (2, 1)]);

        // The same events of other persons, watched.
        create(&world, set("live", rules)).await.unwrap();
        for event in &mut events {
            event.person_id.push('2');
        }
        events.sort_by_key(|event| event.time.unwrap().seconds);
        for event in events {
            world.to(event.time.unwrap().seconds - START);
            world.observe(vec![event]).await;
        }
        world.to(100_000);
        let mut fired: BTreeMap<String, i64> = BTreeMap::new();
        for change in read(&world, "test", Some(0), 4).await {
            let Some(Change::Trigger(trigger)) = change.change else { panic!("there is no journey") };
            *fired.entry(trigger.trigger_rule_id).or_default() += 1;
        }
        assert_eq!(fired, [("left".to_owned(), 3), ("web".to_owned(), 1)].into());
        world
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_is_a_template_to_switch_on() {
    over_both(|world| async move {
        let request = ListTriggerRuleTemplatesRequest {};
        let answer = world.client.clone().list_trigger_rule_templates(request).await.unwrap().into_inner();
        let names: Vec<&str> = answer.templates.iter().map(|one| one.template.as_str()).collect();
        assert_eq!(names, ["bank", "shop"]);
        assert!(answer.templates.iter().map(|one| one.rules.len()).sum::<usize>() >= 87);
        for template in &answer.templates {
            let rules = Some(Rules::Template(template.template.clone()));
            let whole = TriggerRuleSet { rules, enabled: true, ..set(&template.template, "") };
            let request = ValidateTriggerRuleSetRequest { trigger_rule_set: Some(whole.clone()) };
            let tried = world.client.clone().validate_trigger_rule_set(request).await.unwrap().into_inner();
            assert_eq!((tried.problems, tried.rules), (vec![], template.rules.clone()), "every rule's histories");
            create(&world, TriggerRuleSet { enabled: false, ..whole }).await.unwrap();
        }
        let one = TriggerRuleSet {
            rules: Some(Rules::Template("shop".to_owned())),
            rule_ids: vec!["shop.basket-abandoned".to_owned()],
            ..set("baskets", "")
        };
        create(&world, one).await.unwrap();
        world.observe(walk("ada", 0, "cart")).await;
        world.to(99_999);
        assert_eq!(text(&read(&world, "test", Some(0), 1).await[0]), "ada 1800 shop.basket-abandoned mail 0-0");
        world
    })
    .await;
}
