//! A person as a row: what rules over everybody at once read, by column.
//!
//! | column | holds |
//! |---|---|
//! | `attributes.<name>`, `traits.<name>`, `consents.<name>`, `scores.<model>` | as [`segment`](super::segment) has them |
//! | `tags` | the names of all tags, ascending |
//! | `segments` | the ids of the segments the person is in, ascending |
//!
//! What the time changes (traits of windows, consents and scores that end) is as of the time the row was made.

use attune_expression::{Type, Value};
use attune_kernel::Timestamp;

use super::catalogue::Catalogue;
use super::consent::Kind;
use super::document::Document;

/// The column of tags.
pub const TAGS: &str = "tags";
/// The column of segments.
pub const SEGMENTS: &str = "segments";
/// The groups whose entries are columns.
pub const GROUPS: [&str; 4] = ["attributes", "traits", "consents", "scores"];

/// Shows every value of a person with its column.
pub fn values(document: &Document, catalogue: &Catalogue, now: Timestamp, mut see: impl FnMut(&str, Value)) {
    let mut name = String::new();
    let mut put = |group: &str, key: &str, value: Option<Value>| {
        if let Some(value) = value {
            name.clear();
            name.push_str(group);
            name.push('.');
            name.push_str(key);
            see(&name, value);
        }
    };
    for (key, one) in document.values() {
        put("attributes", key, Value::from_json(&one.value, &Type::Any));
    }
    for (key, value) in catalogue.engine().named(&document.traits.values(catalogue, now)) {
        put("traits", &key, Some(value));
    }
    for one in document.consents.iter().filter(|one| one.kind == Kind::Word) {
        let granted = one.granted && one.until.is_none_or(|until| now < until);
        let key = if one.channel.is_empty() { one.purpose.clone() } else { format!("{}.{}", one.purpose, one.channel) };
        put("consents", &key, Some(Value::Bool(granted)));
    }
    for (model, one) in document.scores.iter().filter(|(_, one)| one.is_valid(now)) {
        put("scores", model, Some(Value::Double(one.value)));
    }
    let mut tags: Vec<&String> = document.tags.keys().chain(document.rule_tags.keys()).collect();
    tags.sort_unstable();
    tags.dedup();
    // A list that is empty is there too: a rule over it has a truth.
    see(TAGS, texts(tags.into_iter()));
    see(SEGMENTS, texts(document.segments.iter()));
}

fn texts<'t>(texts: impl Iterator<Item = &'t String>) -> Value {
    texts.map(String::as_str).collect::<Vec<_>>().into()
}

/// A column as an expression reads it, such as `traits['count.buy']`, and the test whether it is there; absent for a column
/// that rules do not read.
#[must_use]
pub fn reading(column: &str) -> Option<(String, String)> {
    let (group, key) = column.split_once('.').filter(|(group, key)| GROUPS.contains(group) && !key.is_empty())?;
    let mut quoted = String::with_capacity(key.len() + 2);
    for letter in key.chars() {
        if matches!(letter, '\'' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    Some((format!("{group}['{quoted}']"), format!("'{quoted}' in {group}")))
}

/// The rule that a column has at least, or more than, a number; without a value it is false and no error.
#[must_use]
pub fn high(column: &str, more: bool, than: f64) -> Option<String> {
    let (value, there) = reading(column)?;
    let relation = if more { ">" } else { ">=" };
    Some(format!("({there} && {value} {relation} {than:?})"))
}

/// Whether a column is one of those named: by its name, or by a beginning that ends in `.*`.
#[must_use]
pub fn named(names: &[String], column: &str) -> bool {
    names.iter().any(|name| match name.strip_suffix('*') {
        Some(start) if start.ends_with('.') => column.starts_with(start),
        _ => name == column,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::segment::Segment;

    #[test]
    fn columns_are_read_by_rules_that_compile() {
        for column in ["traits.events_30d", "traits.sum.buy.amount", "attributes.it's \\ odd", "scores.churn"] {
            let rule = high(column, true, 1e300).unwrap();
            assert!(Segment::new("s", &rule).is_some(), "{rule}");
            assert!(Segment::new("s", &high(column, false, -3.0).unwrap()).is_some());
        }
        assert!(high("tags", true, 1.0).is_none() && high("attributes.", true, 1.0).is_none());
        assert!(high("nothing.x", true, 1.0).is_none());
    }

    #[test]
    fn names_end_in_a_star_or_are_whole() {
        let names = ["attributes.*".to_owned(), "tags".to_owned(), "*".to_owned()];
        assert!(named(&names, "attributes.age") && named(&names, "tags") && !named(&names, "traits.x"));
    }
}
