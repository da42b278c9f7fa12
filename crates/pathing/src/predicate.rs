//! Simple typed comparisons of properties: `amount > 100 and currency == "EUR"`.
//!
//! ```text
//! either     = both { ("or" | "||") both }
//! both       = single { ("and" | "&&") single }
//! single     = "(" either ")" | property operator literal
//! operator   = "==" | "=" | "!=" | "<" | "<=" | ">" | ">="
//! literal    = number | "text" | 'text' | true | false
//! property   = letters, digits, '_', '-', '.' | "text" | 'text'
//! ```
//!
//! A comparison holds only when the property is there and of the literal's type; this goes for `!=` too. Flags know
//! only equality; texts are ordered by their characters.

use crate::log::{EventLog, Numbers, Texts};
use crate::text::{Cursor, ParseError};
use crate::value::{Facts, Scalar};

/// A condition on the properties of one event.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// A property compared with a literal.
    Compare {
        /// The property's name.
        property: String,
        /// How they are compared.
        operator: Operator,
        /// What with.
        literal: Literal,
    },
    /// All of them hold.
    And(Vec<Predicate>),
    /// One of them holds.
    Or(Vec<Predicate>),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A value written in a predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// True or false.
    Flag(bool),
}

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 64;

impl Predicate {
    /// Reads a predicate; nothing may follow it.
    ///
    /// # Errors
    /// [`ParseError`] with the position.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let mut cursor = Cursor::new(text);
        let predicate = Self::read(&mut cursor)?;
        match cursor.peek() {
            None => Ok(predicate),
            Some(_) => Err(cursor.expected("the end")),
        }
    }

    /// Reads a predicate and stops behind it.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Result<Self, ParseError> {
        either(cursor, 0)
    }

    /// Calls `take` with the name of every property that it reads.
    pub fn each_property<'a>(&'a self, take: &mut dyn FnMut(&'a str)) {
        match self {
            Self::Compare { property, .. } => take(property),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.each_property(take)),
        }
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, facts: &impl Facts) -> bool {
        match self {
            Self::Compare { property, operator, literal } => {
                facts.property(property).is_some_and(|value| operator.holds(value, literal))
            }
            Self::And(all) => all.iter().all(|one| one.holds(facts)),
            Self::Or(any) => any.iter().any(|one| one.holds(facts)),
        }
    }
}

/// A predicate over the columns of one log: texts are compared once for each distinct one.
#[derive(Debug)]
pub(crate) enum Bound<'a> {
    Compare(Compared<'a>),
    And(Vec<Bound<'a>>),
    Or(Vec<Bound<'a>>),
}

/// A comparison with the columns of the literal's type.
#[derive(Debug, Default)]
pub(crate) struct Compared<'a> {
    numbers: Option<(&'a Numbers, Operator, f64)>,
    /// Codes, and whether the comparison holds of each.
    texts: Vec<(&'a [u32], Vec<bool>)>,
    flags: Option<(&'a [u8], Operator, bool)>,
}

impl Predicate {
    /// Looks up the columns of a log. What the source gave no type is compared as the literal's type where it can be
    /// read as one.
    pub(crate) fn bind<'a>(&self, log: &'a EventLog) -> Bound<'a> {
        match self {
            Self::And(all) => Bound::And(all.iter().map(|one| one.bind(log)).collect()),
            Self::Or(any) => Bound::Or(any.iter().map(|one| one.bind(log)).collect()),
            Self::Compare { property, operator, literal } => {
                let mut compared = Compared::default();
                let Some(column) = log.column(property) else { return Bound::Compare(compared) };
                match literal {
                    Literal::Number(number) => {
                        compared.numbers = column.numbers.as_ref().map(|numbers| (numbers, *operator, *number));
                    }
                    Literal::Text(_) => compared.texts.extend(column.texts.as_ref().map(|texts| {
                        (texts.codes.as_slice(), truth(texts, |text| operator.holds(Scalar::Text(text), literal)))
                    })),
                    Literal::Flag(flag) => {
                        compared.flags = column.flags.as_deref().map(|flags| (flags, *operator, *flag));
                    }
                }
                compared.texts.extend(
                    column.untyped.as_ref().map(|texts| {
                        (texts.codes.as_slice(), truth(texts, |text| operator.holds_untyped(text, literal)))
                    }),
                );
                Bound::Compare(compared)
            }
        }
    }
}

fn truth(texts: &Texts, holds: impl FnMut(&str) -> bool) -> Vec<bool> {
    texts.names.iter().map(holds).collect()
}

impl Bound<'_> {
    /// Whether it holds in a row.
    pub(crate) fn holds(&self, row: usize) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.holds(row)),
            Self::Or(any) => any.iter().any(|one| one.holds(row)),
            Self::Compare(compared) => compared.holds(row),
        }
    }
}

impl Compared<'_> {
    fn holds(&self, row: usize) -> bool {
        if let Some((numbers, operator, literal)) = &self.numbers
            && let Some(number) = numbers.get(row)
        {
            return operator.holds(Scalar::Number(number), &Literal::Number(*literal));
        }
        if let Some((flags, operator, literal)) = &self.flags
            && flags[row] != 0
        {
            return operator.holds(Scalar::Flag(flags[row] == 2), &Literal::Flag(*literal));
        }
        self.texts.iter().any(|(codes, truth)| truth.get(codes[row] as usize).is_some_and(|holds| *holds))
    }
}

