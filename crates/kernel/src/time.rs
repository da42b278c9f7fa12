//! Time as a value: UTC microseconds, and durations as people write them (`30m`, `24h`, `7d`).

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant in UTC, in microseconds since 1970-01-01.
///
/// Every instant an `i64` of microseconds can name is representable; which of them an interface
/// accepts (the suite takes events of 1900 to 2199) is that interface's rule, see [`Timestamp::is_plausible`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text or pair of numbers given as a time does not name an instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// The text is neither RFC 3339 nor epoch milliseconds.
    #[error("expected RFC 3339 or epoch milliseconds")]
    Syntax,
    /// The instant lies outside what the type holds.
    #[error("time out of range")]
    Range,
}

impl Timestamp {
    /// 1900-01-01T00:00:00Z, the earliest event time the suite accepts.
    pub const MIN_PLAUSIBLE: Self = Self(-2_208_988_800_000_000);
    /// 2200-01-01T00:00:00Z, the first instant the suite no longer accepts.
    pub const MAX_PLAUSIBLE: Self = Self(7_258_118_400_000_000);

    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From milliseconds since the epoch, saturating.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// From a `google.protobuf.Timestamp`'s parts. Nanoseconds below a microsecond are cut off.
    ///
    /// # Errors
    /// [`InvalidTime::Range`] when the microseconds do not fit or `nanos` is not in `0..1_000_000_000`.
    pub fn from_seconds_nanos(seconds: i64, nanos: i32) -> Result<Self, InvalidTime> {
        if !(0..1_000_000_000).contains(&nanos) {
            return Err(InvalidTime::Range);
        }
        seconds
            .checked_mul(1_000_000)
            .and_then(|micros| micros.checked_add(i64::from(nanos / 1000)))
            .map(Self)
            .ok_or(InvalidTime::Range)
    }

    /// The parts of a `google.protobuf.Timestamp`.
    #[must_use]
    pub fn to_seconds_nanos(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000_000) * 1000;
        (self.0.div_euclid(1_000_000), i32::try_from(nanos).unwrap_or(0))
    }

    /// Parses RFC 3339, or whole epoch milliseconds.
    ///
    /// # Errors
    /// [`InvalidTime`] when the text is neither, or names an instant out of range.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let text = text.trim();
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let millis: i64 = text.parse().map_err(|_| InvalidTime::Range)?;
            return millis.checked_mul(1000).map(Self).ok_or(InvalidTime::Range);
        }
        text.parse::<jiff::Timestamp>().map(|instant| Self(instant.as_microsecond())).map_err(|_| InvalidTime::Syntax)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Whether the suite accepts this instant as the time of an event: 1900 up to, not including, 2200.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        (Self::MIN_PLAUSIBLE..Self::MAX_PLAUSIBLE).contains(&self)
    }

    /// `self + duration`, saturating.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// `self - duration`, saturating.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => instant.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parses a duration as people write it: a number and one unit of `ms`, `s`, `m`, `h`, `d`, `w`; parts may
/// follow one another (`1h30m`).
///
/// # Errors
/// A sentence saying what is wrong, for a message that names the field.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a duration is a number and a unit, for example 30m".to_owned());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits]
            .parse()
            .map_err(|_| format!("'{text}' is not a duration: expected a number and a unit, for example 30m"))?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let millis = match rest[..unit_end].trim() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            other => {
                return Err(format!("'{text}' is not a duration: unknown unit '{other}', use ms, s, m, h, d or w"));
            }
        };
        rest = &rest[unit_end..];
        total = number
            .checked_mul(millis)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("'{text}' is too long a duration"))?;
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_both_forms_and_refuses_the_rest() {
        assert_eq!(Timestamp::parse("1970-01-01T00:00:01Z"), Ok(Timestamp::from_millis(1000)));
        assert_eq!(Timestamp::parse("1000"), Ok(Timestamp::from_millis(1000)));
        assert_eq!(Timestamp::parse("2020-01-01T09:00:00+09:00"), Timestamp::parse("2020-01-01T00:00:00Z"));
        assert_eq!(Timestamp::parse("yesterday"), Err(InvalidTime::Syntax));
        assert_eq!(Timestamp::parse("99999999999999999999"), Err(InvalidTime::Range));
    }

    #[test]
    fn plausible_times_end_at_1900_and_2200() {
        assert!(Timestamp::parse("1900-01-01T00:00:00Z").unwrap().is_plausible());
        assert!(!Timestamp::parse("1899-12-31T23:59:59Z").unwrap().is_plausible());
        assert!(Timestamp::parse("2199-12-31T23:59:59Z").unwrap().is_plausible());
        assert!(!Timestamp::parse("2200-01-01T00:00:00Z").unwrap().is_plausible());
        assert!(!Timestamp::parse("0001-01-01T00:00:00Z").unwrap().is_plausible());
    }

    #[test]
    fn proto_parts_round_trip_before_the_epoch() {
        let time = Timestamp::from_micros(-1);
        assert_eq!(time.to_seconds_nanos(), (-1, 999_999_000));
        assert_eq!(Timestamp::from_seconds_nanos(-1, 999_999_000), Ok(time));
        assert_eq!(Timestamp::from_seconds_nanos(0, -1), Err(InvalidTime::Range));
        assert_eq!(Timestamp::from_seconds_nanos(i64::MAX, 0), Err(InvalidTime::Range));
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("7d"), Ok(Duration::from_secs(7 * 86_400)));
        assert!(parse_duration("30").is_err());
        assert!(parse_duration("").is_err());
        assert!(parse_duration("99999999999999999w").is_err());
    }
}
