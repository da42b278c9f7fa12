//! The history of a schema: numbered, forward-only, recorded with checksums.

use std::fmt::Write as _;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::pool::Postgres;
use crate::error::StorageError;

/// How often to ask for the migration lock while another migrator holds it.
const LOCK_POLL: Duration = Duration::from_millis(100);
/// How long to wait for another migrator: 5 minutes.
const LOCK_POLLS: u32 = 3000;

/// One step of a schema. Make them with [`migrations!`](crate::migrations).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order, from 1, without gaps.
    pub version: u32,
    /// Its name, such as `0001_init`.
    pub name: &'static str,
    /// Statements separated by semicolons; they run in one transaction with the schema as search path.
    pub sql: &'static str,
}

impl Migration {
    /// A migration whose version is the number at the start of `name`. Evaluated in a constant, a name without a number
    /// does not compile.
    #[must_use]
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        let bytes = name.as_bytes();
        let mut version = 0;
        let mut at = 0;
        while at < bytes.len() && bytes[at].is_ascii_digit() {
            version = version * 10 + (bytes[at] - b'0') as u32;
            at += 1;
        }
        assert!(version > 0, "the name of a migration begins with its number, from 1");
        Self { version, name, sql }
    }

    /// SHA-256 of the statements, in hexadecimal. Line ends of another system do not count as a change.
    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.replace("\r\n", "\n").as_bytes());
        digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A constant list of migrations: `migrations!["0001_init" => include_str!("../migrations/0001_init.sql")]`.
///
/// ```
/// use attune_storage::{Migration, feed, migrations, resources};
/// const MIGRATIONS: &[Migration] = migrations![
///     "0001_resources" => resources::MIGRATION_SQL,
///     "0002_feed" => feed::MIGRATION_SQL,
///     "0003_person" => "CREATE TABLE person (id bytea PRIMARY KEY)",
/// ];
/// assert_eq!(MIGRATIONS[2].version, 3);
/// ```
#[macro_export]
macro_rules! migrations {
    ($($name:expr => $sql:expr),+ $(,)?) => {
        const { &[$($crate::Migration::new($name, $sql)),+] }
    };
}

/// Brings the schema of `postgres` to the last migration and answers the versions that were applied now.
///
/// Creates the schema when it is missing. Any number of processes may call it at once: one works, the others wait for it
/// and find nothing to do. Each migration commits by itself together with its record in `attune_migration`.
///
/// # Errors
/// [`StorageError::Migration`] when the list has a gap, an applied migration has changed, or the database is newer than
/// the binary; [`StorageError::Unavailable`] when Postgres does not answer or a lock is not granted in time.
pub async fn migrate(postgres: &Postgres, migrations: &[Migration]) -> Result<Vec<u32>, StorageError> {
    check_order(migrations)?;
    let connection = postgres.dedicated().await?;
    let schema = postgres.schema();
    // A migration may rightly take longer than any request; waiting for a lock may not, because others queue behind it.
    connection.batch_execute("SET statement_timeout TO 0").await?;
    lock(&connection, schema).await?;
    create_history(&connection, schema).await?;
    let applied = applied(&connection).await?;
    check_history(migrations, &applied)?;
    let lock_timeout = postgres.config().lock_timeout.as_millis();
    let mut done = Vec::new();
    for migration in &migrations[applied.len()..] {
        let context = |error: tokio_postgres::Error| {
            tracing::error!(schema, migration = migration.name, "migration failed");
            match StorageError::from(error) {
                StorageError::Internal(message) => StorageError::Migration(format!("{}: {message}", migration.name)),
                other => other,
            }
        };
        // A failed statement leaves the transaction open; the connection, which is closed, takes it along.
        connection.batch_execute(&format!("BEGIN; SET LOCAL lock_timeout TO {lock_timeout}")).await?;
        connection.batch_execute(migration.sql).await.map_err(context)?;
        connection
            .execute(
                "INSERT INTO attune_migration (version, name, checksum) VALUES ($1, $2, $3)",
                &[&i64::from(migration.version), &migration.name, &migration.checksum()],
            )
            .await
            .map_err(context)?;
        connection.batch_execute("COMMIT").await.map_err(context)?;
        tracing::info!(schema, migration = migration.name, "migration applied");
        done.push(migration.version);
    }
    Ok(done)
}

