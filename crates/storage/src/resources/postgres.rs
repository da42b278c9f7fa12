//! Records in the service's schema of Postgres.

use async_trait::async_trait;
use attune_kernel::Timestamp;

use super::{MAX_PAGE, Record, Resources, already_exists, check_text, fingerprint, not_found};
use crate::error::StorageError;
use crate::postgres::{Postgres, Row, Transaction};

/// [`Resources`] over the tables of [`MIGRATION_SQL`](super::MIGRATION_SQL).
#[derive(Debug, Clone)]
pub struct PostgresResources {
    postgres: Postgres,
}

impl PostgresResources {
    /// The records of the schema that `postgres` is bound to.
    #[must_use]
    pub const fn new(postgres: Postgres) -> Self {
        Self { postgres }
    }
}

const COLUMNS: &str = "kind, id, revision, body, created, updated";

#[async_trait]
impl Resources for PostgresResources {
    async fn create(&self, record: Record, request_id: Option<&str>) -> Result<Record, StorageError> {
        record.check()?;
        if let Some(request_id) = request_id {
            check_text("request_id", request_id)?;
        }
        let record = Record { revision: 1, ..record };
        let (created, updated) = (record.created.as_micros(), record.updated.as_micros());
        let record = &record;
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    if let Some(request_id) = request_id
                        && let Some(first) = claim_request(tx, record, request_id).await?
                    {
                        return Ok(first);
                    }
                    let created = tx
                        .execute(
                            "INSERT INTO attune_resource (kind, id, revision, body, created, updated)
                             VALUES ($1, $2, 1, $3, $4, $5) ON CONFLICT DO NOTHING",
                            &[&record.kind, &record.id, &record.body, &created, &updated],
                        )
                        .await?;
                    if created == 0 {
                        return Err(already_exists(record));
                    }
                    raise_version(tx, &record.kind).await?;
                    Ok(record.clone())
                })
            })
            .await
    }

    async fn get(&self, kind: &str, id: &str) -> Result<Option<Record>, StorageError> {
        if kind.contains('\0') || id.contains('\0') {
            return Ok(None);
        }
        let sql = format!("SELECT {COLUMNS} FROM attune_resource WHERE kind = $1 AND id = $2");
        self.postgres.client().await?.query_opt(&sql, &[&kind, &id]).await?.map(|row| record(&row)).transpose()
    }

    async fn list(&self, kind: &str, after_id: Option<&str>, limit: usize) -> Result<Vec<Record>, StorageError> {
        check_text("kind", kind)?;
        if let Some(after) = after_id {
            check_text("after_id", after)?;
        }
        let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or(i64::MAX);
        let sql = format!("SELECT {COLUMNS} FROM attune_resource WHERE kind = $1 AND id > $2 ORDER BY id LIMIT $3");
        // No id is empty, so the empty text stands before the first.
        let after = after_id.unwrap_or_default();
        self.postgres.client().await?.query(&sql, &[&kind, &after, &limit]).await?.iter().map(record).collect()
    }

    async fn update(
        &self,
        kind: &str,
        id: &str,
        expected_revision: Option<u64>,
        body: Vec<u8>,
        now: Timestamp,
    ) -> Result<Record, StorageError> {
        check_text("kind", kind)?;
        check_text("id", id)?;
        let body = &body;
        let sql = format!(
            "UPDATE attune_resource SET revision = revision + 1, body = $3, updated = $4
             WHERE kind = $1 AND id = $2 AND ($5::bigint IS NULL OR revision = $5) RETURNING {COLUMNS}"
        );
        let (sql, now, expected) = (sql.as_str(), now.as_micros(), expected_revision.map(number));
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    let row = tx.query_opt(sql, &[&kind, &id, body, &now, &expected]).await?;
                    let Some(row) = row else { return Err(why_not(tx, kind, id, expected_revision).await) };
                    raise_version(tx, kind).await?;
                    record(&row)
                })
            })
            .await
    }

    async fn delete(&self, kind: &str, id: &str, expected_revision: Option<u64>) -> Result<(), StorageError> {
        check_text("kind", kind)?;
        check_text("id", id)?;
        let expected = expected_revision.map(number);
        self.postgres
            .transact(|tx| {
                Box::pin(async move {
                    let sql = "DELETE FROM attune_resource
                               WHERE kind = $1 AND id = $2 AND ($3::bigint IS NULL OR revision = $3)";
                    if tx.execute(sql, &[&kind, &id, &expected]).await? == 0 {
                        return Err(why_not(tx, kind, id, expected_revision).await);
                    }
                    raise_version(tx, kind).await
                })
            })
            .await
    }

    async fn version(&self, kind: &str) -> Result<u64, StorageError> {
        check_text("kind", kind)?;
        let sql = "SELECT version FROM attune_resource_version WHERE kind = $1";
        let row = self.postgres.client().await?.query_opt(sql, &[&kind]).await?;
        row.map_or(Ok(0), |row| Ok(row.try_get::<_, i64>(0)?.cast_unsigned()))
    }

    async fn forget_requests(&self, before: Timestamp) -> Result<u64, StorageError> {
        let sql = "DELETE FROM attune_resource_request WHERE created < $1";
        self.postgres.client().await?.execute(sql, &[&before.as_micros()]).await
    }
}

