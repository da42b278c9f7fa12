//! The level of two values that are not equal.

use super::{CLOSE, DIFFERENT, EXACT, KEY, Kind, SWAPPED, WEAK};
use crate::similarity;

/// A value in comparable form.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    /// Folded text.
    pub(crate) plain: &'a [u8],
    /// The form that other spellings share.
    pub(crate) key: &'a [u8],
}

/// The level that two values reach.
pub(crate) fn level(kind: Kind, a: Value<'_>, b: Value<'_>) -> u8 {
    if a.plain == b.plain {
        return EXACT;
    }
    let same_key = a.key == b.key && !a.key.is_empty();
    match kind {
        Kind::Name => name(a, b, same_key),
        Kind::FullName => full_name(a, b, same_key),
        Kind::Date => date(a.plain, b.plain),
        Kind::Code => code(a.plain, b.plain, same_key),
        Kind::Email => email(a, b, same_key),
        Kind::Postcode => postcode(a.plain, b.plain),
        Kind::Text => text(a.plain, b.plain, same_key),
        Kind::Number => number(a.plain, b.plain),
        Kind::Category => {
            if same_key {
                KEY
            } else {
                DIFFERENT
            }
        }
    }
}

fn name(a: Value<'_>, b: Value<'_>, same_key: bool) -> u8 {
    if a.plain.is_ascii() != b.plain.is_ascii() {
        return if same_key { KEY } else { across_scripts(a.key, b.key) };
    }
    let shorter = a.plain.len().min(b.plain.len());
    let slips = similarity::damerau_levenshtein(a.plain, b.plain, 2);
    if slips <= 1 && shorter >= 3 || slips <= 2 && shorter >= 7 {
        return CLOSE;
    }
    if same_key {
        return KEY;
    }
    let alike = similarity::jaro_winkler(a.plain, b.plain);
    if alike >= 0.92 && shorter >= 3 {
        CLOSE
    } else if alike >= 0.82 || a.plain.starts_with(b.plain) || b.plain.starts_with(a.plain) {
        WEAK
    } else {
        DIFFERENT
    }
}

/// Names in two scripts have only their sound in common.
fn across_scripts(a: &[u8], b: &[u8]) -> u8 {
    if a.len().min(b.len()) < 4 {
        DIFFERENT
    } else if similarity::damerau_levenshtein(a, b, 1) <= 1 {
        CLOSE
    } else if similarity::jaro_winkler(a, b) >= 0.88 {
        WEAK
    } else {
        DIFFERENT
    }
}

fn full_name(a: Value<'_>, b: Value<'_>, same_key: bool) -> u8 {
    if same_key {
        return KEY;
    }
    let alike = similarity::token_set(a.plain, b.plain).max(similarity::token_set(a.key, b.key));
    if alike >= 0.9 {
        CLOSE
    } else if alike >= 0.75 {
        WEAK
    } else {
        DIFFERENT
    }
}

/// Dates are eight digits, year first.
fn date(a: &[u8], b: &[u8]) -> u8 {
    if a.len() != 8 || b.len() != 8 {
        return if similarity::damerau_levenshtein(a, b, 1) <= 1 { KEY } else { DIFFERENT };
    }
    if a[..4] == b[..4] && a[4..6] == b[6..] && a[6..] == b[4..6] {
        return SWAPPED;
    }
    if similarity::damerau_levenshtein(a, b, 1) <= 1 {
        return KEY;
    }
    let equal = |from: usize, to: usize| usize::from(a[from..to] == b[from..to]);
    let parts = equal(0, 4) + equal(4, 6) + equal(6, 8);
    if parts == 2 {
        return CLOSE;
    }
    let years = (number_of(&a[..4]) - number_of(&b[..4])).abs();
    let months = (12 * (number_of(&a[..4]) - number_of(&b[..4])) + number_of(&a[4..6]) - number_of(&b[4..6])).abs();
    if months <= 2 || years <= 2 && parts >= 1 || years == 10 && parts >= 1 { WEAK } else { DIFFERENT }
}

fn number_of(digits: &[u8]) -> i32 {
    digits.iter().fold(0, |number, digit| 10 * number + i32::from(digit.wrapping_sub(b'0')))
}

fn code(a: &[u8], b: &[u8], same_key: bool) -> u8 {
    if same_key {
        return KEY;
    }
    let shorter = a.len().min(b.len());
    if shorter < 5 {
        return DIFFERENT;
    }
    match similarity::damerau_levenshtein(a, b, 2) {
        0 | 1 => CLOSE,
        2 if shorter >= 7 => WEAK,
        _ => DIFFERENT,
    }
}

fn email(a: Value<'_>, b: Value<'_>, same_key: bool) -> u8 {
    let (left, right) = (local(a.plain), local(b.plain));
    if left == right && left.len() >= 4 {
        return SWAPPED;
    }
    let shorter = left.len().min(right.len());
    let slips = similarity::damerau_levenshtein(a.plain, b.plain, 2);
    let slips_before = similarity::damerau_levenshtein(left, right, 2);
    let digits = digits_differ(left, right);
    if !digits && (slips <= 2 || slips_before <= 1 && shorter >= 5) {
        KEY
    } else if digits || same_key {
        CLOSE
    } else if slips_before <= 2 && shorter >= 8 || similarity::jaro_winkler(left, right) >= 0.88 {
        WEAK
    } else {
        DIFFERENT
    }
}

/// Whether two texts are the same but for digits, which tell persons of one name apart.
fn digits_differ(a: &[u8], b: &[u8]) -> bool {
    a.iter().filter(|byte| !byte.is_ascii_digit()).eq(b.iter().filter(|byte| !byte.is_ascii_digit()))
}

fn local(address: &[u8]) -> &[u8] {
    let end = address.iter().position(|byte| *byte == b'@').unwrap_or(address.len());
    &address[..end]
}

fn postcode(a: &[u8], b: &[u8]) -> u8 {
    if similarity::damerau_levenshtein(a, b, 1) <= 1 {
        CLOSE
    } else if a.len() >= 4 && b.len() >= 4 && a[..3] == b[..3] {
        WEAK
    } else {
        DIFFERENT
    }
}

fn text(a: &[u8], b: &[u8], same_key: bool) -> u8 {
    if same_key {
        return KEY;
    }
    let shorter = a.len().min(b.len());
    let slips = similarity::damerau_levenshtein(a, b, 2);
    if slips <= 1 && shorter >= 4 || slips <= 2 && shorter >= 7 {
        return CLOSE;
    }
    let alike = similarity::jaro_winkler(a, b).max(similarity::token_set(a, b));
    if alike >= 0.92 {
        CLOSE
    } else if alike >= 0.8 {
        WEAK
    } else {
        DIFFERENT
    }
}

fn number(a: &[u8], b: &[u8]) -> u8 {
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<f64>().ok());
    let (Some(a), Some(b)) = (parse(a), parse(b)) else { return DIFFERENT };
    if (a - b).abs() <= 0.01 * a.abs().max(b.abs()) { CLOSE } else { DIFFERENT }
}
