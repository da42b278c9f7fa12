//! The service as its callers see it: in-process gRPC over the embedded store, and over Postgres when
//! `ATTUNE_TEST_POSTGRES` names one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test says what went wrong by failing")]

use std::path::Path;

use attune_client::{Channel, IdentityClient, Options};
use attune_identity_resolution::{Config, Deps, MIGRATIONS, build};
use attune_kernel::{Secret, Timestamp};
use attune_proto::identity::v1 as pb;
use attune_proto::identity::v1::batch_resolve_result::Result as Answer;
use attune_proto::identity::v1::person_change::Change;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const NOW: i64 = 1_700_000_000;

fn clock() -> Clock {
    Clock::manual(Timestamp::from_millis(NOW * 1000))
}

async fn client(storage: Storage, config: Config, clock: Clock) -> IdentityClient {
    let deps = Deps { storage, cache: Cache::none(), clock, ids: IdSource::random() };
    let service = build(config, deps).await.unwrap();
    attune_client::identity(Channel::in_process(service.in_process(), &Options::default()))
}

async fn embedded(directory: &Path) -> IdentityClient {
    client(Storage::Embedded(Engine::open(directory).unwrap()), Config::default(), clock()).await
}

async fn over_both<F, Fut>(check: F)
where
    F: Fn(IdentityClient) -> Fut,
    Fut: Future<Output = ()>,
{
    over_both_in_time(|client, _| check(client)).await;
}

