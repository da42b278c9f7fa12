//! Fields made from parts of columns: a family name from a whole name, a house number from an address in one line.

use crate::text::{Form, Hints, Role, prepare, split_name};
use serde::{Deserialize, Serialize};

/// Which part of a value makes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SourcePart {
    /// All of it.
    Whole,
    /// The given names of a whole name.
    Given,
    /// The family name of a whole name.
    Family,
    /// An address without its numbers.
    Words,
    /// The house number, with the flat.
    Number,
    /// The postcode.
    Code,
}

/// Where the values of a field come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The column.
    pub(crate) column: String,
    /// What the column means.
    pub(crate) role: Role,
    /// The part taken.
    pub(crate) part: SourcePart,
}

/// The comparable form of a field's value; none when the column's value has no such part.
pub(crate) fn derive(role: Role, part: SourcePart, value: &str, hints: &Hints) -> Option<Form> {
    match part {
        SourcePart::Whole => prepare(role, value, hints),
        SourcePart::Given => {
            let parts = split_name(value, hints);
            prepare(role, &parts.given, &parts.hints)
        }
        SourcePart::Family => {
            let parts = split_name(value, hints);
            prepare(role, &parts.family, &parts.hints)
        }
        SourcePart::Words | SourcePart::Number | SourcePart::Code => {
            let form = prepare(Role::Street, value, hints)?;
            let plain = std::str::from_utf8(&form.plain).ok()?;
            let tokens: Vec<&str> = plain.split(' ').filter(|token| Token::of(token).part() == part).collect();
            if tokens.is_empty() {
                return None;
            }
            let joined = tokens.join(" ");
            match part {
                SourcePart::Words => prepare(role, &joined, hints),
                _ => Some(Form { plain: joined.clone().into_bytes(), key: joined.into_bytes() }),
            }
        }
    }
}

/// What a word of an address is.
enum Token {
    Word,
    Number,
    Code,
}

impl Token {
    fn of(token: &str) -> Self {
        let digits = token.chars().filter(char::is_ascii_digit).count();
        let signs = token.chars().count();
        if digits == 0 || signs > digits + 4 {
            Self::Word
        } else if digits == signs && digits >= 4 || !token.starts_with(|sign: char| sign.is_ascii_digit()) {
            Self::Code
        } else {
            Self::Number
        }
    }

    fn part(&self) -> SourcePart {
        match self {
            Self::Word => SourcePart::Words,
            Self::Number => SourcePart::Number,
            Self::Code => SourcePart::Code,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_part_into_words_and_numbers() {
        let part = |part, value| {
            let form = derive(Role::HouseNumber, part, value, &Hints::default());
            form.map(|form| String::from_utf8_lossy(&form.plain).into_owned())
        };
        let address = "Flat 7, 56 Fairview Street, Doncaster 60042";
        assert_eq!(part(SourcePart::Number, address).as_deref(), Some("7 56"));
        assert_eq!(part(SourcePart::Code, address).as_deref(), Some("60042"));
        assert_eq!(part(SourcePart::Code, "Broad Court"), None);
    }
}
