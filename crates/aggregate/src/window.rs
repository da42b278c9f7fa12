//! The windows of declarations.

use attune_kernel::parse_duration;

use crate::clock::{Clock, DAY, HOUR, MINUTE, Zone};

/// Buckets that a trait may look back on, all windows of a trend or slope together.
pub(crate) const MAX_BUCKETS: i64 = 1500;

/// A length of time in microseconds.
pub(crate) fn length(text: &str) -> Result<i64, String> {
    let micros = parse_duration(text)?.as_micros();
    i64::try_from(micros).map_err(|_| format!("'{text}' is too long a duration"))
}

/// The clock of a window and how many of its buckets make it up.
///
/// # Errors
/// The field (`window` or `bucket`) and what is wrong with it.
pub(crate) fn window(window: &str, bucket: Option<&str>, zone: &Zone) -> Result<(Clock, i64), (&'static str, String)> {
    let long = length(window).map_err(|message| ("window", message))?;
    if !(HOUR..=400 * DAY).contains(&long) {
        return Err(("window", "is not from 1h to 400d".to_owned()));
    }
    let short = match bucket {
        Some(bucket) => length(bucket).map_err(|message| ("bucket", message))?,
        None if long <= 2 * HOUR => MINUTE,
        None if long <= 7 * DAY => HOUR,
        None => DAY,
    };
    if short < MINUTE {
        return Err(("bucket", "is shorter than 1m".to_owned()));
    }
    if short > DAY && short % DAY != 0 || short < DAY && DAY % short != 0 {
        return Err(("bucket", "is neither a part of a day nor whole days".to_owned()));
    }
    if long % short != 0 {
        let field = if bucket.is_some() { "bucket" } else { "window" };
        return Err((field, "a window is not a whole number of buckets".to_owned()));
    }
    let count = long / short;
    if count > MAX_BUCKETS {
        return Err(("bucket", format!("a window is more than {MAX_BUCKETS} buckets")));
    }
    Ok((clock(short, zone), count))
}

/// A clock with buckets of a length.
pub(crate) fn clock(length: i64, zone: &Zone) -> Clock {
    if length % DAY == 0 {
        Clock::Days(i32::try_from(length / DAY).unwrap_or(1), zone.clone())
    } else {
        Clock::Even(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_whole_buckets() {
        let of = |long, short| window(long, short, &Zone::Utc);
        assert_eq!(of("2h", None), Ok((Clock::Even(MINUTE), 120)));
        assert_eq!(of("7d", None), Ok((Clock::Even(HOUR), 168)));
        assert_eq!(of("30d", None), Ok((Clock::Days(1, Zone::Utc), 30)));
        assert_eq!(of("28d", Some("7d")), Ok((Clock::Days(7, Zone::Utc), 4)));
        for (long, short, field) in [
            ("30m", None, "window"),
            ("401d", None, "window"),
            ("x", None, "window"),
            ("7d", Some("5h"), "bucket"),
            ("7d", Some("36h"), "bucket"),
            ("7d", Some("1m"), "bucket"),
            ("7d", Some("30s"), "bucket"),
            ("30d", Some("7d"), "bucket"),
            ("61m", Some("2m"), "bucket"),
        ] {
            assert_eq!(of(long, short).unwrap_err().0, field, "{long} {short:?}");
        }
    }
}
