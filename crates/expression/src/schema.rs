//! What an expression may name.

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::types::Type;

/// A field of a [`Schema`], by number in the order of declaration. A number of one schema means nothing to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PathId(u32);

impl PathId {
    /// The number, from 0, usable as an index into a table with one entry a field.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One declared field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Names joined with dots: `now`, `profile.attributes.age`.
    pub path: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub of: Type,
}

/// The declared fields and their types. Closed: what is not declared cannot be named; inside a field of type
/// [`Type::Map`] every key can.
///
/// Serialised as the list of its [`Field`]s.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Field>", into = "Vec<Field>")]
pub struct Schema {
    fields: Vec<Field>,
    by_path: FxHashMap<String, PathId>,
    groups: FxHashSet<String>,
    entries: FxHashMap<PathId, EntryTypes>,
}

/// What is known of the entries of a field of type [`Type::Map`]: the type of those that have one of their own, and whether
/// there are others.
#[derive(Debug, Clone, Default)]
pub struct EntryTypes {
    named: std::collections::BTreeMap<String, Type>,
    families: Vec<(String, String, Type)>,
    closed: bool,
}

impl EntryTypes {
    /// Declares an entry.
    #[must_use]
    pub fn entry(mut self, key: impl Into<String>, of: Type) -> Self {
        self.named.insert(key.into(), of);
        self
    }

    /// Declares every entry whose key has something between this beginning and this end.
    #[must_use]
    pub fn family(mut self, begins: impl Into<String>, ends: impl Into<String>, of: Type) -> Self {
        self.families.push((begins.into(), ends.into(), of));
        self
    }

    /// Makes a literal key that is not declared a mistake. Keys that are computed when a rule runs are not looked at.
    #[must_use]
    pub fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The type of an entry; `Err` with what is known instead when there can be none.
    pub(crate) fn of(&self, key: &str) -> Result<Option<&Type>, String> {
        let family = |(begins, ends, _): &&(String, String, Type)| {
            key.strip_prefix(begins.as_str())
                .and_then(|rest| rest.strip_suffix(ends.as_str()))
                .is_some_and(|rest| !rest.is_empty())
        };
        let found = self.named.get(key).or_else(|| self.families.iter().find(family).map(|(_, _, of)| of));
        if found.is_some() || !self.closed {
            return Ok(found);
        }
        let families = self.families.iter().map(|(begins, ends, _)| format!("{begins}{{}}{ends}"));
        let mut known: Vec<String> = self.named.keys().cloned().chain(families).collect();
        // Those that begin alike come first.
        let alike = |other: &str| key.bytes().zip(other.bytes()).take_while(|(one, two)| one == two).count();
        known.sort_by_key(|other| std::cmp::Reverse(alike(other)));
        known.truncate(12);
        Err(known.join(", "))
    }
}

/// Why a set of fields is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchema {
    /// A part of the path is no identifier, or a word that CEL reserves.
    #[error("'{0}' is not a path: names of letters, digits and '_' joined with '.', none of them reserved by CEL")]
    Path(String),
    /// The path is declared twice.
    #[error("'{0}' is declared twice")]
    Twice(String),
    /// One field lies inside another.
    #[error("'{0}' cannot be a field and at the same time hold other fields")]
    Nested(String),
    /// More fields than can be numbered.
    #[error("more than {0} fields")]
    TooMany(usize),
}

/// Words that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Fields a schema may have.
const MAX_FIELDS: usize = 65_535;

fn is_name(part: &str) -> bool {
    let mut bytes = part.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&part)
}

impl Schema {
    /// A schema built field by field.
    #[must_use]
    pub fn builder() -> SchemaBuilder {
        SchemaBuilder { fields: Vec::new() }
    }

    /// A schema of these fields.
    ///
    /// # Errors
    /// [`InvalidSchema`] names the first field that cannot stand.
    pub fn new(fields: Vec<Field>) -> Result<Self, InvalidSchema> {
        if fields.len() > MAX_FIELDS {
            return Err(InvalidSchema::TooMany(MAX_FIELDS));
        }
        let mut by_path = FxHashMap::default();
        let mut groups = FxHashSet::default();
        for (number, field) in fields.iter().enumerate() {
            if !field.path.split('.').all(is_name) {
                return Err(InvalidSchema::Path(field.path.clone()));
            }
            let id = PathId(u32::try_from(number).unwrap_or(u32::MAX));
            if by_path.insert(field.path.clone(), id).is_some() {
                return Err(InvalidSchema::Twice(field.path.clone()));
            }
            for (dot, _) in field.path.match_indices('.') {
                groups.insert(field.path[..dot].to_owned());
            }
        }
        match fields.iter().find(|field| groups.contains(&field.path)) {
            Some(field) => Err(InvalidSchema::Nested(field.path.clone())),
            None => Ok(Self { fields, by_path, groups, entries: FxHashMap::default() }),
        }
    }

