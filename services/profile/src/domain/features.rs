//! A person as a row of texts, from which models learn and which they score.
//!
//! | value | text |
//! |---|---|
//! | number, length of time | the number; seconds |
//! | truth | `true`, `false` |
//! | time, day | how many days before the moment of the row it lies |
//! | map of single values | a column for each entry, `<column>.<key>` |
//! | tag | a column for each, `tags.<name>`, of `true` |
//!
//! Other lists have no column. A column that a person has no value in is missing, which models learn from as well.

use attune_expression::{Program, Value};
use attune_kernel::Timestamp;
use attune_learning::data::calendar;

use super::audience::{SEGMENTS, TAGS, named, values};
use super::catalogue::Catalogue;
use super::document::Document;
use super::schema::{Pii, Registry};
use super::segment::Part;

/// The most bytes of a text that is a value and not prose.
const MAX_TEXT: usize = 128;
/// The most entries of a map that are columns.
const MAX_ENTRIES: usize = 50;
/// Microseconds of a day.
const DAY: f64 = 86_400e6;
/// What is learned from where nothing is said.
const USUAL: [&str; 4] = ["attributes.*", "traits.*", "consents.*", "tags.*"];

/// Which columns are learned from.
#[derive(Debug, Clone)]
pub struct Columns {
    wanted: Vec<String>,
    ignored: Vec<String>,
}

impl Columns {
    /// Columns by name or by a beginning that ends in `.*`; without any, those that are usual.
    #[must_use]
    pub fn new(wanted: &[String], ignored: &[String]) -> Self {
        let usual = || USUAL.map(str::to_owned).to_vec();
        Self { wanted: if wanted.is_empty() { usual() } else { wanted.to_vec() }, ignored: ignored.to_vec() }
    }

    /// The same without what a rule reads. Of tags, which rules read as a list, those that its text names.
    #[must_use]
    pub fn without(mut self, rule: &Program) -> Self {
        for access in rule.reads() {
            let group = match Part::of(access.path()) {
                Some(Part::Attributes) => "attributes",
                Some(Part::Traits) => "traits",
                Some(Part::Consents) => "consents",
                Some(Part::Scores) => "scores",
                Some(Part::Tags) => {
                    let quoted = rule.source().split(['\'', '"']).skip(1).step_by(2);
                    self.ignored.extend(quoted.map(|name| format!("tags.{name}")));
                    continue;
                }
                Some(Part::Now) | None => continue,
            };
            self.ignored.extend(access.keys().first().map(|key| format!("{group}.{key}")));
        }
        self
    }

    /// Whether a column is among them. Sensitive attributes are only where one is named whole.
    #[must_use]
    pub fn holds(&self, column: &str, registry: &Registry) -> bool {
        if !named(&self.wanted, column) || named(&self.ignored, column) {
            return false;
        }
        let sensitive = column.strip_prefix("attributes.").is_some_and(|name| is_sensitive(registry, name));
        !sensitive || self.wanted.iter().any(|wanted| wanted == column)
    }
}

fn is_sensitive(registry: &Registry, name: &str) -> bool {
    registry.definition(name).is_some_and(|definition| definition.pii == Pii::Sensitive)
}

/// Shows every column of a person with its text, as of `now`.
pub fn texts(document: &Document, catalogue: &Catalogue, now: Timestamp, mut see: impl FnMut(&str, &str)) {
    let mut name = String::new();
    values(document, catalogue, now, |column, value| match (&value, column) {
        (_, SEGMENTS) => {}
        (Value::List(items), TAGS) => {
            for item in items.iter() {
                if let Value::String(tag) = item {
                    name.clear();
                    name.push_str("tags.");
                    name.push_str(tag);
                    see(&name, "true");
                }
            }
        }
        (Value::Map(entries), _) => {
            for (key, inner) in entries.iter().take(MAX_ENTRIES) {
                if let Some(text) = text(inner, now) {
                    name.clear();
                    name.push_str(column);
                    name.push('.');
                    name.push_str(key);
                    see(&name, &text);
                }
            }
        }
        _ => {
            if let Some(text) = text(&value, now) {
                see(column, &text);
            }
        }
    });
}

