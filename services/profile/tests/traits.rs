//! The contract from outside: declared traits, what fills them, and segments that read them.
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

fn declared(id: &str, operation: &str, events: &[&str], window: &str) -> TraitDefinition {
    TraitDefinition {
        trait_id: id.to_owned(),
        operation: operation.to_owned(),
        events: events.iter().map(|name| (*name).to_owned()).collect(),
        window: window.to_owned(),
        ..TraitDefinition::default()
    }
}

async fn create(suite: &mut Suite, one: TraitDefinition) -> Result<TraitDefinition, tonic::Status> {
    let request = CreateTraitDefinitionRequest { trait_definition: Some(one), ..Default::default() };
    Ok(suite.client.create_trait_definition(request).await?.into_inner().trait_definition.unwrap())
}

fn named(id: &str, person: &str, name: &str, seconds: i64) -> Event {
    Event { event: name.to_owned(), ..event(id, person, seconds) }
}

/// Waits until a trait of a person has a value.
async fn trait_becomes(suite: &mut Suite, person: &str, name: &str, value: f64) {
    for _ in 0..200 {
        if suite.profile(person).await.traits.contains_key(name)
            && trait_of(&suite.profile(person).await, name) == value
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{name} of {person} is {:?}", suite.profile(person).await.traits.get(name));
}

#[tokio::test]
async fn a_new_trait_is_filled_from_the_past_and_a_changed_one_again() {
    for mut suite in suites().await {
        let now = NOW / 1000;
        suite.append(vec![named("e1", "p", "buy", now - 40 * DAY), named("e2", "p", "buy", now - DAY)]).await;
        suite.append(vec![named("e3", "q", "buy", now - DAY)]).await;
        let one = create(&mut suite, declared("bought_30d", "count", &["buy"], "30d")).await.unwrap();
        assert_eq!((one.etag.as_str(), one.standard), ("1", false));
        // It is not there for events that come meanwhile only.
        suite.append(vec![named("e4", "q", "buy", now)]).await;
        trait_becomes(&mut suite, "p", "bought_30d", 1.0).await;
        trait_becomes(&mut suite, "q", "bought_30d", 2.0).await;
        let change = TraitDefinition { window: "60d".to_owned(), ..declared("bought_30d", "", &[], "") };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["window".to_owned()] });
        let request = UpdateTraitDefinitionRequest { trait_definition: Some(change), update_mask };
        suite.client.update_trait_definition(request).await.unwrap();
        trait_becomes(&mut suite, "p", "bought_30d", 2.0).await;
        for _ in 0..200 {
            let list =
                suite.client.list_trait_definitions(ListTraitDefinitionsRequest::default()).await.unwrap().into_inner();
            let backfill = list.backfill.unwrap();
            if backfill.done {
                assert_eq!(backfill.persons, 2);
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let delete = DeleteTraitDefinitionRequest { trait_id: "bought_30d".to_owned(), ..Default::default() };
        suite.client.delete_trait_definition(delete).await.unwrap();
        assert!(!suite.profile("p").await.traits.contains_key("bought_30d"));
        suite.stop().await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_trait_is_named_by_field_and_position() {
    for mut suite in suites().await {
        let condition = |text: &str| TraitDefinition { condition: text.to_owned(), ..declared("x", "count", &[], "") };
        let ratio = TraitDefinition {
            numerator: "events_7d".to_owned(),
            denominator: "nothing".to_owned(),
            ..declared("x", "ratio", &[], "")
        };
        for (bad, field) in [
            (declared("x", "guess", &[], ""), "operation"),
            (declared("x", "count", &[], "7q"), "window"),
            (declared("x", "sum", &["buy"], ""), "property"),
            (declared("a b", "count", &[], ""), "trait_id"),
            (condition("channel == 'web' && wether"), "condition"),
            (ratio, "denominator"),
            (TraitDefinition { quantiles: 5, ..declared("x", "count", &[], "") }, "quantiles"),
            (TraitDefinition { value_type: "text".to_owned(), ..declared("x", "count", &[], "") }, "value_type"),
        ] {
            let status = create(&mut suite, bad).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            assert_eq!(fields(&status), [format!("trait_definition.{field}")]);
        }
        let status = create(&mut suite, condition("channel == 'web' && wether")).await.unwrap_err();
        assert!(violations(&status)[0].contains("1:21"), "{:?}", violations(&status));
        suite.stop().await;
    }
}

#[tokio::test]
async fn standard_traits_and_libraries_are_listed_replaced_and_guarded() {
    for mut suite in suites().await {
        let get = |id: &str| GetTraitDefinitionRequest { trait_id: id.to_owned() };
        let one =
            suite.client.get_trait_definition(get("events_7d")).await.unwrap().into_inner().trait_definition.unwrap();
        assert_eq!((one.standard, one.operation.as_str(), one.window.as_str()), (true, "count", "7d"));
        assert_eq!(suite.client.get_trait_definition(get("nothing")).await.unwrap_err().code(), Code::NotFound);
        let install = InstallTraitLibraryRequest { library: "bank".to_owned() };
        let done = suite.client.install_trait_library(install.clone()).await.unwrap().into_inner();
        assert!(done.created >= 50, "{done:?}");
        let again = suite.client.install_trait_library(install).await.unwrap().into_inner();
        assert_eq!((again.created, again.existing), (0, done.created + done.existing));
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListTraitDefinitionsRequest { page_size: 20, page_token };
            let page = suite.client.list_trait_definitions(request).await.unwrap().into_inner();
            seen.extend(page.trait_definitions.into_iter().map(|one| one.trait_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert!(seen.is_sorted() && seen.len() >= 61 && seen.contains(&"sum.{}.amount".to_owned()), "{seen:?}");
        // A trait that another one is made of stays.
        create(&mut suite, declared("opens", "count", &["open"], "")).await.unwrap();
        let share = TraitDefinition {
            numerator: "opens".to_owned(),
            denominator: "event_count".to_owned(),
            ..declared("open_share", "ratio", &[], "")
        };
        create(&mut suite, share).await.unwrap();
        let delete = DeleteTraitDefinitionRequest { trait_id: "opens".to_owned(), ..Default::default() };
        assert_eq!(fields(&suite.client.delete_trait_definition(delete).await.unwrap_err()), ["trait_id"]);
        // A standard one is replaced by its name, and comes back.
        create(&mut suite, declared("events_7d", "count", &[], "14d")).await.unwrap();
        suite.append(vec![event("e1", "p", NOW / 1000 - 10 * DAY)]).await;
        trait_becomes(&mut suite, "p", "events_7d", 1.0).await;
        let delete = DeleteTraitDefinitionRequest { trait_id: "events_7d".to_owned(), ..Default::default() };
        suite.client.delete_trait_definition(delete).await.unwrap();
        trait_becomes(&mut suite, "p", "events_7d", 0.0).await;
        suite.stop().await;
    }
}

#[tokio::test]
async fn opened_and_not_bought_after_follows_events_and_time() {
    for mut suite in suites().await {
        let now = NOW / 1000;
        create(&mut suite, declared("opened_7d", "exists", &["open"], "7d")).await.unwrap();
        create(&mut suite, declared("last_open", "last_time", &["open"], "")).await.unwrap();
        create(&mut suite, declared("last_buy", "last_time", &["buy"], "")).await.unwrap();
        let rule = "traits.opened_7d && (!has(traits.last_buy) || traits.last_buy <= traits.last_open)";
        suite.create_segment("hesitant", rule).await.unwrap();
        suite
            .append(vec![
                named("e1", "p", "open", now),
                named("e2", "q", "open", now - DAY),
                named("e3", "q", "buy", now),
            ])
            .await;
        suite.members_become("hesitant", &["p"]).await;
        // Late news: the purchase was before the opening.
        suite.append(vec![named("e4", "q", "open", now + 1), named("e5", "r", "buy", now)]).await;
        suite.members_become("hesitant", &["p", "q"]).await;
        suite.append(vec![named("e6", "p", "buy", now + 5)]).await;
        suite.members_become("hesitant", &["q"]).await;
        // Seven days later nobody did anything, and the opening is too long ago.
        assert!(suite.clock.advance(Duration::from_secs(8 * 86_400)));
        suite.members_become("hesitant", &[]).await;
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_rule_outlives_its_trait_and_new_ones_name_what_there_is() {
    for mut suite in suites().await {
        create(&mut suite, declared("bought", "count", &["buy"], "")).await.unwrap();
        suite.create_segment("buyers", "traits.bought >= 1 || 'vip' in tags").await.unwrap();
        suite.append(vec![named("e1", "p", "buy", 100)]).await;
        suite.members_become("buyers", &["p"]).await;
        let delete = DeleteTraitDefinitionRequest { trait_id: "bought".to_owned(), ..Default::default() };
        suite.client.delete_trait_definition(delete).await.unwrap();
        suite.members_become("buyers", &[]).await;
        let tag = AddTagRequest { person_id: "p".to_owned(), tag: "vip".to_owned(), source: String::new() };
        suite.client.add_tag(tag).await.unwrap();
        suite.members_become("buyers", &["p"]).await;
        let status = suite.create_segment("others", "true && traits.bought >= 1").await.unwrap_err();
        assert_eq!(fields(&status), ["segment.expression"]);
        assert!(violations(&status)[0].contains("1:9"), "{:?}", violations(&status));
        // The old rule may stay when something else of it changes.
        let segment =
            Segment { segment_id: "buyers".to_owned(), display_name: "Buyers".to_owned(), ..Segment::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] });
        suite.client.update_segment(UpdateSegmentRequest { segment: Some(segment), update_mask }).await.unwrap();
        suite.stop().await;
    }
}

#[tokio::test]
async fn scores_are_cut_by_the_population_and_stay_between_cuts() {
    for mut suite in suites().await {
        let now = NOW / 1000;
        let value =
            TraitDefinition { property: "amount".to_owned(), quantiles: 5, ..declared("value", "rfm", &["buy"], "") };
        create(&mut suite, value).await.unwrap();
        let mut events = Vec::new();
        for person in 0..10 {
            for order in 0..=person {
                let mut one = named(&format!("e{person}-{order}"), &format!("p{person}"), "buy", now - order * DAY);
                one.properties = Some(prost_types::Struct { fields: [("amount".to_owned(), number(10.0))].into() });
                events.push(one);
            }
        }
        suite.append(events).await;
        let score = async |suite: &mut Suite, person: &str| -> Option<f64> {
            let profile = suite.profile(person).await;
            let Some(prost_types::value::Kind::StructValue(map)) = profile.traits.get("value")?.kind.clone() else {
                return None;
            };
            match map.fields.get("monetary_score")?.kind {
                Some(prost_types::value::Kind::NumberValue(number)) => Some(number),
                _ => None,
            }
        };
        let mut cut = false;
        for round in 0..200 {
            // The first cut may have come before the events; an interval later it is made anew.
            if round == 20 {
                assert!(suite.clock.advance(Duration::from_secs(86_400)));
            }
            cut = score(&mut suite, "p9").await == Some(5.0) && score(&mut suite, "p0").await == Some(1.0);
            if cut {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert!(cut, "{:?} {:?}", score(&mut suite, "p9").await, score(&mut suite, "p0").await);
        assert_eq!(score(&mut suite, "p4").await, Some(3.0));
        suite.stop().await;
    }
}
