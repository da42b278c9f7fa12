//! What a name sounds like, coarsely: the key that spellings and scripts share.
//!
//! Sounds have classes: `p t k c s f h m n l g` (consonants with and without voice or breath, `g` is the end of "song"),
//! `a e i u` (vowels) and `y w` (glides). A word that could be of Korean or Chinese syllables keeps its vowels ("Min-soo",
//! "민수" and "Minsu" are `minsu`), any other keeps its consonants and the class of its first vowel ("Robert" and "로버트" are
//! `lupt`).

use super::han;
use super::hangul::{EU, FIRST_L, INITIALS, LASTS, SILENT, Syllable, VOWELS};
use super::latin;

/// Appends the key of a folded word. Chinese characters are read as Korean or as Mandarin.
pub(super) fn word(word: &str, korean: bool, out: &mut Vec<u8>) {
    if word.is_ascii() {
        latin_word(word.as_bytes(), out);
        return;
    }
    let (mut hangul, mut foreign) = (0, false);
    for syllable in word.chars().filter_map(Syllable::of) {
        hangul += 1;
        foreign |= syllable.foreign();
    }
    let foreign = foreign || hangul >= 4;
    let foreign_start = out.len();
    let mut first_vowel = true;
    // Letters that are gathered until the script changes.
    let mut letters = [0_u8; 64];
    let mut len = 0;
    for sign in word.chars() {
        let mut one = [0_u8; 4];
        let text = if sign.is_ascii() {
            one[0] = sign as u8;
            std::str::from_utf8(&one[..1]).ok()
        } else {
            latin::sound(sign)
        };
        if let Some(text) = text {
            if len + text.len() <= letters.len() {
                letters[len..len + text.len()].copy_from_slice(text.as_bytes());
                len += text.len();
            }
            continue;
        }
        if len > 0 {
            latin_word(&letters[..len], out);
            len = 0;
        }
        if let Some(syllable) = Syllable::of(sign) {
            if foreign {
                foreign_syllable(syllable, foreign_start, &mut first_vowel, out);
            } else {
                korean_syllable(syllable, out);
            }
        } else if han::is_han(sign) {
            if let Some(syllable) = korean.then(|| han::korean(sign)).flatten().and_then(Syllable::of) {
                korean_syllable(syllable, out);
            } else if let Some(reading) = han::mandarin(sign) {
                mandarin_syllable(reading, out);
            }
        } else {
            out.extend_from_slice(sign.encode_utf8(&mut one).as_bytes());
        }
    }
    if len > 0 {
        latin_word(&letters[..len], out);
    }
}

/// Appends the key of a family name in Hangul, whose first consonant may be lost or kept: 이 and 리, 유 and 류.
pub(super) fn korean_family(sign: char, out: &mut Vec<u8>) {
    let Some(mut syllable) = Syllable::of(sign) else { return };
    match (sign, syllable.initial) {
        ('이' | '리', _) => syllable.initial = FIRST_L,
        ('임' | '림', _) => syllable.initial = FIRST_L,
        // Before i and y it becomes silent, elsewhere n.
        (_, FIRST_L) if matches!(syllable.vowel, 2 | 3 | 6 | 7 | 12 | 17 | 20) => syllable.initial = SILENT,
        (_, FIRST_L) => syllable.initial = 2,
        _ => {}
    }
    korean_syllable(syllable, out);
}

fn mandarin_syllable(reading: &str, out: &mut Vec<u8>) {
    let mut letters = [0_u8; 8];
    let mut len = 0;
    for sign in reading.chars() {
        let letter = if sign.is_ascii() { sign as u8 } else { b'u' };
        if len < letters.len() {
            letters[len] = if letter == b'v' { b'u' } else { letter };
            len += 1;
        }
    }
    eastern(&letters[..len], out);
}

/// Appends a consonant. Doubled ones are one; n before k sounds, and is written, as what ends "song".
fn consonant(class: u8, out: &mut Vec<u8>) {
    match (out.last(), class) {
        (Some(last), _) if *last == class => {}
        (Some(b'n'), b'k') => {
            out.pop();
            out.push(b'g');
        }
        _ => out.push(class),
    }
}

