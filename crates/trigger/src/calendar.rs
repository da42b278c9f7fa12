//! Days, months, hours: time as people count it.

use attune_kernel::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

pub(crate) const SECOND: i64 = 1_000_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Zone {
    Utc,
    Named(TimeZone),
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// The longest that one lasts, in days.
    pub(crate) const fn days(self) -> i64 {
        match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
        }
    }

    /// The days, counted from 1970-01-01, of the unit in which `day` lies, or of one `back` units before: first and last.
    pub(crate) fn days_of(self, day: i64, back: i64) -> (i64, i64) {
        let (year, month, _) = civil_of(day);
        let months = |per: i64| {
            let number = (year * 12 + month - 1).div_euclid(per) - back;
            let first = |number: i64| days_from((number * per).div_euclid(12), (number * per).rem_euclid(12) + 1, 1);
            (first(number), first(number + 1) - 1)
        };
        match self {
            Self::Day => (day - back, day - back),
            Self::Week => {
                // 1970-01-01 was a Thursday; weeks begin with Monday.
                let first = (day + 3).div_euclid(7) * 7 - 3 - 7 * back;
                (first, first + 6)
            }
            Self::Month => months(1),
            Self::Quarter => months(3),
            Self::Year => months(12),
        }
    }
}

/// Days since 1970-01-01 of a date (proleptic Gregorian; Howard Hinnant's `days_from_civil`).
fn days_from(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day since 1970-01-01: year, month, day.
fn civil_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days - era * 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

impl Zone {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("utc") {
            return Some(Self::Utc);
        }
        TimeZone::get(name).ok().map(Self::Named)
    }

    /// Microseconds of the local clock since its 1970-01-01.
    pub(crate) fn local(&self, micros: i64) -> i64 {
        match self {
            Self::Utc => micros,
            Self::Named(zone) => jiff::Timestamp::from_microsecond(micros)
                .map_or(micros, |instant| micros.saturating_add(i64::from(zone.to_offset(instant).seconds()) * SECOND)),
        }
    }

    /// The day of an instant, counted from 1970-01-01.
    pub(crate) fn day(&self, micros: i64) -> i64 {
        self.local(micros).div_euclid(DAY)
    }

    /// The instant at which the local clock shows `local`; where it does so twice the first time, where never the
    /// instant of the change.
    pub(crate) fn instant(&self, local: i64) -> i64 {
        let Self::Named(zone) = self else { return local };
        let date = jiff::Timestamp::from_microsecond(local).map(|instant| TimeZone::UTC.to_datetime(instant));
        let instant = date.and_then(|date: civil::DateTime| zone.to_ambiguous_timestamp(date).compatible());
        instant.map_or(local, |instant| instant.as_microsecond())
    }

    /// A date as events tell it, in microseconds of the local clock: `2026-11-23`, RFC 3339, or epoch milliseconds.
    pub(crate) fn parse_date(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if let Ok(date) = text.parse::<civil::Date>()
            && text.len() == 10
        {
            return Some(days_from(date.year().into(), date.month().into(), date.day().into()) * DAY);
        }
        Timestamp::parse(text).ok().filter(|time| time.is_plausible()).map(|time| self.local(time.as_micros()))
    }

    /// A date given as epoch milliseconds.
    pub(crate) fn date_of_millis(&self, millis: f64) -> Option<i64> {
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond the range is refused by the next line")]
        let time = Timestamp::from_millis(millis as i64);
        time.is_plausible().then(|| self.local(time.as_micros()))
    }
}

/// The same day of another year; the last of February becomes the 28th where there is no 29th.
pub(crate) fn years_later(local: i64, years: i64) -> i64 {
    let (year, month, day) = civil_of(local.div_euclid(DAY));
    let target = year + years;
    let leap = target.rem_euclid(4) == 0 && (target.rem_euclid(100) != 0 || target.rem_euclid(400) == 0);
    let day = if month == 2 && day == 29 && !leap { 28 } else { day };
    days_from(target, month, day) * DAY + local.rem_euclid(DAY)
}

/// The year of a local time.
pub(crate) fn year_of(local: i64) -> i64 {
    civil_of(local.div_euclid(DAY)).0
}

