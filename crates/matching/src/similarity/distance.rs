//! Slips between two strings.

use super::pattern::{Pattern, Unit};
use super::units::by_units;

/// How many slips (a character more, less or another, or two neighbours swapped) make one string out of the other, no part
/// being changed twice: optimal string alignment (Damerau 1964). `max + 1` when there are more than `max`.
///
/// Bit-parallel over 64 units (Hyyrö 2003, "A bit-vector algorithm for computing Levenshtein and Damerau edit distances").
pub fn damerau_levenshtein(a: &[u8], b: &[u8], max: u32) -> u32 {
    by_units!(a, b, bounded, max)
}

fn bounded<T: Unit>(a: &[T], b: &[T], max: u32) -> u32 {
    let beyond = max.saturating_add(1);
    if a.len().abs_diff(b.len()) > max as usize {
        return beyond;
    }
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - tail], &b[..b.len() - tail]);
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let least = (long.len() - short.len()) as u32;
    let distance = match (short.len(), max) {
        (0, _) => long.len() as u32,
        // What is left begins and ends with different characters.
        (_, 0) => 1,
        (_, 1) => {
            let swapped = short.len() == 2 && least == 0 && short[0] == long[1] && short[1] == long[0];
            if swapped || long.len() == 1 { 1 } else { 2 }
        }
        (1..=64, _) => bits(short, long, max),
        _ => rows(short, long, max),
    };
    distance.min(beyond)
}

fn bits<T: Unit>(pattern: &[T], text: &[T], max: u32) -> u32 {
    let places = T::pattern(pattern);
    let last = 1 << (pattern.len() - 1);
    let mut distance = pattern.len() as u32;
    let (mut up, mut down) = (u64::MAX, 0_u64);
    let (mut diagonal, mut before) = (0_u64, 0_u64);
    let mut left = text.len() as u32;
    for unit in text {
        let here = places.places(*unit);
        let swapped = ((!diagonal & here) << 1) & before;
        diagonal = ((here & up).wrapping_add(up) ^ up) | here | down | swapped;
        let more = down | !(diagonal | up);
        let less = diagonal & up;
        distance += u32::from(more & last != 0);
        distance -= u32::from(less & last != 0);
        left -= 1;
        // Each further character takes back one at most.
        if distance > max.saturating_add(left) {
            return max + 1;
        }
        let more = more << 1 | 1;
        up = less << 1 | !(diagonal | more);
        down = more & diagonal;
        before = here;
    }
    distance
}

/// The plain table, for long strings.
fn rows<T: Unit>(a: &[T], b: &[T], max: u32) -> u32 {
    let mut rows = [[0_u32; super::LONGEST + 1]; 3];
    for (at, cell) in rows[0].iter_mut().enumerate() {
        *cell = at as u32;
    }
    for i in 1..=a.len() {
        let (now, before, earlier) = (i % 3, (i + 2) % 3, (i + 1) % 3);
        rows[now][0] = i as u32;
        let mut least = u32::MAX;
        for j in 1..=b.len() {
            let cost = u32::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[before][j] + 1).min(rows[now][j - 1] + 1).min(rows[before][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[earlier][j - 2] + 1);
            }
            rows[now][j] = best;
            least = least.min(best);
        }
        // A swap reaches two rows back and adds one.
        if least > max.saturating_add(1) {
            return max + 1;
        }
    }
    rows[a.len() % 3][b.len()]
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_counted() {
        let distance = |a: &str, b: &str| damerau_levenshtein(a.as_bytes(), b.as_bytes(), 9);
        assert_eq!(distance("martha", "marhta"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("ca", "abc"), 3);
        assert_eq!(distance("민수", "민서"), 1, "one letter of a syllable");
        assert_eq!(distance("小明", "小红"), 3, "another character is no slip");
        assert_eq!(distance("josé", "jose"), 1);
        assert_eq!(damerau_levenshtein(b"abcdef", b"uvwxyz", 2), 3);
        assert_eq!(damerau_levenshtein(b"", b"ab", 1), 2);
    }

    proptest! {
        #[test]
        fn as_the_table(a in "[a-d가각나小]{0,12}", b in "[a-d가각나小]{0,12}", max in 0_u32..6) {
            let expected = reference::distance(&a, &b).min(max + 1);
            prop_assert_eq!(damerau_levenshtein(a.as_bytes(), b.as_bytes(), max), expected);
            prop_assert_eq!(damerau_levenshtein(b.as_bytes(), a.as_bytes(), max), expected);
        }

        #[test]
        fn as_the_table_for_long_strings(a in "[a-c]{40,90}", b in "[a-c]{40,90}", max in 1_u32..60) {
            let expected = reference::distance(&a, &b).min(max + 1);
            prop_assert_eq!(damerau_levenshtein(a.as_bytes(), b.as_bytes(), max), expected);
        }

        #[test]
        fn any_bytes_do(a in prop::collection::vec(any::<u8>(), 0..300), b in prop::collection::vec(any::<u8>(), 0..300)) {
            let distance = damerau_levenshtein(&a, &b, 3);
            prop_assert!(distance <= 4);
            prop_assert_eq!(distance, damerau_levenshtein(&b, &a, 3));
        }
    }
}
