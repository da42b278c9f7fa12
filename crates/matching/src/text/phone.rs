//! Phone numbers without what differs between ways of writing them.

use super::hints::Hints;
use super::{Form, fold};

/// `plain`: the digits without calling code, leading zeros and extension. `key`: the last eight of them.
pub(super) fn prepare(value: &str, hints: &Hints, form: &mut Form) {
    let value = without_extension(value);
    let digits = &mut form.plain;
    fold::digits_into(value, digits);
    let code = international(value, digits)
        .or_else(|| calling_code_of(digits, hints.calling_code))
        .map_or(0, |(prefix, code)| prefix + code);
    digits.drain(..code);
    // The zero in front of an area code, "(0)" after a calling code too.
    let zeros = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len());
    digits.drain(..zeros);
    if digits.len() < 4 || garbage(digits) {
        digits.clear();
        return;
    }
    form.key.extend_from_slice(&digits[digits.len().saturating_sub(8)..]);
}

fn without_extension(value: &str) -> &str {
    let after = value.len().min(7);
    let end = value.as_bytes()[after..]
        .iter()
        .position(|byte| matches!(byte, b'x' | b'X' | b'e' | b'E' | b'#' | b';' | b','))
        .map_or(value.len(), |end| after + end);
    value.get(..end).unwrap_or(value)
}

/// Lengths of the prefix for calls abroad and of the calling code of a number that has them.
fn international(value: &str, digits: &[u8]) -> Option<(usize, usize)> {
    let plus = value.trim_start_matches(['(', ' ']).starts_with(['+', '＋']);
    let prefix = match digits {
        _ if plus => 0,
        [b'0', b'0', ..] if digits.len() > 10 => 2,
        _ => return None,
    };
    let digits = &digits[prefix..];
    Some((prefix, code_length(digits))).filter(|(_, code)| digits.len() >= code + 4)
}

/// A number that begins with the column's calling code and is too long to be without.
fn calling_code_of(digits: &[u8], code: u16) -> Option<(usize, usize)> {
    if code == 0 || digits.first() == Some(&b'0') {
        return None;
    }
    let mut text = [0; 5];
    let mut len = 0;
    let mut rest = code;
    while rest > 0 {
        text[len] = b'0' + (rest % 10) as u8;
        rest /= 10;
        len += 1;
    }
    text[..len].reverse();
    (digits.len() >= len + 9 && digits.starts_with(&text[..len])).then_some((0, len))
}

/// Digits of the calling code that a number begins with (ITU-T E.164, assigned zones).
fn code_length(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        [b'0', ..] => 0,
        _ => 3,
    }
}

/// Whether digits are such as are typed when there is no number.
fn garbage(digits: &[u8]) -> bool {
    let up = digits.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair == b"90");
    let down = digits.windows(2).all(|pair| pair[0] == pair[1] + 1 || pair == b"09");
    let tail = &digits[digits.len().min(3)..];
    let same = tail.len() >= 5 && tail.iter().all(|digit| *digit == tail[0]);
    (up || down) && digits.len() >= 7 || same
}

/// The calling code that most numbers of a column have that have one; 0 when there are none.
pub(super) fn calling_code(sample: &[&str]) -> u16 {
    let mut counts: Vec<(u16, u32)> = Vec::new();
    let mut digits = Vec::new();
    for value in sample {
        digits.clear();
        fold::digits_into(value, &mut digits);
        let Some((prefix, length)) = international(value.trim(), &digits) else { continue };
        let code = digits[prefix..prefix + length].iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
        match counts.iter_mut().find(|(other, _)| *other == code) {
            Some((_, count)) => *count += 1,
            None => counts.push((code, 1)),
        }
    }
    counts.into_iter().max_by_key(|(code, count)| (*count, u16::MAX - code)).map_or(0, |(code, _)| code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(value: &str, calling_code: u16) -> String {
        let mut form = Form::default();
        prepare(value, &Hints { calling_code, ..Hints::default() }, &mut form);
        String::from_utf8(form.plain).unwrap()
    }

    #[test]
    fn ways_of_writing_one_number() {
        for value in [
            "+82 10-1234-5678",
            "010-1234-5678",
            "01012345678",
            "0082 10 1234 5678",
            "+82 (0)10 1234 5678",
            "821012345678",
        ] {
            assert_eq!(plain(value, 82), "1012345678", "{value}");
        }
        for value in ["+1 (555) 123-4567", "555.123.4567", "1-555-123-4567", "(555) 123-4567 ext. 12", "555-123-4567x3"]
        {
            assert_eq!(plain(value, 1), "5551234567", "{value}");
        }
        assert_eq!(plain("+86 138 1234 5678", 0), plain("13812345678", 0));
        assert_eq!(plain("+49 30 123456", 0), plain("030/123456", 0));
    }

    #[test]
    fn no_number() {
        for value in ["000-0000-0000", "1234567890", "010-0000-0000", "123", "987654321"] {
            assert_eq!(plain(value, 0), "", "{value}");
        }
    }

    #[test]
    fn the_code_is_the_most_frequent_one() {
        assert_eq!(calling_code(&["+82 10 1234 5678", "010-1", "+1 555 123 4567", "+82 2 123 4567"]), 82);
        assert_eq!(calling_code(&["010-1234-5678"]), 0);
    }

    proptest! {
        #[test]
        fn any_text_does(value in "\\PC{0,30}") {
            prop_assert!(plain(&value, 82).bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
