//! Both resource stores pass the same suite.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

mod support;

use attune_storage::resources::{MIGRATION_SQL, conformance};
use attune_storage::{Engine, Migration, Storage, migrate, migrations};

const MIGRATIONS: &[Migration] = migrations!["0001_resources" => MIGRATION_SQL];

#[tokio::test]
async fn embedded_resources_conform() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::Embedded(Engine::open(directory.path()).unwrap());
    conformance::run(storage.resources("one").unwrap().as_ref()).await.unwrap();
    // Spaces are separate: a second service finds an empty store.
    conformance::run(storage.resources("two").unwrap().as_ref()).await.unwrap();
}

#[tokio::test]
async fn postgres_resources_conform() {
    let Some(schema) = support::TestSchema::new("resources") else { return };
    let postgres = schema.connect().await;
    migrate(&postgres, MIGRATIONS).await.unwrap();
    let storage = Storage::Postgres(postgres);
    conformance::run(storage.resources("ignored").unwrap().as_ref()).await.unwrap();
    schema.drop_schema().await;
}
