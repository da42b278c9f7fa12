//! Texts of several words.

use super::{damerau_levenshtein, jaro_winkler};

/// Words of a text that are looked at.
const WORDS: usize = 16;

/// How alike two texts are, word by word in any order, from 0 to 1: each word with the most alike one of the other text
/// (Monge and Elkan 1996), weighted by its length; the lesser of both directions, so that words that only one has count.
/// A single letter that a longer word begins with stands for it at 0.9.
pub fn token_set(a: &[u8], b: &[u8]) -> f32 {
    let (mut left, mut right) = ([&a[..0]; WORDS], [&b[..0]; WORDS]);
    let (left, right) = (split(a, &mut left), split(b, &mut right));
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let (mut forth, mut back) = ([0_f32; WORDS], [0_f32; WORDS]);
    for (i, word) in left.iter().enumerate() {
        for (j, other) in right.iter().enumerate() {
            // What cannot better either side need not be known.
            if forth[i] >= 1.0 && back[j] >= 1.0 {
                continue;
            }
            let alike = one(word, other);
            forth[i] = forth[i].max(alike);
            back[j] = back[j].max(alike);
        }
    }
    mean(left, &forth).min(mean(right, &back))
}

fn one(a: &[u8], b: &[u8]) -> f32 {
    match (a, b) {
        ([x], [y, ..]) | ([y, ..], [x]) if a.len() != b.len() => {
            if x == y {
                0.9
            } else {
                0.0
            }
        }
        // Numbers are the same or not: 12 is no neighbour of 112.
        _ if a[0].is_ascii_digit() && b[0].is_ascii_digit() => {
            if a == b {
                1.0
            } else if a.len().min(b.len()) >= 5 && damerau_levenshtein(a, b, 1) <= 1 {
                0.85
            } else {
                0.0
            }
        }
        _ => jaro_winkler(a, b),
    }
}

fn mean(words: &[&[u8]], best: &[f32]) -> f32 {
    let (sum, weight) = words.iter().zip(best).fold((0.0, 0.0), |(sum, weight), (word, best)| {
        let len = word.len() as f32;
        (sum + len * best, weight + len)
    });
    sum / weight
}

/// The words of a text; what exceeds the room is left out.
fn split<'a, 'b>(text: &'a [u8], room: &'b mut [&'a [u8]; WORDS]) -> &'b [&'a [u8]] {
    let mut count = 0;
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).take(WORDS) {
        room[count] = word;
        count += 1;
    }
    &room[..count]
}

/// How many runs of `q` bytes (2 or 3) two texts have in common, from 0 to 1 (Dice 1945 over multisets). Texts shorter than
/// `q` have their whole as one run.
pub fn qgram_dice(a: &[u8], b: &[u8], q: usize) -> f32 {
    let (mut left, mut right) = ([0_u32; super::LONGEST], [0_u32; super::LONGEST]);
    let (left, right) = (grams(a, q, &mut left), grams(b, q, &mut right));
    if left.is_empty() || right.is_empty() {
        return 0.0;
    }
    let (mut i, mut j, mut common) = (0, 0, 0_u32);
    while i < left.len() && j < right.len() {
        match left[i].cmp(&right[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
            }
        }
    }
    2.0 * common as f32 / (left.len() + right.len()) as f32
}

fn grams<'a>(text: &[u8], q: usize, room: &'a mut [u32; super::LONGEST]) -> &'a [u32] {
    let q = q.clamp(1, 3);
    let number = |run: &[u8]| run.iter().fold(1, |number, byte| number << 8 | u32::from(*byte));
    if text.is_empty() {
        return &[];
    }
    let mut count = 0;
    if text.len() < q {
        room[0] = number(text);
        count = 1;
    }
    for run in text.windows(q).take(super::LONGEST) {
        room[count] = number(run);
        count += 1;
    }
    room[..count].sort_unstable();
    &room[..count]
}

#[cfg(test)]
mod tests {
    use super::super::reference;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn order_does_not_matter_and_extra_words_do() {
        assert_eq!(token_set(b"kim minsu", b"minsu kim"), 1.0);
        assert!(token_set(b"12 main street", b"12 main") < 0.8);
        assert!(token_set(b"12 main street", b"14 main street") < 0.9);
        assert!(token_set(b"j smith", b"john smith") > 0.9);
        assert_eq!(token_set(b"", b"a"), 0.0);
    }

    proptest! {
        #[test]
        fn runs_as_counted(a in "[a-c]{0,12}", b in "[a-c]{0,12}", q in 1_usize..4) {
            let found = qgram_dice(a.as_bytes(), b.as_bytes(), q);
            prop_assert!((found - reference::dice(&a, &b, q)).abs() < 1e-6);
        }

        #[test]
        fn words_in_any_order(mut words in prop::collection::vec("[a-z]{2,6}", 1..6)) {
            let one = words.join(" ");
            words.reverse();
            prop_assert!(token_set(one.as_bytes(), words.join(" ").as_bytes()) > 0.999_99);
        }

        #[test]
        fn both_ways_alike(a in "[ab1 가]{0,12}", b in "[ab1 가]{0,12}") {
            let (one, other) = (token_set(a.as_bytes(), b.as_bytes()), token_set(b.as_bytes(), a.as_bytes()));
            prop_assert!((one - other).abs() < 1e-6 && (0.0..=1.000_01).contains(&one));
        }
    }
}
