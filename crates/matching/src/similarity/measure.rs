//! Numbers and dates.

/// How far apart two numbers are as a share of the greater one, 0 for the same; nothing when one is no number.
pub fn number_distance(a: &[u8], b: &[u8]) -> Option<f64> {
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<f64>().ok().filter(|number| number.is_finite());
    let (a, b) = (parse(a)?, parse(b)?);
    let greater = a.abs().max(b.abs());
    Some(if greater == 0.0 { 0.0 } else { (a - b).abs() / greater })
}

/// Days between two dates of the form `yyyymmdd`; nothing when one is not of that form.
pub fn date_distance(a: &[u8], b: &[u8]) -> Option<u32> {
    Some(day(a)?.abs_diff(day(b)?))
}

/// Days since the first of March of the year 0 (Hinnant 2013, "chrono-compatible low-level date algorithms").
fn day(date: &[u8]) -> Option<u32> {
    let date: &[u8; 8] = date.try_into().ok()?;
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
    };
    let (year, month, of_month) = (number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&of_month) || year == 0 {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + of_month - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(date_distance(b"20240228", b"20240301"), Some(2));
        assert_eq!(date_distance(b"20230228", b"20230301"), Some(1));
        assert_eq!(date_distance(b"19700101", b"20000101"), Some(10_957));
        assert_eq!(date_distance(b"20241301", b"20240301"), None);
        assert_eq!(date_distance(b"2024", b"20240301"), None);
    }

    #[test]
    fn numbers_are_as_far_apart_as_their_share() {
        assert_eq!(number_distance(b"100", b"90"), Some(0.1));
        assert_eq!(number_distance(b"0", b"0.0"), Some(0.0));
        assert_eq!(number_distance(b"x", b"1"), None);
    }
}
