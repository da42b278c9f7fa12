//! The service over in-process gRPC, with doubles of the services it asks.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use attune_client::{Channel, DecisionClient, Options, contact, decision, identity, profile};
use attune_decision::{Config, Deps, MIGRATIONS, build};
use attune_kernel::{PersonId, Secret, Timestamp};
use attune_proto::decision::v1 as pb;
use attune_proto::{contact::v1 as contact_pb, identity::v1 as identity_pb, profile::v1 as profile_pb};
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::server::Service;
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use parking_lot::Mutex;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

/// What the other services say.
#[derive(Default)]
pub(crate) struct Others {
    /// Attributes by person id.
    pub(crate) attributes: BTreeMap<String, Vec<(String, prost_types::Value)>>,
    /// Consents by person id.
    pub(crate) consents: BTreeMap<String, Vec<profile_pb::Consent>>,
    /// Offers the contact policy `fatigue` holds back.
    pub(crate) held: BTreeSet<String>,
    /// Services that are away.
    pub(crate) away: BTreeSet<&'static str>,
    /// What was asked of contact-optimization.
    pub(crate) admitted: Vec<contact_pb::AdmitRequest>,
}

type Shared = Arc<Mutex<Others>>;

macro_rules! double {
    ($name:ident, $service:literal, $of:literal, $request:ty => $response:ty) => {
        #[derive(Clone)]
        struct $name(Shared);

        impl NamedService for $name {
            const NAME: &'static str = $service;
        }

        impl tower::Service<http::Request<Body>> for $name {
            type Response = http::Response<Body>;
            type Error = Infallible;
            type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<Body>) -> Self::Future {
                let state = self.0.clone();
                let answer = move |request: Request<$request>| {
                    let state = state.clone();
                    async move {
                        if state.lock().away.contains($of) {
                            return Err(Status::unavailable("not there"));
                        }
                        Self::answer(&mut state.lock(), request.into_inner()).map(Response::new)
                    }
                };
                Box::pin(async move {
                    let mut grpc = Grpc::new(ProstCodec::<$response, $request>::default());
                    Ok(grpc.unary(tower::service_fn(answer), request).await)
                })
            }
        }
    };
}

double!(Identity, "attune.identity.v1.IdentityService", "identity", identity_pb::ResolveRequest => identity_pb::ResolveResponse);
double!(Profile, "attune.profile.v1.ProfileService", "profile", profile_pb::GetProfileRequest => profile_pb::GetProfileResponse);
double!(Contact, "attune.contact.v1.ContactService", "contact", contact_pb::AdmitRequest => contact_pb::AdmitResponse);

impl Identity {
    fn answer(_: &mut Others, request: identity_pb::ResolveRequest) -> Result<identity_pb::ResolveResponse, Status> {
        let identifier = &request.identifiers[0];
        if identifier.namespace == "nonsense" {
            let details = tonic_types::ErrorDetails::with_bad_request_violation(
                "identifiers[0].namespace",
                "is not a configured namespace",
            );
            return Err(Status::with_error_details(tonic::Code::InvalidArgument, "unknown", details));
        }
        let number: u128 = identifier.value.parse().unwrap_or(7);
        Ok(identity_pb::ResolveResponse { person_id: person(number), ..Default::default() })
    }
}

impl Profile {
    fn answer(
        others: &mut Others,
        request: profile_pb::GetProfileRequest,
    ) -> Result<profile_pb::GetProfileResponse, Status> {
        let attributes = others.attributes.get(&request.person_id).cloned().unwrap_or_default();
        let attribute = |(name, value)| (name, profile_pb::Attribute { value: Some(value), ..Default::default() });
        let profile = profile_pb::Profile {
            attributes: attributes.into_iter().map(attribute).collect(),
            consents: others.consents.get(&request.person_id).cloned().unwrap_or_default(),
            person_id: request.person_id,
            ..Default::default()
        };
        Ok(profile_pb::GetProfileResponse { profile: Some(profile) })
    }
}