impl Operator {
    /// Compares a text without a type as a value of the literal's type.
    fn holds_untyped(self, text: &str, literal: &Literal) -> bool {
        match literal {
            Literal::Text(_) => self.holds(Scalar::Text(text), literal),
            Literal::Flag(_) => match text {
                "true" => self.holds(Scalar::Flag(true), literal),
                "false" => self.holds(Scalar::Flag(false), literal),
                _ => false,
            },
            Literal::Number(_) => text.parse().is_ok_and(|number| self.holds(Scalar::Number(number), literal)),
        }
    }

    fn holds(self, value: Scalar<'_>, literal: &Literal) -> bool {
        let order = match (value, literal) {
            (Scalar::Number(value), Literal::Number(literal)) => value.partial_cmp(literal),
            (Scalar::Text(value), Literal::Text(literal)) => Some(value.cmp(literal)),
            (Scalar::Flag(value), Literal::Flag(literal)) if matches!(self, Self::Equal | Self::NotEqual) => {
                Some(value.cmp(literal))
            }
            _ => None,
        };
        order.is_some_and(|order| match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        })
    }
}

impl std::fmt::Display for Predicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let joined = |f: &mut std::fmt::Formatter<'_>, parts: &[Self], word: &str| {
            for (at, part) in parts.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { word })?;
                match part {
                    Self::Compare { .. } => write!(f, "{part}")?,
                    _ => write!(f, "({part})")?,
                }
            }
            Ok(())
        };
        match self {
            Self::And(all) => joined(f, all, " and "),
            Self::Or(any) => joined(f, any, " or "),
            Self::Compare { property, operator, literal } => write!(f, "{property} {operator} {literal}"),
        }
    }
}

impl std::fmt::Display for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        })
    }
}

impl std::fmt::Display for Literal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

fn either(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, ParseError> {
    let mut any = vec![both(cursor, depth)?];
    while cursor.take("||") || word(cursor, "or") {
        any.push(both(cursor, depth)?);
    }
    Ok(if any.len() > 1 { Predicate::Or(any) } else { any.remove(0) })
}

fn both(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, ParseError> {
    let mut all = vec![single(cursor, depth)?];
    while cursor.take("&&") || word(cursor, "and") {
        all.push(single(cursor, depth)?);
    }
    Ok(if all.len() > 1 { Predicate::And(all) } else { all.remove(0) })
}

fn single(cursor: &mut Cursor<'_>, depth: usize) -> Result<Predicate, ParseError> {
    if cursor.take("(") {
        if depth == MAX_DEPTH {
            return Err(cursor.error("parentheses nest too deeply"));
        }
        let inner = either(cursor, depth + 1)?;
        return if cursor.take(")") { Ok(inner) } else { Err(cursor.expected("')'")) };
    }
    let property = match cursor.peek() {
        Some('"' | '\'') => cursor.quoted()?,
        _ => cursor.take_while(is_property).to_owned(),
    };
    if property.is_empty() {
        return Err(cursor.expected("the name of a property"));
    }
    let operators = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::AtMost),
        (">=", Operator::AtLeast),
        ("=", Operator::Equal),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];
    let Some((_, operator)) = operators.into_iter().find(|(text, _)| cursor.take(text)) else {
        return Err(cursor.expected("a comparison such as '>'"));
    };
    cursor.peek();
    let before = cursor.clone();
    let literal = literal(cursor)?;
    if matches!(literal, Literal::Flag(_)) && !matches!(operator, Operator::Equal | Operator::NotEqual) {
        return Err(before.error("true and false can only be compared by == and !="));
    }
    Ok(Predicate::Compare { property, operator, literal })
}

fn literal(cursor: &mut Cursor<'_>) -> Result<Literal, ParseError> {
    if let Some('"' | '\'') = cursor.peek() {
        return cursor.quoted().map(Literal::Text);
    }
    let before = cursor.clone();
    match cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '_')) {
        "true" => Ok(Literal::Flag(true)),
        "false" => Ok(Literal::Flag(false)),
        number => match number.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Literal::Number(value)),
            _ => Err(before.clone().expected("a number, a text in quotes, true or false")),
        },
    }
}

fn word(cursor: &mut Cursor<'_>, word: &str) -> bool {
    cursor.peek();
    let follows = cursor.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_property));
    follows && cursor.take(word)
}

fn is_property(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Properties, Value};

    fn holds(text: &str) -> bool {
        let facts: Properties = [
            ("amount".to_owned(), Value::Number(120.0)),
            ("currency".to_owned(), Value::from("EUR")),
            ("new".to_owned(), Value::Flag(true)),
        ]
        .into();
        Predicate::parse(text).unwrap().holds(&facts)
    }

    #[test]
    fn compares_values_of_one_type() {
        for text in [
            "amount > 100",
            "amount>=120 and currency=='EUR'",
            "amount = 1.2e2",
            "currency > 'E' && currency < \"F\"",
            "amount < 1 or (currency != 'USD' and new == true)",
            "new != false",
            "'amount' <= 120",
        ] {
            assert!(holds(text), "{text}");
        }
        for text in ["amount > 120", "amount == '120'", "missing != 1", "currency != 7", "amount < 1 or amount > 200"] {
            assert!(!holds(text), "{text}");
        }
    }

    #[test]
    fn tells_where_it_goes_wrong() {
        let position = |text: &str| Predicate::parse(text).unwrap_err().position;
        assert_eq!(position(""), 1);
        assert_eq!(position("amount ~ 5"), 8);
        assert_eq!(position("amount > five"), 10);
        assert_eq!(position("größe > 5 und"), 11);
        assert_eq!(position("a == 'open"), 6);
        assert_eq!(position("new > true"), 7);
        assert_eq!(position("(a == 1"), 8);
        assert!(Predicate::parse(&"(".repeat(5000)).is_err());
    }
}
