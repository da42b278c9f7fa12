//! The contract from outside: the generated client over an in-process channel.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a test fails by panicking and documents itself"
)]

use std::time::Duration;

use attune_client::{Channel, Options, ProfileClient};
use attune_kernel::Timestamp;
use attune_profile::{Config, Deps, build};
use attune_proto::identity::v1::{Erasure, PersonChange, person_change::Change};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, Loader, ServerConfig};
use attune_service_kit::server::{Running, Server};
use attune_storage::{Cache, Engine, Storage};
use prost_types::value::Kind;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const MARKER: &str = "marker-4711";

struct Running1 {
    client: ProfileClient,
    running: Running,
    dir: tempfile::TempDir,
}

async fn start_in(dir: tempfile::TempDir) -> Running1 {
    let storage = Storage::Embedded(Engine::open(dir.path()).unwrap());
    let clock = Clock::manual(Timestamp::from_millis(1_700_000_000_000));
    let deps = Deps { storage, cache: Cache::none(), clock, ids: IdSource::seeded(1) };
    let service = build(Config::default(), deps).await.unwrap();
    let client = attune_client::profile(Channel::in_process(service.in_process(), &Options::default()));
    let config = Loader::new()
        .section::<ServerConfig>()
        .section::<AuthConfig>()
        .flag("--listen", "server.listen", "127.0.0.1:0")
        .load()
        .unwrap();
    let running =
        Server::new(config.section().unwrap(), config.section().unwrap()).service(service).start().await.unwrap();
    Running1 { client, running, dir }
}

async fn start() -> Running1 {
    start_in(tempfile::tempdir().unwrap()).await
}

fn event(id: &str, person: &str, seconds: i64) -> Event {
    Event {
        event_id: id.to_owned(),
        person_id: person.to_owned(),
        event: "page_view".to_owned(),
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        channel: "web".to_owned(),
        ..Event::default()
    }
}

fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect())
        .unwrap_or_default()
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

fn text(value: &str) -> Attribute {
    Attribute {
        value: Some(prost_types::Value { kind: Some(Kind::StringValue(value.to_owned())) }),
        ..Attribute::default()
    }
}

fn profile(person: &str, name: &str, attribute: Attribute) -> Profile {
    Profile { person_id: person.to_owned(), attributes: [(name.to_owned(), attribute)].into(), ..Profile::default() }
}

#[tokio::test]
async fn bad_events_are_named_and_the_others_kept() {
    let mut suite = start().await;
    let mut year_one = event("e2", "p", -62_135_596_800);
    year_one.event = String::new();
    let far = event("e3", "p", 253_402_300_799);
    let request = AppendEventsRequest { events: vec![event("e1", "p", 100), year_one, far] };
    let answer = suite.client.append_events(request).await.unwrap().into_inner();
    assert_eq!((answer.appended, answer.duplicates), (1, 0));
    assert_eq!(answer.rejected.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 2]);
    let status = answer.rejected[0].status.clone().unwrap();
    assert!(status.message.contains("events[1]"), "{}", status.message);
    let page = suite
        .client
        .list_timeline(ListTimelineRequest { person_id: "p".to_owned(), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(page.into_inner().events.len(), 1);
    suite.running.stop().await;
}

#[tokio::test]
async fn attributes_are_written_under_a_mask_and_an_etag() {
    let mut suite = start().await;
    let write = |profile, paths: &[&str], request_id: &str| UpdateProfileRequest {
        profile: Some(profile),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        request_id: request_id.to_owned(),
    };
    let first = suite
        .client
        .update_profile(write(profile("p", "city", text("Seoul")), &[], "r1"))
        .await
        .unwrap()
        .into_inner()
        .profile
        .unwrap();
    assert_eq!(first.attributes.len(), 1);
    let mut stale = profile("p", "city", text("Busan"));
    stale.etag = "999".to_owned();
    let status = suite.client.update_profile(write(stale, &["attributes.city"], "")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    let status = suite.client.update_profile(write(profile("p", "a", text("x")), &["traits.x"], "")).await.unwrap_err();
    assert_eq!(fields(&status), ["update_mask.paths[0]"]);
    // The same request has no second effect, even with another content.
    let again = suite
        .client
        .update_profile(write(profile("p", "town", text("x")), &[], "r1"))
        .await
        .unwrap()
        .into_inner()
        .profile
        .unwrap();
    assert!(!again.attributes.contains_key("town"));
    suite.running.stop().await;
}

#[tokio::test]
async fn segments_are_checked_evaluated_and_followed() {
    let mut suite = start().await;
    suite.client.append_events(AppendEventsRequest { events: vec![event("e1", "p", 100)] }).await.unwrap();
    let segment = |expression: &str| CreateSegmentRequest {
        segment: Some(Segment {
            segment_id: "viewers".to_owned(),
            expression: expression.to_owned(),
            ..Segment::default()
        }),
        ..Default::default()
    };
    let status = suite.client.create_segment(segment("traits.event_count >=")).await.unwrap_err();
    assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["segment.expression".to_owned()]));
    suite.client.create_segment(segment("traits.event_count >= 1")).await.unwrap();
    // People who were there before the segment are found by the background task.
    let read = ReadSegmentChangesRequest { wait_millis: 5000, ..Default::default() };
    let changes = suite.client.read_segment_changes(read).await.unwrap().into_inner();
    assert_eq!(changes.changes.len(), 1);
    assert!(changes.changes[0].entered && changes.changes[0].person_id == "p");
    let members = ListSegmentMembersRequest { segment_id: "viewers".to_owned(), ..Default::default() };
    assert_eq!(suite.client.list_segment_members(members).await.unwrap().into_inner().person_ids, ["p"]);
    let unknown = ListSegmentMembersRequest { segment_id: "nobody".to_owned(), ..Default::default() };
    assert_eq!(suite.client.list_segment_members(unknown).await.unwrap_err().code(), Code::NotFound);
    let got =
        suite.client.get_segment(GetSegmentRequest { segment_id: "viewers".to_owned() }).await.unwrap().into_inner();
    assert_eq!(got.segment.unwrap().member_count, 1);
    suite.running.stop().await;
}

