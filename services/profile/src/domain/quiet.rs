//! When a person wishes not to be disturbed.

use attune_kernel::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::document::Document;

const MINUTES: u16 = 24 * 60;

/// What a person said of when not to be reached; a later word takes the place of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The zone that hours and days are in, as the IANA database names it; empty for UTC.
    pub zone: String,
    /// The minute of the day from which it is quiet.
    pub from_minute: u16,
    /// The minute of the day until which it is quiet; before `from_minute` it is of the next day, the same is never.
    pub until_minute: u16,
    /// Days that are quiet, Monday the lowest bit.
    pub weekdays: u8,
    /// Until when nothing may come at all.
    pub pause_until: Option<Timestamp>,
    /// When the person said so.
    pub time: Timestamp,
    /// Where.
    pub source: String,
}

/// Why it is quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The person paused everything.
    Paused,
    /// The hour.
    Hours,
    /// The day.
    Weekday,
}

/// Zones are looked up where the process has them; one that nobody knows is refused when it is said.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() { Some(TimeZone::UTC) } else { TimeZone::get(name).ok() }
}

impl Quiet {
    /// Whether it takes the place of another.
    fn beats(&self, known: &Self) -> bool {
        let order = |one: &Self| (one.time, one.pause_until, one.from_minute, one.until_minute, one.weekdays);
        (order(self), &self.zone, &self.source) > (order(known), &known.zone, &known.source)
    }

    /// Why it is quiet at a time, if it is.
    #[must_use]
    pub fn at(&self, time: Timestamp) -> Option<Why> {
        if self.pause_until.is_some_and(|until| time < until) {
            return Some(Why::Paused);
        }
        let instant = jiff::Timestamp::from_microsecond(time.as_micros()).ok()?;
        let local = instant.to_zoned(zone(&self.zone).unwrap_or(TimeZone::UTC));
        let day = local.weekday().to_monday_zero_offset();
        if self.weekdays >> day & 1 == 1 {
            return Some(Why::Weekday);
        }
        let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or_default();
        let (from, until) = (self.from_minute, self.until_minute);
        let within = if from <= until { (from..until).contains(&minute) } else { minute >= from || minute < until };
        within.then_some(Why::Hours)
    }

    /// The first whole minute from `time` on at which it is not quiet, if there is one within eight days.
    #[must_use]
    pub fn next(&self, time: Timestamp) -> Option<Timestamp> {
        let start = self.pause_until.map_or(time, |until| until.max(time));
        if self.at(start).is_none() {
            return Some(start);
        }
        let minute = std::time::Duration::from_secs(60);
        let micros = 60_000_000;
        let mut at = Timestamp::from_micros((start.as_micros().div_euclid(micros) + 1) * micros);
        for _ in 0..8 * u32::from(MINUTES) {
            if self.at(at).is_none() {
                return Some(at);
            }
            at = at.plus(minute);
        }
        None
    }
}

impl Document {
    /// Records when not to disturb, under an id of this person, unless a later word is there. Answers whether it did.
    pub fn record_quiet(&mut self, named: &str, word: Quiet) -> bool {
        let id = self.written_under(named);
        let kept = self.parts.get_mut(&id).map_or(&mut self.quiet, |part| &mut part.quiet);
        let later = kept.as_ref().is_none_or(|known| word.beats(known));
        if later {
            *kept = Some(word);
            self.refresh_quiet();
        }
        later
    }

    /// Shows the latest word over all parts.
    pub(super) fn refresh_quiet(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let words = self.parts.values().filter_map(|part| part.quiet.clone());
        self.quiet = words.reduce(|one, two| if two.beats(&one) { two } else { one });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn hours_are_in_the_zone_of_the_person() {
        let quiet = Quiet { zone: "Asia/Seoul".into(), from_minute: 21 * 60, until_minute: 8 * 60, ..Quiet::default() };
        // 21:30 in Seoul, 07:59, 08:00.
        assert_eq!(quiet.at(at("2026-11-22T12:30:00Z")), Some(Why::Hours));
        assert_eq!(quiet.at(at("2026-11-22T22:59:00Z")), Some(Why::Hours));
        assert_eq!(quiet.at(at("2026-11-22T23:00:00Z")), None);
        assert_eq!(quiet.next(at("2026-11-22T12:30:00Z")), Some(at("2026-11-22T23:00:00Z")));
    }

    #[test]
    fn days_and_pauses_hold() {
        let sunday = Quiet { weekdays: 1 << 6, ..Quiet::default() };
        assert_eq!(sunday.at(at("2026-11-22T12:00:00Z")), Some(Why::Weekday));
        assert_eq!(sunday.next(at("2026-11-22T12:00:00Z")), Some(at("2026-11-23T00:00:00Z")));
        let paused = Quiet { pause_until: Some(at("2026-12-01T00:00:00Z")), ..sunday };
        assert_eq!(paused.at(at("2026-11-23T12:00:00Z")), Some(Why::Paused));
        assert_eq!(paused.next(at("2026-11-23T12:00:00Z")), Some(at("2026-12-01T00:00:00Z")));
        assert_eq!(Quiet { weekdays: 0x7f, ..Quiet::default() }.next(at("2026-11-23T12:00:00Z")), None);
        assert!(zone("Nowhere/Nothing").is_none() && zone("").is_some());
    }

    proptest! {
        /// The next time that is not quiet is the first minute of a search minute by minute.
        #[test]
        fn the_next_time_is_the_first_that_is_not_quiet(from in 0_u16..1440, until in 0_u16..1440, weekdays in 0_u8..127, start in 0_i64..20_000) {
            let quiet = Quiet { from_minute: from, until_minute: until, weekdays, ..Quiet::default() };
            let minute = |index: i64| Timestamp::from_millis(index * 60_000);
            let naive = (start..start + 9 * 1440).find(|index| {
                let of_day = u16::try_from(index.rem_euclid(1440)).unwrap();
                let day = (index.div_euclid(1440) + 3).rem_euclid(7);
                let hours = if from <= until { from <= of_day && of_day < until } else { of_day >= from || of_day < until };
                !hours && weekdays >> day & 1 == 0
            });
            prop_assert_eq!(quiet.next(minute(start)), naive.map(minute));
        }
    }
}
