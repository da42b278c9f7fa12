//! The contract from outside: answers about many persons at once.
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

use attune_profile::Config;
use attune_proto::identity::v1::person_change::Change;
use attune_proto::identity::v1::{Erasure, Merge, PersonChange};
use attune_proto::profile::v1::split_persons_request::By;
use attune_proto::profile::v1::*;
use attune_storage::{Cache, Engine, Storage};
use support::*;
use tonic::Code;

fn rule(expression: &str) -> PersonSet {
    PersonSet { set: Some(person_set::Set::Expression(expression.to_owned())) }
}

fn segment(id: &str) -> PersonSet {
    PersonSet { set: Some(person_set::Set::SegmentId(id.to_owned())) }
}

fn preview_of(expression: &str) -> PreviewSegmentRequest {
    PreviewSegmentRequest { expression: expression.to_owned(), sample_size: 10, count_conditions: true }
}

/// A hundred persons: the age is the number, those with an even one live in Seoul, those below twenty have three events.
async fn hundred(suite: &mut Suite) {
    let mut events = Vec::new();
    for number in 0..100_i64 {
        let person = format!("p{number:03}");
        let city = if number % 2 == 0 { "Seoul" } else { "Busan" };
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let said = [("age", support::number(number as f64)), ("city", string(city))];
        events.push(saying(event(&format!("{person}-0"), &person, NOW / 1000), &said));
        for repeat in 1..if number < 20 { 3 } else { 1 } {
            events.push(event(&format!("{person}-{repeat}"), &person, NOW / 1000));
        }
    }
    suite.append(events).await;
    becomes(suite, "true", 100).await;
}

