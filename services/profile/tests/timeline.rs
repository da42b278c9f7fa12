//! The contract from outside: sessions as they went, and kinds of events.
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

#[tokio::test]
async fn a_session_is_replayed_in_order() {
    for mut suite in suites().await {
        let step = |id: &str, session: &str, seconds, properties: &[(&str, prost_types::Value)]| Event {
            session_id: session.to_owned(),
            properties: Some(object(properties)),
            ..event(id, "p", seconds)
        };
        suite
            .append(vec![
                step("e3", "s1", 130, &[("field", string("income")), ("error", string("not a number"))]),
                step("e1", "s1", 100, &[("page", string("/loan"))]),
                step("x1", "s2", 110, &[("page", string("/other"))]),
                step("e2", "s1", 105, &[("field", string("income"))]),
            ])
            .await;
        let replay = |session: &str| ReplaySessionRequest {
            person_id: "p".to_owned(),
            session_id: session.to_owned(),
            ..ReplaySessionRequest::default()
        };
        let session = suite.client.replay_session(replay("s1")).await.unwrap().into_inner();
        let told: Vec<(&str, &str, i64)> = session
            .steps
            .iter()
            .map(|step| (step.event_id.as_str(), step.page.as_str(), step.pause.unwrap().seconds))
            .collect();
        assert_eq!(told, [("e1", "/loan", 0), ("e2", "/loan", 5), ("e3", "/loan", 25)]);
        assert_eq!((session.pages, session.fields, session.errors, session.truncated), (1, 2, 1, false));
        assert_eq!(session.longest_pause.unwrap().seconds, 25);
        assert!(suite.client.replay_session(replay("s9")).await.unwrap().into_inner().steps.is_empty());
        suite.stop().await;
    }
}

#[tokio::test]
async fn kinds_are_resources() {
    for mut suite in suites().await {
        let retention = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let kind = |seconds| EventKind {
            event_kind_id: "page_view".to_owned(),
            channel: "web".to_owned(),
            retention: retention(seconds),
            ..EventKind::default()
        };
        let create = |seconds| CreateEventKindRequest { event_kind: Some(kind(seconds)), ..Default::default() };
        let status = suite.client.create_event_kind(create(-1)).await.unwrap_err();
        assert_eq!(fields(&status), ["event_kind.retention"]);
        suite.client.create_event_kind(create(60)).await.unwrap();
        let update = UpdateEventKindRequest {
            event_kind: Some(EventKind { display_name: "View".to_owned(), ..kind(60) }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
        };
        suite.client.update_event_kind(update).await.unwrap();
        let get = GetEventKindRequest { event_kind_id: "page_view".to_owned() };
        let read = suite.client.get_event_kind(get).await.unwrap().into_inner().event_kind.unwrap();
        assert_eq!((read.display_name.as_str(), read.channel.as_str(), read.etag.as_str()), ("View", "web", "2"));
        let list = suite.client.list_event_kinds(ListEventKindsRequest::default()).await.unwrap().into_inner();
        assert_eq!(list.event_kinds.len(), 1);
        let delete = DeleteEventKindRequest { event_kind_id: "page_view".to_owned(), ..Default::default() };
        suite.client.delete_event_kind(delete).await.unwrap();
        suite.stop().await;
    }
}
