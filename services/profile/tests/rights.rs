//! The contract from outside: export, erasure, and changes of who is who.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

mod support;

use attune_proto::identity::v1::{Erasure, Identifier, Merge, PersonChange, Split, person_change::Change};
use attune_proto::profile::v1::*;
use support::*;

const MARKER: &str = "marker-4711";

async fn apply(suite: &mut Suite, offset: i64, change: Change) -> bool {
    let change = PersonChange { offset, time: None, change: Some(change) };
    let request = ApplyPersonChangeRequest { change: Some(change) };
    suite.client.apply_person_change(request).await.unwrap().into_inner().applied
}

fn cookie(value: &str) -> Identifier {
    Identifier { namespace: "cookie".to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn an_erased_marker_is_readable_nowhere() {
    for mut suite in suites().await {
        suite.create_segment("marked", "'marker-4711' in tags").await.unwrap();
        let mut marked = saying(event(&format!("{MARKER}-e"), "p", 100), &[(MARKER, string(MARKER))]);
        marked.session_id = MARKER.to_owned();
        marked.source = MARKER.to_owned();
        marked.via = Some(cookie(MARKER));
        suite.append(vec![marked.clone()]).await;
        let tag = AddTagRequest { person_id: "p".to_owned(), tag: MARKER.to_owned(), source: MARKER.to_owned() };
        suite.client.add_tag(tag).await.unwrap();
        let update = UpdateProfileRequest { profile: Some(profile("p", "note", text(MARKER))), ..Default::default() };
        suite.client.update_profile(update).await.unwrap();
        let consent =
            Consent { purpose: "marketing".to_owned(), granted: true, proof: MARKER.to_owned(), ..Consent::default() };
        suite
            .client
            .set_consent(SetConsentRequest { person_id: "p".to_owned(), consent: Some(consent), ..Default::default() })
            .await
            .unwrap();
        let merge = Merge { surviving_person_id: "survivor".to_owned(), merged_person_id: "p".to_owned() };
        assert!(apply(&mut suite, 1, Change::Merge(merge)).await);
        for id in ["p", "survivor"] {
            let sections = suite.export(id).await;
            for section in ["profile", "timeline", "consents", "tags"] {
                let found = sections.iter().any(|one| one.section == section && one.json.contains(MARKER));
                assert!(found, "{section} of {id}");
            }
        }
        suite.members_become("marked", &["survivor"]).await;
        let erasure = || Erasure { person_id: "survivor".to_owned(), alias_person_ids: vec!["p".to_owned()] };
        assert!(apply(&mut suite, 2, Change::Erasure(erasure())).await);
        assert!(!apply(&mut suite, 2, Change::Erasure(erasure())).await);
        for id in ["p", "survivor"] {
            let all: String = suite.export(id).await.into_iter().map(|one| one.json).collect();
            assert!(!all.contains(MARKER), "{all}");
            let found = format!("{:?}", suite.profile(id).await);
            assert!(!found.contains(MARKER), "{found}");
            let page = ListTimelineRequest { person_id: id.to_owned(), ..Default::default() };
            assert!(suite.client.list_timeline(page).await.unwrap().into_inner().events.is_empty());
        }
        suite.members_become("marked", &[]).await;
        let feed = ReadSegmentChangesRequest::default();
        let feed = format!("{:?}", suite.client.read_segment_changes(feed).await.unwrap().into_inner());
        assert!(!feed.contains(MARKER), "{feed}");
        // A late repeat of an event brings nothing back.
        assert_eq!(suite.append(vec![marked]).await.appended, 0);
        suite.stop().await;
    }
}

#[tokio::test]
async fn an_erasure_is_answered_the_same_again() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", 100), event("e2", "p", 200)]).await;
        let tag = AddTagRequest { person_id: "p".to_owned(), tag: "vip".to_owned(), source: String::new() };
        suite.client.add_tag(tag).await.unwrap();
        let request = || ErasePersonRequest { person_id: "p".to_owned(), request_id: "r1".to_owned() };
        let first = suite.client.erase_person(request()).await.unwrap().into_inner();
        assert_eq!((first.events_removed, first.values_removed), (2, 1));
        suite.append(vec![event("e3", "p", 300)]).await;
        assert_eq!(suite.client.erase_person(request()).await.unwrap().into_inner(), first);
        assert_eq!(trait_of(&suite.profile("p").await, "event_count"), 1.0);
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_merge_adds_up_and_a_split_takes_apart() {
    for mut suite in suites().await {
        let via = |mut event: Event, value: &str| {
            event.via = Some(cookie(value));
            event
        };
        suite
            .append(vec![
                via(saying(event("a1", "ann", 100), &[("city", string("Seoul"))]), "ca"),
                via(saying(event("b1", "bob", 200), &[("city", string("Taipei"))]), "cb"),
                via(event("b2", "bob", 300), "cb"),
            ])
            .await;
        let ann = suite.profile("ann").await;
        let merge = Merge { surviving_person_id: "ann".to_owned(), merged_person_id: "bob".to_owned() };
        assert!(apply(&mut suite, 1, Change::Merge(merge.clone())).await);
        assert!(!apply(&mut suite, 1, Change::Merge(merge)).await);
        for id in ["ann", "bob"] {
            let found = suite.profile(id).await;
            assert_eq!((found.person_id.as_str(), trait_of(&found, "event_count")), ("ann", 3.0));
            assert_eq!(found.attributes["city"].value, Some(string("Taipei")));
        }
        let split = Split {
            person_id: "ann".to_owned(),
            split_person_id: "new".to_owned(),
            identifiers: vec![cookie("cb")],
            split_alias_person_ids: Vec::new(),
        };
        assert!(apply(&mut suite, 2, Change::Split(split)).await);
        let found = suite.profile("ann").await;
        assert_eq!((&found.traits, &found.attributes), (&ann.traits, &ann.attributes), "as if they had never met");
        assert_eq!(trait_of(&suite.profile("new").await, "event_count"), 2.0);
        assert_eq!(suite.profile("new").await.attributes["city"].value, Some(string("Taipei")));
        let none = ApplyPersonChangeRequest { change: Some(PersonChange { offset: 3, time: None, change: None }) };
        assert_eq!(fields(&suite.client.apply_person_change(none).await.unwrap_err()), ["change.change"]);
        suite.stop().await;
    }
}

/// What an export says of a person, without the version and the time of the last change.
async fn exported(suite: &mut support::Suite, person: &str) -> Vec<(String, serde_json::Value)> {
    let sections = suite.export(person).await;
    let read = |section: attune_proto::profile::v1::ExportPersonResponse| {
        let mut json: serde_json::Value = serde_json::from_str(&section.json).unwrap();
        if let Some(profile) = json.as_object_mut().filter(|_| section.section == "profile") {
            profile.remove("etag");
            profile.remove("update_time");
        }
        (section.section, json)
    };
    sections.into_iter().map(read).collect()
}

#[tokio::test]
async fn a_merge_that_is_taken_back_leaves_nothing() {
    for mut suite in suites().await {
        let tag = |person: &str, tag: &str| attune_proto::profile::v1::AddTagRequest {
            person_id: person.to_owned(),
            tag: tag.to_owned(),
            source: "desk".to_owned(),
        };
        for (event_id, person, value) in [("a1", "ann", "ca"), ("b1", "bob", "cb")] {
            let mut one = saying(event(event_id, person, 100), &[("city", string(value))]);
            one.via = Some(cookie(value));
            suite.append(vec![one]).await;
            suite.client.add_tag(tag(person, "known")).await.unwrap();
            suite.client.add_tag(tag(person, person)).await.unwrap();
        }
        let (ann, bob) = (exported(&mut suite, "ann").await, exported(&mut suite, "bob").await);
        let merge = Merge { surviving_person_id: "ann".to_owned(), merged_person_id: "bob".to_owned() };
        assert!(apply(&mut suite, 1, Change::Merge(merge)).await);
        let off = attune_proto::profile::v1::RemoveTagRequest { person_id: "ann".to_owned(), tag: "bob".to_owned() };
        let tags = suite.client.remove_tag(off).await.unwrap().into_inner().tags;
        assert_eq!(tags.iter().map(|one| one.tag.as_str()).collect::<Vec<_>>(), ["ann", "known"], "off all of them");
        let split = |alias: &str| Split {
            person_id: "ann".to_owned(),
            split_person_id: "bob".to_owned(),
            identifiers: vec![cookie("cb")],
            split_alias_person_ids: vec![alias.to_owned()],
        };
        let wrong = Some(PersonChange { offset: 2, time: None, change: Some(Change::Split(split(&"x".repeat(65)))) });
        assert!(suite.client.apply_person_change(ApplyPersonChangeRequest { change: wrong }).await.is_err());
        assert!(apply(&mut suite, 2, Change::Split(split("bob"))).await);
        assert_eq!((exported(&mut suite, "ann").await, exported(&mut suite, "bob").await), (ann, bob));
        suite.stop().await;
    }
}

#[tokio::test]
async fn an_export_of_a_long_life_is_whole() {
    for mut suite in suites().await {
        for part in 0..3 {
            let events = (0..600).map(|index| {
                let mut one = event(&format!("e{part}-{index}"), "p", 1000 + part * 600 + index);
                one.properties = Some(object(&[("page", string(&"x".repeat(1000)))]));
                one
            });
            suite.append(events.collect()).await;
        }
        let sections = suite.export("p").await;
        let timeline = sections.iter().filter(|one| one.section == "timeline");
        let events: Vec<serde_json::Value> =
            timeline.flat_map(|one| serde_json::from_str::<Vec<serde_json::Value>>(&one.json).unwrap()).collect();
        assert_eq!(events.len(), 1800);
        let ids: std::collections::BTreeSet<&str> =
            events.iter().map(|one| one["event_id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 1800);
        assert_eq!(events[0]["properties"]["page"].as_str().unwrap().len(), 1000);
        assert!(sections.iter().all(|one| one.json.len() < 2 << 20));
        suite.stop().await;
    }
}
