//! Numbers and codes.

use super::Form;
use super::fold;

/// Letters and digits of a folded value without blanks, appended.
fn alphanumeric(value: &str, out: &mut Vec<u8>) {
    fold::fold_into(value, out);
    out.retain(|byte| *byte != b' ');
}

/// A postcode: letters and digits; of a long American one the first five. `key`: without leading zeros.
pub(super) fn postcode(value: &str, form: &mut Form) {
    alphanumeric(value, &mut form.plain);
    let long = value.len() == 10 && value.as_bytes()[5] == b'-' && form.plain.len() == 9;
    if long && form.plain.iter().all(u8::is_ascii_digit) {
        form.plain.truncate(5);
    }
    // A table program makes 01234 to 1234 or 1234.0.
    if value.ends_with(".0") && form.plain.len() > 1 {
        form.plain.pop();
    }
    let zeros = form.plain.iter().take_while(|byte| **byte == b'0').count();
    form.key.extend_from_slice(&form.plain[zeros..]);
    if form.key.is_empty() {
        form.plain.clear();
    }
}

/// A house number. `key`: its first number.
pub(super) fn house(value: &str, form: &mut Form) {
    fold::fold_into(value, &mut form.plain);
    if value.ends_with(".0") && form.plain.ends_with(b" 0") {
        form.plain.truncate(form.plain.len() - 2);
    }
    // "12 a" is "12a".
    let plain = &mut form.plain;
    if plain.len() >= 3 && plain[plain.len() - 2] == b' ' && plain[plain.len() - 3].is_ascii_digit() {
        let last = plain[plain.len() - 1];
        if last.is_ascii_alphabetic() {
            plain.remove(plain.len() - 2);
        }
    }
    let number = plain.iter().skip_while(|byte| !byte.is_ascii_digit()).take_while(|byte| byte.is_ascii_digit());
    form.key.extend(number.skip_while(|byte| **byte == b'0'));
    if form.key.is_empty() {
        form.key.extend_from_slice(&form.plain);
    }
}

/// A number of a person at an authority or a firm. `key`: its digits without leading zeros when it is mostly digits, with
/// letters that are mistaken for digits as these.
pub(super) fn national_id(value: &str, form: &mut Form) {
    alphanumeric(value, &mut form.plain);
    let plain = &form.plain;
    let digits = plain.iter().filter(|byte| byte.is_ascii_digit()).count();
    let counting = plain.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == 1 || pair == b"90");
    if counting && plain.len() >= 6 {
        form.plain.clear();
        return;
    }
    if digits * 2 <= plain.len() {
        form.key.extend_from_slice(plain);
        return;
    }
    let alike = plain.iter().map(|byte| match byte {
        b'o' => b'0',
        b'i' | b'l' => b'1',
        b's' => b'5',
        b'b' => b'8',
        other => *other,
    });
    form.key.extend(alike.skip_while(|byte| *byte == b'0'));
    if form.key.is_empty() {
        form.key.extend_from_slice(plain);
    }
}

/// A number in the form `-12.5`: without separators of thousands, with a point.
pub(super) fn number(value: &str, form: &mut Form) {
    let mut text = String::with_capacity(value.len());
    text.extend(value.chars().filter_map(|sign| match sign {
        '.' | ',' | '-' => Some(sign),
        '−' => Some('-'),
        _ => sign.to_digit(10).or_else(|| fold::digit(sign)).map(|digit| char::from(b'0' + digit as u8)),
    }));
    let point = match (text.rfind('.'), text.rfind(',')) {
        (Some(dot), Some(comma)) => Some(dot.max(comma)),
        // One separator before exactly three digits parts thousands when it is a comma.
        (None, Some(comma)) if text.matches(',').count() > 1 || text.len() - comma == 4 => None,
        (None, Some(comma)) => Some(comma),
        (Some(_), None) if text.matches('.').count() > 1 => None,
        (dot, None) => dot,
    };
    let plain = text.char_indices().filter_map(|(at, sign)| match sign {
        '.' | ',' => (Some(at) == point).then_some('.'),
        '-' => (at == 0).then_some('-'),
        digit => Some(digit),
    });
    let plain: String = plain.collect();
    if let Some(number) = plain.parse::<f64>().ok().filter(|number| number.is_finite()) {
        form.plain.extend_from_slice(number.to_string().as_bytes());
        form.key.extend_from_slice(&form.plain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(of: fn(&str, &mut Form), value: &str) -> (String, String) {
        let mut form = Form::default();
        of(value, &mut form);
        (String::from_utf8(form.plain).unwrap(), String::from_utf8(form.key).unwrap())
    }

    #[test]
    fn codes() {
        assert_eq!(forms(postcode, "SW1A 1AA").0, "sw1a1aa");
        assert_eq!(forms(postcode, "12345-6789").0, "12345");
        assert_eq!(forms(postcode, "01234").1, forms(postcode, "1234").1);
        assert_eq!(forms(postcode, "1234.0").0, "1234");
        assert_eq!(forms(house, "12 A").0, forms(house, "12a").0);
        assert_eq!(forms(house, "No. 12").1, "12");
        assert_eq!(forms(national_id, "AB-12 345 6").0, "ab123456");
        assert_eq!(forms(national_id, "00123O5").1, "12305");
        assert_eq!(forms(national_id, "123456789").0, "");
    }

    #[test]
    fn numbers() {
        for (value, expected) in [
            ("1,234.50", "1234.5"),
            ("1.234,50", "1234.5"),
            ("1,234", "1234"),
            ("12,5", "12.5"),
            ("-7", "-7"),
            ("$ 1 000", "1000"),
            ("1.000.000", "1000000"),
            ("abc", ""),
        ] {
            assert_eq!(forms(number, value).0, expected, "{value}");
        }
    }
}
