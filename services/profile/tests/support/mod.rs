//! The service over an in-process channel, on every store there is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test fails by panicking and documents itself; each test file uses a part of this"
)]

use std::time::Duration;

use attune_client::{AudienceClient, Channel, ModelClient, Options, ProfileClient};
use attune_kernel::{Secret, Timestamp};
use attune_profile::{Config, Deps, MIGRATIONS, build};
use attune_proto::profile::v1::*;
use attune_service_kit::clock::{Clock, IdSource};
use attune_service_kit::config::{AuthConfig, Loader, ServerConfig};
use attune_service_kit::server::{Running, Server};
use attune_storage::{Cache, Engine, Postgres, PostgresConfig, Storage, migrate};
use prost_types::value::Kind;
use tonic::Status;
use tonic_types::StatusExt as _;

pub const NOW: i64 = 1_700_000_000_000;

/// A running service. [`stop`](Self::stop) ends it and removes what it kept.
pub struct Suite {
    pub client: ProfileClient,
    pub audience: AudienceClient,
    pub model: ModelClient,
    pub clock: Clock,
    pub running: Running,
    dir: Option<tempfile::TempDir>,
    postgres: Option<Postgres>,
}

pub async fn start_on(storage: Storage, cache: Cache, config: Config) -> Suite {
    start_with(Timestamp::from_millis(NOW), storage, cache, config).await
}

/// The service with its clock at a time.
pub async fn start_at(now: Timestamp, storage: Storage, config: Config) -> Suite {
    let postgres = if let Storage::Postgres(postgres) = &storage { Some(postgres.clone()) } else { None };
    Suite { postgres, ..start_with(now, storage, Cache::none(), config).await }
}

async fn start_with(now: Timestamp, storage: Storage, cache: Cache, config: Config) -> Suite {
    let clock = Clock::manual(now);
    let deps = Deps { storage, cache, clock: clock.clone(), ids: IdSource::random() };
    let service = build(config, deps).await.unwrap();
    let channel = Channel::in_process(service.in_process(), &Options::default());
    let (client, audience) = (attune_client::profile(channel.clone()), attune_client::audience(channel.clone()));
    let model = attune_client::model(channel);
    let config = Loader::new()
        .section::<ServerConfig>()
        .section::<AuthConfig>()
        .flag("--listen", "server.listen", "127.0.0.1:0")
        .load()
        .unwrap();
    let running =
        Server::new(config.section().unwrap(), config.section().unwrap()).service(service).start().await.unwrap();
    Suite { client, audience, model, clock, running, dir: None, postgres: None }
}

pub async fn start_in(dir: tempfile::TempDir) -> Suite {
    let storage = Storage::Embedded(Engine::open(dir.path()).unwrap());
    let suite = start_on(storage, Cache::none(), Config::default()).await;
    Suite { dir: Some(dir), ..suite }
}

/// A schema of its own, or `None` after a printed line when there is no Postgres.
pub async fn postgres() -> Option<Postgres> {
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped on postgres: ATTUNE_TEST_POSTGRES is not set");
        return None;
    };
    let schema = format!("profile_test_{:x}", IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema, ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    Some(postgres)
}

/// The service on the embedded engine and, when there is one, on Postgres.
pub async fn suites() -> Vec<Suite> {
    let mut all = vec![start_in(tempfile::tempdir().unwrap()).await];
    if let Some(postgres) = postgres().await {
        let suite = start_on(Storage::Postgres(postgres.clone()), Cache::none(), Config::default()).await;
        all.push(Suite { postgres: Some(postgres), ..suite });
    }
    all
}

