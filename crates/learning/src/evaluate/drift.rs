//! How far two samples are apart.

use serde::Serialize;

/// A share that is not seen counts as half a row, so that one new value is no infinite drift.
const HALF: f64 = 0.5;

/// The population stability index of two counts over the same bins: the sum of (p - q) ln(p / q). By custom below 0.1 is
/// none, above 0.25 is much. Nothing when one of them is empty or they have different bins.
#[must_use]
pub fn stability(before: &[u64], now: &[u64]) -> Option<f64> {
    let total = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (of_before, of_now) = (total(before), total(now));
    if before.len() != now.len() || of_before == 0.0 || of_now == 0.0 {
        return None;
    }
    let each = before.iter().zip(now).filter(|(one, other)| **one + **other > 0).map(|(one, other)| {
        let (p, q) = ((*one as f64).max(HALF) / of_before, (*other as f64).max(HALF) / of_now);
        (p - q) * (p / q).ln()
    });
    Some(each.sum())
}

/// The drift of a column or of the scores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// What drifted.
    pub name: String,
    /// Its population stability index.
    pub stability: f64,
}

#[cfg(test)]
mod tests {
    use super::stability;

    #[test]
    fn equal_shares_do_not_drift_and_moved_ones_do() {
        assert_eq!(stability(&[10, 20, 30], &[100, 200, 300]), Some(0.0));
        let moved = stability(&[50, 50], &[60, 40]).unwrap();
        let expected = 0.1 * (0.6f64 / 0.5).ln() - 0.1 * (0.4f64 / 0.5).ln();
        assert!((moved - expected).abs() < 1e-12);
        let back = stability(&[60, 40], &[50, 50]).unwrap();
        assert!((moved - back).abs() < 1e-12);
        assert!(stability(&[100, 0], &[0, 100]).unwrap() > 1.0);
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        assert_eq!(stability(&[1], &[1, 2]), None);
        assert_eq!(stability(&[0, 0], &[1, 2]), None);
    }
}
