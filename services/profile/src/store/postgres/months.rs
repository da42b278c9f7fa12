//! A partition of events for each month, made when its first event comes.

use std::collections::BTreeSet;

use attune_kernel::Timestamp;
use attune_storage::{Postgres, StorageError};
use parking_lot::RwLock;

use crate::error::Error;

/// Months that get a partition: from this year on, until one month after the current one. What lies outside stays in the
/// default partition, so the number of partitions is bounded by the calendar and not by what callers send.
const FIRST_YEAR: i64 = 2000;

const DAY_MICROS: i64 = 86_400_000_000;

/// A month, counted from January of the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Month(i64);

impl Month {
    /// The month of a time, in UTC, in the proleptic Gregorian calendar (Howard Hinnant's civil-from-days).
    fn of(time: Timestamp) -> Self {
        let days = time.as_micros().div_euclid(DAY_MICROS) + 719_468;
        let era = days.div_euclid(146_097);
        let day = days.rem_euclid(146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day_of_year = day - (365 * year + year / 4 - year / 100);
        // Counted from March, so that the leap day is the last of its year.
        let month = (5 * day_of_year + 2) / 153;
        Self((year + era * 400) * 12 + month + 2)
    }

    const fn year(self) -> i64 {
        self.0.div_euclid(12)
    }

    /// 1 to 12.
    const fn number(self) -> i64 {
        self.0.rem_euclid(12) + 1
    }
}

/// The months that this process need not look after.
#[derive(Debug, Default)]
pub(super) struct Months(RwLock<BTreeSet<Month>>);

impl Months {
    /// Makes the partitions that events of these times need. A month that cannot have one, because the default partition
    /// already holds events of it or the role may not create tables, stays in the default partition.
    pub(super) async fn prepare(
        &self,
        postgres: &Postgres,
        times: impl Iterator<Item = Timestamp>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let missing: BTreeSet<Month> = {
            let known = self.0.read();
            let last = Month(Month::of(now).0 + 1);
            let months = times.map(Month::of).filter(|month| month.year() >= FIRST_YEAR && *month <= last);
            months.filter(|month| !known.contains(month)).collect()
        };
        for month in missing {
            match create(postgres, month).await {
                Ok(()) => {}
                Err(error @ StorageError::Unavailable { .. }) => return Err(error.into()),
                Err(error) => tracing::warn!(
                    year = month.year(),
                    month = month.number(),
                    %error,
                    "events of a month stay in the default partition"
                ),
            }
            self.0.write().insert(month);
        }
        Ok(())
    }
}

/// Attaching a table made apart locks less than creating a partition in place: readers of other months go on.
async fn create(postgres: &Postgres, month: Month) -> Result<(), StorageError> {
    let name = format!("event_{:04}_{:02}", month.year(), month.number());
    let next = Month(month.0 + 1);
    postgres
        .transact(|tx| {
            let name = name.clone();
            Box::pin(async move {
                tx.query(
                    "SELECT pg_advisory_xact_lock(hashtextextended('attune_partition:' || current_schema(), 0))",
                    &[],
                )
                .await?;
                let there =
                    "SELECT 1 FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace";
                if tx.query_opt(there, &[&name]).await?.is_some() {
                    return Ok(());
                }
                let bounds = "SELECT (extract(epoch FROM make_date($1, $2, 1)) * 1000000)::bigint, \
                              (extract(epoch FROM make_date($3, $4, 1)) * 1000000)::bigint";
                let part = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
                let row = tx
                    .query_one(
                        bounds,
                        &[&part(month.year()), &part(month.number()), &part(next.year()), &part(next.number())],
                    )
                    .await?;
                let (low, high): (i64, i64) = (row.get(0), row.get(1));
                tx.batch_execute(&format!(
                    "CREATE TABLE {name} (LIKE event INCLUDING DEFAULTS); \
                     ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
                ))
                .await
            })
        })
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_month_of_its_calendar_day() {
        for (text, year, number) in [
            ("1970-01-01T00:00:00Z", 1970, 1),
            ("1969-12-31T23:59:59Z", 1969, 12),
            ("2000-02-29T12:00:00Z", 2000, 2),
            ("2000-03-01T00:00:00Z", 2000, 3),
            ("2026-11-22T00:00:00Z", 2026, 11),
            ("2024-12-31T23:59:59.999999Z", 2024, 12),
            ("2025-01-01T00:00:00Z", 2025, 1),
            ("1900-01-01T00:00:00Z", 1900, 1),
        ] {
            let month = Month::of(Timestamp::parse(text).unwrap());
            assert_eq!((month.year(), month.number()), (year, number), "{text}");
        }
    }
}
