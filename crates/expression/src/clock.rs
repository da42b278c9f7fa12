//! Lengths of time, instants as text, and the parts of a date.
//!
//! The calendar arithmetic is Howard Hinnant's days-from-civil and civil-from-days (proleptic Gregorian), which
//! covers years 1 to 9999 whole; zone rules come from the time zone database compiled into the binary.

use std::fmt;
use std::time::Duration;

use attune_kernel::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Microseconds of one second.
const SECOND: i64 = 1_000_000;
/// 0001-01-01T00:00:00Z, the first instant an expression may hold.
pub(crate) const MIN_INSTANT: i64 = -62_135_596_800 * SECOND;
/// 9999-12-31T23:59:59.999999Z, the last one.
pub(crate) const MAX_INSTANT: i64 = 253_402_300_800 * SECOND - 1;
/// 9990-01-01T00:00:00Z, before which named zones are asked directly.
const LAST_ZONED: i64 = 253_086_768_000 * SECOND;
/// The mean year: 400 of them are a whole number of weeks.
const GREGORIAN_YEAR: i64 = 31_556_952 * SECOND;
/// The longest length of time either way: what 64 bits of nanoseconds hold, about 292 years.
pub(crate) const MAX_INTERVAL: i64 = i64::MAX / 1000;

/// A signed length of time in microseconds: what `duration("90m")` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Interval(i64);

impl Interval {
    /// From microseconds.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Parses a number and a unit, repeated, perhaps after a minus: `90s`, `1h30m`, `-1.5h`, `30d`. Units: `ns`,
    /// `us`, `ms`, `s`, `m`, `h` as in CEL, and `d` (24 h) and `w` (7 d). Fractions of a microsecond are cut off.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        let mut nanos: i128 = 0;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (number, tail) = rest.split_at(end);
            let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(unit_end);
            nanos = nanos.checked_add(scaled(number, unit_nanos(unit)?)?)?;
            rest = tail;
        }
        let micros = i64::try_from(sign * nanos / 1000).ok()?;
        (micros.abs() <= MAX_INTERVAL).then_some(Self(micros))
    }
}

/// Nanoseconds of a unit.
fn unit_nanos(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" => 86_400 * 1_000_000_000,
        "w" => 604_800 * 1_000_000_000,
        _ => return None,
    })
}

/// `number * unit`, exact in decimal, cut off below one.
fn scaled(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || whole.len() > 20 || fraction.len() > 18 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)? / scale)
}

impl From<Duration> for Interval {
    /// Saturating.
    fn from(duration: Duration) -> Self {
        Self(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
    }
}

impl fmt::Display for Interval {
    /// Seconds, as CEL's `string()` writes them: `5400s`, `-1.5s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        if fraction == 0 {
            return write!(f, "{sign}{seconds}s");
        }
        let fraction = format!("{fraction:06}");
        write!(f, "{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
    }
}

/// Whether an expression may hold this instant: years 1 to 9999.
pub(crate) fn in_range(micros: i64) -> bool {
    (MIN_INSTANT..=MAX_INSTANT).contains(&micros)
}