/// Takes the session lock of the schema by polling: waiting inside Postgres would end at the lock timeout, which is made
/// for requests, and would hold a snapshot meanwhile.
async fn lock(connection: &Client, schema: &str) -> Result<(), StorageError> {
    let name = format!("attune_migration:{schema}");
    for _ in 0..LOCK_POLLS {
        let row = connection.query_one("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", &[&name]).await?;
        if row.try_get(0)? {
            return Ok(());
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
    Err(StorageError::unavailable("postgres", "another migrator holds the migration lock"))
}

async fn create_history(connection: &Client, schema: &str) -> Result<(), StorageError> {
    // Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create one even when it exists.
    let exists = connection.query_opt("SELECT 1 FROM pg_namespace WHERE nspname = $1", &[&schema]).await?;
    if exists.is_none() {
        connection.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    connection
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {schema}.attune_migration (
                version bigint PRIMARY KEY,
                name text NOT NULL,
                checksum text NOT NULL,
                applied timestamptz NOT NULL DEFAULT now()
            )"
        ))
        .await?;
    Ok(())
}

/// What the database says was applied: version, name, checksum, in order.
async fn applied(connection: &Client) -> Result<Vec<(i64, String, String)>, StorageError> {
    let rows = connection.query("SELECT version, name, checksum FROM attune_migration ORDER BY version", &[]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))).collect()
}

fn check_order(migrations: &[Migration]) -> Result<(), StorageError> {
    for (expected, migration) in (1..).zip(migrations) {
        if migration.version != expected {
            return Err(StorageError::Migration(format!(
                "{} has version {}, expected {expected}: versions go up by one from 1",
                migration.name, migration.version
            )));
        }
    }
    Ok(())
}

fn check_history(migrations: &[Migration], applied: &[(i64, String, String)]) -> Result<(), StorageError> {
    if applied.len() > migrations.len() {
        return Err(StorageError::Migration(format!(
            "the database has {} migrations and this binary knows {}: it is older than the database",
            applied.len(),
            migrations.len()
        )));
    }
    for (migration, (version, name, checksum)) in migrations.iter().zip(applied) {
        if *version != i64::from(migration.version) {
            return Err(StorageError::Migration(format!(
                "the database has {name} as version {version} where {} is expected: its history has a gap",
                migration.name
            )));
        }
        if *checksum != migration.checksum() {
            return Err(StorageError::Migration(format!(
                "{} was applied as {name} with another text: an applied migration never changes, add a new one",
                migration.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(migrations: &[Migration]) -> Vec<(i64, String, String)> {
        migrations.iter().map(|m| (i64::from(m.version), m.name.to_owned(), m.checksum())).collect()
    }

    #[test]
    fn the_list_has_no_gap_and_the_history_fits() {
        let list = migrations!["0001_a" => "SELECT 1;\n", "0002_b" => "SELECT 2"];
        assert_eq!(check_order(list), Ok(()));
        assert!(check_order(&list[1..]).is_err());
        assert_eq!(check_history(list, &history(&list[..1])), Ok(()));
        assert_eq!(check_history(list, &history(&[Migration::new("0001_a", "SELECT 1;\r\n")])), Ok(()));
        let changed = check_history(list, &history(&[Migration::new("0001_a", "SELECT 9")]));
        assert!(changed.unwrap_err().to_string().contains("another text"));
        let newer = check_history(&list[..1], &history(list));
        assert!(newer.unwrap_err().to_string().contains("older than the database"));
        let gap = check_history(list, &history(&list[1..]));
        assert!(gap.unwrap_err().to_string().contains("gap"));
    }
}
