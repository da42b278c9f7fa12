//! A service to talk to, over each store.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use attune_client::{Channel, IdentityClient, Options};
use attune_identity_resolution::{Config, Deps, MIGRATIONS, build};
use attune_kernel::{Secret, Timestamp};
use attune_proto::identity::v1 as pb;
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

pub(crate) const NOW: i64 = 1_700_000_000;

/// A client with the time that it lives in: each interaction takes place a second after the one before.
#[derive(Clone)]
pub(crate) struct World {
    client: IdentityClient,
    clock: Clock,
    seconds: Arc<AtomicI64>,
}

pub(crate) async fn over(storage: Storage, config: &Config) -> World {
    let clock = Clock::manual(Timestamp::from_millis(NOW * 1000));
    let deps = Deps { storage, cache: Cache::none(), clock: clock.clone(), ids: IdSource::random() };
    let service = build(config.clone(), deps).await.unwrap();
    let client = attune_client::identity(Channel::in_process(service.in_process(), &Options::default()));
    World { client, clock, seconds: Arc::default() }
}

pub(crate) async fn embedded(directory: &Path, config: &Config) -> World {
    over(Storage::Embedded(Engine::open(directory).unwrap()), config).await
}

pub(crate) async fn over_both<F, Fut>(check: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    over_both_with(|_| (), check).await;
}

pub(crate) async fn over_both_with<F, Fut>(set: impl Fn(&mut Config), check: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    let mut config = Config::default();
    set(&mut config);
    let directory = tempfile::tempdir().unwrap();
    check(embedded(directory.path(), &config).await).await;
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("identity_matching_{:016x}", IdSource::random().seed());
    let settings = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(settings).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    check(over(Storage::Postgres(postgres.clone()), &config).await).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

pub(crate) fn attributes(said: &[(&str, &str)]) -> Vec<pb::Attribute> {
    said.iter().map(|(name, value)| pb::Attribute { name: (*name).to_owned(), value: (*value).to_owned() }).collect()
}

/// Code, reason and field paths of a status.
pub(crate) fn problem(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().unwrap().reason.clone();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (status.code(), reason, fields.unwrap_or_default())
}

impl World {
    pub(crate) fn client(&self) -> IdentityClient {
        self.client.clone()
    }

    /// A request of the source before the colon of `record`, under the id after it.
    pub(crate) fn request(&self, seen: &[(&str, &str)], record: &str, said: &[(&str, &str)]) -> pb::ResolveRequest {
        let (source, id) = record.split_once(':').unwrap_or(("web", record));
        let identifiers = seen.iter().map(|(namespace, value)| pb::Identifier {
            namespace: (*namespace).to_owned(),
            value: (*value).to_owned(),
        });
        pb::ResolveRequest {
            identifiers: identifiers.collect(),
            attributes: attributes(said),
            record_id: id.to_owned(),
            source: source.to_owned(),
            ..Default::default()
        }
    }

    pub(crate) async fn send(&self, request: pb::ResolveRequest) -> Result<pb::ResolveResponse, Status> {
        let second = self.seconds.fetch_add(1, Ordering::Relaxed) + 1;
        self.clock.set(Timestamp::from_millis((NOW + second) * 1000));
        self.client().resolve(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn resolve(
        &self,
        seen: &[(&str, &str)],
        record: &str,
        said: &[(&str, &str)],
    ) -> pb::ResolveResponse {
        self.send(self.request(seen, record, said)).await.unwrap()
    }

    pub(crate) async fn say(&self, record: &str, said: &[(&str, &str)]) -> pb::ResolveResponse {
        self.resolve(&[], record, said).await
    }

    pub(crate) async fn look(
        &self,
        seen: &[(&str, &str)],
        said: &[(&str, &str)],
    ) -> Result<pb::ResolveResponse, Status> {
        self.send(pb::ResolveRequest { read_only: true, ..self.request(seen, "", said) }).await
    }

    pub(crate) async fn person(&self, id: &str) -> pb::Person {
        let request = pb::GetPersonRequest { person_id: id.to_owned() };
        self.client().get_person(request).await.unwrap().into_inner().person.unwrap()
    }

    pub(crate) async fn explain(&self, person_id: &str, other_person_id: &str) -> pb::ExplainResponse {
        let (person_id, other_person_id) = (person_id.to_owned(), other_person_id.to_owned());
        let request = pb::ExplainRequest { person_id, other_person_id };
        self.client().explain(request).await.unwrap().into_inner()
    }

    pub(crate) async fn reviews(&self, request: &pb::ListReviewsRequest) -> Vec<pb::Review> {
        self.client().list_reviews(request.clone()).await.unwrap().into_inner().reviews
    }

    pub(crate) async fn decide(
        &self,
        review_id: &str,
        verdict: pb::ReviewVerdict,
        request_id: &str,
    ) -> Result<pb::Review, Status> {
        let request = pb::DecideReviewRequest {
            request_id: request_id.to_owned(),
            review_id: review_id.to_owned(),
            verdict: verdict.into(),
            actor: "ann".to_owned(),
            reason: "called".to_owned(),
        };
        Ok(self.client().decide_review(request).await?.into_inner().review.unwrap())
    }

    pub(crate) async fn relations(&self, person_id: &str, kind: &str) -> pb::ListRelationsResponse {
        let (person_id, kind) = (person_id.to_owned(), kind.to_owned());
        let request = pb::ListRelationsRequest { person_id, kind, ..Default::default() };
        self.client().list_relations(request).await.unwrap().into_inner()
    }

    pub(crate) async fn erase(&self, person_id: &str) -> pb::ErasePersonResponse {
        let (person_id, actor) = (person_id.to_owned(), "ann".to_owned());
        let request = pb::ErasePersonRequest { person_id, actor, ..Default::default() };
        self.client().erase_person(request).await.unwrap().into_inner()
    }

    /// Examines everything; answers the sums.
    pub(crate) async fn reconcile(&self) -> pb::ReconcileResponse {
        let mut all = pb::ReconcileResponse::default();
        loop {
            let page_token = std::mem::take(&mut all.next_page_token);
            let request = pb::ReconcileRequest { page_token, max_records: 250 };
            let step = self.client().reconcile(request).await.unwrap().into_inner();
            all.records += step.records;
            all.links += step.links;
            all.unlinks += step.unlinks;
            all.reviews += step.reviews;
            all.next_page_token = step.next_page_token;
            if all.next_page_token.is_empty() {
                return all;
            }
        }
    }
}
