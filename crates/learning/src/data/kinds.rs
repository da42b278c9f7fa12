//! What a column holds, told by its content.

use serde::{Deserialize, Serialize};

use super::calendar;
use super::table::Column;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers.
    Number,
    /// Dates, as days.
    Date,
    /// Names of which each comes more than once.
    Name,
}

/// A column that is not learned from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// The share of rows that may be no number in a column of numbers: typing errors, which become missing values.
const STRAY: f64 = 0.01;
/// The share of rows with a text of their own from which a column names its rows.
const UNIQUE: f64 = 0.5;
/// The same for whole numbers, many of which differ in a column of amounts too.
const UNIQUE_NUMBERS: f64 = 0.995;
/// Rows below which repetition says nothing.
const FEW: usize = 30;
/// Words of a text from which it is prose.
const WORDS: f64 = 4.0;

/// Whether a text says that there is no value.
#[must_use]
pub fn missing(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || ["na", "n/a", "nan", "null", "?"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The finite number that a text is.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// What a column holds.
///
/// # Errors
/// Why it is left out.
pub fn kind_of(column: &Column) -> Result<Kind, LeftOut> {
    let left_out = |reason: &str| Err(LeftOut { column: column.name.clone(), reason: reason.to_owned() });
    let counts = column.counts();
    let texts = || column.texts.iter().map(String::as_str).zip(counts.iter().copied()).filter(|one| one.1 > 0);
    let present: usize = texts().filter(|one| !missing(one.0)).map(|one| one.1).sum();
    let distinct = texts().filter(|one| !missing(one.0)).count();
    let rows = column.codes.len();
    if distinct == 0 {
        return left_out("empty");
    }
    if distinct == 1 && present == rows {
        return left_out("the same in every row");
    }
    let share = |holds: &dyn Fn(&str) -> bool| {
        let holding: usize = texts().filter(|one| !missing(one.0) && holds(one.0)).map(|one| one.1).sum();
        holding as f64 / present as f64
    };
    let own = distinct as f64 / present as f64;
    // Eight digits are a date only if every one of them is.
    if share(&|text| calendar::parse(text).is_some())
        >= 1.0 - if share(&|text| number(text).is_some()) > 0.0 { 0.0 } else { STRAY }
    {
        return Ok(Kind::Date);
    }
    if share(&|text| number(text).is_some()) >= 1.0 - STRAY {
        let whole = share(&|text| number(text).is_none_or(|number| number.fract() == 0.0)) >= 1.0;
        if whole && own >= UNIQUE_NUMBERS && present >= FEW {
            return left_out("an identifier: a whole number that differs in every row");
        }
        return Ok(Kind::Number);
    }
    if own > UNIQUE && present >= FEW {
        let words: usize = texts().map(|one| one.0.split_whitespace().count() * one.1).sum();
        let prose = words as f64 / rows as f64 >= WORDS;
        return left_out(if prose { "free text" } else { "an identifier: most rows have one of their own" });
    }
    Ok(Kind::Name)
}

#[cfg(test)]
mod tests {
    use super::super::table::Table;
    use super::{Kind, kind_of, missing};

    fn kind(texts: impl Fn(usize) -> String) -> Result<Kind, String> {
        let mut table = Table::new(["it"]);
        for row in 0..200 {
            table.push([texts(row).as_str()]);
        }
        kind_of(&table.columns()[0]).map_err(|left| left.reason)
    }

    #[test]
    fn columns_are_told_by_their_content() {
        assert_eq!(kind(|row| format!("{}.5", row % 7)), Ok(Kind::Number));
        assert_eq!(kind(|row| if row == 9 { " ".to_owned() } else { format!("{}.25", row) }), Ok(Kind::Number));
        assert_eq!(kind(|row| if row == 9 { "x".to_owned() } else { format!("{}", row % 90) }), Ok(Kind::Number));
        assert_eq!(kind(|row| if row % 9 == 0 { "x".to_owned() } else { format!("{}", row % 9) }), Ok(Kind::Name));
        assert_eq!(kind(|row| format!("2026-01-{:02}", row % 28 + 1)), Ok(Kind::Date));
        assert_eq!(kind(|row| format!("202601{:02}", row % 28 + 1)), Ok(Kind::Date));
        assert_eq!(kind(|row| ["Yes", "No"][row % 2].to_owned()), Ok(Kind::Name));
        assert_eq!(kind(|row| ["Yes", ""][row % 2].to_owned()), Ok(Kind::Name));
    }

    #[test]
    fn columns_that_say_nothing_are_left_out_with_the_reason() {
        assert_eq!(kind(|_| String::new()), Err("empty".to_owned()));
        assert_eq!(kind(|_| "same".to_owned()), Err("the same in every row".to_owned()));
        assert!(kind(|row| format!("{}-XYZ", row * 37)).unwrap_err().contains("identifier"));
        assert!(kind(|row| format!("{}", 1_000_000 + row)).unwrap_err().contains("identifier"));
        assert_eq!(kind(|row| format!("a long complaint about thing {row}")), Err("free text".to_owned()));
    }

    #[test]
    fn missing_values_have_many_names() {
        assert!(["", "  ", "NA", "n/a", "NaN", "NULL", "?"].iter().all(|text| missing(text)));
        assert!(!["0", "none", "unknown", "No"].iter().any(|text| missing(text)));
    }
}
