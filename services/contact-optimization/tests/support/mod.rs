//! The service in this process, over the embedded store and, when `ATTUNE_TEST_POSTGRES` names one, over Postgres.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]

use std::path::Path;

use attune_client::{Channel, ContactClient, Options};
use attune_contact_optimization::{Config, Deps, MIGRATIONS, build};
use attune_kernel::{Secret, Timestamp};
use attune_service_kit::clock::{Clock, IdSource};
use attune_storage::{Engine, Postgres, PostgresConfig, Storage, migrate};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// 2023-11-14T22:13:20Z.
pub const NOW: i64 = 1_700_000_000;

/// A client, and the clock that the service reads.
#[derive(Clone)]
pub struct World {
    pub client: ContactClient,
    pub clock: Clock,
}

pub async fn world(storage: Storage, config: Config) -> World {
    let clock = Clock::manual(Timestamp::from_millis(NOW * 1000));
    let deps = Deps { storage, clock: clock.clone(), ids: IdSource::random() };
    let service = build(config, deps).await.unwrap();
    let client = attune_client::contact(Channel::in_process(service.in_process(), &Options::default()));
    World { client, clock }
}

pub async fn embedded(directory: &Path, config: Config) -> World {
    world(Storage::Embedded(Engine::open(directory).unwrap()), config).await
}

pub async fn over_both<F, Fut>(check: F)
where
    F: Fn(World) -> Fut,
    Fut: Future<Output = ()>,
{
    let directory = tempfile::tempdir().unwrap();
    check(embedded(directory.path(), Config::default()).await).await;
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped over postgres: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("contact_contract_{:016x}", IdSource::random().seed());
    let config = PostgresConfig { url: Secret::new(url), schema: schema.clone(), ..PostgresConfig::default() };
    let postgres = Postgres::connect(config).await.unwrap();
    migrate(&postgres, MIGRATIONS).await.unwrap();
    check(world(Storage::Postgres(postgres.clone()), Config::default()).await).await;
    postgres.client().await.unwrap().batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}

/// Code, reason and field paths of a status.
pub fn problem(status: &Status) -> (Code, String, Vec<String>) {
    let details = status.get_error_details();
    let reason = details.error_info().unwrap().reason.clone();
    let fields = details.bad_request().map(|bad| bad.field_violations.iter().map(|one| one.field.clone()).collect());
    (status.code(), reason, fields.unwrap_or_default())
}

/// Asserts that a call was refused for one field.
pub fn refused_for<T: std::fmt::Debug>(result: Result<T, Status>, field: &str) {
    let (code, reason, fields) = problem(&result.unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{field}: {fields:?}");
    assert!(fields.iter().any(|one| one == field), "{field} is not among {fields:?}");
}

pub fn at(second: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: second, nanos: 0 })
}

pub fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}