/// Waits until so many satisfy a rule, and answers the last preview.
async fn becomes(suite: &mut Suite, expression: &str, expected: i64) -> PreviewSegmentResponse {
    let mut last = None;
    for _ in 0..200 {
        match suite.audience.preview_segment(preview_of(expression)).await {
            Ok(found) if found.get_ref().member_count == expected => return found.into_inner(),
            other => last = Some(other),
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{expression} is {last:?} instead of {expected}");
}

#[tokio::test]
async fn a_preview_counts_before_anything_is_saved_and_follows_every_write() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let found = becomes(&mut suite, "attributes.age >= 90 && attributes.city == 'Seoul'", 5).await;
        assert_eq!((found.person_count, found.share), (100, 0.05));
        assert_eq!(found.sample_person_ids.len(), 5);
        let counts: Vec<_> = found
            .conditions
            .iter()
            .map(|one| (one.expression.as_str(), one.member_count, one.remaining_count))
            .collect();
        assert_eq!(counts, [("attributes.age >= 90", 10, 10), ("attributes.city == 'Seoul'", 50, 5)]);
        assert_eq!(found.time.unwrap().seconds, NOW / 1000);
        // What each kind of write changes is there without a restart.
        let tag = AddTagRequest { person_id: "p001".to_owned(), tag: "vip".to_owned(), source: String::new() };
        suite.client.add_tag(tag).await.unwrap();
        becomes(&mut suite, "'vip' in tags", 1).await;
        suite.client.update_profile(write(profile("p001", "city", text("Daegu")), &[], "")).await.unwrap();
        becomes(&mut suite, "attributes.city == 'Daegu' && 'vip' in tags", 1).await;
        // A merged person is no person of their own, and an erased one is nobody.
        let change = |offset, change| ApplyPersonChangeRequest {
            change: Some(PersonChange { offset, change: Some(change), ..PersonChange::default() }),
        };
        let merge = Merge { surviving_person_id: "p000".to_owned(), merged_person_id: "p001".to_owned() };
        suite.client.apply_person_change(change(1, Change::Merge(merge))).await.unwrap();
        let found = becomes(&mut suite, "'vip' in tags", 1).await;
        becomes(&mut suite, "true", 99).await;
        assert!(!found.sample_person_ids.is_empty());
        let erasure = Erasure { person_id: "p000".to_owned(), ..Erasure::default() };
        suite.client.apply_person_change(change(2, Change::Erasure(erasure))).await.unwrap();
        becomes(&mut suite, "true", 98).await;
        becomes(&mut suite, "'vip' in tags", 0).await;
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_preview_is_what_the_segment_becomes() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        for (id, expression) in [
            ("one", "traits.event_count >= 3 || attributes.age > 95"),
            ("two", "!('vip' in tags) && attributes.city.startsWith('B')"),
            ("three", "consents.marketing || attributes.income > 1.0"),
        ] {
            suite.create_segment(id, expression).await.unwrap();
            let previewed =
                suite.audience.preview_segment(preview_of(expression)).await.unwrap().into_inner().member_count;
            let mut counted = -1;
            for _ in 0..200 {
                let get = GetSegmentRequest { segment_id: id.to_owned() };
                counted = suite.client.get_segment(get).await.unwrap().into_inner().segment.unwrap().member_count;
                if counted == previewed {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            assert_eq!(counted, previewed, "{expression}");
        }
        suite.stop().await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_named_by_its_field() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let status = suite.audience.preview_segment(preview_of("attributes.age >=")).await.unwrap_err();
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, vec!["expression".to_owned()]));
        let status = suite.audience.preview_segment(PreviewSegmentRequest::default()).await.unwrap_err();
        assert_eq!(fields(&status), ["expression"]);
        let compare = |one, other| CompareSegmentsRequest { one: Some(one), other, ..Default::default() };
        let status = suite.audience.compare_segments(compare(rule("1 + 1"), None)).await.unwrap_err();
        assert_eq!(fields(&status), ["one.expression"]);
        let status = suite.audience.compare_segments(compare(rule("true"), None)).await.unwrap_err();
        assert_eq!(fields(&status), ["other"]);
        let status = suite.audience.compare_segments(compare(PersonSet::default(), None)).await.unwrap_err();
        assert_eq!(fields(&status), ["one.set"]);
        let status = suite.audience.compare_segments(compare(segment("nobody"), None)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        let long = format!("attributes.city == '{}'", "x".repeat(8192));
        let status = suite.audience.compare_segments(compare(rule(&long), None)).await.unwrap_err();
        assert_eq!(fields(&status), ["one.expression"]);
        let overlap =
            |ids: &[&str]| GetSegmentOverlapRequest { segment_ids: ids.iter().map(|id| (*id).to_owned()).collect() };
        let status = suite.audience.get_segment_overlap(overlap(&["a", "a"])).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        suite.create_segment("a", "true").await.unwrap();
        let status = suite.audience.get_segment_overlap(overlap(&["a", "a"])).await.unwrap_err();
        assert_eq!(fields(&status), ["segment_ids[1]"]);
        let many: Vec<String> = (0..101).map(|at| format!("s{at}")).collect();
        let status =
            suite.audience.get_segment_overlap(GetSegmentOverlapRequest { segment_ids: many }).await.unwrap_err();
        assert_eq!(fields(&status), ["segment_ids"]);
        let few = FindLookalikesRequest { seed: Some(rule("attributes.age < 19")), ..Default::default() };
        assert_eq!(fields(&suite.audience.find_lookalikes(few).await.unwrap_err()), ["seed"]);
        let both = FindLookalikesRequest {
            seed: Some(rule("attributes.age < 50")),
            size: 1,
            share: 0.5,
            ..Default::default()
        };
        assert_eq!(fields(&suite.audience.find_lookalikes(both).await.unwrap_err()), ["share"]);
        let export =
            ExportAudienceRequest { persons: Some(rule("true")), columns: vec!["attributes.nothing".to_owned()] };
        assert_eq!(fields(&suite.audience.export_audience(export).await.unwrap_err()), ["columns[0]"]);
        let by = |column: &str| By::Activity(ActivitySplit { column: column.to_owned(), ..Default::default() });
        for (request, field) in [
            (SplitPersonsRequest { by: Some(by("traits.nothing")), ..Default::default() }, "activity.column"),
            (SplitPersonsRequest { by: Some(by("tags")), ..Default::default() }, "activity.column"),
            (
                SplitPersonsRequest {
                    by: Some(by("attributes.age")),
                    tag_prefix: ".x".to_owned(),
                    ..Default::default()
                },
                "tag_prefix",
            ),
            (SplitPersonsRequest::default(), "by"),
        ] {
            assert_eq!(fields(&suite.audience.split_persons(request).await.unwrap_err()), [field]);
        }
        suite.stop().await;
    }
}

#[tokio::test]
async fn overlap_counts_common_members_exactly() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let rules = [
            ("old", "attributes.age >= 50"),
            ("seoul", "attributes.city == 'Seoul'"),
            ("busy", "traits.event_count == 3"),
        ];
        for (id, expression) in rules {
            suite.create_segment(id, expression).await.unwrap();
        }
        let ids: Vec<String> = rules.iter().map(|(id, _)| (*id).to_owned()).collect();
        let mut counts = Vec::new();
        for _ in 0..200 {
            let request = GetSegmentOverlapRequest { segment_ids: ids.clone() };
            let Ok(found) = suite.audience.get_segment_overlap(request).await else { continue };
            let found = found.into_inner();
            assert_eq!((found.person_count, &found.segment_ids), (100, &ids));
            counts = found.rows.into_iter().map(|row| row.counts).collect();
            if counts == [[50, 25, 0], [25, 50, 10], [0, 10, 20]] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(counts, [[50, 25, 0], [25, 50, 10], [0, 10, 20]]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn differences_and_who_is_alike_are_found() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let request = CompareSegmentsRequest {
            one: Some(rule("attributes.city == 'Seoul' && attributes.age < 50")),
            other: Some(rule("attributes.age >= 40")),
            ..Default::default()
        };
        let found = suite.audience.compare_segments(request.clone()).await.unwrap().into_inner();
        assert_eq!((found.one_count, found.other_count, found.shared_count), (20, 55, 5));
        let age = &found.differences.iter().find(|one| one.name == "attributes.age").unwrap();
        assert_eq!((age.test.as_str(), age.delta, age.effect), ("rank", Some(-1.0), 1.0));
        assert_eq!(age.one_mean, Some(19.0));
        assert!(age.p_value < 1e-9 && age.adjusted_p_value >= age.p_value);
        let ignore = vec!["attributes.*".to_owned()];
        let found = suite.audience.compare_segments(CompareSegmentsRequest { ignore, ..request }).await.unwrap();
        assert!(found.get_ref().differences.iter().all(|one| !one.name.contains("attributes")));
        let request = FindLookalikesRequest {
            seed: Some(rule("attributes.age < 60 && attributes.city == 'Seoul'")),
            size: 5,
            ignore: vec!["attributes.city".to_owned()],
            ..Default::default()
        };
        let found = suite.audience.find_lookalikes(request.clone()).await.unwrap().into_inner();
        assert_eq!((found.seed_count, found.candidate_count, found.lookalikes.len()), (30, 70, 5));
        assert!(found.lookalikes.is_sorted_by(|one, other| one.score >= other.score));
        assert_eq!(found.drivers[0].column, "attributes.age");
        let again = suite.audience.find_lookalikes(request).await.unwrap().into_inner();
        assert_eq!(again, found);
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_split_finds_its_bounds_and_keeps_persons_in_tags() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let by = By::Activity(ActivitySplit { column: "attributes.age".to_owned(), floor: 9.0, ..Default::default() });
        let request = SplitPersonsRequest { by: Some(by), tag_prefix: "age".to_owned(), ..Default::default() };
        let found = suite.audience.split_persons(request.clone()).await.unwrap().into_inner();
        let groups: Vec<_> = found.groups.iter().map(|one| (one.name.as_str(), one.member_count)).collect();
        assert_eq!(groups, [("heavy", 18), ("medium", 27), ("light", 45), ("dormant", 10)]);
        assert_eq!((found.person_count, found.bounds.clone()), (100, vec![55.0, 82.0]));
        for group in &found.groups {
            becomes(&mut suite, &group.expression, group.member_count).await;
            assert_eq!(group.tag_id, format!("age.{}", group.name));
            becomes(&mut suite, &format!("'{}' in tags", group.tag_id), group.member_count).await;
        }
        // Who comes later is put where the bounds say; without a number dormant.
        suite.append(vec![event("late", "nobody", NOW / 1000)]).await;
        becomes(&mut suite, "'age.dormant' in tags", 11).await;
        // A repeat gives the tags the bounds of now.
        let by = By::Activity(ActivitySplit { column: "attributes.age".to_owned(), floor: 97.0, ..Default::default() });
        suite.audience.split_persons(SplitPersonsRequest { by: Some(by), ..request }).await.unwrap();
        becomes(&mut suite, "'age.dormant' in tags", 99).await;
        let by = By::Quadrants(QuadrantSplit {
            current_column: "attributes.age".to_owned(),
            potential_column: "traits.event_count".to_owned(),
            current_cut: Some(10.0),
            potential_cut: Some(3.0),
        });
        let found = suite.audience.split_persons(SplitPersonsRequest { by: Some(by), ..Default::default() }).await;
        let found = found.unwrap().into_inner();
        let groups: Vec<_> = found.groups.iter().map(|one| (one.name.as_str(), one.member_count)).collect();
        assert_eq!(groups, [("keep", 10), ("grow", 10), ("harvest", 80), ("maintain", 1)]);
        for group in &found.groups {
            becomes(&mut suite, &group.expression, group.member_count).await;
        }
        suite.stop().await;
    }
}

#[tokio::test]
async fn an_export_sends_the_chosen_columns_of_everybody_meant() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let request = ExportAudienceRequest {
            persons: Some(rule("attributes.age >= 98")),
            columns: vec!["tags".to_owned(), "attributes.*".to_owned()],
        };
        let mut parts = suite.audience.export_audience(request).await.unwrap().into_inner();
        let first = parts.message().await.unwrap().unwrap();
        assert_eq!(
            (first.columns, first.row_count),
            (["tags", "attributes.age", "attributes.city"].map(str::to_owned).to_vec(), 2)
        );
        let mut rows = parts.message().await.unwrap().unwrap().rows;
        assert!(parts.message().await.unwrap().is_none());
        rows.sort_by(|one, other| one.person_id.cmp(&other.person_id));
        assert_eq!(rows.iter().map(|row| row.person_id.as_str()).collect::<Vec<_>>(), ["p098", "p099"]);
        assert_eq!(rows[1].values[1..], [number(99.0), string("Busan")]);
        suite.stop().await;
    }
}

