//! What each column means, from its header and from what stands in it.

mod headers;

use crate::table::RawColumn;
use crate::text::{Role, is_missing};
use headers::Said;

/// What stands in a column.
#[derive(Debug, Clone, Default)]
struct Contents {
    /// Records with a value.
    present: usize,
    /// Distinct values.
    distinct: usize,
    /// Shares of a sample of distinct values.
    at_sign: f64,
    date: f64,
    digits: f64,
    phone: f64,
    letters: f64,
    number: f64,
    fraction: f64,
    words: f64,
    length: f64,
}

/// The role of every column; none for one that is no evidence.
pub(crate) fn infer(columns: &[RawColumn]) -> Vec<Option<Role>> {
    let mut roles: Vec<Option<Role>> = columns.iter().map(|column| one(column, false)).collect();
    if roles.iter().all(Option::is_none) {
        // All records say the same: they are compared by what the columns mean rather than refused.
        roles = columns.iter().map(|column| one(column, true)).collect();
    }
    let records = columns.first().map_or(0, |column| column.codes.len());
    settle(&mut roles, columns, records);
    roles
}

/// What only the other columns tell: which name a lone "name" is, and that there is one street.
fn settle(roles: &mut [Option<Role>], columns: &[RawColumn], _records: usize) {
    let has = |roles: &[Option<Role>], role: Role| roles.contains(&Some(role));
    if !has(roles, Role::FamilyName) && has(roles, Role::GivenName) && has(roles, Role::FullName) {
        // "nom, prénom" and "name, vorname": beside a given name, a bare name is the family's, unless it holds both.
        for (at, role) in roles.iter_mut().enumerate() {
            if *role == Some(Role::FullName) && contents(&columns[at]).words < 1.5 {
                *role = Some(Role::FamilyName);
            }
        }
    }
    if !has(roles, Role::FamilyName) && !has(roles, Role::FullName) {
        for (at, role) in roles.iter_mut().enumerate() {
            if *role == Some(Role::GivenName) && contents(&columns[at]).words >= 1.7 {
                *role = Some(Role::FullName);
            }
        }
    }
    let named = [Role::GivenName, Role::FamilyName, Role::FullName].iter().any(|role| has(roles, *role));
    if !named {
        // Two or three words of letters only, most of them different: a whole name under a header that says nothing.
        let like_names = |at: &usize| {
            let contents = contents(&columns[*at]);
            let several = contents.distinct as f64 > 0.1 * contents.present as f64;
            roles[*at] == Some(Role::FreeText)
                && several
                && contents.letters > 0.98
                && contents.digits < 0.02
                && (1.7..=3.2).contains(&contents.words)
                && contents.length < 28.0
        };
        if let Some(at) = (0..roles.len()).find(like_names) {
            roles[at] = Some(Role::FullName);
        }
    }
    for role in [Role::Street, Role::City, Role::FullName, Role::Region, Role::Postcode, Role::HouseNumber] {
        let mut seen = false;
        for other in roles.iter_mut().filter(|other| **other == Some(role)) {
            if seen {
                *other = Some(if role == Role::HouseNumber || role == Role::Region {
                    Role::Category
                } else {
                    Role::FreeText
                });
            }
            seen = true;
        }
    }
}

fn one(column: &RawColumn, constant: bool) -> Option<Role> {
    let contents = contents(column);
    // What is the same everywhere tells nobody apart; in a few records it may be by chance.
    if !constant && contents.distinct < 2 && contents.present >= 4 {
        return None;
    }
    let unique = contents.present > 3 && contents.distinct as f64 > 0.999 * contents.present as f64;
    let said = match headers::read(&column.name) {
        Some(Said::Nothing) => return None,
        Some(Said::Role(role)) => Some(role),
        None => None,
    };
    if contents.at_sign > 0.5 {
        return Some(Role::Email);
    }
    match said {
        Some(Role::DateOfBirth) if contents.date < 0.3 => {}
        Some(Role::Phone) if contents.digits < 0.3 => {}
        Some(Role::Email) => {}
        Some(Role::GivenName | Role::FamilyName | Role::FullName) if contents.letters < 0.5 => {}
        Some(Role::Street) if contents.number > 0.8 && contents.length < 6.0 => return Some(Role::HouseNumber),
        Some(Role::Region | Role::Category) if contents.distinct > 2000 => return Some(Role::FreeText),
        Some(role) => return Some(role),
        None => {}
    }
    if contents.date > 0.8 {
        return (!unique).then_some(Role::DateOfBirth);
    }
    if contents.phone > 0.8 && contents.length >= 9.0 {
        return Some(Role::Phone);
    }
    let variety = contents.distinct as f64 / contents.present.max(1) as f64;
    if contents.distinct <= 50 || variety < 0.005 {
        return Some(Role::Category);
    }
    if contents.letters < 0.5 || contents.digits > 0.5 {
        if unique {
            return None;
        }
        if contents.fraction > 0.5 {
            return Some(Role::Number);
        }
        return Some(if variety > 0.2 { Role::NationalId } else { Role::Category });
    }
    Some(Role::FreeText)
}

