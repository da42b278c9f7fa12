//! Dates as eight digits.

use super::hints::{DateOrder, Hints};
use super::{Form, fold};

/// `yyyymmdd`; parts that are not known are zeros. What cannot be read as a date, such as one with a slip in it, keeps its
/// digits.
pub(super) fn prepare(value: &str, hints: &Hints, form: &mut Form) {
    let parts = Parts::read(value);
    if let Some((year, month, day)) = parts.date(hints.date_order) {
        for (number, width) in [(year, 4), (month, 2), (day, 2)] {
            for place in (0..width).rev() {
                form.plain.push(b'0' + (number / 10_u32.pow(place) % 10) as u8);
            }
        }
    } else {
        fold::digits_into(value, &mut form.plain);
        form.plain.truncate(14);
        if form.plain.iter().all(|digit| *digit == b'0') {
            form.plain.clear();
        }
    }
    form.key.extend_from_slice(&form.plain);
}

/// The numbers of a date in their order.
#[derive(Default)]
struct Parts {
    numbers: [u32; 3],
    /// Digits of each.
    widths: [usize; 3],
    count: usize,
    /// Which of the numbers is a month's name.
    named: Option<usize>,
    /// What the year of an era adds.
    era: u32,
    /// Whether more than three numbers stand there without a time before them.
    more: bool,
}

impl Parts {
    fn read(value: &str) -> Self {
        let mut parts = Self::default();
        let bytes = value.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii_digit() {
                let end =
                    bytes[at..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |len| at + len);
                if parts.count == 3 {
                    // The time of day follows.
                    break;
                }
                let number =
                    bytes[at..end].iter().take(9).fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
                parts.push(number, end - at);
                at = end;
            } else if byte.is_ascii_alphabetic() || !byte.is_ascii() {
                let end = bytes[at..]
                    .iter()
                    .position(|byte| byte.is_ascii() && !byte.is_ascii_alphabetic())
                    .map_or(bytes.len(), |len| at + len);
                parts.word(value.get(at..end).unwrap_or_default());
                at = end;
            } else {
                at += 1;
            }
        }
        parts
    }

    fn push(&mut self, number: u32, width: usize) {
        if self.count < 3 {
            self.numbers[self.count] = number;
            self.widths[self.count] = width;
            self.count += 1;
        } else {
            self.more = true;
        }
    }

    fn word(&mut self, word: &str) {
        if !word.is_ascii() {
            if let Some((_, years)) = ERAS.iter().find(|(era, _)| word.contains(era)) {
                self.era = *years;
            }
            // Digits of other scripts stand among letters.
            let (mut number, mut width) = (0, 0);
            for sign in word.chars() {
                match fold::digit(sign) {
                    Some(digit) if width < 9 => {
                        number = number * 10 + digit;
                        width += 1;
                    }
                    _ => {
                        if width > 0 {
                            self.push(number, width);
                        }
                        (number, width) = (0, 0);
                    }
                }
            }
            if width > 0 {
                self.push(number, width);
                return;
            }
        }
        if let Some(month) = month(word).filter(|_| self.named.is_none() && self.count < 3) {
            self.named = Some(self.count);
            self.push(month, 2);
        }
    }

    /// Year, month and day.
    fn date(&self, order: DateOrder) -> Option<(u32, u32, u32)> {
        let [a, b, c] = self.numbers;
        match (self.count, self.widths) {
            (1, [8, ..]) => {
                let year_first = (a / 10_000, a / 100 % 100, a % 100);
                let year_last = (a % 10_000, a / 10_000 % 100, a / 1_000_000);
                let (year, day, month) = year_last;
                valid(year_first)
                    .or_else(|| valid(if order == DateOrder::Mdy { (year, month, day) } else { (year, day, month) }))
                    .or_else(|| valid(if order == DateOrder::Mdy { (year, day, month) } else { (year, month, day) }))
            }
            (1, [6, ..]) => {
                let (x, y, z) = (a / 10_000, a / 100 % 100, a % 100);
                // With a year of four digits: yyyymm.
                let month = Some((a / 100, y_of(a % 100), 0))
                    .filter(|(year, month, _)| (1900..2100).contains(year) && *month > 0);
                match order {
                    DateOrder::Ymd => valid((century(x), y, z)).or(month),
                    DateOrder::Dmy => valid((century(z), y, x)).or_else(|| valid((century(x), y, z))),
                    DateOrder::Mdy => valid((century(z), x, y)).or_else(|| valid((century(x), y, z))),
                }
            }
            (1, [4, ..]) => (1850..2100).contains(&a).then_some((a, 0, 0)),
            (2, [4, ..]) => ((1850..2100).contains(&a) && (1..=12).contains(&b)).then_some((a, b, 0)),
            (2, [_, 4, _]) => ((1850..2100).contains(&b) && (1..=12).contains(&a)).then_some((b, a, 0)),
            (3, [x, y, z]) if !self.more => {
                if x > 4 || y > 2 || z > 4 {
                    return None;
                }
                if self.era > 0 {
                    return valid((a + self.era, b, c));
                }
                match self.named {
                    // "Jan 2 1980" and "2 Jan 1980".
                    Some(0) => return valid((year(c, z), a, b)),
                    Some(1) if x == 4 || a > 31 => return valid((year(a, x), b, c)),
                    Some(_) => return valid((year(c, z), b, a)),
                    None => {}
                }
                if x >= 3 || a > 31 {
                    return valid((year(a, x), b, c));
                }
                if z < 3 && c <= 31 && order == DateOrder::Ymd {
                    return valid((century(a), b, c));
                }
                let (day_first, month_first) = ((year(c, z), b, a), (year(c, z), a, b));
                match order {
                    DateOrder::Mdy => valid(month_first).or_else(|| valid(day_first)),
                    _ => valid(day_first).or_else(|| valid(month_first)),
                }
            }
            _ => None,
        }
    }
}

