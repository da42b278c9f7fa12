//! Characters in common.

use super::pattern::{Pattern, Unit};
use super::units::by_units;

/// Similarity of Jaro (1989) with the bonus of Winkler (1990) for a common beginning of up to four characters, from 0 to 1.
///
/// Characters of the shorter string are given, in order, the first free place of the longer one within the window; of two
/// strings of the same length the lesser one counts as the shorter, so that the order of the arguments does not matter.
pub fn jaro_winkler(a: &[u8], b: &[u8]) -> f32 {
    if a == b {
        return 1.0;
    }
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    by_units!(a, b, ordered)
}

fn ordered<T: Unit>(a: &[T], b: &[T]) -> f32 {
    let swap = a.len() > b.len() || a.len() == b.len() && a > b;
    let (short, long) = if swap { (b, a) } else { (a, b) };
    let window = (long.len() / 2).saturating_sub(1);
    let (matches, crossed) = if long.len() <= 64 { bits(short, long, window) } else { scan(short, long, window) };
    if matches == 0 {
        return 0.0;
    }
    let m = matches as f32;
    let jaro = (m / short.len() as f32 + m / long.len() as f32 + (m - (crossed / 2) as f32) / m) / 3.0;
    let prefix = short.iter().zip(long).take(4).take_while(|(x, y)| x == y).count() as f32;
    jaro + prefix * 0.1 * (1.0 - jaro)
}

/// Characters in common and how many of them are not in the same order.
fn bits<T: Unit>(short: &[T], long: &[T], window: usize) -> (u32, u32) {
    let places = T::pattern(long);
    let (mut taken, mut used) = (0_u64, 0_u64);
    // The window of the first character; it moves on by one a character.
    let mut reach = if window >= 63 { u64::MAX } else { (1 << (window + 1)) - 1 };
    for (at, unit) in short.iter().enumerate() {
        let free = places.places(*unit) & reach & !taken;
        taken |= free & free.wrapping_neg();
        used |= u64::from(free != 0) << at;
        reach = if at < window { reach << 1 | 1 } else { reach << 1 };
    }
    let matches = used.count_ones();
    let (mut crossed, mut left, mut right) = (0, used, taken);
    while left != 0 {
        crossed += u32::from(short[left.trailing_zeros() as usize] != long[right.trailing_zeros() as usize]);
        left &= left - 1;
        right &= right - 1;
    }
    (matches, crossed)
}

/// The same for strings of more than 64 units.
fn scan<T: Unit>(short: &[T], long: &[T], window: usize) -> (u32, u32) {
    let mut taken = [false; super::LONGEST];
    let mut used = [false; super::LONGEST];
    let mut matches = 0;
    for (at, unit) in short.iter().enumerate() {
        for place in at.saturating_sub(window)..(at + window + 1).min(long.len()) {
            if !taken[place] && long[place] == *unit {
                taken[place] = true;
                used[at] = true;
                matches += 1;
                break;
            }
        }
    }
    let left = short.iter().zip(used).filter(|(_, used)| *used);
    let right = long.iter().zip(taken).filter(|(_, taken)| *taken);
    let crossed = left.zip(right).filter(|(left, right)| left.0 != right.0).count();
    (matches, crossed as u32)
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_values() {
        for (a, b, expected) in [
            ("martha", "marhta", 0.9611),
            ("dwayne", "duane", 0.84),
            ("dixon", "dicksonx", 0.8133),
            ("abc", "xyz", 0.0),
            ("", "a", 0.0),
            ("", "", 1.0),
        ] {
            assert!((jaro_winkler(a.as_bytes(), b.as_bytes()) - expected).abs() < 1e-4, "{a} {b}");
        }
    }

    /// Whether a value is that of the definition: the shorter string in the longer one, or either when as long.
    fn defined(a: &str, b: &str, found: f32) -> bool {
        let len = |text: &str| super::super::units::Units::<256>::of(text.as_bytes()).as_slice().len();
        let same = |a: &str, b: &str| (found - reference::jaro_winkler(a, b)).abs() < 1e-6;
        len(a) <= len(b) && same(a, b) || len(b) <= len(a) && same(b, a)
    }

    proptest! {
        #[test]
        fn as_defined(a in "[a-e가각 小é]{0,20}", b in "[a-e가각 小é]{0,20}") {
            let found = jaro_winkler(a.as_bytes(), b.as_bytes());
            prop_assert!(defined(&a, &b, found));
            prop_assert_eq!(found, jaro_winkler(b.as_bytes(), a.as_bytes()));
        }

        #[test]
        fn as_defined_for_long_strings(a in "[a-e]{50,90}", b in "[a-e]{50,90}") {
            let found = jaro_winkler(a.as_bytes(), b.as_bytes());
            prop_assert!(defined(&a, &b, found));
        }

        #[test]
        fn between_nothing_and_one(a in prop::collection::vec(any::<u8>(), 0..300), b in prop::collection::vec(any::<u8>(), 0..300)) {
            let found = jaro_winkler(&a, &b);
            prop_assert!((0.0..=1.0).contains(&found));
        }
    }
}