/// Distinct values looked at.
const SAMPLE: usize = 500;

fn contents(column: &RawColumn) -> Contents {
    let mut counts = vec![0_u32; column.values.len()];
    for code in &column.codes {
        counts[*code as usize] += 1;
    }
    let step = (column.values.len() / SAMPLE).max(1);
    let mut result = Contents::default();
    let mut looked = 0.0;
    for (code, count) in counts.iter().enumerate().skip(1) {
        let sampled = code % step == 0 || column.values.len() <= SAMPLE;
        let value = if sampled { column.values.text(code as u32).trim() } else { "x" };
        if sampled && is_missing(value) {
            continue;
        }
        result.present += *count as usize;
        result.distinct += 1;
        if !sampled {
            continue;
        }
        looked += 1.0;
        let signs = value.chars().count().max(1) as f64;
        let digits = value.chars().filter(|sign| sign.is_numeric()).count() as f64;
        let letters = value.chars().filter(|sign| sign.is_alphabetic()).count() as f64;
        let marks = value.chars().all(|sign| sign.is_numeric() || " +-/().".contains(sign));
        let at = value.find('@').is_some_and(|at| value[at..].contains('.'));
        result.at_sign += f64::from(u8::from(at));
        result.date += f64::from(u8::from(is_date(value)));
        result.digits += f64::from(u8::from(digits >= 0.6 * signs));
        result.phone += f64::from(u8::from(marks && (9.0..=15.0).contains(&digits)));
        result.letters += f64::from(u8::from(letters >= 0.5 * signs));
        result.number += f64::from(u8::from(value.parse::<f64>().is_ok()));
        let fraction = value.parse::<f64>().is_ok_and(|_| value.contains('.'));
        result.fraction += f64::from(u8::from(fraction));
        result.words += value.split_whitespace().count() as f64;
        result.length += signs;
    }
    for share in [
        &mut result.at_sign,
        &mut result.date,
        &mut result.digits,
        &mut result.phone,
        &mut result.letters,
        &mut result.number,
        &mut result.fraction,
        &mut result.words,
        &mut result.length,
    ] {
        *share /= f64::max(looked, 1.0);
    }
    result
}

/// Whether a text looks like a date: three groups of digits, or eight digits with a month and a day in them.
fn is_date(value: &str) -> bool {
    let groups: Vec<&str> =
        value.split(|sign: char| !sign.is_ascii_digit()).filter(|group| !group.is_empty()).collect();
    let number = |text: &str| text.parse::<u32>().unwrap_or(0);
    let (month, day) = (1..=12, 1..=31);
    match groups.as_slice() {
        [a, b, c] if value.len() >= 6 && a.len() <= 4 && b.len() <= 2 && c.len() <= 4 => {
            let (a, b, c) = (number(a), number(b), number(c));
            let year_first = a > 31 && day.contains(&b) && day.contains(&c);
            let year_last = day.contains(&a) && day.contains(&b) && (month.contains(&a) || month.contains(&b));
            year_first || year_last
        }
        [one] if one.len() == 8 && value.len() == 8 => {
            let (year, rest) = (number(&one[..4]), number(&one[4..]));
            (1850..2100).contains(&year) && month.contains(&(rest / 100)) && day.contains(&(rest % 100))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::RawTable;

    fn column(name: &str, values: &[&str]) -> RawColumn {
        let mut table = RawTable::default();
        table.column(name);
        for value in values {
            let column = &mut table.columns[0];
            let code = column.values.intern(value.as_bytes());
            column.codes.push(code);
        }
        table.columns.remove(0)
    }

    #[test]
    fn contents_speak_where_headers_do_not() {
        let dates = ["1980-01-02", "1980-01-02", "1990-11-30", "1977-05-05"];
        assert_eq!(one(&column("x1", &dates), false), Some(Role::DateOfBirth));
        assert_eq!(one(&column("x2", &["a@b.de", "c@d.de", "a@b.de"]), false), Some(Role::Email));
        assert_eq!(one(&column("x3", &["010-1234-5678", "010-1234-5679", "010-1234-5678"]), false), Some(Role::Phone));
        assert_eq!(one(&column("x4", &["m", "f", "m", "f"]), false), Some(Role::Category));
        assert_eq!(one(&column("x5", &["same", "same", "same", "same", ""]), false), None);
    }

    #[test]
    fn a_bare_name_beside_a_given_name_is_the_family_name() {
        let columns = [column("Nom", &["Martin", "Petit"]), column("Prénom", &["Luc", "Anne"])];
        assert_eq!(infer(&columns), [Some(Role::FamilyName), Some(Role::GivenName)]);
    }
}