/// Appends a vowel. Neighbours become one sound wherever that is how they are written elsewhere.
fn vowel(class: u8, out: &mut Vec<u8>) {
    match (out.last(), class) {
        (Some(b'a'), b'a') | (Some(b'e'), b'e' | b'i') | (Some(b'i'), b'i') | (Some(b'u'), b'u') => {}
        (Some(b'a'), b'e' | b'i') => replace(b"e", out),
        (Some(b'i'), _) => replace(&[b'y', class], out),
        (Some(b'u'), b'i') => replace(b"i", out),
        (Some(b'u'), _) => replace(&[b'w', class], out),
        _ => out.push(class),
    }
}

fn replace(by: &[u8], out: &mut Vec<u8>) {
    out.pop();
    out.extend_from_slice(by);
}

fn glide(class: u8, out: &mut Vec<u8>) {
    match (out.last(), class) {
        (Some(b'i'), b'y') => replace(b"y", out),
        (Some(last), _) if *last == class => {}
        _ => out.push(class),
    }
}

/// What is written o and what is written u, eo, eu or oo is one class.
fn round(class: u8) -> u8 {
    if class == b'o' { b'u' } else { class }
}

fn korean_syllable(syllable: Syllable, out: &mut Vec<u8>) {
    let initial = INITIALS[syllable.initial as usize];
    if initial != 0 {
        consonant(initial, out);
    }
    let (before, class) = VOWELS[syllable.vowel as usize];
    if before != 0 {
        glide(before, out);
        out.push(round(class));
    } else {
        vowel(round(class), out);
    }
    let last = LASTS[syllable.last as usize];
    if last != 0 {
        consonant(last, out);
    }
}

fn foreign_syllable(syllable: Syllable, start: usize, first_vowel: &mut bool, out: &mut Vec<u8>) {
    let initial = INITIALS[syllable.initial as usize];
    let (before, class) = VOWELS[syllable.vowel as usize];
    let begins = out.len() == start;
    // An r that ends a syllable is often not written.
    let ends_in_r = syllable.initial == FIRST_L && syllable.vowel == EU && syllable.last == 0 && !begins;
    if initial != 0 && !ends_in_r && (initial != b'h' || begins) {
        western_consonant(initial, start, out);
    }
    if begins && initial == 0 && before != 0 {
        out.push(before);
    }
    if *first_vowel && syllable.vowel != EU {
        out.push(if class == b'e' { b'a' } else { round(class) });
        *first_vowel = false;
    }
    let last = LASTS[syllable.last as usize];
    if last != 0 {
        western_consonant(last, start, out);
    }
}

fn western_consonant(class: u8, start: usize, out: &mut Vec<u8>) {
    if out.len() > start && out.last() == Some(&class) {
        return;
    }
    out.push(class);
}

fn latin_word(letters: &[u8], out: &mut Vec<u8>) {
    if !letters.iter().any(u8::is_ascii_alphabetic) {
        out.extend_from_slice(letters);
    } else if is_eastern(letters) {
        eastern(letters, out);
    } else {
        western(letters, out);
    }
}

const fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y' | b'w')
}

/// Whether a word in Latin letters could be of one to three Korean or Chinese syllables in some romanisation.
fn is_eastern(letters: &[u8]) -> bool {
    let (mut at, mut syllables) = (0, 0);
    while at < letters.len() {
        let run = letters[at..].iter().take_while(|letter| is_vowel(**letter) == is_vowel(letters[at])).count();
        let part = &letters[at..at + run];
        let (first, last) = (at == 0, at + run == letters.len());
        if is_vowel(letters[at]) {
            syllables += 1;
            if run > 4 || syllables > 3 {
                return false;
            }
        } else if !fits(part, first, last) {
            return false;
        }
        at += run;
    }
    syllables > 0 || letters == b"ng"
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
fn eastern(letters: &[u8], out: &mut Vec<u8>) {
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

/// Any other word in Latin letters.
fn western(letters: &[u8], out: &mut Vec<u8>) {
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
