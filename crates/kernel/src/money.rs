//! Exact amounts of money.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in millionths of a currency unit: exact for every currency's minor unit and for unit prices
/// such as 0.0125 a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// From millionths of a unit.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Millionths of a unit.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The nearest amount to a floating-point number of units, or `None` when it is not finite or does not fit.
    #[must_use]
    pub fn from_units(units: f64) -> Option<Self> {
        let micros = (units * 1e6).round();
        // i64::MAX is not exact as f64; a strict comparison keeps the cast in range.
        #[expect(clippy::cast_possible_truncation, reason = "range checked on the line before")]
        (micros.is_finite() && micros.abs() < 9.2e18).then_some(Self(micros as i64))
    }

    /// The amount as a floating-point number of units, for arithmetic with probabilities.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "expected values do not need more than 53 bits")]
    pub fn to_units(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The sum, or `None` when it does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", magnitude / 1_000_000, magnitude % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_and_bounded() {
        assert_eq!(Money::from_units(0.1).unwrap().as_micros(), 100_000);
        assert_eq!(Money::from_units(f64::NAN), None);
        assert_eq!(Money::from_units(1e13), None);
        assert_eq!(Money::from_micros(-1_500_000).to_string(), "-1.500000");
        assert_eq!(Money::from_micros(i64::MAX).checked_add(Money::from_micros(1)), None);
    }
}
