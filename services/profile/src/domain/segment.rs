//! Segments: rules in the one expression language over a document.
//!
//! | field | type | holds |
//! |---|---|---|
//! | `attributes` | map | values by name, of their declared types; one without a value is not there |
//! | `traits` | map | the declared traits, of their types; a name with a dot is read as `traits['count.page_view']`. What is not declared is refused, with its position |
//! | `tags` | list of text | the names of the tags |
//! | `consents` | map to bool | by `purpose` for all channels, by `purpose.channel` for one |
//! | `scores` | map to double | by model, of those that are valid |
//! | `now` | timestamp | the time of the evaluation |
//!
//! Predicates over events are traits: "opened within seven days and not bought after" is a trait `last_open` (`last_time` of
//! `opened`), one `last_buy` (`last_time` of `purchase`), one `opened_7d` (`exists` of `opened` with a window of `7d`), and the
//! rule `traits.opened_7d && (!has(traits.last_buy) || traits.last_buy <= traits.last_open)`.
//!
//! A rule is checked with types when it is written and runs without them, so that a declaration that goes does not end a
//! rule: what it names is not there then.

use std::sync::LazyLock;

use attune_expression::{EntryTypes, PathId, Program, Schema, Type, check_boolean, compile};
use attune_kernel::Violation;

use super::catalogue::Catalogue;
use super::schema::{Registry, Shape, Type as Declared};

/// What a rule may name, in the order of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Values by name.
    Attributes,
    /// Computed traits by name.
    Traits,
    /// The names of the tags.
    Tags,
    /// Words on consent.
    Consents,
    /// Scores by model.
    Scores,
    /// The time of the evaluation.
    Now,
}

impl Part {
    /// The part that a field of the schema is.
    #[must_use]
    pub const fn of(path: PathId) -> Option<Self> {
        Some(match path.index() {
            0 => Self::Attributes,
            1 => Self::Traits,
            2 => Self::Tags,
            3 => Self::Consents,
            4 => Self::Scores,
            5 => Self::Now,
            _ => return None,
        })
    }
}

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

/// The declared types of attributes. Numbers are whole or not as they come, so a double is known when the rule runs.
fn attributes(registry: &Registry) -> EntryTypes {
    registry.definitions().filter(|one| !one.id.ends_with('*')).fold(EntryTypes::default(), |types, one| {
        let of = match (one.shape, one.of) {
            (Shape::Single, Declared::String | Declared::Timestamp | Declared::Date) => Type::String,
            (Shape::Single, Declared::Int) => Type::Int,
            (Shape::Single, Declared::Bool) => Type::Bool,
            (Shape::Single, Declared::Double | Declared::Money) => Type::Any,
            (Shape::List | Shape::Set, _) => Type::list(Type::Any),
        };
        types.entry(&one.id, of)
    })
}

/// The schema with the types of what is declared, against which rules are checked.
#[must_use]
pub fn typed(registry: &Registry, catalogue: &Catalogue) -> Option<Schema> {
    let schema = SCHEMA.as_ref()?.clone();
    Some(schema.with_entries("attributes", attributes(registry)).with_entries("traits", catalogue.entries()))
}

/// What is wrong with a rule.
#[must_use]
pub fn check(field: &str, expression: &str, schema: Option<&Schema>) -> Vec<Violation> {
    schema.or(SCHEMA.as_ref()).map_or_else(Vec::new, |schema| check_boolean(field, expression, schema))
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

    /// Its rule, compiled.
    #[must_use]
    pub const fn program(&self) -> &Program {
        &self.program
    }
}

#[cfg(test)]
mod tests {
    use attune_kernel::Timestamp;

    use super::*;
    use crate::domain::batch::Batch;
    use crate::domain::catalogue;
    use crate::domain::document::{Attribute, Document, Tag};
    use crate::domain::rules::Rules;
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

    fn holds(document: &Document, rule: &str) -> bool {
        let rules = Rules::from(vec![Segment::new("s", rule).unwrap()]);
        let mut batch = Batch::new(vec![document.clone()]).under(&std::sync::Arc::new(rules));
        batch.change("p");
        batch.finish(Timestamp::default()).documents[0].segments.contains("s")
    }

    #[test]
    fn rules_read_attributes_tags_and_traits() {
        for (rule, expected) in [
            ("attributes.age > 40", true),
            ("attributes.age > 41", false),
            ("'vip' in tags", true),
            ("tags.exists(tag, tag.startsWith('v'))", true),
            ("traits.event_count == 0", true),
            // A missing attribute is an error, and an error is not satisfied.
            ("attributes.income > 1.0", false),
            ("has(attributes.income)", false),
            ("has(attributes.gone)", false),
            ("size(attributes) == 1 && 'age' in attributes", true),
            // Numbers of either kind compare, as the contract's own example does.
            ("traits.events_30d < 5.0", true),
            ("traits['event_count'] + 1 == 1", true),
            ("has(traits.never_declared)", false),
            ("'event_count' in traits && traits[attributes.age > 40 ? 'event_count' : 'x'] == 0", true),
            ("consents.marketing", false),
            ("scores.churn > 0.7", true),
            ("scores.old > 0.0", false),
            ("size(scores) == 1", true),
            ("now < timestamp('1970-01-02T00:00:00Z')", true),
        ] {
            assert_eq!(holds(&person(), rule), expected, "{rule}");
        }
    }

    #[test]
    fn a_rule_that_does_not_compile_is_named_with_its_position() {
        let found = check("expression", "attributes.age >", None);
        assert_eq!(found[0].field, "expression");
        assert!(found[0].description.starts_with("1:"), "{}", found[0].description);
        assert!(!check("expression", "unheard_of == 1", None).is_empty());
    }

    #[test]
    fn what_is_not_declared_or_of_another_type_is_refused_where_it_stands() {
        let registry = Registry::new(crate::domain::schema::standard().iter().cloned(), false);
        let schema = typed(&registry, &catalogue::default());
        let said =
            |rule: &str| check("expression", rule, schema.as_ref()).into_iter().map(|one| one.description).next();
        let found = said("true && traits.event_30d > 5").unwrap();
        assert!(found.starts_with("1:9") && found.contains("events_30d"), "{found}");
        for wrong in
            ["traits.events_30d == 'x'", "has(traits.x)", "traits['count.x'] == 'y'", "traits.last_channel > 5"]
        {
            assert!(said(wrong).is_some(), "{wrong}");
        }
        for right in [
            "traits.events_30d > 5.0 && traits['count.page_view'] >= 1",
            "timestamp(traits.last_event_time) < now && now - traits.last_event_time > duration('30d')",
            "attributes.anything_at_all == 'x'",
            "traits['sum.purchase.amount'] > 100.0",
        ] {
            assert_eq!(said(right), None, "{right}");
        }
    }
}