/// The same for checks that let time pass: two ids issued at one time are equally old, and either may survive.
async fn over_both_in_time<F, Fut>(check: F)
where
    F: Fn(IdentityClient, Clock) -> Fut,
    Fut: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    let time = clock();
    let storage = Storage::Embedded(Engine::open(directory.path()).unwrap());
    check(client(storage, Config::default(), time.clone()).await, time).await;
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("identity_contract_{:016x}", IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    let time = clock();
    check(client(Storage::Postgres(postgres.clone()), Config::default(), time.clone()).await, time).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

fn identifiers(seen: &[(&str, &str)]) -> Vec<pb::Identifier> {
    let one = |(namespace, value): &(&str, &str)| pb::Identifier {
        namespace: (*namespace).to_owned(),
        value: (*value).to_owned(),
    };
    seen.iter().map(one).collect()
}

fn request(seen: &[(&str, &str)]) -> pb::ResolveRequest {
    pb::ResolveRequest { identifiers: identifiers(seen), source: "web".to_owned(), ..Default::default() }
}

async fn resolve(client: &IdentityClient, seen: &[(&str, &str)]) -> pb::ResolveResponse {
    client.clone().resolve(request(seen)).await.unwrap().into_inner()
}

async fn get(client: &IdentityClient, id: &str) -> Result<pb::Person, Status> {
    let request = pb::GetPersonRequest { person_id: id.to_owned() };
    Ok(client.clone().get_person(request).await?.into_inner().person.unwrap())
}

async fn changes(client: &IdentityClient, after_offset: i64) -> pb::ReadChangesResponse {
    let request = pb::ReadChangesRequest { after_offset, max_changes: 0, wait_millis: 0 };
    client.clone().read_changes(request).await.unwrap().into_inner()
}

/// Reason and field paths of a status.
fn problem(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().unwrap().reason.clone();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (status.code(), reason, fields.unwrap_or_default())
}

#[tokio::test]
async fn a_person_is_found_merged_and_explained() {
    over_both(|client| async move {
        let anonymous = resolve(&client, &[("cookie", "c1")]).await;
        assert!(anonymous.created);
        let known = resolve(&client, &[("customer_id", "A"), ("email", "Ada@X.org")]).await;
        let joined = resolve(&client, &[("cookie", "c1"), ("email", "ada@x.org")]).await;
        assert_eq!(joined.person_id, anonymous.person_id.clone().min(known.person_id.clone()));
        let alias = joined.merged_person_ids[0].clone();
        let person = get(&client, &alias).await.unwrap();
        assert_eq!((&person.person_id, &person.alias_person_ids), (&joined.person_id, &vec![alias.clone()]));
        let values: Vec<String> =
            person.identifiers.iter().map(|one| one.identifier.as_ref().unwrap().value.clone()).collect();
        assert_eq!(values, ["c1", "A", "ada@x.org"], "ordered by namespace, normalized");
        assert_eq!(person.create_time.unwrap().seconds, NOW);

        let explain = |person_id: &str, other_person_id: &str| {
            let request =
                pb::ExplainRequest { person_id: person_id.to_owned(), other_person_id: other_person_id.to_owned() };
            let mut client = client.clone();
            async move { client.explain(request).await.unwrap().into_inner() }
        };
        let all = explain(&person.person_id, "").await;
        assert!(all.same_person && all.evidence.len() == 3, "two pairs and a merge: {all:?}");
        assert!(all.evidence.iter().all(|one| one.source == "web" && !one.description.is_empty()));
        let two = explain(&anonymous.person_id, &known.person_id).await;
        assert!(two.same_person);
        let merged = two.evidence.iter().find(|one| one.kind() == pb::EvidenceKind::Merged).unwrap();
        assert_eq!(merged.person_ids, [joined.person_id.clone(), alias.clone()]);
        let path: Vec<Vec<&str>> = two
            .path
            .iter()
            .map(|one| one.identifiers.iter().map(|identifier| identifier.value.as_str()).collect())
            .collect();
        assert_eq!(path.len(), 2, "from the cookie over the address to the number: {path:?}");
        assert!(path[0].contains(&"c1") && path[0].contains(&"ada@x.org") && path[1].contains(&"A"));

        let other = resolve(&client, &[("customer_id", "B"), ("email", "ada@x.org")]).await;
        assert_eq!(other.limit_hits[0].limit, "UNIQUE_PER_PERSON");
        assert_eq!((other.limit_hits[0].identifier_index, other.limit_hits[0].namespace.as_str()), (1, "email"));
        let apart = explain(&other.person_id, &person.person_id).await;
        assert!(!apart.same_person);
        let last = apart.path.last().unwrap();
        assert_eq!(last.kind(), pb::EvidenceKind::Limited);
        assert!(last.identifiers.iter().any(|one| one.value == "ada@x.org"), "named though another person holds it");

        let feed = changes(&client, 0).await;
        assert_eq!((feed.changes.len(), feed.next_offset), (1, 1));
        let merge = pb::Merge { surviving_person_id: joined.person_id, merged_person_id: alias };
        assert_eq!(feed.changes[0].change, Some(Change::Merge(merge)));
        assert_eq!(changes(&client, 1).await, pb::ReadChangesResponse { changes: vec![], next_offset: 1 });
    })
    .await;
}

#[tokio::test]
async fn operators_link_unlink_and_erase_once_a_request_id() {
    over_both_in_time(|client, time| async move {
        let second = std::time::Duration::from_secs(1);
        let ada = resolve(&client, &[("customer_id", "A"), ("phone", "+82 10-1234-5678")]).await.person_id;
        assert!(time.advance(second));
        let bob = resolve(&client, &[("customer_id", "B")]).await.person_id;
        let link = pb::LinkRequest {
            request_id: "1".to_owned(),
            person_id: ada.clone(),
            other_person_id: bob.clone(),
            actor: "ann".to_owned(),
            reason: "same passport".to_owned(),
        };
        let linked = client.clone().link(link.clone()).await.unwrap().into_inner().person.unwrap();
        assert_eq!(linked.identifiers.len(), 3);
        assert_eq!(client.clone().link(link.clone()).await.unwrap().into_inner().person, Some(linked.clone()));
        let reused = client.clone().link(pb::LinkRequest { actor: "eve".to_owned(), ..link }).await.unwrap_err();
        assert_eq!(problem(&reused).1, "REQUEST_ID_REUSED");

        let unlink = pb::UnlinkRequest {
            request_id: "1".to_owned(),
            person_id: bob.clone(),
            identifiers: identifiers(&[("customer_id", "B")]),
            actor: "ann".to_owned(),
            reason: String::new(),
            ..Default::default()
        };
        assert!(time.advance(second));
        let split = client.clone().unlink(unlink.clone()).await.unwrap().into_inner();
        assert_eq!(client.clone().unlink(unlink.clone()).await.unwrap().into_inner(), split);
        let (kept, split) = (split.person.unwrap(), split.split_person.unwrap());
        assert_eq!((kept.identifiers.len(), split.identifiers.len()), (2, 1));
        assert_eq!(resolve(&client, &[("customer_id", "B")]).await.person_id, split.person_id);
        let mut reader = client.clone();
        let audit = reader.list_audit_entries(pb::ListAuditEntriesRequest {
            person_id: ada.clone(),
            page_size: 1,
            ..Default::default()
        });
        let audit = audit.await.unwrap().into_inner();
        let entry = &audit.entries[0];
        assert_eq!(entry.evidence.as_ref().unwrap().kind(), pb::EvidenceKind::Unlinked);
        assert_eq!((entry.actor.as_str(), audit.next_page_token.is_empty()), ("ann", false));
        let rest = reader.list_audit_entries(pb::ListAuditEntriesRequest {
            person_id: ada.clone(),
            page_size: 1,
            page_token: audit.next_page_token,
            ..Default::default()
        });
        let rest = rest.await.unwrap().into_inner();
        assert_eq!(rest.entries[0].evidence.as_ref().unwrap().kind(), pb::EvidenceKind::Linked);
        assert!(rest.next_page_token.is_empty());
        // Linked again and taken back by the id that was merged.
        let again = pb::LinkRequest {
            request_id: "again".to_owned(),
            person_id: ada.clone(),
            other_person_id: split.person_id.clone(),
            actor: "ann".to_owned(),
            reason: String::new(),
        };
        client.clone().link(again).await.unwrap();
        let back = pb::UnlinkRequest {
            person_id: ada.clone(),
            alias_person_id: split.person_id.clone(),
            actor: "ann".to_owned(),
            ..Default::default()
        };
        let back = client.clone().unlink(back).await.unwrap().into_inner();
        assert_eq!(back.split_person.unwrap().person_id, split.person_id);
        let not_merged = pb::UnlinkRequest {
            person_id: ada.clone(),
            alias_person_id: split.person_id.clone(),
            actor: "ann".to_owned(),
            ..Default::default()
        };
        let refused = client.clone().unlink(not_merged).await.unwrap_err();
        assert_eq!(problem(&refused).1, "PERSON_NOT_MERGED");
        let everything =
            pb::UnlinkRequest { request_id: String::new(), person_id: split.person_id.clone(), ..unlink.clone() };
        let refused = client.clone().unlink(everything).await.unwrap_err();
        assert_eq!((refused.code(), problem(&refused).1.as_str()), (Code::FailedPrecondition, "NO_IDENTIFIER_REMAINS"));
        let not_held = pb::UnlinkRequest { request_id: String::new(), person_id: kept.person_id.clone(), ..unlink };
        let refused = client.clone().unlink(not_held).await.unwrap_err();
        assert_eq!(problem(&refused).1, "IDENTIFIER_NOT_HELD");

        let erase = pb::ErasePersonRequest {
            request_id: "1".to_owned(),
            person_id: ada.clone(),
            actor: "ann".to_owned(),
            ..Default::default()
        };
        let erased = client.clone().erase_person(erase.clone()).await.unwrap().into_inner();
        assert_eq!((&erased.person_id, erased.identifiers_removed, erased.change_offset), (&kept.person_id, 2, 5));
        assert_eq!(client.clone().erase_person(erase).await.unwrap().into_inner(), erased);
        let person = get(&client, &ada).await.unwrap();
        assert!(person.erased && person.identifiers.is_empty());
        let feed = changes(&client, 0).await.changes;
        assert!(matches!(
            feed.iter().map(|one| one.change.as_ref().unwrap()).collect::<Vec<_>>().as_slice(),
            [Change::Merge(_), Change::Split(split), Change::Merge(_), Change::Split(_), Change::Erasure(_)]
                if split.identifiers.len() == 1
        ));
        let mut late = request(&[("customer_id", "A")]);
        late.event_time = Some(prost_types::Timestamp { seconds: NOW - 1, nanos: 0 });
        let refused = client.clone().resolve(late).await.unwrap_err();
        assert_eq!(problem(&refused), (Code::FailedPrecondition, "PERSON_ERASED".to_owned(), vec![]));
    })
    .await;
}

#[tokio::test]
async fn a_batch_answers_in_order_and_one_bad_item_fails_alone() {
    over_both(|client| async move {
        let mut too_early = request(&[("cookie", "c")]);
        too_early.event_time = Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 });
        let mut look = request(&[("cookie", "never")]);
        look.read_only = true;
        let chunk = |requests| pb::BatchResolveRequest { requests };
        let first = chunk(vec![
            request(&[("customer_id", "A"), ("cookie", "c")]),
            request(&[("loyalty", "1"), ("email", "a@x.org")]),
            too_early,
            request(&[]),
            look,
            request(&[("cookie", "c")]),
        ]);
        let second = chunk((0..1000).map(|n| request(&[("customer_id", &format!("C{}", n % 250))])).collect());
        let stream = tokio_stream::iter([first, second.clone(), second]);
        let mut answers = client.clone().batch_resolve(stream).await.unwrap().into_inner();
        let results = answers.message().await.unwrap().unwrap().results;
        let person = |at: usize| match results[at].result.as_ref().unwrap() {
            Answer::Response(response) => response.person_id.clone(),
            Answer::Error(error) => panic!("{error:?}"),
        };
        assert_eq!(person(0), person(5));
        let fields = |at: usize| match results[at].result.as_ref().unwrap() {
            Answer::Error(error) => {
                let status = Status::with_details(Code::from(error.code), &error.message, encoded(error).into());
                problem(&status)
            }
            Answer::Response(response) => panic!("{response:?}"),
        };
        let invalid = |reason: &str, field: &str| (Code::InvalidArgument, reason.to_owned(), vec![field.to_owned()]);
        assert_eq!(fields(1), invalid("UNKNOWN_NAMESPACE", "requests[1].identifiers[0].namespace"));
        assert_eq!(fields(2), invalid("INVALID_FIELD", "requests[2].event_time"));
        assert_eq!(fields(3), invalid("INVALID_FIELD", "requests[3].identifiers"));
        assert_eq!(fields(4).1, "RESOURCE_NOT_FOUND");

        let created = |results: &[pb::BatchResolveResult]| {
            let created = |one: &&pb::BatchResolveResult| matches!(&one.result, Some(Answer::Response(r)) if r.created);
            results.iter().filter(created).count()
        };
        let second = answers.message().await.unwrap().unwrap().results;
        assert_eq!((second.len(), created(&second)), (1000, 250));
        let third = answers.message().await.unwrap().unwrap().results;
        assert_eq!((third.len(), created(&third)), (1000, 0));
        assert!(answers.message().await.unwrap().is_none());

        let too_long = chunk(vec![request(&[("cookie", "c")]); 1001]);
        let mut answers = client.clone().batch_resolve(tokio_stream::iter([too_long])).await.unwrap().into_inner();
        let refused = answers.message().await.unwrap_err();
        assert_eq!(problem(&refused), invalid("INVALID_FIELD", "requests"));
    })
    .await;
}

