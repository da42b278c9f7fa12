//! How long a caller still waits, as a value that travels with the call.
//!
//! The server side of a call attaches a [`Deadline`] to the call's context; the client side of every call made on its
//! behalf reads it there and passes on what is left. Neither side knows the other: this type is all they share.

use std::time::{Duration, Instant};

/// The instant after which nobody waits for the answer any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline `budget` after `now`; a budget too long to represent is cut to a year.
    #[must_use]
    pub fn after(now: Instant, budget: Duration) -> Self {
        const YEAR: Duration = Duration::from_secs(366 * 86_400);
        Self(now + budget.min(YEAR))
    }

    /// The instant itself.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// What is left of the budget at `now`; zero when it has run out.
    #[must_use]
    pub fn remaining(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Reads the value of a `grpc-timeout` header: up to eight digits and a unit of `H`, `M`, `S`, `m`, `u`, `n`.
    #[must_use]
    pub fn parse_timeout(text: &str) -> Option<Duration> {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(number * 3600),
            "M" => Duration::from_secs(number * 60),
            "S" => Duration::from_secs(number),
            "m" => Duration::from_millis(number),
            "u" => Duration::from_micros(number),
            "n" => Duration::from_nanos(number),
            _ => return None,
        })
    }

    /// Writes a duration as the value of a `grpc-timeout` header, in the finest unit that fits eight digits.
    #[must_use]
    pub fn format_timeout(budget: Duration) -> String {
        const LIMIT: u128 = 99_999_999;
        match budget.as_micros() {
            micros @ 0..=LIMIT => format!("{micros}u"),
            micros if micros / 1000 <= LIMIT => format!("{}m", micros / 1000),
            micros if micros / 1_000_000 <= LIMIT => format!("{}S", micros / 1_000_000),
            _ => format!("{LIMIT}S"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_round_trip_and_nonsense_is_refused() {
        for budget in [Duration::ZERO, Duration::from_micros(99_999_999), Duration::from_secs(86_400)] {
            assert_eq!(Deadline::parse_timeout(&Deadline::format_timeout(budget)), Some(budget));
        }
        assert_eq!(Deadline::parse_timeout("2M"), Some(Duration::from_secs(120)));
        for nonsense in ["", "S", "1", "-1S", "1.5S", "123456789S", "1d", "1ä"] {
            assert_eq!(Deadline::parse_timeout(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_longest_budget_does_not_overflow() {
        let now = Instant::now();
        assert!(Deadline::after(now, Duration::MAX).remaining(now) > Duration::from_secs(86_400));
        assert_eq!(Deadline::after(now, Duration::ZERO).remaining(now + Duration::from_secs(1)), Duration::ZERO);
    }
}