#[tokio::test]
async fn an_index_that_is_off_or_too_small_says_so() {
    for (bounds, expected) in
        [((0, 100), "AUDIENCE_OFF"), ((2, 100), "AUDIENCE_TOO_LARGE"), ((10, 10), "AUDIENCE_TOO_LARGE")]
    {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { audience_max_persons: bounds.0, audience_max_columns: bounds.1, ..Config::default() };
        let mut suite = start_on(Storage::Embedded(Engine::open(dir.path()).unwrap()), Cache::none(), config).await;
        suite.append((0..3).map(|at| event(&format!("e{at}"), &format!("p{at}"), 100)).collect()).await;
        let mut said = String::new();
        for _ in 0..200 {
            if let Err(status) = suite.audience.preview_segment(preview_of("true")).await {
                said = reason(&status);
                if said == expected {
                    assert_eq!(status.code(), Code::FailedPrecondition);
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(said, expected);
        let standing = suite.audience.get_audience(GetAudienceRequest {}).await.unwrap().into_inner();
        assert_eq!((standing.ready, standing.reason.as_str(), standing.person_count), (false, expected, 0));
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_process_follows_what_others_write() {
    let Some(postgres) = postgres().await else { return };
    let start = || start_on(Storage::Postgres(postgres.clone()), Cache::none(), Config::default());
    let (mut one, mut other) = (start().await, start().await);
    hundred(&mut one).await;
    becomes(&mut other, "attributes.age >= 50", 50).await;
    let tag = AddTagRequest { person_id: "p007".to_owned(), tag: "vip".to_owned(), source: String::new() };
    other.client.add_tag(tag).await.unwrap();
    becomes(&mut one, "'vip' in tags", 1).await;
    let erase = ErasePersonRequest { person_id: "p007".to_owned(), ..Default::default() };
    one.client.erase_person(erase).await.unwrap();
    becomes(&mut other, "true", 99).await;
    becomes(&mut one, "'vip' in tags", 0).await;
    one.stop().await;
    other.stop().await;
    let drop = format!("DROP SCHEMA {} CASCADE", postgres.schema());
    postgres.client().await.unwrap().batch_execute(&drop).await.unwrap();
}

/// Who was in a segment, and from when on that is exact.
async fn members_at(suite: &mut Suite, id: &str, seconds: i64) -> Vec<String> {
    let time = Some(prost_types::Timestamp { seconds, nanos: 0 });
    let request = StreamSegmentMembersAtRequest { segment_id: id.to_owned(), time };
    let mut parts = suite.audience.stream_segment_members_at(request).await.unwrap().into_inner();
    let first = parts.message().await.unwrap().unwrap();
    assert_eq!(first.exact_from_time, None);
    let mut all = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        all.extend(part.person_ids);
    }
    assert_eq!(i64::try_from(all.len()).unwrap(), first.member_count);
    all
}

#[tokio::test]
async fn members_of_a_past_time_are_those_of_then() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        suite.create_segment("old", "attributes.age >= 98").await.unwrap();
        suite.members_become("old", &["p098", "p099"]).await;
        let now = NOW / 1000;
        suite.clock.advance(Duration::from_secs(100));
        let young = Attribute { value: Some(number(1.0)), ..Attribute::default() };
        suite.client.update_profile(write(profile("p098", "age", young), &[], "")).await.unwrap();
        let aged = Attribute { value: Some(number(99.0)), ..Attribute::default() };
        suite.client.update_profile(write(profile("p001", "age", aged), &[], "")).await.unwrap();
        becomes(&mut suite, "attributes.age >= 98", 2).await;
        assert!(members_at(&mut suite, "old", now - 1).await.is_empty());
        assert_eq!(members_at(&mut suite, "old", now + 99).await, ["p098", "p099"]);
        assert_eq!(members_at(&mut suite, "old", now + 100).await, ["p001", "p099"]);
        // Of the persons of today: the survivor stands for who was merged, nobody for who was erased.
        let merge = Merge { surviving_person_id: "p050".to_owned(), merged_person_id: "p098".to_owned() };
        let change = PersonChange { offset: 1, change: Some(Change::Merge(merge)), ..PersonChange::default() };
        suite.client.apply_person_change(ApplyPersonChangeRequest { change: Some(change) }).await.unwrap();
        let erase = ErasePersonRequest { person_id: "p099".to_owned(), ..Default::default() };
        suite.client.erase_person(erase).await.unwrap();
        becomes(&mut suite, "true", 98).await;
        assert_eq!(members_at(&mut suite, "old", now + 99).await, ["p050"]);
        let asked = |segment_id: &str, seconds| StreamSegmentMembersAtRequest {
            segment_id: segment_id.to_owned(),
            time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        };
        let status = suite.audience.stream_segment_members_at(asked("old", now + 101)).await.unwrap_err();
        assert_eq!(fields(&status), ["time"]);
        let status = suite.audience.stream_segment_members_at(asked("nobody", now)).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was_but_for_the_erased() {
    for mut suite in suites().await {
        hundred(&mut suite).await;
        let snapshot = SegmentSnapshot {
            snapshot_id: "march".to_owned(),
            persons: Some(rule("attributes.age >= 97")),
            ..SegmentSnapshot::default()
        };
        let take = CreateSegmentSnapshotRequest { segment_snapshot: Some(snapshot) };
        let taken = suite.audience.create_segment_snapshot(take.clone()).await.unwrap().into_inner();
        let taken = taken.segment_snapshot.unwrap();
        assert_eq!((taken.state(), taken.taken_count, taken.member_count), (SnapshotState::Ready, 3, 3));
        assert_eq!(suite.audience.create_segment_snapshot(take).await.unwrap_err().code(), Code::AlreadyExists);
        let young = Attribute { value: Some(number(1.0)), ..Attribute::default() };
        suite.client.update_profile(write(profile("p097", "age", young), &[], "")).await.unwrap();
        let erase = ErasePersonRequest { person_id: "p099".to_owned(), ..Default::default() };
        suite.client.erase_person(erase).await.unwrap();
        becomes(&mut suite, "attributes.age >= 97", 1).await;
        let page =
            ListSegmentSnapshotMembersRequest { snapshot_id: "march".to_owned(), page_size: 1, ..Default::default() };
        let first = suite.audience.list_segment_snapshot_members(page.clone()).await.unwrap().into_inner();
        let page = ListSegmentSnapshotMembersRequest { page_token: first.next_page_token, ..page };
        let second = suite.audience.list_segment_snapshot_members(page).await.unwrap().into_inner();
        assert_eq!([first.person_ids, second.person_ids].concat(), ["p097", "p098"]);
        assert!(second.next_page_token.is_empty());
        let get = GetSegmentSnapshotRequest { snapshot_id: "march".to_owned() };
        let read =
            suite.audience.get_segment_snapshot(get.clone()).await.unwrap().into_inner().segment_snapshot.unwrap();
        assert_eq!((read.taken_count, read.member_count), (3, 2));
        // It is a set of persons like others: whoever was merged away is the survivor.
        let merge = Merge { surviving_person_id: "p050".to_owned(), merged_person_id: "p098".to_owned() };
        let change = PersonChange { offset: 1, change: Some(Change::Merge(merge)), ..PersonChange::default() };
        suite.client.apply_person_change(ApplyPersonChangeRequest { change: Some(change) }).await.unwrap();
        becomes(&mut suite, "true", 98).await;
        let export = ExportAudienceRequest {
            persons: Some(PersonSet { set: Some(person_set::Set::SnapshotId("march".to_owned())) }),
            columns: Vec::new(),
        };
        let mut parts = suite.audience.export_audience(export).await.unwrap().into_inner();
        assert_eq!(parts.message().await.unwrap().unwrap().row_count, 2);
        let mut rows = parts.message().await.unwrap().unwrap().rows;
        rows.sort_by(|one, other| one.person_id.cmp(&other.person_id));
        assert_eq!(rows.iter().map(|row| row.person_id.as_str()).collect::<Vec<_>>(), ["p050", "p097"]);
        let list = suite.audience.list_segment_snapshots(ListSegmentSnapshotsRequest::default()).await.unwrap();
        assert_eq!(list.into_inner().segment_snapshots.len(), 1);
        let delete = DeleteSegmentSnapshotRequest { snapshot_id: "march".to_owned(), ..Default::default() };
        suite.audience.delete_segment_snapshot(delete).await.unwrap();
        assert_eq!(suite.audience.get_segment_snapshot(get).await.unwrap_err().code(), Code::NotFound);
        suite.stop().await;
    }
}

#[tokio::test]
async fn tags_are_counted_day_by_day() {
    let mut suite = start_in(tempfile::tempdir().unwrap()).await;
    hundred(&mut suite).await;
    for person in ["p001", "p002"] {
        let tag = AddTagRequest { person_id: person.to_owned(), tag: "vip".to_owned(), source: String::new() };
        suite.client.add_tag(tag).await.unwrap();
    }
    let mut suite = suite.restart().await;
    let mut found = Vec::new();
    for _ in 0..200 {
        let request = ListTagStatisticsRequest { tag_id: "vip".to_owned(), days: 0 };
        found = suite.audience.list_tag_statistics(request).await.unwrap().into_inner().statistics;
        if found.first().is_some_and(|one| one.person_count == 100) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].day.as_str(), found[0].tagged_count, found[0].coverage), ("2023-11-14", 2, 0.02));
    assert!(found[0].drift.abs() < 1e-12);
    suite.stop().await;
}