fn encoded(status: &tonic_types::pb::Status) -> Vec<u8> {
    prost::Message::encode_to_vec(status)
}

#[tokio::test]
async fn bad_input_names_its_field_and_writes_nothing() {
    over_both(|client| async move {
        let at = |seconds| {
            let mut late = request(&[("cookie", "c")]);
            late.event_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
            late
        };
        let long = "x".repeat(513);
        let cases = [
            (request(&[("tracker", "1"), ("cookie", "c")]), "UNKNOWN_NAMESPACE", "identifiers[0].namespace"),
            (request(&[("cookie", "c"), ("email", "")]), "INVALID_FIELD", "identifiers[1].value"),
            (request(&[("cookie", "  \t ")]), "INVALID_FIELD", "identifiers[0].value"),
            (request(&[("cookie", "a\0b")]), "INVALID_FIELD", "identifiers[0].value"),
            (request(&[("cookie", &long)]), "INVALID_FIELD", "identifiers[0].value"),
            (request(&[]), "INVALID_FIELD", "identifiers"),
            (request(&[("cookie", "c"); 65]), "INVALID_FIELD", "identifiers"),
            (at(-62_135_596_800), "INVALID_FIELD", "event_time"),
            (at(253_402_300_799), "INVALID_FIELD", "event_time"),
            (request(&[("email", "test@test.com"), ("phone", "n/a")]), "NO_USABLE_IDENTIFIER", "identifiers"),
        ];
        for (bad, reason, field) in cases {
            let refused = client.clone().resolve(bad).await.unwrap_err();
            assert_eq!(problem(&refused), (Code::InvalidArgument, reason.to_owned(), vec![field.to_owned()]));
            assert!(!refused.message().contains("test@"), "no value reaches a message");
        }
        let mut look = request(&[("cookie", "c")]);
        look.read_only = true;
        assert_eq!(problem(&client.clone().resolve(look).await.unwrap_err()).0, Code::NotFound, "nothing was written");

        let nonsense = get(&client, "nobody").await.unwrap_err();
        assert_eq!(
            problem(&nonsense),
            (Code::InvalidArgument, "INVALID_FIELD".to_owned(), vec!["person_id".to_owned()])
        );
        let unknown = get(&client, "01HF7YAT010000000000000001").await.unwrap_err();
        assert_eq!((unknown.code(), problem(&unknown).1.as_str()), (Code::NotFound, "RESOURCE_NOT_FOUND"));
        assert_eq!(changes(&client, 0).await.changes, []);
    })
    .await;
}

