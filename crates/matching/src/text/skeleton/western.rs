//! Words of other languages in Latin letters.

use super::western_consonant;

/// Any other word in Latin letters.
pub(super) fn western(letters: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let at = |place: usize| letters.get(place).copied().unwrap_or(0);
    let vowel = |letter: u8| matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
    let mut first_vowel = true;
    let mut place = match letters {
        [b'k' | b'g' | b'p', b'n', ..] | [b'w', b'r', ..] | [b'p', b's', ..] => 1,
        _ => 0,
    };
    let begins = place;
    while place < letters.len() {
        let (one, two) = (letters[place], at(place + 1));
        let (class, used): (&[u8], usize) = match (one, two) {
            (b'y', _) if place == begins && vowel(two) => (b"y", 1),
            (b'a' | b'e' | b'i' | b'o' | b'u' | b'y', _) => {
                if first_vowel {
                    let class = match (one, two) {
                        (b'e', b'e') | (b'i' | b'y', _) => b'i',
                        (b'a' | b'e', b'u' | b'o') if one == b'e' => b'u',
                        (b'a' | b'e', _) => b'a',
                        _ => b'u',
                    };
                    out.push(class);
                    first_vowel = false;
                }
                (b"", 1)
            }
            (b's', b'c') if at(place + 2) == b'h' => (b"s", 3),
            (b't', b'c') if at(place + 2) == b'h' => (b"c", 3),
            (b'c', b'h') => (b"c", 2),
            (b's', b'h') | (b's', b'z') => (b"s", 2),
            (b'p', b'h') => (b"p", 2),
            (b't', b'h') => (if place + 2 == letters.len() { b"s" } else { b"t" }, 2),
            (b'c', b'k') | (b'g', b'h') if two == b'k' || vowel(at(place + 2)) => (b"k", 2),
            (b'g', b'h') => (b"", 2),
            (b'd', b'g') if at(place + 2) == b'e' => (b"c", 2),
            (b'g', b'e') if place + 2 == letters.len() => (b"c", 2),
            (b'c', b'e' | b'i' | b'y') => (b"s", 1),
            (b'c' | b'k' | b'q' | b'g', _) => (b"k", 1),
            (b'x', _) if place == begins => (b"s", 1),
            (b'x', _) => (b"ks", 1),
            (b'j', _) => (b"c", 1),
            (b's' | b'z', _) => (b"s", 1),
            (b'b' | b'p' | b'v' | b'f', _) => (b"p", 1),
            (b'd' | b't', _) => (b"t", 1),
            (b'r', _) if place > begins && !vowel(two) && two != b'r' && vowel(letters[place - 1]) => (b"", 1),
            (b'l' | b'r', _) => (b"l", 1),
            (b'm', _) => (b"m", 1),
            (b'n', _) => (b"n", 1),
            (b'h', _) if place == begins => (b"h", 1),
            (b'w', _) if place == begins => (b"w", 1),
            (b'h' | b'w', _) => (b"", 1),
            _ => (&letters[place..=place], 1),
        };
        for class in class {
            western_consonant(*class, start, out);
        }
        place += used;
    }
}
