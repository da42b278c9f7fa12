//! Text from the environment, a secret file or a flag, read as the type that the default of its key has.

use figment::value::{Dict, Num, Value};

/// What the default of a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bool,
    Integer,
    Float,
    List,
    Table,
    /// A table whose keys the operator chooses.
    OpenTable,
}

impl Kind {
    pub(super) fn of(default: &Value) -> Self {
        match default {
            Value::Bool(..) => Self::Bool,
            Value::Num(_, Num::F32(_) | Num::F64(_)) => Self::Float,
            Value::Num(..) => Self::Integer,
            Value::Array(..) => Self::List,
            Value::Dict(_, dict) if dict.is_empty() => Self::OpenTable,
            Value::Dict(..) => Self::Table,
            Value::String(..) | Value::Char(..) | Value::Empty(..) => Self::Text,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Float => "a number",
            Self::List => "a list",
            Self::Table | Self::OpenTable => "a table",
        }
    }

    /// Whether a value that was typed by its source may stand where the default has this kind.
    pub(super) fn takes(self, value: &Value) -> bool {
        let kind = Self::of(value);
        match self {
            Self::Table | Self::OpenTable => matches!(kind, Self::Table | Self::OpenTable),
            Self::Float => matches!(kind, Self::Float | Self::Integer),
            _ => self == kind,
        }
    }
}

/// Where in the defaults a path leads.
pub(super) enum Found {
    Key(Kind),
    /// Below a table whose keys the operator chooses.
    Open,
    Unknown,
}

pub(super) fn find(defaults: &Dict, path: &[&str]) -> Found {
    let Some((first, rest)) = path.split_first() else { return Found::Key(Kind::Table) };
    match defaults.get(*first) {
        None => Found::Unknown,
        Some(Value::Dict(_, dict)) if dict.is_empty() && !rest.is_empty() => Found::Open,
        Some(Value::Dict(_, dict)) if !rest.is_empty() => find(dict, rest),
        Some(value) if rest.is_empty() => Found::Key(Kind::of(value)),
        Some(_) => Found::Unknown,
    }
}

/// Reads a text as a kind. A text stays verbatim; a list is TOML in brackets, or texts separated by commas.
pub(super) fn read(kind: Kind, text: &str) -> Option<Value> {
    Some(match kind {
        Kind::Text => Value::from(text),
        Kind::Bool => Value::from(text.trim().parse::<bool>().ok()?),
        Kind::Integer => Value::from(text.trim().parse::<i64>().ok()?),
        Kind::Float => Value::from(text.trim().parse::<f64>().ok().filter(|number| number.is_finite())?),
        Kind::List if text.trim_start().starts_with('[') => toml_value(text)?,
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::from(items.map(str::to_owned).collect::<Vec<String>>())
        }
        Kind::Table | Kind::OpenTable => toml_value(text).filter(|value| value.as_dict().is_some())?,
    })
}

fn toml_value(text: &str) -> Option<Value> {
    let table: toml::Table = format!("value = {text}").parse().ok()?;
    (table.len() == 1).then(|| Value::serialize(table.get("value")?).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_what_was_written() {
        for verbatim in ["123456", "012345", "[abc]", "true", "1e5", " padded ", "\"quoted\"", "a=b", "{x}", ""] {
            assert_eq!(read(Kind::Text, verbatim).unwrap().into_string().as_deref(), Some(verbatim));
        }
    }

    #[test]
    fn other_kinds_are_read_or_refused() {
        assert_eq!(read(Kind::Integer, "42").unwrap().to_i128(), Some(42));
        assert_eq!(read(Kind::Bool, "true").unwrap().to_bool(), Some(true));
        assert_eq!(read(Kind::List, "a, b").unwrap().into_array().unwrap().len(), 2);
        assert_eq!(read(Kind::List, r#"[{ id = "a" }]"#).unwrap().into_array().unwrap().len(), 1);
        for (kind, text) in [(Kind::Integer, "4x"), (Kind::Bool, "yes"), (Kind::Float, "NaN"), (Kind::List, "[1")] {
            assert!(read(kind, text).is_none(), "{text}");
        }
        assert!(read(Kind::List, "[1]\nother = 2").is_none());
    }
}
