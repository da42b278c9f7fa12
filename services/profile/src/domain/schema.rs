//! The schema of profiles: which attributes there are, of what type, and which of several values is shown.
//!
//! A [`Registry`] is made from definitions and answers for each value that arrives whether it is taken in
//! ([`Admission`]). What it does not know or cannot read is kept aside with the reason. A definition changes only in ways
//! that keep known values readable ([`refused`]).

mod evolve;
mod read;
mod standard;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

pub use evolve::refused;
pub use standard::standard;

/// What an attribute is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Who the person is.
    Demographics,
    /// What the person has.
    Holdings,
    /// What the person is worth.
    Value,
    /// What the person does.
    Behaviour,
    /// What the person likes.
    Preference,
    /// With whom the person is connected.
    Relation,
    /// What the person allowed, as another system has it.
    Consent,
    /// What another system's model says.
    Scores,
    /// What came from outside.
    ThirdParty,
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// A text.
    String,
    /// A whole number below 2^53 in size.
    Int,
    /// A number.
    Double,
    /// True or false.
    Bool,
    /// A time in RFC 3339.
    Timestamp,
    /// A day as YYYY-MM-DD.
    Date,
    /// A number of units of a currency, exact to a millionth.
    Money,
}

/// One value or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One value.
    #[default]
    Single,
    /// Values in order.
    List,
    /// Different values.
    Set,
}

/// How much a value says of who somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pii {
    /// Nothing.
    None,
    /// Names somebody through another table only.
    Pseudonymous,
    /// Names somebody.
    #[default]
    Personal,
    /// Of a special category.
    Sensitive,
}

/// Which of several values is shown; none depends on the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The one that was true last.
    #[default]
    Latest,
    /// That of the first source of a list that said any.
    SourcePriority,
    /// The one that was said most often.
    MostFrequent,
    /// All since the last removal.
    SetUnion,
}

/// What an attribute is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Its name; one that ends in `.*` stands for every name with that beginning.
    pub id: String,
    /// What it means.
    pub description: String,
    /// What it is about.
    pub group: Group,
    /// The type of its values.
    #[serde(rename = "type")]
    pub of: Type,
    /// One value or several.
    #[serde(default)]
    pub shape: Shape,
    /// How personal it is.
    #[serde(default)]
    pub pii: Pii,
    /// For how many days after its event time a value is kept; none for as long as the person is.
    #[serde(default, rename = "retention_days", deserialize_with = "read::days")]
    pub retention: Option<Duration>,
    /// Which of several values is shown.
    #[serde(default)]
    pub policy: Policy,
    /// Sources, the most trusted first.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Who answers for it.
    #[serde(default)]
    pub owner: String,
    /// New values are kept aside.
    #[serde(default)]
    pub deprecated: bool,
}

/// Why a value is kept aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// No definition covers the name.
    Undeclared,
    /// The value is not of the declared type.
    WrongType(Type, Shape),
    /// The attribute takes no new values.
    Deprecated,
}

impl Aside {
    /// The reason as callers read it.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Undeclared => "UNDECLARED",
            Self::WrongType(..) => "WRONG_TYPE",
            Self::Deprecated => "DEPRECATED",
        }
    }

    /// What would have to be otherwise.
    #[must_use]
    pub fn detail(self) -> String {
        match self {
            Self::Undeclared => "no definition covers this name".to_owned(),
            Self::WrongType(of, shape) => {
                let of = format!("{of:?}").to_lowercase();
                match shape {
                    Shape::Single => format!("must be of type {of}"),
                    Shape::List => format!("must be a list of {of}"),
                    Shape::Set => format!("must be a set of {of}"),
                }
            }
            Self::Deprecated => "the attribute is deprecated and takes no new values".to_owned(),
        }
    }
}

/// What becomes of a value that arrives.
#[derive(Debug, Clone, PartialEq)]
pub enum Admission {
    /// It is taken in, in this form, with the rank of its source and under this policy.
    Taken {
        /// The value in the one form of its type.
        value: Value,
        /// The greater the more trusted; 0 where the source is not listed or the policy does not ask.
        rank: u32,
        /// Which of several values is shown.
        policy: Policy,
    },
    /// It is kept aside.
    Aside(Aside),
}

/// All definitions of a process, compiled.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    exact: BTreeMap<String, Definition>,
    /// Beginnings without the star.
    prefixes: BTreeMap<String, Definition>,
    accept_undeclared: bool,
}

impl Registry {
    /// The registry of these definitions; a later one takes the place of an earlier one of the same id.
    #[must_use]
    pub fn new(definitions: impl IntoIterator<Item = Definition>, accept_undeclared: bool) -> Self {
        let mut registry = Self { accept_undeclared, ..Self::default() };
        for one in definitions {
            match one.id.strip_suffix('*') {
                Some(prefix) => registry.prefixes.insert(prefix.to_owned(), one),
                None => registry.exact.insert(one.id.clone(), one),
            };
        }
        registry
    }

    /// A registry that takes every value as it is.
    #[must_use]
    pub fn open() -> Self {
        Self::new([], true)
    }

    /// The definition that covers a name: its own, else that of the longest beginning.
    #[must_use]
    pub fn definition(&self, name: &str) -> Option<&Definition> {
        if let Some(exact) = self.exact.get(name) {
            return Some(exact);
        }
        self.prefixes.iter().rev().find(|(prefix, _)| name.starts_with(prefix.as_str())).map(|(_, one)| one)
    }

    /// Every definition, ordered by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        let mut all: Vec<&Definition> = self.exact.values().chain(self.prefixes.values()).collect();
        all.sort_by(|one, two| one.id.cmp(&two.id));
        all.into_iter()
    }

    /// What becomes of a value of a name from a source. A null removes, and needs a name that is declared only.
    #[must_use]
    pub fn admit(&self, name: &str, value: &Value, source: &str) -> Admission {
        let Some(one) = self.definition(name) else {
            return if self.accept_undeclared {
                Admission::Taken { value: value.clone(), rank: 0, policy: Policy::Latest }
            } else {
                Admission::Aside(Aside::Undeclared)
            };
        };
        if one.deprecated && !value.is_null() {
            return Admission::Aside(Aside::Deprecated);
        }
        let read = if value.is_null() { Some(Value::Null) } else { read::value(one, value) };
        let Some(value) = read else { return Admission::Aside(Aside::WrongType(one.of, one.shape)) };
        let place = one.sources.iter().position(|known| known == source);
        let rank = match (one.policy, place) {
            (Policy::SourcePriority, Some(place)) => u32::MAX - u32::try_from(place).unwrap_or(u32::MAX - 1),
            _ => 0,
        };
        Admission::Taken { value, rank, policy: one.policy }
    }

    /// Whether any definition bounds how long values are kept.
    #[must_use]
    pub fn expires(&self) -> bool {
        self.exact.values().chain(self.prefixes.values()).any(|one| one.retention.is_some())
    }

    /// A text that is another one whenever a definition changes in a way that matters to values.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let parts = self.definitions().map(|one| {
            format!("{:?}", (&one.id, one.of, one.shape, one.policy, &one.sources, one.deprecated, one.retention))
        });
        format!("{}{}", self.accept_undeclared, parts.collect::<Vec<_>>().join("\n"))
    }
}
