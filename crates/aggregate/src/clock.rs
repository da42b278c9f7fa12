//! Buckets of time: which one an instant lies in, and when it begins.

use std::sync::Arc;

use attune_kernel::Timestamp;
use jiff::tz::TimeZone;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Zone {
    Utc,
    Named(Arc<str>, TimeZone),
}

impl Zone {
    /// A zone by its name in the time zone database, or `UTC`.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::Utc);
        }
        TimeZone::get(name).ok().map(|zone| Self::Named(name.into(), zone))
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Named(name, _) => name,
        }
    }

    /// Microseconds of the local clock since its 1970-01-01.
    pub(crate) fn local(&self, time: Timestamp) -> i64 {
        let micros = time.as_micros();
        match self {
            Self::Utc => micros,
            Self::Named(_, zone) => jiff::Timestamp::from_microsecond(micros)
                .map_or(micros, |instant| micros.saturating_add(i64::from(zone.to_offset(instant).seconds()) * SECOND)),
        }
    }

    /// The first instant of a local day, counted from 1970-01-01, in microseconds.
    fn start_of_day(&self, day: i64) -> i64 {
        let utc = day.saturating_mul(DAY);
        let Self::Named(_, zone) = self else { return utc };
        let date = jiff::Timestamp::from_microsecond(utc).map(|instant| TimeZone::UTC.to_datetime(instant).date());
        let start = date.and_then(|date| date.to_zoned(zone.clone())).and_then(|day| day.start_of_day());
        start.map_or(utc, |start| start.timestamp().as_microsecond())
    }
}

/// How time is cut into buckets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clock {
    /// One bucket for ever.
    Lifetime,
    /// Buckets of a length, from the epoch on.
    Even(i64),
    /// Buckets of whole days of a zone, from 1970-01-01 on.
    Days(i32, Zone),
}

impl Clock {
    /// The bucket of an instant.
    #[inline]
    pub(crate) fn bucket(&self, time: Timestamp) -> i32 {
        let bucket = match self {
            Self::Lifetime => 0,
            Self::Even(length) => time.as_micros().div_euclid(*length),
            Self::Days(days, zone) => zone.local(time).div_euclid(DAY).div_euclid(i64::from(*days)),
        };
        i32::try_from(bucket).unwrap_or(if bucket < 0 { i32::MIN } else { i32::MAX })
    }

    /// The first instant after `now` that is in `bucket` or a later one; absent when that is past.
    pub(crate) fn next(&self, bucket: i64, now: Timestamp) -> Option<Timestamp> {
        let start = match self {
            Self::Lifetime => return None,
            Self::Even(length) => bucket.saturating_mul(*length),
            Self::Days(days, zone) => {
                let start = zone.start_of_day(bucket.saturating_mul(i64::from(*days)));
                if start <= now.as_micros() && bucket > i64::from(self.bucket(now)) {
                    // The local clock was set back over midnight: the day begins a second time.
                    now.as_micros() + DAY - zone.local(now).rem_euclid(DAY)
                } else {
                    start
                }
            }
        };
        (start > now.as_micros()).then_some(Timestamp::from_micros(start))
    }

    /// A text that tells clocks apart.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Lifetime => "lifetime".to_owned(),
            Self::Even(length) => format!("even{length}"),
            Self::Days(days, zone) => format!("days{days}{}", zone.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_where_the_zone_says() {
        let seoul = Clock::Days(1, Zone::parse("Asia/Seoul").unwrap());
        let evening = Timestamp::parse("2026-03-01T20:00:00Z").unwrap();
        let utc = Clock::Days(1, Zone::Utc);
        assert_eq!(seoul.bucket(evening), utc.bucket(evening) + 1);
        let next = seoul.next(i64::from(seoul.bucket(evening)) + 1, evening).unwrap();
        assert_eq!(next, Timestamp::parse("2026-03-02T15:00:00Z").unwrap());
        assert_eq!(seoul.next(i64::from(seoul.bucket(evening)), evening), None);
    }

    #[test]
    fn a_day_with_a_change_of_the_clock_is_one_bucket() {
        let berlin = Clock::Days(1, Zone::parse("Europe/Berlin").unwrap());
        let start = Timestamp::parse("2026-03-28T23:00:00Z").unwrap();
        let end = Timestamp::parse("2026-03-29T22:00:00Z").unwrap();
        assert_eq!(berlin.bucket(start), berlin.bucket(end.minus(std::time::Duration::from_micros(1))));
        assert_eq!(berlin.next(i64::from(berlin.bucket(start)) + 1, start), Some(end));
    }

    #[test]
    fn every_bucket_begins_at_its_first_instant() {
        for name in ["UTC", "America/Havana", "Asia/Beirut", "Pacific/Apia", "America/New_York"] {
            let clock = Clock::Days(1, Zone::parse(name).unwrap());
            let mut time = Timestamp::parse("2010-01-01T00:00:00Z").unwrap();
            for _ in 0..800 {
                let bucket = clock.bucket(time);
                let next = clock.next(i64::from(bucket) + 1, time).unwrap();
                assert!(clock.bucket(next) > bucket, "{name} {time}");
                let before = next.minus(std::time::Duration::from_micros(1));
                assert!(clock.bucket(before) <= bucket, "{name} {time}");
                time = next;
            }
        }
    }
}
