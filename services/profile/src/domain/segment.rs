//! Segments: rules in the one expression language over a document.

use std::sync::LazyLock;

use attune_expression::{
    Elements, Entries, Outcome, PathId, Program, Schema, Source, Type, Value, ValueRef, check_boolean, compile,
};
use attune_kernel::{Timestamp, Violation};

use super::document::Document;

/// What a segment's rule may read: `attributes`, `traits` (maps of anything), `tags` (list of text), `consents` (map from
/// `purpose` or `purpose.channel` to true or false) and `now`.
pub static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    Schema::builder()
        .field("attributes", Type::map(Type::Any))
        .field("traits", Type::map(Type::Any))
        .field("tags", Type::list(Type::String))
        .field("consents", Type::map(Type::Bool))
        .field("now", Type::Timestamp)
        .build()
        .ok()
});

/// What is wrong with a rule.
#[must_use]
pub fn check(field: &str, expression: &str) -> Vec<Violation> {
    SCHEMA.as_ref().map_or_else(Vec::new, |schema| check_boolean(field, expression, schema))
}

/// A compiled segment.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its id.
    pub id: String,
    /// Rises when the rule changes.
    pub revision: String,
    program: Program,
}

impl Segment {
    /// Compiles a segment; `None` when its rule does not compile, which is refused when it is written.
    #[must_use]
    pub fn new(id: &str, revision: &str, expression: &str) -> Option<Self> {
        let program = compile(expression, SCHEMA.as_ref()?, Type::Bool).ok()?;
        Some(Self { id: id.to_owned(), revision: revision.to_owned(), program })
    }

    /// Whether a person is in it. A rule that fails, for example on a missing attribute, is not satisfied.
    #[must_use]
    pub fn holds(&self, reading: &Reading) -> bool {
        self.program.evaluate(reading) == Outcome::True
    }
}

/// A document as rules read it.
pub struct Reading {
    values: Vec<(PathId, Value)>,
}

impl Reading {
    /// The document as it is at `now`.
    #[must_use]
    pub fn new(document: &Document, now: Timestamp) -> Self {
        let Some(schema) = SCHEMA.as_ref() else { return Self { values: Vec::new() } };
        let map = |entries: Vec<(String, serde_json::Value)>| {
            let json = serde_json::Value::Object(entries.into_iter().collect());
            Value::from_json(&json, &Type::map(Type::Any))
        };
        let attributes = document.attributes.iter().map(|(name, one)| (name.clone(), one.value.clone())).collect();
        let traits = document.traits.at(now).into_iter().collect();
        let consents = document.consents.iter().map(|one| {
            let name =
                if one.channel.is_empty() { one.purpose.clone() } else { format!("{}.{}", one.purpose, one.channel) };
            (name, one.granted.into())
        });
        let tags = Value::from_json(&document.tags.keys().cloned().collect(), &Type::list(Type::String));
        let values = [
            ("attributes", map(attributes)),
            ("traits", map(traits)),
            ("tags", tags),
            ("consents", map(consents.collect())),
            ("now", Some(Value::Timestamp(now))),
        ];
        let values = values.into_iter().filter_map(|(path, value)| Some((schema.path(path)?, value?))).collect();
        Self { values }
    }
}

impl Source for Reading {
    fn read(&self, path: PathId) -> Option<ValueRef<'_>> {
        self.values.iter().find(|(known, _)| *known == path).map(|(_, value)| match value {
            Value::List(list) => ValueRef::List(&**list as &dyn Elements),
            Value::Map(map) => ValueRef::Map(&**map as &dyn Entries),
            Value::Timestamp(time) => ValueRef::Timestamp(*time),
            _ => ValueRef::Null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::{Attribute, Tag};

    fn person() -> Document {
        let mut document = Document::empty("p");
        let attribute = Attribute {
            value: 41.into(),
            source: String::new(),
            event_time: Timestamp::default(),
            received: Timestamp::default(),
        };
        document.set_attribute("age", attribute);
        document.tags.insert("vip".to_owned(), Tag { source: String::new(), added: Timestamp::default() });
        document
    }

    #[test]
    fn rules_read_attributes_tags_and_traits() {
        let reading = Reading::new(&person(), Timestamp::default());
        for (rule, holds) in [
            ("attributes.age > 40", true),
            ("attributes.age > 41", false),
            ("'vip' in tags", true),
            ("traits.event_count == 0", true),
            // A missing attribute is an error, and an error is not satisfied.
            ("attributes.income > 1.0", false),
            ("has(attributes.income)", false),
            ("now < timestamp('1970-01-02T00:00:00Z')", true),
        ] {
            assert_eq!(Segment::new("s", "1", rule).map(|segment| segment.holds(&reading)), Some(holds), "{rule}");
        }
    }

    #[test]
    fn a_rule_that_does_not_compile_is_named_with_its_position() {
        let found = check("expression", "attributes.age >");
        assert_eq!(found[0].field, "expression");
        assert!(found[0].description.starts_with("1:"), "{}", found[0].description);
        assert!(!check("expression", "unheard_of == 1").is_empty());
    }
}
