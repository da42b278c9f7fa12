//! Columns in as few bytes as their values need.

use attune_kernel::Timestamp;

/// Codes by row, in one, two or four bytes each.
#[derive(Debug, Clone)]
pub enum Codes {
    /// Fewer than 256 of them.
    Byte(Vec<u8>),
    /// Fewer than 65,536 of them.
    Short(Vec<u16>),
    /// More.
    Wide(Vec<u32>),
}

impl Default for Codes {
    fn default() -> Self {
        Self::Byte(Vec::new())
    }
}

impl Codes {
    /// Packs codes below `count`.
    pub(super) fn pack(codes: Vec<u32>, count: usize) -> Self {
        if count < 1 << 8 {
            Self::Byte(codes.iter().map(|code| *code as u8).collect())
        } else if count < 1 << 16 {
            Self::Short(codes.iter().map(|code| *code as u16).collect())
        } else {
            Self::Wide(codes)
        }
    }

    /// The code in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::Byte(codes) => u32::from(codes[row]),
            Self::Short(codes) => u32::from(codes[row]),
            Self::Wide(codes) => codes[row],
        }
    }
}

/// Times by row: ticks of one unit since the earliest, in four bytes where they fit.
#[derive(Debug, Clone)]
pub struct Times {
    base: i64,
    /// Microseconds in a tick: 1, 1,000 or 1,000,000, the most that names every time exactly.
    unit: i64,
    ticks: Ticks,
}

/// Ticks by row.
#[derive(Debug, Clone)]
pub enum Ticks {
    /// All of them fit.
    Narrow(Vec<u32>),
    /// Some do not.
    Wide(Vec<i64>),
}

impl Default for Times {
    fn default() -> Self {
        Self { base: 0, unit: 1, ticks: Ticks::Narrow(Vec::new()) }
    }
}

impl Times {
    /// Packs microseconds since the epoch. Times more than 292,000 years apart are not told apart.
    pub(super) fn pack(mut micros: Vec<i64>) -> Self {
        let base = micros.iter().copied().min().unwrap_or_default();
        let mut widest = 0;
        let (mut seconds, mut millis) = (true, true);
        for value in &mut micros {
            *value = value.saturating_sub(base);
            widest = widest.max(*value);
            millis &= *value % 1000 == 0;
        }
        if millis {
            seconds = micros.iter().all(|value| value % 1_000_000 == 0);
        }
        let unit = if !millis {
            1
        } else if seconds {
            1_000_000
        } else {
            1000
        };
        let ticks = if widest / unit < i64::from(u32::MAX) {
            Ticks::Narrow(micros.iter().map(|value| (value / unit) as u32).collect())
        } else {
            Ticks::Wide(micros.iter().map(|value| value / unit).collect())
        };
        Self { base, unit, ticks }
    }

    /// The ticks.
    #[must_use]
    pub fn ticks(&self) -> &Ticks {
        &self.ticks
    }

    /// The time in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Timestamp {
        Timestamp::from_micros(self.base.saturating_add(self.tick(row).saturating_mul(self.unit)))
    }

    /// The time in a row in ticks since the earliest.
    #[must_use]
    pub fn tick(&self, row: usize) -> i64 {
        match &self.ticks {
            Ticks::Narrow(ticks) => i64::from(ticks[row]),
            Ticks::Wide(ticks) => ticks[row],
        }
    }

    /// The most whole ticks within a duration: two times are at most the duration apart exactly when their ticks are at
    /// most so many apart.
    #[must_use]
    pub fn whole_ticks(&self, duration: std::time::Duration) -> u64 {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        (micros / self.unit).unsigned_abs()
    }

    /// Ticks as seconds.
    #[must_use]
    pub fn seconds(&self, ticks: f64) -> f64 {
        // Multiplied first: the number of microseconds is exact, and a whole number of seconds stays one.
        ticks * self.unit as f64 / 1e6
    }
}

/// A code in a column.
pub(crate) trait Code: Copy + Eq + Send + Sync {
    /// As an index.
    fn index(self) -> usize;
}