fn y_of(month: u32) -> u32 {
    if month <= 12 { month } else { 0 }
}

fn year(number: u32, width: usize) -> u32 {
    if width <= 2 { century(number) } else { number }
}

/// A year of two digits: nobody is born much later than now, and few are older than a hundred years.
fn century(year: u32) -> u32 {
    if year > 99 {
        year
    } else if year <= 29 {
        2000 + year
    } else {
        1900 + year
    }
}

fn valid(date: (u32, u32, u32)) -> Option<(u32, u32, u32)> {
    let (year, month, day) = date;
    ((1800..2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(date)
}

/// Eras of Taiwan and Japan, and what their years add.
const ERAS: [(&str, u32); 7] =
    [("民國", 1911), ("民国", 1911), ("明治", 1867), ("大正", 1911), ("昭和", 1925), ("平成", 1988), ("令和", 2018)];

/// The number of a month by its name in English, German, French, Spanish, Italian, Portuguese, Dutch or Polish.
fn month(word: &str) -> Option<u32> {
    let mut start = [0_u8; 4];
    let mut len = 0;
    for sign in word.chars() {
        let plain = match sign {
            'é' | 'è' | 'É' => b'e',
            'ä' | 'Ä' => b'a',
            'û' | 'Û' => b'u',
            'ź' => b'z',
            sign if sign.is_ascii_alphabetic() => sign.to_ascii_lowercase() as u8,
            _ => return None,
        };
        if len < 4 {
            start[len] = plain;
        }
        len += 1;
    }
    if len < 3 {
        return None;
    }
    Some(match &start[..3] {
        b"jan" | b"ene" | b"gen" | b"sty" => 1,
        b"feb" | b"fev" | b"lut" => 2,
        b"mar" | b"mrz" | b"maa" | b"mae" | b"mrt" => 3,
        b"apr" | b"avr" | b"abr" | b"kwi" => 4,
        b"may" | b"mai" | b"mag" | b"mei" | b"maj" => 5,
        b"jun" | b"giu" | b"cze" => 6,
        b"jui" if start[3] == b'n' => 6,
        b"jul" | b"jui" | b"lug" | b"lip" => 7,
        b"aug" | b"aou" | b"ago" | b"sie" => 8,
        b"sep" | b"set" | b"wrz" => 9,
        b"oct" | b"okt" | b"ott" | b"out" | b"paz" => 10,
        b"nov" | b"lis" => 11,
        b"dec" | b"dez" | b"dic" | b"gru" => 12,
        _ => return None,
    })
}

/// The order of the dates of a column, from those that can be read in one way only.
pub(super) fn order(sample: &[&str]) -> DateOrder {
    let (mut day_first, mut month_first, mut year_last) = (0_u32, 0_u32, 0_u32);
    let mut year_first = 0_u32;
    for value in sample {
        let parts = Parts::read(value);
        let (a, b, c) = match (parts.count, parts.widths) {
            (3, [x, _, z]) if parts.named.is_none() && parts.era == 0 => {
                if x >= 3 || parts.numbers[0] > 31 {
                    year_first += 1;
                    continue;
                }
                if z >= 3 || parts.numbers[2] > 31 {
                    year_last += 1;
                }
                (parts.numbers[0], parts.numbers[1], parts.numbers[2])
            }
            (1, [8, ..]) => {
                let number = parts.numbers[0];
                if valid((number / 10_000, number / 100 % 100, number % 100)).is_some() {
                    year_first += 1;
                    continue;
                }
                year_last += 1;
                (number / 1_000_000, number / 10_000 % 100, number % 10_000)
            }
            (1, [6, ..]) => {
                let number = parts.numbers[0];
                (number / 10_000, number / 100 % 100, number % 100)
            }
            _ => continue,
        };
        let (may_month, may_day) = (|number| (1..=12).contains(&number), |number| (1..=31).contains(&number));
        day_first += u32::from(may_day(a) && !may_month(a) && may_month(b));
        month_first += u32::from(may_month(a) && may_day(b) && !may_month(b));
        year_last += u32::from(c > 31 && parts.widths[0] != 8);
    }
    if year_first > year_last && day_first + month_first <= year_first {
        DateOrder::Ymd
    } else if month_first > day_first {
        DateOrder::Mdy
    } else if day_first > 0 || year_last > 0 {
        DateOrder::Dmy
    } else {
        DateOrder::Ymd
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(value: &str, date_order: DateOrder) -> String {
        let mut form = Form::default();
        prepare(value, &Hints { date_order, ..Hints::default() }, &mut form);
        String::from_utf8(form.plain).unwrap()
    }

    #[test]
    fn dates_in_every_form() {
        for value in [
            "1990-01-02",
            "1990.1.2",
            "19900102",
            "1990/01/02 00:00:00",
            "1990-01-02T10:11:12Z",
            "02.01.1990",
            "2/1/1990",
            "2 Jan 1990",
            "January 2, 1990",
            "2. Januar 1990",
            "2 janvier 1990",
            "1990년 1월 2일",
            "1990年1月2日",
            "民國79年1月2日",
            "平成2年1月2日",
            "900102",
            "90-01-02",
            "１９９０年１月２日",
            "02011990",
        ] {
            assert_eq!(plain(value, DateOrder::Ymd), "19900102", "{value}");
        }
        assert_eq!(plain("1/2/90", DateOrder::Mdy), "19900102");
        assert_eq!(plain("2/1/90", DateOrder::Dmy), "19900102");
        assert_eq!(plain("13/2/1990", DateOrder::Mdy), "19900213");
        assert_eq!(plain("1990", DateOrder::Ymd), "19900000");
        assert_eq!(plain("1990-05", DateOrder::Ymd), "19900500");
        assert_eq!(plain("19901309", DateOrder::Ymd), "19901309", "a slip keeps its digits");
        assert_eq!(plain("0000-00-00", DateOrder::Ymd), "");
    }

    #[test]
    fn the_order_is_that_of_the_clear_ones() {
        assert_eq!(order(&["01/02/1990", "03/25/1980"]), DateOrder::Mdy);
        assert_eq!(order(&["01/02/1990", "25/03/1980"]), DateOrder::Dmy);
        assert_eq!(order(&["1990-01-02", "1980-03-25"]), DateOrder::Ymd);
        assert_eq!(order(&["900102", "801231"]), DateOrder::Ymd);
        assert_eq!(order(&["01.02.1990"]), DateOrder::Dmy);
        assert_eq!(order(&[]), DateOrder::Ymd);
    }

    proptest! {
        #[test]
        fn every_form_of_a_date_is_the_same(year in 1900_u32..2025, month in 1_u32..13, day in 1_u32..29) {
            let expected = format!("{year:04}{month:02}{day:02}");
            for value in [
                format!("{year}-{month:02}-{day:02}"), format!("{year}년 {month}월 {day}일"), expected.clone(),
            ] {
                prop_assert_eq!(plain(&value, DateOrder::Ymd), expected.clone());
            }
            prop_assert_eq!(plain(&format!("{day:02}/{month:02}/{year}"), DateOrder::Dmy), expected.clone());
            prop_assert_eq!(plain(&format!("{month}/{day}/{year}"), DateOrder::Mdy), expected);
        }

        #[test]
        fn any_text_does(value in "\\PC{0,30}") {
            let text = plain(&value, DateOrder::Dmy);
            prop_assert!(text.len() <= 14 && text.bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