#[tokio::test]
async fn consent_answers_with_its_reason() {
    let mut suite = start().await;
    let may = |channel: &str| MayContactRequest {
        person_id: "p".to_owned(),
        purpose: "marketing".to_owned(),
        channel: channel.to_owned(),
    };
    assert_eq!(suite.client.may_contact(may("email")).await.unwrap().into_inner().reason, "DEFAULT");
    let no =
        Consent { purpose: "marketing".to_owned(), channel: "email".to_owned(), granted: false, ..Consent::default() };
    suite.client.set_consent(SetConsentRequest { person_id: "p".to_owned(), consent: Some(no) }).await.unwrap();
    let said = suite.client.may_contact(may("email")).await.unwrap().into_inner();
    assert!(!said.allowed && said.reason == "CONSENT_WITHDRAWN" && said.consent.is_some());
    assert!(suite.client.may_contact(may("sms")).await.unwrap().into_inner().allowed);
    suite.running.stop().await;
}

#[tokio::test]
async fn an_erased_marker_is_readable_nowhere() {
    let mut suite = start().await;
    let mut marked = event("e1", "p", 100);
    marked.session_id = MARKER.to_owned();
    suite.client.append_events(AppendEventsRequest { events: vec![marked] }).await.unwrap();
    suite
        .client
        .add_tag(AddTagRequest { person_id: "p".to_owned(), tag: MARKER.to_owned(), ..Default::default() })
        .await
        .unwrap();
    let update = UpdateProfileRequest { profile: Some(profile("p", "note", text(MARKER))), ..Default::default() };
    suite.client.update_profile(update).await.unwrap();
    let exported = export(&mut suite.client).await;
    assert_eq!(exported.matches(MARKER).count(), 3, "{exported}");
    let erasure = Erasure { person_id: "p".to_owned(), alias_person_ids: Vec::new() };
    let change = PersonChange { offset: 1, time: None, change: Some(Change::Erasure(erasure)) };
    let apply = || ApplyPersonChangeRequest { change: Some(change.clone()) };
    assert!(suite.client.apply_person_change(apply()).await.unwrap().into_inner().applied);
    assert!(!suite.client.apply_person_change(apply()).await.unwrap().into_inner().applied);
    assert_eq!(export(&mut suite.client).await.matches(MARKER).count(), 0);
    suite.running.stop().await;
}

async fn export(client: &mut ProfileClient) -> String {
    let mut sections =
        client.export_person(ExportPersonRequest { person_id: "p".to_owned() }).await.unwrap().into_inner();
    let mut all = String::new();
    while let Some(section) = sections.message().await.unwrap() {
        all.push_str(&section.json);
    }
    all
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let mut suite = start().await;
    suite
        .client
        .append_events(AppendEventsRequest { events: vec![event("e1", "p", 100), event("e2", "p", 200)] })
        .await
        .unwrap();
    let before = suite.client.get_profile(GetProfileRequest { person_id: "p".to_owned() }).await.unwrap().into_inner();
    let Running1 { client, running, dir } = suite;
    drop(client);
    running.stop().await;
    let mut engine_free = None;
    for _ in 0..50 {
        // The directory is free when the last handle is gone.
        match Engine::open(dir.path()) {
            Ok(engine) => {
                engine_free = Some(engine);
                break;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    drop(engine_free.expect("the directory is free"));
    let mut suite = start_in(dir).await;
    let after = suite.client.get_profile(GetProfileRequest { person_id: "p".to_owned() }).await.unwrap().into_inner();
    assert_eq!(before, after);
    let again = suite
        .client
        .append_events(AppendEventsRequest { events: vec![event("e1", "p", 100)] })
        .await
        .unwrap()
        .into_inner();
    assert_eq!((again.appended, again.duplicates), (0, 1));
    suite.running.stop().await;
}

#[tokio::test]
async fn a_list_that_is_empty_or_too_long_is_refused_whole() {
    let mut suite = start().await;
    let status = suite.client.append_events(AppendEventsRequest::default()).await.unwrap_err();
    assert_eq!((reason(&status).as_str(), fields(&status)), ("INVALID_FIELD", vec!["events".to_owned()]));
    let many = (0..5001).map(|index| event(&format!("e{index}"), "p", 1)).collect();
    let status = suite.client.append_events(AppendEventsRequest { events: many }).await.unwrap_err();
    assert_eq!(fields(&status), ["events"]);
    let page = suite
        .client
        .list_timeline(ListTimelineRequest {
            person_id: "p".to_owned(),
            page_token: "rubbish".to_owned(),
            ..Default::default()
        })
        .await;
    assert_eq!(fields(&page.unwrap_err()), ["page_token"]);
    suite.running.stop().await;
}
