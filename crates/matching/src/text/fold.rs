//! Lower case without marks and punctuation.

use super::latin;
use unicode_normalization::UnicodeNormalization as _;

/// What each ASCII byte becomes: itself in lower case, a blank, or nothing (apostrophes).
const ASCII: [u8; 128] = {
    let mut table = [b' '; 128];
    let mut at = 0;
    while at < 128 {
        let byte = at as u8;
        if byte.is_ascii_alphanumeric() {
            table[at] = byte.to_ascii_lowercase();
        } else if byte == b'\'' || byte == b'`' {
            table[at] = 0;
        }
        at += 1;
    }
    table
};

/// Lower case without accents; everything but letters and digits is one blank, and apostrophes are nothing, so that
/// "O'Neill" and "ONeill" are the same. Letters of other scripts stay.
pub fn fold(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    fold_into(value, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// [`fold`], appended to `out`.
pub(super) fn fold_into(value: &str, out: &mut Vec<u8>) {
    let start = out.len();
    let mut blank = false;
    let mut rest = value;
    out.reserve(value.len());
    loop {
        let ascii = rest.bytes().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(ascii);
        for byte in head.bytes() {
            match ASCII[byte as usize] {
                0 => {}
                b' ' => blank = true,
                letter => put(out, start, &mut blank, &[letter]),
            }
        }
        let Some(sign) = tail.chars().next() else { return };
        rest = &tail[sign.len_utf8()..];
        fold_sign(sign, out, start, &mut blank);
        // A consonant of an old Hangul text, or a mark after its letter: the whole is composed first.
        if matches!(sign, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}') {
            out.truncate(start);
            slow(value, out, start);
            return;
        }
    }
}

fn put(out: &mut Vec<u8>, start: usize, blank: &mut bool, bytes: &[u8]) {
    if *blank && out.len() > start {
        out.push(b' ');
    }
    *blank = false;
    out.extend_from_slice(bytes);
}

fn fold_sign(sign: char, out: &mut Vec<u8>, start: usize, blank: &mut bool) {
    match sign {
        '가'..='힣' | '\u{3400}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}' => {
            let mut buffer = [0; 4];
            put(out, start, blank, sign.encode_utf8(&mut buffer).as_bytes());
        }
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => match ASCII[sign as usize - 0xff01 + 0x21] {
            0 => {}
            b' ' => *blank = true,
            letter => put(out, start, blank, &[letter]),
        },
        '’' | '‘' | 'ʼ' | '´' | '\u{200b}'..='\u{200f}' | '\u{ad}' | '\u{feff}' => {}
        _ => {
            if let Some(text) = latin::plain(sign) {
                put(out, start, blank, text.as_bytes());
            } else {
                compatible(sign, out, start, blank);
            }
        }
    }
}

/// Any other character, by its decomposition.
fn compatible(sign: char, out: &mut Vec<u8>, start: usize, blank: &mut bool) {
    let mut buffer = [0; 4];
    if std::iter::once(sign).nfkd().any(|part| matches!(part, '\u{1100}'..='\u{11ff}')) {
        for part in std::iter::once(sign).nfkc().filter(|part| part.is_alphanumeric()) {
            put(out, start, blank, part.encode_utf8(&mut buffer).as_bytes());
        }
        return;
    }
    for part in std::iter::once(sign).nfkd().flat_map(char::to_lowercase) {
        if unicode_normalization::char::is_combining_mark(part) {
            // Marks of Indian scripts, Thai and Arabic are vowels.
            if !matches!(part, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}') {
                put(out, start, blank, part.encode_utf8(&mut buffer).as_bytes());
            }
        } else if let Some(digit) = part.to_digit(10).or_else(|| digit(part)) {
            put(out, start, blank, &[b'0' + digit as u8]);
        } else if let Some(text) = latin::plain(part) {
            put(out, start, blank, text.as_bytes());
        } else if part.is_alphanumeric() {
            put(out, start, blank, part.encode_utf8(&mut buffer).as_bytes());
        } else {
            *blank = true;
        }
    }
}

/// The value of a decimal digit of a script other than Latin.
pub(super) fn digit(sign: char) -> Option<u32> {
    // Each block begins with its zero.
    [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10]
        .into_iter()
        .find_map(|zero| (sign as u32).checked_sub(zero).filter(|digit| *digit < 10))
}

/// The way for text that is written in parts.
fn slow(value: &str, out: &mut Vec<u8>, start: usize) {
    let mut blank = false;
    for sign in value.nfkc() {
        if sign.is_ascii() {
            match ASCII[sign as usize] {
                0 => {}
                b' ' => blank = true,
                letter => put(out, start, &mut blank, &[letter]),
            }
        } else {
            fold_sign(sign, out, start, &mut blank);
        }
    }
}

/// The ASCII digits of a value, with those of other scripts, appended to `out`.
pub(super) fn digits_into(value: &str, out: &mut Vec<u8>) {
    if value.is_ascii() {
        out.extend(value.bytes().filter(u8::is_ascii_digit));
        return;
    }
    out.extend(
        value.chars().filter_map(|sign| sign.to_digit(10).or_else(|| digit(sign))).map(|digit| b'0' + digit as u8),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marks_and_case_go() {
        for (value, expected) in [
            ("  O'Neill-Smith, JR. ", "oneill smith jr"),
            ("José Müller Straße", "jose muller strasse"),
            ("Łódź Ærø", "lodz aero"),
            ("김민수", "김민수"),
            ("\u{1100}\u{1175}\u{11b7}", "김"),
            ("e\u{301}t\u{e9}", "ete"),
            ("ＡＢ１２", "ab12"),
            ("Иванов", "иванов"),
            ("٣٤", "34"),
            ("--", ""),
        ] {
            assert_eq!(fold(value), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(value in "\\PC{0,20}") {
            let once = fold(&value);
            prop_assert_eq!(fold(&once), once.clone());
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
        }

        #[test]
        fn ascii_as_defined(value in "[ -~]{0,20}") {
            let expected: String = value.replace(['\'', '`'], "").to_lowercase()
                .split(|sign: char| !sign.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
                .collect::<Vec<_>>().join(" ");
            prop_assert_eq!(fold(&value), expected);
        }
    }
}
