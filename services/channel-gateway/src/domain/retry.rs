//! When to try again: exponential backoff with full jitter, the jitter given as an argument.
//!
//! Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 (the "full jitter" variant).

use std::time::Duration;

/// How long to wait before attempt `attempt + 1`, given a uniform draw in `[0, 1)`.
///
/// The cap of the wait doubles with every attempt from `base` up to `max`; at least a tenth of it is always waited, so
/// that a draw near zero does not hammer a provider that just failed.
#[must_use]
pub fn backoff(attempt: u32, base: Duration, max: Duration, draw: f64) -> Duration {
    let doubled = base.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(31)));
    let cap = doubled.min(max);
    cap.mul_f64(0.1 + 0.9 * draw.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_within_the_cap() {
        let (base, max) = (Duration::from_secs(1), Duration::from_secs(60));
        assert_eq!(backoff(1, base, max, 1.0), base);
        assert_eq!(backoff(3, base, max, 1.0), Duration::from_secs(4));
        assert_eq!(backoff(u32::MAX, base, max, 1.0), max);
        assert_eq!(backoff(1, base, max, 0.0), Duration::from_millis(100));
    }
}