fn files_below(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            files_below(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

impl Suite {
    pub async fn stop(self) {
        drop((self.client, self.audience, self.model));
        self.running.stop().await;
        if let Some(postgres) = self.postgres {
            let drop = format!("DROP SCHEMA {} CASCADE", postgres.schema());
            postgres.client().await.unwrap().batch_execute(&drop).await.unwrap();
        }
    }

    /// The files that hold what the service keeps: those of the embedded store, or of every table and index of the schema.
    pub async fn files(&self) -> Vec<Vec<u8>> {
        let mut paths = Vec::new();
        if let Some(dir) = &self.dir {
            files_below(dir.path(), &mut paths);
        }
        if let Some(postgres) = &self.postgres {
            let client = postgres.client().await.unwrap();
            client.batch_execute("CHECKPOINT").await.unwrap();
            let sql = "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(oid) FROM pg_class \
                       WHERE relnamespace = current_schema()::regnamespace AND pg_relation_filepath(oid) IS NOT NULL";
            let rows = client.query(sql, &[]).await.unwrap();
            paths.extend(rows.iter().map(|row| row.get::<_, String>(0).into()));
        }
        let files: Vec<Vec<u8>> = paths.iter().filter_map(|path| std::fs::read(path).ok()).collect();
        if files.is_empty() {
            println!("skipped: the files of the server cannot be read");
        }
        files
    }

    /// Stops the service and starts it again on the same directory.
    pub async fn restart(mut self) -> Self {
        let dir = self.dir.take().unwrap();
        self.stop().await;
        for _ in 0..100 {
            // The directory is free when the last handle is gone.
            if Engine::open(dir.path()).is_ok() {
                return start_in(dir).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the directory is still in use");
    }

    pub async fn append(&mut self, events: Vec<Event>) -> AppendEventsResponse {
        self.client.append_events(AppendEventsRequest { events }).await.unwrap().into_inner()
    }

    pub async fn profile(&mut self, person: &str) -> Profile {
        let request = GetProfileRequest { person_id: person.to_owned() };
        self.client.get_profile(request).await.unwrap().into_inner().profile.unwrap()
    }

    pub async fn export(&mut self, person: &str) -> Vec<ExportPersonResponse> {
        let request = ExportPersonRequest { person_id: person.to_owned() };
        let mut sections = self.client.export_person(request).await.unwrap().into_inner();
        let mut all = Vec::new();
        while let Some(section) = sections.message().await.unwrap() {
            all.push(section);
        }
        all
    }

    pub async fn create_segment(&mut self, id: &str, expression: &str) -> Result<Segment, Status> {
        let segment = Segment { segment_id: id.to_owned(), expression: expression.to_owned(), ..Segment::default() };
        let request = CreateSegmentRequest { segment: Some(segment), ..Default::default() };
        Ok(self.client.create_segment(request).await?.into_inner().segment.unwrap())
    }

    /// Waits until a segment has these members.
    pub async fn members_become(&mut self, id: &str, expected: &[&str]) {
        let mut found = Vec::new();
        for _ in 0..200 {
            let request = ListSegmentMembersRequest { segment_id: id.to_owned(), ..Default::default() };
            found = self.client.list_segment_members(request).await.unwrap().into_inner().person_ids;
            if found == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{id} has {found:?} instead of {expected:?}");
    }
}

pub fn event(id: &str, person: &str, seconds: i64) -> Event {
    Event {
        event_id: id.to_owned(),
        person_id: person.to_owned(),
        event: "page_view".to_owned(),
        time: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        channel: "web".to_owned(),
        ..Event::default()
    }
}

pub fn string(value: &str) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::StringValue(value.to_owned())) }
}

pub fn number(value: f64) -> prost_types::Value {
    prost_types::Value { kind: Some(Kind::NumberValue(value)) }
}

pub fn object(fields: &[(&str, prost_types::Value)]) -> prost_types::Struct {
    prost_types::Struct { fields: fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect() }
}

/// An event that says something of its person.
pub fn saying(mut event: Event, fields: &[(&str, prost_types::Value)]) -> Event {
    let attributes = prost_types::Value { kind: Some(Kind::StructValue(object(fields))) };
    event.properties = Some(object(&[("attributes", attributes)]));
    event
}

pub fn text(value: &str) -> Attribute {
    Attribute { value: Some(string(value)), ..Attribute::default() }
}

pub fn profile(person: &str, name: &str, attribute: Attribute) -> Profile {
    Profile { person_id: person.to_owned(), attributes: [(name.to_owned(), attribute)].into(), ..Profile::default() }
}

pub fn write(profile: Profile, paths: &[&str], request_id: &str) -> UpdateProfileRequest {
    UpdateProfileRequest {
        profile: Some(profile),
        update_mask: Some(prost_types::FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }),
        request_id: request_id.to_owned(),
    }
}

pub fn trait_of(profile: &Profile, name: &str) -> f64 {
    match profile.traits.get(name).and_then(|value| value.kind.clone()) {
        Some(Kind::NumberValue(number)) => number,
        other => panic!("{name} is {other:?}"),
    }
}

pub fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    details
        .bad_request()
        .map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect())
        .unwrap_or_default()
}

/// What is wrong, in words.
pub fn violations(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let bad = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.description.clone()).collect());
    bad.unwrap_or_default()
}

pub fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}
