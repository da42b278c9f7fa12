//! Words of Korean and Chinese syllables in Latin letters, in any romanisation.

use super::{consonant, glide, vowel};

const fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'w')
}

/// Whether a word in Latin letters could be of one to three Korean or Chinese syllables in some romanisation.
pub(super) fn is_eastern(letters: &[u8]) -> bool {
    syllables(letters).is_some_and(|count| count <= 3)
}

/// Whether a word could be one of these syllables.
pub(super) fn is_syllable(letters: &[u8]) -> bool {
    syllables(letters) == Some(1)
}

/// How many syllables a word has that could be of Korean or Chinese.
fn syllables(letters: &[u8]) -> Option<usize> {
    let (mut at, mut syllables) = (0, 0);
    while at < letters.len() {
        let run = letters[at..].iter().take_while(|letter| is_vowel(**letter) == is_vowel(letters[at])).count();
        let part = &letters[at..at + run];
        let (first, last) = (at == 0, at + run == letters.len());
        if is_vowel(letters[at]) {
            syllables += 1;
            if run > 4 {
                return None;
            }
        } else if !fits(part, first, last) {
            return None;
        }
        at += run;
    }
    (syllables > 0 || letters == b"ng").then_some(syllables)
}

fn fits(part: &[u8], first: bool, last: bool) -> bool {
    match (first, last) {
        (true, _) => begins(part),
        (_, true) => ends(part) || matches!(part, b"r" | b"rk" | b"ck"),
        _ => begins(part) || (1..part.len()).any(|cut| ends(&part[..cut]) && begins(&part[cut..])),
    }
}

fn begins(part: &[u8]) -> bool {
    matches!(
        part,
        b"b" | b"p"
            | b"m"
            | b"f"
            | b"d"
            | b"t"
            | b"n"
            | b"l"
            | b"r"
            | b"g"
            | b"k"
            | b"h"
            | b"j"
            | b"c"
            | b"z"
            | b"q"
            | b"s"
            | b"x"
            | b"ph"
            | b"pp"
            | b"bb"
            | b"tt"
            | b"dd"
            | b"kk"
            | b"gg"
            | b"kh"
            | b"jj"
            | b"ch"
            | b"zh"
            | b"ss"
            | b"sh"
            | b"hs"
            | b"ts"
            | b"tz"
            | b"th"
            | b"rh"
            | b"mm"
            | b"nn"
            | b"ll"
            | b"rr"
    )
}

fn ends(part: &[u8]) -> bool {
    matches!(
        part,
        b"n" | b"ng"
            | b"m"
            | b"k"
            | b"g"
            | b"l"
            | b"p"
            | b"b"
            | b"t"
            | b"h"
            | b"hn"
            | b"hm"
            | b"hl"
            | b"hng"
            | b"hk"
            | b"hb"
            | b"hp"
            | b"ll"
    )
}

/// A word of Korean or Chinese syllables in Latin letters.
pub(super) fn eastern(letters: &[u8], out: &mut Vec<u8>) {
    let at = |place: usize| letters.get(place).copied().unwrap_or(0);
    // Two syllables whose spelling by Wade and Giles is unlike any other.
    let letters = match letters {
        b"tzu" | b"tsz" => b"zi".as_slice(),
        b"ssu" | b"szu" | b"sze" => b"si",
        other => other,
    };
    let soft = matches!(
        letters,
        b"cai" | b"cao" | b"can" | b"cang" | b"cong" | b"cui" | b"cun" | b"cuo" | b"cou" | b"cuan" | b"cu"
    );
    let mut place = 0;
    while place < letters.len() {
        let (one, two, three) = (letters[place], at(place + 1), at(place + 2));
        let used = match (one, two) {
            (b't', b'h') => {
                consonant(b't', out);
                2
            }
            (b'c', b'h') | (b'z', b'h') | (b't', b's' | b'z') => {
                consonant(b'c', out);
                2
            }
            (b's', b'h') | (b'h', b's') => {
                consonant(b's', out);
                2
            }
            (b'c', b'k') | (b'k' | b'g', b'h') if !is_vowel(three) || one != b'k' && one != b'g' || place == 0 => {
                consonant(b'k', out);
                2
            }
            (b'p', b'h') if place == 0 => {
                consonant(b'p', out);
                2
            }
            (b'n', b'g') => {
                consonant(b'g', out);
                2
            }
            (b'r', b'h') => {
                consonant(b'l', out);
                2
            }
            (b'h', _) => {
                if is_vowel(two) {
                    consonant(b'h', out);
                }
                1
            }
            (b'r', _) => {
                if is_vowel(two) || two == b'r' {
                    consonant(b'l', out);
                }
                1
            }
            (b'e', b'e') => {
                vowel(b'i', out);
                2
            }
            (b'e', b'o' | b'u') => {
                after_glide(b'u', out);
                2
            }
            (b'i' | b'y', b'e') if three == b'n' && at(place + 3) != b'g' => {
                vowel(b'i', out);
                vowel(b'a', out);
                2
            }
            (b'u', b'e') if three == b'i' => {
                vowel(b'i', out);
                3
            }
            // ü and ö by another writing, unless the vowels of Yue and Choe.
            (b'u', b'e')
                if place > 0 && !matches!(letters[place - 1], b'j' | b'q' | b'x' | b'y' | b'l' | b'n' | b's') =>
            {
                vowel(b'u', out);
                2
            }
            (b'o', b'i') => {
                vowel(b'u', out);
                vowel(b'e', out);
                2
            }
            (b'y', _) => {
                if is_vowel(two) && two != b'i' && two != b'y' {
                    glide(b'y', out);
                } else {
                    vowel(b'i', out);
                }
                if two == b'i' { 2 } else { 1 }
            }
            (b'w', _) => {
                if two == b'u' || two == b'o' && three == b'o' || !is_vowel(two) {
                    if !is_vowel(two) {
                        vowel(b'u', out);
                    }
                } else {
                    glide(b'w', out);
                }
                1
            }
            (b'a' | b'e' | b'i', _) => {
                after_glide(one, out);
                1
            }
            (b'o' | b'u', _) => {
                after_glide(b'u', out);
                1
            }
            (b'c', b'a' | b'o' | b'u') if !soft => {
                consonant(b'k', out);
                1
            }
            (b'j' | b'c' | b'z' | b'q', _) => {
                consonant(b'c', out);
                1
            }
            (b's' | b'x', _) => {
                consonant(b's', out);
                1
            }
            (b'b' | b'p', _) => {
                consonant(b'p', out);
                1
            }
            (b'd' | b't', _) => {
                consonant(b't', out);
                1
            }
            (b'g' | b'k', _) => {
                consonant(b'k', out);
                1
            }
            (b'm' | b'n' | b'l' | b'f', _) => {
                consonant(one, out);
                1
            }
            (digit, _) => {
                out.push(digit);
                1
            }
        };
        place += used;
    }
}

/// A vowel, which does not merge with a glide.
fn after_glide(class: u8, out: &mut Vec<u8>) {
    if matches!(out.last(), Some(b'y' | b'w')) {
        out.push(class);
    } else {
        vowel(class, out);
    }
}
