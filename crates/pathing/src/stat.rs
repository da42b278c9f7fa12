//! Medians.

/// The median of durations in microseconds, in seconds; the mean of the two middle ones when their number is even.
/// Absent when there are none. Reorders its input.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "microseconds of any plausible duration lie far below 2^53")]
pub fn median_seconds(micros: &mut [i64]) -> Option<f64> {
    if micros.is_empty() {
        return None;
    }
    let middle = micros.len() / 2;
    let odd = micros.len() % 2 == 1;
    let (below, upper, _) = micros.select_nth_unstable(middle);
    let upper = *upper;
    let lower = if odd { upper } else { below.iter().copied().max().unwrap_or(upper) };
    Some((lower as f64 + upper as f64) / 2.0 / 1e6)
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
}
