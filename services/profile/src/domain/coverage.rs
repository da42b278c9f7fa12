//! How many have a tag, day by day, and how far a day is from another.

use std::collections::BTreeMap;

use attune_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// Days that are kept.
pub const DAYS: i64 = 400;
/// Tags that are counted a day, those of the lowest names.
pub const MOST: usize = 5000;

const MICROS: i64 = 86_400_000_000;

/// The tags of everybody on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Days since 1970 in UTC.
    pub day: i64,
    /// How many persons there were.
    pub persons: u64,
    /// How many had each tag.
    pub tags: BTreeMap<String, u64>,
}

impl Day {
    /// The day of a time.
    #[must_use]
    pub fn of(time: Timestamp) -> i64 {
        time.as_micros().div_euclid(MICROS)
    }

    /// The mark under which a day is kept: a day takes the place of the one of 400 days before.
    #[must_use]
    pub fn mark(day: i64) -> String {
        format!("tags of day {}", day.rem_euclid(DAYS))
    }

    /// A day as people write it, such as `2026-11-23`.
    #[must_use]
    pub fn text(day: i64) -> String {
        Timestamp::from_micros(day.saturating_mul(MICROS)).to_string().chars().take(10).collect()
    }

    /// The share that has a tag, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn coverage(&self, tag: &str) -> f64 {
        self.tags.get(tag).copied().unwrap_or_default() as f64 / self.persons.max(1) as f64
    }
}

/// The population stability index of having and not having something, between two shares of populations of these sizes.
/// Shares of none and all count as half a person more or less, so that it is finite.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a share")]
pub fn stability(reference: (f64, u64), current: (f64, u64)) -> f64 {
    let inside = |(share, persons): (f64, u64)| {
        let half = 0.5 / persons.max(1) as f64;
        share.clamp(half, (1.0 - half).max(half))
    };
    let (one, other) = (inside(reference), inside(current));
    let part = |one: f64, other: f64| (other - one) * (other / one).ln();
    part(one, other) + part(1.0 - one, 1.0 - other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_a_name_and_a_place() {
        let time = Timestamp::from_millis(1_700_000_000_000);
        assert_eq!((Day::of(time), Day::text(Day::of(time)).as_str()), (19_675, "2023-11-14"));
        assert_eq!(Day::mark(19_675), Day::mark(19_675 + DAYS));
        assert_ne!(Day::mark(19_675), Day::mark(19_676));
        assert_eq!(Day::of(Timestamp::from_micros(-1)), -1);
    }

    #[test]
    fn stability_is_zero_for_the_same_and_grows_with_the_distance() {
        assert!(stability((0.3, 100), (0.3, 5000)).abs() < 1e-12);
        // By hand: 0.1 ln(0.6/0.5) - 0.1 ln(0.4/0.5).
        assert!((stability((0.5, 100), (0.6, 100)) - 0.040_546_510_810_816_44).abs() < 1e-12);
        let far = stability((0.0, 100), (1.0, 100));
        assert!(far.is_finite() && far > stability((0.2, 100), (0.8, 100)));
        assert!(stability((0.0, 0), (0.0, 0)).is_finite());
    }
}