    /// Says more of the entries of a map; what is no field of this schema is left out. It is not part of the serialised form.
    #[must_use]
    pub fn with_entries(mut self, path: &str, entries: EntryTypes) -> Self {
        if let Some(id) = self.path(path) {
            self.entries.insert(id, entries);
        }
        self
    }

    /// What is known of the entries of a field.
    pub(crate) fn entries(&self, id: PathId) -> Option<&EntryTypes> {
        self.entries.get(&id)
    }

    /// The number of a declared path.
    #[must_use]
    pub fn path(&self, path: &str) -> Option<PathId> {
        self.by_path.get(path).copied()
    }

    /// The declaration of a field of this schema.
    #[must_use]
    pub fn field(&self, id: PathId) -> Option<&Field> {
        self.fields.get(id.index())
    }

    /// Every field with its number, in order of declaration.
    pub fn fields(&self) -> impl Iterator<Item = (PathId, &Field)> {
        (0..).map(PathId).zip(&self.fields)
    }

    /// How many fields are declared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether declared fields lie below this path.
    pub(crate) fn is_group(&self, path: &str) -> bool {
        self.groups.contains(path)
    }

    /// The declared names that lie directly below `group` (`""`: the outermost), for messages.
    pub(crate) fn members(&self, group: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .fields
            .iter()
            .filter_map(|field| match group {
                "" => Some(field.path.as_str()),
                _ => field.path.strip_prefix(group)?.strip_prefix('.'),
            })
            .map(|rest| rest.split('.').next().unwrap_or(rest))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl TryFrom<Vec<Field>> for Schema {
    type Error = InvalidSchema;

    fn try_from(fields: Vec<Field>) -> Result<Self, InvalidSchema> {
        Self::new(fields)
    }
}

impl From<Schema> for Vec<Field> {
    fn from(schema: Schema) -> Self {
        schema.fields
    }
}

/// Collects the fields of a [`Schema`].
#[derive(Debug, Clone, Default)]
pub struct SchemaBuilder {
    fields: Vec<Field>,
}

impl SchemaBuilder {
    /// Declares a field.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>, of: Type) -> Self {
        self.fields.push(Field { path: path.into(), of });
        self
    }

    /// The schema.
    ///
    /// # Errors
    /// [`InvalidSchema`] names the first field that cannot stand.
    pub fn build(self) -> Result<Schema, InvalidSchema> {
        Schema::new(self.fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cannot_hold_another() {
        let refused = Schema::builder().field("a.b", Type::Int).field("a", Type::map(Type::Any)).build();
        assert_eq!(refused.unwrap_err(), InvalidSchema::Nested("a".into()));
    }

    #[test]
    fn names_are_checked() {
        for path in ["", "a.", ".a", "a..b", "a-b", "1a", "in", "a.while", "é"] {
            let refused = Schema::builder().field(path, Type::Int).build();
            assert_eq!(refused.unwrap_err(), InvalidSchema::Path(path.into()));
        }
        let twice = Schema::builder().field("a", Type::Int).field("a", Type::Bool).build();
        assert_eq!(twice.unwrap_err(), InvalidSchema::Twice("a".into()));
    }

    #[test]
    fn survives_json() {
        let schema = Schema::builder()
            .field("now", Type::Timestamp)
            .field("profile.tags", Type::list(Type::String))
            .field("context", Type::map(Type::String))
            .build()
            .unwrap();
        let text = serde_json::to_string(&schema).unwrap();
        assert!(text.contains(r#"{"path":"profile.tags","type":{"list":"string"}}"#), "{text}");
        let back: Schema = serde_json::from_str(&text).unwrap();
        assert_eq!(back.path("context").unwrap().index(), 2);
        assert!(serde_json::from_str::<Schema>(r#"[{"path":"a","type":"int","x":1}]"#).is_err());
        assert!(serde_json::from_str::<Schema>(r#"[{"path":"a","type":"int"},{"path":"a","type":"int"}]"#).is_err());
    }
}
