//! A marker is planted wherever a person leaves something. After their erasure it is readable nowhere: not in the files of
//! the embedded store, not in the tables and files of Postgres, not in Redis, not in logs, not in spans.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test says what went wrong by failing, and how long it took"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attune_integration_tests::events::{self, identifier};
use attune_integration_tests::values::{object, time, wire};
use attune_integration_tests::{Happening, Suite, binary};
use attune_proto::channel::v1::{self as channel, CollectEvent, SendRequest};
use attune_proto::contact::v1 as contact;
use attune_proto::decision::v1::{self as decision, DecideRequest, Subject};
use attune_proto::identity::v1::{Attribute, ErasePersonRequest, ResolveRequest, UnlinkRequest};
use attune_proto::profile::v1::{AddTagRequest, Consent, ExportPersonRequest, SetConsentRequest};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use parking_lot::Mutex;
use prost::Message as _;
use serde_json::json;
use tonic::{Request, Response, Status};

/// How soon nothing may be readable any more.
const WITHIN: Duration = Duration::from_secs(60);

/// Receives spans and keeps their bytes.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<u8>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().extend(request.into_inner().encode_to_vec());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn start() -> (Self, Vec<(String, String)>) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let served = tonic::transport::Server::builder()
            .add_service(TraceServiceServer::new(collector.clone()))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(served);
        let variables = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_METRICS_EXPORTER", "none"),
            ("OTEL_LOGS_EXPORTER", "none"),
            ("OTEL_BSP_SCHEDULE_DELAY", "200"),
        ];
        (collector, variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    }
}

/// Everything that can be read outside, by place.
async fn everything(suite: &Suite, spans: &Collector) -> Vec<(String, Vec<u8>)> {
    let mut found = vec![("spans".to_owned(), spans.0.lock().clone())];
    files(suite.folder(), &suite.outbox(), &mut found);
    if let Some(database) = &suite.database {
        found.extend(database.everything().await);
    }
    if let Some(cache) = &suite.cache {
        found.extend(cache.everything().await);
    }
    found
}

/// All files below a folder but those of what was sent, which are the recipient's.
fn files(folder: &Path, outbox: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path != outbox {
            files(&path, outbox, found);
        } else if let Ok(bytes) = std::fs::read(&path) {
            found.push((path.display().to_string(), bytes));
        }
    }
}

fn hexadecimal(text: &str) -> Vec<u8> {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
}

/// Where a marker stands, as it is or in hexadecimal, with what is around it.
fn places(everything: &[(String, Vec<u8>)], marker: &str) -> Vec<String> {
    let needles = [marker.as_bytes().to_vec(), hexadecimal(marker)];
    let mut found = Vec::new();
    for (name, bytes) in everything {
        for text in [name.as_bytes(), bytes] {
            let at = needles.iter().find_map(|needle| memchr::memmem::find(text, needle));
            found.extend(at.map(|at| {
                let around = &text[at.saturating_sub(60)..text.len().min(at + 60)];
                format!("{name}: {}", around.escape_ascii())
            }));
        }
    }
    found
}

async fn prepare(suite: &Suite) {
    let mut client = suite.clients.decision.clone();
    let offer = decision::Offer {
        offer_id: "fund".to_owned(),
        enabled: true,
        value: 10.0,
        eligibility: "attributes.note != 'nobody says this'".to_owned(),
        ..decision::Offer::default()
    };
    client.create_offer(decision::CreateOfferRequest { offer: Some(offer), ..Default::default() }).await.unwrap();
    // Ends by a rule that reads the marker, so that the decision log has it.
    let refused = decision::Offer {
        offer_id: "refused".to_owned(),
        enabled: true,
        value: 10.0,
        eligibility: "context.page == 'nobody says this'".to_owned(),
        ..decision::Offer::default()
    };
    client.create_offer(decision::CreateOfferRequest { offer: Some(refused), ..Default::default() }).await.unwrap();
    let placement = decision::Placement {
        placement_id: "home".to_owned(),
        channel: "web".to_owned(),
        slots: 1,
        ..decision::Placement::default()
    };
    let request = decision::CreatePlacementRequest { placement: Some(placement), ..Default::default() };
    client.create_placement(request).await.unwrap();
    let email = channel::Channel {
        channel_id: "email".to_owned(),
        enabled: true,
        provider: Some(channel::channel::Provider::File(channel::FileProvider { file_name: "email.jsonl".to_owned() })),
        guarantee: channel::DeliveryGuarantee::AtMostOnce.into(),
        ..channel::Channel::default()
    };
    let branch = channel::Channel {
        channel_id: "branch".to_owned(),
        provider: Some(channel::channel::Provider::Lead(channel::LeadProvider {})),
        ..email.clone()
    };
    for one in [email, branch] {
        let request = channel::CreateChannelRequest { channel: Some(one), ..Default::default() };
        suite.clients.channel.clone().create_channel(request).await.unwrap();
    }
}

