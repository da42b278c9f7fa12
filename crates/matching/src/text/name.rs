//! Names of persons.

use super::hints::Hints;
use super::{Form, family, fold, han, skeleton, split};
use rustc_hash::FxHashSet;
use std::sync::LazyLock;

/// Words of a name that are looked at.
const WORDS: usize = 8;

/// Forms of address and degrees, which are no part of a name.
#[rustfmt::skip]
const TITLES: [&str; 35] = [
    "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "madam", "rev", "herr", "frau", "dipl",     "mme", "mlle", "monsieur", "madame", "mademoiselle", "sr", "sra", "srta", "senor", "senora", "dona", "signor", "signora", "dott", "dhr", "mevr",
    "phd", "md", "mba", "esq", "msc",
];
/// What tells a son from his father.
const GENERATIONS: [&str; 8] = ["jr", "jnr", "junior", "snr", "ii", "iii", "iv", "senior"];
/// Forms of address that follow a name without a blank.
pub(super) const HONORIFICS: [&str; 14] =
    ["선생님", "고객님", "님", "씨", "군", "양", "先生", "女士", "小姐", "太太", "様", "さん", "さま", "氏"];

/// A given name. `plain`: two words that could be Korean or Chinese syllables are one. `key`: how all its words sound, without
/// blanks.
pub(super) fn given(value: &str, hints: &Hints, form: &mut Form) {
    fold::fold_into(value, &mut form.plain);
    without_titles(&mut form.plain);
    let Form { plain, key } = form;
    let Ok(text) = std::str::from_utf8(plain) else { return };
    let korean = !text.is_ascii() && han::reads_korean_given(text, hints.han);
    // Syllables apart from one another may be Cantonese.
    let apart = text.contains(' ');
    let joined = apart && skeleton::two_syllables(text);
    for word in text.split(' ').filter(|word| !GENERATIONS.contains(word)) {
        skeleton::word(if apart { family::mandarin_of(word) } else { word }, korean, key);
    }
    // "Min Soo" is written "Minsoo" as often.
    if joined {
        plain.retain(|byte| *byte != b' ');
    }
}

/// A family name. `key`: how it sounds, the same for all spellings of a Korean or Chinese family name.
pub(super) fn family(value: &str, hints: &Hints, form: &mut Form) {
    fold::fold_into(value, &mut form.plain);
    without_titles(&mut form.plain);
    let Form { plain, key } = form;
    let Ok(text) = std::str::from_utf8(plain) else { return };
    let korean = !text.is_ascii() && han::reads_korean(text, hints.han);
    family_key(text, korean, key);
}

fn family_key(text: &str, korean: bool, key: &mut Vec<u8>) {
    if text.is_ascii() {
        for word in text.split(' ').filter(|word| !GENERATIONS.contains(word)) {
            let common = std::str::from_utf8(family::canonical(word.as_bytes())).unwrap_or(word);
            skeleton::word(common, false, key);
        }
        return;
    }
    let mut signs = text.chars();
    match (signs.next(), signs.next()) {
        (Some(sign @ '가'..='힣'), None) => skeleton::korean_family(sign, key),
        (Some(sign), None) if han::is_han(sign) && korean => {
            skeleton::korean_family(korean_family_reading(sign), key);
        }
        // Latin spellings that several families share are one, so these families are too.
        (Some(sign), None) if han::is_han(sign) => match han::mandarin(sign) {
            Some(reading) => {
                let common = std::str::from_utf8(family::canonical(reading.as_bytes())).unwrap_or(reading);
                skeleton::mandarin_syllable(common, key);
            }
            None => skeleton::word(text, korean, key),
        },
        _ => text.split(' ').for_each(|word| skeleton::word(word, korean, key)),
    }
}

/// How a character is read as a Korean family name, where that differs.
fn korean_family_reading(sign: char) -> char {
    match sign {
        '金' => '김',
        '沈' => '심',
        '車' => '차',
        '葉' => '섭',
        _ => han::korean(sign).unwrap_or(sign),
    }
}

/// A whole name in any order. `key`: the family name when it can be told, a blank, and the rest; else the words in order of
/// the alphabet.
pub(super) fn full(value: &str, hints: &Hints, form: &mut Form) {
    let value = split::without_honorific(value);
    fold::fold_into(value, &mut form.plain);
    without_titles(&mut form.plain);
    let Form { plain, key } = form;
    let Ok(text) = std::str::from_utf8(plain) else { return };
    let mut room = [""; WORDS];
    let mut count = 0;
    for word in text.split(' ').filter(|word| !word.is_empty() && !GENERATIONS.contains(word)).take(WORDS) {
        room[count] = word;
        count += 1;
    }
    let words = &room[..count];
    let korean = !text.is_ascii() && han::reads_korean(text, hints.han);
    let east_asian = |word: &str| word.starts_with(|sign| matches!(sign, '가'..='힣') || han::is_han(sign));
    match words {
        [] => {}
        [one] if east_asian(one) && (2..=4).contains(&one.chars().count()) => {
            let cut = one.char_indices().nth(family::width(one)).map_or(one.len(), |(at, _)| at);
            let (family, given) = one.split_at(cut);
            pair(family, &[given], korean, key);
        }
        [one] => skeleton::word(one, korean, key),
        _ => match family_at(value, words) {
            Some((at, width)) => {
                let family = &words[at..at + width];
                let (before, after) = (&words[..at], &words[at + width..]);
                family.iter().for_each(|word| family_key(word, korean, key));
                key.push(b' ');
                before.iter().chain(after).for_each(|word| skeleton::word(word, korean, key));
            }
            None => sorted(words, korean, key),
        },
    }
}

