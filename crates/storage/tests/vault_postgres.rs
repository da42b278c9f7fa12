//! The vault over Postgres: keys wrapped anew, rows of nobody, and old copies that end with a key.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "the helpers of tests are tests as well")]

use attune_kernel::Secret;
use attune_storage::vault::{self, Column, Plain, Sealed};
use attune_storage::{Migration, Postgres, PostgresConfig, StorageError, migrate, migrations};

const NOTE: &str = "CREATE TABLE note (id bytea PRIMARY KEY, body bytea NOT NULL)";
const MIGRATIONS: &[Migration] = migrations!["0001_vault" => vault::MIGRATION_SQL, "0002_note" => NOTE];

/// As long as a key must be.
fn long(key: &str) -> String {
    format!("{key:-<32}")
}

async fn connect(url: &str, schema: &str, key: &str, former: &[&str]) -> Postgres {
    let config = PostgresConfig {
        url: Secret::new(url.to_owned()),
        schema: schema.to_owned(),
        vault_key: Secret::new(long(key)),
        former_vault_keys: former.iter().map(|key| Secret::new(long(key))).collect(),
        ..PostgresConfig::default()
    };
    Postgres::connect(config).await.unwrap()
}

async fn write(postgres: &Postgres, rows: &[Plain<'_>]) {
    let work = postgres.transact(|tx| {
        Box::pin(async move {
            let bodies = tx.vault().seal_rows(tx, "note", rows).await?;
            let ids: Vec<&[u8]> = rows.iter().map(|row| row.row).collect();
            let sql = "INSERT INTO note SELECT * FROM unnest($1::bytea[], $2::bytea[])";
            tx.execute(sql, &[&ids, &bodies]).await
        })
    });
    let _: u64 = work.await.unwrap();
}

/// The rows in the order of their ids.
async fn read(postgres: &Postgres) -> Result<Vec<Option<Vec<u8>>>, StorageError> {
    let client = postgres.client().await?;
    let rows = client.query("SELECT id, body FROM note ORDER BY id", &[]).await?;
    let sealed: Vec<Sealed<'_>> = rows.iter().map(|row| Sealed { row: row.get(0), value: row.get(1) }).collect();
    postgres.vault().open_rows(&client, "note", &sealed).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_master_key_replaces_the_old_one_and_renewed_subjects_keep_their_rows() {
    let Ok(url) = std::env::var("ATTUNE_TEST_POSTGRES") else {
        println!("skipped: ATTUNE_TEST_POSTGRES is not set");
        return;
    };
    let schema = format!("vault_test_{}", std::process::id());
    let bare = connect(&url, &schema, "old", &[]).await;
    migrate(&bare, &[]).await.unwrap();
    assert_eq!(bare.vault().rewrap(&bare).await.unwrap(), 0, "a schema without a vault");
    migrate(&bare, MIGRATIONS).await.unwrap();
    let (ann, bob) = (b"ann".as_slice(), b"bob".as_slice());
    let plain = |subject, row, value| Plain { subject, row, value };
    write(&bare, &[plain(ann, b"1", b"of ann"), plain(bob, b"2", b"of bob"), plain(b"", b"3", b"of nobody")]).await;
    let expected = [b"of ann".as_slice(), b"of bob", b"of nobody"].map(|value| Some(value.to_vec()));
    assert_eq!(read(&bare).await.unwrap(), expected);

    // Rotation, as the runbook has it.
    let without = connect(&url, &schema, "new", &[]).await;
    assert!(matches!(read(&without).await, Err(StorageError::Config(_))), "keys that another master key wrapped");
    let both = connect(&url, &schema, "new", &["old"]).await;
    assert_eq!(read(&both).await.unwrap(), expected);
    assert_eq!(both.vault().rewrap(&both).await.unwrap(), 2);
    assert_eq!(both.vault().rewrap(&both).await.unwrap(), 0, "a repeat has nothing to do");
    let new = connect(&url, &schema, "new", &[]).await;
    assert_eq!(read(&new).await.unwrap(), expected);

    // A copy of a row, as a dead row or a backup keeps it, ends with the key that sealed it; the row does not.
    let client = new.client().await.unwrap();
    let copy: Vec<u8> = client.query_one("SELECT body FROM note WHERE id = '1'", &[]).await.unwrap().get(0);
    let column = Column { table: "note", bound: "note", row: "id", value: "body" };
    let only_ann = "CREATE VIEW of_ann AS SELECT * FROM note WHERE id = '1'";
    client.batch_execute(only_ann).await.unwrap();
    let columns = [Column { table: "of_ann", ..column }];
    let slots = new.transact(|tx| Box::pin(tx.vault().reseal(tx, b"ann", &columns))).await.unwrap();
    assert_eq!(slots.len(), 1);
    new.vault().scrub(&new, &slots).await.unwrap();
    assert_eq!(read(&new).await.unwrap(), expected);
    let copy = [Sealed { row: b"1", value: &copy }];
    assert_eq!(new.vault().open_rows(&client, "note", &copy).await.unwrap(), [None]);
    client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
}