/// What a person leaves, with the marker in all of it. Answers their id.
async fn plant(suite: &Suite, marker: &str) -> String {
    let (customer, mail) = (format!("c-{marker}"), format!("{marker}@bank.example"));
    let (customer, mail) = (("customer_id", customer.as_str()), ("email", mail.as_str()));
    let record = Happening::of("customer_record")
        .by(customer)
        .id(&format!("record-{marker}"))
        .with(json!({"attributes": {"note": marker}, marker: marker}));
    let mut visit: CollectEvent = Happening::of("page_view").by(mail).id(&format!("visit-{marker}")).into();
    visit.session_id = format!("session-{marker}");
    visit.properties = Some(object(&json!({"page": marker})));
    // Two persons at first, with their own histories: the second is an id before a merge.
    suite.collect([record]).await;
    let request = channel::CollectRequest { events: vec![visit] };
    suite.clients.channel.clone().collect(request).await.unwrap();
    suite.worked_through().await;
    let person = suite.person(customer).await;
    let consent = Consent {
        purpose: "marketing".to_owned(),
        granted: true,
        proof: format!("proof-{marker}"),
        ..Consent::default()
    };
    let request = SetConsentRequest { person_id: person.clone(), consent: Some(consent), ..Default::default() };
    suite.clients.profile.clone().set_consent(request).await.unwrap();
    let tag = AddTagRequest { person_id: person.clone(), tag: format!("tag-{marker}"), source: marker.to_owned() };
    suite.clients.profile.clone().add_tag(tag).await.unwrap();
    suite.collect([Happening::of("login").by(customer).by(mail).id(&format!("login-{marker}"))]).await;
    suite.worked_through().await;
    suite.changes_relayed().await;
    let person = suite.person(mail).await;
    let request = DecideRequest {
        request_id: format!("decide-{marker}"),
        subject: Some(Subject { identifiers: vec![identifier(customer)], ..Subject::default() }),
        placement: "home".to_owned(),
        context: [("page".to_owned(), wire(&json!(marker)))].into(),
        explain: true,
        ..DecideRequest::default()
    };
    suite.clients.decision.clone().decide(request).await.unwrap();
    let tomorrow = events::now().plus(Duration::from_secs(86_400));
    let request = SendRequest {
        request_id: format!("send-{marker}"),
        person_id: person.clone(),
        channel: "email".to_owned(),
        message_id: "fund-any".to_owned(),
        variables: Some(object(&json!({"title": marker}))),
        not_before: Some(time(tomorrow)),
        ..SendRequest::default()
    };
    suite.clients.channel.clone().send(request).await.unwrap();
    plant_by_hand(suite, &person, marker).await;
    person
}