/// Days from 1970-01-01 to a date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month (1 to 12) and day (1 to 31) of a day counted from 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Parses RFC 3339 (`2026-11-22T10:00:00.5+09:00`). Fractions of a microsecond are cut off; a leap second is refused.
pub(crate) fn parse_instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().try_fold(0_i64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
    };
    let at = |index: usize, wanted: &[u8]| bytes.get(index).is_some_and(|byte| wanted.contains(byte));
    if !(at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":")) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let days = days_from_civil(year, month, day);
    if !(1..=12).contains(&month) || day < 1 || civil_from_days(days) != (year, month, day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut index = 19;
    let mut micros = 0;
    if at(index, b".") {
        let first = index + 1;
        index = first + bytes[first..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if index == first {
            return None;
        }
        let kept = (index - first).min(6);
        micros = number(first, first + kept)? * 10_i64.pow(6 - u32::try_from(kept).ok()?);
    }
    let offset = match bytes.get(index)? {
        b'Z' | b'z' if bytes.len() == index + 1 => 0,
        sign @ (b'+' | b'-') if bytes.len() == index + 6 && at(index + 3, b":") => {
            let (hours, minutes) = (number(index + 1, index + 3)?, number(index + 4, index + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset;
    let instant = seconds * SECOND + micros;
    in_range(instant).then(|| Timestamp::from_micros(instant))
}

/// RFC 3339 in UTC, as CEL's `string()` writes it: no fraction when there is none.
pub(crate) fn format_instant(instant: Timestamp) -> String {
    let part = |part: Part| part.of(instant.as_micros(), 0);
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        part(Part::FullYear),
        part(Part::Month) + 1,
        part(Part::Date),
        part(Part::Hours),
        part(Part::Minutes),
        part(Part::Seconds)
    );
    let micros = instant.as_micros().rem_euclid(SECOND);
    if micros != 0 {
        let fraction = format!("{micros:06}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Where a date is read: an offset or a named zone.
#[derive(Debug, Clone)]
pub(crate) enum Zone {
    /// Seconds east of UTC.
    Fixed(i64),
    /// By the rules of the time zone database.
    Named(Box<str>, TimeZone),
}

impl Zone {
    /// `Asia/Seoul`, `+09:00`, `09:00`, or empty for UTC.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Fixed(0));
        }
        let Some((hours, minutes)) = text.split_once(':') else {
            return TimeZoneDatabase::bundled().get(text).ok().map(|zone| Self::Named(text.into(), zone));
        };
        let (hours_east, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        if !(-23..=23).contains(&hours_east) || !(0..=59).contains(&minutes) {
            return None;
        }
        let minutes = if hours.starts_with('-') { hours_east * 60 - minutes } else { hours_east * 60 + minutes };
        Some(Self::Fixed(minutes * 60))
    }

    /// Seconds east of UTC at an instant.
    pub(crate) fn offset(&self, micros: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(_, zone) => {
                // Rules repeat with the calendar, every 400 years; the last ones before 10000 lie past what the zone
                // can be asked for.
                let asked = if micros > LAST_ZONED { micros - 400 * GREGORIAN_YEAR } else { micros };
                jiff::Timestamp::from_microsecond(asked)
                    .map_or(0, |instant| i64::from(zone.to_offset(instant).seconds()))
            }
        }
    }
}

/// A part of a date, named after CEL's accessor without `get`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

impl Part {
    /// The part an accessor names.
    pub(crate) fn named(accessor: &str) -> Option<Self> {
        Some(match accessor {
            "getFullYear" => Self::FullYear,
            "getMonth" => Self::Month,
            "getDate" => Self::Date,
            "getDayOfMonth" => Self::DayOfMonth,
            "getDayOfWeek" => Self::DayOfWeek,
            "getDayOfYear" => Self::DayOfYear,
            "getHours" => Self::Hours,
            "getMinutes" => Self::Minutes,
            "getSeconds" => Self::Seconds,
            "getMilliseconds" => Self::Milliseconds,
            _ => return None,
        })
    }

    /// The part of an instant seen `offset` seconds east of UTC. Months, days of the month and days of the year
    /// count from 0, dates from 1, days of the week from Sunday = 0.
    pub(crate) fn of(self, micros: i64, offset: i64) -> i64 {
        let seconds = micros.div_euclid(SECOND) + offset;
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        match self {
            Self::Hours => second / 3600,
            Self::Minutes => second / 60 % 60,
            Self::Seconds => second % 60,
            Self::Milliseconds => micros.rem_euclid(SECOND) / 1000,
            Self::DayOfWeek => (days + 4).rem_euclid(7),
            _ => {
                let (year, month, day) = civil_from_days(days);
                match self {
                    Self::FullYear => year,
                    Self::Month => month - 1,
                    Self::Date => day,
                    Self::DayOfYear => days - days_from_civil(year, 1, 1),
                    _ => day - 1,
                }
            }
        }
    }

    /// The whole units in a length of time, towards zero, for the four accessors that durations have.
    pub(crate) fn of_interval(self, interval: Interval) -> Option<i64> {
        Some(match self {
            Self::Hours => interval.0 / (3600 * SECOND),
            Self::Minutes => interval.0 / (60 * SECOND),
            Self::Seconds => interval.0 / SECOND,
            Self::Milliseconds => interval.0 / 1000,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_the_kernel() {
        for text in
            ["1970-01-01T00:00:00Z", "2024-02-29T23:59:59.123456Z", "1900-03-01T00:00:00Z", "0001-01-01T00:00:00Z"]
        {
            let ours = parse_instant(text).unwrap();
            assert_eq!(ours, Timestamp::parse(text).unwrap(), "{text}");
            assert_eq!(format_instant(ours), text);
        }
        assert_eq!(parse_instant("2020-01-01T09:00:00+09:00"), parse_instant("2020-01-01T00:00:00Z"));
        assert_eq!(parse_instant("9999-12-31T23:59:59.999999Z").unwrap().as_micros(), MAX_INSTANT);
    }

    #[test]
    fn what_is_no_instant() {
        for text in [
            "",
            "2020-01-01",
            "2020-13-01T00:00:00Z",
            "2021-02-29T00:00:00Z",
            "2020-01-01T24:00:00Z",
            "2020-01-01T00:00:60Z",
            "2020-01-01T00:00:00",
            "2020-01-01T00:00:00.Z",
            "2020-01-01T00:00:00Zx",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "2020-01-01T00:00:00+24:00",
            "２020-01-01T00:00:00Z",
        ] {
            assert_eq!(parse_instant(text), None, "{text}");
        }
    }

    #[test]
    fn lengths_of_time() {
        let micros = |text| Interval::parse(text).map(Interval::as_micros);
        assert_eq!(micros("1h30m"), Some(5_400_000_000));
        assert_eq!(micros("-1.5s"), Some(-1_500_000));
        assert_eq!(micros("30d"), micros("720h"));
        assert_eq!(micros("1.000001s"), Some(1_000_001));
        assert_eq!(micros("999ns"), Some(0));
        for text in ["", "-", "1", "1x", "s", "1h ", "1.2.3s", ".s", "400000d", "99999999999999999999999h"] {
            assert_eq!(micros(text), None, "{text}");
        }
        assert_eq!(Interval::from_micros(-1_500_000).to_string(), "-1.5s");
    }

    #[test]
    fn zones() {
        let winter = parse_instant("2023-01-01T05:30:00Z").unwrap().as_micros();
        let part = |part: Part, zone: &str| part.of(winter, Zone::parse(zone).unwrap().offset(winter));
        assert_eq!(part(Part::FullYear, "-08:00"), 2022);
        assert_eq!(part(Part::Month, "America/Los_Angeles"), 11);
        assert_eq!(part(Part::Hours, "Asia/Seoul"), 14);
        assert_eq!(part(Part::DayOfYear, "-08:00"), 364);
        assert!(
            Zone::parse("Mars/Base").is_none() && Zone::parse("24:00").is_none() && Zone::parse("+01:60").is_none()
        );
    }
}