/// Writes down the request with its answer; when it is known already, the first answer or the refusal.
async fn claim_request(
    tx: &Transaction<'_, '_>,
    record: &Record,
    request_id: &str,
) -> Result<Option<Record>, StorageError> {
    let fingerprint = fingerprint(&record.body);
    let (created, updated) = (record.created.as_micros(), record.updated.as_micros());
    // Waits for a concurrent transaction with the same request id, then sees its row.
    let claimed = tx
        .execute(
            "INSERT INTO attune_resource_request (kind, request_id, fingerprint, id, body, created, updated)
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            &[&record.kind, &request_id, &fingerprint, &record.id, &record.body, &created, &updated],
        )
        .await?;
    if claimed == 1 {
        return Ok(None);
    }
    let row = tx
        .query_one(
            "SELECT kind, id, 1::bigint AS revision, body, created, updated, fingerprint
             FROM attune_resource_request WHERE kind = $1 AND request_id = $2",
            &[&record.kind, &request_id],
        )
        .await?;
    if row.try_get::<_, Vec<u8>>("fingerprint")? != fingerprint {
        return Err(StorageError::RequestIdReused);
    }
    self::record(&row).map(Some)
}

/// Called last in a transaction: the counter's row is locked for the shortest time.
async fn raise_version(tx: &Transaction<'_, '_>, kind: &str) -> Result<(), StorageError> {
    tx.execute(
        "INSERT INTO attune_resource_version AS v (kind, version) VALUES ($1, 1)
         ON CONFLICT (kind) DO UPDATE SET version = v.version + 1",
        &[&kind],
    )
    .await?;
    Ok(())
}

/// Why a conditional write touched nothing.
async fn why_not(tx: &Transaction<'_, '_>, kind: &str, id: &str, expected: Option<u64>) -> StorageError {
    let sql = "SELECT revision FROM attune_resource WHERE kind = $1 AND id = $2";
    let found = match tx.query_opt(sql, &[&kind, &id]).await {
        Ok(row) => row.and_then(|row| row.try_get::<_, i64>(0).ok()),
        Err(error) => return error,
    };
    match (found, expected) {
        (Some(found), Some(expected)) => StorageError::RevisionMismatch { expected, found: found.cast_unsigned() },
        _ => not_found(kind, id),
    }
}

/// Revisions above the largest signed number exist nowhere, so they match nothing.
fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(-1)
}

fn record(row: &Row) -> Result<Record, StorageError> {
    Ok(Record {
        kind: row.try_get("kind")?,
        id: row.try_get("id")?,
        revision: row.try_get::<_, i64>("revision")?.cast_unsigned(),
        body: row.try_get("body")?,
        created: Timestamp::from_micros(row.try_get("created")?),
        updated: Timestamp::from_micros(row.try_get("updated")?),
    })
}
