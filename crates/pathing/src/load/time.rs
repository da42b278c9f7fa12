//! Times as files hold them.

use attune_kernel::Timestamp;

/// Reads times; remembers the last day, which the next time is likely to share.
#[derive(Default)]
pub(super) struct Times {
    date: [u8; 10],
    /// The microseconds at which that day begins.
    midnight: i64,
}

impl Times {
    /// The microseconds since the epoch, or what is wrong.
    pub(super) fn read(&mut self, text: &str) -> Result<i64, &'static str> {
        let micros = match self.plain(text.as_bytes()) {
            Some(micros) => micros,
            None => {
                Timestamp::parse(text).map_err(|_| "not a time: expected RFC 3339 or epoch milliseconds")?.as_micros()
            }
        };
        if Timestamp::from_micros(micros).is_plausible() { Ok(micros) } else { Err("not between 1900 and 2199") }
    }

    /// The common forms; nothing for any other.
    fn plain(&mut self, text: &[u8]) -> Option<i64> {
        if text.len() <= 15 {
            return text
                .iter()
                .try_fold(0i64, |value, byte| Some(value * 10 + digit(*byte)?))
                .filter(|_| !text.is_empty())
                .map(|millis| millis * 1000);
        }
        let (date, rest) = text.split_first_chunk::<10>()?;
        let (clock, rest) = rest.split_first_chunk::<9>()?;
        if *date != self.date {
            self.midnight = midnight(date)?;
            self.date = *date;
        }
        if clock[0] != b'T' || clock[3] != b':' || clock[6] != b':' {
            return None;
        }
        let (hour, minute, second) = (pair(clock[1], clock[2])?, pair(clock[4], clock[5])?, pair(clock[7], clock[8])?);
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (fraction, zone) = match rest.split_first() {
            Some((b'.', rest)) => {
                let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let places = length.min(6) as u32;
                let value =
                    rest[..length.min(6)].iter().try_fold(0i64, |value, byte| Some(value * 10 + digit(*byte)?))?;
                if length == 0 || length > 9 {
                    return None;
                }
                (value * 10i64.pow(6 - places), &rest[length..])
            }
            _ => (0, rest),
        };
        let east = match *zone {
            [b'Z'] => 0,
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (pair(h1, h2)?, pair(m1, m2)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                (hours * 60 + minutes) * if sign == b'+' { 60 } else { -60 }
            }
            _ => return None,
        };
        Some(self.midnight + (hour * 3600 + minute * 60 + second - east) * 1_000_000 + fraction)
    }
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

fn pair(tens: u8, ones: u8) -> Option<i64> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// The microseconds at which a day `yyyy-mm-dd` begins, in the Gregorian calendar counted in eras of 400 years from
/// March on, so that the leap day is a year's last.
fn midnight(date: &[u8; 10]) -> Option<i64> {
    let year = pair(date[0], date[1])? * 100 + pair(date[2], date[3])?;
    let (month, day) = (pair(date[5], date[6])?, pair(date[8], date[9])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if date[4] != b'-' || date[7] != b'-' || !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468;
    Some(days * 86_400_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn takes_what_the_suite_takes() {
        let mut times = Times::default();
        for text in [
            "2026-11-23T10:20:30Z",
            "2024-02-29T23:59:59.5Z",
            "2026-11-23T10:20:30.123456789Z",
            "2026-11-23T10:20:30+09:00",
            "2026-11-23T00:20:30.5-23:59",
            "2024-03-01T00:00:00+00:01",
            "1763892000000",
            "0",
            "-5",
            "2026-11-23t10:20:30z",
            "2000-03-01T00:00:00.000001Z",
        ] {
            assert_eq!(times.read(text), Ok(Timestamp::parse(text).unwrap().as_micros()), "{text}");
        }
        for text in
            ["", "2023-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "yesterday", "2026-11-23", "9999999999999999", "1.5"]
        {
            assert!(times.read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn equals_the_calendar(micros in -2_208_988_800_000_000i64..7_258_118_400_000_000) {
            let mut times = Times::default();
            for micros in [micros, micros - micros % 1_000_000] {
                prop_assert_eq!(times.read(&Timestamp::from_micros(micros).to_string()), Ok(micros));
            }
        }
    }
}
