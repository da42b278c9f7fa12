//! How well predictions rank.

use serde::{Deserialize, Serialize};

/// The area under the curve of true against false positives, and its interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Auc {
    /// The chance that a row of the label has a higher score than one without.
    pub value: f64,
    /// The standard error (DeLong, DeLong, Clarke-Pearson 1988).
    pub error: f64,
    /// The interval that holds the true value 95 times in 100, within [0, 1].
    pub interval: (f64, f64),
}

/// The area of scores by their labels; nothing when labels are all alike. Placements come from mid-ranks in the time of a
/// sort (Sun and Xu 2014).
#[must_use]
pub fn auc(scores: &[f64], labels: &[bool]) -> Option<Auc> {
    let of = |wanted: bool| -> Vec<f64> {
        scores.iter().zip(labels).filter(|one| *one.1 == wanted).map(|one| *one.0).collect()
    };
    let (mut yes, mut no) = (of(true), of(false));
    if yes.is_empty() || no.is_empty() {
        return None;
    }
    yes.sort_unstable_by(f64::total_cmp);
    no.sort_unstable_by(f64::total_cmp);
    let (of_yes, of_no) = (placements(&yes, &no), placements(&no, &yes));
    let value = of_yes.iter().sum::<f64>() / of_yes.len() as f64;
    let spread = |placements: &[f64], mean: f64| {
        let count = placements.len() as f64;
        placements.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0) / count
    };
    let error = (spread(&of_yes, value) + spread(&of_no, 1.0 - value)).sqrt();
    let reach = 1.959_963_984_540_054 * error;
    Some(Auc { value, error, interval: ((value - reach).max(0.0), (value + reach).min(1.0)) })
}

/// For each of these the share of the others that are below it, equals counting half. Both are in order.
fn placements(these: &[f64], others: &[f64]) -> Vec<f64> {
    let (mut below, mut not_above) = (0, 0);
    let each = these.iter().map(|score| {
        while below < others.len() && others[below] < *score {
            below += 1;
        }
        while not_above < others.len() && others[not_above] <= *score {
            not_above += 1;
        }
        (below + not_above) as f64 / 2.0 / others.len() as f64
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::auc;
    use crate::random::Random;

    proptest! {
        #[test]
        fn the_area_is_the_share_of_pairs_in_order(rows in proptest::collection::vec((0u8..20, any::<bool>()), 2..80)) {
            let (scores, labels): (Vec<f64>, Vec<bool>) = rows.iter().map(|(score, label)| (f64::from(*score), *label)).unzip();
            let (mut right, mut pairs) = (0.0, 0.0);
            for (one, yes) in rows.iter().filter(|row| row.1) {
                for (other, _) in rows.iter().filter(|row| !row.1) {
                    right += if one > other { 1.0 } else if one == other { 0.5 } else { 0.0 };
                    pairs += f64::from(u8::from(*yes));
                }
            }
            match auc(&scores, &labels) {
                None => prop_assert_eq!(pairs, 0.0),
                Some(found) => {
                    prop_assert!((found.value - right / pairs).abs() < 1e-12);
                    prop_assert!(found.interval.0 >= 0.0 && found.interval.1 <= 1.0);
                }
            }
        }
    }

    #[test]
    fn the_error_is_how_much_the_area_varies() {
        let mut random = Random::new(5, 1);
        let drawn: Vec<(f64, f64)> = (0..400)
            .map(|_| {
                let labels: Vec<bool> = (0..400).map(|_| random.unit() < 0.3).collect();
                let scores: Vec<f64> =
                    labels.iter().map(|label| random.unit() + if *label { 0.3 } else { 0.0 }).collect();
                let found = auc(&scores, &labels).unwrap();
                (found.value, found.error)
            })
            .collect();
        let mean = drawn.iter().map(|one| one.0).sum::<f64>() / 400.0;
        let spread = (drawn.iter().map(|one| (one.0 - mean).powi(2)).sum::<f64>() / 399.0).sqrt();
        let told = drawn.iter().map(|one| one.1).sum::<f64>() / 400.0;
        assert!((told / spread - 1.0).abs() < 0.15, "{told} {spread}");
    }
}