#[tokio::test]
async fn a_national_id_is_never_kept_as_written() {
    let directory = tempfile::tempdir().unwrap();
    let client = embedded(directory.path()).await;
    let person = resolve(&client, &[("national_id", "900101-1234567")]).await.person_id;
    assert_eq!(resolve(&client, &[("national_id", "900101 1234567")]).await.person_id, person);
    let held = get(&client, &person).await.unwrap().identifiers[0].identifier.clone().unwrap();
    assert!(held.value.len() == 64 && !held.value.contains("900101"));
}

#[tokio::test]
async fn a_restart_keeps_everything() {
    let directory = tempfile::tempdir().unwrap();
    let (id, before) = {
        let client = embedded(directory.path()).await;
        let id = resolve(&client, &[("customer_id", "A"), ("cookie", "c")]).await.person_id;
        resolve(&client, &[("email", "a@x.org")]).await;
        resolve(&client, &[("customer_id", "A"), ("email", "a@x.org")]).await;
        let person = get(&client, &id).await.unwrap();
        (id, (person, changes(&client, 0).await))
    };
    let client = embedded(directory.path()).await;
    assert_eq!((get(&client, &id).await.unwrap(), changes(&client, 0).await), before);
    let again = resolve(&client, &[("cookie", "c")]).await;
    assert_eq!((again.person_id, again.created), (before.0.person_id, false));
}