impl Code for u8 {
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Code for u16 {
    fn index(self) -> usize {
        usize::from(self)
    }
}

impl Code for u32 {
    fn index(self) -> usize {
        self as usize
    }
}

/// A time in a column.
pub(crate) trait Tick: Copy + Ord + Send + Sync {
    /// As a number, never below 0.
    fn get(self) -> i64;

    /// Ticks since an earlier one.
    fn since(self, earlier: Self) -> u64 {
        self.get().wrapping_sub(earlier.get()) as u64
    }
}

impl Tick for u32 {
    fn get(self) -> i64 {
        i64::from(self)
    }
}

impl Tick for i64 {
    fn get(self) -> i64 {
        self
    }
}

/// Runs a body with the columns of codes and ticks as slices of their own types: one copy of the body for each width.
macro_rules! with_columns {
    ($log:expr, |$codes:ident, $ticks:ident| $body:expr) => {
        match ($log.codes(), $log.times().ticks()) {
            ($crate::log::Codes::Byte($codes), $crate::log::Ticks::Narrow($ticks)) => $body,
            ($crate::log::Codes::Byte($codes), $crate::log::Ticks::Wide($ticks)) => $body,
            ($crate::log::Codes::Short($codes), $crate::log::Ticks::Narrow($ticks)) => $body,
            ($crate::log::Codes::Short($codes), $crate::log::Ticks::Wide($ticks)) => $body,
            ($crate::log::Codes::Wide($codes), $crate::log::Ticks::Narrow($ticks)) => $body,
            ($crate::log::Codes::Wide($codes), $crate::log::Ticks::Wide($ticks)) => $body,
        }
    };
}

/// Runs a body with the column of codes as a slice of its own type.
macro_rules! with_codes {
    ($log:expr, |$codes:ident| $body:expr) => {
        match $log.codes() {
            $crate::log::Codes::Byte($codes) => $body,
            $crate::log::Codes::Short($codes) => $body,
            $crate::log::Codes::Wide($codes) => $body,
        }
    };
}

/// Runs a body with the column of ticks as a slice of its own type.
macro_rules! with_ticks {
    ($log:expr, |$ticks:ident| $body:expr) => {
        match $log.times().ticks() {
            $crate::log::Ticks::Narrow($ticks) => $body,
            $crate::log::Ticks::Wide($ticks) => $body,
        }
    };
}

pub(crate) use {with_codes, with_columns, with_ticks};

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(micros: &[i64]) -> (i64, bool, Vec<i64>) {
        let times = Times::pack(micros.to_vec());
        let back = (0..micros.len()).map(|row| times.get(row).as_micros()).collect();
        (times.unit, matches!(times.ticks, Ticks::Narrow(_)), back)
    }

    #[test]
    fn times_are_exact_in_the_largest_unit_that_names_them() {
        for (micros, unit, narrow) in [
            (vec![5_000_000, -3_000_000, 1_700_000_000_000_000], 1_000_000, true),
            (vec![5_500_500, 7_500_500], 1_000_000, true),
            (vec![1000, 5000], 1000, true),
            (vec![1, 5000], 1, true),
            (vec![0, 1, 1 << 40], 1, false),
            (vec![0, 1000, 1_700_000_000_000_000], 1000, false),
            (vec![], 1_000_000, true),
        ] {
            assert_eq!(packed(&micros), (unit, narrow, micros.clone()), "{micros:?}");
        }
        assert_eq!(packed(&[i64::MIN, i64::MAX]).2.len(), 2, "what cannot be held exactly does not overflow");
    }

    #[test]
    fn codes_take_the_bytes_they_need() {
        assert!(matches!(Codes::pack(vec![254], 255), Codes::Byte(_)));
        assert!(matches!(Codes::pack(vec![255], 256), Codes::Short(_)));
        assert!(matches!(Codes::pack(vec![70_000], 70_001), Codes::Wide(_)));
        assert_eq!(Codes::pack(vec![3, 300], 301).get(1), 300);
    }
}
