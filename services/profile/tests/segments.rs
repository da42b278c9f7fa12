//! The contract from outside: segments, their members and their feed.
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

async fn changes(suite: &mut Suite, after_offset: i64, wait_millis: i32) -> Vec<SegmentChange> {
    let read = ReadSegmentChangesRequest { after_offset, wait_millis, ..Default::default() };
    suite.client.read_segment_changes(read).await.unwrap().into_inner().changes
}

#[tokio::test]
async fn segments_are_checked_evaluated_and_followed() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", 100)]).await;
        for bad in ["traits.event_count >=", "unheard_of == 1", "1 + 1"] {
            let status = suite.create_segment("viewers", bad).await.unwrap_err();
            assert_eq!(
                (status.code(), fields(&status)),
                (Code::InvalidArgument, vec!["segment.expression".to_owned()]),
                "{bad}"
            );
        }
        let before = suite.profile("p").await.etag;
        suite.create_segment("viewers", "traits.event_count >= 1").await.unwrap();
        // People who were there before the segment are found by the background task.
        let found = changes(&mut suite, 0, 10_000).await;
        assert_eq!(found.len(), 1);
        assert!(found[0].entered && found[0].person_id == "p" && found[0].offset == 1);
        suite.members_become("viewers", &["p"]).await;
        assert_ne!(suite.profile("p").await.etag, before);
        // People who come later enter with the event.
        suite.append(vec![event("e2", "q", 100)]).await;
        let found = changes(&mut suite, 1, 0).await;
        assert!(found.len() == 1 && found[0].entered && found[0].person_id == "q" && found[0].offset == 2);
        assert_eq!(suite.profile("q").await.segments, ["viewers"]);
        let get = GetSegmentRequest { segment_id: "viewers".to_owned() };
        assert_eq!(suite.client.get_segment(get).await.unwrap().into_inner().segment.unwrap().member_count, 2);
        let unknown = ListSegmentMembersRequest { segment_id: "nobody".to_owned(), ..Default::default() };
        assert_eq!(suite.client.list_segment_members(unknown).await.unwrap_err().code(), Code::NotFound);
        suite.stop().await;
    }
}

#[tokio::test]
async fn members_follow_another_rule_a_deletion_and_a_segment_of_the_same_id() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", 100), event("e2", "q", 100), event("e3", "q", 101)]).await;
        suite.create_segment("s", "traits.event_count == 1").await.unwrap();
        suite.members_become("s", &["p"]).await;
        let segment = Segment {
            segment_id: "s".to_owned(),
            expression: "traits.event_count == 2".to_owned(),
            ..Segment::default()
        };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["expression".to_owned()] });
        let request = UpdateSegmentRequest { segment: Some(segment), update_mask };
        suite.client.update_segment(request).await.unwrap();
        suite.members_become("s", &["q"]).await;
        // Deleted and created again before anyone looked: the rule decides, not the id or the version.
        suite
            .client
            .delete_segment(DeleteSegmentRequest { segment_id: "s".to_owned(), ..Default::default() })
            .await
            .unwrap();
        suite.create_segment("s", "traits.event_count >= 1").await.unwrap();
        suite.members_become("s", &["p", "q"]).await;
        suite
            .client
            .delete_segment(DeleteSegmentRequest { segment_id: "s".to_owned(), ..Default::default() })
            .await
            .unwrap();
        for _ in 0..200 {
            if suite.profile("p").await.segments.is_empty() && suite.profile("q").await.segments.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told = changes(&mut suite, 0, 0).await;
        let balance = |person: &str| {
            told.iter().filter(|one| one.person_id == person).map(|one| if one.entered { 1 } else { -1 }).sum::<i32>()
        };
        assert_eq!((balance("p"), balance("q")), (0, 0));
        suite.create_segment("s", "false").await.unwrap();
        suite.members_become("s", &[]).await;
        let get = GetSegmentRequest { segment_id: "s".to_owned() };
        assert_eq!(suite.client.get_segment(get).await.unwrap().into_inner().segment.unwrap().member_count, 0);
        suite.stop().await;
    }
}

#[tokio::test]
async fn time_alone_moves_people_in() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", NOW / 1000)]).await;
        suite.create_segment("dormant", "traits.days_since_last_event >= 30").await.unwrap();
        suite.create_segment("everyone", "true").await.unwrap();
        suite.members_become("everyone", &["p"]).await;
        suite.members_become("dormant", &[]).await;
        assert!(suite.clock.advance(Duration::from_secs(31 * 86_400)));
        suite.members_become("dormant", &["p"]).await;
        assert_eq!(trait_of(&suite.profile("p").await, "events_30d"), 0.0);
        suite.stop().await;
    }
}

#[tokio::test]
async fn tags_consents_and_attributes_move_people_at_once() {
    for mut suite in suites().await {
        suite.create_segment("tagged", "'vip' in tags").await.unwrap();
        suite.create_segment("willing", "consents['marketing.email']").await.unwrap();
        suite.create_segment("adult", "attributes.age >= 18").await.unwrap();
        let tag = AddTagRequest { person_id: "p".to_owned(), tag: "vip".to_owned(), source: String::new() };
        suite.client.add_tag(tag).await.unwrap();
        let consent = Consent {
            purpose: "marketing".to_owned(),
            channel: "email".to_owned(),
            granted: true,
            ..Consent::default()
        };
        suite
            .client
            .set_consent(SetConsentRequest { person_id: "p".to_owned(), consent: Some(consent), ..Default::default() })
            .await
            .unwrap();
        let age = Attribute { value: Some(number(41.0)), ..Attribute::default() };
        suite.client.update_profile(write(profile("p", "age", age), &[], "")).await.unwrap();
        assert_eq!(suite.profile("p").await.segments, ["adult", "tagged", "willing"]);
        assert_eq!(changes(&mut suite, 0, 0).await.len(), 3);
        suite.stop().await;
    }
}
