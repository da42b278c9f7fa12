//! What an erased person left is in no byte of any file, although the stores erase no bytes.
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
use attune_service_kit::clock::IdSource;
use support::*;

/// A text that stands nowhere else.
fn marker(of: &str) -> String {
    format!("canary-of-{of}-{:016x}", IdSource::random().seed())
}

async fn apply(suite: &mut Suite, offset: i64, change: Change) {
    let change = PersonChange { offset, time: None, change: Some(change) };
    let request = ApplyPersonChangeRequest { change: Some(change) };
    assert!(suite.client.apply_person_change(request).await.unwrap().into_inner().applied);
}

fn cookie(value: &str) -> Identifier {
    Identifier { namespace: "cookie".to_owned(), value: value.to_owned() }
}

/// Leaves a marker in everything that can be said of a person.
async fn plant(suite: &mut Suite, person: &str, marker: &str) {
    let mut event = saying(event(&format!("event-{marker}"), person, 100), &[("note", string(marker))]);
    event.session_id = format!("session-{marker}");
    event.source = format!("source-{marker}");
    event.via = Some(cookie(marker));
    suite.append(vec![event]).await;
    let tag = AddTagRequest { person_id: person.to_owned(), tag: format!("tag-{marker}"), source: marker.to_owned() };
    suite.client.add_tag(tag).await.unwrap();
    let written = profile(person, "remark", text(&format!("written-{marker}")));
    let update = UpdateProfileRequest { profile: Some(written), ..Default::default() };
    suite.client.update_profile(update).await.unwrap();
    let consent = Consent {
        purpose: "marketing".to_owned(),
        granted: true,
        proof: format!("proof-{marker}"),
        ..Consent::default()
    };
    let request = SetConsentRequest { person_id: person.to_owned(), consent: Some(consent), ..Default::default() };
    suite.client.set_consent(request).await.unwrap();
}

/// What of a planted marker an export lacks.
async fn missing(suite: &mut Suite, person: &str, marker: &str) -> Vec<&'static str> {
    let all: String = suite.export(person).await.into_iter().map(|section| section.json).collect();
    let planted = ["event", "session", "source", "tag", "written", "proof"];
    planted.into_iter().filter(|planted| !all.contains(&format!("{planted}-{marker}"))).collect()
}

async fn is_in_a_file(suite: &Suite, text: &str) -> bool {
    let text = text.as_bytes();
    suite.files().await.iter().any(|file| file.windows(text.len()).any(|part| part == text))
}

#[tokio::test]
async fn an_erased_marker_is_in_no_file() {
    for mut suite in suites().await {
        let (gone, neighbour) = (marker("the-erased"), marker("the-neighbour"));
        plant(&mut suite, "p", &gone).await;
        plant(&mut suite, &neighbour, "of-somebody-else").await;
        let merge = Merge { surviving_person_id: "survivor".to_owned(), merged_person_id: "p".to_owned() };
        apply(&mut suite, 1, Change::Merge(merge)).await;
        assert_eq!(missing(&mut suite, "survivor", &gone).await, Vec::<&str>::new(), "the export is whole");
        let erasure = Erasure { person_id: "survivor".to_owned(), alias_person_ids: vec!["p".to_owned()] };
        apply(&mut suite, 2, Change::Erasure(erasure)).await;
        assert!(!is_in_a_file(&suite, &gone).await);
        // Ids of persons stand in keys: the looking finds what is there.
        assert!(is_in_a_file(&suite, &neighbour).await);
        assert_eq!(missing(&mut suite, &neighbour, "of-somebody-else").await, Vec::<&str>::new());
        suite.stop().await;
    }
}

#[tokio::test]
async fn the_other_of_two_who_were_merged_by_mistake_stays_whole() {
    for mut suite in suites().await {
        let (gone, stays) = (marker("one"), marker("the-other"));
        plant(&mut suite, "ann", &stays).await;
        plant(&mut suite, "bob", &gone).await;
        let merge = Merge { surviving_person_id: "ann".to_owned(), merged_person_id: "bob".to_owned() };
        apply(&mut suite, 1, Change::Merge(merge)).await;
        let split = Split {
            person_id: "ann".to_owned(),
            split_person_id: "bob".to_owned(),
            identifiers: vec![cookie(&gone)],
            split_alias_person_ids: vec!["bob".to_owned()],
        };
        apply(&mut suite, 2, Change::Split(split)).await;
        assert_eq!(missing(&mut suite, "bob", &gone).await, Vec::<&str>::new());
        let erasure = Erasure { person_id: "bob".to_owned(), alias_person_ids: Vec::new() };
        apply(&mut suite, 3, Change::Erasure(erasure)).await;
        assert!(!is_in_a_file(&suite, &gone).await, "no old copy lies under the other's key, or without one");
        assert_eq!(missing(&mut suite, "ann", &stays).await, Vec::<&str>::new());
        suite.stop().await;
    }
}
