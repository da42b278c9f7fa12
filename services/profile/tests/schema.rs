//! The contract from outside: declarations of attributes, and what becomes of values that are not declared so.
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

fn declared(id: &str, value_type: AttributeType, policy: ConflictPolicy) -> AttributeDefinition {
    AttributeDefinition {
        attribute_id: id.to_owned(),
        group: AttributeGroup::Preference.into(),
        value_type: value_type.into(),
        policy: policy.into(),
        ..AttributeDefinition::default()
    }
}

async fn create(suite: &mut Suite, one: AttributeDefinition) -> Result<AttributeDefinition, tonic::Status> {
    let request = CreateAttributeDefinitionRequest { attribute_definition: Some(one), ..Default::default() };
    Ok(suite.client.create_attribute_definition(request).await?.into_inner().attribute_definition.unwrap())
}

async fn update(suite: &mut Suite, one: AttributeDefinition, path: &str) -> Result<AttributeDefinition, tonic::Status> {
    let update_mask = Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
    let request = UpdateAttributeDefinitionRequest { attribute_definition: Some(one), update_mask };
    Ok(suite.client.update_attribute_definition(request).await?.into_inner().attribute_definition.unwrap())
}

async fn aside(suite: &mut Suite, person: &str) -> Vec<(String, String)> {
    let request = ListAsideValuesRequest { person_id: person.to_owned() };
    let values = suite.client.list_aside_values(request).await.unwrap().into_inner().values;
    values.into_iter().map(|one| (one.attribute_id, one.reason)).collect()
}

#[tokio::test]
async fn what_is_not_declared_is_kept_aside_named_and_taken_in_later() {
    for mut suite in suites().await {
        let done = suite
            .append(vec![saying(
                event("e1", "p", 100),
                &[("age", string("old")), ("shoe", number(43.0)), ("city", string("Bern"))],
            )])
            .await;
        assert_eq!((done.appended, done.aside_values, done.rejected.len()), (1, 2, 0));
        let pairs =
            |list: &[(&str, &str)]| list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<Vec<_>>();
        assert_eq!(aside(&mut suite, "p").await, pairs(&[("age", "WRONG_TYPE"), ("shoe", "UNDECLARED")]));
        let profile = suite.profile("p").await;
        assert_eq!(profile.attributes.keys().collect::<Vec<_>>(), ["city"]);
        assert_eq!(profile.attributes["city"].lineage, "e1");
        // A write says what of it was kept aside.
        let written = write(profile_of("p", "hat", text("felt")), &[], "r1");
        let written = suite.client.update_profile(written).await.unwrap().into_inner();
        assert_eq!(written.aside.len(), 1);
        assert_eq!((written.aside[0].attribute_id.as_str(), written.aside[0].lineage.as_str()), ("hat", "r1"));
        create(&mut suite, declared("shoe", AttributeType::Int, ConflictPolicy::Latest)).await.unwrap();
        // The background task takes it in without another word of the person.
        for _ in 0..200 {
            if suite.profile("p").await.attributes.contains_key("shoe") {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(suite.profile("p").await.attributes["shoe"].value, Some(number(43.0)));
        assert_eq!(aside(&mut suite, "p").await, pairs(&[("age", "WRONG_TYPE"), ("hat", "UNDECLARED")]));
        let sections = suite.export("p").await;
        assert!(sections.iter().any(|one| one.json.contains("felt")), "the export holds what is aside");
        suite.stop().await;
    }
}

fn profile_of(person: &str, name: &str, attribute: Attribute) -> Profile {
    profile(person, name, attribute)
}

#[tokio::test]
async fn declarations_evolve_and_say_why_not() {
    for mut suite in suites().await {
        let bad = AttributeDefinition {
            source_priority: vec!["crm".to_owned()],
            ..declared("x", AttributeType::Int, ConflictPolicy::Latest)
        };
        let status = create(&mut suite, bad).await.unwrap_err();
        assert_eq!(fields(&status), ["attribute_definition.source_priority"]);
        let none = AttributeDefinition { attribute_id: "x".to_owned(), ..AttributeDefinition::default() };
        let status = create(&mut suite, none).await.unwrap_err();
        assert_eq!(fields(&status), ["attribute_definition.group", "attribute_definition.value_type"]);
        let made = create(&mut suite, declared("x", AttributeType::Int, ConflictPolicy::Latest)).await.unwrap();
        assert_eq!((made.etag.as_str(), made.standard), ("1", false));
        let wider = update(&mut suite, declared("x", AttributeType::Double, ConflictPolicy::Latest), "value_type")
            .await
            .unwrap();
        assert_eq!(wider.value_type(), AttributeType::Double);
        let status = update(&mut suite, declared("x", AttributeType::String, ConflictPolicy::Latest), "value_type")
            .await
            .unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::FailedPrecondition, "SCHEMA_CHANGE_REFUSED"));
        assert_eq!(fields(&status), ["attribute_definition.value_type"]);
        // A standard one is there without a word, and gives way only to what it may become.
        let get = |id: &str| GetAttributeDefinitionRequest { attribute_id: id.to_owned() };
        let age =
            suite.client.get_attribute_definition(get("age")).await.unwrap().into_inner().attribute_definition.unwrap();
        assert!(age.standard && age.value_type() == AttributeType::Int);
        let status =
            create(&mut suite, declared("age", AttributeType::String, ConflictPolicy::Latest)).await.unwrap_err();
        assert_eq!(reason(&status), "SCHEMA_CHANGE_REFUSED");
        assert_eq!(suite.client.get_attribute_definition(get("nothing")).await.unwrap_err().code(), Code::NotFound);
        let (mut seen, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListAttributeDefinitionsRequest { page_size: 7, page_token };
            let page = suite.client.list_attribute_definitions(request).await.unwrap().into_inner();
            seen.extend(page.attribute_definitions.into_iter().map(|one| one.attribute_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert!(
            seen.is_sorted() && seen.contains(&"x".to_owned()) && seen.contains(&"age".to_owned()) && seen.len() > 60
        );
        suite.stop().await;
    }
}

#[tokio::test]
async fn policies_decide_what_is_shown() {
    for mut suite in suites().await {
        let by_source = AttributeDefinition {
            source_priority: vec!["crm".to_owned(), "web".to_owned()],
            ..declared("colour", AttributeType::String, ConflictPolicy::SourcePriority)
        };
        create(&mut suite, by_source).await.unwrap();
        create(&mut suite, declared("size", AttributeType::String, ConflictPolicy::MostFrequent)).await.unwrap();
        for (at, (source, colour, size)) in
            [("crm", "red", "m"), ("web", "blue", "s"), ("call", "green", "m")].iter().enumerate()
        {
            let mut one = saying(
                event(&format!("e{at}"), "p", 100 + at as i64),
                &[("colour", string(colour)), ("size", string(size)), ("interests", string(size))],
            );
            one.source = (*source).to_owned();
            suite.append(vec![one]).await;
        }
        let profile = suite.profile("p").await;
        let value = |name: &str| profile.attributes[name].value.clone().unwrap();
        assert_eq!((value("colour"), value("size")), (string("red"), string("m")));
        let list = prost_types::ListValue { values: vec![string("m"), string("s")] };
        assert_eq!(value("interests").kind, Some(prost_types::value::Kind::ListValue(list)));
        suite.stop().await;
    }
}
