//! Rows that are learned from and rows that are kept aside.

use crate::random::Random;

/// Deals rows into `count` folds of equal size and equal shares of the label; answers each row's fold.
#[must_use]
pub fn deal(labels: &[bool], count: usize, seed: u64) -> Vec<u16> {
    let mut folds = vec![0; labels.len()];
    let mut random = Random::new(seed, 0xf01d);
    let mut next = 0;
    for wanted in [true, false] {
        let mut rows: Vec<usize> = (0..labels.len()).filter(|row| labels[*row] == wanted).collect();
        random.shuffle(&mut rows);
        for row in rows {
            folds[row] = (next % count.max(1)) as u16;
            next += 1;
        }
    }
    folds
}

/// Keeps a share of the rows of each label aside; answers the rows that are learned from and those kept aside.
#[must_use]
pub fn split(labels: &[bool], share: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut random = Random::new(seed, 0x5b11);
    let (mut learned, mut aside) = (Vec::new(), Vec::new());
    for wanted in [true, false] {
        let mut rows: Vec<u32> = (0..labels.len() as u32).filter(|row| labels[*row as usize] == wanted).collect();
        random.shuffle(&mut rows);
        let kept = (rows.len() as f64 * share).round() as usize;
        aside.extend_from_slice(&rows[..kept.min(rows.len())]);
        learned.extend_from_slice(&rows[kept.min(rows.len())..]);
    }
    learned.sort_unstable();
    aside.sort_unstable();
    (learned, aside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{deal, split};

    proptest! {
        #[test]
        fn folds_and_labels_are_even(labels in proptest::collection::vec(any::<bool>(), 1..300), count in 2usize..8, seed in any::<u64>()) {
            let folds = deal(&labels, count, seed);
            for wanted in [None, Some(true), Some(false)] {
                let sizes: Vec<usize> = (0..count)
                    .map(|fold| (0..labels.len()).filter(|row| usize::from(folds[*row]) == fold && wanted.is_none_or(|wanted| labels[*row] == wanted)).count())
                    .collect();
                let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
                prop_assert!(most - least <= 1, "{:?}", sizes);
            }
            prop_assert_eq!(folds, deal(&labels, count, seed));
        }

        #[test]
        fn every_row_is_on_one_side(labels in proptest::collection::vec(any::<bool>(), 1..300), share in 0.0f64..1.0, seed in any::<u64>()) {
            let (mut learned, aside) = split(&labels, share, seed);
            let expected = labels.len() as f64 * share;
            prop_assert!((aside.len() as f64 - expected).abs() <= 1.0);
            learned.extend(aside);
            learned.sort_unstable();
            prop_assert_eq!(learned, (0..labels.len() as u32).collect::<Vec<_>>());
        }
    }
}
