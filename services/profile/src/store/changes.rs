//! Whose documents other processes wrote or removed.
//!
//! In Postgres each statement that changes documents leaves a row with the persons and its transaction. A look takes the rows
//! of transactions from the oldest that was open at the look before, so that one which commits late is not missed; rows that
//! were seen are told apart by their ids. Of who was erased only a digest is told. The embedded store belongs to one process, which hears its own writes.

use std::collections::BTreeSet;
use std::time::Duration;

use attune_storage::{Postgres, Storage};

use crate::error::Error;

/// For how long rows are kept.
const KEPT: &str = "3 minutes";
/// Who has not looked for so long reads everybody again: rows may be gone.
const LONGEST: Duration = Duration::from_secs(90);

/// What changed since the look before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// The persons.
    pub persons: Vec<String>,
    /// Who was erased, as the digests of their ids.
    pub erased: Vec<Vec<u8>>,
    /// Whether changes may have been missed: everybody is to be read again.
    pub missed: bool,
}

/// Follows the changes of documents by all processes.
pub(crate) struct Changes {
    postgres: Option<Postgres>,
    /// The oldest transaction that was open at the last look.
    from: Option<i64>,
    /// Ids of rows of transactions from there on that were seen.
    seen: BTreeSet<i64>,
    looked: Option<tokio::time::Instant>,
}

impl Changes {
    /// From the first look on.
    pub(crate) fn new(storage: &Storage) -> Self {
        let postgres = match storage {
            Storage::Embedded(_) => None,
            Storage::Postgres(postgres) => Some(postgres.clone()),
        };
        Self { postgres, from: None, seen: BTreeSet::new(), looked: None }
    }

    /// Whether other processes can write.
    pub(crate) fn is_shared(&self) -> bool {
        self.postgres.is_some()
    }

    /// What changed since the look before; nothing at the first, which says from when on is followed.
    ///
    /// # Errors
    /// When the store does not answer; the next look takes what this one would have.
    pub(crate) async fn look(&mut self) -> Result<Look, Error> {
        let Some(postgres) = &self.postgres else { return Ok(Look::default()) };
        let now = tokio::time::Instant::now();
        let missed = self.looked.is_some_and(|looked| now - looked > LONGEST);
        // One statement, so that the rows and the oldest open transaction are of one moment.
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, found.id, found.xid, found.persons, \
                   found.gone \
                   FROM (SELECT 1) AS one LEFT JOIN document_change AS found ON found.xid >= $1 ORDER BY found.id";
        let rows = postgres.client().await?.query(sql, &[&self.from.unwrap_or(i64::MAX)]).await?;
        let mut look = Look { missed, ..Look::default() };
        let mut open = BTreeSet::new();
        let horizon: i64 = rows.first().map_or(0, |row| row.get(0));
        for row in &rows {
            let Some(id) = row.get::<_, Option<i64>>(1) else { continue };
            if !self.seen.contains(&id) {
                look.persons.extend(row.get::<_, Vec<String>>(3));
                look.erased.extend(row.get::<_, Vec<Vec<u8>>>(4));
            }
            if row.get::<_, i64>(2) >= horizon {
                open.insert(id);
            }
        }
        (self.seen, self.from, self.looked) = (open, Some(horizon), Some(now));
        Ok(look)
    }

    /// Removes rows that everybody has had the time to read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn trim(&self) -> Result<(), Error> {
        if let Some(postgres) = &self.postgres {
            let sql = format!("DELETE FROM document_change WHERE time < clock_timestamp() - interval '{KEPT}'");
            postgres.client().await?.execute(&sql, &[]).await?;
        }
        Ok(())
    }
}