/// The text of a single value; none of what is no such value.
fn text(value: &Value, now: Timestamp) -> Option<String> {
    #[expect(clippy::cast_precision_loss, reason = "days need no microsecond")]
    let ago = |time: i64| format!("{}", (now.as_micros() as f64 - time as f64) / DAY);
    match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::Double(number) => number.is_finite().then(|| number.to_string()),
        Value::Timestamp(time) => Some(ago(time.as_micros())),
        #[expect(clippy::cast_precision_loss, reason = "as above")]
        Value::Duration(length) => Some((length.as_micros() as f64 / 1e6).to_string()),
        Value::String(text) if text.is_empty() || text.len() > MAX_TEXT => None,
        Value::String(text) => Some(match calendar::parse(text).filter(|_| text.contains('-')) {
            Some(day) => {
                #[expect(clippy::cast_precision_loss, reason = "as above")]
                let today = now.as_micros() as f64 / DAY;
                format!("{}", today - day)
            }
            None => text.to_string(),
        }),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::catalogue;
    use crate::domain::document::{Attribute, Tag};
    use crate::domain::schema;

    fn row(document: &Document, now: Timestamp) -> BTreeMap<String, String> {
        let mut row = BTreeMap::new();
        texts(document, &catalogue::default(), now, |column, text| {
            row.insert(column.to_owned(), text.to_owned());
        });
        row
    }

    #[test]
    fn every_kind_of_value_has_its_text() {
        let mut document = Document::empty("p");
        let now = Timestamp::from_seconds_nanos(10 * 86_400, 0).unwrap();
        for (name, value) in [
            ("age", serde_json::json!(41)),
            ("rich", serde_json::json!(true)),
            ("city", serde_json::json!("Seoul")),
            ("since", serde_json::json!("1970-01-04")),
            ("prose", serde_json::json!("x".repeat(200))),
            ("likes", serde_json::json!(["a", "b"])),
        ] {
            document.set_attribute(name, Attribute { value, ..Attribute::default() });
        }
        document.tags.insert("vip".to_owned(), Tag { source: String::new(), added: Timestamp::default() });
        let row = row(&document, now);
        let said = |column: &str| row.get(column).map(String::as_str);
        assert_eq!(said("attributes.age"), Some("41"));
        assert_eq!(said("attributes.rich"), Some("true"));
        assert_eq!(said("attributes.city"), Some("Seoul"));
        assert_eq!(said("attributes.since"), Some("7"));
        assert_eq!(said("tags.vip"), Some("true"));
        assert_eq!((said("attributes.prose"), said("attributes.likes"), said("segments")), (None, None, None));
        assert!(row.keys().any(|column| column.starts_with("traits.")));
    }

    #[test]
    fn columns_are_named_whole_or_by_their_beginning() {
        let registry = Registry::new(schema::standard().iter().cloned(), false);
        let usual = Columns::new(&[], &["traits.events_30d".to_owned()]);
        assert!(usual.holds("attributes.city", &registry) && usual.holds("tags.vip", &registry));
        assert!(!usual.holds("traits.events_30d", &registry) && !usual.holds("scores.churn", &registry));
        let scores = Columns::new(&["scores.*".to_owned()], &[]);
        assert!(scores.holds("scores.churn", &registry) && !scores.holds("attributes.city", &registry));
    }

    #[test]
    fn what_a_rule_reads_is_no_column() {
        let rule = "traits['count.buy'] > 0 && attributes.city == 'Seoul' && ('lost' in tags || scores.churn > 0.5)";
        let segment = crate::domain::segment::Segment::new("s", rule).unwrap();
        let columns = Columns::new(&["traits.*", "attributes.*", "tags.*", "scores.*"].map(str::to_owned), &[]);
        let without = columns.clone().without(segment.program());
        let registry = Registry::open();
        for read in ["traits.count.buy", "attributes.city", "tags.lost", "scores.churn"] {
            assert!(columns.holds(read, &registry) && !without.holds(read, &registry), "{read}");
        }
        assert!(without.holds("tags.vip", &registry) && without.holds("traits.count.view", &registry));
    }

    #[test]
    fn what_is_sensitive_is_learned_from_only_by_its_name() {
        let sensitive = schema::Definition { pii: Pii::Sensitive, ..schema::standard()[0].clone() };
        let column = format!("attributes.{}", sensitive.id);
        let registry = Registry::new([sensitive], false);
        assert!(!Columns::new(&[], &[]).holds(&column, &registry));
        assert!(!Columns::new(&["attributes.*".to_owned()], &[]).holds(&column, &registry));
        assert!(Columns::new(std::slice::from_ref(&column), &[]).holds(&column, &registry));
    }
}