fn pair(family: &str, given: &[&str], korean: bool, key: &mut Vec<u8>) {
    family_key(family, korean, key);
    key.push(b' ');
    given.iter().for_each(|word| skeleton::word(word, korean, key));
}

/// Which words are a Korean or Chinese family name: those before a comma, the one in capitals among others, the one that is a family name of
/// Korea or China when only one of the first and the last is.
fn family_at(value: &str, words: &[&str]) -> Option<(usize, usize)> {
    let count = words.len();
    if let Some((before, after)) = value.split_once([',', '，', '、'])
        && after.contains(char::is_alphabetic)
    {
        let width = before.split([' ', '-', '.']).filter(|word| words.iter().any(|other| same(word, other))).count();
        if width > 0 && width < count {
            let known = !words[0].is_ascii() || family::is_family(words[0].as_bytes());
            return known.then_some((0, width));
        }
    }
    let first_sign = |word: &str| word.chars().next().unwrap_or(' ');
    if matches!(first_sign(words[0]), '가'..='힣') || han::is_han(first_sign(words[0])) {
        let short = |word: &str| word.chars().count() <= 2;
        let (first, last) = (short(words[0]), short(words[count - 1]));
        let single = |word: &str| word.chars().count() == 1;
        return match (first, last) {
            _ if single(words[0]) => Some((0, 1)),
            (_, true) if single(words[count - 1]) && !single(words[0]) => Some((count - 1, 1)),
            (true, _) if family::width(words[0]) == 2 => Some((0, 1)),
            _ => None,
        };
    }
    if !value.is_ascii() && !words.iter().all(|word| word.is_ascii()) {
        return None;
    }
    let capitals = |word: &&str| word.len() > 1 && word.bytes().all(|byte| !byte.is_ascii_lowercase() && byte != b'.');
    let mut raw = value.split([' ', ',']).filter(|word| !word.is_empty());
    let has_small = value.bytes().any(|byte| byte.is_ascii_lowercase());
    if has_small
        && let Some(word) = raw.find(capitals)
        && let Some(at) = words.iter().position(|other| same(word, other))
        && (at == 0 || at == count - 1)
    {
        return family::is_family(words[at].as_bytes()).then_some((at, 1));
    }
    let strength = |word: &str| family::strength(word.as_bytes());
    let (first, last) = (strength(words[0]), strength(words[count - 1]));
    // A hyphen joins the syllables of a given name.
    let hyphen = value.find('-').map(|hyphen| value[..hyphen].contains(' '));
    match hyphen {
        Some(false) if last > 0 => return Some((count - 1, 1)),
        Some(true) if first > 0 => return Some((0, 1)),
        _ => {}
    }
    match first.cmp(&last) {
        // "Kim Smith" is no Korean name.
        std::cmp::Ordering::Greater => words[1..].iter().all(|word| skeleton::is_eastern_name(word)).then_some((0, 1)),
        std::cmp::Ordering::Less => Some((count - 1, 1)),
        std::cmp::Ordering::Equal => (first > 0 && count >= 3).then_some((0, 1)),
    }
}

fn same(raw: &str, folded: &str) -> bool {
    raw.eq_ignore_ascii_case(folded) || !raw.is_ascii() && fold::fold(raw) == folded
}

/// The keys of words in order of the alphabet.
fn sorted(words: &[&str], korean: bool, key: &mut Vec<u8>) {
    let mut ends = [0; WORDS];
    let mut all = Vec::with_capacity(32);
    for (word, end) in words.iter().zip(&mut ends) {
        skeleton::word(word, korean, &mut all);
        *end = all.len();
    }
    let mut parts = [b"".as_slice(); WORDS];
    let mut start = 0;
    for (part, end) in parts.iter_mut().zip(&ends[..words.len()]) {
        *part = &all[start..*end];
        start = *end;
    }
    let parts = &mut parts[..words.len()];
    parts.sort_unstable();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !key.is_empty() {
            key.push(b' ');
        }
        key.extend_from_slice(part);
    }
}

/// Drops titles from a folded name, unless nothing would be left.
fn without_titles(plain: &mut Vec<u8>) {
    // A name of one word is no title, and most names are of one word.
    if !plain.contains(&b' ') {
        return;
    }
    let title = |word: &[u8]| word.len() <= 12 && KNOWN_TITLES.contains(word);
    let (mut titles, mut others) = (false, false);
    for word in plain.split(|byte| *byte == b' ') {
        if title(word) {
            titles = true;
        } else {
            others = true;
        }
    }
    if titles && others {
        let kept: Vec<&[u8]> = plain.split(|byte| *byte == b' ').filter(|word| !title(word)).collect();
        *plain = kept.join(&b' ');
    }
}

/// Whether a word of a name is a title.
pub(super) fn is_title(word: &str) -> bool {
    let mut lower = [0; 12];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    KNOWN_TITLES.contains(&*lower)
}

static KNOWN_TITLES: LazyLock<FxHashSet<&[u8]>> =
    LazyLock::new(|| TITLES.iter().map(|title| title.as_bytes()).collect());

/// Appends how a folded word sounds.
pub(super) fn sound(word: &str, korean: bool, key: &mut Vec<u8>) {
    skeleton::word(word, korean, key);
}