/// What callers say of a person beside events.
async fn plant_by_hand(suite: &Suite, person: &str, marker: &str) {
    let attribute = |name: &str| Attribute { name: name.to_owned(), value: marker.to_owned() };
    let request = ResolveRequest {
        request_id: format!("resolve-{marker}"),
        identifiers: vec![identifier(("customer_id", &format!("c-{marker}")))],
        source: format!("source-{marker}"),
        attributes: vec![attribute("given_name"), attribute("family_name"), attribute("street")],
        record_id: format!("said-{marker}"),
        ..ResolveRequest::default()
    };
    suite.clients.identity.clone().resolve(request).await.unwrap();
    let contact = contact::Contact {
        contact_id: format!("contact-{marker}"),
        person_id: person.to_owned(),
        channel: "email".to_owned(),
        decision_id: format!("why-{marker}"),
        time: Some(time(events::now())),
        ..Default::default()
    };
    let request = contact::RecordContactRequest { contacts: vec![contact] };
    suite.clients.contact.clone().record_contact(request).await.unwrap();
    let request = contact::AdmitRequest {
        request_id: format!("admit-{marker}"),
        person_id: person.to_owned(),
        candidates: vec![contact::Candidate { channel: "email".to_owned(), ..Default::default() }],
        reserve: true,
        ..Default::default()
    };
    suite.clients.contact.clone().admit(request).await.unwrap();
    let request = decision::RecordResponseRequest {
        request_id: format!("response-{marker}"),
        person_id: person.to_owned(),
        offer_id: "fund".to_owned(),
        kind: "CLICK".to_owned(),
        ..Default::default()
    };
    suite.clients.decision.clone().record_response(request).await.unwrap();
    let request = SendRequest {
        request_id: format!("lead-{marker}"),
        person_id: person.to_owned(),
        channel: "branch".to_owned(),
        message_id: "call".to_owned(),
        variables: Some(object(&json!({"talk": marker}))),
        ..SendRequest::default()
    };
    suite.clients.channel.clone().send(request).await.unwrap();
    let theirs = channel::ListLeadsRequest { person_ids: vec![person.to_owned()], ..Default::default() };
    for _ in 0..100 {
        let leads = suite.clients.channel.clone().list_leads(theirs.clone()).await.unwrap().into_inner().leads;
        if !leads.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no lead was made for {person}");
}

async fn exported(suite: &Suite, person: &str) -> String {
    let request = ExportPersonRequest { person_id: person.to_owned() };
    let mut sections = suite.clients.profile.clone().export_person(request).await.unwrap().into_inner();
    let mut all = String::new();
    while let Some(section) = sections.message().await.unwrap() {
        all.push_str(&section.json);
    }
    all
}

async fn erase(suite: &Suite, person: &str) {
    let request =
        ErasePersonRequest { person_id: person.to_owned(), actor: "the person".to_owned(), ..Default::default() };
    suite.clients.identity.clone().erase_person(request).await.unwrap();
    suite.changes_relayed().await;
}

/// Looks until the marker is nowhere any more, and says how long that took.
async fn until_readable_nowhere(suite: &Suite, spans: &Collector, marker: &str, since: Instant) {
    loop {
        // The time of looking is not the suite's.
        let looked = since.elapsed();
        let found = places(&everything(suite, spans).await, marker);
        if found.is_empty() {
            println!("{marker}: readable nowhere after {:.2} s", looked.as_secs_f64());
            return;
        }
        assert!(looked < WITHIN, "{marker} is readable in {found:#?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// What nobody seals is found wherever it is stored: an offer is of no person.
async fn the_looking_finds(suite: &Suite, spans: &Collector, marker: &str) {
    let offer = decision::Offer { offer_id: marker.to_owned(), value: 1.0, ..decision::Offer::default() };
    let request = decision::CreateOfferRequest { offer: Some(offer), ..Default::default() };
    suite.clients.decision.clone().create_offer(request).await.unwrap();
    let found = places(&everything(suite, spans).await, marker);
    let holds = |what: &str| found.iter().any(|place| place.contains(what));
    if suite.database.is_some() {
        assert!(holds("decision."), "a table: {found:?}");
    } else {
        assert!(holds("data/"), "a file: {found:?}");
    }
    let forms = [("a".to_owned(), marker.into()), ("b".to_owned(), hexadecimal(marker))];
    assert_eq!(places(&forms, marker).len(), 2, "both ways in which it is written");
}

async fn an_erased_marker_is_readable_nowhere(suite: Suite, spans: Collector) {
    prepare(&suite).await;
    let (gone, stays) = ("canary-of-the-erased-4711", "canary-of-the-neighbour-0815");
    let person = plant(&suite, gone).await;
    let neighbour = plant(&suite, stays).await;
    let all = exported(&suite, &person).await;
    for planted in ["record", "visit", "session", "login", "proof", "tag"] {
        assert!(all.contains(&format!("{planted}-{gone}")), "the export lacks {planted}: {all}");
    }
    the_looking_finds(&suite, &spans, "fund-that-nobody-seals").await;

    let since = Instant::now();
    erase(&suite, &person).await;
    until_readable_nowhere(&suite, &spans, gone, since).await;
    assert!(!spans.0.lock().is_empty(), "spans were exported");
    assert!(exported(&suite, &neighbour).await.contains(&format!("visit-{stays}")), "nobody else is touched");
    assert!(!exported(&suite, &person).await.contains(gone));

    // An event from before the erasure that comes late brings nothing back.
    let before = events::now().plus(Duration::ZERO).as_micros() / 1_000_000 - 3600;
    let customer = format!("c-{gone}");
    let late = Happening::of("page_view").by(("customer_id", &customer)).at(before).with(json!({"page": gone}));
    suite.collect([late]).await;
    suite.worked_through().await;
    assert_eq!(suite.find(("customer_id", &customer)).await, None, "who was erased is not made again by the past");
}

async fn the_other_of_two_who_were_merged_by_mistake_stays_whole(suite: Suite, spans: Collector) {
    prepare(&suite).await;
    let (gone, stays) = ("canary-of-one-1234", "canary-of-the-other-5678");
    let (first, second) = (plant(&suite, gone).await, plant(&suite, stays).await);
    let whole = |all: &str| {
        let missing = ["record", "visit", "session", "login", "proof", "tag"]
            .into_iter()
            .filter(|planted| !all.contains(&format!("{planted}-{stays}")));
        missing.map(str::to_owned).collect::<Vec<_>>()
    };
    let link = attune_proto::identity::v1::LinkRequest {
        person_id: first.clone(),
        other_person_id: second.clone(),
        actor: "a clerk".to_owned(),
        ..Default::default()
    };
    suite.clients.identity.clone().link(link).await.unwrap();
    suite.changes_relayed().await;
    assert_eq!(whole(&exported(&suite, &first).await), Vec::<String>::new());
    let survivor = suite.person(("customer_id", &format!("c-{gone}"))).await;
    let unlink = UnlinkRequest {
        alias_person_id: if survivor == first { second } else { first },
        person_id: survivor,
        actor: "a clerk who knows better".to_owned(),
        ..UnlinkRequest::default()
    };
    suite.clients.identity.clone().unlink(unlink).await.unwrap();
    suite.changes_relayed().await;

    let since = Instant::now();
    let customer = format!("c-{gone}");
    let person = suite.person(("customer_id", &customer)).await;
    erase(&suite, &person).await;
    until_readable_nowhere(&suite, &spans, gone, since).await;
    // An unlink by one id leaves identifiers that had joined later with persons of their own: everything is with somebody.
    let mut of_the_other = String::new();
    for (namespace, value) in [("customer_id", format!("c-{stays}")), ("email", format!("{stays}@bank.example"))] {
        let person = suite.person((namespace, &value)).await;
        of_the_other.push_str(&exported(&suite, &person).await);
    }
    assert_eq!(whole(&of_the_other), Vec::<String>::new(), "the other is whole");
}

/// What a person gets, and what an operator can show, from the command.
#[tokio::test]
async fn the_command_exports_all_and_proves_the_erasure() {
    let mut suite = Suite::all_in_one().await;
    prepare(&suite).await;
    let marker = "canary-of-the-export-9876";
    let person = plant(&suite, marker).await;
    let address = suite.address(attune_integration_tests::Service::IdentityResolution);
    let arguments = ["profile", "export", &person, "--output", "-", "--address", &address];
    let said = binary::run(arguments).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let all = said.json();
    // By section, what was planted there; 100 % of it.
    let planted: &[(&str, &[&str])] = &[
        ("identity", &["c-{}", "{}@bank.example"]),
        ("records", &["source-{}", "family_name", "street"]),
        ("timeline", &["record-{}", "visit-{}", "session-{}", "login-{}"]),
        ("consents", &["proof-{}"]),
        ("tags", &["tag-{}"]),
        ("audit", &["c-{}"]),
        ("decisions", &["{}"]),
        ("contacts", &["contact-{}", "why-{}"]),
        ("deliveries", &["send-{}", "lead-{}"]),
        ("leads", &["{}"]),
    ];
    let missing = planted.iter().flat_map(|(section, marks)| {
        let text = all[section].to_string();
        let lacks = marks.iter().map(|mark| mark.replace("{}", marker)).filter(move |mark| !text.contains(mark));
        lacks.map(move |mark| format!("{section}: {mark}"))
    });
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<String>::new(), "{all:#}");

    let arguments = ["profile", "erase", &person, "--actor", "an officer", "--yes", "--proof", "--address", &address];
    let said = binary::run(arguments).await;
    assert_eq!(said.code, 0, "{}", said.err);
    println!("{}", said.out);
    let left = |what: &str| said.out.lines().find(|line| line.starts_with(what)).map(|line| line.trim_end().to_owned());
    for what in
        ["identity: identifiers", "identity: records", "profile: events", "decision: decisions", "channel: leads"]
    {
        let line = left(what).unwrap_or_else(|| panic!("{what}: {}", said.out));
        let figures: Vec<u64> = line[what.len()..].split_whitespace().map(|one| one.parse().unwrap()).collect();
        assert!(figures[0] > 0 && figures[1] == 0, "{line}");
    }
    suite.stop().await;
}

/// Each test against both forms of the suite.
macro_rules! both {
    ($($name:ident),+ $(,)?) => {
        mod all_in_one {
            $(#[tokio::test] async fn $name() {
                let (spans, variables) = super::Collector::start().await;
                super::$name(super::Suite::all_in_one_with(variables).await, spans).await;
            })+
        }
        mod six_processes {
            $(#[tokio::test] async fn $name() {
                let (spans, variables) = super::Collector::start().await;
                if let Some(suite) = super::Suite::six_processes_with(variables).await {
                    super::$name(suite, spans).await;
                }
            })+
        }
    };
}

both!(an_erased_marker_is_readable_nowhere, the_other_of_two_who_were_merged_by_mistake_stays_whole);
