//! The contract from outside: what is written, read and listed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

mod support;

use attune_proto::profile::v1::*;
use support::*;
use tonic::Code;

#[tokio::test]
async fn bad_events_are_named_and_the_others_kept() {
    for mut suite in suites().await {
        let mut year_one = event("e2", "p", -62_135_596_800);
        year_one.event = String::new();
        let far = event("e3", "p", 253_402_300_799);
        let nul = event("e\0", "p", 100);
        let many: Vec<(String, prost_types::Value)> =
            (0..101).map(|index| (format!("a{index}"), number(1.0))).collect();
        let many: Vec<(&str, prost_types::Value)> =
            many.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let nan = saying(event("e6", "p", 100), &[("age", number(f64::NAN))]);
        let mut large = event("e7", "p", 100);
        large.properties = Some(object(&[("page", string(&"x".repeat(70_000)))]));
        let events = vec![
            event("e1", "p", 100),
            year_one,
            far,
            nul,
            saying(event("e5", "p", 100), &many),
            nan,
            large,
            event("", "", 100),
        ];
        let answer = suite.append(events).await;
        assert_eq!((answer.appended, answer.duplicates), (1, 0));
        assert_eq!(answer.rejected.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
        for (at, part) in
            [(0, "events[1]"), (2, "events[3].event_id"), (3, "events[4].properties.attributes"), (6, "events[7]")]
        {
            let status = answer.rejected[at].status.clone().unwrap();
            assert!(status.message.contains(part), "{}", status.message);
        }
        let page = ListTimelineRequest { person_id: "p".to_owned(), ..Default::default() };
        assert_eq!(suite.client.list_timeline(page).await.unwrap().into_inner().events.len(), 1);
        let nobody = suite.client.get_profile(GetProfileRequest::default()).await.unwrap_err();
        assert_eq!((nobody.code(), fields(&nobody)), (Code::InvalidArgument, vec!["person_id".to_owned()]));
        suite.stop().await;
    }
}

#[tokio::test]
async fn what_events_say_of_a_person_is_the_latest_in_any_order() {
    for mut suite in suites().await {
        let mut late = saying(event("a1", "p", 300), &[("city", string("Taipei")), ("age", number(41.0))]);
        late.source = "crm".to_owned();
        late.session_id = "s1".to_owned();
        let early = saying(event("a2", "p", 200), &[("city", string("Seoul"))]);
        suite.append(vec![late.clone()]).await;
        let answer = suite.append(vec![early, late]).await;
        assert_eq!((answer.appended, answer.duplicates), (1, 1));
        let found = suite.profile("p").await;
        assert_eq!(found.attributes["city"].value, Some(string("Taipei")));
        assert_eq!(found.attributes["city"].source, "crm");
        assert_eq!(found.attributes["city"].event_time.unwrap().seconds, 300);
        assert_eq!(found.attributes["city"].receive_time.unwrap().seconds, NOW / 1000);
        assert_eq!((trait_of(&found, "event_count"), trait_of(&found, "sessions")), (2.0, 1.0));
        suite.stop().await;
    }
}

#[tokio::test]
async fn attributes_are_written_under_a_mask_and_an_etag() {
    for mut suite in suites().await {
        let first = suite.client.update_profile(write(profile("p", "city", text("Seoul")), &[], "r1")).await;
        let first = first.unwrap().into_inner().profile.unwrap();
        assert_eq!(first.attributes.len(), 1);
        let mut stale = profile("p", "city", text("Busan"));
        stale.etag = "999".to_owned();
        let status = suite.client.update_profile(write(stale, &["attributes.city"], "")).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
        let status =
            suite.client.update_profile(write(profile("p", "a", text("x")), &["traits.x"], "")).await.unwrap_err();
        assert_eq!(fields(&status), ["update_mask.paths[0]"]);
        // The same request has no second effect, even with another content.
        let again = suite.client.update_profile(write(profile("p", "town", text("x")), &[], "r1")).await;
        let again = again.unwrap().into_inner().profile.unwrap();
        assert_eq!((again.attributes.contains_key("town"), &again.etag), (false, &first.etag));
        // At the same tick of the clock the later call is the later word, and a mask names what is removed.
        let mut busan = profile("p", "city", text("Busan"));
        busan.etag = first.etag;
        let busan = suite.client.update_profile(write(busan, &["attributes.city"], "")).await.unwrap().into_inner();
        assert_eq!(busan.profile.unwrap().attributes["city"].value, Some(string("Busan")));
        let gone = Profile { person_id: "p".to_owned(), ..Profile::default() };
        let gone = suite.client.update_profile(write(gone, &["attributes.city"], "")).await.unwrap().into_inner();
        assert!(gone.profile.unwrap().attributes.is_empty());
        // A value of before the removal does not come back with a late event.
        suite.append(vec![saying(event("e1", "p", 100), &[("city", string("Daegu"))])]).await;
        assert!(suite.profile("p").await.attributes.is_empty());
        let mut bad = profile("p", "age", Attribute { value: Some(number(f64::NAN)), ..Attribute::default() });
        let far = prost_types::Timestamp { seconds: 253_402_300_799, nanos: 0 };
        bad.attributes.insert("b".to_owned(), Attribute { event_time: Some(far), ..text("x") });
        let status = suite.client.update_profile(write(bad, &[], "")).await.unwrap_err();
        assert_eq!(fields(&status), ["profile.attributes[\"age\"]", "profile.attributes[\"b\"].event_time"]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn timelines_are_paged_under_filters_and_a_token_is_good_for_its_list_only() {
    for mut suite in suites().await {
        let mut events: Vec<Event> =
            (0..25).map(|index| event(&format!("e{index:02}"), "p", 1000 + index / 3)).collect();
        events[7].channel = "app".to_owned();
        events[8].sequence = -1;
        suite.append(events).await;
        let request = ListTimelineRequest { person_id: "p".to_owned(), page_size: 4, ..Default::default() };
        let mut orders = Vec::new();
        for ascending in [true, false] {
            let (mut seen, mut token) = (Vec::new(), String::new());
            loop {
                let request = ListTimelineRequest { ascending, page_token: token, ..request.clone() };
                let page = suite.client.list_timeline(request).await.unwrap().into_inner();
                seen.extend(page.events.into_iter().map(|event| event.event_id));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(seen.len(), 25);
            orders.push(seen);
        }
        let backwards: Vec<String> = orders[1].iter().rev().cloned().collect();
        assert_eq!(orders[0], backwards);
        assert_eq!(orders[0][6], "e08", "time, then sequence");
        let third = |id: &String| id[1..].parse::<u32>().unwrap() / 3;
        assert!(orders[0].is_sorted_by_key(third), "{:?}", orders[0]);
        let only = ListTimelineRequest {
            channels: vec!["app".to_owned()],
            events: vec!["page_view".to_owned()],
            ..request.clone()
        };
        assert_eq!(suite.client.list_timeline(only).await.unwrap().into_inner().events.len(), 1);
        let token = suite.client.list_timeline(request.clone()).await.unwrap().into_inner().next_page_token;
        for other in [
            ListTimelineRequest { person_id: "q".to_owned(), ..request.clone() },
            ListTimelineRequest { ascending: true, ..request.clone() },
            ListTimelineRequest { channels: vec!["web".to_owned()], ..request.clone() },
        ] {
            let status = suite.client.list_timeline(ListTimelineRequest { page_token: token.clone(), ..other }).await;
            assert_eq!(fields(&status.unwrap_err()), ["page_token"]);
        }
        let rubbish = ListTimelineRequest { page_token: "rubbish".to_owned(), ..request };
        assert_eq!(fields(&suite.client.list_timeline(rubbish).await.unwrap_err()), ["page_token"]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn profiles_are_read_in_order_and_the_unknown_are_empty() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", 100)]).await;
        let ids = ["nobody", "p", "nobody"].map(str::to_owned).to_vec();
        let found = suite.client.batch_get_profiles(BatchGetProfilesRequest { person_ids: ids.clone() }).await;
        let found = found.unwrap().into_inner().profiles;
        assert_eq!(found.iter().map(|one| one.person_id.clone()).collect::<Vec<_>>(), ids);
        assert_eq!(found.iter().map(|one| trait_of(one, "event_count")).collect::<Vec<_>>(), [0.0, 1.0, 0.0]);
        assert!(found[0].update_time.is_none() && found[1].update_time.is_some());
        let bad = BatchGetProfilesRequest { person_ids: vec!["p".to_owned(), String::new(), "a\0".to_owned()] };
        let status = suite.client.batch_get_profiles(bad).await.unwrap_err();
        assert_eq!(fields(&status), ["person_ids[1]", "person_ids[2]"]);
        let many = BatchGetProfilesRequest { person_ids: vec!["p".to_owned(); 1001] };
        assert_eq!(fields(&suite.client.batch_get_profiles(many).await.unwrap_err()), ["person_ids"]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn tags_are_put_on_once_and_taken_off() {
    for mut suite in suites().await {
        let add = |tag: &str| AddTagRequest { person_id: "p".to_owned(), tag: tag.to_owned(), source: "a".to_owned() };
        suite.client.add_tag(add("vip")).await.unwrap();
        let etag = suite.profile("p").await.etag;
        let tags = suite.client.add_tag(add("vip")).await.unwrap().into_inner().tags;
        assert_eq!((tags.len(), tags[0].source.as_str()), (1, "a"));
        let off = |tag: &str| RemoveTagRequest { person_id: "p".to_owned(), tag: tag.to_owned() };
        suite.client.remove_tag(off("never")).await.unwrap();
        assert_eq!(suite.profile("p").await.etag, etag, "what changes nothing is no new version");
        assert!(suite.client.remove_tag(off("vip")).await.unwrap().into_inner().tags.is_empty());
        suite.stop().await;
    }
}

#[tokio::test]
async fn consent_answers_with_its_reason() {
    for mut suite in suites().await {
        let may = |purpose: &str, channel: &str| MayContactRequest {
            person_id: "p".to_owned(),
            purpose: purpose.to_owned(),
            channel: channel.to_owned(),
            ..MayContactRequest::default()
        };
        let word = |channel: &str, granted, seconds| SetConsentRequest {
            person_id: "p".to_owned(),
            consent: Some(Consent {
                purpose: "marketing".to_owned(),
                channel: channel.to_owned(),
                granted,
                time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
                ..Consent::default()
            }),
            ..SetConsentRequest::default()
        };
        let defaults = suite.client.may_contact(may("marketing", "email")).await.unwrap().into_inner();
        assert_eq!((defaults.allowed, defaults.reason.as_str()), (false, "DEFAULT"));
        assert!(suite.client.may_contact(may("service", "email")).await.unwrap().into_inner().allowed);
        suite.client.set_consent(word("", true, 100)).await.unwrap();
        suite.client.set_consent(word("email", false, 200)).await.unwrap();
        // A word of before that comes late changes nothing.
        suite.client.set_consent(word("email", true, 150)).await.unwrap();
        let said = suite.client.may_contact(may("marketing", "email")).await.unwrap().into_inner();
        assert!(!said.allowed && said.reason == "CONSENT_WITHDRAWN" && said.consent.is_some());
        assert!(suite.client.may_contact(may("marketing", "sms")).await.unwrap().into_inner().allowed);
        let status = suite.client.set_consent(word("", true, 253_402_300_799)).await.unwrap_err();
        assert_eq!(fields(&status), ["consent.time"]);
        let status = suite.client.set_consent(word("", true, -62_135_596_800)).await.unwrap_err();
        assert_eq!(fields(&status), ["consent.time"]);
        let list = ListConsentsRequest { person_id: "p".to_owned() };
        let list = suite.client.list_consents(list).await.unwrap().into_inner().consents;
        assert_eq!(list.iter().map(|one| one.channel.as_str()).collect::<Vec<_>>(), ["", "email"]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let mut suite = start_in(tempfile::tempdir().unwrap()).await;
    suite.append(vec![event("e1", "p", 100), event("e2", "p", 200)]).await;
    let before = suite.profile("p").await;
    let mut suite = suite.restart().await;
    assert_eq!(suite.profile("p").await, before);
    let again = suite.append(vec![event("e1", "p", 100)]).await;
    assert_eq!((again.appended, again.duplicates), (0, 1));
    suite.stop().await;
}

#[tokio::test]
async fn a_list_that_is_empty_or_too_long_is_refused_whole() {
    for mut suite in suites().await {
        let status = suite.client.append_events(AppendEventsRequest::default()).await.unwrap_err();
        assert_eq!((reason(&status).as_str(), fields(&status)), ("INVALID_FIELD", vec!["events".to_owned()]));
        let many = (0..5001).map(|index| event(&format!("e{index}"), "p", 1)).collect();
        let status = suite.client.append_events(AppendEventsRequest { events: many }).await.unwrap_err();
        assert_eq!(fields(&status), ["events"]);
        assert_eq!(trait_of(&suite.profile("p").await, "event_count"), 0.0);
        suite.stop().await;
    }
}
