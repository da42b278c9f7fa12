//! Medians and means.

/// The median; the mean of the two middle ones when their number is even. Absent when there are none. Reorders its
/// input.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "microseconds of any plausible duration lie far below 2^53")]
pub fn median(values: &mut [i64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, upper, _) = values.select_nth_unstable(middle);
    let upper = *upper;
    let lower = if odd { upper } else { below.iter().copied().max().unwrap_or(upper) };
    Some((lower as f64 + upper as f64) / 2.0)
}

/// The median of durations in microseconds, in seconds. Absent when there are none. Reorders its input.
#[must_use]
pub fn median_seconds(micros: &mut [i64]) -> Option<f64> {
    Some(median(micros)? / 1e6)
}

/// The mean; 0 when there are none.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "sums of plausible durations are exact enough for a mean")]
pub fn mean(values: &[i64]) -> f64 {
    let sum: i128 = values.iter().map(|value| i128::from(*value)).sum();
    if values.is_empty() { 0.0 } else { sum as f64 / values.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle_two() {
        assert_eq!(median_seconds(&mut []), None);
        assert_eq!(median_seconds(&mut [3_000_000]), Some(3.0));
        assert_eq!(median_seconds(&mut [9_000_000, 1_000_000, 2_000_000]), Some(2.0));
        assert_eq!(median_seconds(&mut [4_000_000, 1_000_000, 2_000_000, 9_000_000]), Some(3.0));
    }

    #[test]
    fn the_mean_does_not_overflow() {
        assert!((mean(&[i64::MAX, i64::MAX]) - i64::MAX as f64).abs() < 1.0);
        assert_eq!(mean(&[]).to_bits(), 0f64.to_bits());
    }
}
