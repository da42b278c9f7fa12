//! What a name sounds like, coarsely: the key that spellings and scripts share.
//!
//! Sounds have classes: `p t k c s f h m n l g` (consonants with and without voice or breath, `g` is the end of "song"),
//! `a e i u` (vowels) and `y w` (glides). A word that could be of Korean or Chinese syllables keeps its vowels ("Min-soo",
//! "민수" and "Minsu" are `minsu`), any other keeps its consonants and the class of its first vowel ("Robert" and "로버트" are
//! `lupt`).

mod eastern;
mod western;

use super::han;
use super::hangul::{EU, FIRST_L, INITIALS, LASTS, SILENT, Syllable, VOWELS};
use super::latin;
use eastern::{eastern, is_eastern};
use western::western;

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

/// Appends the key of a syllable in Pinyin.
pub(super) fn mandarin_syllable(reading: &str, out: &mut Vec<u8>) {
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

/// Whether a folded text is two words in Latin letters that could be a Korean or Chinese syllable each.
pub(super) fn two_syllables(text: &str) -> bool {
    let mut words = text.split(' ');
    let syllable = |word: Option<&str>| {
        word.is_some_and(|word| word.len() <= 6 && word.is_ascii() && eastern::is_syllable(word.as_bytes()))
    };
    syllable(words.next()) && syllable(words.next()) && words.next().is_none()
}

/// Whether every part of a word in Latin letters, cut at hyphens, could be of Korean or Chinese syllables.
pub(super) fn is_eastern_name(word: &str) -> bool {
    let mut lower = [0; 24];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    lower.split(|byte| matches!(byte, b'-' | b'\'')).filter(|part| !part.is_empty()).all(is_eastern)
}
