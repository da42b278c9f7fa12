//! Dates as numbers.

/// Days from 1970-01-01 to a date of the Gregorian calendar (Hinnant, "chrono-compatible low-level date algorithms").
#[must_use]
pub fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days since 1970-01-01 of a date: `2026-11-23`, `2026/11/23` or `20261123`, with or without a time behind a blank or a
/// `T`, which counts as a part of the day. Nothing for anything else; the order of `3/4/2026` is nobody's guess.
#[must_use]
pub fn parse(text: &str) -> Option<f64> {
    let (date, time) = match text.find([' ', 'T']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim())),
        None => (text, None),
    };
    let bytes = date.as_bytes();
    let number = |range: std::ops::Range<usize>| {
        let part = date.get(range)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = match bytes.len() {
        10 if bytes[4] == bytes[7] && matches!(bytes[4], b'-' | b'/') => (number(0..4)?, number(5..7)?, number(8..10)?),
        8 => (number(0..4)?, number(4..6)?, number(6..8)?),
        _ => return None,
    };
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = *lengths.get(usize::try_from(month - 1).ok()?)? + i64::from(leap && month == 2);
    if !(1800..=2200).contains(&year) || !(1..=length).contains(&day) {
        return None;
    }
    let time = time.map_or(Some(0.0), part_of_day)?;
    Some(days(year, month, day) as f64 + time)
}

/// `08:26`, `08:26:00`, `08:26:00.5`, with or without an offset, which is not applied: the day is the one written.
fn part_of_day(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('Z');
    let text = text.find(['+', '-']).map_or(text, |at| &text[..at]);
    let mut parts = text.split(':');
    let (hours, minutes) = (parts.next()?.parse::<u32>().ok()?, parts.next()?.parse::<u32>().ok()?);
    let seconds = parts.next().map_or(Some(0.0), |part| part.parse::<f64>().ok())?;
    let sound = hours < 24 && minutes < 60 && (0.0..61.0).contains(&seconds) && parts.next().is_none();
    sound.then(|| (f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + seconds) / 86_400.0)
}

/// The month of a day since 1970-01-01, such as `2026-11`.
#[must_use]
pub fn month(day: f64) -> String {
    let day = day.floor() as i64 + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day - era * 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}")
}

#[cfg(test)]
mod tests {
    use super::{days, month, parse};

    #[test]
    fn days_are_counted_without_a_gap() {
        let mut expected = days(1896, 1, 1);
        for year in 1896..2105 {
            for (at, length) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
                let leap = at == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
                for day in 1..=length + i64::from(leap) {
                    let of_month = at as i64 + 1;
                    assert_eq!(days(year, of_month, day), expected);
                    assert_eq!(month(expected as f64 + 0.9), format!("{year:04}-{of_month:02}"));
                    assert_eq!(parse(&format!("{year:04}{of_month:02}{day:02}")), Some(expected as f64));
                    expected += 1;
                }
            }
        }
        assert_eq!(days(1970, 1, 1), 0);
    }

    #[test]
    fn dates_come_in_their_usual_forms() {
        let day = days(2010, 12, 1) as f64;
        for text in ["2010-12-01", "2010/12/01", "20101201", "2010-12-01T00:00:00Z"] {
            assert_eq!(parse(text), Some(day), "{text}");
        }
        assert_eq!(parse("2010-12-01 12:00"), Some(day + 0.5));
        assert_eq!(parse("2010-12-01T06:00:00.000+09:00"), Some(day + 0.25));
        for text in
            ["", "2010-13-01", "2010-02-29", "2010-12/01", "3/4/2010", "2010-12-01 25:00", "123456789", "19001301"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