impl Contact {
    fn answer(others: &mut Others, request: contact_pb::AdmitRequest) -> Result<contact_pb::AdmitResponse, Status> {
        let verdict = |candidate: &contact_pb::Candidate| {
            let held = others.held.contains(&candidate.offer_id);
            let denial =
                contact_pb::Denial { contact_policy_id: "fatigue".into(), limit: 2, used: 2, retry_time: None };
            contact_pb::Verdict {
                admitted: !held,
                denials: held.then_some(denial).into_iter().collect(),
                ..Default::default()
            }
        };
        let verdicts = request.candidates.iter().map(verdict).collect();
        others.admitted.push(request);
        Ok(contact_pb::AdmitResponse { verdicts })
    }
}

/// Where a world keeps its state.
enum Home {
    Directory(tempfile::TempDir),
    Schema(Postgres),
}

/// One service with everything around it.
pub(crate) struct World {
    pub(crate) client: DecisionClient,
    pub(crate) others: Shared,
    pub(crate) clock: Clock,
    config: Config,
    engine: Option<Engine>,
    home: Home,
}

/// A policy without a control group and with much exploration.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.policy.control_share = 0.0;
    config
}

pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-03-01T00:00:00Z").unwrap()
}

impl World {
    /// An embedded world, and one over Postgres when there is one.
    pub(crate) async fn all(config: Config) -> Vec<Self> {
        let mut homes = vec![Home::Directory(tempfile::tempdir().unwrap())];
        match std::env::var("ATTUNE_TEST_POSTGRES") {
            Ok(url) => {
                let schema = format!("decision_test_{}_{:016x}", std::process::id(), IdSource::random().seed());
                let settings =
                    PostgresConfig { url: Secret::new(url), schema, max_connections: 4, ..PostgresConfig::default() };
                let postgres = Postgres::connect(settings).await.unwrap();
                migrate(&postgres, MIGRATIONS).await.unwrap();
                homes.push(Home::Schema(postgres));
            }
            Err(_) => println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set"),
        }
        let mut worlds = Vec::new();
        for home in homes {
            let (others, clock) = (Shared::default(), Clock::manual(start()));
            let (client, engine) = open(&home, &config, &others, &clock).await;
            worlds.push(Self { client, others, clock, config: config.clone(), engine, home });
        }
        worlds
    }

    /// Drops the service and opens it again over the same state.
    pub(crate) async fn restart(self) -> Self {
        let Self { client, others, clock, config, engine, home } = self;
        drop(client);
        if let Some(engine) = engine {
            engine.close().await;
        }
        let (client, engine) = open(&home, &config, &others, &clock).await;
        Self { client, others, clock, config, engine, home }
    }

    /// A second process over the same state, where the store can be shared.
    pub(crate) async fn replica(&self) -> Option<DecisionClient> {
        match &self.home {
            Home::Directory(_) => None,
            Home::Schema(_) => Some(open(&self.home, &self.config, &self.others, &self.clock).await.0),
        }
    }

    /// Removes what the world left behind.
    pub(crate) async fn end(self) {
        if let Home::Schema(postgres) = &self.home {
            let sql = format!("DROP SCHEMA {} CASCADE", postgres.schema());
            postgres.client().await.unwrap().batch_execute(&sql).await.unwrap();
        }
    }

