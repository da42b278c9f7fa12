//! The contract from outside: the library of tags, its life cycle, histories and the feed of changes.
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

fn tag(id: &str, expression: &str) -> TagDefinition {
    TagDefinition {
        tag_id: id.to_owned(),
        category: "life_cycle".to_owned(),
        subcategory: "stage".to_owned(),
        basis: if expression.is_empty() { TagBasis::Manual } else { TagBasis::Rule }.into(),
        expression: expression.to_owned(),
        ..TagDefinition::default()
    }
}

async fn create(suite: &mut Suite, one: TagDefinition) -> Result<TagDefinition, tonic::Status> {
    let request = CreateTagDefinitionRequest { tag_definition: Some(one), ..Default::default() };
    Ok(suite.client.create_tag_definition(request).await?.into_inner().tag_definition.unwrap())
}

async fn become_state(suite: &mut Suite, id: &str, state: TagState) -> Result<TagDefinition, tonic::Status> {
    let one = TagDefinition { tag_id: id.to_owned(), state: state.into(), ..TagDefinition::default() };
    let update_mask = Some(prost_types::FieldMask { paths: vec!["state".to_owned()] });
    let request = UpdateTagDefinitionRequest { tag_definition: Some(one), update_mask };
    Ok(suite.client.update_tag_definition(request).await?.into_inner().tag_definition.unwrap())
}

async fn changes(suite: &mut Suite, after_offset: i64) -> Vec<(String, bool)> {
    let request = ReadTagChangesRequest { after_offset, wait_millis: 10_000, ..Default::default() };
    let changes = suite.client.read_tag_changes(request).await.unwrap().into_inner().changes;
    changes.into_iter().map(|one| (one.tag, one.added)).collect()
}

#[tokio::test]
async fn a_tag_lives_from_draft_to_retired() {
    for mut suite in suites().await {
        suite.append(vec![event("e1", "p", 100)]).await;
        for (bad, field) in
            [(tag("x", "unheard_of == 1"), "expression"), (TagDefinition { basis: 2, ..tag("x", "") }, "band")]
        {
            let status = create(&mut suite, bad).await.unwrap_err();
            assert_eq!(fields(&status), [format!("tag_definition.{field}")]);
        }
        create(&mut suite, tag("seen", "traits.event_count >= 1")).await.unwrap();
        let status = become_state(&mut suite, "seen", TagState::Deprecated).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "INVALID_STATE_TRANSITION"));
        assert!(suite.profile("p").await.tags.is_empty());
        become_state(&mut suite, "seen", TagState::Active).await.unwrap();
        // Who was there before is found by the background task, who comes later with the event.
        assert_eq!(changes(&mut suite, 0).await, [("seen".to_owned(), true)]);
        suite.append(vec![event("e2", "q", 100)]).await;
        assert_eq!(changes(&mut suite, 1).await, [("seen".to_owned(), true)]);
        let tags = suite.profile("q").await.tags;
        assert_eq!((tags[0].tag.as_str(), tags[0].source.as_str()), ("seen", "rule"));
        let by_hand = AddTagRequest { person_id: "p".to_owned(), tag: "seen".to_owned(), source: "me".to_owned() };
        assert_eq!(fields(&suite.client.add_tag(by_hand).await.unwrap_err()), ["tag"]);
        become_state(&mut suite, "seen", TagState::Deprecated).await.unwrap();
        become_state(&mut suite, "seen", TagState::Retired).await.unwrap();
        assert_eq!(changes(&mut suite, 2).await[0], ("seen".to_owned(), false));
        suite.stop().await;
    }
}

#[tokio::test]
async fn a_history_says_since_when_until_when_and_by_what() {
    for mut suite in suites().await {
        create(&mut suite, tag("vip", "")).await.unwrap();
        let add = AddTagRequest { person_id: "p".to_owned(), tag: "vip".to_owned(), source: "branch".to_owned() };
        suite.client.add_tag(add).await.unwrap();
        suite.clock.advance(std::time::Duration::from_secs(60));
        let remove = RemoveTagRequest { person_id: "p".to_owned(), tag: "vip".to_owned() };
        suite.client.remove_tag(remove).await.unwrap();
        let request = ListTagHistoryRequest { person_id: "p".to_owned() };
        let stays = suite.client.list_tag_history(request).await.unwrap().into_inner().stays;
        assert_eq!(stays.len(), 1);
        assert_eq!((stays[0].tag.as_str(), stays[0].by.as_str()), ("vip", "branch"));
        assert_eq!(stays[0].end_time.unwrap().seconds - stays[0].start_time.unwrap().seconds, 60);
        suite.stop().await;
    }
}

#[tokio::test]
async fn the_library_of_a_bank_is_installed_once() {
    for mut suite in suites().await {
        let install = || InstallTagLibraryRequest { library: "bank".to_owned(), state: TagState::Active.into() };
        let first = suite.client.install_tag_library(install()).await.unwrap().into_inner();
        let again = suite.client.install_tag_library(install()).await.unwrap().into_inner();
        assert_eq!((first.existing, again.created, again.existing), (0, 0, first.created));
        let categories =
            suite.client.list_tag_categories(ListTagCategoriesRequest {}).await.unwrap().into_inner().categories;
        assert_eq!(categories.len(), 8);
        assert!(categories.iter().map(|one| one.subcategories.len()).sum::<usize>() >= 65);
        suite
            .append(vec![saying(event("e1", "p", 1_699_990_000), &[("age", number(70.0)), ("city", string("Bern"))])])
            .await;
        let tags: Vec<String> = suite.profile("p").await.tags.into_iter().map(|one| one.tag).collect();
        for expected in ["demographics.age.senior", "demographics.residence.city_known", "life_cycle.stage.approach"] {
            assert!(tags.contains(&expected.to_owned()), "{expected} in {tags:?}");
        }
        let unknown = InstallTagLibraryRequest { library: "farm".to_owned(), ..Default::default() };
        assert_eq!(fields(&suite.client.install_tag_library(unknown).await.unwrap_err()), ["library"]);
        suite.stop().await;
    }
}
