//! Segments: rules in the one expression language over a document.
//!
//! | field | type | holds |
//! |---|---|---|
//! | `attributes` | map | values by name; one without a value is not there |
//! | `traits` | map | as `Traits::at` has them; a name with a dot is read as `traits['count.page_view']`, times are texts: `timestamp(traits.last_event_time)` |
//! | `tags` | list of text | the names of the tags |
//! | `consents` | map to bool | by `purpose` for all channels, by `purpose.channel` for one |
//! | `scores` | map to double | by model, of those that are valid |
//! | `now` | timestamp | the time of the evaluation |

use std::sync::LazyLock;

use attune_expression::{
    Elements, Entries, Outcome, PathId, Program, Schema, Source, Type, Value, ValueRef, check_boolean, compile,
};
use attune_kernel::{Timestamp, Violation};

use super::consent::Kind;
use super::document::Document;

/// What a segment's rule may read; the module's documentation has the table. `None` cannot occur: the names are fixed and good.
pub static SCHEMA: LazyLock<Option<Schema>> = LazyLock::new(|| {
    Schema::builder()
        .field("attributes", Type::map(Type::Any))
        .field("traits", Type::map(Type::Any))
        .field("tags", Type::list(Type::String))
        .field("consents", Type::map(Type::Bool))
        .field("scores", Type::map(Type::Double))
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
    id: String,
    program: Program,
}

impl Segment {
    /// Compiles a segment; `None` when its rule does not compile, which is refused when it is written.
    #[must_use]
    pub fn new(id: &str, expression: &str) -> Option<Self> {
        let program = compile(expression, SCHEMA.as_ref()?, Type::Bool).ok()?;
        Some(Self { id: id.to_owned(), program })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its rule.
    #[must_use]
    pub fn source(&self) -> &str {
        self.program.source()
    }

    /// Whether a person is in it. A rule that fails, for example on a missing attribute, is not satisfied.
    #[must_use]
    pub fn holds(&self, reading: &Reading) -> bool {
        self.program.evaluate(reading) == Outcome::True
    }

    /// Whether time alone may change who is in it: its text names what time changes. True too often is only slow.
    #[must_use]
    pub fn may_read_time(&self) -> bool {
        ["now", "traits", "scores", "consents"].iter().any(|name| self.program.source().contains(name))
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
        Self::with_tags(document, now, document.tags.keys().chain(document.rule_tags.keys()))
    }

    /// The same without the tags that rules put on, as those rules read it: none depends on another.
    #[must_use]
    pub fn without_rule_tags(document: &Document, now: Timestamp) -> Self {
        Self::with_tags(document, now, document.tags.keys())
    }

    fn with_tags<'a>(document: &Document, now: Timestamp, tags: impl Iterator<Item = &'a String>) -> Self {
        let Some(schema) = SCHEMA.as_ref() else { return Self { values: Vec::new() } };
        let map = |entries: Vec<(String, serde_json::Value)>| {
            let json = serde_json::Value::Object(entries.into_iter().collect());
            Value::from_json(&json, &Type::map(Type::Any))
        };
        let attributes = document.values().map(|(name, one)| (name.clone(), one.value.clone())).collect();
        let traits = document.traits.at(now).into_iter().collect();
        let words = document.consents.iter().filter(|one| one.kind == Kind::Word);
        let consents = words.map(|one| {
            let name =
                if one.channel.is_empty() { one.purpose.clone() } else { format!("{}.{}", one.purpose, one.channel) };
            (name, (one.granted && one.until.is_none_or(|until| now < until)).into())
        });
        let scores = document.scores.iter().filter(|(_, one)| one.is_valid(now));
        let scores = scores.map(|(model, one)| (model.clone(), one.value.into()));
        let tags = Value::from_json(&tags.cloned().collect(), &Type::list(Type::String));
        let values = [
            ("attributes", map(attributes)),
            ("traits", map(traits)),
            ("tags", tags),
            ("consents", map(consents.collect())),
            ("scores", Value::from_json(&serde_json::Value::Object(scores.collect()), &Type::map(Type::Double))),
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
    use crate::domain::score::Score;

    fn person() -> Document {
        let mut document = Document::empty("p");
        let attribute = Attribute {
            value: 41.into(),
            source: String::new(),
            event_time: Timestamp::default(),
            ..Attribute::default()
        };
        document.set_attribute("gone", Attribute { value: serde_json::Value::Null, ..attribute.clone() });
        document.set_attribute("age", attribute);
        let score = |value, until| Score { value, until, ..Score::default() };
        document.record_score("p", "churn", score(0.75, None)).unwrap();
        document.record_score("p", "old", score(0.75, Some(Timestamp::default()))).unwrap();
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
            ("has(attributes.gone)", false),
            // Numbers of either kind compare, as the contract's own example does.
            ("traits.events_30d < 5.0", true),
            ("traits['event_count'] + 1 == 1", true),
            ("consents.marketing", false),
            ("scores.churn > 0.7", true),
            ("scores.old > 0.0", false),
            ("now < timestamp('1970-01-02T00:00:00Z')", true),
        ] {
            assert_eq!(Segment::new("s", rule).map(|segment| segment.holds(&reading)), Some(holds), "{rule}");
        }
    }

    #[test]
    fn time_is_seen() {
        let one = |id, rule| Segment::new(id, rule).unwrap();
        assert!(one("a", "traits.days_since_last_event > 30").may_read_time());
        assert!(one("a", "scores.churn > 0.5").may_read_time());
        assert!(!one("a", "'x' in tags").may_read_time());
    }

    #[test]
    fn a_rule_that_does_not_compile_is_named_with_its_position() {
        let found = check("expression", "attributes.age >");
        assert_eq!(found[0].field, "expression");
        assert!(found[0].description.starts_with("1:"), "{}", found[0].description);
        assert!(!check("expression", "unheard_of == 1").is_empty());
    }
}