    pub(crate) fn set_attribute(&self, person: &str, name: &str, value: f64) {
        let value = prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(value)) };
        self.others.lock().attributes.entry(person.to_owned()).or_default().push((name.to_owned(), value));
    }

    pub(crate) async fn offer(&self, offer: pb::Offer) {
        let request = pb::CreateOfferRequest { offer: Some(offer), request_id: String::new() };
        self.client.clone().create_offer(request).await.unwrap();
    }

    pub(crate) async fn placement(&self, placement: pb::Placement) {
        let request = pb::CreatePlacementRequest { placement: Some(placement), request_id: String::new() };
        self.client.clone().create_placement(request).await.unwrap();
    }

    pub(crate) async fn decide(&self, request: pb::DecideRequest) -> Result<pb::DecideResponse, Status> {
        self.client.clone().decide(request).await.map(Response::into_inner)
    }

    pub(crate) async fn respond(&self, request: pb::RecordResponseRequest) -> pb::RecordResponseResponse {
        self.client.clone().record_response(request).await.unwrap().into_inner()
    }

    pub(crate) async fn explain(&self, decision_id: &str) -> Result<pb::ExplainResponse, Status> {
        let request = pb::ExplainRequest { decision_id: decision_id.to_owned() };
        self.client.clone().explain(request).await.map(Response::into_inner)
    }

    pub(crate) async fn report(&self) -> BTreeMap<String, pb::OfferReport> {
        let answer = self.client.clone().report_offers(pb::ReportOffersRequest::default()).await.unwrap();
        answer.into_inner().offers.into_iter().map(|offer| (offer.offer_id.clone(), offer)).collect()
    }
}

async fn open(home: &Home, config: &Config, others: &Shared, clock: &Clock) -> (DecisionClient, Option<Engine>) {
    let options = Options { deadline: Duration::from_secs(30), ..Options::default() };
    let here = |service: Service| Channel::in_process(service.in_process(), &options);
    let storage = match home {
        Home::Directory(directory) => Storage::Embedded(unlocked(directory.path()).await),
        Home::Schema(postgres) => Storage::Postgres(postgres.clone()),
    };
    let engine = if let Storage::Embedded(engine) = &storage { Some(engine.clone()) } else { None };
    let deps = Deps {
        storage,
        cache: Cache::none(),
        clock: clock.clone(),
        ids: IdSource::random(),
        identity: identity(here(Service::new("identity-resolution").grpc(Identity(others.clone())))),
        profile: profile(here(Service::new("profile").grpc(Profile(others.clone())))),
        contact: contact(here(Service::new("contact-optimization").grpc(Contact(others.clone())))),
    };
    let service = build(config.clone(), deps).await.unwrap();
    (decision(here(service)), engine)
}

/// The directory is unlocked when the last handle of the engine before is dropped, which may be on another thread.
async fn unlocked(directory: &std::path::Path) -> Engine {
    for _ in 0..500 {
        match Engine::open(directory) {
            Ok(engine) => return engine,
            Err(attune_storage::StorageError::Locked(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the directory stays locked");
}

pub(crate) fn person(number: u128) -> String {
    PersonId::from_parts(Timestamp::from_millis(1_700_000_000_000), number).to_string()
}

pub(crate) fn offer(id: &str) -> pb::Offer {
    pb::Offer { offer_id: id.into(), enabled: true, value: 1.0, ..Default::default() }
}

pub(crate) fn home() -> pb::Placement {
    pb::Placement { placement_id: "home".into(), channel: "web".into(), ..Default::default() }
}

pub(crate) fn ask(person_id: &str) -> pb::DecideRequest {
    let subject = pb::Subject { person_id: person_id.into(), identifiers: Vec::new() };
    pb::DecideRequest { subject: Some(subject), placement: "home".into(), ..Default::default() }
}

pub(crate) fn response(request_id: &str, decision_id: &str, offer_id: &str, kind: &str) -> pb::RecordResponseRequest {
    pb::RecordResponseRequest {
        request_id: request_id.into(),
        decision_id: decision_id.into(),
        offer_id: offer_id.into(),
        kind: kind.into(),
        ..Default::default()
    }
}

pub(crate) fn at(hours: i64) -> Option<prost_types::Timestamp> {
    let (seconds, nanos) = start().to_seconds_nanos();
    Some(prost_types::Timestamp { seconds: seconds + hours * 3600, nanos })
}

/// The reason and the fields of a refusal.
pub(crate) fn refusal(status: &Status) -> (tonic::Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (status.code(), reason, fields.unwrap_or_default())
}