#[tokio::test]
async fn a_broken_configuration_is_refused_with_every_problem() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config { default_region: "+82".to_owned(), max_component: 0, ..Config::default() };
    let storage = Storage::Embedded(Engine::open(directory.path()).unwrap());
    let deps = Deps { storage, cache: Cache::none(), clock: Clock::system(), ids: IdSource::random() };
    let Err(refused) = build(config, deps).await else { panic!("built") };
    let fields: Vec<&str> = refused.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["default_region", "max_component"]);
}

#[tokio::test]
async fn the_past_is_answered_by_the_time_of_events() {
    over_both(|client| async move {
        let at = |seconds| Some(prost_types::Timestamp { seconds: NOW + seconds, nanos: 0 });
        let see = |customer: &'static str, seconds| {
            let request = pb::ResolveRequest {
                event_time: at(seconds),
                ..request(&[("customer_id", customer), ("cookie", "c")])
            };
            let mut client = client.clone();
            async move { client.resolve(request).await.unwrap().into_inner().person_id }
        };
        let (ada, bob) = (see("A", -500).await, see("B", -300).await);
        let who = |seconds| {
            let request = pb::ResolveRequest { as_of_time: at(seconds), ..request(&[("cookie", "c")]) };
            let mut client = client.clone();
            async move { client.resolve(request).await.map(|answer| answer.into_inner().person_id) }
        };
        assert_eq!(who(-400).await.unwrap(), ada);
        assert_eq!(who(-100).await.unwrap(), bob);
        assert_eq!(who(-501).await.unwrap_err().code(), Code::NotFound);
    })
    .await;
}