/// An hour such as `09:30`, up to `24:00`, in microseconds.
pub(crate) fn parse_hour(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    let time = hour * HOUR + minute * MINUTE;
    ((0..=24).contains(&hour) && (0..60).contains(&minute) && time <= DAY).then_some(time)
}

/// The number of a weekday such as `mon`, from 0.
pub(crate) fn parse_weekday(text: &str) -> Option<u8> {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    days.iter().position(|day| *day == text).and_then(|at| u8::try_from(at).ok())
}

/// When a rule may fire.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hours {
    pub(crate) zone: Zone,
    /// A bit a weekday, Monday first.
    pub(crate) days: u8,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

impl Hours {
    /// The first instant at or after `micros` that is in the schedule.
    pub(crate) fn next(&self, micros: i64) -> i64 {
        let local = self.zone.local(micros);
        let (today, hour) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let open = |day: i64| self.days >> (day + 3).rem_euclid(7) & 1 == 1;
        if open(today) && (self.from..self.to).contains(&hour) {
            return micros;
        }
        let first = if hour < self.from { today } else { today + 1 };
        let day = (first..first + 7).find(|day| open(*day)).unwrap_or(first);
        self.zone.instant(day * DAY + self.from).max(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        Timestamp::parse(text).unwrap().as_micros()
    }

    #[test]
    fn days_and_dates_are_those_of_the_calendar() {
        for days in (-800_000..800_000).step_by(37) {
            let (year, month, day) = civil_of(days);
            assert_eq!(days_from(year, month, day), days);
            let date = civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
            let found = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
            assert_eq!((year, month, day), found);
            let first = date.first_of_month();
            let until = |other: civil::Date| i64::from(civil::date(1970, 1, 1).until(other).unwrap().get_days());
            assert_eq!(Unit::Month.days_of(days, 0), (until(first), until(date.last_of_month())));
            assert_eq!(Unit::Year.days_of(days, 0).0, until(date.first_of_year()));
            let monday = days - i64::from(date.weekday().to_monday_zero_offset());
            assert_eq!(Unit::Week.days_of(days, 0), (monday, monday + 6));
        }
        let day = days_from(2026, 1, 15);
        assert_eq!(Unit::Quarter.days_of(day, 1), (days_from(2025, 10, 1), days_from(2025, 12, 31)));
        assert_eq!(years_later(days_from(2024, 2, 29) * DAY, 1), days_from(2025, 2, 28) * DAY);
        assert_eq!(years_later(days_from(2024, 2, 29) * DAY, 4), days_from(2028, 2, 29) * DAY);
    }

    #[test]
    fn schedules_open_by_the_local_clock() {
        let zone = Zone::parse("Europe/Berlin").unwrap();
        let hours = Hours { zone, days: 0b1_1111, from: 9 * HOUR, to: 17 * HOUR };
        // A Friday in summer: 09:00 is 07:00 UTC.
        assert_eq!(hours.next(at("2026-07-10T06:00:00Z")), at("2026-07-10T07:00:00Z"));
        assert_eq!(hours.next(at("2026-07-10T14:59:59Z")), at("2026-07-10T14:59:59Z"));
        assert_eq!(hours.next(at("2026-07-10T15:00:00Z")), at("2026-07-13T07:00:00Z"));
        // The weekend of the change to winter time.
        assert_eq!(hours.next(at("2026-10-24T12:00:00Z")), at("2026-10-26T08:00:00Z"));
        assert_eq!((parse_hour("24:00"), parse_hour("24:01"), parse_hour("9")), (Some(DAY), None, None));
    }

    #[test]
    fn dates_are_read_as_events_tell_them() {
        let utc = Zone::Utc;
        assert_eq!(utc.parse_date("2026-03-01"), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!(utc.parse_date("2026-03-01T10:00:00+02:00"), Some(at("2026-03-01T08:00:00Z")));
        assert_eq!(utc.parse_date("1772323200000"), Some(at("2026-03-01T00:00:00Z")));
        assert_eq!((utc.parse_date("soon"), utc.parse_date("2026-02-30")), (None, None));
        assert_eq!(utc.date_of_millis(f64::INFINITY), None);
    }
}
